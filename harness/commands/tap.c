/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/tap.h"
#include "commands/commands.h"
#include "commands/output.h"
#include "commands/tap_options.h"
#include "commands/tap_output.h"
#include "report/tap_table.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A table that changes faster can't be read. */
#define DRAW_S 0.5

struct shown {
    const struct tapping_options *options;
    const char *to;
    bool json, quiet, table;
    bool again; /* nothing runs: a directory is read */
    struct tap_output output;
    struct tap_screen screen;
    char *listens, *note;
    struct timespec start;
    double drawn_s;
    /* The verdict on all uploads so far, made anew when there are more of them. */
    struct trail_result result;
    const struct ledger *ledger;
    uint64_t judged; /* profiles that it knows of, and one more; 0: there is none */
    int code;
};

static double elapsed(const struct shown *s)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - s->start.tv_sec) + (double)(now.tv_nsec - s->start.tv_nsec) / 1e9;
}

static void judge(struct shown *s, const struct tapping *tapping)
{
    const struct tapping_judge *ledger = tapping_ledger(tapping);
    uint64_t read = tapping_counts(tapping)->read;
    if (!ledger || s->judged == read + 1)
        return;
    if (s->judged > 0)
        trail_result_fini(&s->result);
    tapping_judge_all(ledger, &s->result, &s->ledger);
    s->judged = read + 1;
}

static struct tap_view view_of(struct shown *s, const struct tapping *tapping)
{
    judge(s, tapping);
    return (struct tap_view){.listens = s->listens ? s->listens : "",
                             .to = tapping_is_end(tapping) ? NULL : s->to,
                             .counts = tapping_counts(tapping),
                             .names = tapping_all_names(tapping),
                             .result = s->judged > 0 ? &s->result : NULL,
                             .ledger = s->ledger,
                             .directory = s->options->directory,
                             .note = s->note,
                             .now_ms = tapping_now_ms(tapping),
                             .elapsed_s = elapsed(s)};
}

/* --- what happens ----------------------------------------------------------------------------------------------- */

static void draw(struct shown *s, const struct tapping *tapping)
{
    struct buf text = {0};
    struct tap_view view = view_of(s, tapping);
    if (s->output.pending.size > 0)
        return; /* the last one is not even out */
    output_size(STDOUT_FILENO, &s->screen.rows, &s->screen.columns);
    tap_table_draw(&s->screen, &view, &text);
    tap_output_add(&s->output, &text);
    s->drawn_s = elapsed(s);
    buf_fini(&text);
}

static void on_upload(struct shown *s, const struct tapping_upload *upload)
{
    struct buf text = {0};
    if (s->json)
        tap_upload_json(upload, &text);
    else if (!s->table && !s->quiet)
        tap_upload_line(upload, elapsed(s), &text);
    if (text.size > 0)
        tap_output_add(&s->output, &text);
    buf_fini(&text);
}

/* Beside a table there is no room for further lines; it has a line for the last of them. */
static void on_text(struct shown *s, const char *text)
{
    struct buf line = {0};
    if (s->table) {
        free(s->note);
        s->note = strdup(text);
        return;
    }
    buf_add_str(&line, "locktrail: tap: ");
    text_add_clean(&line, text);
    buf_add_char(&line, '\n');
    output_note(&line);
    buf_fini(&line);
}

static void on_listens(struct shown *s, const char *url)
{
    struct buf line = {0};
    s->listens = strdup(url);
    buf_printf(&line, "listens on %s, %s%s", url, s->to ? "passes on to " : "the end of the way", s->to ? s->to : "");
    if (!s->table)
        on_text(s, line.data);
    buf_fini(&line);
}

static void on_event(const struct tapping *tapping, const struct tapping_event *event, void *data)
{
    struct shown *s = data;
    switch (event->kind) {
    case TAPPING_LISTENS:
        on_listens(s, event->text);
        break;
    case TAPPING_UPLOAD:
        on_upload(s, event->upload);
        break;
    case TAPPING_NOTE:
        on_text(s, event->text);
        break;
    case TAPPING_TICK:
        tap_output_flush(&s->output);
        if (s->table && elapsed(s) - s->drawn_s >= DRAW_S)
            draw(s, tapping);
        break;
    case TAPPING_STOPPING:
        break;
    }
}

static void at_end(const struct tapping *tapping, void *data)
{
    struct shown *s = data;
    struct buf text = {0};
    if (s->table)
        draw(s, tapping);
    struct tap_view view = view_of(s, tapping);
    s->code = tap_exit_code(&view);
    if (s->table)
        buf_add_char(&text, '\n');
    if (s->json)
        tap_summary_json(&view, s->code, &text);
    else if (s->again && s->quiet)
        tap_summary_quiet(&view, output_has_colour(STDOUT_FILENO), &text);
    else
        tap_summary(&view, output_has_colour(STDOUT_FILENO), &text);
    tap_output_add(&s->output, &text);
    tap_output_end(&s->output);
    buf_fini(&text);
}

/* --- the command ------------------------------------------------------------------------------------------------ */

static int say_left_out(const struct shown *s)
{
    struct buf line = {0};
    if (s->output.failed)
        return output_error(&s->output.error);
    if (s->output.left_out > 0) {
        buf_printf(&line, "locktrail: tap: %llu lines were not shown: nobody read them (TAP_OUTPUT_MAX)\n",
                   (unsigned long long)s->output.left_out);
        output_note(&line);
        buf_fini(&line);
    }
    return 0;
}

static int execute(const struct command_line *line, struct tapping_options *options)
{
    struct shown shown = {.options = options,
                          .to = command_line_value(line, "--to"),
                          .json = command_line_has(line, "--json"),
                          .quiet = command_line_has(line, "--quiet")},
                 *s = &shown;
    struct err e;
    s->table = !s->json && !s->quiet && output_is_terminal(STDOUT_FILENO);
    s->screen.colour = output_has_colour(STDOUT_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &s->start);
    options->on_event = on_event;
    options->data = s;
    int code = tapping_execute(options, at_end, &e) < 0 ? output_error(&e) : s->code;
    int output = say_left_out(s);
    if (s->judged > 0)
        trail_result_fini(&s->result);
    free(s->listens);
    free(s->note);
    return output != 0 ? output : code;
}

int tap_report(const char *directory, bool json, bool quiet)
{
    struct tapping_options options = {.directory = directory};
    struct shown shown = {.options = &options, .to = "", .json = json, .quiet = quiet, .again = true}, *s = &shown;
    struct err e;
    int code = tapping_read_again(directory, at_end, s, &e) < 0 ? output_error(&e) : s->code;
    int output = say_left_out(s);
    if (s->judged > 0)
        trail_result_fini(&s->result);
    return output != 0 ? output : code;
}

static int run(const struct command_line *line)
{
    struct tapping_options options;
    char *url = NULL;
    struct err e;
    int code = tap_options_read(line, &options, &url, &e) < 0 ? output_error(&e) : execute(line, &options);
    free(url);
    return code;
}

const struct command command_tap = {
    .name = "tap",
    .operands = "",
    .summary = "Passes uploads on, keeps copies of them, and shows the lock names in them, until it is stopped.",
    .details =
        "Stands in front of a real agent or behind one, with --to as the next hop; requests and answers are passed on "
        "unchanged. Without --to it stands in for a backend: it takes uploads as an agent or a site does, keeps them "
        "in DIR/store, and serves the site's list and download. No scenario is needed.\n"
        "DIR/copies has each content once, as N.pprof and N.json; locktrail inspect reads them, and locktrail report "
        "DIR says again what is said at the end. DIR/exchanges.jsonl has every request. On a terminal a table of names "
        "is kept up to date, otherwise there is a line for each upload.\n"
        "Passing on goes first: profiles that come too fast are not read, and a disk that is full or slow is told and "
        "passed over.\n"
        "Ctrl-C ends it. Exits with the verdict's code where there is a --ledger; else 0, or 1. An upload that was not "
        "passed on or not accepted makes a success partial.",
    .options = tap_option_table,
    .option_count = TAP_OPTION_COUNT,
    .run = run,
};
