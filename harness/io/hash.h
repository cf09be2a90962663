/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of a copy, as `sha256sum` prints it. */
#ifndef LOCKTRAIL_IO_HASH_H
#define LOCKTRAIL_IO_HASH_H

#include <stddef.h>

#define HASH_TEXT_SIZE 65 /* 64 hexadecimal digits and a zero */

void hash_text(const void *bytes, size_t size, char out[HASH_TEXT_SIZE]);

#endif
