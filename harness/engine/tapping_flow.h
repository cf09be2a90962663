/* SPDX-License-Identifier: Apache-2.0 */
/* One upload from its arrival to the line that tells of it: what came, what its profiles are, what became of it.
 * Internal to tapping. */
#ifndef LOCKTRAIL_ENGINE_TAPPING_FLOW_H
#define LOCKTRAIL_ENGINE_TAPPING_FLOW_H

#include "base/json.h"
#include "engine/tapping.h"
#include "io/hash.h"

/* "copies/18446744073709551615.pprof" and a zero. */
#define FLOW_COPY_SIZE 40

struct flow;

/* A profile of it. Hashed and read on a thread, the rest on the loop. */
struct flow_part {
    struct flow *flow;
    struct flow_part *next; /* in the queue of those that wait for a thread */
    char *name;
    size_t size;
    struct buf bytes; /* until it is kept */
    char hash[HASH_TEXT_SIZE];
    struct profile *profile;
    char *unreadable;
    uint64_t copy; /* number; 0 none */
    bool equal;
    struct tapping_judged judged;
    struct buf meta; /* description, begun; empty where it is not kept */
    struct json_out meta_out;
};

/* `upload` and `exchange` come in any order; both are copied. */
struct flow {
    struct flow *next;
    void *owner;
    uint64_t number;
    bool told;      /* it is an upload */
    bool done;      /* its exchange is over */
    size_t waiting; /* parts that wait for a thread */
    struct flow_part *parts;
    size_t part_count;
    char *rejected, *runtime_id, *service, *instance, *start, *end;
    char *method, *path, *error;
    uint64_t size, answer_size;
    int next_status, status;
    double ms;
};

struct flow *flow_new(void *owner, uint64_t number);
void flow_free(struct flow *flow);

/* What the upload says of itself; its profiles have no bytes yet. */
void flow_take_upload(struct flow *flow, const struct upload *upload);
void flow_take_exchange(struct flow *flow, const struct tap_exchange *exchange);

/* Copies a profile's bytes and begins its description. */
void flow_take_bytes(struct flow *flow, size_t part, const struct upload *upload);

/* On any thread: the hash of the part's bytes; what is in them, and their hash where it is not known yet. */
void flow_hash(struct flow_part *part);
void flow_read(struct flow_part *part);

/* Ends the description of a part whose copy is new, when all is known; the caller's. */
void flow_end_description(struct flow_part *part, struct buf *out);

/* One line of exchanges.jsonl, with its newline. */
void flow_line(const struct flow *flow, struct buf *out);

/* As an event shows it. `profiles` has room for all parts. Borrows from the flow. */
void flow_show(const struct flow *flow, struct tapping_profile *profiles, char (*copies)[FLOW_COPY_SIZE],
               struct tapping_upload *out);

#endif
