/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4). Pure. */
#ifndef LOCKTRAIL_BASE_BASE64_H
#define LOCKTRAIL_BASE_BASE64_H

#include "base/buf.h"

#include <stddef.h>

/* Appends what the text stands for. -1 where it is none; what is appended then means nothing. */
int base64_read(const char *text, size_t size, struct buf *out);

#endif
