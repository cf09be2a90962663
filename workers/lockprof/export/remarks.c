/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/remarks.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

void remarks_clear(struct remarks *remarks)
{
    for (size_t i = 0; i < remarks->count; i++)
        free(remarks->lines[i]);
    remarks->count = 0;
}

void remarks_fini(struct remarks *remarks)
{
    remarks_clear(remarks);
    free(remarks->lines);
    *remarks = (struct remarks){0};
}

void remarks_add(struct remarks *remarks, const char *fmt, ...)
{
    struct buf line = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&line, fmt, args);
    va_end(args);
    remarks->lines = mem_grow(remarks->lines, remarks->count, &remarks->capacity, sizeof *remarks->lines);
    remarks->lines[remarks->count++] = buf_steal(&line);
}

void remarks_unseen(struct remarks *remarks)
{
    static const char *const unseen[] = {
        "locks of statically linked programs (the library can't be preloaded there)",
        "locks taken by modules opened with RTLD_DEEPBIND, or bound to lock functions of their own",
        "locks inside the C library itself (malloc, stdio, the dynamic loader)",
        "locks made of futexes, atomics or inlined code (C++20 semaphores, Rust and Go locks, spin loops)",
    };
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
        remarks_add(remarks, "not seen: %s", unseen[i]);
}

void dropped_add(struct capture_dropped *sum, const struct capture_dropped *more)
{
    sum->lanes += more->lanes;
    sum->locks += more->locks;
    sum->slots += more->slots;
    sum->snapshots += more->snapshots;
    sum->shortened += more->shortened;
    sum->acquires += more->acquires;
    sum->holds += more->holds;
    sum->maps += more->maps;
}

void remarks_dropped(struct remarks *remarks, const struct capture_dropped *d)
{
    const struct {
        uint64_t count;
        const char *what;
    } all[] = {
        {d->acquires, "acquires that are in no sample"},
        {d->lanes, "threads beyond what is kept apart: their acquires are not counted"},
        {d->locks, "locks beyond what is kept apart: their acquires are not counted"},
        {d->slots, "stacks beyond what is kept apart: their acquires are not counted"},
        {d->snapshots, "stacks without a copy, since the memory for copies was full: shown by their innermost frame"},
        {d->shortened, "stacks copied in part, since the memory for copies was filling: shown without outer frames"},
        {d->holds, "releases without a hold time: their thread held too many locks at once"},
        {d->maps, "lists of modules that could not be read: names of modules opened then may be missing"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].count > 0)
            remarks_add(remarks, "dropped since the start: %" PRIu64 " %s", all[i].count, all[i].what);
}

void remarks_tables(struct remarks *remarks, const struct tables *t)
{
    size_t named = 0, missing = 0;
    if (t->stacks_cut > 0)
        remarks_add(remarks, "dropped since the start: outer frames of %zu stacks, beyond the %zu that are kept apart",
                    t->stacks_cut, TABLES_STACKS_MAX);
    if (t->strings_cut > 0)
        remarks_add(remarks, "dropped since the start: %zu names, beyond the %zu that are kept", t->strings_cut,
                    TABLES_STRINGS_MAX);
    for (size_t i = 0; i < t->mapping_count; i++) {
        const struct table_mapping *m = &t->mappings[i];
        missing += m->why != 0;
        if (m->why != 0 && named < REMARKS_MODULES_MAX) {
            remarks_add(remarks, "no debug information: %s: %s", t->strings[m->path], t->strings[m->why]);
            named++;
        }
    }
    if (missing > named)
        remarks_add(remarks, "no debug information: %zu further modules", missing - named);
}
