/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that several files of the service share, with the lock that guards them. */
#ifndef NATIVE_PATTERNS_MODULE_LIMITS_H
#define NATIVE_PATTERNS_MODULE_LIMITS_H

#include <pthread.h>
#include <stdint.h>

#define LIMITS_KEPT 16

extern pthread_mutex_t limits_lock;
extern uint32_t limits[LIMITS_KEPT];

#endif
