/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: PREPARING (environments) → OPENING (taps, agent, store) → SOAKING (workers, uploads, read-back, stock at
 * its interval) → STOPPING (workers end and send their last upload) → DRAINING (what was sent has arrived) → JUDGING
 * (what is under way is read back, or overdue) → CLOSING → DONE. Failure modes: an environment, a tap, an agent can't
 * be had (the error is the caller's, nothing is soaked); a worker ends by itself (a problem, it is started again); the
 * backend can't be read any more (a problem, the stage is not looked at from then on); locktrail grows above --max-rss,
 * or the run directory above --max-disk (a problem, the soak ends); killed (soak.json is as of the last stocktaking,
 * --resume goes on). SIGINT, SIGTERM, SIGHUP: STOPPING; a second one: at once. */
#include "engine/soak.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/agents.h"
#include "engine/environments.h"
#include "engine/host.h"
#include "engine/instances.h"
#include "engine/native.h"
#include "engine/passage.h"
#include "engine/run_directory.h"
#include "engine/soak_internal.h"
#include "engine/stop_signals.h"
#include "io/child.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum soak_state {
    SOAK_PREPARING,
    SOAK_OPENING,
    SOAK_SOAKING,
    SOAK_STOPPING,
    SOAK_DRAINING,
    SOAK_JUDGING,
    SOAK_CLOSING,
    SOAK_DONE
};

static const char *const state_names[] = {"preparing", "opening", "soaking", "stopping",
                                          "draining",  "judging", "closing", "done"};

static const unsigned allowed_moves[] = {
    [SOAK_PREPARING] = 1u << SOAK_OPENING | 1u << SOAK_CLOSING,
    [SOAK_OPENING] = 1u << SOAK_SOAKING | 1u << SOAK_CLOSING,
    [SOAK_SOAKING] = 1u << SOAK_STOPPING,
    [SOAK_STOPPING] = 1u << SOAK_DRAINING,
    [SOAK_DRAINING] = 1u << SOAK_JUDGING,
    [SOAK_JUDGING] = 1u << SOAK_CLOSING,
    [SOAK_CLOSING] = 1u << SOAK_DONE,
    [SOAK_DONE] = 0,
};

/* How often it is looked whether something is due or overdue. */
#define TICK_MS 250

struct soak {
    struct host host;
    struct run_options run; /* what the parts of a run go by */
    struct host_soak hooks;
    struct soak_options options;
    char *directory;
    int lock; /* of the directory; -1: none */
    uv_loop_t loop;
    enum soak_state state;
    struct stop_signals signals;
    unsigned interrupts;
    struct environments *environments;
    struct passage *passage;
    struct instance_plan plan;
    struct soak_parts parts;
    uv_timer_t tick;
    int64_t before_ms; /* that it had been soaked before --resume */
    int64_t began_ms;  /* what had been prepared by then is no soaking; 0: not yet */
    int64_t stock_due_ms;
    bool look_now; /* something was lost, and --until-loss wants to know */
    bool failed;   /* nothing could be soaked: `error` says why */
    struct err error;
    bool sealed;
};

static void stop_soak(struct soak *soak, const char *why);
static void close_soak(struct soak *soak);

static void move(struct soak *soak, enum soak_state next)
{
    assert(allowed_moves[soak->state] & 1u << next);
    log_line(LOG_DEBUG, "soak", "%s -> %s", state_names[soak->state], state_names[next]);
    soak->state = next;
    host_notify(&soak->host, RUN_STATE, "soak", state_names[next]);
}

static void fail(struct soak *soak, const struct err *e)
{
    soak->failed = true;
    soak->error = *e;
    close_soak(soak);
}

static int64_t elapsed_ms(void *data)
{
    const struct soak *soak = data;
    if (soak->began_ms == 0)
        return soak->before_ms;
    return soak->before_ms + journal_elapsed_ms(&soak->host.journal) - soak->began_ms;
}

/* --- what the parts of a run hand over ---------------------------------------------------------------------------- */

static void on_line(const char *instance, const struct message *m, void *data)
{
    struct soak *soak = data;
    soak_parts_line(&soak->parts, instance, m);
}

static void on_upload(enum stage stage, const char *instance, const struct upload *upload, void *data)
{
    struct soak *soak = data;
    if (soak->parts.judge)
        soak_judge_upload(soak->parts.judge, stage, instance, upload);
}

static void on_problem(const char *who, const char *text, const char *advice, void *data)
{
    struct soak *soak = data;
    soak_record_problem(soak->options.record, elapsed_ms(soak), who, text, advice);
}

static void on_workers(struct worker **workers, size_t count, void *data)
{
    struct soak *soak = data;
    passage_set_workers(soak->passage, workers, count);
}

static void on_lost(void *data)
{
    struct soak *soak = data;
    soak->look_now = true;
}

/* --- stock ---------------------------------------------------------------------------------------------------- */

static void take_stock(struct soak *soak)
{
    soak_parts_take_stock(&soak->parts, elapsed_ms(soak));
    soak->stock_due_ms = elapsed_ms(soak) + soak->options.every_ms;
    if (soak->options.taken)
        soak->options.taken(soak->options.record, soak->options.data);
}

static bool names_were_lost(const struct soak_record *r)
{
    return r->verdict == VERDICT_PARTIAL || r->verdict == VERDICT_FAILURE;
}

static bool is_too_large(struct soak *soak)
{
    const struct soak_record *r = soak->options.record;
    double rss = r->processes[0].watches[WATCH_RSS].series.last;
    if (soak->options.max_rss == 0 || rss <= (double)soak->options.max_rss)
        return false;
    host_problem(&soak->host, "locktrail", "its curves are in curves.svg; raise --max-rss, or report it as a fault",
                 NULL, 0, "locktrail's own resident memory is %.1f MiB, above --max-rss", rss / 1048576);
    return true;
}

/* Store, copies and journal keep to their parts; what workers and agents write is theirs. */
static bool is_too_full(struct soak *soak)
{
    double bytes = soak->options.record->processes[0].watches[WATCH_DISK].series.last;
    if (bytes <= (double)soak->options.max_disk)
        return false;
    host_problem(&soak->host, "locktrail",
                 "see what lies in the run directory; raise --max-disk, or lower limits.output", NULL, 0,
                 "the run directory has %.1f MiB, above --max-disk", bytes / 1048576);
    return true;
}

static void on_tick(uv_timer_t *timer)
{
    struct soak *soak = timer->data;
    int64_t now = elapsed_ms(soak);
    if (soak->state < SOAK_SOAKING || soak->state >= SOAK_CLOSING)
        return;
    soak_parts_tick(&soak->parts, now);
    bool lost = soak->look_now && soak->options.until_loss;
    soak->look_now = false;
    if (now >= soak->stock_due_ms || lost)
        take_stock(soak);
    if (soak->state != SOAK_SOAKING)
        return;
    if (soak->options.until_loss && names_were_lost(soak->options.record))
        stop_soak(soak, "a name was lost (--until-loss)");
    else if (is_too_large(soak))
        stop_soak(soak, "locktrail grew above --max-rss");
    else if (is_too_full(soak))
        stop_soak(soak, "the run directory grew above --max-disk");
    else if (now >= soak->options.for_ms)
        stop_soak(soak, "the time is over");
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static void on_disk_closed(void *data)
{
    struct soak *soak = data;
    soak->host.disk = NULL;
    stop_signals_end(&soak->signals);
    soak->state = SOAK_DONE;
}

static void on_all_written(int status, const struct err *e, void *data)
{
    struct soak *soak = data;
    if (status < 0)
        host_write_failed(&soak->host, e);
    soak->sealed = true;
    disk_close(soak->host.disk, on_disk_closed, soak);
}

static void on_passage_closed(void *data)
{
    struct soak *soak = data;
    soak->passage = NULL;
    if (!soak->failed) {
        struct json_out out = journal_begin(&soak->host.journal, "soak_ended");
        json_put_string(&out, "why", soak->options.record->why_ended);
        journal_end(&soak->host.journal, &out, true);
        take_stock(soak);
    }
    disk_flush(soak->host.disk, on_all_written, soak);
}

static void on_parts_closed(void *data)
{
    struct soak *soak = data;
    if (soak->passage)
        passage_close(soak->passage, on_passage_closed, soak);
    else
        on_passage_closed(soak);
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct soak *soak = handle->data;
    soak_parts_close(&soak->parts, on_parts_closed, soak);
}

static void close_soak(struct soak *soak)
{
    move(soak, SOAK_CLOSING);
    soak->options.record->ended = !soak->failed;
    soak->options.record->interrupted = soak->interrupts > 0;
    uv_close((uv_handle_t *)&soak->tick, on_tick_closed);
}

static void on_judged(void *data)
{
    close_soak(data);
}

static void on_drained(void *data)
{
    struct soak *soak = data;
    move(soak, SOAK_JUDGING);
    soak_judge_finish(soak->parts.judge, soak->interrupts > 1, on_judged, soak);
}

static void on_fleet_finished(void *data)
{
    struct soak *soak = data;
    move(soak, SOAK_DRAINING);
    passage_finish(soak->passage, on_drained, soak);
}

static void stop_soak(struct soak *soak, const char *why)
{
    move(soak, SOAK_STOPPING);
    free(soak->options.record->why_ended);
    soak->options.record->why_ended = mem_strdup(why);
    soak_disturb_finish(soak->parts.disturb);
    soak_fleet_finish(soak->parts.fleet, soak->interrupts > 1, on_fleet_finished, soak);
}

/* --- signals -------------------------------------------------------------------------------------------------- */

static void hurry(struct soak *soak)
{
    switch (soak->state) {
    case SOAK_STOPPING:
        soak_fleet_finish(soak->parts.fleet, true, on_fleet_finished, soak);
        break;
    case SOAK_JUDGING:
        soak_judge_finish(soak->parts.judge, true, on_judged, soak);
        break;
    default:
        break;
    }
}

static void on_signal(int number, void *data)
{
    struct soak *soak = data;
    if (soak->sealed)
        return; /* over in a moment */
    bool now = ++soak->interrupts > 1;
    host_notify(&soak->host, RUN_STATE, "soak", now ? "killing the workers" : "stopping (again: at once)");
    environments_stop(soak->environments, now);
    if (soak->state == SOAK_SOAKING) {
        char *why = mem_printf("stopped by SIG%s", sigabbrev_np(number));
        stop_soak(soak, why);
        free(why);
    } else if (now) {
        hurry(soak);
    }
    if (soak->passage)
        passage_stop(soak->passage, now || soak->state == SOAK_CLOSING);
}

/* --- the beginning -------------------------------------------------------------------------------------------- */

static void on_open(const struct err *e, void *data)
{
    struct soak *soak = data;
    struct err own;
    if (soak->interrupts > 0) {
        err_set(&own, ERR_INTERRUPTED, "stopped before any worker was started");
        fail(soak, &own);
        return;
    }
    struct soak_parts_options options = {.host = &soak->host,
                                         .soak = &soak->options,
                                         .plan = &soak->plan,
                                         .envs = environments_all(soak->environments),
                                         .way = passage_way(soak->passage),
                                         .elapsed_ms = elapsed_ms,
                                         .workers = on_workers,
                                         .lost = on_lost,
                                         .data = soak};
    if (e || soak_parts_start(&soak->parts, &options, &own) < 0) {
        fail(soak, e ? e : &own);
        return;
    }
    move(soak, SOAK_SOAKING);
    soak->began_ms = journal_elapsed_ms(&soak->host.journal);
    take_stock(soak);
    soak_fleet_start(soak->parts.fleet);
}

static void on_environments(const struct err *e, void *data)
{
    struct soak *soak = data;
    const struct scenario *s = soak->options.scenario;
    struct err own;
    for (size_t i = 0; i < s->worker_count; i++)
        if (soak->host.left_out[i])
            instances_leave_out(&soak->plan, &s->workers[i]);
    if (!e && soak_begin_processes(soak->options.record, &soak->plan, &own) < 0)
        e = &own;
    if (e) {
        fail(soak, e);
        return;
    }
    move(soak, SOAK_OPENING);
    soak->passage = passage_open(&soak->host, on_open, soak);
}

static int check_programs(const struct soak *soak, struct err *e)
{
    const struct scenario *s = soak->options.scenario;
    for (size_t i = 0; i < s->worker_count; i++)
        if (s->workers[i].runtime == RUNTIME_NATIVE && native_check(soak->options.build, s->workers[i].build, e) < 0)
            return err_wrap(e, "worker %s", s->workers[i].name);
    for (size_t i = 0; i < s->agent_count; i++)
        if (agent_check(s->agents[i].kind, soak->options.root, soak->options.build, e) < 0)
            return -1;
    return 0;
}

static void begin(struct soak *soak)
{
    struct err e;
    struct json_out out = journal_begin(&soak->host.journal, "soak_started");
    json_put_string(&out, "run_id", soak->host.run_id);
    json_put_string(&out, "scenario", soak->options.scenario->name);
    json_put_bool(&out, "resumed", soak->options.resume);
    journal_end(&soak->host.journal, &out, true);
    uv_timer_init(&soak->loop, &soak->tick);
    soak->tick.data = soak;
    uv_timer_start(&soak->tick, on_tick, TICK_MS, TICK_MS);
    if (check_programs(soak, &e) < 0)
        fail(soak, &e);
    else
        environments_prepare(soak->environments);
}

/* Two that go on with one soak would write over one another's record. */
static int open_directory(struct soak *soak, struct err *e)
{
    const char *given = soak->options.directory;
    if (!soak->options.resume)
        soak->directory = run_directory_make(given, soak->options.scenario, &soak->plan, e);
    else if (!(soak->directory = realpath(given, NULL)))
        err_set(e, ERR_INPUT, "%s is no directory", given);
    soak->lock = soak->directory ? run_directory_lock(soak->directory, e) : -1;
    return soak->lock < 0 ? -1 : 0;
}

static int open_soak(struct soak *soak, struct err *e)
{
    instances_plan_soak(soak->options.scenario, &soak->plan);
    if (open_directory(soak, e) < 0 || child_raise_descriptors((unsigned)soak->plan.count, e) < 0)
        return -1;
    soak->run = (struct run_options){.scenario = soak->options.scenario,
                                     .directory = soak->directory,
                                     .root = soak->options.root,
                                     .build = soak->options.build,
                                     .site = soak->options.site,
                                     .on_event = soak->options.on_event,
                                     .data = soak->options.data};
    soak->hooks = (struct host_soak){.line = on_line,
                                     .upload = on_upload,
                                     .problem = on_problem,
                                     .store_bytes = soak->options.max_disk / SOAK_STORE_PART,
                                     .data = soak};
    int status = uv_loop_init(&soak->loop);
    if (status < 0)
        return err_set(e, ERR_INTERNAL, "can't make an event loop: %s", uv_strerror(status));
    if (host_open(&soak->host, &soak->run, &soak->loop, e) < 0)
        return -1;
    soak->host.soak = &soak->hooks;
    journal_bound(&soak->host.journal, soak->options.max_disk / SOAK_JOURNAL_PART);
    soak->environments = environments_new(&soak->host, on_environments, soak);
    soak_begin_record(soak->options.record, &soak->host, &soak->options);
    return 0;
}

static void free_soak(struct soak *soak)
{
    soak_parts_fini(&soak->parts);
    environments_free(soak->environments);
    instance_plan_fini(&soak->plan);
    host_fini(&soak->host);
    if (soak->lock >= 0)
        close(soak->lock);
    free(soak->directory);
}

static int conclude(const struct soak *soak, bool *happened, struct err *e)
{
    if (soak->failed) {
        *e = soak->error;
        return -1;
    }
    if (run_directory_check(soak->directory, e) < 0)
        return -1;
    *happened = true;
    if (!soak->host.unwritten)
        return 0;
    *e = soak->host.write_error;
    return err_wrap(e, "the run directory is not complete");
}

int soak_execute(const struct soak_options *options, bool *happened, struct err *e)
{
    struct soak soak = {.options = *options, .lock = -1, .before_ms = options->record->elapsed_ms};
    *happened = false;
    host_ignore_signals();
    if (open_soak(&soak, e) < 0) {
        free_soak(&soak);
        return -1;
    }
    stop_signals_start(&soak.signals, &soak.loop, on_signal, &soak);
    begin(&soak);
    uv_run(&soak.loop, UV_RUN_DEFAULT);
    int status = uv_loop_close(&soak.loop);
    assert(status == 0); /* a handle was left open */
    (void)status;
    stop_signals_settle(soak.interrupts > 0);
    int result = conclude(&soak, happened, e);
    free_soak(&soak);
    return result;
}
