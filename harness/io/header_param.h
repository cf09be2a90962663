/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a header value: `; name=value; name="value"` (RFC 9110 section 5.6.6, RFC 7578 section 4.2). Pure.
 */
#ifndef LOCKTRAIL_IO_HEADER_PARAM_H
#define LOCKTRAIL_IO_HEADER_PARAM_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Where the reader stands in a value. `text` is borrowed; `at` is an offset in it. */
struct header_params {
    const char *text;
    size_t size;
    size_t at;
};

/* A letter, a digit or one of !#$%&'*+-.^_`|~ (RFC 9110 section 5.6.2). */
bool header_is_token(char c);

/* Reads the text before the first ';' (a media type, "form-data") into `out`, without the spaces around it, in lower
 * case. */
void header_value_read(struct header_params *p, struct buf *out);

/* Reads the next parameter: 1 with its name in lower case and its value, 0 at the end. In a quoted value \" and
 * \\ stand for " and \ ; every other backslash is itself, since file names of other systems have them. Errors: -1, code
 * ERR_INPUT, the place as "character N" from 1. */
int header_params_next(struct header_params *p, struct buf *name, struct buf *value, struct err *e);

#endif
