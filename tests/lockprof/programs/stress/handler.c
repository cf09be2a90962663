/* SPDX-License-Identifier: Apache-2.0 */
/* A signal handler that locks, on an alternate stack of little size, while the interrupted code locks new locks all the
 * time. Prints `HANDLER MAIN`: acquires of `handler_lock` and of the members `main_lock`. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES 2000
#define ALTERNATE_STACK (16 << 10)
/* So many objects are new ones: enough that signals hit the first acquire of many, and far from any capacity. */
#define OBJECTS 10000

struct object {
    pthread_mutex_t main_lock;
    char data[64];
};

static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t handled;
static pthread_t main_thread;

static void on_signal(int number)
{
    (void)number;
    pthread_mutex_lock(&handler_lock);
    handled++;
    pthread_mutex_unlock(&handler_lock);
}

/* The next signal is sent as soon as the last one was handled, so that they come at all places. */
static void *interrupt(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        pthread_kill(main_thread, SIGUSR1);
        while (handled == i)
            sched_yield();
    }
    return unused;
}

static struct object *object_new(void)
{
    struct object *object = calloc(1, sizeof(*object));
    if (!object)
        abort();
    pthread_mutex_init(&object->main_lock, NULL);
    return object;
}

int main(void)
{
    stack_t stack = {.ss_sp = malloc(ALTERNATE_STACK), .ss_size = ALTERNATE_STACK};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct object *object = object_new();
    unsigned long acquires = 0;
    pthread_t thread;
    main_thread = pthread_self();
    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0 ||
        pthread_create(&thread, NULL, interrupt, NULL) != 0)
        return 1;
    for (int made = 0; handled < TIMES; made++) {
        if (made < OBJECTS)
            object = object_new();
        for (int i = 0; i < 3; i++) {
            pthread_mutex_lock(&object->main_lock);
            acquires++;
            pthread_mutex_unlock(&object->main_lock);
        }
    }
    pthread_join(thread, NULL);
    printf("%d %lu\n", (int)handled, acquires);
    return 0;
}
