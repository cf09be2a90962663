/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/phrases.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Locks that a sentence names before "and N more". */
#define NAMES_MAX 3

/* Which locks a sentence is about. */
struct choice {
    bool (*holds)(const struct trail_lock *lock, const struct choice *c);
    enum stage stage;
    enum mechanism mechanism;
    bool in_control;
};

struct steps {
    const struct tally *t;
    struct trail_result *result;
    size_t capacity;
};

static bool unique(const struct tally *t, const char *text)
{
    size_t number = table_find(&t->shown, text, strlen(text));
    return number != TABLE_NONE && t->shown_count[number] == 1;
}

/* The lock's name where it has one of its own, else its id. */
static void say_lock(const struct tally *t, const struct trail_lock *lock, struct buf *out)
{
    const struct lock *l = work_lock(t->w, lock->lock);
    if (l->name[0] != '\0' && unique(t, l->name)) {
        buf_add_str(out, l->name);
    } else if (unique(t, l->id)) {
        buf_add_str(out, l->id);
    } else {
        buf_printf(out, "%s of %s", l->id, l->worker);
    }
}

/* "a, b, c and 2 more"; returns how many there are. */
static size_t say_locks(const struct tally *t, const struct choice *c, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < t->result->lock_count; i++) {
        const struct trail_lock *lock = &t->result->locks[i];
        if (c->holds(lock, c) && count++ < NAMES_MAX) {
            buf_add_str(out, count > 1 ? ", " : "");
            say_lock(t, lock, out);
        }
    }
    if (count > NAMES_MAX) {
        buf_printf(out, " and %zu more", count - NAMES_MAX);
    }
    return count;
}

static bool is_lost_at(const struct trail_lock *lock, const struct choice *c)
{
    return lock->lost && lock->loss.stage == c->stage;
}

static bool is_in_control(const struct trail_lock *lock)
{
    enum lock_state state = lock->stages[STAGE_CONTROL].state;
    return state == STATE_EXACT || state == STATE_MANGLED || state == STATE_GENERIC || state == STATE_ALIAS;
}

static bool is_lost_by(const struct trail_lock *lock, const struct choice *c)
{
    return is_lost_at(lock, c) && lock->loss.mechanism == c->mechanism &&
           (c->mechanism != MECHANISM_NEVER_SAMPLED || is_in_control(lock) == c->in_control);
}

static bool is_doubtful(const struct trail_lock *lock, const struct choice *c)
{
    (void)c;
    return tally_is_undersampled(lock);
}

static bool is_doubtful_for_ever(const struct trail_lock *lock, const struct choice *c)
{
    (void)c;
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
        if (lock->stages[s].needed_ms > 0) {
            return false;
        }
    }
    return tally_is_undersampled(lock);
}

static bool is_limit(const struct trail_lock *lock, const struct choice *c)
{
    (void)c;
    return lock->known_limit;
}

/* --- conclusions -------------------------------------------------------------------------------------------------- */

static void say_mechanisms(const struct tally *t, enum stage stage, struct buf *out)
{
    const char *comma = "";
    for (enum mechanism m = 0; m < MECHANISM_COUNT; m++) {
        bool any = false;
        for (size_t i = 0; i < t->result->lock_count && !any; i++) {
            const struct trail_lock *lock = &t->result->locks[i];
            any = lock->lost && lock->loss.stage == stage && lock->loss.mechanism == m;
        }
        if (any) {
            buf_printf(out, "%s%s", comma, mechanism_name(m));
            comma = ", ";
        }
    }
}

/* "a, b at agent (value_truncated); c at backend (label_dropped)". */
static void say_losses(const struct tally *t, enum stage from, enum stage to, struct buf *out)
{
    const char *between = "";
    for (enum stage s = from; s <= to; s++) {
        if (t->lost[s] == 0) {
            continue;
        }
        struct choice c = {.holds = is_lost_at, .stage = s};
        buf_add_str(out, between);
        say_locks(t, &c, out);
        buf_printf(out, " at %s (", stage_name(s));
        say_mechanisms(t, s, out);
        buf_add_char(out, ')');
        between = "; ";
    }
}

static void say_limits(const struct tally *t, struct buf *out)
{
    if (t->limits > 0) {
        struct choice c = {.holds = is_limit};
        buf_add_str(out, t->limits == 1 ? " One known limit is listed apart: " : " Known limits are listed apart: ");
        say_locks(t, &c, out);
        buf_add_char(out, '.');
    }
}

static void conclude_success(const struct tally *t, struct buf *out)
{
    const char *comma = "";
    if (t->names == 1) {
        buf_add_str(out, "The declared name is there at every stage that ran (");
    } else {
        buf_printf(out, "All %zu declared names are there at every stage that ran (", t->names);
    }
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
        if (t->w->input->stage_ran[s]) {
            buf_printf(out, "%s%s", comma, stage_name(s));
            comma = ", ";
        }
    }
    buf_add_str(out, ").");
    say_limits(t, out);
}

static void say_of(const struct tally *t, size_t lost, struct buf *out)
{
    buf_printf(out, "%zu of %zu locks %s ", lost, t->result->lock_count, lost == 1 ? "is" : "are");
}

static void conclude_partial(const struct tally *t, struct buf *out)
{
    buf_add_str(out, "The collector works, but on the way ");
    say_of(t, t->lost_later, out);
    buf_add_str(out, "lost: ");
    say_losses(t, STAGE_UPLOAD, STAGE_UI, out);
    buf_add_char(out, '.');
}

/* Whether every lock that is lost at the collector has its name there and only its counts are wrong. */
static bool only_counts(const struct tally *t)
{
    for (size_t i = 0; i < t->result->lock_count; i++) {
        const struct trail_lock *lock = &t->result->locks[i];
        if (lock->lost && lock->loss.stage == STAGE_COLLECTOR &&
            (lock->stages[STAGE_COLLECTOR].state == STATE_ABSENT || lock->loss.mechanism == MECHANISM_NEVER_NAMED ||
             lock->loss.mechanism == MECHANISM_ALIASED)) {
            return false;
        }
    }
    return true;
}

static void conclude_failure(const struct tally *t, struct buf *out)
{
    say_of(t, t->lost_early, out);
    buf_add_str(out, only_counts(t) ? "named in the local pprof, but with wrong counts: "
                                    : "not rightly named even in the local pprof: ");
    say_losses(t, STAGE_COLLECTOR, STAGE_COLLECTOR, out);
    buf_add_char(out, '.');
    if (t->lost_later > 0) {
        buf_add_str(out, " Lost on the way: ");
        say_losses(t, STAGE_UPLOAD, STAGE_UI, out);
        buf_add_char(out, '.');
    }
}

static void conclude_critical(const struct tally *t, struct buf *out)
{
    const char *why = t->w->input->control_why;
    buf_printf(out,
               "The control fails%s%s. The collector itself is broken, so that nothing can be said "
               "of the way after it.",
               why ? ": " : "", why ? why : "");
}

static void conclude_inconclusive(const struct tally *t, struct buf *out)
{
    struct choice doubtful = {.holds = is_doubtful}, limit = {.holds = is_limit};
    buf_add_str(out, "Not enough evidence: ");
    if (t->result->lock_count == 0) {
        buf_add_str(out, "no lock was declared.");
    } else if (t->names == 0) {
        buf_add_str(out, "every declared lock is a known limit, which the runtime can't name: ");
        say_locks(t, &limit, out);
        buf_add_char(out, '.');
    } else if (t->undersampled > 0) {
        say_locks(t, &doubtful, out);
        buf_printf(out, " %s not seen at some stage, and that may be chance.", t->undersampled == 1 ? "was" : "were");
    }
    if (t->empty != STAGE_COUNT) {
        buf_printf(out, "%sthere is no copy at %s, although it ran.",
                   t->result->lock_count == 0 || t->names == 0 || t->undersampled > 0 ? " And " : "",
                   stage_name(t->empty));
    }
}

static void conclude_error(const struct tally *t, struct buf *out)
{
    const struct trail_input *in = t->w->input;
    buf_printf(out, "The run itself went wrong, so that it says nothing of the names: %s.",
               in->first_problem ? in->first_problem : "see the problems");
    if (in->problem_count > 1) {
        buf_printf(out, " There %s %zu more problem%s.", in->problem_count == 2 ? "is" : "are", in->problem_count - 1,
                   in->problem_count == 2 ? "" : "s");
    }
}

/* --- next steps --------------------------------------------------------------------------------------------------- */

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

static const char *advice_of(enum mechanism mechanism, bool in_control)
{
    static const char *const advice[MECHANISM_COUNT] = {
        [MECHANISM_NEVER_NAMED] = "look at the first sampled acquire: its caller's frame does not "
                                  "show the lock under a name",
        [MECHANISM_NEVER_SAMPLED] = "try another version of the profiler, and look whether the "
                                    "lock's module is excluded from profiling",
        [MECHANISM_ALIASED] = "look for another variable that reaches the lock in the frame of "
                              "its first sampled acquire",
        [MECHANISM_LABEL_DROPPED] = "look what filters or limits the labels of samples there",
        [MECHANISM_LABEL_KEY_RENAMED] = "look what renames label keys there, and ask for the "
                                        "names under the new key",
        [MECHANISM_VALUE_TRUNCATED] = "look for a limit on the length of label values there",
        [MECHANISM_VALUE_REWRITTEN] = "look what normalizes or rewrites label values there",
        [MECHANISM_NAMES_SWAPPED] = "look at the string table of the profile there: indexes point "
                                    "to the wrong strings",
        [MECHANISM_SAMPLES_DROPPED] = "look what filters, aggregates or limits samples there",
        [MECHANISM_PROFILE_DROPPED] = "look for refused, lost or overdue profiles there: answers, "
                                      "size limits, timeouts, the end of the process",
        [MECHANISM_PROFILE_CORRUPT] = "look at the unreadable copy: compression, cut-off bodies",
        [MECHANISM_DUPLICATED] = "look for retries or two receivers there: something came more "
                                 "than once",
    };
    if (mechanism == MECHANISM_NEVER_SAMPLED && in_control) {
        return "try another capture rate or a less regular workload: the sampler counts instead "
               "of drawing, and a program in step with it leaves a lock without a sample";
    }
    return advice[mechanism];
}

/* One step for each stage and mechanism. */
static void add_mechanisms(struct steps *s, enum stage from, enum stage to)
{
    for (enum stage stage = from; stage <= to; stage++) {
        for (enum mechanism m = 0; m < MECHANISM_COUNT && s->t->lost[stage] > 0; m++) {
            for (int in_control = 1; in_control >= 0; in_control--) {
                struct choice c = {is_lost_by, stage, m, in_control};
                struct buf out = {0};
                if ((m != MECHANISM_NEVER_SAMPLED && !in_control) || say_locks(s->t, &c, &out) == 0) {
                    buf_fini(&out);
                    continue;
                }
                buf_printf(&out, " (%s at %s): %s", mechanism_name(m), stage_name(stage), advice_of(m, in_control));
                add_step(s, buf_steal(&out));
            }
        }
    }
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
    add_suspects(s);
    add_mechanisms(s, STAGE_UPLOAD, STAGE_UI);
    ADD_TEXTS(s, texts);
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
    add_suspects(s);
    add_mechanisms(s, STAGE_COLLECTOR, STAGE_UI);
    ADD_TEXTS(s, texts);
}

static void step_inconclusive(struct steps *s)
{
    const struct tally *t = s->t;
    struct choice c = {.holds = is_doubtful_for_ever};
    struct buf out = {0};
    if (t->needed_ms > 0) {
        add_step(s, mem_printf("Run longer: --duration %" PRId64 "s would have been enough at this "
                               "capture rate; or raise the capture rate",
                               t->needed_ms / 1000));
    }
    if (t->undersampled > 0 && say_locks(t, &c, &out) > 0) {
        buf_add_str(&out, ": how long a run would have to be can't be said, since no acquire of "
                          "it was counted; check that the workload takes it, or raise the capture "
                          "rate");
        add_step(s, buf_steal(&out));
    }
    buf_fini(&out);
    if (t->empty != STAGE_COUNT) {
        add_step(s, mem_printf("Check that the profiler is on and that the run is longer than its "
                               "upload interval: nothing came to %s",
                               stage_name(t->empty)));
    }
    if (t->names == 0) {
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

void phrases_write(const struct tally *t, struct trail_result *result)
{
    static const struct {
        void (*conclude)(const struct tally *t, struct buf *out);
        void (*step)(struct steps *s);
    } words[VERDICT_COUNT] = {
        [VERDICT_SUCCESS] = {conclude_success, step_success},
        [VERDICT_PARTIAL] = {conclude_partial, step_partial},
        [VERDICT_FAILURE] = {conclude_failure, step_failure},
        [VERDICT_CRITICAL] = {conclude_critical, step_critical},
        [VERDICT_INCONCLUSIVE] = {conclude_inconclusive, step_inconclusive},
        [VERDICT_ERROR] = {conclude_error, step_error},
    };
    struct buf out = {0};
    struct steps s = {.t = t, .result = result};
    words[result->verdict].conclude(t, &out);
    result->conclusion = buf_steal(&out);
    words[result->verdict].step(&s);
}
