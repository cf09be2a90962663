/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that come and go at ever other addresses, and what else lies there afterwards: sessions, and a connection
 * that is a global variable, initialised by the same call. 2 threads. Prints the acquires of each of the three locks,
 * and of a guard on the stack.
 *
 *     crowd OBJECTS */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT 64
/* One in so many places is that of a session the next time; one in so many connections is freed without a destroy. */
#define SESSIONS 5
#define FORGOTTEN 7

struct connection {
    long uses;
    pthread_mutex_t connection_lock;
};

struct session {
    pthread_mutex_t session_lock;
    char name[sizeof(struct connection)];
};

struct place {
    struct connection *connection;
    struct session *session;
};

static struct connection reserve;
static long objects;
static _Atomic long connections, sessions, reserves, guards;
static unsigned noise[2] = {1, 2};

__attribute__((noinline)) static void connection_init(struct connection *connection)
{
    connection->uses = 0;
    pthread_mutex_init(&connection->connection_lock, NULL);
}

__attribute__((noinline)) static void connection_use(struct connection *connection)
{
    pthread_mutex_lock(&connection->connection_lock);
    connection->uses++;
    pthread_mutex_unlock(&connection->connection_lock);
}

__attribute__((noinline)) static void reserve_use(void)
{
    pthread_mutex_lock(&reserve.connection_lock);
    reserve.uses++;
    pthread_mutex_unlock(&reserve.connection_lock);
    reserves++;
}

__attribute__((noinline)) static void session_use(struct session *session)
{
    pthread_mutex_lock(&session->session_lock);
    session->name[0]++;
    pthread_mutex_unlock(&session->session_lock);
}

__attribute__((noinline)) static void guard_use(long i)
{
    pthread_mutex_t guard_lock;
    pthread_mutex_init(&guard_lock, NULL);
    pthread_mutex_lock(&guard_lock);
    noise[i & 1]++;
    pthread_mutex_unlock(&guard_lock);
    pthread_mutex_destroy(&guard_lock);
    guards++;
}

static void clear(struct place *place, long i)
{
    if (place->session)
        pthread_mutex_destroy(&place->session->session_lock);
    if (place->connection && i % FORGOTTEN)
        pthread_mutex_destroy(&place->connection->connection_lock);
    free(place->session);
    free(place->connection);
    *place = (struct place){0};
}

static void fill(struct place *place, long i, unsigned *seed)
{
    if (i % SESSIONS == 0) {
        place->session = calloc(1, sizeof(*place->session) + (unsigned)rand_r(seed) % 400);
        pthread_mutex_init(&place->session->session_lock, NULL);
        session_use(place->session);
        sessions++;
        return;
    }
    place->connection = malloc(sizeof(*place->connection) + (unsigned)rand_r(seed) % 400);
    connection_init(place->connection);
    for (int k = 0; k < 3; k++)
        connection_use(place->connection);
    connections += 3;
}

static void *serve(void *argument)
{
    struct place *places = calloc(KEPT, sizeof(*places));
    unsigned *seed = argument;
    for (long i = 0; i < objects; i++) {
        struct place *place = &places[(unsigned)rand_r(seed) % KEPT];
        clear(place, i);
        fill(place, i, seed);
        if (i % 16 == 0)
            guard_use(i);
    }
    for (int i = 0; i < KEPT; i++)
        clear(&places[i], 1);
    free(places);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    unsigned seeds[2] = {7, 11};
    objects = argc > 1 ? atol(argv[1]) : 1;
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, serve, &seeds[i]) != 0)
            abort();
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    connection_init(&reserve);
    for (int i = 0; i < 100; i++)
        reserve_use();
    printf("%ld %ld %ld %ld\n", connections, sessions, reserves, guards);
    return 0;
}
