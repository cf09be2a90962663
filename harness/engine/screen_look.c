/* SPDX-License-Identifier: Apache-2.0 */
/* One process's pages, step by step: open, measure, give the window a size at which names can be read, read, take a
 * picture; then the files. */
#include "engine/screen_internal.h"

#include "base/mem.h"
#include "engine/screen_page.h"
#include "io/hash.h"

#include <stdlib.h>

struct step {
    const char *method, *path;
    const char *doing;                                                      /* for errors */
    void (*ask)(struct screen *s, struct buf *body);                        /* NULL: no body */
    int (*take)(struct screen *s, const struct json *value, struct err *e); /* NULL: the answer says nothing */
};

static void ask_flame(struct screen *s, struct buf *body)
{
    screen_open_body(s->pages[PAGE_FLAMEGRAPH].url, body);
}

static void ask_width(struct screen *s, struct buf *body)
{
    (void)s;
    screen_flame_measure_body(body);
}

static int take_width(struct screen *s, const struct json *value, struct err *e)
{
    size_t wanted;
    if (screen_flame_measure(value, &wanted, e) < 0)
        return -1;
    s->width = screen_width_for(wanted);
    s->height = SCREEN_HEIGHT;
    return 0;
}

static void ask_size(struct screen *s, struct buf *body)
{
    screen_size_body(s->width, s->height, body);
}

static void ask_settle(struct screen *s, struct buf *body)
{
    screen_settle_body(s->width, s->height, body);
}

static void ask_boxes(struct screen *s, struct buf *body)
{
    (void)s;
    screen_flame_read_body(body);
}

static int take_boxes(struct screen *s, const struct json *value, struct err *e)
{
    return screen_flame_read(value, &s->record, e);
}

static int take_flame_picture(struct screen *s, const struct json *value, struct err *e)
{
    return screen_picture_read(value, &s->pages[PAGE_FLAMEGRAPH].picture, e);
}

static void ask_top(struct screen *s, struct buf *body)
{
    screen_open_body(s->pages[PAGE_TOP].url, body);
}

static void ask_rows(struct screen *s, struct buf *body)
{
    (void)s;
    screen_top_read_body(body);
}

static int take_rows(struct screen *s, const struct json *value, struct err *e)
{
    size_t rows;
    if (screen_top_read(value, &s->record, &rows, e) < 0)
        return -1;
    s->width = SCREEN_WIDTH;
    s->height = screen_height_for(rows);
    return 0;
}

static int take_top_picture(struct screen *s, const struct json *value, struct err *e)
{
    return screen_picture_read(value, &s->pages[PAGE_TOP].picture, e);
}

static const struct step steps[] = {
    {"POST", "/url", "opening the flame graph", ask_flame, NULL},
    {"POST", "/execute/async", "waiting for the flame graph", ask_width, take_width},
    {"POST", "/window/rect", "sizing the window", ask_size, NULL},
    {"POST", "/execute/async", "waiting for the window's size", ask_settle, NULL},
    {"POST", "/execute/async", "reading the flame graph", ask_boxes, take_boxes},
    {"GET", "/screenshot", "taking a picture of the flame graph", NULL, take_flame_picture},
    {"POST", "/url", "opening the top table", ask_top, NULL},
    {"POST", "/execute/async", "reading the top table", ask_rows, take_rows},
    {"POST", "/window/rect", "sizing the window", ask_size, NULL},
    {"POST", "/execute/async", "waiting for the window's size", ask_settle, NULL},
    {"GET", "/screenshot", "taking a picture of the top table", NULL, take_top_picture},
};
#define STEP_COUNT (sizeof steps / sizeof *steps)

/* --- onto the disk --- */

/* The last thing of a process that is written; its description is the copy that the journal tells of. */
struct screen_write {
    struct screen *screen;
    char hash[HASH_TEXT_SIZE]; /* of the description; "" for a picture */
    size_t size;
};

static void journal_copy(struct screen *s, const struct screen_write *w)
{
    struct json_out out = journal_begin(&s->host->journal, "copy");
    json_put_string(&out, "stage", stage_name(STAGE_UI));
    json_put_string(&out, "instance", s->record.instance);
    json_put_uint(&out, "sequence", s->record.sequence);
    json_put_string(&out, "sha256", w->hash);
    json_put_uint(&out, "size", w->size);
    journal_end(&s->host->journal, &out, true);
}

static void on_written(int status, const struct err *e, void *data)
{
    struct screen_write *w = data;
    struct screen *s = w->screen;
    if (status < 0) {
        host_write_failed(s->host, e);
        screen_failed(s, e);
    } else if (w->hash[0]) {
        journal_copy(s, w);
    }
    free(w);
    if (--s->writes == 0)
        screen_leave(s);
    screen_closed_one(s);
}

static void put(struct screen *s, const char *path, struct buf *bytes, bool description)
{
    struct screen_write *w = mem_calloc(1, sizeof *w);
    char *whole = mem_printf("%s/%s", s->host->options->directory, path);
    w->screen = s;
    w->size = bytes->size;
    if (description)
        hash_text(bytes->data, bytes->size, w->hash);
    s->writes++;
    s->open++;
    disk_put(s->host->disk, whole, bytes, on_written, w);
    free(whole);
}

/* Pictures first: a description names none that is not there. */
static void write_all(struct screen *s)
{
    static const char *const words[PAGE_COUNT] = {"flamegraph", "top"};
    struct screen_record *r = &s->record;
    struct buf text = {0};
    char now[JOURNAL_TIME_SIZE];
    s->subject = SUBJECT_WRITING;
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        char *path = mem_printf("copies/ui/%s.%u.%s.png", r->instance, r->sequence, words[i]);
        screen_record_picture(r, path);
        put(s, path, &s->pages[i].picture, false);
        free(path);
    }
    journal_time(now);
    r->time = mem_strdup(now);
    r->how = mem_strdup(s->how);
    r->page = mem_strdup(s->pages[PAGE_FLAMEGRAPH].url);
    screen_record_print(r, &text);
    char *path = mem_printf("copies/ui/%s.%u.json", r->instance, r->sequence);
    put(s, path, &text, true);
    free(path);
}

/* --- the steps --- */

static void ask(struct screen *s);

static void on_answer(const struct json *value, const struct err *error, void *data)
{
    struct screen *s = data;
    const struct step *step = &steps[s->step];
    struct err e;
    s->calling = false;
    if (s->given_up) {
        screen_leave(s);
        return;
    }
    if (error)
        e = *error;
    if (error || (step->take && step->take(s, value, &e) < 0)) {
        err_wrap(&e, "%s: %s", s->record.instance, step->doing);
        screen_failed(s, &e);
        screen_leave(s);
        return;
    }
    if (++s->step < STEP_COUNT)
        ask(s);
    else
        write_all(s);
}

static void ask(struct screen *s)
{
    const struct step *step = &steps[s->step];
    struct buf body = {0};
    if (step->ask)
        step->ask(s, &body);
    s->calling = true;
    screen_driver_call(&s->driver, step->method, step->path, &body, on_answer, s);
}

void screen_look(struct screen *s)
{
    s->subject = SUBJECT_LOOKING;
    s->step = 0;
    ask(s);
}
