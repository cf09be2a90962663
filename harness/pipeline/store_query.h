/* SPDX-License-Identifier: Apache-2.0 */
/* The list request of a profile store: JSON in, what is asked for out. Internal to the store. Pure; fuzzed.
 *
 *   {"filter":{"from":TIME,"to":TIME,"query":"service:shop env:prod key:\"two words\""},
 *    "sort":{"order":"desc","field":"timestamp"},"limit":100}
 *
 * Each member may be missing. TIME is a text of RFC 3339, or milliseconds since 1970. */
#ifndef LOCKTRAIL_PIPELINE_STORE_QUERY_H
#define LOCKTRAIL_PIPELINE_STORE_QUERY_H

#include "pipeline/intake.h"
#include "pipeline/intake_time.h"

/* Uploads in one answer, and how many where the request does not say. An upload has half a KiB in a list. */
#define STORE_LIST_MAX 5000
#define STORE_LIST_DEFAULT 100
/* Terms of one query; our own client sends four. */
#define STORE_TERMS_MAX 64

struct store_query {
    bool has_from, has_to;
    struct intake_time from, to; /* both included */
    struct upload_tag *terms;    /* all of them must be among an upload's tags */
    size_t term_count;
    bool ascending; /* by timestamp; else the newest come first */
    size_t limit;
};

/* Errors say what was expected at which member. Code ERR_INPUT, *out is empty then. */
int store_query_read(const char *text, size_t size, struct store_query *out, struct err *e);
void store_query_fini(struct store_query *q);

bool store_query_fits(const struct store_query *q, const struct intake_time *at, const struct upload_tag *tags,
                      size_t tag_count);

/* Appends `key:value` in the form that is read here, as Datadog's search has it: a value of other characters than
 * letters, digits and _.-/ stands in quotes, where \ stands before " and \ . */
void store_query_term(struct buf *out, const char *key, const char *value);

#endif
