/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKPROF_CAPTURE_LANES_H
#define LOCKPROF_CAPTURE_LANES_H

#include "lockprof/capture/library.h"

#include <stdarg.h>

/* The calling thread's state under its present name, taken over from its old one; NULL: no lane is left. */
struct state *lane_attach(void);
/* A thread (by its thread pointer, which is what pthread_t is) has a new name. */
void lane_renamed(uint64_t thread);
/* Once: what is needed to hear of a thread's end. */
void lane_init(void);

#endif
