/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to io/child.c. */
#ifndef LOCKTRAIL_IO_CHILD_LIMIT_H
#define LOCKTRAIL_IO_CHILD_LIMIT_H

#include <stdint.h>

/* The soft limit that child_raise_descriptors found; 0 where it has raised nothing. */
uint64_t child_descriptors_before(void);

#endif
