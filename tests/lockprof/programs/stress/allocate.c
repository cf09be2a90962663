/* SPDX-License-Identifier: Apache-2.0 */
/* 4 threads that allocate and free, also under a lock of their own. Where the malloc is locking_malloc.c's it prints
 * `BEFORE_MAIN CLASSES POOL`, acquires of its locks when main began and when all was done; else nothing. Ends by _exit,
 * since an exit would allocate and free after the numbers were taken. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 20000

void malloc_acquires(unsigned long *of_classes, unsigned long *of_pool) __attribute__((weak));

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static void *list[64];

static void *work(void *argument)
{
    unsigned seed = (unsigned)(size_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = (size_t)rand_r(&seed) % 3000;
        char *memory = malloc(size + 1);
        memset(memory, i, size + 1);
        pthread_mutex_lock(&list_lock);
        void **place = &list[rand_r(&seed) % 64];
        void *old = *place;
        *place = memory;
        if (i % 2)
            old = realloc(old, size + 10);
        pthread_mutex_unlock(&list_lock);
        free(old);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    unsigned long early = 0, early_pool = 0, classes, pool;
    if (malloc_acquires)
        malloc_acquires(&early, &early_pool);
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)) != 0)
            abort();
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (malloc_acquires) {
        char text[100];
        malloc_acquires(&classes, &pool);
        int size = snprintf(text, sizeof(text), "%lu %lu %lu\n", early + early_pool, classes, pool);
        if (write(1, text, (size_t)size) != size)
            _exit(1);
    }
    _exit(0);
}
