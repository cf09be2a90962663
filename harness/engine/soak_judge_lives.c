/* SPDX-License-Identifier: Apache-2.0 */
/* What each life of a process says that it did, held against what its uploads show.
 *
 * Lines and uploads each have their own times. A line's counts were read after its `at` and before it was heard; an
 * upload's after upload_counted_ns and before it arrived. So it surely holds what was done between the first line
 * behind the arrival of the one before it and the last line heard before that. */
#include "engine/soak_judge_internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Deepest nesting of the shipped workloads is 3; so many acquires of a lock that is not counted one to one are at least
 * one that is. */
#define UNCOUNTED_SHARE 10

struct soak_counts *soak_counts_hold(struct soak_counts *c)
{
    if (c)
        c->references++;
    return c;
}

void soak_counts_release(struct soak_counts *c)
{
    if (c && --c->references == 0)
        free(c);
}

static uint64_t acquires_of(const struct soak_counts *c, size_t lock)
{
    return lock < c->count ? c->acquires[lock] : 0;
}

/* --- beginning and end ------------------------------------------------------------------------------------------ */

static void forget_lines(struct life *life)
{
    for (size_t i = 0; i < LINES_MAX; i++) {
        soak_counts_release(life->lines[i]);
        life->lines[i] = NULL;
    }
    life->line_count = 0;
}

static void free_life(struct life *life)
{
    forget_lines(life);
    life_account_off(life);
    free(life->owed);
    free(life->runtime_id);
    free(life->acquires);
    free(life->droughts);
    free(life);
}

/* Its uploads that are still under way are judged without what it says. */
static void let_go(struct life *life)
{
    struct uploads *u = &life->process->judge->uploads;
    for (struct upload_known *k = u->pending.oldest; k && life->under_way > 0; k = k->newer)
        if (k->pending && k->pending->life == life) {
            k->pending->life = NULL;
            life->under_way--;
        }
}

void life_forget_times(struct life *life)
{
    let_go(life);
    life_account_off(life);
    forget_lines(life);
    life->drought_count = 0;
    life->waits_for_line = false;
    life->began_ns = life->judged_to_ns = life->arrived_to_ns = 0;
}

static void close_life(struct judge_process *p, size_t i)
{
    struct life *life = p->lives[i];
    if (life->under_way > 0) { /* what they hold would be missing */
        log_line(LOG_WARN, judge_record(p)->name,
                 "%zu uploads of a life that is over are still under way, and %d other lives have begun since "
                 "(LIVES_MAX): its acquires are not held against them",
                 life->under_way, LIVES_MAX);
        life_account_off(life);
    }
    life_account_end(life);
    let_go(life);
    memmove(p->lives + i, p->lives + i + 1, (--p->life_count - i) * sizeof *p->lives);
    free_life(life);
}

void life_begin(struct judge_process *p, int64_t now_ns)
{
    life_over(p, false);
    if (p->life_count == LIVES_MAX)
        close_life(p, 0);
    struct life *life = mem_calloc(1, sizeof *life);
    *life = (struct life){.process = p, .began_ns = now_ns, .over_ms = -1};
    p->lives[p->life_count++] = life;
    p->lives_begun++;
}

static struct life *current(const struct judge_process *p)
{
    struct life *last = p->life_count > 0 ? p->lives[p->life_count - 1] : NULL;
    return last && last->over_ms < 0 ? last : NULL;
}

void life_over(struct judge_process *p, bool killed)
{
    struct life *life = current(p);
    if (!life)
        return;
    life->over_ms = judge_now_ms(p->judge);
    life->over_ns = judge_wall_ns(p->judge);
    life->killed = killed;
}

void lives_tick(struct judge_process *p, bool now)
{
    for (size_t i = p->life_count; i-- > 0;) {
        const struct life *life = p->lives[i];
        bool over = life->over_ms >= 0 && life->under_way == 0 &&
                    (now || judge_now_ms(p->judge) - life->over_ms >= LIFE_GRACE_MS);
        if (over)
            close_life(p, i);
    }
}

void lives_free(struct judge_process *p)
{
    while (p->life_count > 0)
        free_life(p->lives[--p->life_count]);
}

struct life *life_find(const struct judge_process *p, int64_t end_ns)
{
    for (size_t i = p->life_count; i-- > 0;)
        if (end_ns == 0 || end_ns >= p->lives[i]->began_ns)
            return p->lives[i];
    return p->life_count > 0 && p->lives_begun == p->life_count ? p->lives[0] : NULL;
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static void grow_counts(struct life *life, size_t locks)
{
    if (locks <= life->lock_count)
        return;
    life->acquires = mem_realloc(life->acquires, locks, sizeof *life->acquires);
    memset(life->acquires + life->lock_count, 0, (locks - life->lock_count) * sizeof *life->acquires);
    life->lock_count = locks;
}

/* A process that takes back what it said is broken. */
static void take_count(struct life *life, const char *id, size_t lock, uint64_t acquires)
{
    struct judge_process *p = life->process;
    struct soak_judge *j = p->judge;
    if (acquires < life->acquires[lock]) {
        char *text =
            mem_printf("lock %.200s: acquires fell from %" PRIu64 " to %" PRIu64, id, life->acquires[lock], acquires);
        soak_record_problem(j->o.record, judge_now_ms(j), judge_record(p)->name, text, "counts of a process only grow");
        free(text);
        return;
    }
    uint64_t more = acquires - life->acquires[lock];
    life->acquires[lock] = acquires;
    life->total += more;
    judge_record(p)->acquires += more;
}

static void take_counts(struct life *life, const struct message *m)
{
    const struct judge_worker *w = life->process->worker;
    grow_counts(life, w->ledger.lock_count);
    for (size_t i = 0; i < message_counted(m); i++) {
        struct lock_count count = {0};
        const char *id = message_count(m, i, &count);
        int lock = ledger_find_lock(&w->ledger, w->def->name, id);
        if (lock >= 0)
            take_count(life, id, (size_t)lock, count.acquires);
    }
}

/* The first line behind the moment since which a lock has had no sample. */
static void settle_droughts(struct life *life, const struct soak_counts *line)
{
    life->waits_for_line = false;
    for (size_t i = 0; i < life->drought_count; i++) {
        struct drought *d = &life->droughts[i];
        if (!d->known && line->at_ns >= d->since_ns + ACCOUNT_SLACK_NS) {
            d->from = acquires_of(line, i);
            d->known = true;
        }
        life->waits_for_line = life->waits_for_line || !d->known;
    }
}

static void settle_pending(struct life *life, struct soak_counts *line)
{
    const struct uploads *u = &life->process->judge->uploads;
    size_t left = life->under_way;
    for (struct upload_known *k = u->pending.newest; k && left > 0; k = k->older) {
        struct pending *p = k->pending;
        if (!p || p->life != life)
            continue;
        left--;
        if (!p->after && line->at_ns >= p->arrived_ns + ACCOUNT_SLACK_NS)
            p->after = soak_counts_hold(line);
    }
}

void life_line(struct judge_process *p, const struct message *m)
{
    struct life *life = current(p);
    if (!life)
        return;
    take_counts(life, m);
    if (m->at_ns == 0)
        return; /* counts of no known time can't be held against anything */
    life->said_done = life->said_done || m->type == MESSAGE_DONE;
    struct soak_counts *line = mem_calloc(1, sizeof *line + life->lock_count * sizeof *line->acquires);
    *line = (struct soak_counts){
        .references = 1, .at_ns = m->at_ns, .heard_ns = judge_wall_ns(p->judge), .count = life->lock_count};
    if (life->lock_count > 0)
        memcpy(line->acquires, life->acquires, life->lock_count * sizeof *line->acquires);
    struct soak_counts **place = &life->lines[life->line_count++ % LINES_MAX];
    soak_counts_release(*place);
    *place = line;
    if (life->waits_for_line)
        settle_droughts(life, line);
    settle_pending(life, line);
    life_account_line(life, line);
}

/* --- uploads ---------------------------------------------------------------------------------------------------- */

/* The last line surely before the moment, or the first one surely behind it. */
static struct soak_counts *find_line(const struct life *life, int64_t at_ns, bool behind)
{
    size_t kept = life->line_count < LINES_MAX ? life->line_count : LINES_MAX;
    for (size_t i = 0; i < kept; i++) {
        size_t number = behind ? life->line_count - kept + i : life->line_count - 1 - i;
        struct soak_counts *line = life->lines[number % LINES_MAX];
        if (behind ? line->at_ns >= at_ns + ACCOUNT_SLACK_NS : line->heard_ns <= at_ns - ACCOUNT_SLACK_NS)
            return line;
    }
    return NULL;
}

bool life_shares(const struct life *life, size_t lock)
{
    return strcmp(life->process->worker->ledger.locks[lock].pattern, "forks") == 0;
}

/* Others say themselves what their children do, or do not. */
static bool is_unclear(const struct life *life)
{
    return life->several && !scenario_worker_is_ours(life->process->worker->def);
}

static bool is_main(const struct life *life, const struct upload *upload)
{
    for (size_t i = 0; life->pid > 0 && i < upload->tag_count; i++)
        if (strcmp(upload->tags[i].key, "process_id") == 0)
            return atoll(upload->tags[i].value) == life->pid;
    return strcmp(life->runtime_id, upload->runtime_id) == 0;
}

void life_hello(struct judge_process *p, const struct message *m)
{
    struct life *life = current(p);
    if (life)
        life->pid = json_get_int(m->tree, "pid", 0);
}

void life_upload(struct life *life, struct pending *p, const struct upload *upload)
{
    life->under_way++;
    p->life = life;
    if (!life->runtime_id)
        life->runtime_id = mem_strdup(p->runtime_id);
    p->main = is_main(life, upload);
    life->several = life->several || !p->main;
    if (is_unclear(life))
        life_unjudged(life);
    /* Said by a clock that was set back since. */
    p->main = p->main && p->end_ns <= p->arrived_ns + ACCOUNT_SLACK_NS;
    if (p->end_ns == 0 || !p->main)
        return;
    p->before = soak_counts_hold(find_line(life, upload_counted_ns(p->end_ns), false));
    if (life->arrived_to_ns != 0 && p->end_ns > life->arrived_to_ns)
        tell_time(&judge_record(life->process)->interval, &life->process->interval,
                  (double)(p->end_ns - life->arrived_to_ns) / 1e6);
    life->arrived_to_ns = p->end_ns > life->arrived_to_ns ? p->end_ns : life->arrived_to_ns;
}

/* --- droughts --------------------------------------------------------------------------------------------------- */

static void begin_drought(struct life *life, size_t lock, int64_t since_ns, const struct soak_counts *after)
{
    life->droughts[lock] =
        (struct drought){.since_ns = since_ns, .from = after ? acquires_of(after, lock) : 0, .known = after != NULL};
    life->waits_for_line = life->waits_for_line || !after;
}

/* One that begins behind the end of the one before says nothing of the time between. */
static bool follows(const struct life *life, const struct pending *p)
{
    return life->judged_to_ns != 0 && p->start_ns <= life->judged_to_ns + ACCOUNT_SLACK_NS;
}

static bool is_late(const struct life *life, const struct pending *p)
{
    return p->start_ns == 0 || p->end_ns <= life->judged_to_ns;
}

/* What is not counted one to one may be some acquires to the program and one to the profiler. */
static struct lock_count as_sampled(const struct life *life, size_t lock, uint64_t done)
{
    bool counted = life->process->worker->ledger.locks[lock].counted;
    return (struct lock_count){.acquires = counted ? done : done / UNCOUNTED_SHARE, .known = true};
}

void life_expect(const struct life *life, const struct pending *p, struct ledger *ledger)
{
    struct instance *in = &ledger->instances[0];
    if (is_unclear(life) || !p->main || !p->before || is_late(life, p))
        return;
    const struct soak_counts *begin = follows(life, p) ? NULL : find_line(life, p->start_ns + UPLOAD_BLUR_NS, true);
    for (size_t i = 0; i < ledger->lock_count; i++) {
        const struct drought *d = i < life->drought_count ? &life->droughts[i] : NULL;
        bool known = follows(life, p) ? d && d->known : begin != NULL;
        if (!known || life_shares(life, i))
            continue;
        uint64_t from = begin ? acquires_of(begin, i) : d->from, to = acquires_of(p->before, i);
        in->counts[i] = as_sampled(life, i, to > from ? to - from : 0);
    }
}

uint64_t life_drought(const struct life *life, size_t lock)
{
    return lock < life->drought_count ? life->droughts[lock].uploads + 1 : 1;
}

static bool is_shown(enum lock_state state)
{
    return state == STATE_EXACT || state == STATE_MANGLED || state == STATE_ALIAS || state == STATE_GENERIC;
}

static void move_droughts(struct life *life, const struct pending *p, const struct trail_result *result)
{
    bool contiguous = follows(life, p);
    size_t known = life->drought_count;
    if (result->lock_count > known) {
        life->droughts = mem_realloc(life->droughts, result->lock_count, sizeof *life->droughts);
        life->drought_count = result->lock_count;
    }
    const struct soak_counts *begin = find_line(life, p->start_ns + UPLOAD_BLUR_NS, true);
    for (size_t i = 0; i < result->lock_count; i++) {
        enum lock_state state = result->locks[i].stages[STAGE_UPLOAD].state;
        if (is_shown(state) || state == STATE_ABSENT) /* what is told begins anew */
            begin_drought(life, i, p->arrived_ns, p->after);
        else if (!contiguous || i >= known)
            begin_drought(life, i, p->start_ns + UPLOAD_BLUR_NS, begin);
        if (!is_shown(state) && state != STATE_ABSENT)
            life->droughts[i].uploads++;
    }
    life->judged_to_ns = p->end_ns;
}

/* --- judged ----------------------------------------------------------------------------------------------------- */

void life_judged(struct life *life, const struct pending *p, const struct trail_result *result)
{
    for (size_t i = 0; i < result->lock_count; i++)
        judge_record(life->process)->seen += result->locks[i].stages[STAGE_UPLOAD].acquires;
    life_account_upload(life, p, result);
    if (p->main && p->end_ns != 0 && !is_late(life, p))
        move_droughts(life, p, result);
}

void life_unjudged(struct life *life)
{
    life_account_off(life);
}
