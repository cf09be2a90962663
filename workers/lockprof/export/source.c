/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/source.h"

#include "base/mem.h"
#include "lockprof/export/demangle.h"
#include "lockprof/export/in_use.h"
#include "lockprof/export/symbolize.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The label of a lock whose maps are lost: in the labels' form, and no place of any program. */
#define LABEL_UNKNOWN "unknown:0"
/* Snapshots that are looked at before the file's pages are let go: each has up to two, and they would be the most of
 * our memory. */
#define RESIDENT_SNAPSHOTS 1024

struct open_source {
    struct source *source;
    struct reading *reading;
    struct capture_file file;
    size_t asked; /* snapshots, since pages were let go */
};

void source_fini(struct source *source)
{
    free(source->name);
    free(source->path);
    free(source->slots);
    free(source->locks);
    free(source->calls.items);
    free(source->calls.order);
    intern_fini(&source->calls.index);
    *source = (struct source){0};
}

static void tell(struct source *source, struct reading *reading, const struct err *e)
{
    if (!source->told)
        buf_printf(reading->problems, "%s\n", e->text);
    source->told = true;
}

/* --- names and stacks --------------------------------------------------------------------------------------------- */

/* What is known of a call without a snapshot: its return address. */
static struct capture_snapshot make_snapshot(const struct open_source *o, uint64_t lock, uint32_t call, uint64_t caller)
{
    struct capture_snapshot made = {.record = {RECORD_SNAPSHOT, sizeof made},
                                    .lock = lock,
                                    .call = call,
                                    .maps = o->file.header->last_maps,
                                    .known = UINT64_C(1) << (CAPTURE_REGISTERS - 1)};
    made.registers[CAPTURE_REGISTERS - 1] = caller;
    return made;
}

static struct image *find_image(struct open_source *o, const struct capture_snapshot *snapshot)
{
    struct err e;
    const struct capture_maps *maps = capture_file_maps(&o->file, snapshot->maps);
    if (!maps)
        maps = capture_file_maps(&o->file, o->file.header->last_maps);
    if (!maps) {
        err_set(&e, ERR_INPUT, "%s: has no list of modules, its locks and stacks have no names", o->source->path);
        tell(o->source, o->reading, &e);
        return NULL;
    }
    struct image *image = images_get(o->reading->images, &o->file, images_newest(&o->file, maps), &e);
    if (!image) {
        err_wrap(&e, "%s: its locks and stacks have no names", o->source->path);
        tell(o->source, o->reading, &e);
    }
    return image;
}

static char *string_or_null(const struct tables *tables, uint32_t string)
{
    return string ? tables->strings[string] : NULL;
}

static struct lock_name as_lock_name(const struct tables *tables, const struct call_name *name)
{
    return (struct lock_name){.source = name->source,
                              .from_parameter = name->from_parameter,
                              .from_global = name->from_global,
                              .name = string_or_null(tables, name->name),
                              .file = string_or_null(tables, name->file),
                              .line = name->line};
}

/* The label, an ELF symbol of C++ in it as the source has it. */
static uint32_t keep_label(struct tables *tables, const struct lock_name *name)
{
    char *variable = name->source == NAME_SYMBOL ? demangle_variable(name->name) : NULL;
    if (!variable)
        return tables_string(tables, name->label);
    size_t size = strlen(name->label), tail = strlen(name->name);
    char *label = mem_printf("%.*s%s", (int)(size > tail ? size - tail : 0), name->label, variable);
    uint32_t kept = tables_string(tables, label);
    free(label);
    free(variable);
    return kept;
}

static struct call_name keep_name(struct tables *tables, const struct lock_name *name)
{
    return (struct call_name){.label = keep_label(tables, name),
                              .name = name->name ? tables_string(tables, name->name) : 0,
                              .file = name->file ? tables_string(tables, name->file) : 0,
                              .line = name->line,
                              .source = (uint8_t)name->source,
                              .from_parameter = name->from_parameter,
                              .from_global = name->from_global};
}

static void take_name(struct open_source *o, struct lock_state *lock, const struct call_name *name, bool is_init)
{
    const struct tables *tables = o->reading->tables;
    lock->is_asked = true;
    lock->has_init = lock->has_init || is_init;
    if (name->label == 0)
        return; /* the tables are full */
    struct lock_name asked = as_lock_name(tables, name), known = as_lock_name(tables, &lock->best);
    lock->disputed = lock->disputed || lock_name_contradicts(&asked, &known);
    if (lock->best.label != 0 && !lock_name_better(&asked, is_init, &known, lock->is_init))
        return;
    lock->best = *name;
    lock->is_init = is_init;
}

/* What a call's lock is called: what the call itself proves, or what is proved elsewhere if that is surely of the same
 * lock. */
static uint32_t label_of(const struct lock_state *lock, const struct call_name *call)
{
    bool proved = call->source <= NAME_PATH && call->file;
    bool shared = !lock->disputed && (proved || lock->has_init);
    return shared || call->label == 0 ? lock->best.label : call->label;
}

/* The file keeps them. */
static void let_pages_go(struct open_source *o)
{
    if (++o->asked % RESIDENT_SNAPSHOTS == 0)
        madvise((void *)(uintptr_t)o->file.bytes, o->file.size, MADV_DONTNEED);
}

/* Asks a snapshot for its lock's name and its stack. */
static struct call_state ask(struct open_source *o, size_t index, enum capture_kind kind,
                             const struct capture_snapshot *snapshot, bool is_init)
{
    struct frame frames[FRAMES_MAX];
    struct tables *tables = o->reading->tables;
    struct call_state call = {0};
    let_pages_go(o);
    struct image *image = find_image(o, snapshot);
    size_t count = image ? frames_of(image->modules, snapshot, frames, FRAMES_MAX) : 0;
    if (!is_init)
        call.stack = count > 0 ? symbolize_stack(tables, image, frames, count)
                               : symbolize_unknown(tables, snapshot->registers[CAPTURE_REGISTERS - 1]);
    if (image) {
        struct lock_name name;
        namer_name(image->namer, snapshot, kind, frames, count, &name);
        call.name = keep_name(tables, &name);
        lock_name_fini(&name);
        take_name(o, &o->source->locks[index], &call.name, is_init);
    }
    return call;
}

static bool same_offset(const void *context, uint32_t element, const void *key)
{
    const struct call_states *calls = context;
    return calls->items[calls->order[element]].offset == *(const uint64_t *)key;
}

/* Number of the slot's call, plus 1. */
static uint32_t find_call(struct open_source *o, const struct capture_slot *slot, const struct capture_lock *lock)
{
    struct call_states *calls = &o->source->calls;
    const struct capture_snapshot *snapshot = capture_file_snapshot(&o->file, slot->snapshot);
    uint64_t hash = intern_hash(INTERN_SEED, &slot->snapshot, sizeof slot->snapshot);
    uint32_t found = snapshot ? intern_find(&calls->index, hash, same_offset, calls, &slot->snapshot) : INTERN_NONE;
    if (found != INTERN_NONE)
        return calls->order[found] + 1;
    struct capture_snapshot made = make_snapshot(o, lock->address, slot->call, slot->caller);
    struct call_state call = ask(o, slot->lock, (enum capture_kind)lock->kind, snapshot ? snapshot : &made, false);
    calls->items = mem_grow(calls->items, calls->count, &calls->capacity, sizeof *calls->items);
    if (snapshot) {
        call.offset = slot->snapshot;
        calls->order = mem_grow(calls->order, calls->index.count, &calls->order_capacity, sizeof *calls->order);
        calls->order[calls->index.count] = (uint32_t)calls->count;
        intern_add(&calls->index, hash);
    }
    calls->items[calls->count++] = call;
    return (uint32_t)calls->count;
}

static void resolve(struct open_source *o, struct slot_state *state, const struct capture_slot *slot)
{
    struct capture_lock lock = {0};
    struct lock_state *known = &o->source->locks[slot->lock];
    capture_file_lock(&o->file, slot->lock, &lock);
    const struct capture_snapshot *init = known->is_asked ? NULL : capture_file_snapshot(&o->file, lock.init);
    if (init)
        ask(o, slot->lock, (enum capture_kind)lock.kind, init, true);
    state->call = find_call(o, slot, &lock);
    if (known->best.label == 0)
        known->best.label = tables_string(o->reading->tables, LABEL_UNKNOWN);
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

/* A counter only grows; one that did not is of a file that was torn. */
static uint64_t difference(const struct slot_state *state, enum slot_counter counter)
{
    uint64_t now = state->now.values[counter], before = state->exported.values[counter];
    return now > before ? now - before : 0;
}

static bool is_new(const struct slot_state *state)
{
    for (int i = 0; i < SLOT_COUNTERS; i++)
        if (difference(state, (enum slot_counter)i) > 0)
            return true;
    return false;
}

static void add_sample(struct open_source *o, const struct slot_state *state, const struct capture_slot *slot)
{
    char thread[CAPTURE_NAME_MAX];
    uint64_t rate = o->source->rate;
    capture_file_lane_name(&o->file, slot->lane, thread);
    const struct call_state *call = &o->source->calls.items[state->call - 1];
    struct sample sample = {.stack = call->stack,
                            .label = label_of(&o->source->locks[slot->lock], &call->name),
                            .thread = tables_string(o->reading->tables, thread),
                            .pid = o->reading->with_pid ? o->source->pid : 0};
    sample.values[VALUE_ACQUIRE] = value_times(difference(state, SLOT_ACQUIRES), rate);
    sample.values[VALUE_ACQUIRE_WAIT] = value_times(capture_file_ns(&o->file, difference(state, SLOT_WAIT)), rate);
    sample.values[VALUE_RELEASE] = value_times(difference(state, SLOT_RELEASES), rate);
    sample.values[VALUE_RELEASE_HOLD] = value_times(capture_file_ns(&o->file, difference(state, SLOT_HOLD)), rate);
    sample.values[VALUE_CONTENDED] = value_times(difference(state, SLOT_CONTENDED), rate);
    samples_add(o->reading->samples, &sample);
}

static bool slot_of(struct open_source *o, size_t index, struct capture_slot *slot)
{
    /* The lock may be newer than the count of locks that this reading began with. */
    return capture_file_slot(&o->file, index, slot) && slot->lock < o->source->lock_count;
}

static void read_slot(struct open_source *o, size_t index)
{
    struct capture_slot slot;
    struct slot_state *state = &o->source->slots[index];
    if (!slot_of(o, index, &slot))
        return;
    state->now = (struct slot_counts){{[SLOT_ACQUIRES] = slot.acquires,
                                       [SLOT_RELEASES] = slot.releases,
                                       [SLOT_HOLD] = slot.hold_ticks,
                                       [SLOT_CONTENDED] = slot.contended,
                                       [SLOT_WAIT] = slot.wait_ticks}};
    if (is_new(state) && state->call == 0)
        resolve(o, state, &slot);
}

static void read_slots(struct open_source *o)
{
    struct capture_slot slot;
    struct source *s = o->source;
    for (size_t i = 0; i < s->slot_count; i++)
        read_slot(o, i);
    /* Only now all that is known of each lock is said. */
    for (size_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].call != 0 && is_new(&s->slots[i]) && slot_of(o, i, &slot))
            add_sample(o, &s->slots[i], &slot);
}

static void *grow_zeroed(void *array, size_t count, size_t wanted, size_t element_size)
{
    char *grown = mem_realloc(array, wanted, element_size);
    memset(grown + count * element_size, 0, (wanted - count) * element_size);
    return grown;
}

static void make_room(struct open_source *o)
{
    struct source *s = o->source;
    /* In this order: a slot's lock is complete before the slot is. */
    size_t slots = capture_file_slots(&o->file), locks = capture_file_locks(&o->file);
    if (slots > s->slot_capacity) {
        s->slots = grow_zeroed(s->slots, s->slot_capacity, slots, sizeof *s->slots);
        s->slot_capacity = slots;
    }
    s->slot_count = slots > s->slot_count ? slots : s->slot_count;
    if (locks > s->lock_count) {
        s->locks = grow_zeroed(s->locks, s->lock_count, locks, sizeof *s->locks);
        s->lock_count = locks;
    }
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static void read_header(struct open_source *o)
{
    const struct capture_header *h = o->file.header;
    struct source *s = o->source;
    s->dropped = h->dropped;
    s->rate = h->rate > 0 ? h->rate : 1;
    s->holds = h->flags & CAPTURE_HOLD;
    s->process_start = h->process_start;
    if (!s->opened)
        s->start_ns = (int64_t)h->start_realtime_ns;
    uint64_t lived = h->last_monotonic_ns > h->start_monotonic_ns ? h->last_monotonic_ns - h->start_monotonic_ns : 0;
    s->last_ns = value_plus((int64_t)h->start_realtime_ns, value_times(lived, 1));
}

/* What an earlier lockprof has exported of it. */
static void read_exported(struct open_source *o)
{
    struct err e;
    struct slot_counts *counts;
    size_t count;
    int64_t time_ns;
    if (exported_read(o->source->path, &counts, &count, &time_ns, &e) != 0) {
        tell(o->source, o->reading, &e);
        return;
    }
    for (size_t i = 0; i < count && i < o->source->slot_count; i++)
        o->source->slots[i].exported = counts[i];
    if (time_ns > 0)
        o->source->start_ns = time_ns;
    free(counts);
}

/* Others may write into root's directory: what is no plain file there is not opened. */
static int check_plain(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return err_sys(e, ERR_INPUT, errno, "%s", path);
    return S_ISREG(st.st_mode) ? 0 : err_set(e, ERR_INPUT, "%s: not a plain file", path);
}

/* Killed before it had written anything: then nothing was counted. */
static bool never_began(const char *path)
{
    uint64_t magic = 0;
    struct err ignored;
    FILE *file = check_plain(path, &ignored) == 0 ? fopen(path, "rbe") : NULL;
    if (!file)
        return false;
    bool began = fread(&magic, 1, sizeof magic, file) > 0 && magic != 0;
    fclose(file);
    return !began;
}

void source_read(struct source *source, struct reading *reading)
{
    struct open_source o = {.source = source, .reading = reading};
    struct err e;
    /* Before the reading: what is not in use now has written its last. */
    bool in_use = capture_in_use(source->path, source->pid, source->process_start);
    source->in_use = in_use;
    if (check_plain(source->path, &e) != 0 || capture_file_open(&o.file, source->path, &e) != 0) {
        if (in_use)
            return; /* its process is just starting */
        source->ended = true;
        source->empty = !source->opened && never_began(source->path);
        if (!source->empty)
            tell(source, reading, &e);
        return;
    }
    read_header(&o);
    make_room(&o);
    if (!source->opened)
        read_exported(&o);
    source->opened = true;
    read_slots(&o);
    capture_file_close(&o.file);
    source->ended = !in_use;
}

/* A failure matters only to whoever exports after this lockprof was killed: he then counts this interval again. */
static void save_exported(const struct source *source, int64_t end_ns)
{
    struct err ignored;
    struct slot_counts *counts = mem_calloc(source->slot_count, sizeof *counts);
    for (size_t i = 0; i < source->slot_count; i++)
        counts[i] = source->slots[i].exported;
    exported_write(source->path, counts, source->slot_count, end_ns, &ignored);
    free(counts);
}

void source_commit(struct source *source, int64_t end_ns)
{
    for (size_t i = 0; i < source->slot_count; i++)
        source->slots[i].exported = source->slots[i].now;
    source->start_ns = end_ns;
    if (source->opened && !source->ended && source->slot_count > 0)
        save_exported(source, end_ns);
}
