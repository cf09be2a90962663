/* SPDX-License-Identifier: Apache-2.0 */
/* Forks under load: 4 threads lock, main forks CHILDREN children that lock and leave by _exit, every third with a
 * thread of its own and every fifth with a child of its own. The program's own atfork handlers lock as well.
 *
 *     forks CHILDREN      prints `LOAD CHILD ATFORK` acquires of the three locks in all processes */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define CHILD_ACQUIRES 10

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t child_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t atfork_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong load_acquires;
static atomic_bool stop;
static volatile unsigned long work;

static void before(void)
{
    pthread_mutex_lock(&atfork_lock);
}

static void after(void)
{
    pthread_mutex_unlock(&atfork_lock);
}

static void *load(void *unused)
{
    while (!stop) {
        pthread_mutex_lock(&load_lock);
        work++;
        load_acquires++;
        pthread_mutex_unlock(&load_lock);
    }
    return unused;
}

static void *child_work(void *unused)
{
    for (int i = 0; i < CHILD_ACQUIRES; i++) {
        pthread_mutex_lock(&child_lock);
        work++;
        pthread_mutex_unlock(&child_lock);
    }
    return unused;
}

/* Returns how many times the child's lock is acquired, its own children's included. */
static unsigned long child_total(int number)
{
    return CHILD_ACQUIRES * (1UL + (number % 3 == 0) + (number % 5 == 0));
}

static void child(int number)
{
    pthread_t thread;
    child_work(NULL);
    if (number % 3 == 0 && (pthread_create(&thread, NULL, child_work, NULL) != 0 || pthread_join(thread, NULL) != 0))
        _exit(2);
    if (number % 5 == 0) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            child_work(NULL);
            _exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0)
            _exit(3);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int children = argc > 1 ? atoi(argv[1]) : 10;
    unsigned long total = 0, forks = 0;
    pthread_atfork(before, after, after);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, load, NULL) != 0)
            abort();
    for (int i = 0; i < children; i++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
            child(i);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
            fprintf(stderr, "child %d: status %x\n", i, status);
            return 1;
        }
        total += child_total(i);
        forks += 1 + (i % 5 == 0);
    }
    stop = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%lu %lu %lu\n", load_acquires, total, forks);
    return 0;
}
