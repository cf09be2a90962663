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
    struct item **items = calloc(count, sizeof(*items));
    for (size_t i = 0; i < count; i++) {
        items[i] = calloc(1, sizeof(**items));
        pthread_mutex_lock(&items[i]->item_lock);
        items[i]->uses++;
        pthread_mutex_unlock(&items[i]->item_lock);
    }
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&late_lock);
        work++;
        pthread_mutex_unlock(&late_lock);
    }
    return 0;
}
