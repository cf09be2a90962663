/* SPDX-License-Identifier: Apache-2.0 */
/* Programs started out of a program with load.
 *
 *     images exec N       locks 10 times, then executes itself with N - 1, at last 0
 *     images vfork N      2 threads lock while main starts N times `images leaf` by vfork and exec
 *     images spawn N      the same by posix_spawn
 *     images thread N     executes itself out of a thread while another one locks
 *     images leaf         locks 10 times
 * vfork, spawn: prints how often the load's lock was acquired. */
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pthread_mutex_t image_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong load_acquires;
static atomic_bool stop;
static volatile unsigned long work;

static void leaf(void)
{
    for (int i = 0; i < 10; i++) {
        pthread_mutex_lock(&image_lock);
        work++;
        pthread_mutex_unlock(&image_lock);
    }
}

static void *load(void *unused)
{
    while (!stop) {
        pthread_mutex_lock(&load_lock);
        load_acquires++;
        pthread_mutex_unlock(&load_lock);
    }
    return unused;
}

static void again(char *self, char *what, int times)
{
    char number[20];
    snprintf(number, sizeof(number), "%d", times);
    execv(self, (char *[]){self, what, number, NULL});
    perror("execv");
    exit(1);
}

struct again {
    char *self;
    int times;
};

static void *again_thread(void *argument)
{
    struct again *orders = argument;
    leaf();
    again(orders->self, "thread", orders->times);
    return NULL;
}

static int start_children(char *self, int times, int with_vfork)
{
    char *arguments[] = {self, "leaf", NULL};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, load, NULL) != 0)
            abort();
    for (int i = 0; i < times; i++) {
        pid_t pid;
        int status = 0;
        if (!with_vfork) {
            if (posix_spawn(&pid, self, NULL, NULL, arguments, environ) != 0)
                return 1;
        } else {
            pid = vfork();
            if (pid == 0) {
                execv(self, arguments);
                _exit(127);
            }
        }
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return 1;
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("%lu\n", load_acquires);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 64;
    int times = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(argv[1], "vfork") == 0 || strcmp(argv[1], "spawn") == 0)
        return start_children(argv[0], times, argv[1][0] == 'v');
    if (strcmp(argv[1], "thread") == 0 && times > 0) {
        pthread_t threads[2];
        struct again orders = {argv[0], times - 1};
        pthread_create(&threads[0], NULL, load, NULL);
        pthread_create(&threads[1], NULL, again_thread, &orders);
        pthread_join(threads[1], NULL);
        return 1;
    }
    leaf();
    if (strcmp(argv[1], "exec") == 0 && times > 0)
        again(argv[0], "exec", times - 1);
    return 0;
}
