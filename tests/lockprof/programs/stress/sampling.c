/* SPDX-License-Identifier: Apache-2.0 */
/* `rare_lock` ROUNDS times, each followed by STEP - 1 times `often_lock`: a program in step with a sampler that takes
 * every STEP-th; then `plain_lock` ROUNDS times in a row.
 *
 *     sampling ROUNDS STEP */
#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t rare_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t often_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t plain_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile long work;

static void *run(void *argument)
{
    char **argv = argument;
    long rounds = atol(argv[1]), step = atol(argv[2]);
    for (long i = 0; i < rounds; i++) {
        pthread_mutex_lock(&rare_lock);
        work++;
        pthread_mutex_unlock(&rare_lock);
        for (long k = 1; k < step; k++) {
            pthread_mutex_lock(&often_lock);
            work++;
            pthread_mutex_unlock(&often_lock);
        }
    }
    for (long i = 0; i < rounds; i++) {
        pthread_mutex_lock(&plain_lock);
        work++;
        pthread_mutex_unlock(&plain_lock);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 3 || pthread_create(&thread, NULL, run, argv) != 0)
        return 64;
    pthread_join(thread, NULL);
    return 0;
}
