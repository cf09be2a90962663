/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with the list of expected losses, and what the baseline lost and this matrix does not. */
#include "report/matrix_terminal.h"

#include "base/mem.h"

#include <stdlib.h>

#define GONE_SHOWN 10
#define ENTRIES_SHOWN 20

static void add_item(const struct matrix_terminal *t, char *text)
{
    buf_add_str(t->out, "  ");
    text_add_wrapped(t->out, text, 4);
    free(text);
}

static void add_expected(const struct matrix_terminal *t)
{
    const struct expectations *x = t->r->known.expected;
    size_t told = 0;
    for (size_t i = 0; x && i < x->count; i++) {
        char *text = matrix_expectation_text(t->r, i);
        if (!text)
            continue;
        if (told == 0)
            matrix_terminal_title(t, "EXPECTED LOSSES");
        told++;
        if (told <= ENTRIES_SHOWN)
            add_item(t, text);
        else
            free(text);
    }
    if (told > ENTRIES_SHOWN)
        buf_printf(t->out, "  and %zu more\n", told - ENTRIES_SHOWN);
}

static void add_gone(const struct matrix_terminal *t)
{
    const struct matrix_report *r = t->r;
    if (r->gone_count == 0)
        return;
    matrix_terminal_title(t, "NO LONGER LOST");
    for (size_t i = 0; i < r->gone_count && i < GONE_SHOWN; i++) {
        const struct matrix_gone *g = &r->gone[i];
        add_item(t, mem_printf("%s (%s at %s)%s%s", g->lock, mechanism_name(g->mechanism), stage_name(g->stage),
                               g->cell[0] ? " in " : "", g->cell));
    }
    if (r->gone_count > GONE_SHOWN)
        buf_printf(t->out, "  and %zu more\n", r->gone_count - GONE_SHOWN);
}

void matrix_terminal_known(const struct matrix_terminal *t)
{
    add_expected(t);
    add_gone(t);
}
