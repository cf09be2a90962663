/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screen_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/screen_page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Copies of one process on one page: the command line has room for some ten thousand paths, a process that uploads each
 * ten seconds has 360 in an hour. */
#define FILES_MAX 4096

void screen_failed(struct screen *s, const struct err *e)
{
    log_line(LOG_INFO, "ui", "%s", e->text);
    if (s->failures == 0 || (s->error.code == ERR_INPUT && e->code != ERR_INPUT))
        s->error = *e;
    s->failures++;
}

/* --- the end --- */

static void on_removed(void *data)
{
    struct screen *s = data;
    struct err e = s->error;
    if (s->stopping)
        err_set(&e, ERR_INTERRUPTED, "the screen was not looked at to the end: the run was stopped");
    else if (s->failures > 1 && strlen(e.text) + 32 < ERR_TEXT_MAX)
        err_put(&e, e.code, "%s (and %zu more)", s->error.text, s->failures - 1);
    s->over = true;
    s->fn(s, s->stopping || s->failures > 0 ? &e : NULL, s->data);
}

void screen_closed_one(void *data)
{
    struct screen *s = data;
    assert(s->open > 0);
    if (--s->open == 0 && s->browser == BROWSER_GONE && s->subject == SUBJECT_NONE)
        screen_files_remove(s->host->loop, s->directory, s->temporary, on_removed, s);
}

static void close_client(struct screen *s)
{
    if (s->driver.client)
        screen_driver_close(&s->driver, screen_closed_one, s);
}

/* Nothing is looked at any more. */
static void end_browser(struct screen *s)
{
    s->browser = s->driver_service ? BROWSER_CLOSING : BROWSER_GONE;
    close_client(s);
    screen_stop_driver(s, false);
}

static void on_session_deleted(const struct json *value, const struct err *e, void *data)
{
    struct screen *s = data;
    (void)value;
    if (e && !s->stopping)
        log_line(LOG_INFO, "ui", "the browser's session was not closed: %s", e->text);
    if (s->browser == BROWSER_CLOSING)
        end_browser(s);
}

/* The browser ends in good order where there is one; else with its driver. */
static void close_browser(struct screen *s)
{
    if (s->browser != BROWSER_OPEN || s->stopping || s->broken) {
        if (s->browser != BROWSER_GONE)
            end_browser(s);
        return;
    }
    struct buf none = {0};
    s->browser = BROWSER_CLOSING;
    screen_driver_call(&s->driver, "DELETE", "", &none, on_session_deleted, s);
}

/* --- one process after the other --- */

static void start_subject(struct screen *s);

static void end_subject(struct screen *s)
{
    screen_files_fini(&s->files);
    screen_record_fini(&s->record);
    for (size_t i = 0; i < PAGE_COUNT; i++)
        buf_fini(&s->pages[i].picture);
    s->subject = SUBJECT_NONE;
    s->index++;
    start_subject(s);
}

void screen_leave(struct screen *s)
{
    s->given_up = true;
    s->subject = SUBJECT_LEAVING;
    if (screen_has_pages(s))
        screen_stop_pages(s, false);
    else
        end_subject(s);
}

void screen_on_pages_ended(struct screen *s)
{
    if (s->subject == SUBJECT_LEAVING)
        end_subject(s);
}

/* In the middle of a command, or of writing, its end is waited for. */
static void give_up(struct screen *s)
{
    bool busy = s->calling || s->subject == SUBJECT_WRITING || s->subject == SUBJECT_DECODING;
    s->given_up = true;
    if (!busy && s->subject != SUBJECT_NONE && s->subject != SUBJECT_LEAVING)
        screen_leave(s);
}

static void look_if_ready(struct screen *s)
{
    if (s->browser == BROWSER_OPEN && s->subject == SUBJECT_SERVED)
        screen_look(s);
}

void screen_on_pages_ready(struct screen *s)
{
    if (s->subject != SUBJECT_SERVING)
        return;
    s->subject = SUBJECT_SERVED;
    look_if_ready(s);
}

void screen_on_page_failed(struct screen *s, const struct err *e)
{
    if (s->given_up) /* the other one has told, or it was slow to stop */
        return;
    struct err told = *e;
    err_wrap(&told, "%s", s->record.instance);
    screen_failed(s, &told);
    give_up(s);
}

static void on_files(struct screen_files *files, const struct err *e, void *data)
{
    struct screen *s = data;
    struct err bad;
    s->files = *files;
    for (size_t i = 0; i < s->files.left_out_count; i++) {
        screen_record_left_out(&s->record, s->files.left_out[i]);
        err_put(&bad, ERR_INPUT, "%s: can't be shown: %s", s->record.instance, s->files.left_out[i]);
        screen_failed(s, &bad);
    }
    if (e)
        screen_failed(s, e);
    bool going = !e && !s->given_up && !s->stopping && !s->broken && s->files.count > 0;
    s->subject = SUBJECT_SERVING;
    if (going && screen_serve(s, &bad) < 0) {
        screen_failed(s, &bad);
        going = false;
    }
    if (!going)
        screen_leave(s);
    screen_closed_one(s);
}

static void start_subject(struct screen *s)
{
    s->given_up = false;
    if (s->index == s->subject_count || s->stopping || s->broken) {
        close_browser(s);
        return;
    }
    const struct screen_copies *copies = &s->subjects[s->index];
    size_t count = copies->count > FILES_MAX ? FILES_MAX : copies->count;
    struct err e;
    s->record = (struct screen_record){.instance = mem_strdup(copies->instance), .sequence = 1};
    if (copies->count > count) {
        err_set(&e, ERR_INPUT, "%s: has %zu copies, and a page takes %d: the last ones are not shown", copies->instance,
                copies->count, FILES_MAX);
        screen_record_left_out(&s->record, e.text);
        screen_failed(s, &e);
    }
    char *directory = mem_printf("%s/%s", s->directory, copies->instance);
    char *text = mem_printf("looking at what is shown of %s", copies->instance);
    host_notify(s->host, RUN_STATE, "run", text);
    free(text);
    s->subject = SUBJECT_DECODING;
    s->open++;
    screen_files_make(s->host->loop, directory, (const char *const *)copies->files, count, on_files, s);
    free(directory);
}

/* --- the browser --- */

static void break_off(struct screen *s)
{
    s->broken = true;
    if (s->subject == SUBJECT_NONE)
        close_browser(s);
    else
        give_up(s);
}

static void on_session(const struct json *value, const struct err *error, void *data)
{
    struct screen *s = data;
    struct err e;
    if (s->stopping || s->broken)
        return;
    if (error)
        e = *error;
    if (error || screen_session_read(value, &s->driver.session, &s->how, &e) < 0) {
        screen_failed(s, &e);
        break_off(s);
        return;
    }
    s->browser = BROWSER_OPEN;
    look_if_ready(s);
}

void screen_on_driver_ready(struct screen *s)
{
    struct buf body = {0};
    if (s->browser != BROWSER_STARTING || s->stopping || s->broken)
        return;
    char *directory = mem_printf("%s/browser", s->directory);
    s->browser = BROWSER_OPENING;
    screen_session_body(directory, geteuid() == 0, s->timeout_ms, &body);
    screen_driver_call(&s->driver, "POST", "/session", &body, on_session, s);
    free(directory);
}

void screen_on_driver_failed(struct screen *s, const struct err *e)
{
    if (s->stopping || s->browser == BROWSER_CLOSING) { /* all is looked at; it was slow to end */
        log_line(LOG_INFO, "ui", "%s", e->text);
        return;
    }
    screen_failed(s, e);
    break_off(s);
}

void screen_on_driver_ended(struct screen *s)
{
    s->browser = BROWSER_GONE;
    close_client(s);
}

/* --- begin and stop --- */

static int make_temporary(struct screen *s, struct err *e)
{
    const char *parent = getenv("TMPDIR");
    char *path = mem_printf("%s/locktrail-ui-XXXXXX", parent && parent[0] == '/' ? parent : "/tmp");
    if (!mkdtemp(path)) {
        int failed = errno;
        free(path);
        return err_sys(e, ERR_WRITE, failed, "can't make a temporary directory for the browser");
    }
    s->temporary = path;
    return 0;
}

static int begin(struct screen *s, struct err *e)
{
    const struct run_options *options = s->host->options;
    if (screen_programs_find(options->scenario, options->root, options->build, &s->programs, e) < 0)
        return -1;
    return make_temporary(s, e) < 0 ? -1 : screen_start_driver(s, e);
}

static void on_begin_closed(uv_handle_t *handle)
{
    struct screen *s = handle->data;
    struct err e;
    s->begun = true;
    if (!s->stopping && s->subject_count > 0 && begin(s, &e) < 0) {
        screen_failed(s, &e);
        s->broken = true;
    }
    start_subject(s);
    screen_closed_one(s);
}

static void on_begin(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, on_begin_closed);
}

struct screen *screen_start(struct host *host, const struct screen_subject *subjects, size_t count, screen_fn fn,
                            void *data)
{
    struct screen *s = mem_calloc(1, sizeof *s);
    *s = (struct screen){.host = host,
                         .subjects = mem_calloc(count + 1, sizeof *s->subjects),
                         .subject_count = count,
                         .fn = fn,
                         .data = data,
                         .directory = mem_printf("%s/services/ui", host->options->directory),
                         .timeout_ms = host->options->scenario->ui.timeout_ms,
                         .open = 1};
    for (size_t i = 0; i < count; i++) {
        struct screen_copies *copies = &s->subjects[i];
        *copies = (struct screen_copies){.instance = mem_strdup(subjects[i].instance),
                                         .files = mem_calloc(subjects[i].file_count + 1, sizeof(char *)),
                                         .count = subjects[i].file_count};
        for (size_t f = 0; f < copies->count; f++)
            copies->files[f] = mem_strdup(subjects[i].files[f]);
    }
    uv_timer_init(host->loop, &s->begin);
    s->begin.data = s;
    uv_timer_start(&s->begin, on_begin, 0, 0);
    return s;
}

void screen_stop(struct screen *s, bool now)
{
    if (s->over)
        return;
    s->stopping = true;
    if (!s->begun)
        return;
    screen_stop_pages(s, now);
    screen_stop_driver(s, now);
    close_client(s);
    if (s->subject != SUBJECT_NONE)
        give_up(s);
}

void screen_free(struct screen *s)
{
    if (!s)
        return;
    assert(s->over);
    for (size_t i = 0; i < s->subject_count; i++) {
        for (size_t f = 0; f < s->subjects[i].count; f++)
            free(s->subjects[i].files[f]);
        free(s->subjects[i].files);
        free(s->subjects[i].instance);
    }
    free(s->subjects);
    for (size_t i = 0; i < PAGE_COUNT; i++)
        free(s->pages[i].url);
    screen_programs_fini(&s->programs);
    free(s->directory);
    free(s->temporary);
    free(s->how);
    free(s);
}
