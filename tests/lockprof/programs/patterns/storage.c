/* SPDX-License-Identifier: Apache-2.0 */
/* Locks in storage that has a name of its own. */
#include "patterns.h"

struct statistics {
    unsigned long requests, failures;
    pthread_mutex_t statistics_lock; /* decl: struct_member */
};

struct shard {
    unsigned long keys;
    pthread_mutex_t lock; /* decl: array */
};

pthread_mutex_t global_database_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: global */
static pthread_mutex_t config_lock = PTHREAD_MUTEX_INITIALIZER;   /* decl: file_static */
pthread_rwlock_t routes_lock = PTHREAD_RWLOCK_INITIALIZER;        /* decl: global_rwlock */
static struct statistics statistics = {0, 0, PTHREAD_MUTEX_INITIALIZER};
static struct shard shards[4];
static _Thread_local pthread_mutex_t tls_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: tls */

unsigned long database_rows, config_reads, route_uses, sequence, thread_work;

static unsigned run_global(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&global_database_lock); /* call: global */
        database_rows++;
        pthread_mutex_unlock(&global_database_lock);
    }
    return ROUNDS;
}

static unsigned run_file_static(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&config_lock); /* call: file_static */
        config_reads++;
        pthread_mutex_unlock(&config_lock);
    }
    return ROUNDS;
}

static unsigned long next_number(void)
{
    static pthread_mutex_t sequence_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: function_stat */
    pthread_mutex_lock(&sequence_lock);                               /* call: function_stat */
    unsigned long number = ++sequence;
    pthread_mutex_unlock(&sequence_lock);
    return number;
}

static unsigned run_function_static(void)
{
    for (unsigned i = 0; i < ROUNDS; i++)
        next_number();
    return ROUNDS;
}

static unsigned run_global_rwlock(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_rwlock_rdlock(&routes_lock); /* call: global_rwlock */
        route_uses++;
        pthread_rwlock_unlock(&routes_lock);
        pthread_rwlock_wrlock(&routes_lock); /* call: global_rwlock */
        route_uses++;
        pthread_rwlock_unlock(&routes_lock);
    }
    return 2 * ROUNDS;
}

static unsigned run_struct_member(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&statistics.statistics_lock); /* call: struct_member */
        statistics.requests++;
        pthread_mutex_unlock(&statistics.statistics_lock);
    }
    return ROUNDS;
}

static unsigned run_array(void)
{
    pthread_mutex_init(&shards[2].lock, NULL); /* call: array */
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&shards[2].lock); /* call: array */
        shards[2].keys++;
        pthread_mutex_unlock(&shards[2].lock);
    }
    return ROUNDS;
}

static unsigned run_tls(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&tls_lock); /* call: tls */
        thread_work++;
        pthread_mutex_unlock(&tls_lock);
    }
    return ROUNDS;
}

const struct pattern storage_patterns[] = {
    {"global", run_global},
    {"file_static", run_file_static},
    {"function_stat", run_function_static},
    {"global_rwlock", run_global_rwlock},
    {"struct_member", run_struct_member},
    {"array", run_array},
    {"tls", run_tls},
    {NULL, NULL},
};
