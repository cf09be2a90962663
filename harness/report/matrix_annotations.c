/* SPDX-License-Identifier: Apache-2.0 */
/* Workflow commands of GitHub Actions: `::error title=TITLE::TEXT`, one for each cause rather than for each cell, since
 * the runner shows ten errors and ten warnings of a step and drops the rest. */
#include "report/matrix.h"

#include "base/mem.h"
#include "report/matrix_parts.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 10
#define LOCKS_SHOWN 6
#define LOCKS_IN_TITLE 1

struct annotations {
    struct buf *out;
    const char *level;
    size_t wanted, shown; /* of `wanted` the last one shown may have to say how many are not */
};

/* As the runner reads it back: % and line ends in both, and in a property what ends it. */
static void add_escaped(struct buf *out, const char *text, bool property)
{
    struct buf clean = {0};
    text_add_clean(&clean, text);
    for (const char *at = clean.data ? clean.data : ""; *at; at++) {
        if (*at == '%' || (property && (*at == ':' || *at == ',')))
            buf_printf(out, "%%%02X", *at);
        else
            buf_add_char(out, *at);
    }
    buf_fini(&clean);
}

/* Takes both texts. */
static void annotate(struct annotations *a, char *title, char *text)
{
    if (a->shown < SHOWN_MAX) {
        bool last = a->shown == SHOWN_MAX - 1 && a->wanted > SHOWN_MAX;
        char *more = last ? mem_printf(" (and %zu more like this in the report)", a->wanted - SHOWN_MAX) : NULL;
        buf_printf(a->out, "::%s title=", a->level);
        add_escaped(a->out, title, true);
        buf_add_str(a->out, "::");
        add_escaped(a->out, text, false);
        buf_printf(a->out, "%s\n", more ? more : "");
        free(more);
    }
    a->shown++;
    free(title);
    free(text);
}

static char *group_body(const struct matrix_report *r, const struct matrix_group *g)
{
    const char *verb = g->is_verdict ? verdict_name(g->verdict) : "lost";
    char *condition = g->explained ? matrix_condition_text(&g->result, verb) : mem_strdup("");
    char *locks = matrix_group_locks_text(r, g, LOCKS_SHOWN);
    char *command = g->explained && g->result.example != (size_t)-1 ? matrix_command_text(r, matrix_group_example(r, g))
                                                                    : mem_strdup("");
    const char *what = g->is_verdict ? matrix_group_conclusion(r, g) : locks;
    struct buf text = {0};
    buf_printf(&text, "%s%s%s%s%s", condition, condition[0] && what[0] ? ": " : "", what,
               command[0] ? "; to reproduce: " : "", command);
    free(condition);
    free(locks);
    free(command);
    return buf_steal(&text);
}

/* What GitHub shows in bold, and alone in a list: it names the lock. */
static char *group_title(const struct matrix_report *r, const struct matrix_group *g)
{
    char *head = matrix_group_text(r, g), *locks = matrix_group_locks_text(r, g, LOCKS_IN_TITLE);
    char *title = mem_printf("%s%s%s", head, locks[0] ? ": " : "", locks);
    free(locks);
    free(head);
    return title;
}

static void add_errors(const struct matrix_report *r, struct buf *out)
{
    struct annotations a = {.out = out, .level = "error"};
    for (size_t i = 0; i < r->group_count; i++)
        a.wanted += r->groups[i].counts;
    a.wanted += r->record->missing_count > 0;
    if (r->record->missing_count > 0)
        annotate(&a, mem_strdup("Shards are missing"),
                 mem_printf("%zu of %u shards are missing", r->record->missing_count, r->record->shards));
    for (size_t i = 0; i < r->group_count; i++)
        if (r->groups[i].counts)
            annotate(&a, group_title(r, &r->groups[i]), group_body(r, &r->groups[i]));
}

static void add_warnings(const struct matrix_report *r, struct buf *out)
{
    struct annotations a = {.out = out, .level = "warning"};
    size_t entries = r->known.expected ? r->known.expected->count : 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < entries; i++) {
            char *text = matrix_expectation_text(r, i);
            if (pass == 0)
                a.wanted += text != NULL;
            if (pass == 1 && text)
                annotate(&a, mem_strdup("Expected losses"), text);
            else
                free(text);
        }
        if (pass == 0)
            a.wanted += r->flaky_count;
    }
    for (size_t i = 0; i < r->flaky_count; i++) {
        char *what = matrix_flaky_text(r, &r->flaky[i]), *odds = matrix_odds_text(&r->flaky[i].odds);
        char *point = matrix_point_text(r, r->flaky[i].point);
        annotate(&a, mem_strdup("Flaky"), mem_printf("%s: %s %s", point, what, odds));
        free(point);
        free(odds);
        free(what);
    }
}

void matrix_report_annotations(const struct matrix_report *r, struct buf *out)
{
    add_errors(r, out);
    add_warnings(r, out);
}
