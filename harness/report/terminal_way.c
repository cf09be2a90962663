/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads hop by hop, what a person was shown, and the programs that served the run. */
#include "report/terminal_parts.h"

#include "base/mem.h"
#include "report/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 4
#define GAP "  "
#define GAP_SIZE 2
/* Columns of a hop's or a process's name: "collector → upload" and an agent's name. */
#define HOP_SIZE_MAX 34
/* Processes of one hop that are shown; report.json has all. */
#define HOP_PROCESSES_MAX 8
/* Names of one screen that are shown; the picture has the others. */
#define SCREEN_NAMES_MAX 20
/* Processes whose screens are shown. */
#define SCREENS_MAX 16

enum hop_count {
    HOP_SENT,
    HOP_RECEIVED,
    HOP_SAME,
    HOP_CHANGED,
    HOP_LOST,
    HOP_DOUBLED,
    HOP_RETRIED,
    HOP_REORDERED,
    HOP_MERGED,
    HOP_SPLIT,
    HOP_UNKNOWN,
    HOP_COUNT
};

static const char *const heads[HOP_COUNT] = {"SENT",    "RECEIVED",  "SAME",   "CHANGED", "LOST",   "DOUBLED",
                                             "RETRIED", "REORDERED", "MERGED", "SPLIT",   "UNKNOWN"};

/* All processes that take the same way between two stages, added up. */
struct hop {
    enum stage from, to;
    const char *agent; /* of uploads that were sent to a second agent as well; borrowed, "" for the others */
    uint64_t counts[HOP_COUNT];
    uint64_t told_well;
    size_t processes, odd; /* odd: in which something other than passing on happened */
};

struct hops {
    struct hop *items;
    size_t count, capacity;
    size_t name_width;
    bool used[HOP_COUNT];
    size_t width[HOP_COUNT];
};

static void take_counts(const struct trail_hop *h, uint64_t out[HOP_COUNT])
{
    out[HOP_SENT] = h->sent;
    out[HOP_RECEIVED] = h->received;
    out[HOP_SAME] = h->same;
    out[HOP_CHANGED] = h->changed;
    out[HOP_LOST] = h->lost;
    out[HOP_DOUBLED] = h->doubled;
    out[HOP_RETRIED] = h->retried;
    out[HOP_REORDERED] = h->reordered;
    out[HOP_MERGED] = h->merged;
    out[HOP_SPLIT] = h->split;
    out[HOP_UNKNOWN] = h->unknown;
}

static bool is_odd(const uint64_t counts[HOP_COUNT])
{
    for (int c = HOP_CHANGED; c < HOP_COUNT; c++)
        if (counts[c] > 0)
            return true;
    return false;
}

/* "serverless-compat" of "native.1.tee+serverless-compat". */
static const char *agent_of(const struct terminal *t, const struct trail_hop *h)
{
    const struct instance *instance = &t->ev->ledger.instances[h->instance];
    const char *plus = instance->mirror ? strrchr(instance->name, '+') : NULL;
    return plus ? plus + 1 : "";
}

static bool is_of(const struct terminal *t, const struct trail_hop *h, const struct hop *hop)
{
    return h->from == hop->from && h->to == hop->to && strcmp(agent_of(t, h), hop->agent) == 0;
}

static struct hop *find_hop(const struct terminal *t, struct hops *all, const struct trail_hop *h)
{
    for (size_t i = 0; i < all->count; i++)
        if (is_of(t, h, &all->items[i]))
            return &all->items[i];
    all->items = mem_grow(all->items, all->count, &all->capacity, sizeof *all->items);
    all->items[all->count] = (struct hop){.from = h->from, .to = h->to, .agent = agent_of(t, h)};
    return &all->items[all->count++];
}

static int by_stage(const void *a, const void *b)
{
    const struct hop *x = a, *y = b;
    int agent = strcmp(x->agent, y->agent);
    if (agent != 0)
        return agent;
    return x->to < y->to ? -1 : x->to > y->to;
}

static char *describe_hop(const struct hop *hop)
{
    char *stages = view_hop(hop->from, hop->to);
    char *text = hop->agent[0] ? mem_printf("%s, %s", stages, hop->agent) : mem_strdup(stages);
    free(stages);
    return text;
}

static void widen(size_t *width, size_t columns, size_t most)
{
    columns = columns < most ? columns : most;
    *width = columns > *width ? columns : *width;
}

static size_t digits(uint64_t number)
{
    size_t count = 1;
    while (number >= 10) {
        number /= 10;
        count++;
    }
    return count;
}

static void lay_out(const struct terminal *t, struct hops *all)
{
    all->name_width = strlen("HOP");
    for (int c = 0; c < HOP_COUNT; c++)
        all->width[c] = strlen(heads[c]);
    for (size_t i = 0; i < all->count; i++) {
        const struct hop *hop = &all->items[i];
        char *text = describe_hop(hop);
        widen(&all->name_width, text_columns(text), HOP_SIZE_MAX);
        free(text);
        for (int c = 0; c < HOP_COUNT; c++) {
            all->used[c] = all->used[c] || hop->counts[c] > 0 || c <= HOP_RECEIVED;
            widen(&all->width[c], digits(hop->counts[c]), TEXT_WIDTH / 4);
        }
    }
    for (size_t i = 0; i < t->ev->matching.hop_count; i++)
        widen(&all->name_width, INDENT + text_columns(t->ev->ledger.instances[t->ev->matching.hops[i].instance].name),
              HOP_SIZE_MAX);
}

static void sum_hops(const struct terminal *t, struct hops *all)
{
    for (size_t i = 0; i < t->ev->matching.hop_count; i++) {
        const struct trail_hop *h = &t->ev->matching.hops[i];
        struct hop *hop = find_hop(t, all, h);
        uint64_t counts[HOP_COUNT];
        take_counts(h, counts);
        hop->processes++;
        hop->odd += is_odd(counts);
        hop->told_well += h->told_well;
        for (int c = 0; c < HOP_COUNT; c++)
            hop->counts[c] += counts[c];
    }
    if (all->count > 0)
        qsort(all->items, all->count, sizeof *all->items, by_stage);
    lay_out(t, all);
}

/* The columns of one table: as many as fit, from *first on. Returns the one behind the last. */
static int columns_end(const struct hops *all, int first)
{
    size_t left = TEXT_WIDTH - all->name_width;
    int end = first;
    for (; end < HOP_COUNT; end++) {
        if (!all->used[end])
            continue;
        if (left < all->width[end] + GAP_SIZE)
            break;
        left -= all->width[end] + GAP_SIZE;
    }
    return end;
}

static void add_counts(const struct terminal *t, const struct hops *all, int first, int end,
                       const uint64_t counts[HOP_COUNT])
{
    for (int c = first; c < end; c++) {
        if (!all->used[c])
            continue;
        buf_add_str(t->out, GAP);
        if (counts[c] > 0)
            text_add_count(t->out, counts[c], all->width[c]);
        else
            text_add_cell(t->out, "-", all->width[c], true, TEXT_PLAIN);
    }
    buf_add_char(t->out, '\n');
}

/* The processes of a hop, where they differ: those in which something happened. */
static void add_processes(const struct terminal *t, const struct hops *all, const struct hop *hop, int first, int end)
{
    size_t shown = 0;
    if (hop->processes < 2 || hop->odd == 0)
        return;
    for (size_t i = 0; i < t->ev->matching.hop_count; i++) {
        const struct trail_hop *h = &t->ev->matching.hops[i];
        uint64_t counts[HOP_COUNT];
        take_counts(h, counts);
        if (!is_of(t, h, hop) || !is_odd(counts) || shown++ >= HOP_PROCESSES_MAX)
            continue;
        buf_printf(t->out, "%*s", INDENT, "");
        text_add_cell(t->out, t->ev->ledger.instances[h->instance].name, all->name_width - INDENT, false, TEXT_PLAIN);
        add_counts(t, all, first, end, counts);
    }
    if (shown > HOP_PROCESSES_MAX)
        buf_printf(t->out, "%*sand %zu more (report.json has all)\n", INDENT, "", shown - HOP_PROCESSES_MAX);
}

static bool has_any(const uint64_t counts[HOP_COUNT], int first, int end)
{
    for (int c = first; c < end; c++)
        if (counts[c] > 0)
            return true;
    return false;
}

/* A further table, of columns for which the first had no room, has only the hops with something in them. */
static void add_table(const struct terminal *t, const struct hops *all, int first, int end)
{
    if (first > 0)
        buf_add_char(t->out, '\n');
    text_add_cell(t->out, "HOP", all->name_width, false, TEXT_PLAIN);
    for (int c = first; c < end; c++) {
        if (!all->used[c])
            continue;
        buf_add_str(t->out, GAP);
        text_add_cell(t->out, heads[c], all->width[c], true, TEXT_PLAIN);
    }
    buf_add_char(t->out, '\n');
    for (size_t i = 0; i < all->count; i++) {
        if (first > 0 && !has_any(all->items[i].counts, first, end))
            continue;
        char *text = describe_hop(&all->items[i]);
        text_add_cell(t->out, text, all->name_width, false, TEXT_PLAIN);
        free(text);
        add_counts(t, all, first, end, all->items[i].counts);
        add_processes(t, all, &all->items[i], first, end);
    }
}

/* An agent that answers before it delivers leaves its clients in the belief that all is well. */
static void add_told_well(const struct terminal *t, const struct hop *hop)
{
    struct buf text = {0};
    if (hop->told_well == 0)
        return;
    char *place = describe_hop(hop);
    buf_printf(&text,
               "Of the %" PRIu64 " lost at %s, %" PRIu64
               " %s been answered 2xx: their sender believes that all is well.",
               hop->counts[HOP_LOST], place, hop->told_well, hop->told_well == 1 ? "has" : "have");
    text_add_wrapped(t->out, text.data, 0);
    free(place);
    buf_fini(&text);
}

void terminal_hops(const struct terminal *t)
{
    struct hops all = {0};
    if (t->ev->matching.hop_count == 0)
        return;
    sum_hops(t, &all);
    terminal_title(t, "HOPS (uploads between two stages)");
    for (int first = 0, end; first < HOP_COUNT; first = end) {
        end = columns_end(&all, first);
        bool any = false;
        for (int c = first; c < end; c++)
            any = any || all.used[c];
        if (any)
            add_table(t, &all, first, end);
    }
    for (size_t i = 0; i < all.count; i++)
        add_told_well(t, &all.items[i]);
    free(all.items);
}

/* --- what a person was shown ------------------------------------------------------------------------------------ */

static void add_line(const struct terminal *t, const char *text)
{
    buf_printf(t->out, "%*s", INDENT, "");
    text_add_wrapped(t->out, text, INDENT);
}

static void add_screen(const struct terminal *t, const struct evidence_copy *copy)
{
    const struct screen_names *s = copy->screen;
    struct buf text = {0};
    buf_printf(&text, "%s: %zu %s, %s", t->ev->ledger.instances[copy->instance].name, s->label_count,
               s->label_count == 1 ? "name" : "names", s->how);
    text_add_wrapped(t->out, text.data, INDENT);
    buf_clear(&text);
    for (size_t i = 0; i < s->label_count && i < SCREEN_NAMES_MAX; i++) {
        buf_add_str(&text, i > 0 ? ", " : "");
        text_add_fitted(&text, s->labels[i], TEXT_WIDTH - INDENT - 1);
    }
    if (s->label_count > SCREEN_NAMES_MAX)
        buf_printf(&text, " and %zu more (report.json has all)", s->label_count - SCREEN_NAMES_MAX);
    if (text.size > 0)
        add_line(t, text.data);
    buf_clear(&text);
    for (size_t i = 0; i < s->unknown_count && i < SCREEN_NAMES_MAX; i++) {
        buf_add_str(&text, i > 0 ? ", " : "nobody has said whether they are shown: ");
        text_add_fitted(&text, s->unknown[i], TEXT_WIDTH - INDENT - 1);
    }
    if (s->unknown_count > SCREEN_NAMES_MAX)
        buf_printf(&text, " and %zu more (report.json has all)", s->unknown_count - SCREEN_NAMES_MAX);
    if (text.size > 0)
        add_line(t, text.data);
    for (size_t i = 0; i < s->picture_count; i++) {
        buf_clear(&text);
        buf_printf(&text, "picture: %s", s->pictures[i]);
        add_line(t, text.data);
    }
    buf_fini(&text);
}

void terminal_screens(const struct terminal *t)
{
    size_t shown = 0;
    for (size_t i = 0; i < t->ev->copy_count; i++) {
        if (!t->ev->copies[i].screen)
            continue;
        if (shown == 0)
            terminal_title(t, "SCREEN (what a person is shown)");
        if (shown++ < SCREENS_MAX)
            add_screen(t, &t->ev->copies[i]);
    }
    if (shown > SCREENS_MAX)
        buf_printf(t->out, "and %zu more (report.json has all)\n", shown - SCREENS_MAX);
}

/* --- services --------------------------------------------------------------------------------------------------- */

void terminal_services(const struct terminal *t)
{
    bool any = false;
    for (size_t i = 0; i < t->ev->service_count; i++) {
        const struct service_outcome *s = &t->ev->services[i];
        struct buf text = {0};
        if (s->good)
            continue;
        if (!any)
            terminal_title(t, "SERVICES THAT FAILED");
        any = true;
        buf_printf(&text, "%s: %s", s->name, s->cause);
        text_add_wrapped(t->out, text.data, INDENT);
        buf_fini(&text);
    }
    if (any)
        text_add_wrapped(t->out, "What they wrote is in services/ of the run directory.", 0);
}
