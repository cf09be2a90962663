/* SPDX-License-Identifier: Apache-2.0 */
/* 16 threads with 300 freshly allocated objects each: the lock is acquired at once, and in its object 1 to 7 times.
 * Prints `ADDRESS ACQUIRES` for each lock, the shared one's last. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 16
#define OBJECTS 300

struct connection {
    unsigned number, uses;
    pthread_mutex_t connection_lock; /* decl: connection */
    char buffer[40];
};

static pthread_mutex_t accept_lock = PTHREAD_MUTEX_INITIALIZER; /* decl: accept */
static struct connection *connections[THREADS][OBJECTS];
static unsigned accepted;

static struct connection *connection_open(unsigned number)
{
    struct connection *connection = malloc(sizeof(*connection));
    if (!connection)
        abort();
    connection->number = number;
    connection->uses = 1;
    pthread_mutex_init(&connection->connection_lock, NULL);
    pthread_mutex_lock(&connection->connection_lock);
    pthread_mutex_unlock(&connection->connection_lock);
    return connection;
}

static void *serve(void *argument)
{
    struct connection **mine = argument;
    for (unsigned i = 0; i < OBJECTS; i++) {
        pthread_mutex_lock(&accept_lock);
        unsigned number = accepted++;
        pthread_mutex_unlock(&accept_lock);
        mine[i] = connection_open(number);
        for (unsigned k = 0; k < i % 7; k++) {
            pthread_mutex_lock(&mine[i]->connection_lock);
            mine[i]->uses++;
            pthread_mutex_unlock(&mine[i]->connection_lock);
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, serve, connections[i]) != 0)
            abort();
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned k = 0; k < OBJECTS; k++)
            printf("%p %u\n", (void *)&connections[i][k]->connection_lock, connections[i][k]->uses);
    printf("%p %u\n", (void *)&accept_lock, accepted);
    return 0;
}
