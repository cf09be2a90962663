/* SPDX-License-Identifier: Apache-2.0 */
/* The value of the label `lock name`: FILE:LINE, then :NAME if the collector found one. */
#ifndef LOCKTRAIL_PROFILE_LABEL_H
#define LOCKTRAIL_PROFILE_LABEL_H

#include <stdbool.h>
#include <stddef.h>

/* Parts of a value, borrowed from it; name_size 0 where it has no name. */
struct label {
    const char *file;
    size_t file_size;
    unsigned line;
    const char *name;
    size_t name_size;
};

/* Splits by ^(.*):(\d+)(?::(\S+))?$, greedy in the first group (ddtrace's own form). False, and *out untouched, where
 * the value is not of that form or the line does not fit. */
bool label_parse(const char *value, size_t size, struct label *out);

#endif
