/* SPDX-License-Identifier: Apache-2.0 */
#include "report/progress.h"

#include "base/mem.h"
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BAR_SIZE 20
#define WHO_SIZE 20
#define PHASE_SIZE 14
/* Cursor to the beginning of the line N above; clear from the cursor to the end of the screen (ECMA-48). */
#define UP "\x1b[%zuF"
#define CLEAR_BELOW "\x1b[J"

/* One worker at one phase; phase "" before the first one. */
struct row {
    char *who, *phase, *text; /* text: its last change of state, "" while it works */
    double done;
    uint64_t acquires;
    bool last;       /* the newest row of its worker */
    double logged_s; /* in a log: when its worker's progress was last told; of the worker's first row */
};

struct progress {
    struct progress_options options;
    struct row *rows;
    size_t count, capacity;
    char *output;    /* the last line of what prepares, or the last step; on a terminal it stands below the block. NULL
                        where there is none */
    double output_s; /* in a log: when such a line was last told */
    size_t drawn;    /* lines of the block on the screen */
    double drawn_s;
};

struct progress *progress_new(const struct progress_options *options)
{
    struct progress *p = mem_calloc(1, sizeof *p);
    p->options = *options;
    p->drawn_s = -PROGRESS_DRAW_S;
    p->output_s = -PROGRESS_LOG_S;
    return p;
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++) {
        free(p->rows[i].who);
        free(p->rows[i].phase);
        free(p->rows[i].text);
    }
    free(p->rows);
    free(p->output);
    free(p);
}

static size_t add_row(struct progress *p, const char *who, const char *phase)
{
    p->rows = mem_grow(p->rows, p->count, &p->capacity, sizeof *p->rows);
    p->rows[p->count] = (struct row){.who = mem_strdup(who),
                                     .phase = mem_strdup(phase),
                                     .text = mem_strdup(""),
                                     .last = true,
                                     .logged_s = -PROGRESS_LOG_S};
    return p->count++;
}

/* Index of the worker's row for this phase (NULL: its newest row), which is made where there is none. */
static size_t find_row(struct progress *p, const char *who, const char *phase)
{
    size_t newest = p->count;
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->rows[i].who, who) != 0)
            continue;
        if (phase && strcmp(p->rows[i].phase, phase) == 0)
            return i;
        if (p->rows[i].last)
            newest = i;
    }
    if (newest == p->count)
        return add_row(p, who, phase ? phase : "");
    if (!phase)
        return newest;
    if (!p->rows[newest].phase[0]) {
        free(p->rows[newest].phase);
        p->rows[newest].phase = mem_strdup(phase);
        return newest;
    }
    p->rows[newest].last = false;
    return add_row(p, who, phase);
}

static double *logged_at(struct progress *p, const char *who)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->rows[i].who, who) == 0)
            return &p->rows[i].logged_s;
    return NULL;
}

static void set_text(struct row *row, const char *text)
{
    free(row->text);
    row->text = mem_strdup(text);
}

/* --- plain lines ------------------------------------------------------------------------------------------------ */

static void add_log(struct buf *out, const struct run_event *event, const char *text)
{
    buf_printf(out, "%7.1f s  ", event->elapsed_s);
    if (event->who && event->who[0]) {
        text_add_clean(out, event->who);
        buf_add_str(out, ": ");
    }
    text_add_clean(out, text);
    buf_add_char(out, '\n');
}

static void log_phase(struct progress *p, const struct run_event *event, struct buf *out)
{
    size_t at = find_row(p, event->who, event->phase); /* may move the rows */
    struct row *row = &p->rows[at];
    double *logged = logged_at(p, event->who);
    bool ends = event->done >= 1 && row->done < 1;
    row->done = event->done;
    if (!ends && event->elapsed_s - *logged < PROGRESS_LOG_S)
        return;
    *logged = event->elapsed_s;
    char *text = mem_printf("%s %.0f %%, %" PRIu64 " acquires", event->phase, event->done * 100, event->acquires);
    add_log(out, event, text);
    free(text);
}

/* What an event other than RUN_PHASE says, for the caller to free; NULL: nothing. */
static char *describe(const struct run_event *event)
{
    const char *text = event->text ? event->text : "";
    switch (event->kind) {
    case RUN_PREPARING:
        return mem_printf("preparing: %s", text);
    case RUN_CONTROL:
        return mem_strdup(text[0] ? text : "begins");
    case RUN_PROBLEM:
        return mem_printf("problem: %s", text);
    case RUN_WORKER:
    case RUN_UPLOAD:
    case RUN_STATE:
        return text[0] ? mem_strdup(text) : NULL;
    default:
        return NULL;
    }
}

/* --- the block -------------------------------------------------------------------------------------------------- */

static void add_bar(struct buf *out, const struct row *row)
{
    double done = row->done < 0 ? 0 : row->done > 1 ? 1 : row->done;
    int full = (int)(done * BAR_SIZE + 0.5);
    buf_add_char(out, '[');
    for (int i = 0; i < BAR_SIZE; i++)
        buf_add_char(out, i < full ? '#' : '.');
    buf_printf(out, "] %3.0f %%  %" PRIu64 " acquires", done * 100, row->acquires);
}

static void draw_row(const struct progress *p, const struct row *row, struct buf *out)
{
    struct buf line = {0};
    text_add_cell(&line, row->who, WHO_SIZE, false, TEXT_PLAIN);
    buf_add_char(&line, ' ');
    text_add_cell(&line, row->phase, PHASE_SIZE, false, TEXT_PLAIN);
    buf_add_char(&line, ' ');
    if (row->text[0])
        text_add_clean(&line, row->text);
    else
        add_bar(&line, row);
    /* A full last column would make some terminals break the line, and the block one line higher than it is thought to
     * be. */
    text_add_fitted(out, line.data, p->options.columns > 1 ? p->options.columns - 1 : 1);
    buf_add_char(out, '\n');
    buf_fini(&line);
}

static void draw_output(const struct progress *p, struct buf *out)
{
    text_add_fitted(out, p->output, p->options.columns > 1 ? p->options.columns - 1 : 1);
    buf_add_char(out, '\n');
}

/* Draws at most `room` lines of rows: all, or the newest of each worker, or those that fit and how many do not. Returns
 * how many lines. */
static size_t draw_rows(const struct progress *p, size_t room, struct buf *out)
{
    size_t newest = 0, shown = 0, hidden = 0;
    for (size_t i = 0; i < p->count; i++)
        newest += p->rows[i].last;
    bool all = p->count <= room;
    size_t lines = all ? p->count : newest;
    size_t most = lines <= room ? lines : room - 1;
    for (size_t i = 0; i < p->count; i++) {
        if (!all && !p->rows[i].last)
            continue;
        if (shown == most) {
            hidden++;
            continue;
        }
        draw_row(p, &p->rows[i], out);
        shown++;
    }
    if (hidden > 0)
        buf_printf(out, "and %zu more workers\n", hidden);
    return shown + (hidden > 0);
}

static void draw(struct progress *p, double now, struct buf *out)
{
    size_t room = p->options.rows > 2 ? p->options.rows - 2 : 1;
    if (p->drawn > 0)
        buf_printf(out, UP, p->drawn);
    buf_add_str(out, CLEAR_BELOW);
    p->drawn = draw_rows(p, p->output && room > 1 ? room - 1 : room, out);
    if (p->output && p->drawn < room) {
        draw_output(p, out);
        p->drawn++;
    }
    p->drawn_s = now;
}

/* A line above the block that stays. */
static void add_above(struct progress *p, const struct run_event *event, const char *text, struct buf *out)
{
    struct buf line = {0};
    if (p->drawn > 0)
        buf_printf(out, UP CLEAR_BELOW, p->drawn);
    p->drawn = 0;
    if (event->who && event->who[0])
        buf_printf(&line, "%s: ", event->who);
    buf_add_str(&line, text);
    if (event->kind == RUN_PROBLEM && p->options.colour) {
        struct buf clean = {0};
        text_add_clean(&clean, line.data);
        text_add_coloured(out, clean.data, TEXT_RED);
        buf_fini(&clean);
    } else {
        text_add_clean(out, line.data);
    }
    buf_add_char(out, '\n');
    buf_fini(&line);
    draw(p, event->elapsed_s, out);
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static void on_phase(struct progress *p, const struct run_event *event, struct buf *out)
{
    if (!p->options.terminal) {
        log_phase(p, event, out);
        return;
    }
    size_t index = find_row(p, event->who, event->phase); /* which may move the rows */
    struct row *row = &p->rows[index];
    row->done = event->done;
    row->acquires = event->acquires;
    set_text(row, "");
    if (event->elapsed_s - p->drawn_s >= PROGRESS_DRAW_S)
        draw(p, event->elapsed_s, out);
}

/* A worker that has ended keeps its bar where it reached the end: what it did says more than that it is gone. */
static void on_worker(struct progress *p, const struct run_event *event, struct buf *out)
{
    size_t index = find_row(p, event->who, NULL);
    struct row *row = &p->rows[index];
    set_text(row, row->done >= 1 && strcmp(event->text, "ended: exit 0") == 0 ? "" : event->text);
    if (event->elapsed_s - p->drawn_s >= PROGRESS_DRAW_S)
        draw(p, event->elapsed_s, out);
}

static void set_output(struct progress *p, const char *text)
{
    free(p->output);
    p->output = text ? mem_strdup(text) : NULL;
}

/* What pip says, several times a second. */
static void on_output(struct progress *p, const struct run_event *event, struct buf *out)
{
    if (p->options.terminal) {
        set_output(p, event->text);
        if (event->elapsed_s - p->drawn_s >= PROGRESS_DRAW_S)
            draw(p, event->elapsed_s, out);
    } else if (event->elapsed_s - p->output_s >= PROGRESS_LOG_S) {
        p->output_s = event->elapsed_s;
        add_log(out, event, event->text);
    }
}

/* A state of the run that is said again and again while it lasts, such as "reading back from store: 5 of 7 uploads". */
static bool is_step(const struct run_event *event)
{
    static const char *const beginnings[] = {"reading back", "looking at "};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (event->kind == RUN_STATE && event->text && strncmp(event->text, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* Each takes the place of the one before; in a log, those that say something new are lines. */
static void on_step(struct progress *p, const struct run_event *event, struct buf *out)
{
    bool same = p->output && strcmp(p->output, event->text) == 0;
    set_output(p, event->text);
    if (!p->options.terminal && !same)
        add_log(out, event, event->text);
    else if (p->options.terminal && event->elapsed_s - p->drawn_s >= PROGRESS_DRAW_S)
        draw(p, event->elapsed_s, out);
}

void progress_event(struct progress *p, const struct run_event *event, struct buf *out)
{
    if (event->kind == RUN_OUTPUT && event->text) {
        on_output(p, event, out);
        return;
    }
    if (is_step(event)) {
        on_step(p, event, out);
        return;
    }
    if (event->kind == RUN_STATE)
        set_output(p, NULL);
    if (event->kind == RUN_PHASE) {
        on_phase(p, event, out);
        return;
    }
    if (p->options.terminal && event->kind == RUN_WORKER && event->text) {
        on_worker(p, event, out);
        return;
    }
    char *text = describe(event);
    if (text && !p->options.terminal)
        add_log(out, event, text);
    else if (text && event->kind != RUN_UPLOAD)
        add_above(p, event, text, out);
    free(text);
}

void progress_end(struct progress *p, struct buf *out)
{
    set_output(p, NULL);
    if (p->options.terminal && (p->count > 0 || p->drawn > 0))
        draw(p, p->drawn_s, out);
    p->drawn = 0;
}
