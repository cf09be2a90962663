/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKPROF_CORPUS_PART_H
#define LOCKPROF_CORPUS_PART_H

#include <pthread.h>
#include <stdlib.h>

struct part; /* opaque to its users */

extern pthread_mutex_t library_global_lock;
struct part *part_new(void);
const void *part_lock_address(struct part *part);
const void *part_tls_address(void);
const void *part_static_address(void);
void part_use(struct part *part);
void part_call(void (*callback)(void *), void *argument);
void part_lock(pthread_mutex_t *given);

#endif
