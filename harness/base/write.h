/* SPDX-License-Identifier: Apache-2.0 */
/* Writing to a descriptor that blocks. */
#ifndef LOCKTRAIL_BASE_WRITE_H
#define LOCKTRAIL_BASE_WRITE_H

#include <stddef.h>

/* Writes all bytes, going on after short writes and signals. 0, or -1 with errno. Any thread. */
int write_all(int fd, const void *bytes, size_t size);

#endif
