/* SPDX-License-Identifier: Apache-2.0 */
/* Cells with one verdict that names no lock may have it for several reasons, which they say of themselves. Told apart
 * by their words, without numbers and without which of a worker's processes it was. */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How many further problems there are is no reason of its own. */
static size_t length_of(const char *text)
{
    const char *one = strstr(text, " There is "), *more = strstr(text, " There are ");
    return one ? (size_t)(one - text) : more ? (size_t)(more - text) : strlen(text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "app.1.upload: ended by exit 3, 0.1 s after" as "app.#: ended by exit #, # s after". */
static char *key_of(const char *text)
{
    struct buf key = {0};
    const char *end = text + length_of(text);
    buf_reserve(&key, 1);
    for (const char *at = text; at < end;) {
        if (!is_digit(*at)) {
            buf_add_char(&key, *at++);
            continue;
        }
        bool process = at > text && at[-1] == '.';
        while (at < end && (is_digit(*at) || (*at == '.' && is_digit(at[1]))))
            at++;
        while (process && at < end && *at != ' ' && *at != ':')
            at++;
        buf_add_char(&key, '#');
    }
    return buf_steal(&key);
}

/* What the first attempt with the verdict in this combination says. */
static const char *said_at(const struct matrix_report *r, const struct matrix_group *g, size_t point)
{
    const struct matrix_point *p = &r->points[point];
    for (size_t place = p->first; place < p->first + p->count; place++) {
        const struct matrix_cell_record *c = matrix_cell_record_at(r, place);
        for (size_t a = 0; a < c->attempt_count; a++)
            if (c->attempts[a].verdict == g->verdict)
                return c->attempts[a].conclusion ? c->attempts[a].conclusion : "";
    }
    return "";
}

static void explain_reason(const struct matrix_report *r, const struct matrix_group *g, const size_t *reasons,
                           size_t number, struct matrix_reason *reason)
{
    enum explain_outcome *outcomes = mem_calloc(r->point_count, sizeof *outcomes);
    unsigned *attempts = mem_calloc(r->point_count, sizeof *attempts);
    for (size_t i = 0; i < r->point_count; i++) {
        attempts[i] = r->points[i].attempts;
        outcomes[i] = attempts[i] > 0 ? EXPLAIN_KEPT : EXPLAIN_NONE;
    }
    for (size_t i = 0; i < g->point_count; i++)
        if (reasons[i] == number)
            outcomes[g->points[i]] = EXPLAIN_LOST;
    reason->explained = true;
    matrix_explain(r, outcomes, attempts, &reason->result);
    free(outcomes);
    free(attempts);
}

void matrix_find_reasons(const struct matrix_report *r, struct matrix_group *g, bool explained)
{
    char *keys[MATRIX_REASONS_MAX] = {0};
    assert(g->reason_count == 0);
    size_t *reasons = mem_calloc(g->point_count, sizeof *reasons);
    for (size_t i = 0; i < g->point_count; i++) {
        const char *said = said_at(r, g, g->points[i]);
        char *key = key_of(said);
        size_t k = 0;
        while (k < g->reason_count && strcmp(keys[k], key) != 0)
            k++;
        reasons[i] = k;
        if (k < g->reason_count || k == MATRIX_REASONS_MAX) {
            free(key);
        } else {
            keys[g->reason_count] = key;
            g->reasons[g->reason_count++] = (struct matrix_reason){.text = said};
        }
        *(k < MATRIX_REASONS_MAX ? &g->reasons[k].points : &g->reasons_left) += 1;
    }
    for (size_t k = 0; k < g->reason_count; k++) {
        if (explained && g->reason_count > 1)
            explain_reason(r, g, reasons, k, &g->reasons[k]);
        free(keys[k]);
    }
    free(reasons);
}

char *matrix_reason_text(const struct matrix_reason *reason)
{
    char *condition = reason->explained ? matrix_condition_text(&reason->result, "so") : mem_strdup("");
    char *text = mem_printf("in %zu %s%s%s: %s", reason->points, reason->points == 1 ? "cell" : "cells",
                            condition[0] ? ", " : "", condition, reason->text);
    free(condition);
    return text;
}
