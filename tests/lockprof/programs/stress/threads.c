/* SPDX-License-Identifier: Apache-2.0 */
/* Thousands of short threads, 8 at a time; the thread in place k is named `place-k` and locks k + 1 times.
 *
 *     threads TIMES */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define AT_ONCE 8

static pthread_mutex_t place_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile unsigned long work;

static void *run(void *argument)
{
    size_t place = (size_t)argument;
    char name[16];
    snprintf(name, sizeof(name), "place-%zu", place);
    pthread_setname_np(pthread_self(), name);
    for (size_t i = 0; i <= place; i++) {
        pthread_mutex_lock(&place_lock);
        work++;
        pthread_mutex_unlock(&place_lock);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[AT_ONCE];
    int times = argc > 1 ? atoi(argv[1]) : 1;
    for (int i = 0; i < times; i++) {
        for (size_t k = 0; k < AT_ONCE; k++)
            if (pthread_create(&threads[k], NULL, run, (void *)k) != 0)
                abort();
        for (size_t k = 0; k < AT_ONCE; k++)
            pthread_join(threads[k], NULL);
    }
    return 0;
}
