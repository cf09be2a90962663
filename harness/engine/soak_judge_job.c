/* SPDX-License-Identifier: Apache-2.0 */
/* One upload's judgement, on a thread: its copies are read, those that differ from the stage before are compared, and
 * the trail judges them as it judges a run's. Touches nothing but the job, its upload and the ledger that was lent. */
#include "engine/soak_judge_internal.h"

#include "base/mem.h"
#include "engine/copy_description.h"
#include "engine/sightings.h"
#include "profile/compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The copies of one upload. */
struct copies {
    struct trail_copy items[STAGE_COUNT * PARTS_MAX];
    struct profile *profiles[STAGE_COUNT * PARTS_MAX]; /* NULL: that of `of` */
    size_t of[STAGE_COUNT * PARTS_MAX];                /* the copy with the same bytes whose profile it is */
    const struct part *parts[STAGE_COUNT * PARTS_MAX];
    char *paths[STAGE_COUNT * PARTS_MAX];
    size_t count;
    size_t first[STAGE_COUNT]; /* of each stage that is there */
    char hashes[STAGE_COUNT * PARTS_MAX][HASH_TEXT_SIZE];
    struct trail_pair pairs[STAGE_COUNT * PARTS_MAX];
    struct profile_comparison *comparisons[STAGE_COUNT * PARTS_MAX];
    size_t pair_count;
};

void job_add(struct job *job, size_t lock, enum stage stage, enum mechanism mechanism, char *evidence)
{
    job->findings = mem_grow(job->findings, job->finding_count, &job->finding_capacity, sizeof *job->findings);
    job->findings[job->finding_count++] =
        (struct finding){.lock = lock, .stage = stage, .mechanism = mechanism, .evidence = evidence};
}

void job_fini(struct job *job)
{
    for (size_t i = 0; i < job->finding_count; i++)
        free(job->findings[i].evidence);
    free(job->findings);
    if (job->judged)
        trail_result_fini(&job->result);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* The copy of this part at the stage before. */
static size_t before_of(const struct copies *c, const struct arrival *before, enum stage stage_before,
                        const struct part *part, size_t place)
{
    for (size_t i = 0; i < before->part_count; i++)
        if (strcmp(before->parts[i].name, part->name) == 0)
            return c->first[stage_before] + i;
    return place < before->part_count ? c->first[stage_before] + place : SIZE_MAX;
}

/* Taps may tell an upload in another order than it passed them, so that what it was the same as when it came (`same`)
 * need not be the stage before. */
static bool is_same(const struct copies *c, size_t before, size_t after)
{
    const struct part *b = c->parts[before], *a = c->parts[after];
    return a->size == b->size && (a->bytes == b->bytes || memcmp(a->bytes, b->bytes, a->size) == 0);
}

static int read_copy(struct copies *c, size_t i, size_t before, struct err *e)
{
    const struct part *part = c->parts[i];
    c->of[i] = i;
    if (before != SIZE_MAX && is_same(c, before, i)) {
        c->of[i] = c->of[before];
        memcpy(c->hashes[i], c->hashes[before], HASH_TEXT_SIZE);
        return 0;
    }
    hash_text(part->bytes, part->size, c->hashes[i]);
    return profile_read(part->bytes, part->size, &profile_limits_default, &c->profiles[i], e);
}

/* Of a copy without parts, and of one that can't be read, there is nothing to judge. */
static void find_unreadable(struct job *job, enum stage stage, const char *name, const char *why)
{
    job->unreadable = stage;
    job_add(job, NO_LOCK, stage, MECHANISM_PROFILE_CORRUPT,
            mem_printf("upload %" PRIu64 " at %s: %s%s%s", job->pending->known->number, stage_name(stage), name,
                       name[0] ? ": " : "", why));
}

static void lend_copy(struct job *job, struct copies *c, size_t i, enum stage stage, size_t place)
{
    const struct pending *p = job->pending;
    c->paths[i] =
        mem_printf("upload %" PRIu64 "%s%s", p->known->number, place ? " " : "", place ? c->parts[i]->name : "");
    c->items[i] = (struct trail_copy){.stage = stage,
                                      .path = c->paths[i],
                                      .hash = place == 0 ? c->hashes[i] : NULL,
                                      .runtime_id = p->runtime_id,
                                      /* Which copies belong together is known; of several of one upload each has a
                                       * time of its own. */
                                      .start_ns = 2 * (int64_t)place + 1,
                                      .end_ns = 2 * (int64_t)place + 2,
                                      .sequence = 1};
    sightings_lend(c->profiles[c->of[i]], NULL, &c->items[i]);
}

/* False: one can't be read. */
static bool read_stage(struct job *job, struct copies *c, enum stage stage, enum stage before)
{
    const struct arrival *a = &job->pending->stages[stage];
    c->first[stage] = c->count;
    if (a->part_count == 0)
        find_unreadable(job, stage, "", "no profile in it");
    for (size_t i = 0; i < a->part_count; i++) {
        const struct part *part = &a->parts[i];
        size_t n = c->count, earlier = SIZE_MAX;
        struct err e;
        if (before != STAGE_DECLARED)
            earlier = before_of(c, &job->pending->stages[before], before, part, i);
        c->parts[n] = part;
        if (read_copy(c, n, earlier, &e) < 0) {
            find_unreadable(job, stage, part->name, e.text);
            return false;
        }
        lend_copy(job, c, n, stage, i);
        c->count++;
        if (earlier != SIZE_MAX)
            c->pairs[c->pair_count++] = (struct trail_pair){.before = earlier, .after = n};
    }
    return a->part_count > 0;
}

static void compare_pair(struct copies *c, size_t i)
{
    struct trail_pair *pair = &c->pairs[i];
    const struct part *before = c->parts[pair->before], *after = c->parts[pair->after];
    struct err e;
    if (is_same(c, pair->before, pair->after)) {
        pair->compared = pair->same = true;
        return;
    }
    if (profile_compare(before->bytes, before->size, after->bytes, after->size, &profile_limits_default,
                        &c->comparisons[i], &e) < 0)
        c->comparisons[i] = NULL; /* both were read before: not for their bytes */
    profile_comparison_lend(c->comparisons[i], pair);
}

/* The stages in their order, up to the first that can't be judged. */
static void read_stages(struct job *job, struct copies *c)
{
    enum stage before = STAGE_DECLARED;
    for (enum stage s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++) {
        if (!job->stages[s])
            continue;
        if (!job->pending->stages[s].there || !read_stage(job, c, s, before))
            break;
        job->judged_stages[s] = true;
        before = s;
    }
    for (size_t i = 0; i < c->pair_count; i++)
        compare_pair(c, i);
}

/* Each description gets the hash of the profile that it describes. */
static void end_descriptions(struct job *job, const struct copies *c)
{
    for (enum stage s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++) {
        struct arrival *a = &job->pending->stages[s];
        char hash[HASH_TEXT_SIZE];
        if (!a->there)
            continue;
        const char *text = hash;
        if (job->judged_stages[s])
            text = c->hashes[c->first[s]];
        else if (a->part_count > 0)
            hash_text(a->parts[0].bytes, a->parts[0].size, hash);
        if (a->part_count > 0)
            json_put_string(&a->out, "sha256", text);
        copy_description_end(&a->out);
    }
}

static void free_copies(struct copies *c)
{
    for (size_t i = 0; i < c->count; i++) {
        sightings_return(&c->items[i]);
        profile_free(c->profiles[i]);
        free(c->paths[i]);
    }
    for (size_t i = 0; i < c->pair_count; i++)
        profile_comparison_free(c->comparisons[i]);
    free(c);
}

/* --- judging ---------------------------------------------------------------------------------------------------- */

static void judge(struct job *job, const struct copies *c)
{
    struct trail_input input = {.ledger = job->ledger,
                                .copies = c->items,
                                .copy_count = c->count,
                                .pairs = c->pairs,
                                .pair_count = c->pair_count,
                                .control = CONTROL_NOT_RUN,
                                .thresholds = {.absence_probability = job->threshold}};
    memcpy(input.stage_ran, job->judged_stages, sizeof input.stage_ran);
    input.stage_ran[STAGE_DECLARED] = true;
    trail_judge(&input, &job->result);
    job->judged = true;
}

static void find_losses(struct job *job)
{
    for (size_t i = 0; i < job->result.lock_count; i++) {
        const struct trail_lock *lock = &job->result.locks[i];
        if (!lock->lost)
            continue;
        job_add(job, i, lock->loss.stage, lock->loss.mechanism, mem_strdup(lock->loss.evidence));
        for (size_t k = 0; k < lock->loss.later_count; k++)
            job_add(job, i, lock->loss.later[k].stage, lock->loss.later[k].mechanism,
                    mem_printf("upload %" PRIu64 ": after %s at %s", job->pending->known->number,
                               mechanism_name(lock->loss.mechanism), stage_name(lock->loss.stage)));
    }
}

void job_execute(struct job *job)
{
    struct copies *c = mem_calloc(1, sizeof *c);
    read_stages(job, c);
    end_descriptions(job, c);
    if (job->judged_stages[STAGE_UPLOAD]) {
        judge(job, c);
        find_losses(job);
    }
    free_copies(c);
}
