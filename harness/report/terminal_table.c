/* SPDX-License-Identifier: Apache-2.0 */
/* Locks x stages, and a legend of the words that appear in it. */
#include "report/terminal_parts.h"

#include "report/view.h"

#include <stdlib.h>
#include <string.h>

#define GAP "  "
#define GAP_SIZE 2
#define ACQUIRES_SIZE 10
/* A name shorter than this says nothing any more; then the column of acquires goes first. */
#define NAME_MIN 24

struct layout {
    bool shown[STAGE_COUNT];
    size_t width[STAGE_COUNT];
    bool acquires;
    size_t name_width;
};

/* Words of a cell; none is longer than the longest stage name. */
static const char *const words[STATE_COUNT] = {"exact", "mangled", "alias", "generic", "absent", "few", "-"};

static const char *const meanings[STATE_COUNT] = {"its declared name",
                                                  "its declared name as the language mangles it",
                                                  "another name at its site",
                                                  "its site without a name",
                                                  "no sample, and too many acquires for that to be chance",
                                                  "undersampled: no sampled acquire, and that may be chance",
                                                  "not run: this stage was not looked at"};

static bool is_shown(const struct evidence *ev, enum stage stage)
{
    return stage == STAGE_CONTROL || stage == STAGE_COLLECTOR || stage == STAGE_UPLOAD ||
           (stage != STAGE_DECLARED && view_stage_ran(ev, stage));
}

/* Of a lock that is not there at all the state says enough. */
static bool differs(const struct stage_result *r)
{
    bool there =
        r->state == STATE_EXACT || r->state == STATE_MANGLED || r->state == STATE_ALIAS || r->state == STATE_GENERIC;
    return there && r->count_checked && !r->count_equal;
}

/* As wide as the stage's name and its widest cell. */
static size_t stage_width(const struct evidence *ev, enum stage stage)
{
    size_t width = strlen(stage_name(stage));
    for (size_t i = 0; i < ev->trail.lock_count; i++) {
        const struct stage_result *r = &ev->trail.locks[i].stages[stage];
        size_t size = strlen(words[r->state]) + differs(r);
        if (size > width)
            width = size;
    }
    return width;
}

static struct layout make_layout(const struct evidence *ev)
{
    struct layout l = {.acquires = true};
    size_t left = TEXT_WIDTH, longest = strlen("LOCK");
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        l.shown[stage] = is_shown(ev, stage);
        l.width[stage] = stage_width(ev, stage);
        if (l.shown[stage])
            left -= l.width[stage] + GAP_SIZE;
    }
    if (left < NAME_MIN + ACQUIRES_SIZE + GAP_SIZE)
        l.acquires = false;
    else
        left -= ACQUIRES_SIZE + GAP_SIZE;
    for (size_t i = 0; i < ev->trail.lock_count; i++) {
        char *label = view_lock_label(ev, ev->trail.locks[i].lock);
        size_t columns = text_columns(label);
        if (columns > longest)
            longest = columns;
        free(label);
    }
    l.name_width = longest < left ? longest : left;
    return l;
}

/* No blanks at the end of a line: they would be copied with it. */
static void end_line(struct buf *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
    buf_add_char(out, '\n');
}

static void add_head(const struct terminal *t, const struct layout *l)
{
    text_add_cell(t->out, "LOCK", l->name_width, false, TEXT_PLAIN);
    if (l->acquires) {
        buf_add_str(t->out, GAP);
        text_add_cell(t->out, "ACQUIRES", ACQUIRES_SIZE, true, TEXT_PLAIN);
    }
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        if (!l->shown[stage])
            continue;
        buf_add_str(t->out, GAP);
        text_add_cell(t->out, stage_name(stage), l->width[stage], false, TEXT_PLAIN);
    }
    end_line(t->out);
}

static void add_state(const struct terminal *t, const struct trail_lock *lock, enum stage stage, size_t width)
{
    static const enum text_colour colours[] = {[VIEW_GOOD] = TEXT_GREEN,
                                               [VIEW_LIMIT] = TEXT_PLAIN,
                                               [VIEW_LOST] = TEXT_RED,
                                               [VIEW_BAD] = TEXT_RED,
                                               [VIEW_UNKNOWN] = TEXT_YELLOW};
    const struct stage_result *r = &lock->stages[stage];
    char word[16];
    size_t size = strlen(words[r->state]);
    memcpy(word, words[r->state], size + 1);
    if (differs(r))
        memcpy(word + size, "!", 2);
    enum text_colour colour = colours[view_worth(lock, stage)];
    if (r->state == STATE_NOT_RUN)
        colour = TEXT_PLAIN;
    buf_add_str(t->out, GAP);
    text_add_cell(t->out, word, width, false, terminal_colour(t, colour));
}

/* A name that is too long for its column has a line of its own: names are what this table is for. */
static void add_name(const struct terminal *t, const struct layout *l, const char *label)
{
    if (text_columns(label) <= l->name_width) {
        text_add_cell(t->out, label, l->name_width, false, TEXT_PLAIN);
        return;
    }
    text_add_fitted(t->out, label, TEXT_WIDTH);
    buf_printf(t->out, "\n%*s", (int)l->name_width, "");
}

static void add_row(const struct terminal *t, const struct layout *l, const struct trail_lock *lock)
{
    char *label = view_lock_label(t->ev, lock->lock);
    add_name(t, l, label);
    free(label);
    if (l->acquires) {
        struct lock_count truth = view_truth(t->ev, lock->lock);
        buf_add_str(t->out, GAP);
        if (truth.known)
            text_add_count(t->out, truth.acquires, ACQUIRES_SIZE);
        else
            text_add_cell(t->out, "?", ACQUIRES_SIZE, true, TEXT_PLAIN);
    }
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        if (l->shown[stage])
            add_state(t, lock, stage, l->width[stage]);
    end_line(t->out);
}

void terminal_legend(const struct terminal *t, const bool shown[STAGE_COUNT])
{
    bool used[STATE_COUNT] = {false}, marked = false;
    for (size_t i = 0; i < t->ev->trail.lock_count; i++) {
        for (int stage = 0; stage < STAGE_COUNT; stage++) {
            const struct stage_result *r = &t->ev->trail.locks[i].stages[stage];
            if (!shown[stage])
                continue;
            used[r->state] = true;
            marked = marked || differs(r);
        }
    }
    buf_add_char(t->out, '\n');
    for (int state = 0; state < STATE_COUNT; state++)
        if (used[state])
            buf_printf(t->out, "%-8s %s\n", words[state], meanings[state]);
    if (marked)
        buf_printf(t->out, "%-8s %s\n", "!", "the profile counts other acquires than the worker");
}

void terminal_table(struct terminal *t)
{
    t->matrix = t->ev->trail.lock_count > 0 && terminal_matrix(t);
    if (t->matrix)
        return;
    buf_add_char(t->out, '\n');
    if (t->ev->trail.lock_count == 0) {
        buf_add_str(t->out, "No lock was declared.\n");
        return;
    }
    struct layout layout = make_layout(t->ev);
    add_head(t, &layout);
    for (size_t i = 0; i < t->ev->trail.lock_count; i++)
        add_row(t, &layout, &t->ev->trail.locks[i]);
    terminal_legend(t, layout.shown);
}
