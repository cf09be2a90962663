/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/matrix_progress.h"

#include "base/utf8.h"
#include "engine/matrix_run.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

static void erase(struct matrix_progress *p, struct buf *out)
{
    if (p->drawn)
        buf_add_str(out, "\r\033[K");
    p->drawn = false;
}

/* As much of it as fits, without a break in a character. */
static void add_cut(struct buf *out, const char *text, size_t columns)
{
    size_t size = strlen(text), at = 0;
    for (size_t shown = 0; at < size && shown < columns; shown++) {
        size_t length = utf8_length(text + at, size - at);
        at += length ? length : 1;
    }
    buf_add(out, text, at);
}

static void draw(struct matrix_progress *p, struct buf *out)
{
    struct buf line = {0};
    if (!p->terminal)
        return;
    erase(p, out);
    buf_printf(&line, "%zu of %zu cells", p->done, p->total);
    if (p->bad)
        buf_printf(&line, ", %zu not a success", p->bad);
    buf_printf(&line, ", %zu running, %zu waiting", p->running, p->left);
    add_cut(out, line.data, p->columns > 1 ? p->columns - 1 : 0);
    buf_fini(&line);
    p->drawn = true;
}

static void add_attempt(const struct matrix_progress *p, const struct matrix_record *r, size_t cell,
                        const struct matrix_attempt *ended, struct buf *out)
{
    buf_printf(out, "%zu/%zu %s ", p->done, p->total, verdict_name(ended->verdict));
    text_add_clean(out, r->matrix->cells[cell].key);
    buf_printf(out, " (%.1f s%s", (double)ended->duration_ms / 1000, ended->number > 1 ? ", attempt " : "");
    if (ended->number > 1)
        buf_printf(out, "%u", ended->number);
    buf_add_char(out, ')');
    if (ended->verdict != VERDICT_SUCCESS && ended->conclusion && ended->conclusion[0]) {
        buf_add_str(out, ": ");
        text_add_clean(out, ended->conclusion);
    }
    buf_add_char(out, '\n');
}

static bool is_bad(const struct matrix_cell_record *c)
{
    return matrix_cell_verdict(c) != VERDICT_SUCCESS;
}

void matrix_progress_begin(struct matrix_progress *p, const struct matrix_record *r)
{
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        if (!r->mine[i])
            continue;
        p->total++;
        if (matrix_run_has_enough(r->matrix, &r->cells[i])) {
            p->done++;
            p->bad += is_bad(&r->cells[i]);
        }
    }
}

void matrix_progress_event(struct matrix_progress *p, const struct matrix_record *r, size_t cell,
                           const struct matrix_attempt *ended, size_t running, size_t left, struct buf *out)
{
    p->running = running;
    p->left = left;
    if (ended) {
        bool over = matrix_run_has_enough(r->matrix, &r->cells[cell]);
        p->done += over;
        p->bad += over && is_bad(&r->cells[cell]);
        erase(p, out);
        add_attempt(p, r, cell, ended, out);
    }
    draw(p, out);
}

void matrix_progress_note(struct matrix_progress *p, const char *text, struct buf *out)
{
    erase(p, out);
    text_add_clean(out, text);
    buf_add_char(out, '\n');
    draw(p, out);
}

void matrix_progress_end(struct matrix_progress *p, struct buf *out)
{
    erase(p, out);
}
