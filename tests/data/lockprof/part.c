/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object with locks of its own, linked to part_main.c. */
#include "part.h"

struct part {
    int kind;
    pthread_mutex_t part_lock;
};

static __thread pthread_mutex_t library_tls_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t library_static_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t library_global_lock = PTHREAD_MUTEX_INITIALIZER;

struct part *part_new(void)
{
    struct part *made = calloc(1, sizeof *made);
    pthread_mutex_init(&made->part_lock, NULL);
    return made;
}

const void *part_lock_address(struct part *part)
{
    return &part->part_lock;
}

const void *part_tls_address(void)
{
    return &library_tls_lock;
}

const void *part_static_address(void)
{
    return &library_static_lock;
}

void part_use(struct part *part)
{
    pthread_mutex_lock(&part->part_lock);
    part->kind++;
    pthread_mutex_unlock(&part->part_lock);
    pthread_mutex_lock(&library_tls_lock);
    pthread_mutex_unlock(&library_tls_lock);
    pthread_mutex_lock(&library_static_lock);
    pthread_mutex_unlock(&library_static_lock);
}

void part_call(void (*callback)(void *), void *argument)
{
    callback(argument);
}

void part_lock(pthread_mutex_t *given)
{
    pthread_mutex_lock(given);
}
