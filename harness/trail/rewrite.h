/* SPDX-License-Identifier: Apache-2.0 */
/* How one label became another: the rule, for a person. */
#ifndef LOCKTRAIL_TRAIL_REWRITE_H
#define LOCKTRAIL_TRAIL_REWRITE_H

#include "base/buf.h"
#include "trail/work.h"

enum rewrite {
    REWRITE_SHORTENED,     /* a proper prefix of itself */
    REWRITE_CASE,          /* other letters' case */
    REWRITE_CHARACTERS,    /* characters replaced, letters and digits as before */
    REWRITE_PREFIX_ADDED,  /* something stands in front */
    REWRITE_SUFFIX_ADDED,  /* something stands behind */
    REWRITE_NAME_REPLACED, /* the same site with another name */
    REWRITE_REPLACED       /* nothing of it is left */
};

enum rewrite rewrite_classify(const struct label *before, const struct label *after);

/* Whether `after` is exactly the FILE:LINE of `before`, which had a name. */
bool rewrite_is_site(const struct label *before, const struct label *after);

/* Appends the rule: "lower-cased", "'prod-' put before it", "'_' replaced by '-'" ... */
void rewrite_describe(const struct label *before, const struct label *after, struct buf *out);

/* Letters and digits in lower case, each run of anything else as one '_'. For the caller to free. */
char *rewrite_canonical(const char *text);

#endif
