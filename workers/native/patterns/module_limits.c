/* SPDX-License-Identifier: Apache-2.0 */
#include "native/patterns/module_limits.h"

pthread_mutex_t limits_lock = PTHREAD_MUTEX_INITIALIZER; // lock: module/limits_lock exact symbol -- taken in module.c
uint32_t limits[LIMITS_KEPT];
