/* SPDX-License-Identifier: Apache-2.0 */
/* A module that the program opens while it runs. */
#include "patterns.h"

#include <stdlib.h>

struct plugin {
    int calls;
    pthread_mutex_t plugin_lock; /* decl: module_member */
};

static pthread_mutex_t plugins_lock = PTHREAD_MUTEX_INITIALIZER;                  /* decl: module_static */
static _Thread_local pthread_mutex_t plugin_tls_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: module_tls */
static unsigned long plugins;

static unsigned run_static(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&plugins_lock); /* call: module_static */
        plugins++;
        pthread_mutex_unlock(&plugins_lock);
    }
    return ROUNDS;
}

static unsigned run_member(void)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&plugin->plugin_lock); /* call: module_member */
        plugin->calls++;
        pthread_mutex_unlock(&plugin->plugin_lock);
    }
    free(plugin);
    return ROUNDS;
}

static unsigned run_tls(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&plugin_tls_lock); /* call: module_tls */
        plugins++;
        pthread_mutex_unlock(&plugin_tls_lock);
    }
    return ROUNDS;
}

extern const struct pattern module_patterns[];
const struct pattern module_patterns[] = {
    {"module_static", run_static},
    {"module_member", run_member},
    {"module_tls", run_tls},
    {NULL, NULL},
};
