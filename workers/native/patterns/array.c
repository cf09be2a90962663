/* SPDX-License-Identifier: Apache-2.0 */
/* Shards of a counter: in a static array, where the index is proved by the address, and in an array on the heap that is
 * only reached by pointer and index. Nothing in the debug information says how many elements that one has, so its index
 * would be a guess. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

#define SHARDS 3
#define LANES 2

struct shard {
    uint64_t hits;
    pthread_mutex_t shard_lock; // lock: array/shard_lock exact -- shards[2].shard_lock; by symbol, shards+0x78
    struct tally counted;
};

struct lane {
    uint64_t waiting;
    pthread_mutex_t lane_lock; // lock: array/lane_lock generic -- the index of an array on the heap is not proved
    struct tally counted;
};

struct counter {
    const struct io *io;
    struct lane *lanes;
};

static struct shard shards[SHARDS];

static void hit(void *service, unsigned worker, uint64_t turn)
{
    struct counter *c = service;
    size_t s = turn % SHARDS, l = turn % LANES;
    tally_ask(&shards[s].counted);
    pthread_mutex_lock(&shards[s].shard_lock); // acquire: array/shard_lock
    tally_take(&shards[s].counted);
    shards[s].hits += checksum(worker, turn) % 2;
    io_wait(c->io, IO_FIRST);
    tally_leave(&shards[s].counted);
    pthread_mutex_unlock(&shards[s].shard_lock);

    tally_ask(&c->lanes[l].counted);
    pthread_mutex_lock(&c->lanes[l].lane_lock); // acquire: array/lane_lock
    tally_take(&c->lanes[l].counted);
    c->lanes[l].waiting++;
    io_wait(c->io, 1);
    tally_leave(&c->lanes[l].counted);
    pthread_mutex_unlock(&c->lanes[l].lane_lock);
}

void array_serve(struct phase *phase)
{
    struct counter counter = {.io = phase_io(phase), .lanes = calloc(LANES, sizeof *counter.lanes)};
    if (!counter.lanes)
        abort();
    for (size_t i = 0; i < SHARDS; i++) {
        tally_init(&shards[i].counted, "array/shard_lock", 1);
        tally_within(&shards[i].counted, &shards[i].shard_lock, shards, "shards");
        pthread_mutex_init(&shards[i].shard_lock, NULL); // init: array/shard_lock
        tally_made(&shards[i].counted);
    }
    for (size_t i = 0; i < LANES; i++) {
        tally_init(&counter.lanes[i].counted, "array/lane_lock", 1);
        pthread_mutex_init(&counter.lanes[i].lane_lock, NULL); // init: array/lane_lock
        tally_made(&counter.lanes[i].counted);
    }
    phase_run(phase, hit, &counter);
    for (size_t i = 0; i < LANES; i++)
        pthread_mutex_destroy(&counter.lanes[i].lane_lock);
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&shards[i].shard_lock);
    free(counter.lanes);
}
