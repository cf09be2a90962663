/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing of one lock, `done` - `seen`, stays the same but for gaps and doubles. Each upload gives an interval
 * for it: the lines before and behind its end, less the sum of all uploads so far. Uploads with which nothing happened
 * have intervals that meet, and what they have in common is known of it. One that does not meet what is known tells of
 * a gap (it lies higher) or a double (lower), by how far it is away at least.
 *
 * Happy path: lines and uploads come in the order of their times → an upload is held against the lines as soon as one
 * lies behind it → forgotten, and the lines before it too. Failure modes: an upload comes late (what it brings is
 * known to be no longer missing, it has no interval); nothing comes of one kind (lines are thinned, uploads dropped).
 */
#include "trail/account.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A line or an upload, whose counts were read between the two times; one count for each judged lock. */
struct mark {
    int64_t lower_ns, upper_ns;
    uint64_t number;
    size_t counts; /* which row of `rows` */
};

/* Marks in the order of their lower times. Rows stay where they are; `marks` behind `count` hold the free ones. */
struct marks {
    struct mark *marks;
    uint64_t *rows;
    size_t count, capacity, max;
};

/* What is missing lies in [low, high]; `told` of it is told (gaps less doubles). */
struct missing {
    int64_t low, high, told;
    int64_t no_gap_ns, no_double_ns; /* of the last upload at which there was none but those told */
    uint64_t late_room;              /* of gaps that were told: what may still come late */
};

struct account {
    size_t locks, judged_count;
    size_t *judged;       /* which lock each column is */
    uint64_t *done;       /* of all locks: as the last line has it */
    uint64_t *seen;       /* of all locks, in all uploads */
    uint64_t *seen_until; /* by column: in uploads that are held against the lines */
    struct missing *missing;
    struct marks lines, uploads;
    int64_t judged_until_ns;
    bool any_judged;
    uint64_t dropped;
    struct account_finding *gaps, *doubles; /* by column; `acquires` 0: none */
    struct account_finding *out;
};

static uint64_t *row(const struct account *a, const struct marks *m, size_t at)
{
    return m->rows + m->marks[at].counts * a->judged_count;
}

/* --- marks -------------------------------------------------------------------------------------------------------- */

static void marks_grow(const struct account *a, struct marks *m)
{
    size_t before = m->capacity;
    m->capacity = before == 0 ? 16 : 2 * before < m->max ? 2 * before : m->max;
    m->marks = mem_realloc(m->marks, m->capacity, sizeof m->marks[0]);
    m->rows = mem_realloc(m->rows, m->capacity * a->judged_count, sizeof m->rows[0]);
    for (size_t i = before; i < m->capacity; i++) {
        m->marks[i] = (struct mark){.counts = i};
    }
}

static void marks_remove(struct marks *m, size_t at)
{
    struct mark removed = m->marks[at];
    memmove(&m->marks[at], &m->marks[at + 1], (m->count - at - 1) * sizeof m->marks[0]);
    m->marks[--m->count] = removed;
}

static void marks_remove_first(struct marks *m, size_t count)
{
    struct mark kept[16];
    while (count > 0) {
        size_t now = count < 16 ? count : 16;
        memcpy(kept, m->marks, now * sizeof kept[0]);
        memmove(m->marks, m->marks + now, (m->count - now) * sizeof kept[0]);
        m->count -= now;
        memcpy(m->marks + m->count, kept, now * sizeof kept[0]);
        count -= now;
    }
}

/* Behind all that are not later. There is room for it. Returns where its counts go. */
static uint64_t *marks_put(const struct account *a, struct marks *m, int64_t lower_ns, int64_t upper_ns,
                           uint64_t number)
{
    size_t at = m->count;
    if (m->count == m->capacity) {
        marks_grow(a, m);
    }
    struct mark fresh = m->marks[m->count++];
    while (at > 0 && m->marks[at - 1].lower_ns > lower_ns) {
        m->marks[at] = m->marks[at - 1];
        at--;
    }
    m->marks[at] = (struct mark){.lower_ns = lower_ns, .upper_ns = upper_ns, .number = number, .counts = fresh.counts};
    return row(a, m, at);
}

/* --- an upload and the lines around it ---------------------------------------------------------------------------- */

static void find(struct account_finding *finding, uint64_t acquires, uint64_t upload, int64_t since_ns)
{
    if (finding->acquires == 0) {
        finding->upload = upload;
        finding->since_ns = since_ns;
    }
    finding->acquires += acquires;
}

/* Tells what has come out since about what is known of a column, so that `told` lies in its interval. */
static void settle(struct account *a, size_t column, uint64_t upload)
{
    struct missing *m = &a->missing[column];
    if (m->told < m->low) {
        uint64_t more = (uint64_t)(m->low - m->told);
        find(&a->gaps[column], more, upload, m->no_gap_ns);
        m->late_room += more;
        m->told = m->low;
    } else if (m->told > m->high) {
        find(&a->doubles[column], (uint64_t)(m->told - m->high), upload, m->no_double_ns);
        m->told = m->high;
    }
}

/* What is missing now lies in [low, high]. */
static void narrow(struct account *a, size_t column, int64_t low, int64_t high, uint64_t upload)
{
    struct missing *m = &a->missing[column];
    if (low > m->high || high < m->low) {
        settle(a, column, upload);
        m->low = low;
        m->high = high;
        settle(a, column, upload);
        return;
    }
    m->low = low > m->low ? low : m->low;
    m->high = high < m->high ? high : m->high;
}

/* By this upload alone, whatever was known before: something may have happened that it can't show. */
static void keep_level(struct missing *m, int64_t low, int64_t high, int64_t lower_ns)
{
    m->no_gap_ns = high <= m->told ? lower_ns : m->no_gap_ns;
    m->no_double_ns = low >= m->told ? lower_ns : m->no_double_ns;
}

/* The first upload, with the last line before and the first one behind it; at the end, where none lies behind it,
 * the last one is as late as it gets. There are lines. */
static void judge_first(struct account *a)
{
    const struct mark *upload = &a->uploads.marks[0];
    const uint64_t *acquires = row(a, &a->uploads, 0);
    size_t before = a->lines.count, behind = 0;
    while (before > 0 && a->lines.marks[before - 1].upper_ns > upload->lower_ns - ACCOUNT_SLACK_NS) {
        before--;
    }
    behind = before;
    while (behind + 1 < a->lines.count && a->lines.marks[behind].lower_ns < upload->upper_ns + ACCOUNT_SLACK_NS) {
        behind++;
    }
    for (size_t c = 0; c < a->judged_count; c++) {
        uint64_t least = before > 0 ? row(a, &a->lines, before - 1)[c] : 0;
        uint64_t most = row(a, &a->lines, behind < a->lines.count ? behind : before - 1)[c];
        a->seen_until[c] += acquires[c];
        int64_t low = (int64_t)(least - a->seen_until[c]), high = (int64_t)(most - a->seen_until[c]);
        narrow(a, c, low, high, upload->number);
        keep_level(&a->missing[c], low, high, upload->lower_ns);
    }
    a->judged_until_ns = upload->lower_ns;
    a->any_judged = true;
    marks_remove(&a->uploads, 0);
    /* The last line before it stays: the next upload may begin just as early. */
    if (before > 1) {
        marks_remove_first(&a->lines, before - 1);
    }
}

static void judge_ready(struct account *a)
{
    while (a->uploads.count > 0 && a->lines.count > 0 &&
           a->lines.marks[a->lines.count - 1].lower_ns >= a->uploads.marks[0].upper_ns + ACCOUNT_SLACK_NS) {
        judge_first(a);
    }
}

/* Comes when later ones have been held against the lines already: what it brings was counted as missing. Where that was
 * told as a gap, it is not told as a double that it has come. */
static void take_late(struct account *a, size_t column, uint64_t acquires)
{
    struct missing *m = &a->missing[column];
    uint64_t room = acquires < m->late_room ? acquires : m->late_room;
    a->seen_until[column] += acquires;
    m->low -= (int64_t)acquires;
    m->high -= (int64_t)acquires;
    m->late_room -= room;
    m->told -= (int64_t)room;
}

/* --- what comes --------------------------------------------------------------------------------------------------- */

/* The newest quarter stays as it is; of the others so many as lie evenly in their time: what is between is known less
 * exactly then. */
static void thin_lines(struct account *a)
{
    struct marks *m = &a->lines;
    size_t older = m->count - m->count / 4, kept = 1;
    int64_t apart_ns = (m->marks[older - 1].lower_ns - m->marks[0].lower_ns) / (ACCOUNT_LINES_MAX / 4) + 1;
    for (size_t i = 1; i < m->count; i++) {
        if (i >= older || m->marks[i].lower_ns - m->marks[kept - 1].lower_ns >= apart_ns) {
            struct mark moved = m->marks[kept];
            m->marks[kept++] = m->marks[i];
            m->marks[i] = moved;
        }
    }
    m->count = kept;
}

/* A clock that was set back: lines come in the order in which they were said. */
static void put_line(struct account *a, int64_t at_ns, int64_t heard_ns)
{
    const struct mark *last = a->lines.count > 0 ? &a->lines.marks[a->lines.count - 1] : NULL;
    int64_t lower = last && at_ns < last->lower_ns ? last->lower_ns : at_ns;
    int64_t upper = heard_ns > lower ? heard_ns : lower;
    uint64_t *counts = marks_put(a, &a->lines, lower, last && upper < last->upper_ns ? last->upper_ns : upper, 0);
    for (size_t c = 0; c < a->judged_count; c++) {
        counts[c] = a->done[a->judged[c]];
    }
}

void account_line(struct account *a, int64_t at_ns, int64_t heard_ns, const uint64_t *acquires)
{
    for (size_t i = 0; i < a->locks; i++) {
        a->done[i] = acquires[i] > a->done[i] ? acquires[i] : a->done[i];
    }
    if (a->judged_count == 0) {
        return;
    }
    if (a->lines.count == ACCOUNT_LINES_MAX) {
        thin_lines(a);
    }
    put_line(a, at_ns, heard_ns);
    judge_ready(a);
}

/* The oldest one counts as seen, and is held against no line. */
static void drop_first_upload(struct account *a)
{
    const uint64_t *acquires = row(a, &a->uploads, 0);
    for (size_t c = 0; c < a->judged_count; c++) {
        a->seen_until[c] += acquires[c];
    }
    a->judged_until_ns = a->uploads.marks[0].lower_ns;
    a->any_judged = true;
    a->dropped++;
    marks_remove(&a->uploads, 0);
}

void account_upload(struct account *a, uint64_t number, int64_t lower_ns, int64_t upper_ns, const uint64_t *acquires)
{
    for (size_t i = 0; i < a->locks; i++) {
        a->seen[i] += acquires[i];
    }
    if (a->judged_count == 0) {
        return;
    }
    if (a->any_judged && lower_ns < a->judged_until_ns) {
        for (size_t c = 0; c < a->judged_count; c++) {
            take_late(a, c, acquires[a->judged[c]]);
        }
        return;
    }
    if (a->uploads.count == ACCOUNT_UPLOADS_MAX) {
        drop_first_upload(a);
    }
    uint64_t *counts = marks_put(a, &a->uploads, lower_ns, upper_ns, number);
    for (size_t c = 0; c < a->judged_count; c++) {
        counts[c] = acquires[a->judged[c]];
    }
    judge_ready(a);
}

/* --- what came out ------------------------------------------------------------------------------------------------ */

size_t account_findings(struct account *a, bool final, const struct account_finding **out)
{
    size_t count = 0;
    final = final && a->lines.count > 0; /* of one that never said what it did nothing can be said */
    while (final && a->uploads.count > 0) {
        judge_first(a);
    }
    for (size_t c = 0; c < a->judged_count; c++) {
        if (final) {
            int64_t exact = (int64_t)(a->done[a->judged[c]] - a->seen_until[c]);
            narrow(a, c, exact, exact, 0);
            settle(a, c, 0);
        }
        struct account_finding *of[] = {&a->gaps[c], &a->doubles[c]};
        for (size_t i = 0; i < 2; i++) {
            if (of[i]->acquires > 0) {
                a->out[count++] = *of[i];
                of[i]->acquires = 0;
            }
        }
    }
    *out = a->out;
    return count;
}

void account_sums(const struct account *a, size_t lock, uint64_t *done, uint64_t *seen)
{
    *done = a->done[lock];
    *seen = a->seen[lock];
}

uint64_t account_dropped(const struct account *a)
{
    return a->dropped;
}

struct account *account_new(size_t locks, const bool *judged)
{
    struct account *a = mem_calloc(1, sizeof *a);
    a->locks = locks;
    a->judged = mem_calloc(locks, sizeof a->judged[0]);
    for (size_t i = 0; i < locks; i++) {
        if (judged[i]) {
            a->judged[a->judged_count++] = i;
        }
    }
    size_t columns = a->judged_count;
    a->done = mem_calloc(locks, sizeof a->done[0]);
    a->seen = mem_calloc(locks, sizeof a->seen[0]);
    a->seen_until = mem_calloc(columns, sizeof a->seen_until[0]);
    a->missing = mem_calloc(columns, sizeof a->missing[0]);
    a->gaps = mem_calloc(columns, sizeof a->gaps[0]);
    a->doubles = mem_calloc(columns, sizeof a->doubles[0]);
    a->out = mem_calloc(2 * columns, sizeof a->out[0]);
    for (size_t c = 0; c < columns; c++) {
        a->gaps[c] = (struct account_finding){.kind = ACCOUNT_GAP, .lock = a->judged[c]};
        a->doubles[c] = (struct account_finding){.kind = ACCOUNT_DOUBLE, .lock = a->judged[c]};
    }
    a->lines.max = ACCOUNT_LINES_MAX;
    a->uploads.max = ACCOUNT_UPLOADS_MAX;
    return a;
}

void account_free(struct account *a)
{
    if (a == NULL) {
        return;
    }
    free(a->judged);
    free(a->done);
    free(a->seen);
    free(a->seen_until);
    free(a->missing);
    free(a->gaps);
    free(a->doubles);
    free(a->out);
    free(a->lines.marks);
    free(a->lines.rows);
    free(a->uploads.marks);
    free(a->uploads.rows);
    free(a);
}
