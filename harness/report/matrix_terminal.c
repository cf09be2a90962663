/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix_terminal.h"

#include <stdlib.h>

#include "base/mem.h"

/* Column at which the values of the head begin. */
#define VALUE_COLUMN 11
/* Rows that a person looks through; report.json has all. */
#define CELLS_SHOWN 20
#define FLAKY_SHOWN 20
#define VALUES_SHOWN 12

enum text_colour matrix_terminal_colour(const struct matrix_terminal *t, enum verdict verdict)
{
    static const enum text_colour colours[VERDICT_COUNT] = {TEXT_GREEN, TEXT_YELLOW, TEXT_RED,
                                                            TEXT_RED,   TEXT_YELLOW, TEXT_RED};
    return t->colour ? colours[verdict] : TEXT_PLAIN;
}

void matrix_terminal_title(const struct matrix_terminal *t, const char *title)
{
    buf_add_char(t->out, '\n');
    text_add_coloured(t->out, title, t->colour ? TEXT_BOLD : TEXT_PLAIN);
    buf_add_char(t->out, '\n');
}

static void add_value(const struct matrix_terminal *t, const char *key, struct buf *value)
{
    buf_printf(t->out, "%-*s", VALUE_COLUMN, key);
    text_add_wrapped(t->out, value->data ? value->data : "", VALUE_COLUMN);
    buf_clear(value);
}

/* --- head ------------------------------------------------------------------------------------------------------- */

static void add_axes(const struct matrix_terminal *t, struct buf *text)
{
    const struct matrix *m = t->r->record->matrix;
    for (size_t i = 0; i < m->axis_count; i++) {
        const struct matrix_axis *a = &m->axes[i];
        buf_printf(text, "%s: ", a->name);
        for (size_t v = 0; v < a->value_count && v < VALUES_SHOWN; v++)
            buf_printf(text, "%s%s", v > 0 ? ", " : "", a->values[v].label);
        if (a->value_count > VALUES_SHOWN)
            buf_printf(text, " and %zu more", a->value_count - VALUES_SHOWN);
        add_value(t, i == 0 ? "axes" : "", text);
    }
}

static void add_counts(const struct matrix_terminal *t, struct buf *text)
{
    const struct matrix_report *r = t->r;
    buf_printf(text, "%zu", r->mine_count);
    const char *before = ": ";
    for (int v = 0; v < VERDICT_COUNT; v++) {
        if (r->verdicts[v] == 0)
            continue;
        buf_printf(text, "%s%zu %s", before, r->verdicts[v], verdict_name((enum verdict)v));
        before = ", ";
    }
    if (r->not_run_count > 0)
        buf_printf(text, "%s%zu not run", before, r->not_run_count);
    if (r->record->matrix->repeat > 1)
        buf_printf(text, "; %zu combinations, each with %u seeds", r->point_count, r->record->matrix->repeat);
    add_value(t, "cells", text);
    if (r->loss_count == 0)
        return;
    buf_printf(text, "%zu, of %zu %s", r->loss_count, r->subject_count, r->subject_count == 1 ? "lock" : "locks");
    before = ": ";
    for (int s = 0; s < MATRIX_STANDING_COUNT && (r->known.baseline || r->known.expected); s++) {
        if (r->standings[s] == 0)
            continue;
        buf_printf(text, "%s%zu %s", before, r->standings[s], matrix_standing_name((enum matrix_standing)s));
        before = ", ";
    }
    add_value(t, "losses", text);
}

static void add_part(const struct matrix_terminal *t, struct buf *text)
{
    const struct matrix_record *record = t->r->record;
    for (size_t i = 0; i < record->only_count; i++)
        buf_printf(text, "%s%s", i > 0 ? ", " : "", record->only[i]);
    if (record->only_count > 0)
        add_value(t, "only", text);
    if (record->missing_count > 0) {
        buf_printf(text, "of %u shards:", record->shards);
        for (size_t i = 0; i < record->missing_count; i++)
            buf_printf(text, "%s %u", i > 0 ? "," : "", record->missing[i]);
        buf_printf(text, "; %zu cells", t->r->elsewhere_count);
        add_value(t, "MISSING", text);
    } else if (record->shards > 1) {
        buf_printf(text, "%u of %u; %zu cells are of others", record->shard, record->shards, t->r->elsewhere_count);
        add_value(t, "shard", text);
    }
    if (record->interrupted) {
        buf_add_str(text, "this matrix was interrupted; this is what it had until then");
        add_value(t, "STOPPED", text);
    }
}

static void add_head(const struct matrix_terminal *t)
{
    const struct matrix *m = t->r->record->matrix;
    struct buf text = {0};
    buf_printf(&text, "%s%s%s", m->name, m->description && m->description[0] ? ": " : "",
               m->description ? m->description : "");
    add_value(t, "matrix", &text);
    add_axes(t, &text);
    add_part(t, &text);
    add_counts(t, &text);
    buf_fini(&text);
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

static size_t new_losses(const struct matrix_report *r, const struct matrix_cell_view *v)
{
    size_t count = 0;
    for (size_t i = 0; i < v->loss_count; i++)
        count += matrix_standing_counts(r->losses[v->first_loss + i].standing);
    return count;
}

static void add_cell(const struct matrix_terminal *t, size_t place, bool standings)
{
    const struct matrix_cell_view *v = &t->r->mine[place];
    const struct matrix_cell *cell = matrix_cell_at(t->r, place);
    struct buf *out = t->out;
    bool run = matrix_cell_record_at(t->r, place)->attempt_count > 0;
    text_add_cell(out, run ? verdict_name(v->verdict) : "not run", 12, false, matrix_terminal_colour(t, v->verdict));
    buf_add_str(out, "  ");
    text_add_count(out, v->loss_count + v->dropped, 6);
    if (standings) {
        buf_add_str(out, "  ");
        text_add_count(out, new_losses(t->r, v) + v->dropped, 5);
    }
    buf_printf(out, "  %-5s  ", v->flaky ? "flaky" : "");
    text_add_wrapped(out, cell->key, standings ? 36 : 29);
}

static void add_cells(const struct matrix_terminal *t)
{
    const struct matrix_report *r = t->r;
    bool standings = r->known.baseline || r->known.expected;
    size_t bad = r->mine_count - r->verdicts[VERDICT_SUCCESS], shown = 0;
    if (bad == 0)
        return;
    matrix_terminal_title(t, "CELLS WITHOUT SUCCESS");
    buf_printf(t->out, "%-12s  LOSSES%s         CELL\n", "VERDICT", standings ? "  COUNT" : "");
    for (size_t i = 0; i < r->mine_count && shown < CELLS_SHOWN; i++) {
        bool run = matrix_cell_record_at(r, i)->attempt_count > 0;
        if (run && r->mine[i].verdict == VERDICT_SUCCESS)
            continue;
        add_cell(t, i, standings);
        shown++;
    }
    if (bad > shown)
        buf_printf(t->out, "and %zu more, all in report.json\n", bad - shown);
}

static void add_flaky(const struct matrix_terminal *t)
{
    const struct matrix_report *r = t->r;
    if (r->flaky_count == 0)
        return;
    matrix_terminal_title(t, "FLAKY");
    text_add_wrapped(t->out, "Not the same in each attempt; its odds, and the interval that holds them at 95%:", 0);
    for (size_t i = 0; i < r->flaky_count && i < FLAKY_SHOWN; i++) {
        char *point = matrix_point_text(r, r->flaky[i].point), *what = matrix_flaky_text(r, &r->flaky[i]);
        char *odds = matrix_odds_text(&r->flaky[i].odds), *text = mem_printf("%s: %s %s", point, what, odds);
        buf_add_str(t->out, "  ");
        text_add_wrapped(t->out, text, 4);
        free(text);
        free(odds);
        free(what);
        free(point);
    }
    if (r->flaky_count > FLAKY_SHOWN)
        buf_printf(t->out, "  and %zu more\n", r->flaky_count - FLAKY_SHOWN);
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static void add_verdict(const struct matrix_terminal *t)
{
    buf_printf(t->out, "%-*s", VALUE_COLUMN, "VERDICT");
    text_add_coloured(t->out, verdict_name(t->r->verdict), matrix_terminal_colour(t, t->r->verdict));
    buf_printf(t->out, "%s\n", t->r->record->interrupted ? " (interrupted)" : "");
}

void matrix_report_terminal(const struct matrix_report *r, bool colour, struct buf *out)
{
    struct matrix_terminal view = {r, colour, out}, *t = &view;
    char *conclusion = matrix_conclusion_text(r);
    add_head(t);
    add_cells(t);
    add_flaky(t);
    matrix_terminal_groups(t);
    matrix_terminal_known(t);
    buf_add_char(out, '\n');
    add_verdict(t);
    text_add_wrapped(out, conclusion, 0);
    free(conclusion);
}

void matrix_report_quiet(const struct matrix_report *r, bool colour, struct buf *out)
{
    struct matrix_terminal view = {r, colour, out};
    add_verdict(&view);
}
