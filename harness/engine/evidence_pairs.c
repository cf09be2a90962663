/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of one upload at neighbouring stages, and what was changed between them. */
#include "engine/evidence_pairs.h"
#include "base/mem.h"
#include "io/disk.h"
#include "pipeline/intake_time.h"
#include "profile/kin.h"

#include <stdlib.h>
#include <string.h>

/* Copies of the stage `upload` are lent once more to each mirror. */
static size_t lent_copies(const struct evidence *ev)
{
    size_t mirrors = 0;
    for (size_t i = 0; i < ev->ledger.instance_count; i++)
        mirrors += ev->ledger.instances[i].mirror;
    return ev->copy_count * (mirrors + 1);
}

struct lent_copy *evidence_lend(const struct evidence *ev, size_t *count)
{
    struct lent_copy *lent = mem_calloc(lent_copies(ev), sizeof *lent);
    *count = 0;
    for (size_t i = 0; i < ev->copy_count; i++)
        lent[(*count)++] = (struct lent_copy){&ev->copies[i], ev->copies[i].instance};
    for (size_t m = 0; m < ev->ledger.instance_count; m++) {
        int original = ev->ledger.instances[m].mirror ? evidence_mirrored(ev, m) : -1;
        for (size_t i = 0; original >= 0 && i < ev->copy_count; i++)
            if (ev->copies[i].stage == STAGE_UPLOAD && ev->copies[i].instance == (size_t)original)
                lent[(*count)++] = (struct lent_copy){&ev->copies[i], m};
    }
    return lent;
}

/* 0 where it is none, or one that 64 bits can't hold: before 1678 or after 2262. */
static int64_t time_ns(const char *text)
{
    struct intake_time time;
    int64_t ns;
    bool fits = intake_time_read(text, &time) == 0 && !__builtin_mul_overflow(time.s, INT64_C(1000000000), &ns) &&
                !__builtin_add_overflow(ns, (int64_t)time.ns, &ns);
    return fits ? ns : 0;
}

void evidence_identify(const struct evidence *ev, const struct lent_copy *lent, struct trail_copy *out)
{
    const struct evidence_copy *copy = lent->copy;
    out->instance = lent->instance;
    out->runtime_id = copy->runtime_id;
    out->start_ns = time_ns(copy->start);
    out->end_ns = time_ns(copy->end);
    if (copy->stage == STAGE_COLLECTOR && copy->profile) { /* a local file has no event beside it */
        out->start_ns = copy->profile->time_ns;
        out->end_ns = copy->profile->time_ns + copy->profile->duration_ns;
    }
    out->sequence = copy->sequence;
    out->answered = evidence_answered(ev, copy->stage, lent->instance, copy->sequence);
    if (out->answered == 0)
        out->answered = copy->answered;
}

static int read_copy(const struct evidence *ev, const char *copy, struct buf *out)
{
    struct err e;
    char *path = mem_printf("%s/%s", ev->directory, copy);
    int result = disk_read_now(path, PROFILE_RAW_SIZE_MAX, out, &e);
    free(path);
    return result;
}

/* The two files are read again: what was kept of them are sums. */
static struct profile_comparison *compare(const struct evidence *ev, const struct trail_copy *before,
                                          const struct trail_copy *after)
{
    struct profile_comparison *c = NULL;
    struct buf b = {0}, a = {0};
    struct err e;
    if (before->status == COPY_CORRUPT || after->status == COPY_CORRUPT)
        return NULL;
    if (read_copy(ev, before->path, &b) == 0 && read_copy(ev, after->path, &a) == 0 &&
        profile_compare(b.data ? b.data : "", b.size, a.data ? a.data : "", a.size, &profile_limits_default, &c, &e) <
            0)
        c = NULL;
    buf_fini(&b);
    buf_fini(&a);
    return c;
}

void evidence_compare_pairs(const struct evidence *ev, const struct trail_copy *copies, struct evidence_pairs *out)
{
    const struct trail_matching *m = &ev->matching;
    out->pairs = mem_calloc(m->pair_count, sizeof *out->pairs);
    out->comparisons = mem_calloc(m->pair_count, sizeof *out->comparisons);
    out->count = m->pair_count;
    for (size_t i = 0; i < m->pair_count; i++) {
        struct trail_pair *pair = &out->pairs[i];
        *pair = m->pairs[i];
        if (pair->same) {
            pair->compared = true;
            continue;
        }
        out->comparisons[i] = compare(ev, &copies[pair->before], &copies[pair->after]);
        profile_comparison_lend(out->comparisons[i], pair);
    }
}

void evidence_pairs_fini(struct evidence_pairs *p)
{
    for (size_t i = 0; i < p->count; i++)
        profile_comparison_free(p->comparisons[i]);
    free(p->comparisons);
    free(p->pairs);
}

/* --- paired arms -------------------------------------------------------------------------------------------------- */

/* "python.1.upload" and "python.1.local". */
static int find_twin(const struct evidence *ev, const struct instance *upload)
{
    static const char ending[] = ".upload";
    size_t size = strlen(upload->name), tail = sizeof ending - 1;
    if (upload->mirror || upload->arm != ARM_UPLOAD || size <= tail || strcmp(upload->name + size - tail, ending) != 0)
        return -1;
    char *name = mem_printf("%.*s.%s", (int)(size - tail), upload->name, arm_name(ARM_LOCAL));
    int twin = ledger_find_instance(&ev->ledger, name);
    free(name);
    return twin;
}

static void add_copies(const struct evidence *ev, struct kin *k, bool after, size_t instance, enum stage stage)
{
    for (size_t i = 0; i < ev->copy_count; i++) {
        const struct evidence_copy *c = &ev->copies[i];
        struct buf bytes = {0};
        struct err unread; /* told where the copy was read first */
        if (c->instance == instance && c->stage == stage && c->profile && read_copy(ev, c->path, &bytes) == 0)
            kin_add(k, after, bytes.data ? bytes.data : "", bytes.size, &profile_limits_default, &unread);
        buf_fini(&bytes);
    }
}

static struct profile_comparison *compare_twins(const struct evidence *ev, size_t upload, size_t local)
{
    struct kin *k = kin_new();
    add_copies(ev, k, false, local, STAGE_COLLECTOR);
    add_copies(ev, k, true, upload, STAGE_UPLOAD);
    struct profile_comparison *c = kin_compare(k);
    kin_free(k);
    return c;
}

void evidence_compare_kins(const struct evidence *ev, struct evidence_kins *out)
{
    *out = (struct evidence_kins){.kins = mem_calloc(ev->ledger.instance_count, sizeof *out->kins),
                                  .comparisons = mem_calloc(ev->ledger.instance_count, sizeof *out->comparisons)};
    for (size_t i = 0; i < ev->ledger.instance_count; i++) {
        int twin = find_twin(ev, &ev->ledger.instances[i]);
        if (twin < 0)
            continue;
        struct profile_comparison *c = compare_twins(ev, i, (size_t)twin);
        out->comparisons[out->count] = c;
        out->kins[out->count++] =
            (struct trail_kin){.instance = i, .of = (size_t)twin, .moves = c->moves, .move_count = c->move_count};
    }
}

void evidence_kins_fini(struct evidence_kins *k)
{
    for (size_t i = 0; i < k->count; i++)
        profile_comparison_free(k->comparisons[i]);
    free(k->comparisons);
    free(k->kins);
}
