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
    uint32_t call;               /* of the calls, plus 1; 0: not asked yet */
};

/* What one snapshot says of its lock. */
struct call_name {
    uint32_t label, name, file; /* strings; 0: none */
    uint32_t line;
    uint8_t source; /* enum name_source */
    bool from_parameter, from_global;
};

/* A lock, and how sure it is that what lies at its address is one lock. Where memory is used again and nothing destroys
 * or initialises the lock there (std::mutex, static initialisers), the capture can't tell the two apart. */
struct lock_state {
    struct call_name best;
    bool is_asked;
    bool has_init; /* its init call was seen: what an unproved call takes there has the name that others prove */
    bool is_init;  /* `best` is of the init call */
    bool disputed; /* two calls prove different declarations: each name holds for its call alone */
};

/* One call with its stack: by snapshot, since threads share them. */
struct call_state {
    uint64_t offset; /* of the snapshot; 0: there is none */
    uint32_t stack;  /* of the tables */
    struct call_name name;
};

struct call_states {
    struct call_state *items;
    size_t count, capacity;
    struct intern index; /* by offset; element i is `order`'s */
    uint32_t *order;
    size_t order_capacity;
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
    struct call_states calls;
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
