/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that are acquired through a program's own functions, and through a global pointer. */
#include "outward.h"

#include <stdlib.h>

struct queue {
    unsigned long length;
    pthread_mutex_t queue_lock; /* decl: wrapper */
};

struct table {
    unsigned long rows;
    pthread_mutex_t table_lock; /* decl: wrapper_tail */
};

struct journal {
    unsigned long entries;
    pthread_mutex_t journal_lock; /* decl: wrapper_inline */
};

struct app {
    unsigned long requests;
    pthread_mutex_t app_lock; /* decl: global_pointer */
};

static struct app *g_app;

static inline void take_inline(pthread_mutex_t *mutex)
{
    if (pthread_mutex_lock(mutex) != 0) /* call: wrapper_inline */
        abort();
}

static unsigned run_wrapper(void)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    for (unsigned i = 0; i < ROUNDS; i++) {
        take(&queue->queue_lock);
        queue->length++;
        give(&queue->queue_lock);
    }
    free(queue);
    return ROUNDS;
}

static unsigned run_wrapper_tail(void)
{
    struct table *table = calloc(1, sizeof(*table));
    for (unsigned i = 0; i < ROUNDS; i++) {
        take_tail(&table->table_lock); /* call: wrapper_tail */
        table->rows++;
        give(&table->table_lock);
    }
    free(table);
    return ROUNDS;
}

static unsigned run_wrapper_inline(void)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    for (unsigned i = 0; i < ROUNDS; i++) {
        take_inline(&journal->journal_lock);
        journal->entries++;
        give(&journal->journal_lock);
    }
    free(journal);
    return ROUNDS;
}

__attribute__((noinline)) static void app_request(void)
{
    pthread_mutex_lock(&g_app->app_lock); /* call: global_pointer */
    g_app->requests++;
    pthread_mutex_unlock(&g_app->app_lock);
}

static unsigned run_global_pointer(void)
{
    g_app = calloc(1, sizeof(*g_app));
    for (unsigned i = 0; i < ROUNDS; i++)
        app_request();
    free(g_app);
    g_app = NULL;
    return ROUNDS;
}

const struct pattern outward_patterns[] = {
    {"wrapper", run_wrapper},
    {"wrapper_tail", run_wrapper_tail},
    {"wrapper_inline", run_wrapper_inline},
    {"global_pointer", run_global_pointer},
    {NULL, NULL},
};
