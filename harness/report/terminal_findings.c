/* SPDX-License-Identifier: Apache-2.0 */
#include "report/terminal_parts.h"

#include "base/mem.h"
#include "report/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 4
/* Columns of a name in a group of losses: leaves room for "37600 acquires, 18800.0 samples to be expected". */
#define GROUP_NAME_MAX 30
/* Different things that are said of what else befell a group; report.json has all. */
#define FURTHER_MAX 5
/* Last lines of a worker's output that are shown; all of it is in the run directory. */
#define OUTPUT_LINES_MAX 10

static void add_paragraph(const struct terminal *t, const char *text)
{
    buf_printf(t->out, "%*s", INDENT, "");
    text_add_wrapped(t->out, text, INDENT);
}

/* The losses of each group as a chain, in the order of the locks. Numbers are those of the locks + 1; 0 ends. */
struct groups {
    size_t *first, *last, *count; /* by group */
    size_t *next;                 /* by lock */
};

static struct groups make_groups(const struct trail_result *trail)
{
    struct groups g = {
        .first = mem_calloc(trail->lock_count, sizeof *g.first),
        .last = mem_calloc(trail->lock_count, sizeof *g.last),
        .count = mem_calloc(trail->lock_count, sizeof *g.count),
        .next = mem_calloc(trail->lock_count, sizeof *g.next),
    };
    for (size_t i = 0; i < trail->lock_count; i++) {
        if (!trail->locks[i].lost)
            continue;
        size_t group = trail->locks[i].loss.group;
        if (g.count[group]++ == 0)
            g.first[group] = i + 1;
        else
            g.next[g.last[group] - 1] = i + 1;
        g.last[group] = i + 1;
    }
    return g;
}

static void free_groups(struct groups *g)
{
    free(g->first);
    free(g->last);
    free(g->count);
    free(g->next);
}

/* What else befell the locks of a group: each text once, with the number of its locks where it is not that of all. */
static void add_further(const struct terminal *t, const struct groups *g, size_t first)
{
    char *texts[FURTHER_MAX];
    size_t counts[FURTHER_MAX] = {0}, count = 0, all = g->count[t->ev->trail.locks[first - 1].loss.group];
    for (size_t at = first; at != 0; at = g->next[at - 1]) {
        char *text = view_further(t->ev, &t->ev->trail.locks[at - 1].loss);
        size_t i = 0;
        while (text && i < count && strcmp(texts[i], text) != 0)
            i++;
        if (text && i == count && count < FURTHER_MAX) {
            texts[count++] = text;
            text = NULL;
        }
        if (i < count)
            counts[i]++;
        free(text);
    }
    for (size_t i = 0; i < count; i++) {
        char *line = counts[i] < all ? mem_printf("also, %zu of them: %s", counts[i], texts[i])
                                     : mem_printf("also: %s", texts[i]);
        add_paragraph(t, line);
        free(line);
        free(texts[i]);
    }
}

static void add_loss(const struct terminal *t, const struct trail_lock *lock)
{
    const char *mechanism = mechanism_name(lock->loss.mechanism);
    char *place = view_place(t->ev, &lock->loss);
    char *label = view_lock_label(t->ev, lock->lock);
    text_add_fitted(t->out, label,
                    TEXT_WIDTH - strlen(": ") - strlen(mechanism) - strlen(" at ") - text_columns(place));
    buf_add_str(t->out, ": ");
    text_add_coloured(t->out, mechanism, terminal_colour(t, TEXT_RED));
    buf_printf(t->out, " at %s\n", place);
    add_paragraph(t, lock->loss.evidence);
    free(label);
    free(place);
}

/* As wide as the longest name of those that are shown. */
static size_t group_width(const struct terminal *t, const struct groups *g, size_t first)
{
    size_t width = 0, shown = 0;
    for (size_t at = first; at != 0 && shown++ < TERMINAL_GROUP_MAX; at = g->next[at - 1]) {
        char *label = view_lock_label(t->ev, t->ev->trail.locks[at - 1].lock);
        size_t columns = text_columns(label);
        width = columns > width ? columns : width;
        free(label);
    }
    return width < GROUP_NAME_MAX ? width : GROUP_NAME_MAX;
}

/* Where nothing differs: "a, b, c and 2 more". */
static void add_names(const struct terminal *t, const struct groups *g, size_t first)
{
    struct buf list = {0};
    size_t shown = 0, count = g->count[t->ev->trail.locks[first - 1].loss.group];
    for (size_t at = first; at != 0 && shown++ < TERMINAL_GROUP_MAX; at = g->next[at - 1]) {
        char *label = view_lock_label(t->ev, t->ev->trail.locks[at - 1].lock);
        buf_add_str(&list, at == first ? "" : ", ");
        text_add_fitted(&list, label, TEXT_WIDTH - INDENT - 1);
        free(label);
    }
    if (count > TERMINAL_GROUP_MAX)
        buf_printf(&list, " and %zu more (report.json has all)", count - TERMINAL_GROUP_MAX);
    add_paragraph(t, list.data);
    buf_fini(&list);
}

/* "never_sampled at collector: 12 locks", the locks with what differs, and what they share. */
static void add_group(const struct terminal *t, const struct groups *g, size_t first)
{
    const struct loss *loss = &t->ev->trail.locks[first - 1].loss;
    size_t width = group_width(t, g, first), shown = 0, count = g->count[loss->group];
    char *place = view_place(t->ev, loss);
    text_add_coloured(t->out, mechanism_name(loss->mechanism), terminal_colour(t, TEXT_RED));
    buf_printf(t->out, " at %s: %zu locks\n", place, count);
    free(place);
    if (loss->own[0] == '\0') {
        add_names(t, g, first);
        add_paragraph(t, loss->common);
        return;
    }
    for (size_t at = first; at != 0 && shown++ < TERMINAL_GROUP_MAX; at = g->next[at - 1]) {
        const struct trail_lock *lock = &t->ev->trail.locks[at - 1];
        char *label = view_lock_label(t->ev, lock->lock);
        buf_printf(t->out, "%*s", INDENT, "");
        text_add_cell(t->out, label, width, false, TEXT_PLAIN);
        buf_add_str(t->out, "  ");
        text_add_wrapped(t->out, lock->loss.own, INDENT + width + 2);
        free(label);
    }
    if (count > TERMINAL_GROUP_MAX)
        buf_printf(t->out, "%*sand %zu more (report.json has all)\n", INDENT, "", count - TERMINAL_GROUP_MAX);
    add_paragraph(t, loss->common);
}

void terminal_losses(const struct terminal *t)
{
    const struct trail_result *trail = &t->ev->trail;
    struct groups g = make_groups(trail);
    bool any = false;
    for (size_t i = 0; i < trail->lock_count; i++) {
        const struct trail_lock *lock = &trail->locks[i];
        if (!lock->lost || g.first[lock->loss.group] != i + 1)
            continue;
        if (!any)
            terminal_title(t, "LOSSES");
        any = true;
        if (g.count[lock->loss.group] == 1)
            add_loss(t, lock);
        else
            add_group(t, &g, i + 1);
        add_further(t, &g, i + 1);
    }
    free_groups(&g);
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

static void list_limits(const struct terminal *t, struct buf *list)
{
    for (size_t i = 0; i < t->ev->trail.lock_count; i++) {
        if (!t->ev->trail.locks[i].known_limit)
            continue;
        char *label = view_lock_label(t->ev, t->ev->trail.locks[i].lock);
        buf_add_str(list, list->size > 0 ? ", " : "");
        text_add_fitted(list, label, TEXT_WIDTH - INDENT - 1);
        free(label);
    }
}

/* "g1 9 of 12 locks, stripped all 12 locks": where many workers have the same locks, the table has each. */
static void count_limits(const struct terminal *t, struct buf *list)
{
    for (size_t w = 0; w < t->ev->scenario->worker_count; w++) {
        const char *worker = t->ev->scenario->workers[w].name;
        size_t limits = 0, locks = 0;
        for (size_t i = 0; i < t->ev->trail.lock_count; i++) {
            bool own = strcmp(t->ev->ledger.locks[t->ev->trail.locks[i].lock].worker, worker) == 0;
            locks += own;
            limits += own && t->ev->trail.locks[i].known_limit;
        }
        if (limits == 0)
            continue;
        buf_printf(list, "%s%s ", list->size > 0 ? ", " : "", worker);
        if (limits == locks)
            buf_printf(list, "all %zu locks", locks);
        else
            buf_printf(list, "%zu of %zu locks", limits, locks);
    }
}

void terminal_known_limits(const struct terminal *t)
{
    struct buf list = {0};
    if (t->matrix)
        count_limits(t, &list);
    else
        list_limits(t, &list);
    if (list.size > 0) {
        terminal_title(t, "KNOWN LIMITS");
        text_add_wrapped(t->out,
                         t->matrix ? "Runtime or build leave no name for these; neither success nor failure:"
                                   : "The runtime documents that it can't name these; neither success nor failure:",
                         0);
        add_paragraph(t, list.data);
    }
    buf_fini(&list);
}

/* The stages at which a lock is undersampled, and the run that it would need, as one line; for the caller to free. */
static char *describe_undersampled(const struct terminal *t, const struct trail_lock *lock)
{
    struct buf text = {0};
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
    free(needed);
    return buf_steal(&text);
}

/* More different things are not said of the undersampled; one that is read to the end says enough. */
#define ALIKE_MAX 50

/* Locks of which the same is to be said. */
struct alike {
    char *text;
    struct buf labels; /* separated by commas */
};

struct alikes {
    struct alike *items;
    size_t count, capacity;
    size_t left_out; /* locks beyond ALIKE_MAX */
};

/* Takes `text`. NULL beyond ALIKE_MAX. */
static struct alike *find_alike(struct alikes *all, char *text)
{
    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->items[i].text, text) == 0) {
            free(text);
            return &all->items[i];
        }
    }
    if (all->count == ALIKE_MAX) {
        all->left_out++;
        free(text);
        return NULL;
    }
    all->items = mem_grow(all->items, all->count, &all->capacity, sizeof *all->items);
    all->items[all->count] = (struct alike){.text = text};
    return &all->items[all->count++];
}

static void add_alike(const struct terminal *t, struct alike *alike)
{
    text_add_wrapped(t->out, alike->labels.data, 0);
    add_paragraph(t, alike->text);
    free(alike->text);
    buf_fini(&alike->labels);
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
    struct alikes all = {0};
    for (size_t i = 0; i < t->ev->trail.lock_count; i++) {
        const struct trail_lock *lock = &t->ev->trail.locks[i];
        if (!is_undersampled(lock))
            continue;
        struct alike *alike = find_alike(&all, describe_undersampled(t, lock));
        if (!alike)
            continue;
        char *label = view_lock_label(t->ev, lock->lock);
        buf_printf(&alike->labels, "%s%s", alike->labels.size > 0 ? ", " : "", label);
        free(label);
    }
    if (all.count > 0)
        terminal_title(t, "UNDERSAMPLED");
    for (size_t i = 0; i < all.count; i++)
        add_alike(t, &all.items[i]);
    if (all.left_out > 0)
        buf_printf(t->out, "and %zu more\n", all.left_out);
    free(all.items);
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
