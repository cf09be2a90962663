/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/local_arm.h"
#include "base/mem.h"
#include "trail/gather.h"
#include "trail/rewrite.h"
#include "trail/rules.h"

#include <stdlib.h>
#include <string.h>

/* The trail of the process begins here, and others of its worker left local copies. */
static bool is_paired(const struct loss_case *c)
{
    if (c->before != NO_STAGE || c->stage != STAGE_UPLOAD) {
        return false;
    }
    for (size_t k = 0; k < c->v->instance_count; k++) {
        if (work_flow(c->v->w, c->v->instances[k], STAGE_COLLECTOR)->readable > 0) {
            return true;
        }
    }
    return false;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static bool is_local(const struct loss_case *c, uint32_t label)
{
    for (size_t k = 0; k < c->v->instance_count; k++) {
        if (gather_find(c->v->w, c->v->instances[k], STAGE_COLLECTOR, label) != NULL) {
            return true;
        }
    }
    return false;
}

typedef bool (*made_of_fn)(const struct label *before, const struct label *after);

static bool is_truncated(const struct label *before, const struct label *after)
{
    size_t size;
    return rules_is_truncated(before->text, after->text, &size) && !rewrite_is_site(before, after);
}

static bool is_cut_at_name(const struct label *before, const struct label *after)
{
    return rewrite_is_site(before, after);
}

/* One character for another throughout. */
static bool is_substituted(const char *before, const char *after)
{
    char from = '\0', to = '\0';
    if (strlen(before) != strlen(after)) {
        return false;
    }
    for (const char *b = before, *a = after; *b != '\0'; b++, a++) {
        if (*b != *a && from == '\0') {
            from = *b;
            to = *a;
        }
    }
    for (; *before != '\0'; before++, after++) {
        if (*after != (*before == from ? to : *before)) {
            return false;
        }
    }
    return true;
}

/* Another name at the same site is not of these: a collector may have found another one in another process. */
static bool is_rewritten(const struct label *before, const struct label *after)
{
    switch (rewrite_classify(before, after)) {
    case REWRITE_CASE:
    case REWRITE_CHARACTERS:
    case REWRITE_PREFIX_ADDED:
    case REWRITE_SUFFIX_ADDED:
        return true;
    case REWRITE_REPLACED:
        return is_substituted(before->text, after->text);
    default:
        return false;
    }
}

/* The lock's label in a local copy of which this one was made, or NO_LABEL. */
static uint32_t find_before(const struct loss_case *c, const struct label *after, made_of_fn made_of)
{
    const struct work *w = c->v->w;
    const struct span *hits = &w->lock_hits[c->v->lock];
    for (size_t i = 0; i < hits->count; i++) {
        const struct hit *h = &w->hits[hits->first + i];
        if (h->stage == STAGE_COLLECTOR && made_of(&w->labels[w->rows[h->row].label], after)) {
            return w->rows[h->row].label;
        }
    }
    return NO_LABEL;
}

/* Of values with `size` bytes, or of any where that is 0. */
static bool find_value(const struct loss_case *c, made_of_fn made_of, size_t size, struct local_value *out)
{
    const struct work *w = c->v->w;
    *out = (struct local_value){0};
    for (size_t i = 0; is_paired(c) && i < c->flow->rows; i++) {
        const struct row *row = &w->rows[c->flow->first_row + i];
        if (size != 0 && strlen(work_label(w, row)->text) != size) {
            continue;
        }
        if ((out->row != NULL && row->samples <= out->row->samples) || is_local(c, row->label)) {
            continue;
        }
        uint32_t before = find_before(c, work_label(w, row), made_of);
        if (before != NO_LABEL) {
            *out = (struct local_value){row, before};
        }
    }
    return out->row != NULL;
}

/* Whether a value of another lock is cut to as many bytes, elsewhere than before its name. */
static bool others_are_cut(const struct loss_case *c, size_t size)
{
    struct lock_view other = *c->v;
    struct loss_case there = *c;
    struct local_value value;
    bool found = false;
    there.v = &other;
    for (size_t i = 0; i < c->v->w->input->ledger->lock_count && !found; i++) {
        other.lock = i;
        found = i != c->v->lock && strcmp(work_lock(c->v->w, i)->worker, work_lock(c->v->w, c->v->lock)->worker) == 0 &&
                find_value(&there, is_truncated, size, &value);
    }
    return found;
}

bool local_arm_truncated(const struct loss_case *c, struct local_value *out)
{
    return find_value(c, is_truncated, 0, out) ||
           (find_value(c, is_cut_at_name, 0, out) && others_are_cut(c, strlen(work_label(c->v->w, out->row)->text)));
}

bool local_arm_rewritten(const struct loss_case *c, struct local_value *out)
{
    return find_value(c, is_rewritten, 0, out);
}

/* --- uploads ------------------------------------------------------------------------------------------------------ */

struct time {
    int64_t start, end;
};

static int by_start(const void *a, const void *b)
{
    const struct time *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

/* What the copies at the stage cover, each time once, sorted; returns how many there are. The caller frees *out. */
static size_t times_of(const struct loss_case *c, struct time **out)
{
    const struct trail_copy *const *copies = (const struct trail_copy *const *)c->v->w->copies + c->flow->first_copy;
    struct time *times = mem_calloc(c->flow->copies, sizeof *times);
    size_t count = 0;
    for (size_t i = 0; i < c->flow->copies; i++) {
        times[i] = (struct time){copies[i]->start_ns, copies[i]->end_ns};
    }
    if (c->flow->copies > 0) {
        qsort(times, c->flow->copies, sizeof *times, by_start);
    }
    for (size_t i = 0; i < c->flow->copies; i++) {
        if (count == 0 || times[i].start == 0 || times[count - 1].start != times[i].start) {
            times[count++] = times[i];
        }
    }
    *out = times;
    return count;
}

/* A profiler begins a profile where it ended the one before. What lies between two is below a thousandth of their
 * length; half of it is that nobody sent it. */
static bool has_gap(const struct time *times, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int64_t length = times[i - 1].end - times[i - 1].start;
        if (times[i - 1].start != 0 && length > 0 && times[i].start - times[i - 1].end > length / 2) {
            return true;
        }
    }
    return false;
}

bool local_arm_misses_uploads(const struct loss_case *c, size_t *uploads, size_t *local)
{
    size_t least = SIZE_MAX;
    if (!is_paired(c)) {
        return false;
    }
    for (size_t k = 0; k < c->v->instance_count; k++) {
        size_t copies = work_flow(c->v->w, c->v->instances[k], STAGE_COLLECTOR)->copies;
        least = copies > 0 && copies < least ? copies : least;
    }
    struct time *times;
    *uploads = times_of(c, &times);
    bool gap = has_gap(times, *uploads);
    *local = gap ? 0 : least;
    free(times);
    return gap || *uploads < least;
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

static uint64_t acquires_of(const struct loss_case *c, size_t lock)
{
    const struct span *hits = &c->v->w->lock_hits[lock];
    uint64_t sum = 0;
    for (size_t i = 0; i < hits->count; i++) {
        const struct hit *h = &c->v->w->hits[hits->first + i];
        sum += h->instance == c->instance && h->stage == c->stage ? h->acquires : 0;
    }
    return sum;
}

bool local_arm_balance(const struct loss_case *c, size_t *lock, bool *more)
{
    const struct work *w = c->v->w;
    const struct instance *instance = work_instance(w, c->instance);
    struct time *times;
    *more = c->what == LOSS_FEWER;
    if (!is_paired(c) || (c->what != LOSS_FEWER && c->what != LOSS_MORE)) {
        return false;
    }
    bool doubled = times_of(c, &times) < c->flow->copies;
    free(times);
    for (size_t i = 0; i < w->input->ledger->lock_count && !doubled; i++) {
        const struct lock_count *count = &instance->counts[i];
        if (strcmp(work_lock(w, i)->worker, instance->worker) != 0 || !count->known || i == c->v->lock) {
            continue;
        }
        uint64_t found = acquires_of(c, i);
        if (*more ? found > count->acquires : found > 0 && found < count->acquires) {
            *lock = i;
            return true;
        }
    }
    return false;
}
