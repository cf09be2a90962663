/* SPDX-License-Identifier: Apache-2.0 */
#include "report/soak_top.h"

#include "base/mem.h"
#include "report/soak_axis.h"
#include "report/soak_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Cursor to the beginning of the line N above; clear from the cursor to the end of the screen (ECMA-48). */
#define UP "\x1b[%zuF"
#define CLEAR_BELOW "\x1b[J"
#define NAME_MIN 14
#define NAME_MAX_SIZE 32
/* Stock is taken once in `every`, but at least so often and at most so often. */
#define STOCK_MIN_MS 1000
#define STOCK_MAX_MS 60000
/* So many missed stocktakings, and what a loaded machine takes, are no news. */
#define MISSED_MAX 3
#define SLOW_MS 10000
/* Lines that are not processes or findings: four of the head, two empty ones, the table's head, the key. */
#define OTHER_LINES 8
#define FINDINGS_MAX 200

struct canvas {
    const struct soak_record *r;
    const struct soak_screen *screen;
    size_t width, lines;
    struct buf *out;
};

static int64_t stock_ms(const struct soak_record *r)
{
    return r->every_ms < STOCK_MIN_MS ? STOCK_MIN_MS : r->every_ms > STOCK_MAX_MS ? STOCK_MAX_MS : r->every_ms;
}

bool soak_top_seems_dead(const struct soak_record *r, int64_t now_ms)
{
    return !r->ended && now_ms - MISSED_MAX * stock_ms(r) - SLOW_MS > r->taken_at_ms;
}

static enum text_colour colour_of(const struct canvas *c, enum text_colour colour)
{
    return c->screen->colour ? colour : TEXT_PLAIN;
}

static void end_line(struct canvas *c)
{
    struct buf *out = c->out;
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
    buf_add_char(out, '\n');
    c->lines++;
}

static void add_line(struct canvas *c, const char *text, enum text_colour colour)
{
    struct buf fitted = {0};
    if (c->screen->rows > 0 && c->lines + 1 >= c->screen->rows)
        return; /* what is drawn above the screen could not be drawn over */
    text_add_fitted(&fitted, text, c->width);
    text_add_coloured(c->out, fitted.data ? fitted.data : "", colour_of(c, colour));
    end_line(c);
    buf_fini(&fitted);
}

/* --- the head --------------------------------------------------------------------------------------------------- */

static void add_state(struct canvas *c, int64_t now_ms)
{
    const struct soak_record *r = c->r;
    struct buf text = {0};
    enum text_colour colour = TEXT_PLAIN;
    if (r->ended) {
        buf_printf(&text, "ENDED%s: %s", r->interrupted ? " (interrupted)" : "",
                   r->why_ended && r->why_ended[0] ? r->why_ended : "the time is over");
        colour = TEXT_BOLD;
    } else if (soak_top_seems_dead(r, now_ms)) {
        buf_add_str(&text, "NO NEWS for ");
        soak_add_clock(&text, now_ms - r->taken_at_ms);
        buf_add_str(&text, ": it seems to be dead (locktrail soak --resume RUN goes on)");
        colour = TEXT_RED;
    } else {
        int64_t age_s = (now_ms - r->taken_at_ms) / 1000;
        buf_printf(&text, "runs; stock was taken %" PRId64 " s ago", age_s > 0 ? age_s : 0);
    }
    add_line(c, text.data, colour);
    buf_fini(&text);
}

static void add_counts(struct canvas *c)
{
    const struct soak_uploads *u = &c->r->uploads;
    uint64_t missing = soak_sum(u->missing), doubled = soak_sum(u->doubled);
    struct buf text = {0};
    const struct {
        uint64_t count;
        const char *what;
    } others[] = {{missing, "never came"},        {doubled, "doubled"}, {u->unreadable, "unreadable"},
                  {u->unjudged, "not looked at"}, {u->cut, "cut off"},  {u->pending, "under way"}};
    buf_printf(&text, "%" PRIu64 " uploads: %" PRIu64 " good, %" PRIu64 " with a loss", u->arrived[STAGE_UPLOAD],
               u->good, u->with_loss);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].count > 0)
            buf_printf(&text, ", %" PRIu64 " %s", others[i].count, others[i].what);
    add_line(c, text.data, u->with_loss > 0 ? TEXT_RED : TEXT_PLAIN);
    buf_fini(&text);
}

static void add_head(struct canvas *c, int64_t now_ms)
{
    static const enum text_colour colours[VERDICT_COUNT] = {TEXT_GREEN, TEXT_YELLOW, TEXT_RED,
                                                            TEXT_RED,   TEXT_YELLOW, TEXT_RED};
    const struct soak_record *r = c->r;
    struct buf text = {0};
    buf_printf(&text, "soak %s  ", r->scenario ? r->scenario : "");
    soak_add_clock(&text, r->elapsed_ms);
    buf_add_str(&text, " of ");
    soak_add_clock(&text, r->for_ms);
    buf_printf(&text, "  %s", verdict_name(r->verdict));
    add_line(c, text.data, colours[r->verdict]);
    add_state(c, now_ms);
    add_counts(c);
    buf_clear(&text);
    buf_printf(&text, "copies: %" PRIu64 " with a loss, %" PRIu64 " samples, ", r->copies.kept_losses,
               r->copies.kept_samples);
    text_add_bytes(&text, r->copies.bytes);
    if (r->max_disk > 0) {
        buf_add_str(&text, "; --max-disk ");
        text_add_bytes(&text, r->max_disk);
    }
    add_line(c, text.data, r->copies.not_kept > 0 ? TEXT_YELLOW : TEXT_PLAIN);
    buf_fini(&text);
}

/* --- processes -------------------------------------------------------------------------------------------------- */

enum column { UPLOADS, LOST, LATENCY, MEMORY, RATE, CPU, FILES, THREADS, INTERVAL, LIVES, COLUMN_COUNT };

/* In the order in which they are given up where there is no room, the last one first. */
static const struct {
    const char *title;
    size_t width;
} columns[COLUMN_COUNT] = {
    [UPLOADS] = {"UPLOADS", 9},    [LOST] = {"LOST", 6},   [LATENCY] = {"LATENCY", 10}, [MEMORY] = {"MEMORY", 11},
    [RATE] = {"PER HOUR", 13},     [CPU] = {"CPU", 6},     [FILES] = {"FILES", 7},      [THREADS] = {"THREADS", 9},
    [INTERVAL] = {"INTERVAL", 10}, [LIVES] = {"LIVES", 7},
};

static void add_times(struct buf *text, const struct soak_times *t)
{
    soak_add_ms(text, t->median.samples > 0, t->median.last);
}

static void add_last(struct buf *text, const struct soak_watch *w, int decimals)
{
    if (w->series.samples > 0)
        buf_printf(text, "%.*f", decimals, (double)soak_whole(w->series.last * 1000) / 1000);
}

/* Returns true for what is worth a colour. */
static bool add_value(struct buf *text, const struct soak_process *p, enum column column)
{
    const struct soak_watch *rss = &p->watches[WATCH_RSS];
    bool uploads = p->worker && p->worker[0];
    switch (column) {
    case MEMORY:
        if (rss->series.samples > 0)
            text_add_bytes(text, soak_whole(rss->series.last));
        return rss->trend.growing;
    case RATE:
        if (rss->trend.known)
            axis_add_rate(AXIS_BYTES, rss->trend.per_hour, text);
        return rss->trend.growing;
    case CPU:
        add_last(text, &p->watches[WATCH_CPU], 2);
        return p->watches[WATCH_CPU].trend.growing;
    case FILES:
        add_last(text, &p->watches[WATCH_DESCRIPTORS], 0);
        return p->watches[WATCH_DESCRIPTORS].trend.growing;
    case THREADS:
        add_last(text, &p->watches[WATCH_THREADS], 0);
        return p->watches[WATCH_THREADS].trend.growing;
    default:
        break;
    }
    if (!uploads)
        return false;
    if (column == UPLOADS)
        text_add_count(text, p->uploads.arrived[STAGE_UPLOAD], columns[UPLOADS].width - 1);
    else if (column == LOST)
        text_add_count(text, p->uploads.with_loss, columns[LOST].width - 1);
    else if (column == LATENCY)
        add_times(text, &p->latency);
    else if (column == INTERVAL)
        add_times(text, &p->interval);
    else
        text_add_count(text, p->lives, columns[LIVES].width - 1);
    return column == LOST && p->uploads.with_loss > 0;
}

static void add_process(struct canvas *c, const struct soak_process *p, size_t name_width, size_t shown)
{
    struct buf text = {0};
    bool runs = p->pid != 0;
    text_add_cell(c->out, p->name, name_width, false, colour_of(c, runs || c->r->ended ? TEXT_PLAIN : TEXT_YELLOW));
    for (size_t i = 0; i < shown; i++) {
        bool marked = add_value(&text, p, (enum column)i);
        text_add_cell(c->out, text.data ? text.data : "", columns[i].width, true,
                      colour_of(c, marked ? TEXT_RED : TEXT_PLAIN));
        buf_clear(&text);
    }
    end_line(c);
    buf_fini(&text);
}

static void add_processes(struct canvas *c, size_t room)
{
    const struct soak_record *r = c->r;
    size_t name_width = NAME_MIN, shown = 0, used = 0, count;
    for (size_t i = 0; i < r->process_count; i++) {
        size_t size = text_columns(r->processes[i].name);
        name_width = size > name_width ? size : name_width;
    }
    name_width = name_width > NAME_MAX_SIZE ? NAME_MAX_SIZE : name_width;
    name_width = name_width > c->width ? c->width : name_width;
    while (shown < COLUMN_COUNT && name_width + used + columns[shown].width <= c->width)
        used += columns[shown++].width;
    add_line(c, "", TEXT_PLAIN);
    text_add_cell(c->out, "PROCESS", name_width, false, TEXT_PLAIN);
    for (size_t i = 0; i < shown; i++)
        text_add_cell(c->out, columns[i].title, columns[i].width, true, TEXT_PLAIN);
    end_line(c);
    count = r->process_count <= room ? r->process_count : room - 1;
    for (size_t i = 0; i < count; i++)
        add_process(c, &r->processes[i], name_width, shown);
    if (count < r->process_count) {
        char *text = mem_printf("and %zu more", r->process_count - count);
        add_line(c, text, TEXT_PLAIN);
        free(text);
    }
}

/* --- findings --------------------------------------------------------------------------------------------------- */

struct findings {
    char *items[FINDINGS_MAX];
    enum text_colour colours[FINDINGS_MAX];
    size_t count, more;
};

static void add_finding(struct findings *f, enum text_colour colour, struct buf *text)
{
    char *line = buf_steal(text);
    if (f->count == FINDINGS_MAX) {
        f->more++;
        free(line);
        return;
    }
    f->colours[f->count] = colour;
    f->items[f->count++] = line;
}

static void find_growth(struct findings *f, const struct soak_record *r)
{
    for (size_t i = 0; i < r->process_count; i++)
        for (int kind = 0; kind < WATCH_COUNT; kind++) {
            const struct soak_watch *w = &r->processes[i].watches[kind];
            struct buf text = {0};
            if (!soak_has_grown(w))
                continue;
            buf_printf(&text, "growth    %s, %s ", r->processes[i].name, soak_watch_name((enum soak_watch_kind)kind));
            if (w->trend.growing)
                axis_add_rate(kind == WATCH_RSS || kind == WATCH_DISK ? AXIS_BYTES : AXIS_COUNT, w->trend.per_hour,
                              &text);
            buf_add_str(&text, w->trend.growing ? " since " : "grew, not any more; found at ");
            soak_add_clock(&text, w->trend.growing ? w->trend.since_ms : w->found_at_ms);
            add_finding(f, w->trend.growing ? TEXT_RED : TEXT_YELLOW, &text);
        }
}

static void find_losses(struct findings *f, const struct soak_record *r)
{
    const struct soak_group **sorted = soak_sorted_groups(r);
    for (size_t i = 0; i < r->group_count; i++) {
        const struct soak_group *g = sorted[i];
        char *label = soak_lock_label(r, g->worker, g->lock);
        struct buf text = {0};
        buf_printf(&text, "lost      %" PRIu64 " times, last ", g->uploads);
        soak_add_clock(&text, g->last_ms);
        buf_printf(&text, ": %s, %s at %s%s", label, mechanism_name(g->mechanism), stage_name(g->stage),
                   g->disturbed ? " (disturbance)" : "");
        add_finding(f, g->disturbed ? TEXT_YELLOW : TEXT_RED, &text);
        free(label);
    }
    free(sorted);
}

static void find_disturbances(struct findings *f, const struct soak_record *r)
{
    for (size_t i = r->disturbance_count; i > 0; i--) {
        const struct soak_disturbance *d = &r->disturbances[i - 1];
        struct buf text = {0};
        buf_add_str(&text, "disturbed ");
        soak_add_clock(&text, d->at_ms);
        buf_printf(&text, " %s: ", d->what);
        if (d->until_ms >= 0 && d->recovered_ms >= 0) {
            buf_add_str(&text, "recovered in ");
            soak_add_ms(&text, true, (double)d->recovered_ms);
        } else {
            buf_add_str(&text, d->until_ms < 0 ? "lasts" : "not recovered yet");
        }
        add_finding(f, TEXT_PLAIN, &text);
    }
}

static void find_problems(struct findings *f, const struct soak_record *r)
{
    for (size_t i = r->problem_count; i > 0; i--) {
        const struct soak_problem *p = &r->problems[i - 1];
        struct buf text = {0};
        buf_printf(&text, "problem   ");
        soak_add_clock(&text, p->at_ms);
        buf_printf(&text, " %s: %s", p->who, p->text);
        if (p->times > 1)
            buf_printf(&text, " (%" PRIu64 " times)", p->times);
        add_finding(f, TEXT_YELLOW, &text);
    }
}

static void add_findings(struct canvas *c, const struct findings *f, size_t room)
{
    if (f->count == 0 || room < 2)
        return;
    size_t all = f->count + f->more;
    size_t shown = all <= room - 1 ? f->count : room - 2;
    shown = shown > f->count ? f->count : shown;
    add_line(c, "", TEXT_PLAIN);
    for (size_t i = 0; i < shown; i++)
        add_line(c, f->items[i], f->colours[i]);
    if (shown < all) {
        char *text = mem_printf("and %zu more (locktrail report RUN tells all)", all - shown);
        add_line(c, text, TEXT_PLAIN);
        free(text);
    }
}

/* --- the screen ------------------------------------------------------------------------------------------------- */

static void add_body(struct canvas *c, bool terminal)
{
    const struct soak_record *r = c->r;
    struct findings f = {0};
    find_problems(&f, r);
    find_growth(&f, r);
    find_losses(&f, r);
    find_disturbances(&f, r);
    size_t room = terminal ? (c->screen->rows > OTHER_LINES ? c->screen->rows - OTHER_LINES : 0) : SIZE_MAX / 2;
    size_t wanted = f.count + f.more > 0 ? f.count + f.more + 1 : 0;
    /* Half of it for the findings where both have more than there is room. */
    size_t processes = r->process_count + wanted <= room ? room - wanted
                       : wanted > room / 2               ? room - room / 2
                                                         : room - wanted;
    if (processes > r->process_count)
        processes = r->process_count;
    if (processes > 0) {
        add_processes(c, processes);
        add_findings(c, &f, room - processes);
    }
    for (size_t i = 0; i < f.count; i++)
        free(f.items[i]);
}

void soak_top_draw(struct soak_screen *screen, const struct soak_record *r, int64_t now_ms, const char *note,
                   struct buf *out)
{
    bool terminal = screen->rows > 0;
    /* A full last column would make some terminals break the line. */
    struct canvas canvas = {.r = r, .screen = screen, .width = screen->columns - 1, .out = out}, *c = &canvas;
    if (screen->columns < 2)
        return;
    if (screen->drawn > 0)
        buf_printf(out, UP, screen->drawn);
    if (terminal)
        buf_add_str(out, CLEAR_BELOW);
    add_head(c, now_ms);
    add_body(c, terminal);
    if (note)
        add_line(c, note, TEXT_RED);
    else if (terminal && screen->rows > OTHER_LINES)
        add_line(c, "q ends the view; the soak goes on", TEXT_PLAIN);
    screen->drawn = terminal ? c->lines : 0;
}
