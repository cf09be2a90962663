/* SPDX-License-Identifier: Apache-2.0 */
/* A shared library whose symbols are hidden but for its functions. */
#include "patterns.h"

#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

struct handle {
    int number;
    pthread_mutex_t handle_lock; /* decl: library_member */
};

static pthread_mutex_t handles_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: library_static */
pthread_mutex_t options_lock = PTHREAD_MUTEX_INITIALIZER;        /* decl: library_hidden */

static unsigned long handles, options;

EXPORTED unsigned library_static(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&handles_lock); /* call: library_static */
        handles++;
        pthread_mutex_unlock(&handles_lock);
    }
    return ROUNDS;
}

EXPORTED unsigned library_hidden(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&options_lock); /* call: library_hidden */
        options++;
        pthread_mutex_unlock(&options_lock);
    }
    return ROUNDS;
}

EXPORTED unsigned library_member(void)
{
    struct handle *handle = calloc(1, sizeof(*handle));
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&handle->handle_lock); /* call: library_member */
        handle->number++;
        pthread_mutex_unlock(&handle->handle_lock);
    }
    free(handle);
    return ROUNDS;
}
