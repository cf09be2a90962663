/* SPDX-License-Identifier: Apache-2.0 */
/* What a wait for a condition waited for the mutex: seen from outside of libc by what other threads do. */
#ifndef LOCKPROF_CAPTURE_CONDITION_H
#define LOCKPROF_CAPTURE_CONDITION_H

#include <stdint.h>

/* A mutex that a condition is waiting with was released by the caller, which is marked in its held entry. */
void condition_released(uint64_t mutex, uint64_t now);

#endif
