/* SPDX-License-Identifier: Apache-2.0 */
/* One capture file as a collector knows it: what was counted in it before, and how its locks and stacks are called.
 * Internal to the collector. */
#ifndef LOCKPROF_EXPORT_SOURCE_H
#define LOCKPROF_EXPORT_SOURCE_H

#include "lockprof/export/exported.h"
#include "lockprof/export/images.h"
#include "lockprof/export/samples.h"

struct slot_state {
    struct slot_counts exported; /* at the last commit */
    struct slot_counts now;      /* at the last reading */
    uint32_t stack;              /* of the tables; 0: not asked yet */
};

struct lock_state {
    uint32_t label; /* string; 0: not named yet */
    uint16_t tried; /* snapshots that were asked */
    uint8_t source; /* enum name_source */
    bool is_init;   /* the name is of the init call's snapshot */
};

/* Stacks by snapshot: threads share them. */
struct snapshot_states {
    uint64_t *offsets;
    uint32_t *stacks;
    size_t offset_capacity, stack_capacity;
    struct intern index;
};

struct source {
    char *name, *path;
    int32_t pid;
    unsigned long sequence;
    uint64_t process_start; /* 0: not read yet */
    bool listed;            /* in the directory at the last look */
    bool in_use;            /* at the last look */
    bool ended;             /* not in use before the last reading: all its counts were read */
    bool opened;            /* read at least once */
    bool told;              /* a problem of it was told */
    bool empty;             /* never begun: nothing to export */
    struct slot_state *slots;
    size_t slot_count, slot_capacity;
    struct lock_state *locks;
    size_t lock_count;
    struct snapshot_states snapshots;
    struct capture_dropped dropped;
    uint32_t rate;
    bool holds;
    int64_t start_ns, last_ns; /* wall clock of its first count (or last commit) and of its last sign of life */
};

/* What a reading needs of the collector. */
struct reading {
    struct tables *tables;
    struct images *images;
    struct samples *samples; /* out: the differences are added */
    struct buf *problems;    /* out: a line each */
    bool with_pid;           /* samples tell their process */
};

void source_fini(struct source *source);

/* Reads the file's counts. A file that can't be read is told once its process is gone. */
void source_read(struct source *source, struct reading *reading);

/* What was read is exported; said beside the file too, where its process goes on. */
void source_commit(struct source *source, int64_t end_ns);

#endif
