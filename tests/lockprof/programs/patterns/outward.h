/* SPDX-License-Identifier: Apache-2.0 */
/* A program's own lock functions. */
#ifndef PATTERNS_OUTWARD_H
#define PATTERNS_OUTWARD_H

#include "patterns.h"

/* Ends the program where it fails. */
void take(pthread_mutex_t *mutex);
/* The failure is the caller's; nothing is left to do after the call. */
int take_tail(pthread_mutex_t *mutex);
void give(pthread_mutex_t *mutex);

#endif
