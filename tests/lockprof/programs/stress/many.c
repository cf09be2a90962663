/* SPDX-License-Identifier: Apache-2.0 */
/* COUNT locks at once, each acquired once, and one afterwards a thousand times.
 *
 *     many COUNT */
#include <pthread.h>
#include <stdlib.h>

struct item {
    long uses;
    pthread_mutex_t item_lock;
};

static pthread_mutex_t late_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile long work;

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    for (size_t i = 0; i < count; i++) {
        struct item *item = calloc(1, sizeof(*item)); /* kept: every lock has an address of its own */
        pthread_mutex_lock(&item->item_lock);
        item->uses++;
        pthread_mutex_unlock(&item->item_lock);
    }
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&late_lock);
        work++;
        pthread_mutex_unlock(&late_lock);
    }
    return 0;
}
