/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/mem.h"
#include "engine/evidence_internal.h"
#include "io/disk.h"

#include <stdlib.h>
#include <string.h>

int evidence_read_lines(struct evidence *ev, const char *name, line_fn fn, bool *torn, struct err *e)
{
    struct buf bytes = {0};
    char *path = mem_printf("%s/%s", ev->directory, name);
    int result = disk_read_now(path, EVIDENCE_JOURNAL_MAX, &bytes, e);
    if (result < 0 && e->code == ERR_MISSING)
        result = 0; /* killed before its first line */
    const char *at = bytes.data ? bytes.data : "", *end = at + bytes.size;
    *torn = false;
    for (size_t number = 1; result == 0 && at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) {
            *torn = true;
            break;
        }
        result = fn(ev, number, at, (size_t)(newline - at), e);
        if (result < 0)
            err_wrap(e, "%s:%zu", path, number);
        at = newline + 1;
    }
    free(path);
    buf_fini(&bytes);
    return result;
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = mem_strdup(with);
}

static struct worker_outcome *outcome_of(struct evidence *ev, const struct json *event)
{
    return evidence_find_worker(ev, json_get_string(event, "instance", ""));
}

static void on_run_started(struct evidence *ev, const struct json *event)
{
    replace(&ev->run_id, json_get_string(event, "run_id", ""));
    replace(&ev->started_at, json_get_string(event, "time", ""));
    replace(&ev->forward_described, json_get_string(event, "forward", ""));
    replace(&ev->profiles_url, json_get_string(event, "profiles_url", ""));
}

static void on_run_ended(struct evidence *ev, const struct json *event)
{
    const char *failed = json_get_string(event, "failed", "");
    ev->complete = true;
    ev->interrupted = json_get_bool(event, "interrupted", false);
    const char *unwritten = json_get_string(event, "unwritten", "");
    if (failed[0])
        evidence_add_problem(ev, "run", "nothing was measured: mend it and run again", NULL, "%s", failed);
    if (unwritten[0])
        evidence_add_problem(ev, "run", "make room on the disk of the run directory, and run again", NULL,
                             "not all of the run was written: %s", unwritten);
}

static void on_interrupted(struct evidence *ev, const struct json *event)
{
    (void)event;
    ev->interrupted = true;
}

static void on_worker_started(struct evidence *ev, const struct json *event)
{
    struct worker_outcome *w = outcome_of(ev, event);
    if (!w)
        return;
    w->started = true;
    w->pid = json_get_int(event, "pid", 0);
}

static void on_worker_ended(struct evidence *ev, const struct json *event)
{
    struct worker_outcome *w = outcome_of(ev, event);
    if (!w)
        return;
    w->ended = true;
    w->good = json_get_bool(event, "good", false);
    replace(&w->cause, json_get_string(event, "cause", ""));
    w->wall_ms = json_get_int(event, "wall_ms", 0);
    w->cpu_ms = json_get_int(event, "cpu_ms", 0);
    w->max_rss = json_get_int(event, "max_rss", 0);
    w->output_dropped = (uint64_t)json_get_int(event, "output_dropped", 0);
}

static void on_control_ended(struct evidence *ev, const struct json *event)
{
    const char *outcome = json_get_string(event, "outcome", "");
    if (strcmp(outcome, "passed") == 0)
        ev->control = CONTROL_PASSED;
    if (strcmp(outcome, "failed") == 0)
        ev->control = CONTROL_FAILED;
    replace(&ev->control_why, json_get_string(event, "why", ""));
    replace(&ev->control_output, json_get_string(event, "output", ""));
    ev->control_exit = (int)json_get_int(event, "exit", 0);
}

static bool is_first_stage(const struct json *event)
{
    return strcmp(json_get_string(event, "stage", stage_name(STAGE_UPLOAD)), stage_name(STAGE_UPLOAD)) == 0;
}

static void on_upload(struct evidence *ev, const struct json *event)
{
    const char *rejected = json_get_string(event, "rejected", "");
    const char *instance = json_get_string(event, "instance", "");
    uint64_t times = (uint64_t)json_get_int(event, "times", 1);
    bool first = ev->uploads.rejected == 0;
    if (!is_first_stage(event))
        return; /* what is broken on the way is lost on the way */
    ev->uploads.received += times;
    if (!rejected[0])
        return;
    ev->uploads.rejected += times;
    if (first)
        evidence_add_problem(ev, instance[0] ? instance : "intake",
                             "it was put aside with the reason: copies/upload/rejected/", NULL,
                             "an upload was rejected: %s", rejected);
}

static void on_stored(struct evidence *ev, const struct json *event)
{
    ev->uploads.stored += is_first_stage(event);
}

static void on_copy(struct evidence *ev, const struct json *event)
{
    int instance = ledger_find_instance(&ev->ledger, json_get_string(event, "instance", ""));
    enum stage stage;
    if (instance < 0 || !stage_parse(json_get_string(event, "stage", ""), &stage))
        return;
    ev->captured = mem_grow(ev->captured, ev->captured_count, &ev->captured_capacity, sizeof *ev->captured);
    ev->captured[ev->captured_count++] = (struct captured){
        .stage = stage, .instance = (size_t)instance, .sequence = (unsigned)json_get_int(event, "sequence", 0)};
}

static void on_forward(struct evidence *ev, const struct json *event)
{
    if (json_get_bool(event, "good", false)) {
        ev->uploads.forwarded++;
        return;
    }
    ev->uploads.forward_failed++;
    if (ev->uploads.forward_failed > 1)
        return;
    int64_t status = json_get_int(event, "status", 0);
    const char *error = json_get_string(event, "error", "");
    if (status)
        evidence_add_problem(ev, "forward", "locktrail doctor checks address and key", NULL,
                             "an upload was not taken by the %s: it answered %lld", ev->forward_described,
                             (long long)status);
    else
        evidence_add_problem(ev, "forward", "locktrail doctor checks address and key", NULL,
                             "an upload did not reach the %s: %s", ev->forward_described, error);
}

static void on_left_out(struct evidence *ev, const struct json *event)
{
    const char *worker = json_get_string(event, "worker", "");
    ev->left_out = mem_grow(ev->left_out, ev->left_out_count, &ev->left_out_capacity, sizeof *ev->left_out);
    ev->left_out[ev->left_out_count++] =
        (struct left_out){mem_strdup(worker), mem_strdup(json_get_string(event, "why", ""))};
    for (size_t i = 0; i < ev->ledger.instance_count; i++)
        if (strcmp(ev->ledger.instances[i].worker, worker) == 0)
            ev->ledger.instances[i].left_out = true;
}

bool evidence_is_left_out(const struct evidence *ev, const char *worker)
{
    for (size_t i = 0; i < ev->left_out_count; i++)
        if (strcmp(ev->left_out[i].worker, worker) == 0)
            return true;
    return false;
}

static void on_problem(struct evidence *ev, const struct json *event)
{
    evidence_add_problem(ev, json_get_string(event, "who", ""), json_get_string(event, "advice", ""),
                         json_get_string(event, "output", ""), "%s", json_get_string(event, "text", ""));
}

static void on_stage(struct evidence *ev, const struct json *event)
{
    enum stage stage;
    if (stage_parse(json_get_string(event, "stage", ""), &stage))
        ev->stage_ran[stage] = true;
}

/* Events of other names (environment, store, read_back) are for people who read the journal. */
static const struct {
    const char *name;
    void (*take)(struct evidence *ev, const struct json *event);
} events[] = {
    {"run_started", on_run_started},
    {"run_ended", on_run_ended},
    {"interrupted", on_interrupted},
    {"worker_started", on_worker_started},
    {"worker_ended", on_worker_ended},
    {"control_ended", on_control_ended},
    {"upload", on_upload},
    {"stored", on_stored},
    {"copy", on_copy},
    {"forward", on_forward},
    {"problem", on_problem},
    {"left_out", on_left_out},
    {"stage", on_stage},
    {"exchange", evidence_take_exchange},
    {"service_started", evidence_take_service_started},
    {"service_ended", evidence_take_service_ended},
};

static int on_line(struct evidence *ev, size_t number, const char *line, size_t size, struct err *e)
{
    struct json *event = NULL;
    (void)number;
    if (json_read(line, size, &event, e) < 0)
        return -1;
    const char *name = json_get_string(event, "event", "");
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(name, events[i].name) == 0)
            events[i].take(ev, event);
    int64_t elapsed = json_get_int(event, "elapsed_ms", 0);
    if (elapsed > ev->wall_ms)
        ev->wall_ms = elapsed;
    json_free(event);
    return 0;
}

int evidence_read_events(struct evidence *ev, struct err *e)
{
    bool torn;
    if (evidence_read_lines(ev, "events.jsonl", on_line, &torn, e) < 0)
        return -1;
    evidence_sort_exchanges(ev);
    evidence_note_faults(ev);
    if (ev->uploads.forwarded == 0 && ev->scenario->backend.kind != BACKEND_DATADOG)
        replace(&ev->profiles_url, ""); /* nothing of this run is to be seen there */
    if (ev->complete)
        return 0;
    evidence_add_problem(ev, "run", "what was captured until then is below; run it again for a verdict", NULL,
                         "the coordinator ended before the run did (killed, or the machine went down, or the disk was "
                         "full)%s",
                         torn ? "; the journal's last line is torn" : "");
    for (size_t i = 0; i < ev->worker_count; i++)
        if (ev->workers[i].started && !ev->workers[i].ended)
            replace(&ev->workers[i].cause, "was running when the coordinator ended");
    return 0;
}
