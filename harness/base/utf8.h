/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef LOCKTRAIL_BASE_UTF8_H
#define LOCKTRAIL_BASE_UTF8_H

#include <stddef.h>

/* Length in bytes (1-4) of the character at `at`, or 0 where no valid one begins. */
size_t utf8_length(const char *at, size_t available);

/* Offset of the first byte that is not part of a valid character; `size` if all are. */
size_t utf8_valid(const char *text, size_t size);

#endif
