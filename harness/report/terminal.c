/* SPDX-License-Identifier: Apache-2.0 */
#include "report/terminal.h"

#include "report/terminal_parts.h"
#include "report/version.h"
#include "report/view.h"

#include <inttypes.h>
#include <string.h>

/* Column at which the values of the head begin. */
#define VALUE_COLUMN 11

enum text_colour terminal_colour(const struct terminal *t, enum text_colour colour)
{
    return t->colour ? colour : TEXT_PLAIN;
}

void terminal_title(const struct terminal *t, const char *title)
{
    buf_add_char(t->out, '\n');
    text_add_coloured(t->out, title, terminal_colour(t, TEXT_BOLD));
    buf_add_char(t->out, '\n');
}

static void add_value(const struct terminal *t, const char *key, const char *value)
{
    buf_printf(t->out, "%-*s", VALUE_COLUMN, key);
    text_add_wrapped(t->out, value, VALUE_COLUMN);
}

/* Whoever reads of a lost name has to know that it was lost on purpose. */
static void add_faults(const struct terminal *t, struct buf *text)
{
    if (!t->ev->faults || !t->ev->faults[0])
        return;
    buf_clear(text);
    buf_printf(text,
               "this run changed or lost uploads on purpose: it proves locktrail, and says nothing of the pipeline\n%s",
               t->ev->faults);
    add_value(t, "FAULTS", text->data);
}

static void add_run(const struct terminal *t)
{
    const struct evidence *ev = t->ev;
    struct buf text = {0};
    add_value(t, "locktrail", LOCKTRAIL_VERSION);
    add_value(t, "scenario", ev->scenario->name);
    buf_printf(&text, "%s, started %s, took %.1f s", ev->run_id[0] ? ev->run_id : "(no id)",
               ev->started_at[0] ? ev->started_at : "(unknown)", (double)ev->wall_ms / 1000);
    add_value(t, "run", text.data);
    if (!ev->complete)
        add_value(t, "KILLED", "locktrail did not live to the end of this run; this is what the run left");
    if (ev->interrupted)
        add_value(t, "STOPPED", "the user interrupted this run; this is what it had until then");
    add_faults(t, &text);
    buf_fini(&text);
}

/* "python: ddtrace 4.16.0, processes: 1 local, 1 upload; capture_pct 100" */
static void add_worker(const struct terminal *t, const struct scenario_worker *worker)
{
    static const enum arm arms[] = {ARM_LOCAL, ARM_UPLOAD, ARM_TEE};
    const char *runtime = "", *version = "";
    size_t counts[3] = {0}, all = 0;
    struct buf text = {0};
    for (size_t i = 0; i < t->ev->worker_count; i++) {
        const struct worker_outcome *w = &t->ev->workers[i];
        if (strcmp(w->worker, worker->name) != 0 || w->arm == ARM_CONTROL)
            continue;
        all++;
        for (size_t a = 0; a < 3; a++)
            counts[a] += w->arm == arms[a];
        if (!runtime[0]) {
            runtime = w->runtime;
            version = w->version;
        }
    }
    if (!runtime[0] && worker->runtime == RUNTIME_DDTRACE) {
        runtime = "ddtrace";
        version = worker->version;
    }
    if (worker->runtime == RUNTIME_NATIVE) {
        runtime = "native";
        version = scenario_build_name(worker->build);
    }
    const char *left_out = view_left_out(t->ev, worker->name);
    if (left_out) {
        buf_printf(&text, "%s: LEFT OUT: %s", worker->name, left_out);
        add_value(t, "worker", text.data);
        buf_fini(&text);
        return;
    }
    buf_printf(&text, "%s: %s%s%s, processes:", worker->name, runtime[0] ? runtime : "command", version[0] ? " " : "",
               version);
    const char *before = " ";
    for (size_t a = 0; a < 3; a++) {
        if (counts[a] == 0)
            continue;
        buf_printf(&text, "%s%zu %s", before, counts[a], arm_name(arms[a]));
        before = ", ";
    }
    buf_printf(&text, "%s; capture_pct %g", all > 0 ? "" : " none", worker->capture_pct);
    add_value(t, "worker", text.data);
    buf_fini(&text);
}

static void add_control(const struct terminal *t)
{
    struct buf text = {0};
    switch (t->ev->control) {
    case CONTROL_PASSED:
        add_value(t, "control", "passed");
        break;
    case CONTROL_NOT_RUN:
        add_value(t, "control", "not run");
        break;
    case CONTROL_FAILED:
        buf_printf(&text, "FAILED: %s", t->ev->control_why);
        add_value(t, "control", text.data);
        if (t->ev->control_output[0])
            add_value(t, "", t->ev->control_output);
        break;
    }
    buf_fini(&text);
}

static void add_uploads(const struct terminal *t)
{
    const struct upload_counts *u = &t->ev->uploads;
    struct buf text = {0};
    buf_printf(&text, "%" PRIu64 " received, %" PRIu64 " stored, %" PRIu64 " rejected", u->received, u->stored,
               u->rejected);
    if (t->ev->forward_described[0])
        buf_printf(&text, ", %" PRIu64 " forwarded to %s", u->forwarded, t->ev->forward_described);
    if (u->forward_failed > 0)
        buf_printf(&text, ", %" PRIu64 " of them failed", u->forward_failed);
    buf_add_char(t->out, '\n');
    add_value(t, "uploads", text.data);
    buf_fini(&text);
}

static void add_verdict(const struct terminal *t)
{
    static const enum text_colour colours[VERDICT_COUNT] = {TEXT_GREEN, TEXT_YELLOW, TEXT_RED,
                                                            TEXT_RED,   TEXT_YELLOW, TEXT_RED};
    const struct evidence *ev = t->ev;
    buf_printf(t->out, "%-*s", VALUE_COLUMN, "VERDICT");
    text_add_coloured(t->out, verdict_name(ev->trail.verdict), terminal_colour(t, colours[ev->trail.verdict]));
    buf_printf(t->out, "%s%s\n", ev->complete ? "" : " (killed run)", ev->interrupted ? " (interrupted)" : "");
}

static void add_next_steps(const struct terminal *t)
{
    if (t->ev->trail.next_step_count == 0)
        return;
    terminal_title(t, "NEXT STEPS");
    for (size_t i = 0; i < t->ev->trail.next_step_count; i++) {
        buf_printf(t->out, "%2zu. ", i + 1);
        text_add_wrapped(t->out, t->ev->trail.next_steps[i], 4);
    }
}

/* Alone on its line and not wrapped, so that it can be copied. */
static void add_long(const struct terminal *t, const char *key, const char *value)
{
    buf_printf(t->out, "%-*s", VALUE_COLUMN, key);
    text_add_clean(t->out, value);
    buf_add_char(t->out, '\n');
}

void report_terminal(const struct evidence *ev, bool colour, struct buf *out)
{
    struct terminal view = {.ev = ev, .colour = colour, .out = out}, *t = &view;
    add_run(t);
    for (size_t i = 0; i < ev->scenario->worker_count; i++)
        add_worker(t, &ev->scenario->workers[i]);
    add_control(t);
    terminal_table(t);
    terminal_losses(t);
    terminal_hops(t);
    terminal_screens(t);
    terminal_notes(t);
    terminal_known_limits(t);
    terminal_undersampled(t);
    terminal_undeclared(t);
    terminal_services(t);
    terminal_problems(t);
    terminal_debug(t);
    add_uploads(t);
    buf_add_char(out, '\n');
    add_verdict(t);
    text_add_wrapped(out, ev->trail.conclusion, 0);
    add_next_steps(t);
    buf_add_char(out, '\n');
    if (ev->profiles_url[0])
        add_long(t, "profiles", ev->profiles_url);
    add_long(t, "directory", ev->directory);
}

void report_quiet(const struct evidence *ev, bool colour, struct buf *out)
{
    struct terminal view = {.ev = ev, .colour = colour, .out = out}, *t = &view;
    add_verdict(t);
    add_long(t, "directory", ev->directory);
}
