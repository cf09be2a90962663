/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock, which somebody may set. */
#ifndef LOCKTRAIL_BASE_CLOCK_H
#define LOCKTRAIL_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since 1970, UTC. Any thread. */
int64_t clock_wall_ns(void);

/* The same in whole milliseconds. */
int64_t clock_wall_ms(void);

#endif
