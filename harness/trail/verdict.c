/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/verdict.h"
#include "base/mem.h"
#include "trail/choice.h"
#include "trail/phrases.h"
#include "trail/steps.h"

#include <stdlib.h>
#include <string.h>

bool tally_is_undersampled(const struct trail_lock *lock)
{
    bool seen = false, doubtful = false;
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
        enum lock_state state = lock->stages[s].state;
        doubtful = doubtful || state == STATE_UNDERSAMPLED;
        seen = seen || (state != STATE_UNDERSAMPLED && state != STATE_NOT_RUN);
    }
    return !lock->lost && !lock->known_limit && (doubtful || !seen);
}

static void count_shown(struct tally *t, const char *text)
{
    size_t before = t->shown.count, number = table_put_text(&t->shown, text);
    if (number == before) {
        t->shown_count[number] = 0;
    }
    t->shown_count[number]++;
}

static void count_lock(struct tally *t, const struct trail_lock *lock)
{
    const struct lock *l = work_lock(t->w, lock->lock);
    count_shown(t, l->name);
    if (strcmp(l->id, l->name) != 0) {
        count_shown(t, l->id);
    }
    t->limits += lock->known_limit;
    t->names += !lock->known_limit;
    if (lock->lost) {
        bool early = lock->loss.stage == STAGE_COLLECTOR, uploader = choice_is_uploaders(lock);
        t->lost_early += early;
        t->lost_uploader += uploader;
        t->lost_way += !early && !uploader;
    }
    if (!tally_is_undersampled(lock)) {
        return;
    }
    t->undersampled++;
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
        int64_t needed = lock->stages[s].needed_ms;
        t->needed_ms = needed > t->needed_ms ? needed : t->needed_ms;
    }
}

static enum stage first_empty(const struct work *w)
{
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
        size_t copies = 0;
        for (size_t i = 0; i < w->input->ledger->instance_count; i++) {
            copies += work_flow(w, i, s)->copies;
        }
        if (w->input->stage_ran[s] && copies == 0) {
            return s;
        }
    }
    return STAGE_COUNT;
}

static enum verdict verdict_of(const struct tally *t)
{
    const struct trail_input *in = t->w->input;
    if (in->problem_count > 0) {
        return VERDICT_ERROR;
    }
    if (in->control == CONTROL_FAILED) {
        return VERDICT_CRITICAL;
    }
    if (t->lost_early > 0) {
        return VERDICT_FAILURE;
    }
    if (t->lost_uploader + t->lost_way > 0) {
        return VERDICT_PARTIAL;
    }
    bool enough = t->names > 0 && t->undersampled == 0 && t->empty == STAGE_COUNT;
    return enough ? VERDICT_SUCCESS : VERDICT_INCONCLUSIVE;
}

void verdict_reach(const struct work *w, struct trail_result *result)
{
    struct tally t = {.w = w, .result = result, .empty = first_empty(w)};
    t.shown_count = mem_calloc(2 * result->lock_count, sizeof *t.shown_count);
    for (size_t i = 0; i < result->lock_count; i++) {
        count_lock(&t, &result->locks[i]);
    }
    result->verdict = verdict_of(&t);
    phrases_conclude(&t, result);
    steps_write(&t, result);
    free(t.shown_count);
    table_fini(&t.shown);
}
