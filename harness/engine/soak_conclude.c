/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_record.h"

#include <inttypes.h>
#include <stdlib.h>

/* Of all uploads, in percent: so many may have come too fast to be looked at before nothing can be said of the soak.
 * What is rarer than one upload in a hundred would be missed then. */
#define UNJUDGED_PERCENT_MAX 1

struct tally {
    const struct soak_record *record;
    enum stage last;                                   /* the last stage that ran */
    size_t early, late;                                /* groups that make a failure, a partial */
    const struct soak_group *first_early, *first_late; /* with the most uploads */
    size_t unseen;                                     /* locks without a name or a loss */
    const struct soak_lock *first_unseen;
    size_t mute; /* processes that have run and never uploaded, and nobody has killed */
    const struct soak_process *first_mute;
};

static void add_counts(uint64_t *sum, const uint64_t *more)
{
    for (size_t s = 0; s < STAGE_COUNT; s++)
        sum[s] += more[s];
}

static void add_uploads(struct soak_uploads *sum, const struct soak_uploads *more)
{
    add_counts(sum->arrived, more->arrived);
    add_counts(sum->missing, more->missing);
    add_counts(sum->doubled, more->doubled);
    sum->judged += more->judged;
    sum->good += more->good;
    sum->with_loss += more->with_loss;
    sum->unreadable += more->unreadable;
    sum->unknown += more->unknown;
    sum->unjudged += more->unjudged;
    sum->cut += more->cut;
    sum->pending += more->pending;
}

/* What nobody's uploads are is known only to the whole. */
static void sum_up(struct soak_record *r)
{
    struct soak_uploads sum = {.unknown = r->uploads.unknown};
    for (size_t i = 0; i < r->process_count; i++)
        add_uploads(&sum, &r->processes[i].uploads);
    r->uploads = sum;
}

/* The name itself is gone; not only some of its counts, or a whole upload. */
static bool takes_name(const struct soak_group *g)
{
    return g->mechanism != MECHANISM_SAMPLES_DROPPED && g->mechanism != MECHANISM_PROFILE_DROPPED &&
           g->mechanism != MECHANISM_DUPLICATED;
}

static const struct soak_group *larger(const struct soak_group *a, const struct soak_group *b)
{
    return !a || b->uploads > a->uploads ? b : a;
}

static void tally_group(struct tally *t, const struct soak_group *g)
{
    bool named = g->lock && g->lock[0];
    if (g->disturbed && !(named && takes_name(g)))
        return;
    if (g->stage <= STAGE_UPLOAD && takes_name(g)) {
        t->early++;
        t->first_early = larger(t->first_early, g);
    } else {
        t->late++;
        t->first_late = larger(t->first_late, g);
    }
}

/* A lock of which no upload has shown anything: where it is not lost, it was too rare. */
static void tally_lock(struct tally *t, const struct soak_lock *lock)
{
    const uint64_t *states = lock->states[t->last];
    uint64_t shown = states[STATE_EXACT] + states[STATE_MANGLED] + states[STATE_ALIAS] + states[STATE_GENERIC];
    if (shown > 0)
        return;
    if (t->unseen++ == 0)
        t->first_unseen = lock;
}

static void tally_process(struct tally *t, const struct soak_process *p)
{
    if (!p->worker || !p->worker[0] || p->lives == 0 || p->kills > 0 || p->uploads.arrived[STAGE_UPLOAD] > 0)
        return;
    if (t->mute++ == 0)
        t->first_mute = p;
}

static enum stage last_stage(const struct soak_record *r)
{
    enum stage last = STAGE_UPLOAD;
    for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++)
        if (r->stage_ran[s])
            last = (enum stage)s;
    return last;
}

static bool too_fast(const struct soak_uploads *u)
{
    return u->unjudged * 100 > (u->judged + u->unjudged) * UNJUDGED_PERCENT_MAX;
}

static enum verdict verdict_of(const struct tally *t)
{
    const struct soak_record *r = t->record;
    if (r->problem_count > 0)
        return VERDICT_ERROR;
    if (t->early > 0)
        return VERDICT_FAILURE;
    if (t->late > 0 || r->groups_dropped > 0)
        return VERDICT_PARTIAL;
    bool enough =
        r->uploads.judged > 0 && r->lock_count > 0 && t->unseen == 0 && t->mute == 0 && !too_fast(&r->uploads);
    return enough ? VERDICT_SUCCESS : VERDICT_INCONCLUSIVE;
}

/* --- the conclusion --------------------------------------------------------------------------------------------- */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void add_group(struct buf *out, const struct soak_group *g)
{
    const char *lock = g->lock[0] ? g->lock : "a whole upload";
    buf_printf(out, "%s of %s, %s at %s, ", lock, g->worker, mechanism_name(g->mechanism), stage_name(g->stage));
    soak_group_where(g, out);
}

static void add_losses(struct buf *out, const struct tally *t)
{
    const struct soak_uploads *u = &t->record->uploads;
    if (t->early > 0) {
        buf_printf(out, "%zu kind%s of loss already in what left the process: ", t->early, plural(t->early));
        add_group(out, t->first_early);
        buf_add_str(out, t->early > 1 ? ", and others. " : ". ");
    }
    if (t->late > 0) {
        buf_printf(out, "%zu kind%s of loss on the way: ", t->late, plural(t->late));
        add_group(out, t->first_late);
        buf_add_str(out, t->late > 1 ? ", and others. " : ". ");
    }
    if (t->record->groups_dropped > 0)
        buf_printf(out, "%" PRIu64 " losses were of still other kinds. ", t->record->groups_dropped);
    if (t->early + t->late > 0)
        buf_printf(out, "%" PRIu64 " of %" PRIu64 " uploads came through without a loss in them. ", u->good, u->judged);
}

static void add_lack(struct buf *out, const struct tally *t)
{
    const struct soak_record *r = t->record;
    if (t->mute > 0)
        buf_printf(out, "%zu process%s sent no upload, as %s: is a profiler on in it? ", t->mute,
                   t->mute == 1 ? " has" : "es have", t->first_mute->name);
    else if (r->uploads.judged == 0)
        buf_printf(out, "No upload has been followed to %s yet. ", stage_name(t->last));
    else if (r->lock_count == 0)
        buf_add_str(out, "No lock was declared. ");
    else if (t->unseen > 0)
        buf_printf(out,
                   "%zu of %zu locks were too rare to be seen in any upload, as %s of %s: more threads, a longer "
                   "interval or a higher capture_pct would show them. ",
                   t->unseen, r->lock_count, t->first_unseen->id, t->first_unseen->worker);
}

static void add_unjudged(struct buf *out, const struct soak_uploads *u)
{
    if (u->unjudged > 0)
        buf_printf(out, "%" PRIu64 " of %" PRIu64 " uploads came faster than they could be looked at. ", u->unjudged,
                   u->judged + u->unjudged);
}

/* Of a success, what has a loss has it of a disturbance. */
static void add_success(struct buf *out, const struct tally *t)
{
    const struct soak_record *r = t->record;
    uint64_t good = r->uploads.good, lost = r->uploads.judged - good;
    buf_printf(out, "%" PRIu64 " upload%s came to %s with the names of all %zu locks that they can show. ", good,
               plural(good), stage_name(t->last), r->lock_count);
    if (lost > 0)
        buf_printf(out, "%" PRIu64 " other%s lost something in disturbances. ", lost, plural(lost));
}

static char *conclude(const struct tally *t)
{
    const struct soak_record *r = t->record;
    struct buf out = {0};
    if (r->problem_count > 0)
        buf_printf(&out, "%" PRIu64 " problem%s, first: %s: %s. ", r->problem_count + r->problems_dropped,
                   plural(r->problem_count + r->problems_dropped), r->problems[0].who, r->problems[0].text);
    add_losses(&out, t);
    if (t->early + t->late == 0)
        add_lack(&out, t);
    add_unjudged(&out, &r->uploads);
    if (r->verdict == VERDICT_SUCCESS)
        add_success(&out, t);
    while (out.size > 0 && out.data[out.size - 1] == ' ')
        out.data[--out.size] = '\0';
    return buf_steal(&out);
}

void soak_record_conclude(struct soak_record *r)
{
    struct tally t = {.record = r, .last = last_stage(r)};
    sum_up(r);
    for (size_t i = 0; i < r->group_count; i++)
        tally_group(&t, &r->groups[i]);
    for (size_t i = 0; i < r->process_count; i++)
        tally_process(&t, &r->processes[i]);
    for (size_t i = 0; i < r->lock_count; i++)
        tally_lock(&t, &r->locks[i]);
    r->verdict = verdict_of(&t);
    free(r->conclusion);
    r->conclusion = conclude(&t);
}
