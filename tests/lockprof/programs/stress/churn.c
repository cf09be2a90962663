/* SPDX-License-Identifier: Apache-2.0 */
/* Objects made, locked and destroyed again, as connections of a server: 2 threads, OBJECTS each, 3 acquires each.
 *
 *     churn OBJECTS [bare]     bare: without init and destroy, zeroed memory is the lock */
#include <pthread.h>
#include <stdlib.h>

struct connection {
    long uses;
    pthread_mutex_t connection_lock;
};

static long objects;
static int bare;

static void *serve(void *unused)
{
    for (long i = 0; i < objects; i++) {
        struct connection *connection = calloc(1, sizeof(*connection));
        if (!bare)
            pthread_mutex_init(&connection->connection_lock, NULL);
        for (int k = 0; k < 3; k++) {
            pthread_mutex_lock(&connection->connection_lock);
            connection->uses++;
            pthread_mutex_unlock(&connection->connection_lock);
        }
        if (!bare)
            pthread_mutex_destroy(&connection->connection_lock);
        free(connection);
    }
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    objects = argc > 1 ? atol(argv[1]) : 1;
    bare = argc > 2;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, serve, NULL) != 0)
            abort();
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
