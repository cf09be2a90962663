/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal and the copies say of one another, and the time that the uploads of a process cover (design.md,
 * "Uploads are counted hop by hop"). */
#include "base/mem.h"
#include "engine/evidence_internal.h"
#include "pipeline/intake_time.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Notes of one kind that are written out, and copies that a problem names. */
#define NOTES_MAX 20
/* ddtrace takes the end of one interval and the start of the next from two readings of the clock: up to some
 * milliseconds apart where it uploads in between. */
#define CHAIN_GRACE_MS 1000

static int by_origin(const void *a, const void *b)
{
    const struct captured *x = a;
    const struct evidence_copy *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

void evidence_check_captured(struct evidence *ev)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < ev->captured_count; i++) {
        const struct captured *c = &ev->captured[i];
        if (ev->copy_count > 0 && bsearch(c, ev->copies, ev->copy_count, sizeof *ev->copies, by_origin))
            continue;
        if (++lost <= NOTES_MAX)
            evidence_add_problem(ev, "run", "the run directory was changed after the run: run again", NULL,
                                 "copies/%s/%s.%u.%s was captured and is not there any more", stage_name(c->stage),
                                 ev->ledger.instances[c->instance].name, c->sequence,
                                 c->stage == STAGE_UI ? "json" : "pprof");
    }
    if (lost > NOTES_MAX)
        evidence_add_problem(ev, "run", "the run directory was changed after the run: run again", NULL,
                             "%" PRIu64 " more copies were captured and are not there any more", lost - NOTES_MAX);
}

/* --- the two copies of one process --- */

static int by_hash(const void *a, const void *b)
{
    const struct evidence_copy *x = *(const struct evidence_copy *const *)a;
    const struct evidence_copy *y = *(const struct evidence_copy *const *)b;
    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    return strcmp(x->hash, y->hash);
}

static void add_note(struct evidence *ev, char *text)
{
    struct trail_result *t = &ev->trail;
    t->notes = mem_realloc(t->notes, t->note_count + 1, sizeof *t->notes);
    t->notes[t->note_count++] = text;
}

/* Uploads of processes that also write locally, which have not the bytes of any local copy. */
static void note_other_bytes(struct evidence *ev)
{
    const struct evidence_copy **local = mem_calloc(ev->copy_count, sizeof *local);
    size_t count = 0;
    uint64_t others = 0;
    for (size_t i = 0; i < ev->copy_count; i++)
        if (ev->copies[i].stage == STAGE_COLLECTOR)
            local[count++] = &ev->copies[i];
    if (count > 0)
        qsort(local, count, sizeof *local, by_hash);
    for (size_t i = 0; i < ev->copy_count; i++) {
        const struct evidence_copy *c = &ev->copies[i];
        const struct instance *instance = &ev->ledger.instances[c->instance];
        /* Of a process that did not end the local copies were not collected. */
        if (c->stage != STAGE_UPLOAD || instance->arm != ARM_TEE || instance->unfinished ||
            (count > 0 && bsearch(&c, local, count, sizeof *local, by_hash)))
            continue;
        if (++others <= NOTES_MAX)
            add_note(ev, mem_printf("%s has other bytes than each local copy of %s", c->path, instance->name));
    }
    if (others > NOTES_MAX)
        add_note(ev, mem_printf("and %" PRIu64 " more uploads with other bytes", others - NOTES_MAX));
    free(local);
}

/* --- the chain of times --- */

struct link {
    const struct evidence_copy *copy;
    struct intake_time start, end;
};

static int by_time(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    if (x->copy->instance != y->copy->instance)
        return x->copy->instance < y->copy->instance ? -1 : 1;
    int order = strcmp(x->copy->runtime_id, y->copy->runtime_id);
    if (order == 0)
        order = intake_time_compare(&x->start, &y->start);
    return order ? order : x->copy->sequence < y->copy->sequence ? -1 : x->copy->sequence > y->copy->sequence;
}

static int64_t ms_between(const struct intake_time *from, const struct intake_time *to)
{
    return (to->s - from->s) * 1000 + (to->ns - from->ns) / 1000000;
}

/* Two profiles of one upload, or an upload that came twice, which the trail notes. */
static bool same_time(const struct link *a, const struct link *b)
{
    return intake_time_compare(&a->start, &b->start) == 0 && intake_time_compare(&a->end, &b->end) == 0;
}

static bool same_chain(const struct link *a, const struct link *b)
{
    return a->copy->instance == b->copy->instance && strcmp(a->copy->runtime_id, b->copy->runtime_id) == 0;
}

/* What lies between two neighbours of one chain, or NULL. `last` has the latest end so far. */
static char *describe_step(const struct evidence *ev, const struct link *last, const struct link *next)
{
    const char *instance = ev->ledger.instances[next->copy->instance].name;
    int64_t gap = ms_between(&last->end, &next->start);
    if (gap > CHAIN_GRACE_MS)
        return mem_printf("%s: no upload covers the %.1f s between %s and %s", instance, (double)gap / 1000,
                          last->copy->path, next->copy->path);
    if (gap < -CHAIN_GRACE_MS)
        return mem_printf("%s: %s and %s cover %.1f s twice", instance, last->copy->path, next->copy->path,
                          -(double)gap / 1000);
    return NULL;
}

static void note_chain(struct evidence *ev, const struct link *links, size_t count)
{
    uint64_t steps = 0;
    const struct link *last = NULL;
    for (size_t i = 0; i < count; i++) {
        bool follows = last && same_chain(last, &links[i]);
        char *text = follows && !same_time(last, &links[i]) ? describe_step(ev, last, &links[i]) : NULL;
        if (text && ++steps <= NOTES_MAX)
            add_note(ev, text);
        else
            free(text);
        if (!follows || intake_time_compare(&links[i].end, &last->end) > 0)
            last = &links[i];
    }
    if (steps > NOTES_MAX)
        add_note(ev, mem_printf("and %" PRIu64 " more gaps and overlaps between uploads", steps - NOTES_MAX));
}

static void note_renamed_types(struct evidence *ev)
{
    uint64_t renamed = 0;
    for (size_t i = 0; i < ev->copy_count; i++) {
        const struct evidence_copy *c = &ev->copies[i];
        if (c->profile && c->profile->kind == PROFILE_FOREIGN && c->profile->name_count > 0 && ++renamed <= NOTES_MAX)
            add_note(ev, mem_printf("%s: lock names, but no lock sample types: %s", c->path, c->profile->what));
    }
    if (renamed > NOTES_MAX)
        add_note(ev, mem_printf("and %" PRIu64 " more copies without lock sample types", renamed - NOTES_MAX));
}

void evidence_note_uploads(struct evidence *ev)
{
    note_renamed_types(ev);
    note_other_bytes(ev);
    struct link *links = mem_calloc(ev->copy_count, sizeof *links);
    size_t count = 0;
    for (size_t i = 0; i < ev->copy_count; i++) {
        const struct evidence_copy *c = &ev->copies[i];
        struct link link = {.copy = c};
        if (c->stage == STAGE_UPLOAD && c->runtime_id[0] && intake_time_read(c->start, &link.start) == 0 &&
            intake_time_read(c->end, &link.end) == 0)
            links[count++] = link;
    }
    if (count > 0)
        qsort(links, count, sizeof *links, by_time);
    note_chain(ev, links, count);
    free(links);
}
