/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix.h"

#include "report/matrix_parts.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

/* GitHub shows a step's summary of at most 1 MiB; nobody reads more rows than these, of which none exceeds 2 KiB. */
#define GROUPS_SHOWN 10
#define ROWS_SHOWN 30
#define LOCKS_SHOWN 6
#define TEXT_SHOWN 400

/* Text that is no markup: GitHub's Markdown takes a backslash before any punctuation; `<` is HTML even so. */
static void add_plain(struct buf *out, const char *text)
{
    struct buf clean = {0};
    text_add_fitted(&clean, text, TEXT_SHOWN);
    for (const char *at = clean.data ? clean.data : ""; *at; at++) {
        if (*at == '<')
            buf_add_str(out, "&lt;");
        else if (*at == '&')
            buf_add_str(out, "&amp;");
        else if (strchr("\\`*_[]|#>~!@", *at))
            buf_printf(out, "\\%c", *at);
        else
            buf_add_char(out, *at);
    }
    buf_fini(&clean);
}

static void add_taken(struct buf *out, char *text)
{
    add_plain(out, text);
    free(text);
}

/* A block that is shown as it is: its fence is longer than any row of backticks in it. */
static void add_command(struct buf *out, char *command)
{
    size_t longest = 2, row = 0;
    for (const char *at = command; *at; at++) {
        row = *at == '`' ? row + 1 : 0;
        longest = row > longest ? row : longest;
    }
    buf_add_str(out, "\n");
    for (int side = 0; side < 2; side++) {
        buf_add_str(out, "   ");
        for (size_t i = 0; i <= longest; i++)
            buf_add_char(out, '`');
        buf_add_str(out, side == 0 ? "sh\n   " : "\n");
        if (side == 0)
            text_add_clean(out, command);
        buf_add_str(out, side == 0 ? "\n" : "");
    }
    free(command);
}

static void add_totals(struct buf *out, const struct matrix_report *r)
{
    buf_add_str(out, "| cells |");
    for (int v = 0; v < VERDICT_COUNT; v++)
        buf_printf(out, " %s |", verdict_name((enum verdict)v));
    buf_add_str(out, " not run | flaky |\n|---:|");
    for (int v = 0; v < VERDICT_COUNT; v++)
        buf_add_str(out, "---:|");
    buf_printf(out, "---:|---:|\n| %zu |", r->mine_count);
    for (int v = 0; v < VERDICT_COUNT; v++)
        buf_printf(out, " %zu |", r->verdicts[v]);
    buf_printf(out, " %zu | %zu |\n", r->not_run_count, r->flaky_cells);
    if (r->loss_count == 0 || (!r->known.baseline && !r->known.expected))
        return;
    buf_add_str(out, "\nLosses:");
    for (int s = 0; s < MATRIX_STANDING_COUNT; s++)
        buf_printf(out, "%s %zu %s", s > 0 ? "," : "", r->standings[s], matrix_standing_name((enum matrix_standing)s));
    buf_printf(out, "; %zu no longer lost.\n", r->gone_count);
}

static void add_group(struct buf *out, const struct matrix_report *r, const struct matrix_group *g)
{
    buf_add_str(out, "1. ");
    add_taken(out, matrix_group_text(r, g));
    if (!g->is_verdict) {
        buf_add_str(out, ": ");
        add_taken(out, matrix_group_locks_text(r, g, LOCKS_SHOWN));
    }
    if (g->explained) {
        buf_add_str(out, ".\n   **");
        add_taken(out, matrix_condition_text(&g->result, g->is_verdict ? verdict_name(g->verdict) : "lost"));
        buf_add_str(out, "**");
    }
    for (size_t i = 0; i < g->cause_count; i++) {
        buf_add_str(out, i == 0 ? " — " : "; ");
        add_taken(out, matrix_cause_text(&g->causes[i]));
    }
    buf_add_char(out, '\n');
    if (g->explained && g->result.example != (size_t)-1)
        add_command(out, matrix_command_text(r, matrix_group_example(r, g)));
}

static void add_groups(struct buf *out, const struct matrix_report *r)
{
    if (r->group_count == 0)
        return;
    buf_add_str(out, "\n### Explanation\n\n");
    for (size_t i = 0; i < r->group_count && i < GROUPS_SHOWN; i++)
        add_group(out, r, &r->groups[i]);
    if (r->group_count > GROUPS_SHOWN)
        buf_printf(out, "\nand %zu more patterns, all in report.json\n", r->group_count - GROUPS_SHOWN);
}

static void add_cells(struct buf *out, const struct matrix_report *r)
{
    size_t bad = r->mine_count - r->verdicts[VERDICT_SUCCESS], shown = 0;
    if (bad == 0)
        return;
    buf_add_str(out, "\n### Cells without success\n\n| verdict | losses | cell |\n|---|---:|---|\n");
    for (size_t i = 0; i < r->mine_count && shown < ROWS_SHOWN; i++) {
        const struct matrix_cell_view *v = &r->mine[i];
        bool run = matrix_cell_record_at(r, i)->attempt_count > 0;
        if (run && v->verdict == VERDICT_SUCCESS)
            continue;
        buf_printf(out, "| %s%s | %zu | ", run ? verdict_name(v->verdict) : "not run", v->flaky ? ", flaky" : "",
                   v->loss_count);
        add_plain(out, matrix_cell_at(r, i)->key);
        buf_add_str(out, " |\n");
        shown++;
    }
    if (bad > shown)
        buf_printf(out, "\nand %zu more\n", bad - shown);
}

static void add_flaky(struct buf *out, const struct matrix_report *r)
{
    if (r->flaky_count == 0)
        return;
    buf_add_str(out, "\n### Flaky\n\n");
    for (size_t i = 0; i < r->flaky_count && i < ROWS_SHOWN; i++) {
        buf_add_str(out, "- ");
        add_taken(out, matrix_point_text(r, r->flaky[i].point));
        buf_add_str(out, ": ");
        add_taken(out, matrix_flaky_text(r, &r->flaky[i]));
        buf_add_char(out, ' ');
        add_taken(out, matrix_odds_text(&r->flaky[i].odds));
        buf_add_char(out, '\n');
    }
    if (r->flaky_count > ROWS_SHOWN)
        buf_printf(out, "- and %zu more\n", r->flaky_count - ROWS_SHOWN);
}

static void add_expectations(struct buf *out, const struct matrix_report *r)
{
    size_t told = 0;
    for (size_t i = 0; r->known.expected && i < r->known.expected->count && told < ROWS_SHOWN; i++) {
        char *text = matrix_expectation_text(r, i);
        if (!text)
            continue;
        buf_add_str(out, told++ == 0 ? "\n### Expected losses\n\n- " : "- ");
        add_taken(out, text);
        buf_add_char(out, '\n');
    }
}

void matrix_report_markdown(const struct matrix_report *r, struct buf *out)
{
    buf_add_str(out, "## locktrail: ");
    add_plain(out, r->record->matrix->name);
    buf_printf(out, ": %s%s\n\n", verdict_name(r->verdict), r->record->interrupted ? " (interrupted)" : "");
    add_taken(out, matrix_conclusion_text(r));
    buf_add_str(out, ".\n\n");
    add_totals(out, r);
    for (size_t i = 0; i < r->record->missing_count; i++)
        buf_printf(out, "%s%u%s", i == 0 ? "\nMissing shards: " : ", ", r->record->missing[i],
                   i + 1 == r->record->missing_count ? "\n" : "");
    add_groups(out, r);
    add_cells(out, r);
    add_flaky(out, r);
    add_expectations(out, r);
}
