/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/proof.h"
#include "trail/gather.h"
#include "trail/naming.h"

#include <inttypes.h>
#include <string.h>

/* Bytes of a label that evidence quotes. Lock labels are shorter; a hostile one may have megabytes. */
#define LABEL_SHOWN_MAX 200

void proof_count(struct buf *out, uint64_t count, const char *noun)
{
    const char *plural = count == 1 ? "" : "s";
    if (count != 1 && strcmp(noun, "copy") == 0) {
        buf_printf(out, "%" PRIu64 " copies", count);
        return;
    }
    buf_printf(out, "%" PRIu64 " %s%s", count, noun, plural);
}

/* How much worse the row's name is than the lock's rendering allows. */
static int row_badness(const struct loss_case *c, const struct row *row)
{
    const struct lock *lock = work_lock(c->v->w, c->v->lock);
    const char *name = work_label(c->v->w, row)->name;
    if (name[0] == '\0') {
        return 1;
    }
    return naming_is_declared(lock, name) || (lock->mangled != NULL && strcmp(name, lock->mangled) == 0) ? 0 : 2;
}

const struct row *proof_row(const struct loss_case *c, const struct cell *cell, enum stage stage, bool later)
{
    const struct work *w = c->v->w;
    if (c->change != NULL) {
        const struct row *row = gather_find(w, c->instance, stage, later ? c->change->after : c->change->before);
        if (row != NULL) {
            return row;
        }
    }
    const struct row *best = NULL;
    for (size_t i = 0; i < cell->hits; i++) {
        const struct row *row = &w->rows[w->hits[cell->first_hit + i].row];
        if (!cell_heeds(cell, &w->hits[cell->first_hit + i])) {
            continue;
        }
        int order = best == NULL ? 1
                    : later      ? row_badness(c, row) - row_badness(c, best)
                                 : row_badness(c, best) - row_badness(c, row);
        if (order > 0 || (order == 0 && row->samples > best->samples)) {
            best = row;
        }
    }
    return best;
}

static void say_label(const struct loss_case *c, const struct row *row, struct buf *out)
{
    buf_printf(out, "'%.*s' in ", LABEL_SHOWN_MAX, work_label(c->v->w, row)->text);
    proof_count(out, row->samples, "sample");
}

static void say_row(const struct loss_case *c, enum stage stage, const struct row *row, struct buf *out)
{
    buf_printf(out, "%s has ", stage_name(stage));
    say_label(c, row, out);
    buf_printf(out, " (%s)", row->path);
}

static void say_expected_samples(double expected, struct buf *out)
{
    buf_printf(out, expected < 100 ? "%.1f samples to be expected" : "%.0f samples to be expected", expected);
}

struct together {
    uint64_t acquires, processes;
};

/* Of the processes whose absence proves nothing alone. */
static struct together together(const struct loss_case *c)
{
    struct together sum = {0};
    for (size_t k = 0; k < c->v->instance_count; k++) {
        const struct cell *cell = view_cell(c->v, k, c->stage);
        if (cell->state == STATE_UNDERSAMPLED && cell->expected_known) {
            sum.acquires += work_instance(c->v->w, c->v->instances[k])->counts[c->v->lock].acquires;
            sum.processes++;
        }
    }
    return sum;
}

static void say_together(const struct loss_case *c, struct buf *out)
{
    struct together sum = together(c);
    buf_add_str(out, "the ledger has ");
    proof_count(out, sum.acquires, "acquire");
    buf_printf(out, " by %" PRIu64 " processes together, ", sum.processes);
    say_expected_samples(c->v->worst[c->stage].pooled_expected, out);
}

static void say_ledger(const struct loss_case *c, struct buf *out)
{
    const struct instance *in = work_instance(c->v->w, c->instance);
    const struct lock *lock = work_lock(c->v->w, c->v->lock);
    if (c->what == LOSS_NAMELESS || c->what == LOSS_OTHER_NAME) {
        buf_printf(out, "the ledger declares '%s'", lock->rendering == RENDERING_MANGLED ? lock->mangled : lock->name);
    } else if (c->v->worst[c->stage].pooled) {
        say_together(c, out);
    } else if (c->cell->estimated_from > 0) {
        buf_printf(out, "%s says nothing of its acquires, the local copies have ", in->name);
        proof_count(out, c->cell->estimated_from, "sample");
    } else {
        buf_add_str(out, "the ledger has ");
        proof_count(out, in->counts[c->v->lock].acquires, "acquire");
        buf_printf(out, " by %s at a capture rate of %g %%, ", in->name, in->capture_rate * 100);
        say_expected_samples(c->cell->expected, out);
    }
}

void proof_expected(const struct loss_case *c, struct buf *out)
{
    const struct row *row = c->from_before ? proof_row(c, c->cell_before, c->before, false) : NULL;
    if (row != NULL) {
        say_row(c, c->before, row, out);
    } else {
        say_ledger(c, out);
    }
}

static void say_copies(const struct loss_case *c, struct buf *out)
{
    proof_count(out, c->flow->copies, "copy");
    buf_printf(out, " (%s%s)", c->flow->path, c->flow->copies > 1 ? " ..." : "");
}

static void say_none(const struct loss_case *c, struct buf *out)
{
    if (c->flow->copies == 0) {
        buf_printf(out, "%s has no copy of %s", stage_name(c->stage), work_instance(c->v->w, c->instance)->name);
    } else {
        buf_printf(out, "%s has none in ", stage_name(c->stage));
        say_copies(c, out);
    }
}

void proof_found(const struct loss_case *c, struct buf *out)
{
    const struct row *row = proof_row(c, c->cell, c->stage, true);
    if (row != NULL) {
        say_row(c, c->stage, row, out);
    } else {
        say_none(c, out);
    }
    if (c->flow->foreign > 0 && c->cell->hits == 0) {
        buf_printf(out, "; %zu of them without lock names: %s", c->flow->foreign, c->flow->foreign_why);
    }
}

void proof_numbers(const struct loss_case *c, struct buf *out)
{
    if (c->from_before) {
        buf_printf(out, "%s has ", stage_name(c->before));
        proof_count(out, c->check.expected, "acquire");
        buf_printf(out, " of %s", work_instance(c->v->w, c->instance)->name);
    } else {
        buf_add_str(out, "the ledger has ");
        proof_count(out, c->check.expected, "acquire");
        buf_printf(out, " by %s, each of them sampled", work_instance(c->v->w, c->instance)->name);
    }
    buf_printf(out, "; %s has %" PRIu64 " in ", stage_name(c->stage), c->check.found);
    say_copies(c, out);
}

void proof_both(const struct loss_case *c, struct buf *out)
{
    switch (c->what) {
    case LOSS_TWICE:
        buf_printf(out, "%s has the same bytes twice: %s came again", stage_name(c->stage), c->cell->twice);
        break;
    case LOSS_FEWER:
    case LOSS_MORE:
        proof_numbers(c, out);
        break;
    default:
        proof_expected(c, out);
        buf_add_str(out, ", ");
        proof_found(c, out);
    }
}

/* --- in two parts ------------------------------------------------------------------------------------------------- */

static void own_absence(const struct loss_case *c, struct buf *out)
{
    const struct row *row = c->from_before ? proof_row(c, c->cell_before, c->before, false) : NULL;
    if (row != NULL) {
        say_label(c, row, out);
        buf_printf(out, " at %s", stage_name(c->before));
    } else if (c->v->worst[c->stage].pooled) {
        proof_count(out, together(c).acquires, "acquire");
        buf_add_str(out, ", ");
        say_expected_samples(c->v->worst[c->stage].pooled_expected, out);
    } else if (c->cell->estimated_from > 0) {
        proof_count(out, c->cell->estimated_from, "sample");
        buf_add_str(out, " in the local copies");
    } else {
        const struct instance *in = work_instance(c->v->w, c->instance);
        proof_count(out, in->counts[c->v->lock].acquires, "acquire");
        if (in->capture_rate < 1) {
            buf_add_str(out, ", ");
            say_expected_samples(c->cell->expected, out);
        }
    }
}

static void own_name(const struct loss_case *c, struct buf *out)
{
    const struct row *before = c->from_before ? proof_row(c, c->cell_before, c->before, false) : NULL;
    const struct row *now = proof_row(c, c->cell, c->stage, true);
    if (before != NULL) {
        buf_printf(out, "'%.*s' became ", LABEL_SHOWN_MAX, work_label(c->v->w, before)->text);
    }
    if (now != NULL) {
        say_label(c, now, out);
    }
}

void proof_own(const struct loss_case *c, struct buf *out)
{
    switch (c->what) {
    case LOSS_ABSENT:
        own_absence(c, out);
        break;
    case LOSS_NAMELESS:
    case LOSS_OTHER_NAME:
        own_name(c, out);
        break;
    case LOSS_FEWER:
    case LOSS_MORE:
        proof_count(out, c->check.found, "acquire");
        buf_printf(out, " instead of %" PRIu64, c->check.expected);
        break;
    case LOSS_TWICE:
        break;
    }
}

static void common_absence(const struct loss_case *c, struct buf *out)
{
    const struct instance *in = work_instance(c->v->w, c->instance);
    if (c->flow->copies == 0) {
        say_none(c, out);
        return;
    }
    if (c->from_before) {
        buf_printf(out, "%s: ", in->name);
    } else if (c->v->worst[c->stage].pooled) {
        buf_printf(out, "%" PRIu64 " processes together: ", together(c).processes);
    } else if (c->cell->estimated_from > 0) {
        buf_printf(out, "%s says nothing of its acquires: ", in->name);
    } else {
        buf_printf(out, "%s at a capture rate of %g %%: ", in->name, in->capture_rate * 100);
    }
    say_none(c, out);
    if (c->flow->foreign > 0) {
        buf_printf(out, "; %zu of them without lock names: %s", c->flow->foreign, c->flow->foreign_why);
    }
}

void proof_common(const struct loss_case *c, struct buf *out)
{
    const char *name = work_instance(c->v->w, c->instance)->name;
    switch (c->what) {
    case LOSS_ABSENT:
        common_absence(c, out);
        break;
    case LOSS_NAMELESS:
    case LOSS_OTHER_NAME:
        buf_printf(out, "%s, in ", name);
        say_copies(c, out);
        break;
    case LOSS_FEWER:
    case LOSS_MORE:
        buf_printf(out, "%s, against %s, in ", name,
                   c->from_before ? stage_name(c->before) : "the ledger and with each acquire sampled");
        say_copies(c, out);
        break;
    case LOSS_TWICE:
        proof_both(c, out);
        break;
    }
}

void proof_control(const struct loss_case *c, struct buf *out)
{
    switch (c->stages[STAGE_CONTROL].state) {
    case STATE_EXACT:
    case STATE_MANGLED:
    case STATE_ALIAS:
    case STATE_GENERIC:
        buf_add_str(out, "present in the control at 100 %");
        break;
    case STATE_ABSENT:
        buf_add_str(out, "absent in the control too: this version does not profile this kind of "
                         "lock");
        break;
    default:
        buf_add_str(out, "no control to compare with");
    }
}
