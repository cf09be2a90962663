/* SPDX-License-Identifier: Apache-2.0 */
/* A tap that runs, or what one has left. Internal to tapping. */
#ifndef LOCKTRAIL_ENGINE_TAPPING_INTERNAL_H
#define LOCKTRAIL_ENGINE_TAPPING_INTERNAL_H

#include "engine/tapping.h"
#include "engine/tapping_copies.h"
#include "engine/tapping_flow.h"
#include "io/spare.h"
#include "pipeline/store.h"

/* That end it: SIGINT, SIGTERM, SIGHUP. */
#define TAPPING_SIGNALS 3
/* What says that a directory is a tap's. */
#define TAPPING_MARK "tap.json"

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
    struct flow_part *first, *last; /* that wait for the thread */
    uv_work_t work;
    struct flow_part *working;
    size_t waiting, waiting_bytes; /* with the one that is worked at */
    uint64_t stored;               /* number of the store's last upload */
    bool stopping, server_closed, closing;
    bool store_only; /* read again: it was the end of the way */
};

#endif
