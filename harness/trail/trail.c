/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/trail.h"
#include "base/mem.h"
#include "trail/changes.h"
#include "trail/edges.h"
#include "trail/gather.h"
#include "trail/kins.h"
#include "trail/losses.h"
#include "trail/match.h"
#include "trail/notes.h"
#include "trail/states.h"
#include "trail/verdict.h"

#include <stdlib.h>
#include <string.h>

static double threshold_of(const struct trail_input *input)
{
    double asked = input->thresholds.absence_probability;
    return asked > 0 && asked < 1 ? asked : TRAIL_ABSENCE_PROBABILITY;
}

static void judge_locks(const struct work *w, struct trail_result *result)
{
    size_t most = 0;
    for (size_t i = 0; i < w->workers.count; i++) {
        most = w->worker_instances[i].count > most ? w->worker_instances[i].count : most;
    }
    struct lock_view view = {.w = w, .cells = view_cells_new(most)};
    result->lock_count = w->input->ledger->lock_count;
    result->locks = mem_calloc(result->lock_count, sizeof *result->locks);
    for (size_t i = 0; i < result->lock_count; i++) {
        const struct span *s = &w->worker_instances[w->lock_worker[i]];
        view.lock = i;
        view.instances = w->worker_items + s->first;
        view.instance_count = s->count;
        result->locks[i].lock = i;
        states_of_lock(&view, &result->locks[i]);
        loss_of_lock(&view, &result->locks[i]);
    }
    free(view.cells);
}

/* --- undeclared --------------------------------------------------------------------------------------------------- */

static int by_label(const void *a, const void *b, void *data)
{
    const struct work *w = data;
    uint32_t x = ((const struct leftover *)a)->row, y = ((const struct leftover *)b)->row;
    if (w->rows[x].label != w->rows[y].label) {
        return w->rows[x].label < w->rows[y].label ? -1 : 1;
    }
    return (x > y) - (x < y);
}

static uint64_t total_samples(const struct undeclared *u)
{
    uint64_t total = 0;
    for (enum stage s = 0; s < STAGE_COUNT; s++) {
        total += u->samples[s];
    }
    return total;
}

static int by_samples(const void *a, const void *b)
{
    const struct undeclared *x = a, *y = b;
    uint64_t p = total_samples(x), q = total_samples(y);
    return p != q ? (p > q ? -1 : 1) : strcmp(x->label, y->label);
}

static void list_undeclared(struct work *w, struct trail_result *result)
{
    size_t capacity = 0;
    if (w->leftover_count == 0) {
        return;
    }
    qsort_r(w->leftover, w->leftover_count, sizeof *w->leftover, by_label, w);
    for (size_t i = 0; i < w->leftover_count; i++) {
        const struct leftover *left = &w->leftover[i];
        const struct row *row = &w->rows[left->row];
        const struct label *label = work_label(w, row);
        if (i == 0 || w->rows[w->leftover[i - 1].row].label != row->label) {
            result->undeclared =
                mem_grow(result->undeclared, result->undeclared_count, &capacity, sizeof *result->undeclared);
            result->undeclared[result->undeclared_count++] = (struct undeclared){
                .label = mem_strdup(label->text),
                .file = mem_strdup(label->file),
                .name = mem_strdup(label->name),
                .line = label->line,
            };
        }
        struct undeclared *u = &result->undeclared[result->undeclared_count - 1];
        if (row->stage == STAGE_UPLOAD && work_instance(w, row->instance)->mirror) {
            continue;
        }
        u->copies[row->stage] += row->copies;
        u->samples[row->stage] += left->samples;
        u->acquires[row->stage] += left->acquires;
    }
    qsort(result->undeclared, result->undeclared_count, sizeof *result->undeclared, by_samples);
}

/* --- the top ------------------------------------------------------------------------------------------------------ */

void trail_judge(const struct trail_input *input, struct trail_result *result)
{
    struct work w = {.input = input, .threshold = threshold_of(input)};
    *result = (struct trail_result){0};
    gather(&w);
    edges_build(&w);
    kins_build(&w);
    match(&w);
    changes_find(&w);
    judge_locks(&w, result);
    losses_group(&w, result);
    list_undeclared(&w, result);
    notes_take(&w, result);
    verdict_reach(&w, result);
    changes_fini(&w);
    match_fini(&w);
    edges_fini(&w);
    gather_fini(&w);
}

static void lock_fini(struct trail_lock *lock)
{
    for (enum stage s = 0; s < STAGE_COUNT; s++) {
        for (size_t i = 0; i < lock->stages[s].seen_count; i++) {
            free(lock->stages[s].seen_as[i].label);
            free(lock->stages[s].seen_as[i].name);
        }
        free(lock->stages[s].seen_as);
    }
    free(lock->loss.evidence);
    free(lock->loss.own);
    free(lock->loss.common);
}

void trail_result_fini(struct trail_result *result)
{
    for (size_t i = 0; i < result->lock_count; i++) {
        lock_fini(&result->locks[i]);
    }
    for (size_t i = 0; i < result->undeclared_count; i++) {
        free(result->undeclared[i].label);
        free(result->undeclared[i].file);
        free(result->undeclared[i].name);
    }
    for (size_t i = 0; i < result->next_step_count; i++) {
        free(result->next_steps[i]);
    }
    for (size_t i = 0; i < result->note_count; i++) {
        free(result->notes[i]);
    }
    free(result->conclusion);
    free(result->next_steps);
    free(result->locks);
    free(result->undeclared);
    free(result->notes);
    *result = (struct trail_result){0};
}
