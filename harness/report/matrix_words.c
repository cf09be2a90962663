/* SPDX-License-Identifier: Apache-2.0 */
/* What all forms say in the same words. */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FLAKY_LOCKS_SHOWN 3

const char *matrix_standing_name(enum matrix_standing standing)
{
    static const char *const names[MATRIX_STANDING_COUNT] = {"new", "expired", "known", "expected"};
    return names[standing];
}

char *matrix_subject_text(const struct matrix_report *r, size_t subject)
{
    const struct matrix_subject *s = &r->subjects[subject];
    return r->several_workers ? mem_printf("%s: %s", s->worker, s->lock) : mem_strdup(s->lock);
}

char *matrix_point_text(const struct matrix_report *r, size_t point)
{
    const struct matrix *m = r->record->matrix;
    const struct matrix_cell *cell = matrix_cell_at(r, r->points[point].first);
    struct buf text = {0};
    for (size_t i = 0; i < m->axis_count; i++)
        if (cell->values[i] >= 0)
            buf_printf(&text, "%s%s=%s", text.size > 0 ? " " : "", m->axes[i].name,
                       m->axes[i].values[cell->values[i]].label);
    if (text.size == 0)
        buf_add_str(&text, "the scenario as it is");
    return buf_steal(&text);
}

/* --- command lines ---------------------------------------------------------------------------------------------- */

/* As a shell reads it back as one word. */
static void add_word(struct buf *out, const char *word)
{
    buf_add_char(out, ' ');
    if (word[0] &&
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%") == strlen(word)) {
        buf_add_str(out, word);
        return;
    }
    buf_add_char(out, '\'');
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            buf_add_str(out, "'\\''");
        else
            buf_add_char(out, *at);
    }
    buf_add_char(out, '\'');
}

/* The scenario's path stands in the matrix file, from that file's directory. */
static char *scenario_path(const struct matrix *m)
{
    const char *slash = strrchr(m->path, '/');
    if (!slash || m->scenario[0] == '/')
        return mem_strdup(m->scenario);
    return mem_printf("%.*s/%s", (int)(slash - m->path), m->path, m->scenario);
}

/* What a cell sets, but for one axis (-1: none is left out). */
static void add_settings(struct buf *out, const struct matrix *m, const struct matrix_cell *cell, int but)
{
    for (size_t i = 0; i < m->axis_count; i++) {
        const struct matrix_value *v = cell->values[i] >= 0 ? &m->axes[i].values[cell->values[i]] : NULL;
        for (size_t j = 0; v && (int)i != but && j < v->override_count; j++) {
            char *setting = mem_printf("%s=%s", v->overrides[j].path, v->overrides[j].value);
            buf_add_str(out, " --set");
            add_word(out, setting);
            free(setting);
        }
    }
}

char *matrix_run_command(const struct matrix *m, const struct matrix_cell *cell)
{
    struct buf text = {0};
    char *path = scenario_path(m);
    buf_add_str(&text, "locktrail run");
    add_word(&text, path);
    add_settings(&text, m, cell, -1);
    buf_printf(&text, " --seed %" PRIu64, cell->seed);
    free(path);
    return buf_steal(&text);
}

char *matrix_command_text(const struct matrix_report *r, size_t place)
{
    return matrix_run_command(r->record->matrix, matrix_cell_at(r, place));
}

/* --- groups ----------------------------------------------------------------------------------------------------- */

char *matrix_group_text(const struct matrix_report *r, const struct matrix_group *g)
{
    const char *cells = r->point_count == 1 ? "cell" : "cells";
    if (g->is_verdict)
        return mem_printf("%s in %zu of %zu %s", verdict_name(g->verdict), g->point_count, r->point_count, cells);
    return mem_printf("%zu %s lost in %zu of %zu %s", g->subject_count, g->subject_count == 1 ? "lock is" : "locks are",
                      g->point_count, r->point_count, cells);
}

static void add_subjects(const struct matrix_report *r, const size_t *subjects, size_t count, size_t most,
                         struct buf *out)
{
    size_t shown = count > most ? most : count;
    for (size_t i = 0; i < shown; i++) {
        char *subject = matrix_subject_text(r, subjects[i]);
        buf_printf(out, "%s%s", i > 0 ? ", " : "", subject);
        free(subject);
    }
    if (shown < count)
        buf_printf(out, " and %zu more", count - shown);
}

char *matrix_group_locks_text(const struct matrix_report *r, const struct matrix_group *g, size_t most)
{
    struct buf text = {0};
    add_subjects(r, g->subjects, g->subject_count, most, &text);
    return buf_steal(&text);
}

static char *rough_text(const struct explain_result *x, const char *verb)
{
    size_t known = x->lost + x->flaky + x->kept, lost = x->lost + x->flaky;
    /* A condition that is wrong for every fifth cell is told as what it is: odds. */
    if (x->exception_count * 5 <= lost)
        return mem_printf("%s iff %s, but for %zu %s", verb, x->condition, x->exception_count,
                          x->exception_count == 1 ? "cell" : "cells");
    return mem_printf("mostly where %s: %s in %zu of its %zu cells, and in %zu of %zu others", x->condition, verb,
                      x->inside_lost, x->inside, lost - x->inside_lost, known - x->inside);
}

char *matrix_condition_text(const struct explain_result *x, const char *verb)
{
    switch (x->strength) {
    case EXPLAIN_EXACT:
        return x->atoms == 0 ? mem_printf("%s in every cell%s", verb, x->unknown > 0 ? " that could be judged" : "")
                             : mem_printf("%s iff %s", verb, x->condition);
    case EXPLAIN_WEAK:
        return mem_printf("%s iff %s (with %zu cells that may be chance; repeats would tell)", verb, x->condition,
                          x->lost + x->flaky + x->kept);
    case EXPLAIN_ROUGH:
        return rough_text(x, verb);
    case EXPLAIN_NO_CONDITION:
        return mem_strdup(x->bounded ? "no simple condition was found until the search reached its bound"
                                     : "no simple condition");
    case EXPLAIN_NO_LOSS:
        break;
    }
    return mem_strdup("nothing known of other cells");
}

char *matrix_cause_text(const struct matrix_cause *c)
{
    char *condition = c->explained ? matrix_condition_text(&c->result, "so") : mem_strdup("");
    char *text = mem_printf("%s at %s in %zu %s%s%s", mechanism_name(c->mechanism), stage_name(c->stage), c->points,
                            c->points == 1 ? "cell" : "cells", condition[0] ? ": " : "", condition);
    free(condition);
    return text;
}

/* The values on both sides of a bound that were seen: `from`: the first at or above it, else the last below. */
static int seen_value(const struct matrix_report *r, size_t axis, int bound, bool from)
{
    int best = -1;
    for (size_t i = 0; i < r->point_count; i++) {
        int value = matrix_cell_at(r, r->points[i].first)->values[axis];
        if (r->points[i].decided == 0 || value < 0 || (value >= bound) != from)
            continue;
        if (best < 0 || (from ? value < best : value > best))
            best = value;
    }
    return best;
}

bool matrix_group_has(const struct matrix_group *g, size_t point)
{
    for (size_t i = 0; i < g->point_count; i++)
        if (g->points[i] == point)
            return true;
    return false;
}

/* A cell of the group that differs from one without the loss in nothing but that axis. -1: there is none. */
static int crossing(const struct matrix_report *r, const struct matrix_group *g, size_t axis, int here, int there)
{
    const size_t axes = r->record->matrix->axis_count;
    for (size_t i = 0; i < g->point_count; i++) {
        const int *lost = matrix_cell_at(r, r->points[g->points[i]].first)->values;
        for (size_t p = 0; p < r->point_count && lost[axis] == here; p++) {
            const int *other = matrix_cell_at(r, r->points[p].first)->values;
            bool pair = other[axis] == there && r->points[p].decided > 0;
            for (size_t a = 0; pair && a < axes; a++)
                pair = a == axis || lost[a] == other[a];
            if (pair && !matrix_group_has(g, p))
                return (int)g->points[i];
        }
    }
    return -1;
}

/* The search between two releases, with all else as in a cell that crosses the boundary. NULL: only ddtrace has a list
 * of releases. */
static char *bisect_text(const struct matrix_report *r, const struct matrix_group *g, size_t axis, int below, int from,
                         bool lost_below)
{
    const struct matrix *m = r->record->matrix;
    const struct matrix_axis *a = &m->axes[axis];
    int point = crossing(r, g, axis, lost_below ? below : from, lost_below ? from : below);
    if (point < 0 || strcmp(a->name, "ddtrace") != 0)
        return NULL;
    struct buf text = {0};
    char *path = scenario_path(m);
    char *values = mem_printf("%s..%s", a->values[below].label, a->values[from].label);
    buf_add_str(&text, "locktrail bisect");
    add_word(&text, path);
    buf_add_str(&text, " --axis ddtrace --lock");
    add_word(&text, r->subjects[g->subjects[0]].lock);
    buf_add_str(&text, " --values");
    add_word(&text, values);
    add_settings(&text, m, matrix_cell_at(r, r->points[point].first), (int)axis);
    free(values);
    free(path);
    return buf_steal(&text);
}

char *matrix_boundary_text(const struct matrix_report *r, const struct matrix_group *g, char **search)
{
    const struct explain_result *x = &g->result;
    *search = NULL;
    if (!g->explained || g->is_verdict || (x->strength != EXPLAIN_EXACT && x->strength != EXPLAIN_WEAK))
        return NULL;
    for (size_t i = 0; i < x->atoms; i++) {
        const struct explain_comparison *c = &x->comparisons[i];
        const struct matrix_axis *a = &r->record->matrix->axes[c->axis];
        int below = seen_value(r, c->axis, (int)c->value, false), from = seen_value(r, c->axis, (int)c->value, true);
        if (c->comparator > EXPLAIN_FROM || a->order != AXIS_VERSIONS || below < 0 || from < 0)
            continue;
        bool lost_below = c->comparator == EXPLAIN_BELOW;
        *search = bisect_text(r, g, c->axis, below, from, lost_below);
        return mem_printf("%s %s is the last %s the loss, %s the first %s; what lies between was not run", a->name,
                          a->values[below].label, lost_below ? "with" : "without", a->values[from].label,
                          lost_below ? "without" : "with");
    }
    return NULL;
}

/* --- the rest --------------------------------------------------------------------------------------------------- */

char *matrix_odds_text(const struct matrix_odds *odds)
{
    return mem_printf("in %u of %u (95%%: %.2f to %.2f)", odds->lost, odds->attempts, odds->low, odds->high);
}

char *matrix_flaky_text(const struct matrix_report *r, const struct matrix_flaky *f)
{
    if (f->is_verdict)
        return mem_strdup(verdict_name(f->verdict));
    struct buf text = {0};
    add_subjects(r, r->flaky_subjects + f->first_subject, f->subject_count, FLAKY_LOCKS_SHOWN, &text);
    buf_add_str(&text, f->subject_count == 1 ? " is lost" : " are lost");
    return buf_steal(&text);
}

static void add_part(struct buf *text, size_t count, const char *one, const char *many)
{
    if (count > 0)
        buf_printf(text, "%s%zu %s", text->size > 0 ? ", " : "", count, count == 1 ? one : many);
}

static void add_successes(const struct matrix_report *r, struct buf *text)
{
    size_t bad = r->run_count - r->verdicts[VERDICT_SUCCESS];
    if (r->mine_count == 0)
        buf_add_str(text, "there was no cell to run");
    else if (r->run_count == 0)
        buf_add_str(text, "no cell ran");
    else if (bad > 0)
        buf_printf(text, "%zu of %zu cells that ran %s no success", bad, r->run_count, bad == 1 ? "is" : "are");
    else if (r->run_count == 1)
        buf_add_str(text, "the only cell that ran is a success");
    else
        buf_printf(text, "all %zu cells that ran are a success", r->run_count);
}

char *matrix_conclusion_text(const struct matrix_report *r)
{
    struct buf text = {0};
    add_successes(r, &text);
    add_part(&text, r->flaky_cells, "combination is flaky", "combinations are flaky");
    add_part(&text, r->not_run_count, "cell did not run", "cells did not run");
    add_part(&text, r->record->missing_count, "shard is missing", "shards are missing");
    if (r->loss_count > 0 && (r->known.baseline || r->known.expected))
        buf_printf(&text, "; of %zu losses %zu count", r->loss_count,
                   r->standings[MATRIX_NEW] + r->standings[MATRIX_EXPIRED]);
    return buf_steal(&text);
}

char *matrix_expectation_text(const struct matrix_report *r, size_t entry)
{
    const struct expectation *x = &r->known.expected->items[entry];
    if (expectation_expired(x, r->known.today))
        return mem_printf("%s:%u was expected until %s%s: %s", r->known.expected->path, x->line, x->until,
                          r->matched[entry] > 0 ? " and counts again" : "", x->reason);
    if (r->matched[entry] == 0 && r->whole)
        return mem_printf("%s:%u matches no loss: %s", r->known.expected->path, x->line, x->reason);
    return NULL;
}
