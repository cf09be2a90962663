/* SPDX-License-Identifier: Apache-2.0 */
#include "report/terminal_parts.h"

#include "report/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 4
/* Last lines of a worker's output that are shown; all of it is in the run directory. */
#define OUTPUT_LINES_MAX 10

static void add_paragraph(const struct terminal *t, const char *text)
{
    buf_printf(t->out, "%*s", INDENT, "");
    text_add_wrapped(t->out, text, INDENT);
}

void terminal_losses(const struct terminal *t)
{
    bool any = false;
    for (size_t i = 0; i < t->ev->trail.lock_count; i++) {
        const struct trail_lock *lock = &t->ev->trail.locks[i];
        if (!lock->lost)
            continue;
        if (!any)
            terminal_title(t, "LOSSES");
        any = true;
        const char *mechanism = mechanism_name(lock->loss.mechanism);
        const char *stage = stage_name(lock->loss.stage);
        char *label = view_lock_label(t->ev, lock->lock);
        text_add_fitted(t->out, label, TEXT_WIDTH - strlen(": ") - strlen(mechanism) - strlen(" at ") - strlen(stage));
        buf_add_str(t->out, ": ");
        text_add_coloured(t->out, mechanism, terminal_colour(t, TEXT_RED));
        buf_printf(t->out, " at %s\n", stage);
        add_paragraph(t, lock->loss.evidence);
        free(label);
    }
}

void terminal_notes(const struct terminal *t)
{
    if (t->ev->trail.note_count == 0)
        return;
    terminal_title(t, "FURTHER FINDINGS");
    for (size_t i = 0; i < t->ev->trail.note_count; i++) {
        buf_add_str(t->out, "- ");
        text_add_wrapped(t->out, t->ev->trail.notes[i], 2);
    }
}

void terminal_known_limits(const struct terminal *t)
{
    struct buf list = {0};
    for (size_t i = 0; i < t->ev->trail.lock_count; i++) {
        if (!t->ev->trail.locks[i].known_limit)
            continue;
        char *label = view_lock_label(t->ev, t->ev->trail.locks[i].lock);
        if (list.size > 0)
            buf_add_str(&list, ", ");
        text_add_fitted(&list, label, TEXT_WIDTH - INDENT - 1);
        free(label);
    }
    if (list.size > 0) {
        terminal_title(t, "KNOWN LIMITS");
        text_add_wrapped(t->out,
                         "The runtime documents that it can't name these; neither success nor "
                         "failure:",
                         0);
        add_paragraph(t, list.data);
    }
    buf_fini(&list);
}

/* The stages at which a lock is undersampled, as one line. */
static void add_undersampled(const struct terminal *t, const struct trail_lock *lock)
{
    struct buf text = {0};
    char *label = view_lock_label(t->ev, lock->lock);
    int64_t longest = 0;
    bool counted = view_truth(t->ev, lock->lock).known;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        const struct stage_result *r = &lock->stages[stage];
        if (r->state != STATE_UNDERSAMPLED)
            continue;
        if (r->needed_ms > longest)
            longest = r->needed_ms;
        buf_printf(&text, "%s%s", text.size > 0 ? ", " : "", stage_name(stage));
        if (counted)
            buf_printf(&text, " (%" PRIu64 " acquires)", r->true_acquires);
    }
    struct stage_result slowest = {.needed_ms = longest};
    char *needed = view_needed(&slowest);
    if (needed)
        buf_printf(&text, ": needs a run of at least %s", needed);
    else
        buf_add_str(&text, ": how long a run it needs can't be said");
    text_add_fitted(t->out, label, TEXT_WIDTH);
    buf_add_char(t->out, '\n');
    add_paragraph(t, text.data);
    free(needed);
    free(label);
    buf_fini(&text);
}

static bool is_undersampled(const struct trail_lock *lock)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        if (lock->stages[stage].state == STATE_UNDERSAMPLED)
            return true;
    return false;
}

void terminal_undersampled(const struct terminal *t)
{
    bool any = false;
    for (size_t i = 0; i < t->ev->trail.lock_count; i++) {
        if (!is_undersampled(&t->ev->trail.locks[i]))
            continue;
        if (!any)
            terminal_title(t, "UNDERSAMPLED");
        any = true;
        add_undersampled(t, &t->ev->trail.locks[i]);
    }
}

static void add_undeclared(const struct terminal *t, const struct undeclared *u)
{
    struct buf counts = {0};
    for (int stage = STAGE_CONTROL; stage < STAGE_COUNT; stage++)
        if (u->copies[stage] > 0)
            buf_printf(&counts, "  %s %" PRIu64, stage_name(stage), u->samples[stage]);
    size_t width = text_columns(counts.size > 0 ? counts.data : "");
    /* Counts of all stages at once would leave no room for the name. */
    bool own_line = width > TEXT_WIDTH / 2;
    text_add_fitted(t->out, u->label, own_line ? TEXT_WIDTH : TEXT_WIDTH - width);
    if (own_line)
        buf_printf(t->out, "\n%*s", INDENT, "");
    if (own_line)
        text_add_wrapped(t->out, counts.data + 2, INDENT);
    else
        buf_printf(t->out, "%s\n", counts.size > 0 ? counts.data : "");
    buf_fini(&counts);
}

void terminal_undeclared(const struct terminal *t)
{
    size_t count = t->ev->trail.undeclared_count;
    if (count == 0)
        return;
    terminal_title(t, "UNDECLARED (locks that no worker declared, with their samples)");
    for (size_t i = 0; i < count && i < TERMINAL_UNDECLARED_MAX; i++)
        add_undeclared(t, &t->ev->trail.undeclared[i]);
    if (count > TERMINAL_UNDECLARED_MAX)
        buf_printf(t->out, "and %zu more (report.json has all)\n", count - TERMINAL_UNDECLARED_MAX);
}

static const char *last_lines(const char *text)
{
    size_t size = strlen(text), lines = 0;
    while (size > 0 && text[size - 1] == '\n')
        size--;
    while (size > 0 && lines < OUTPUT_LINES_MAX)
        if (text[--size] == '\n')
            lines++;
    return lines == OUTPUT_LINES_MAX ? text + size + 1 : text;
}

void terminal_problems(const struct terminal *t)
{
    if (t->ev->problem_count == 0)
        return;
    terminal_title(t, "PROBLEMS");
    for (size_t i = 0; i < t->ev->problem_count; i++) {
        const struct problem *p = &t->ev->problems[i];
        struct buf text = {0};
        buf_printf(&text, "%s: %s", p->who, p->text);
        text_add_wrapped(t->out, text.data, INDENT);
        buf_fini(&text);
        if (p->advice[0])
            add_paragraph(t, p->advice);
        if (p->output[0]) {
            add_paragraph(t, "its last output:");
            buf_printf(t->out, "%*s", INDENT + 2, "");
            text_add_wrapped(t->out, last_lines(p->output), INDENT + 2);
        }
    }
}
