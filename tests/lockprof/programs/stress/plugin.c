/* SPDX-License-Identifier: Apache-2.0 */
/* Found by $ORIGIN in its opener's RUNPATH; with NEXT it opens another one by its own RUNPATH. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t plugin_lock = PTHREAD_MUTEX_INITIALIZER;

void plugin_use(void);
void plugin_use(void)
{
#ifdef NEXT
    void *module = dlopen(NEXT, RTLD_NOW);
    void (*next_use)(void) = module ? (void (*)(void))dlsym(module, "plugin_use") : NULL;
    if (!next_use) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    next_use();
#endif
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&plugin_lock);
        pthread_mutex_unlock(&plugin_lock);
    }
}
