/* SPDX-License-Identifier: Apache-2.0 */
/* Acquires between uploads: each life has an account (trail/account.h), which gets its uploads in the order in which
 * they left the process, whatever the order in which they came to the last stage. */
#include "engine/soak_judge_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "pipeline/intake_time.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A disturbance so long ago is not asked for: locks that never pause are never level for certain, and an old one would
 * be blamed for ever. A round of phases and a recovery fit in. */
#define BLAME_MAX_NS INT64_C(120000000000)

/* --- opening and closing ---------------------------------------------------------------------------------------- */

/* Anew where locks were declared since, as long as no upload is in it. */
static void open_account(struct life *life)
{
    size_t locks = life->process->worker->ledger.lock_count;
    if (life->account_off || (life->account && (life->account_fed || life->account_locks == locks)))
        return;
    bool *judged = mem_calloc(locks, sizeof *judged);
    for (size_t i = 0; i < locks; i++)
        judged[i] = judge_is_exact(life->process, i) && !life_shares(life, i);
    account_free(life->account);
    life->account = account_new(locks, judged);
    life->account_locks = locks;
    free(judged);
}

void life_account_off(struct life *life)
{
    for (size_t i = 0; i < life->owed_count; i++)
        free(life->owed[i].acquires);
    life->owed_count = 0;
    life->account_off = true;
    account_free(life->account);
    life->account = NULL;
}

/* --- findings --------------------------------------------------------------------------------------------------- */

/* In which the acquires were done: since the end of the upload before it, with what is open of both. */
static void find_time(const struct life *life, uint64_t number, int64_t *start_ns, int64_t *end_ns)
{
    size_t kept = life->fed_count < FED_MAX ? life->fed_count : FED_MAX, first = life->fed_count - kept;
    *start_ns = life->began_ns;
    *end_ns = kept > 0 ? life->fed[(life->fed_count - 1) % FED_MAX].end_ns : life->began_ns;
    for (size_t i = first; i < life->fed_count; i++) {
        if (life->fed[i % FED_MAX].number != number)
            continue;
        *start_ns = i > first ? life->fed[(i - 1) % FED_MAX].end_ns - UPLOAD_BLUR_NS : life->fed[i % FED_MAX].start_ns;
        *end_ns = life->fed[i % FED_MAX].end_ns;
        return;
    }
}

static void describe(const struct life *life, size_t lock, bool gap, uint64_t acquires, uint64_t upload,
                     struct buf *out)
{
    uint64_t done, seen;
    account_sums(life->account, lock, &done, &seen);
    bool told_before = !upload && (gap ? done - seen : seen - done) > acquires;
    buf_printf(out,
               "%s%" PRIu64 "%s acquire%s of %s %s in %s, and each is to be sampled: it says that it did %" PRIu64
               ", its uploads have %" PRIu64,
               upload ? "at least " : "", acquires, told_before ? " more" : "", acquires == 1 ? "" : "s",
               judge_record(life->process)->name, acquires == 1 ? "is" : "are",
               gap ? "no upload" : "more than one upload", done, seen);
    if (upload)
        buf_printf(out, " (as of upload %" PRIu64 ")", upload);
    else
        buf_add_str(out, " (in all of this life)");
}

static void tell_missed(const struct life *life, uint64_t acquires, int64_t start_ns, int64_t end_ns)
{
    const struct soak_judge_options *o = &life->process->judge->o;
    if (o->missed && acquires > 0)
        o->missed(judge_record(life->process)->name, acquires, start_ns, end_ns, o->data);
}

static void tell(struct life *life, size_t lock, bool gap, uint64_t acquires, uint64_t upload, int64_t since_ns)
{
    struct judge_process *process = life->process;
    struct soak_process *record = judge_record(process);
    char start[INTAKE_TIME_TEXT_SIZE], end[INTAKE_TIME_TEXT_SIZE];
    struct loss_place place = {.process = process, .runtime_id = life->runtime_id ? life->runtime_id : ""};
    struct buf text = {0};
    *(gap ? &record->gap_acquires : &record->doubled_acquires) += acquires;
    life->gap_told += gap ? acquires : 0;
    find_time(life, upload, &place.start_ns, &place.end_ns);
    struct intake_time from = intake_time_of_ms(place.start_ns / 1000000),
                       to = intake_time_of_ms(place.end_ns / 1000000);
    intake_time_text(&from, start);
    intake_time_text(&to, end);
    place.start = start;
    place.end = end;
    /* It may have happened long before it is certain, and whose doing it was is asked of all that time. */
    int64_t since = since_ns > 0 ? since_ns : life->began_ns, earliest = place.end_ns - BLAME_MAX_NS;
    since = since > earliest ? since : earliest;
    place.start_ns = since < place.start_ns ? since : place.start_ns;
    if (gap)
        tell_missed(life, acquires, place.start_ns, place.end_ns);
    describe(life, lock, gap, acquires, upload, &text);
    tell_loss(process->judge, &place, process->worker->ledger.locks[lock].id, STAGE_UPLOAD,
              gap ? MECHANISM_SAMPLES_DROPPED : MECHANISM_DUPLICATED, text.data);
    buf_fini(&text);
}

static void tell_findings(struct life *life, bool final)
{
    const struct account_finding *findings;
    size_t count = account_findings(life->account, final, &findings);
    for (size_t i = 0; i < count; i++)
        tell(life, findings[i].lock, findings[i].kind == ACCOUNT_GAP, findings[i].acquires, findings[i].upload,
             findings[i].since_ns);
}

/* --- lines and uploads ------------------------------------------------------------------------------------------ */

void life_account_line(struct life *life, const struct soak_counts *line)
{
    open_account(life);
    if (!life->account)
        return;
    account_line(life->account, line->at_ns, line->heard_ns, life->acquires);
    tell_findings(life, false);
}

static void give_first(struct life *life)
{
    struct owed *first = &life->owed[0];
    account_upload(life->account, first->number, upload_counted_ns(first->end_ns), first->arrived_ns, first->acquires);
    free(first->acquires);
    first->acquires = NULL;
    life->fed[life->fed_count++ % FED_MAX] = *first;
    memmove(life->owed, life->owed + 1, --life->owed_count * sizeof *life->owed);
}

/* The number of the earliest upload of the life that is not judged, but for `judged`. */
static uint64_t earliest(const struct life *life, const struct pending *judged)
{
    const struct uploads *u = &life->process->judge->uploads;
    for (const struct upload_known *k = u->pending.oldest; k && life->under_way > 0; k = k->newer)
        if (k->pending && k->pending != judged && k->pending->life == life)
            return k->number;
    return UINT64_MAX;
}

static void owe(struct life *life, const struct pending *p, const struct trail_result *result)
{
    size_t at = life->owed_count;
    life->owed = mem_grow(life->owed, life->owed_count, &life->owed_capacity, sizeof *life->owed);
    while (at > 0 && life->owed[at - 1].number > p->known->number)
        at--;
    memmove(life->owed + at + 1, life->owed + at, (life->owed_count++ - at) * sizeof *life->owed);
    struct owed *owed = &life->owed[at];
    *owed = (struct owed){.number = p->known->number,
                          .start_ns = p->start_ns,
                          .end_ns = p->end_ns,
                          .arrived_ns = p->arrived_ns,
                          .acquires = mem_calloc(life->account_locks, sizeof *owed->acquires)};
    for (size_t i = 0; i < life->account_locks && i < result->lock_count; i++)
        owed->acquires[i] = result->locks[i].stages[STAGE_UPLOAD].acquires;
}

void life_account_upload(struct life *life, const struct pending *p, const struct trail_result *result)
{
    open_account(life);
    if (!life->account)
        return;
    if (p->end_ns == 0) { /* of no known time */
        life_account_off(life);
        return;
    }
    life->account_fed = true;
    owe(life, p, result);
    uint64_t limit = earliest(life, p);
    while (life->owed_count > 0 && (life->owed[0].number < limit || life->owed_count > OWED_MAX))
        give_first(life);
    tell_findings(life, false);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

/* Exactly, of locks that children take too. */
static void tell_shared(struct life *life)
{
    for (size_t i = 0; i < life->account_locks; i++) {
        uint64_t done, seen;
        account_sums(life->account, i, &done, &seen);
        if (judge_is_exact(life->process, i) && life_shares(life, i) && done != seen)
            tell(life, i, done > seen, done > seen ? done - seen : seen - done, 0, 0);
    }
}

/* Of a life that did not come to its end: what it did last is in no upload, as nobody could send it. */
static void count_cut(struct life *life)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < life->account_locks; i++) {
        uint64_t done, seen;
        account_sums(life->account, i, &done, &seen);
        missing += judge_is_exact(life->process, i) && done > seen ? done - seen : 0;
    }
    uint64_t cut = missing > life->gap_told ? missing - life->gap_told : 0;
    int64_t since = life->judged_to_ns > life->began_ns ? life->judged_to_ns : life->began_ns;
    judge_record(life->process)->cut_acquires += cut;
    tell_missed(life, cut, since, life->over_ns);
}

void life_account_end(struct life *life)
{
    if (!life->account || life->process->judge->cut)
        return;
    while (life->owed_count > 0)
        give_first(life);
    bool whole = life->said_done && !life->killed;
    tell_findings(life, whole);
    if (whole)
        tell_shared(life);
    else
        count_cut(life);
    if (account_dropped(life->account) > 0)
        log_line(LOG_WARN, judge_record(life->process)->name,
                 "%" PRIu64 " uploads came without a line of what was done (ACCOUNT_UPLOADS_MAX): acquires between "
                 "them were not looked at",
                 account_dropped(life->account));
}
