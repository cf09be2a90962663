/* SPDX-License-Identifier: Apache-2.0 */
/* A tap that runs, or what one has left. Internal to tapping. */
#ifndef LOCKTRAIL_ENGINE_TAPPING_INTERNAL_H
#define LOCKTRAIL_ENGINE_TAPPING_INTERNAL_H

#include "engine/tapping.h"
#include "engine/tapping_copies.h"
#include "engine/tapping_flow.h"
#include "engine/tapping_reader.h"
#include "io/spare.h"
#include "pipeline/store.h"

/* That end it: SIGINT, SIGTERM, SIGHUP. */
#define TAPPING_SIGNALS 3
/* What says that a directory is a tap's. */
#define TAPPING_MARK "tap.json"

/* Parts that wait for libuv's threads, and the one that it works at. */
struct tapping_queue {
    struct flow_part *first, *last, *working;
    uv_work_t work;
};

struct tapping {
    const struct tapping_options *options;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t signals[TAPPING_SIGNALS];
    struct disk *disk;
    struct tap *tap;
    struct store *store;
    struct tapping_copies *copies;
    struct spare spare; /* for profiles that wait to be read */
    struct tapping_judge *judge;
    struct tapping_names names;
    struct tapping_counts counts;
    struct flow *flows;
    struct tapping_queue hashing;
    struct tapping_reader *reader;
    size_t waiting, waiting_bytes; /* parts, with those that are read */
    uint64_t stored;               /* number of the store's last upload */
    bool stopping, server_closed, closing;
    int64_t ended_ms; /* when the loop ended; 0 where there was none */
    bool store_only;  /* read again: it was the end of the way */
};

/* Makes it, with the mark, a copy of the ledger, and the folders that are written to. Code ERR_WRITE. */
int tapping_directory_make(const struct tapping_options *options, struct err *e);

/* Takes it away again where the tap could not be started, so that the next try finds the directory as this one did. */
void tapping_directory_unmake(const struct tapping_options *options);

#endif
