/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/steps.h"
#include "base/mem.h"
#include "trail/advice.h"
#include "trail/choice.h"
#include "trail/elsewhere.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Locks whose site is doubted one by one; where there are more, one wrong file or release explains them all. */
#define SITES_MAX 5
/* Bytes of a label that a step quotes. */
#define LABEL_SHOWN_MAX 200

struct steps {
    const struct tally *t;
    struct trail_result *result;
    size_t capacity;
};

static bool is_uploaders(const struct trail_lock *lock, const struct choice *c)
{
    (void)c;
    return choice_is_uploaders(lock);
}

static void add_step(struct steps *s, char *text)
{
    for (size_t i = 0; i < s->result->next_step_count; i++) {
        if (strcmp(s->result->next_steps[i], text) == 0) {
            free(text);
            return;
        }
    }
    s->result->next_steps = mem_grow(s->result->next_steps, s->result->next_step_count, &s->capacity, sizeof(char *));
    s->result->next_steps[s->result->next_step_count++] = text;
}

static bool explains(const struct tally *t, const struct trail_suspect *suspect)
{
    for (size_t i = 0; i < t->result->lock_count; i++) {
        const struct trail_lock *lock = &t->result->locks[i];
        if (lock->lost && lock->loss.mechanism == suspect->mechanism &&
            !(suspect->by_rate && lock->stages[STAGE_CONTROL].state == STATE_ABSENT) &&
            (suspect->worker == NULL || strcmp(suspect->worker, work_lock(t->w, lock->lock)->worker) == 0)) {
            return true;
        }
    }
    return false;
}

static void add_suspects(struct steps *s)
{
    const struct trail_input *in = s->t->w->input;
    for (size_t i = 0; i < in->suspect_count; i++) {
        const struct trail_suspect *suspect = &in->suspects[i];
        if (explains(s->t, suspect)) {
            add_step(s, mem_printf("%s is set for %s: %s", suspect->setting,
                                   suspect->worker ? suspect->worker : "all workers", suspect->advice));
        }
    }
}

static uint64_t acquires_of(const struct steps *s, const struct choice *c)
{
    uint64_t acquires = 0;
    for (size_t i = 0; i < s->result->lock_count; i++) {
        const struct trail_lock *lock = &s->result->locks[i];
        acquires += c->holds(lock, c) ? lock->stages[c->stage].true_acquires : 0;
    }
    return acquires;
}

static void add_mechanism(struct steps *s, enum stage stage, enum mechanism m, enum unsampled unsampled)
{
    struct choice c = {choice_is_lost_by, stage, m, unsampled, false};
    struct buf out = {0};
    if (choice_say(s->t, &c, &out) == 0) {
        return;
    }
    buf_printf(&out, " (%s at %s): ", mechanism_name(m), stage_name(stage));
    if (unsampled == UNSAMPLED_CAPTURED) {
        buf_printf(&out, "the collector saw none of %" PRIu64 " acquires, ", acquires_of(s, &c));
    }
    advice_say(s->t, stage, m, unsampled, &out);
    add_step(s, buf_steal(&out));
}

/* One step for each stage and mechanism. */
static void add_mechanisms(struct steps *s, enum stage from, enum stage to)
{
    for (enum stage stage = from; stage <= to; stage++) {
        for (enum mechanism m = 0; m < MECHANISM_COUNT; m++) {
            for (enum unsampled u = 0; u < UNSAMPLED_COUNT; u++) {
                add_mechanism(s, stage, m, u);
            }
        }
    }
}

/* What a second process of the same program did not get from its own collector. */
static void add_uploaders(struct steps *s)
{
    struct buf locks = {0};
    struct choice c = {.holds = is_uploaders};
    if (choice_say(s->t, &c, &locks) > 0) {
        add_step(s, mem_printf("%s: compare the settings of the uploading process with those of the one that writes "
                               "locally: environment, launcher, packages",
                               locks.data));
        add_step(s, mem_strdup("Run again with another --seed: timing decides what the first sampled acquire sees, and "
                               "by it a lock is named or not for the rest of the process"));
    }
    buf_fini(&locks);
}

static void add_profiler_start(struct steps *s)
{
    struct choice c = {choice_is_lost_by, STAGE_COLLECTOR, MECHANISM_PROFILE_DROPPED, UNSAMPLED_NO, false};
    for (size_t i = 0; i < s->result->lock_count; i++) {
        if (!c.holds(&s->result->locks[i], &c)) {
            continue;
        }
        /* Who shows C expressions is lockprof. */
        bool native = work_lock(s->t->w, i)->qualified;
        add_step(s, mem_strdup(native ? "Check that the profiler started at all: what lockprof says in the worker's "
                                        "output; a static or setuid program takes no preloaded library"
                                      : "Check that the profiler started at all: ddtrace-run or the import of "
                                        "ddtrace.profiling.auto, no -I, -E or -S on python's command line, no import "
                                        "error in the worker's output"));
        return;
    }
}

static bool is_missing(const struct trail_lock *lock)
{
    return lock->lost ? lock->stages[lock->loss.stage].state == STATE_ABSENT : tally_is_undersampled(lock);
}

/* Locks that are not where they were declared, while their names are elsewhere. */
static void add_sites(struct steps *s)
{
    struct elsewhere e;
    size_t count = 0;
    elsewhere_build(&e, s->result);
    for (size_t i = 0; i < s->result->lock_count; i++) {
        const struct lock *lock = work_lock(s->t->w, i);
        const struct undeclared *u = is_missing(&s->result->locks[i]) ? elsewhere_find(&e, lock) : NULL;
        if (u == NULL || count++ >= SITES_MAX) {
            continue;
        }
        struct buf out = {0};
        buf_add_str(&out, "Check the site of ");
        choice_say_lock(s->t, &s->result->locks[i], &out);
        buf_printf(&out, ": the profile has %.*s, declared is %s:%u", LABEL_SHOWN_MAX, u->label, lock->file,
                   lock->line);
        add_step(s, buf_steal(&out));
    }
    if (count > SITES_MAX) {
        add_step(s, mem_printf("Check the sites of %zu more locks whose names are at other sites", count - SITES_MAX));
    }
    elsewhere_fini(&e);
}

static void add_texts(struct steps *s, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_step(s, mem_strdup(texts[i]));
    }
}

#define ADD_TEXTS(s, texts) add_texts((s), (texts), sizeof(texts) / sizeof(texts)[0])

static void step_partial(struct steps *s)
{
    static const char *const texts[] = {
        "Check pprof compatibility: whether each receiver reads the compression, the sample types "
        "and the string labels of these profiles",
        "Check agent and backend processing: limits on size and label length, label filters, "
        "refused, lost and repeated uploads",
        "Check rendering: whether the view that a person is shown groups by the lock's name or "
        "hides it",
    };
    add_sites(s);
    add_suspects(s);
    add_uploaders(s);
    add_mechanisms(s, STAGE_UPLOAD, STAGE_UI);
    if (s->t->lost_way > 0) {
        ADD_TEXTS(s, texts);
    }
}

static void step_failure(struct steps *s)
{
    static const char *const texts[] = {
        "Compare the collector's configuration with that of a run that names these locks, such as "
        "the control or the profiler's unit tests",
        "Compare the environment variables of the workers with those under which the names are "
        "right",
        "Check frame inspection: the name is looked up in the caller's frame, and a lock reached "
        "through a container, a helper or two levels of members has none there",
        "Check for optimized-away variables: a variable that is gone when the lock is taken gives "
        "no name",
    };
    add_profiler_start(s);
    add_sites(s);
    add_suspects(s);
    add_mechanisms(s, STAGE_COLLECTOR, STAGE_UI);
    add_uploaders(s);
    ADD_TEXTS(s, texts);
}

static void step_inconclusive(struct steps *s)
{
    const struct tally *t = s->t;
    struct choice c = {.holds = choice_is_doubtful_for_ever};
    struct buf out = {0};
    add_sites(s);
    if (t->needed_ms > 0) {
        add_step(s, mem_printf("Run longer: --duration %" PRId64 "s would have been enough at this "
                               "capture rate; or raise the capture rate",
                               t->needed_ms / 1000));
    }
    if (t->undersampled > 0 && choice_say(t, &c, &out) > 0) {
        buf_add_str(&out, ": how long a run would have to be can't be said, since no acquire of "
                          "it was counted; check that the workload takes it, or raise the capture "
                          "rate");
        add_step(s, buf_steal(&out));
    }
    buf_fini(&out);
    if (t->empty != STAGE_COUNT) {
        add_step(s, mem_printf(t->empty > STAGE_UPLOAD
                                   ? "Check what lies before it, and its log: nothing came to %s"
                                   : "Check that the profiler is on and that the run is longer than its "
                                     "upload interval: nothing came to %s",
                               stage_name(t->empty)));
    }
    if (t->result->lock_count == 0) {
        add_step(s, mem_strdup("Run again, until the workers have declared their locks"));
    } else if (t->names == 0) {
        add_step(s, mem_strdup("Add locks to the scenario that the runtime can name"));
    }
}

static void step_critical(struct steps *s)
{
    static const char *const texts[] = {
        "Fix the collector first: its own check, single-threaded and with every acquire sampled, "
        "does not pass",
        "Run again when the control passes: until then a missing name says nothing of the upload, "
        "agent, backend or rendering",
    };
    ADD_TEXTS(s, texts);
}

static void step_error(struct steps *s)
{
    const char *first = s->t->w->input->first_problem;
    if (first != NULL) {
        add_step(s, mem_printf("Fix this first: %s", first));
    }
    add_step(s, mem_strdup("Run again: what was seen of the names is listed, but proves nothing"));
}

static void step_success(struct steps *s)
{
    add_step(s, mem_strdup("Where production still shows generic names, run this scenario with "
                           "production's packages, environment variables and profiler version"));
}

void steps_write(const struct tally *t, struct trail_result *result)
{
    static void (*const words[VERDICT_COUNT])(struct steps * s) = {
        [VERDICT_SUCCESS] = step_success,           [VERDICT_PARTIAL] = step_partial,
        [VERDICT_FAILURE] = step_failure,           [VERDICT_CRITICAL] = step_critical,
        [VERDICT_INCONCLUSIVE] = step_inconclusive, [VERDICT_ERROR] = step_error,
    };
    struct steps s = {.t = t, .result = result};
    words[result->verdict](&s);
}
