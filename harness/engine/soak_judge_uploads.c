/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads that are under way, and by what each is known again. */
#include "engine/soak_judge_internal.h"

#include "base/mem.h"
#include "engine/copy_description.h"
#include "pipeline/intake_time.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- keys ------------------------------------------------------------------------------------------------------- */

/* Eight bytes at a time, multiplied and folded: told apart are the uploads of some minutes of one process, and who
 * sends them is not out to deceive us. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const char *at = bytes;
    uint64_t word;
    hash = mix(hash, size);
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix(hash, word);
    }
    word = 0;
    if (size > 0)
        memcpy(&word, at, size);
    return mix(hash, word);
}

struct upload_keys upload_keys(const struct judge_process *process, const struct upload *upload)
{
    struct upload_keys keys = {.bytes = mix(1, process->index), .time = mix(2, process->index)};
    for (size_t i = 0; i < upload->profile_count; i++)
        keys.bytes = mix_bytes(keys.bytes, upload->profiles[i].bytes, upload->profiles[i].size);
    struct intake_time start;
    keys.time = mix_bytes(keys.time, upload->runtime_id, strlen(upload->runtime_id));
    if (intake_time_read(upload->start, &start) < 0)
        keys.time = mix_bytes(keys.time, upload->start, strlen(upload->start));
    else /* a backend may write the same time another way, and cut it to milliseconds */
        keys.time = mix(keys.time, (uint64_t)intake_time_ms(&start));
    return keys;
}

/* --- the index -------------------------------------------------------------------------------------------------- */

static struct upload_known **bucket(struct upload_known **table, uint64_t key)
{
    return &table[mix(3, key) >> 32 & (INDEX_SIZE - 1)];
}

static void index_add(struct uploads *u, struct upload_known *k)
{
    struct upload_known **bytes = bucket(u->by_bytes, k->bytes_key), **time = bucket(u->by_time, k->time_key);
    k->same_bytes = *bytes;
    *bytes = k;
    k->same_time = *time;
    *time = k;
}

static void index_remove(struct uploads *u, struct upload_known *k)
{
    struct upload_known **bytes = bucket(u->by_bytes, k->bytes_key), **time = bucket(u->by_time, k->time_key);
    while (*bytes != k)
        bytes = &(*bytes)->same_bytes;
    *bytes = k->same_bytes;
    while (*time != k)
        time = &(*time)->same_time;
    *time = k->same_time;
}

/* 0: not this one. */
static int likeness(const struct upload_known *k, struct upload_keys keys, enum stage stage)
{
    bool bytes = k->bytes_key == keys.bytes, time = k->time_key == keys.time, first = k->arrivals[stage] == 0;
    if (stage == STAGE_UPLOAD)
        return !time ? 0 : bytes ? 2 : first; /* the same bytes of another time are another upload */
    if (!bytes && !time)
        return 0;
    return 1 + (bytes ? 2 : 0) + (time ? 1 : 0) + (first ? 4 : 0);
}

struct upload_known *uploads_find(const struct uploads *u, struct upload_keys keys, enum stage stage)
{
    struct upload_known *best = NULL, *k;
    int most = 0;
    for (k = *bucket((struct upload_known **)u->by_bytes, keys.bytes); k; k = k->same_bytes)
        if (k->bytes_key == keys.bytes && likeness(k, keys, stage) > most) {
            best = k;
            most = likeness(k, keys, stage);
        }
    for (k = *bucket((struct upload_known **)u->by_time, keys.time); k; k = k->same_time)
        if (k->time_key == keys.time && likeness(k, keys, stage) > most) {
            best = k;
            most = likeness(k, keys, stage);
        }
    return best;
}

/* --- lists ------------------------------------------------------------------------------------------------------ */

static void list_add(struct known_list *l, struct upload_known *k)
{
    k->newer = NULL;
    k->older = l->newest;
    if (l->newest)
        l->newest->newer = k;
    else
        l->oldest = k;
    l->newest = k;
    l->count++;
}

static void list_remove(struct known_list *l, struct upload_known *k)
{
    if (k->older)
        k->older->newer = k->newer;
    else
        l->oldest = k->newer;
    if (k->newer)
        k->newer->older = k->older;
    else
        l->newest = k->older;
    l->count--;
}

struct upload_known *uploads_add(struct uploads *u, struct judge_process *process, struct upload_keys keys)
{
    struct upload_known *k = mem_calloc(1, sizeof *k);
    *k = (struct upload_known){
        .bytes_key = keys.bytes, .time_key = keys.time, .process = process, .number = ++process->number};
    index_add(u, k);
    list_add(&u->pending, k);
    return k;
}

static void forget(struct uploads *u, struct known_list *list, struct upload_known *k)
{
    list_remove(list, k);
    index_remove(u, k);
    free(k);
}

void uploads_over(struct uploads *u, struct upload_known *k)
{
    assert(!k->pending);
    list_remove(&u->pending, k);
    list_add(&u->over, k);
    if (u->over.count > REMEMBERED_MAX)
        forget(u, &u->over, u->over.oldest);
}

/* --- what is held ----------------------------------------------------------------------------------------------- */

/* The nearest stage before that the upload has been at. */
static const struct arrival *stage_before(const struct pending *p, enum stage stage)
{
    for (int s = (int)stage - 1; s >= STAGE_UPLOAD; s--)
        if (p->stages[s].there)
            return &p->stages[s];
    return NULL;
}

/* Its counterpart there: of the same name, else of the same place. */
static const struct part *part_before(const struct arrival *before, const char *name, size_t place)
{
    for (size_t i = 0; before && i < before->part_count; i++)
        if (strcmp(before->parts[i].name, name) == 0)
            return &before->parts[i];
    return before && place < before->part_count ? &before->parts[place] : NULL;
}

static void describe(struct arrival *a, enum stage stage, const struct judge_process *process,
                     const struct upload *upload)
{
    struct copy_origin origin = {.stage = stage,
                                 .instance = judge_record(process)->name,
                                 .attachment = a->part_count > 0 ? a->parts[0].name : "",
                                 .size = a->part_count > 0 ? a->parts[0].size : 0};
    a->out = copy_description_begin(&a->description, &origin, upload);
}

static size_t size_held(const struct pending *p, enum stage stage, const struct upload *upload)
{
    const struct arrival *before = stage_before(p, stage);
    size_t size = 0;
    for (size_t i = 0; i < upload->profile_count && i < PARTS_MAX; i++) {
        const struct upload_profile *profile = &upload->profiles[i];
        const struct part *same = part_before(before, profile->name, i);
        if (!same || same->size != profile->size || memcmp(same->bytes, profile->bytes, profile->size) != 0)
            size += profile->size;
    }
    return size;
}

static void hold_part(struct part *part, const struct arrival *before, const struct upload_profile *profile, size_t i)
{
    const struct part *same = part_before(before, profile->name, i);
    *part = (struct part){.name = mem_strdup(profile->name), .size = profile->size};
    if (same && same->size == profile->size && memcmp(same->bytes, profile->bytes, profile->size) == 0) {
        part->bytes = same->bytes;
        part->same = true;
        return;
    }
    void *bytes = mem_calloc(profile->size, 1);
    if (profile->size > 0)
        memcpy(bytes, profile->bytes, profile->size);
    part->bytes = bytes;
}

bool uploads_hold(struct uploads *u, struct pending *p, enum stage stage, const struct upload *upload)
{
    struct arrival *a = &p->stages[stage];
    size_t size = size_held(p, stage, upload);
    if (u->bytes + size > SOAK_PENDING_MAX || upload->profile_count > PARTS_MAX)
        return false;
    const struct arrival *before = stage_before(p, stage);
    a->there = true;
    a->part_count = upload->profile_count;
    a->parts = mem_calloc(a->part_count, sizeof *a->parts);
    for (size_t i = 0; i < a->part_count; i++)
        hold_part(&a->parts[i], before, &upload->profiles[i], i);
    describe(a, stage, p->known->process, upload);
    u->bytes += size + a->description.size;
    p->bytes += size + a->description.size;
    return true;
}

static void free_arrival(struct arrival *a)
{
    for (size_t i = 0; i < a->part_count; i++) {
        free(a->parts[i].name);
        if (!a->parts[i].same)
            free((void *)a->parts[i].bytes);
    }
    free(a->parts);
    buf_fini(&a->description);
}

void uploads_free_pending(struct uploads *u, struct pending *p)
{
    u->bytes -= p->bytes;
    for (enum stage s = 0; s < STAGE_COUNT; s++)
        free_arrival(&p->stages[s]);
    soak_counts_release(p->before);
    soak_counts_release(p->after);
    free(p->runtime_id);
    free(p->start);
    free(p->end);
    p->known->pending = NULL;
    free(p);
}

static void free_list(struct uploads *u, struct upload_known *k)
{
    while (k) {
        struct upload_known *newer = k->newer;
        if (k->pending)
            uploads_free_pending(u, k->pending);
        free(k);
        k = newer;
    }
}

void uploads_fini(struct uploads *u)
{
    free_list(u, u->pending.oldest);
    free_list(u, u->over.oldest);
}
