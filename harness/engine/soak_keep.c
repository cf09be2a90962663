/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_keep.h"

#include "base/mem.h"
#include "engine/soak_keep_files.h"

#include <stdlib.h>
#include <string.h>

/* Of one good upload. */
struct sample {
    char *instance;
    unsigned sequence;
    bool stages[STAGE_COUNT];
    uint64_t bytes, files;
    uint64_t lot; /* decides how long it stays */
};

/* The highest number of a process's uploads. */
struct lane {
    char *instance;
    unsigned sequence;
};

/* Of one upload's copies. */
struct set_size {
    uint64_t bytes, files;
};

/* Lives until it is freed and nothing is being written any more. */
struct soak_keep {
    struct disk *disk;
    char *directory;
    uint64_t quota, filled;
    struct soak_record *record;
    struct lane *lanes;
    size_t lane_count, lane_capacity;
    struct sample **samples; /* from the oldest on */
    size_t sample_count, sample_capacity;
    size_t waiting; /* orders at the disk */
    bool failed;    /* a write has: told once */
    bool freed;
};

/* Of the quota: a profile and its description each end within a block. */
static uint64_t used(const struct soak_keep *k)
{
    const struct soak_copies *copies = &k->record->copies;
    return copies->bytes + k->filled + 2 * SOAK_COPY_BLOCK * (copies->kept_losses + copies->kept_samples);
}

static bool has_room(const struct soak_keep *k, const struct set_size *size)
{
    return used(k) + size->bytes + 2 * SOAK_COPY_BLOCK * size->files <= k->quota;
}

static struct lane *find_lane(struct soak_keep *k, const char *instance)
{
    for (size_t i = 0; i < k->lane_count; i++)
        if (strcmp(k->lanes[i].instance, instance) == 0)
            return &k->lanes[i];
    k->lanes = mem_grow(k->lanes, k->lane_count, &k->lane_capacity, sizeof *k->lanes);
    k->lanes[k->lane_count] = (struct lane){.instance = mem_strdup(instance)};
    return &k->lanes[k->lane_count++];
}

static void note_number(struct soak_keep *k, const char *instance, unsigned number)
{
    struct lane *lane = find_lane(k, instance);
    lane->sequence = number > lane->sequence ? number : lane->sequence;
}

unsigned soak_keep_last(struct soak_keep *k, const char *instance)
{
    return find_lane(k, instance)->sequence;
}

/* Of each upload its own, also after --resume. Spread evenly, so that of two processes that take turns not always the
 * same one is sampled. Mixing as in MurmurHash3 (public domain): multiply and fold. */
static uint64_t lot_of(const char *instance, unsigned sequence)
{
    uint64_t lot = sequence;
    for (const char *c = instance; *c; c++)
        lot = (lot ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    lot = (lot ^ (lot >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    lot = (lot ^ (lot >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return lot ^ (lot >> 33);
}

/* `every` is a power of two. */
static bool is_drawn(const struct soak_keep *k, uint64_t lot)
{
    return (lot & (k->record->copies.every - 1)) == 0;
}

static char *path_of(const struct soak_keep *k, bool whole, enum stage stage, const char *instance, unsigned sequence,
                     const char *suffix)
{
    return mem_printf("%s%scopies/%s/%s.%u.%s", whole ? k->directory : "", whole ? "/" : "", stage_name(stage),
                      instance, sequence, suffix);
}

/* --- orders to the disk ----------------------------------------------------------------------------------------- */

static void free_sample(struct sample *s)
{
    free(s->instance);
    free(s);
}

static void free_keep(struct soak_keep *k)
{
    for (size_t i = 0; i < k->lane_count; i++)
        free(k->lanes[i].instance);
    for (size_t i = 0; i < k->sample_count; i++)
        free_sample(k->samples[i]);
    free(k->lanes);
    free(k->samples);
    free(k->directory);
    free(k);
}

static void on_done(int status, const struct err *e, void *data)
{
    struct soak_keep *k = data;
    k->waiting--;
    if (status < 0 && !k->failed && !k->freed) {
        /* All others would say the same of a full disk. */
        k->failed = true;
        soak_record_problem(k->record, k->record->elapsed_ms, "locktrail", e->text,
                            "make room on the disk of the run directory");
    }
    if (k->freed && k->waiting == 0)
        free_keep(k);
}

static void put_file(struct soak_keep *k, char *path, struct buf *bytes)
{
    k->waiting++;
    disk_put_quick(k->disk, path, bytes, on_done, k);
    free(path);
}

static void remove_file(struct soak_keep *k, char *path)
{
    k->waiting++;
    disk_remove(k->disk, path, on_done, k);
    free(path);
}

/* --- room ------------------------------------------------------------------------------------------------------- */

/* `i` in the list. */
static void remove_sample(struct soak_keep *k, size_t i)
{
    struct sample *s = k->samples[i];
    struct soak_copies *copies = &k->record->copies;
    memmove(k->samples + i, k->samples + i + 1, (--k->sample_count - i) * sizeof *k->samples);
    copies->bytes -= s->bytes;
    copies->kept_samples -= s->files;
    copies->removed += s->files;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        if (!s->stages[stage])
            continue;
        remove_file(k, path_of(k, true, stage, s->instance, s->sequence, "pprof"));
        remove_file(k, path_of(k, true, stage, s->instance, s->sequence, "json"));
    }
    free_sample(s);
}

/* Half as many from now on, of all that was. */
static void thin(struct soak_keep *k)
{
    k->record->copies.every *= 2;
    for (size_t i = k->sample_count; i-- > 0;)
        if (!is_drawn(k, k->samples[i]->lot))
            remove_sample(k, i);
}

/* The one that would not outlast the next doublings, so that those that stay are still spread over the whole soak. */
static size_t most_dispensable(const struct soak_keep *k)
{
    size_t found = 0;
    int least = 64;
    for (size_t i = 0; i < k->sample_count; i++) {
        uint64_t lot = k->samples[i]->lot;
        int zeros = lot ? __builtin_ctzll(lot) : 64;
        if (zeros < least) {
            least = zeros;
            found = i;
        }
    }
    return found;
}

static bool make_room(struct soak_keep *k, const struct set_size *size)
{
    while (!has_room(k, size) && k->sample_count > 0)
        remove_sample(k, most_dispensable(k));
    return has_room(k, size);
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* The description of what is kept begins with how it is kept. */
static void describe(struct buf *out, unsigned sequence, bool loss, const char *description)
{
    const char *rest = description && description[0] == '{' ? description + 1 : "}\n";
    buf_printf(out, "{\n  \"sequence\": %u,\n  \"kept\": \"%s\"%s%s", sequence, loss ? KEPT_LOSS : KEPT_SAMPLE,
               rest[0] == '}' ? "\n" : ",", rest);
}

/* What is added to a description is counted too. */
static struct set_size size_of(const struct soak_copy_set *set, unsigned sequence, bool loss)
{
    struct set_size size = {0};
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        struct buf text = {0};
        if (!set->stages[stage].bytes)
            continue;
        describe(&text, sequence, loss, set->stages[stage].description);
        size.bytes += set->stages[stage].size + text.size;
        size.files++;
        buf_fini(&text);
    }
    return size;
}

static void write_set(struct soak_keep *k, const struct soak_copy_set *set, unsigned sequence, bool loss)
{
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        struct buf text = {0}, bytes = {0};
        if (!set->stages[stage].bytes)
            continue;
        describe(&text, sequence, loss, set->stages[stage].description);
        buf_add(&bytes, set->stages[stage].bytes, set->stages[stage].size);
        /* The description first: a profile without one is what a kill leaves. */
        put_file(k, path_of(k, true, stage, set->instance, sequence, "json"), &text);
        put_file(k, path_of(k, true, stage, set->instance, sequence, "pprof"), &bytes);
    }
}

void soak_keep_loss(struct soak_keep *k, const struct soak_copy_set *set, char *paths[STAGE_COUNT])
{
    unsigned sequence = set->number;
    note_number(k, set->instance, sequence);
    struct set_size size = size_of(set, sequence, true);
    memset(paths, 0, STAGE_COUNT * sizeof *paths);
    if (size.files == 0)
        return;
    if (k->failed || disk_full(k->disk) || !make_room(k, &size)) {
        k->record->copies.not_kept++;
        return;
    }
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
        if (set->stages[stage].bytes)
            paths[stage] = path_of(k, false, stage, set->instance, sequence, "pprof");
    k->record->copies.bytes += size.bytes;
    k->record->copies.kept_losses += size.files;
    write_set(k, set, sequence, true);
}

static struct sample *add_sample(struct soak_keep *k, const char *instance, unsigned sequence)
{
    struct sample *s = mem_calloc(1, sizeof *s);
    *s = (struct sample){.instance = mem_strdup(instance), .sequence = sequence, .lot = lot_of(instance, sequence)};
    k->samples = mem_grow(k->samples, k->sample_count, &k->sample_capacity, sizeof *k->samples);
    k->samples[k->sample_count++] = s;
    return s;
}

static void count_sample(struct soak_keep *k, struct sample *s, enum stage stage, uint64_t bytes)
{
    s->stages[stage] = true;
    s->bytes += bytes;
    s->files++;
    k->record->copies.bytes += bytes;
    k->record->copies.kept_samples++;
}

void soak_keep_sample(struct soak_keep *k, const struct soak_copy_set *set)
{
    unsigned sequence = set->number;
    note_number(k, set->instance, sequence);
    if (k->failed || disk_full(k->disk) || !is_drawn(k, lot_of(set->instance, sequence)))
        return;
    struct set_size size = size_of(set, sequence, false);
    if (size.files == 0 || !has_room(k, &size))
        return;
    struct sample *s = add_sample(k, set->instance, sequence);
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
        if (set->stages[stage].bytes)
            count_sample(k, s, stage, 0);
    s->bytes = size.bytes;
    k->record->copies.bytes += size.bytes;
    write_set(k, set, sequence, false);
    /* Each doubling takes about half of them; that none goes in thirty has no chance worth a thought. */
    for (int i = 0; i < 30 && k->sample_count >= SOAK_SAMPLES_MAX; i++)
        thin(k);
}

/* --- the quota -------------------------------------------------------------------------------------------------- */

int soak_keep_fill(struct soak_keep *k, uint64_t bytes, struct err *e)
{
    if (keep_files_fill(k->directory, bytes, e) < 0)
        return -1;
    k->filled = bytes;
    return 0;
}

/* --- what is there already -------------------------------------------------------------------------------------- */

static struct sample *find_sample(struct soak_keep *k, const char *instance, unsigned sequence)
{
    for (size_t i = 0; i < k->sample_count; i++)
        if (k->samples[i]->sequence == sequence && strcmp(k->samples[i]->instance, instance) == 0)
            return k->samples[i];
    return NULL;
}

static void on_found(const struct kept_file *file, void *data)
{
    struct soak_keep *k = data;
    note_number(k, file->instance, file->sequence);
    if (file->loss) {
        k->record->copies.bytes += file->bytes;
        k->record->copies.kept_losses++;
        return;
    }
    struct sample *s = find_sample(k, file->instance, file->sequence);
    count_sample(k, s ? s : add_sample(k, file->instance, file->sequence), file->stage, file->bytes);
}

static bool is_power_of_two(uint64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

static int by_sequence(const void *a, const void *b)
{
    const struct sample *x = *(const struct sample *const *)a, *y = *(const struct sample *const *)b;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

struct soak_keep *soak_keep_new(struct disk *disk, const char *directory, uint64_t quota, struct soak_record *record,
                                struct err *e)
{
    struct soak_keep *k = mem_calloc(1, sizeof *k);
    *k = (struct soak_keep){.disk = disk, .directory = mem_strdup(directory), .quota = quota, .record = record};
    struct soak_copies *copies = &record->copies;
    copies->bytes = copies->kept_losses = copies->kept_samples = 0;
    copies->every = is_power_of_two(copies->every) ? copies->every : 1;
    if (keep_files_fill(directory, 0, e) < 0 || keep_files_list(directory, on_found, k, e) < 0) {
        free_keep(k);
        return NULL;
    }
    if (k->sample_count > 0)
        qsort(k->samples, k->sample_count, sizeof *k->samples, by_sequence);
    for (int i = 0; i < 30 && k->sample_count >= SOAK_SAMPLES_MAX; i++)
        thin(k);
    return k;
}

void soak_keep_free(struct soak_keep *k)
{
    if (!k)
        return;
    k->freed = true;
    if (k->waiting == 0)
        free_keep(k);
}
