/* SPDX-License-Identifier: Apache-2.0 */
/* Locks on a thread's stack, shared with threads that it starts and waits for. */
#include "patterns.h"

#include <stdlib.h>

/* Not static, and one for each thread function, lest a compiler make one of all. */
unsigned long done, alias_done, untyped_done;

static unsigned run_local(void)
{
    pthread_mutex_t gather_lock;            /* decl: local */
    pthread_mutex_init(&gather_lock, NULL); /* call: local */
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&gather_lock); /* call: local */
        done++;
        pthread_mutex_unlock(&gather_lock);
    }
    pthread_mutex_destroy(&gather_lock);
    return ROUNDS;
}

static void *result_thread(void *argument)
{
    pthread_mutex_t *lk = argument; /* decl: local_thread */
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(lk); /* call: local_thread */
        done++;
        pthread_mutex_unlock(lk);
    }
    return NULL;
}

/* A thread has it first, under another name. */
static unsigned run_local_thread(void)
{
    pthread_mutex_t result_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: local_thread */
    in_thread(result_thread, &result_lock);
    pthread_mutex_lock(&result_lock); /* call: local_thread */
    unsigned long seen = done;
    pthread_mutex_unlock(&result_lock);
    if (seen == 0)
        abort();
    return ROUNDS + 1;
}

static void *untyped_thread(void *lk)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(lk); /* call: untyped */
        untyped_done++;
        pthread_mutex_unlock(lk);
    }
    return NULL;
}

static void alias_work(pthread_mutex_t *lk) /* decl: alias */
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(lk); /* call: alias */
        alias_done++;
        pthread_mutex_unlock(lk);
    }
}

static void *alias_thread(void *argument)
{
    alias_work(argument);
    return NULL;
}

/* Nobody but threads acquires it, and they know it by a parameter only. */
static unsigned run_alias(void)
{
    pthread_mutex_t batch_lock = PTHREAD_MUTEX_INITIALIZER;
    in_thread(alias_thread, &batch_lock);
    return ROUNDS;
}

/* The same by a parameter without type: nothing tells what it is. */
static unsigned run_untyped(void)
{
    pthread_mutex_t batch_lock = PTHREAD_MUTEX_INITIALIZER;
    in_thread(untyped_thread, &batch_lock);
    return ROUNDS;
}

static unsigned descend(pthread_mutex_t *tree_lock, unsigned depth)
{
    pthread_mutex_lock(tree_lock); /* call: recursive */
    unsigned below = depth > 1 ? descend(tree_lock, depth - 1) : 0;
    pthread_mutex_unlock(tree_lock);
    return below + 1;
}

static unsigned run_recursive(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t walk_lock; /* decl: recursive */
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&walk_lock, &attributes); /* call: recursive */
    unsigned acquires = descend(&walk_lock, 3);
    pthread_mutex_destroy(&walk_lock);
    pthread_mutexattr_destroy(&attributes);
    return acquires;
}

const struct pattern stack_patterns[] = {
    {"local", run_local},     {"local_thread", run_local_thread}, {"alias", run_alias},
    {"untyped", run_untyped}, {"recursive", run_recursive},       {NULL, NULL},
};
