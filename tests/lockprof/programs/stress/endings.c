/* SPDX-License-Identifier: Apache-2.0 */
/* 4 threads lock; the program ends in the middle of it.
 *
 *     endings HOW FILE    HOW: _exit, kill, abort, segv, exit, return
 * FILE receives each thread's count of acquires (4 unsigned 64-bit), which the thread adds to while it holds its lock:
 * after the end an acquire was or was not counted there, so the truth is the number or one more. The thread that ends
 * the program locks `last_lock` 100 times before. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 4
#define ENOUGH 20000

static pthread_mutex_t busy_locks[THREADS];
static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile uint64_t *counts;
static volatile unsigned long work;

static void *load(void *argument)
{
    size_t number = (size_t)argument;
    char name[16];
    snprintf(name, sizeof(name), "load-%zu", number);
    pthread_setname_np(pthread_self(), name);
    for (;;) {
        pthread_mutex_lock(&busy_locks[number]);
        counts[number]++;
        pthread_mutex_unlock(&busy_locks[number]);
    }
    return NULL;
}

static void end(const char *how)
{
    if (strcmp(how, "_exit") == 0)
        _exit(3);
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "segv") == 0)
        raise(SIGSEGV);
    if (strcmp(how, "exit") == 0)
        exit(4);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    int fd = open(argv[2], O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        return 1;
    counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counts == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        pthread_mutex_init(&busy_locks[i], NULL);
        if (pthread_create(&thread, NULL, load, (void *)i) != 0)
            abort();
    }
    for (size_t i = 0; i < THREADS; i++)
        while (counts[i] < ENOUGH)
            usleep(100);
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&last_lock);
        work++;
        pthread_mutex_unlock(&last_lock);
    }
    end(argv[1]);
    return 0;
}
