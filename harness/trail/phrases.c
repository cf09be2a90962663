/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/phrases.h"
#include "trail/choice.h"

static void say_mechanisms(const struct tally *t, const struct choice *c, struct buf *out)
{
    const char *comma = "";
    for (enum mechanism m = 0; m < MECHANISM_COUNT; m++) {
        bool any = false;
        for (size_t i = 0; i < t->result->lock_count && !any; i++) {
            const struct trail_lock *lock = &t->result->locks[i];
            any = c->holds(lock, c) && lock->loss.mechanism == m;
        }
        if (any) {
            buf_printf(out, "%s%s", comma, mechanism_name(m));
            comma = ", ";
        }
    }
}

/* "a, b at agent (value_truncated); c at backend (label_dropped)". */
static void say_losses(const struct tally *t, enum stage from, enum stage to, bool uploader, struct buf *out)
{
    const char *between = "";
    for (enum stage s = from; s <= to; s++) {
        struct choice c = {.holds = choice_is_lost_at, .stage = s, .uploader = uploader};
        struct buf names = {0};
        if (choice_say(t, &c, &names) > 0) {
            buf_printf(out, "%s%s at %s (", between, names.data, stage_name(s));
            say_mechanisms(t, &c, out);
            buf_add_char(out, ')');
            between = "; ";
        }
        buf_fini(&names);
    }
}

static void say_limits(const struct tally *t, struct buf *out)
{
    if (t->limits > 0) {
        struct choice c = {.holds = choice_is_limit};
        buf_add_str(out, t->limits == 1 ? " One known limit is listed apart: " : " Known limits are listed apart: ");
        choice_say(t, &c, out);
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

/* A second process of the same program has a collector of its own: what that one does not give was not lost on the
 * way. */
static void say_uploaders(const struct tally *t, struct buf *out)
{
    buf_printf(out, "%zu of %zu locks %s in what the uploading process's own collector gave%s: ", t->lost_uploader,
               t->result->lock_count, t->lost_uploader == 1 ? "misses its name" : "miss their names",
               t->w->input->stage_ran[STAGE_COLLECTOR] ? " (another process of the same program)" : "");
    say_losses(t, STAGE_UPLOAD, STAGE_UI, true, out);
    buf_add_char(out, '.');
}

static void conclude_partial(const struct tally *t, struct buf *out)
{
    if (t->lost_way == 0) {
        buf_add_str(out, "Nothing is lost in the local pprof, but ");
        say_uploaders(t, out);
        return;
    }
    buf_add_str(out, "The collector works, but on the way ");
    say_of(t, t->lost_way, out);
    buf_add_str(out, "lost: ");
    say_losses(t, STAGE_UPLOAD, STAGE_UI, false, out);
    buf_add_char(out, '.');
    if (t->lost_uploader > 0) {
        buf_add_str(out, " And ");
        say_uploaders(t, out);
    }
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
    say_losses(t, STAGE_COLLECTOR, STAGE_COLLECTOR, false, out);
    buf_add_char(out, '.');
    if (t->lost_way > 0) {
        buf_add_str(out, " Lost on the way: ");
        say_losses(t, STAGE_UPLOAD, STAGE_UI, false, out);
        buf_add_char(out, '.');
    }
    if (t->lost_uploader > 0) {
        buf_add_str(out, " And ");
        say_uploaders(t, out);
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
    struct choice doubtful = {.holds = choice_is_doubtful}, limit = {.holds = choice_is_limit};
    buf_add_str(out, "Not enough evidence: ");
    if (t->result->lock_count == 0) {
        buf_add_str(out, "no lock was declared.");
    } else if (t->names == 0) {
        buf_add_str(out, "every declared lock is a known limit, which the runtime can't name: ");
        choice_say(t, &limit, out);
        buf_add_char(out, '.');
    } else if (t->undersampled > 0) {
        choice_say(t, &doubtful, out);
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

void phrases_conclude(const struct tally *t, struct trail_result *result)
{
    static void (*const words[VERDICT_COUNT])(const struct tally *t, struct buf *out) = {
        [VERDICT_SUCCESS] = conclude_success,           [VERDICT_PARTIAL] = conclude_partial,
        [VERDICT_FAILURE] = conclude_failure,           [VERDICT_CRITICAL] = conclude_critical,
        [VERDICT_INCONCLUSIVE] = conclude_inconclusive, [VERDICT_ERROR] = conclude_error,
    };
    struct buf out = {0};
    words[result->verdict](t, &out);
    result->conclusion = buf_steal(&out);
}
