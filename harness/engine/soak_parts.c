/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_internal.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- what they tell one another ----------------------------------------------------------------------------------- */

static struct soak_process *find_process(struct soak_parts *p, const char *instance)
{
    for (size_t i = 0; i < p->record->process_count; i++)
        if (strcmp(p->record->processes[i].name, instance) == 0)
            return &p->record->processes[i];
    return NULL;
}

static void on_life(const char *instance, void *data)
{
    struct soak_parts *p = data;
    struct soak_process *process = find_process(p, instance);
    if (process)
        soak_watcher_life(p->watcher, process);
    soak_judge_life(p->judge, instance);
}

static void on_life_over(const char *instance, bool killed, void *data)
{
    struct soak_parts *p = data;
    soak_judge_life_over(p->judge, instance, killed);
}

static void on_changed(struct worker **workers, size_t count, void *data)
{
    struct soak_parts *p = data;
    p->workers(workers, count, p->data);
}

static bool on_disturbed(const char *instance, int64_t start_ns, int64_t end_ns, void *data)
{
    struct soak_parts *p = data;
    return soak_disturb_covers(p->disturb, instance, start_ns, end_ns);
}

static bool disturbed_lately(const char *instance, int64_t ms, void *data)
{
    int64_t now = clock_wall_ns();
    return on_disturbed(instance, now - ms * 1000000, now, data);
}

static void on_judged(const char *instance, bool through, bool good, int64_t start_ns, int64_t end_ns, void *data)
{
    struct soak_parts *p = data;
    soak_disturb_judged(p->disturb, instance, through, start_ns, end_ns);
    if (!good)
        p->lost(p->data);
}

static void on_missed(const char *instance, uint64_t acquires, int64_t start_ns, int64_t end_ns, void *data)
{
    struct soak_parts *p = data;
    soak_disturb_missed(p->disturb, instance, acquires, start_ns, end_ns);
}

static int64_t on_elapsed(void *data)
{
    struct soak_parts *p = data;
    return p->elapsed_ms(p->data);
}

static void on_found(const struct soak_process *process, enum soak_watch_kind kind, void *data)
{
    struct soak_parts *p = data;
    char *what = soak_trend_describe(kind, &process->watches[kind].trend);
    char *text = mem_printf("%s: %s %s", process->name, soak_watch_name(kind), what);
    struct json_out out = journal_begin(&p->host->journal, "grows");
    json_put_string(&out, "process", process->name);
    json_put_string(&out, "what", soak_watch_name(kind));
    json_put_string(&out, "how", what);
    journal_end(&p->host->journal, &out, true);
    host_notify(p->host, RUN_STATE, "soak", text);
    free(text);
    free(what);
}

static void write_metrics(bool open, struct buf *out, void *data)
{
    struct soak_parts *p = data;
    p->options->write_metrics(p->record, open, out);
}

/* --- the start ---------------------------------------------------------------------------------------------------- */

static int start_serve(struct soak_parts *p, struct err *e)
{
    if (!p->options->metrics)
        return 0;
    p->serve = soak_serve_start(p->host->loop, p->options->metrics, write_metrics, p, e);
    if (!p->serve)
        return err_wrap(e, "--metrics %s", p->options->metrics);
    host_notify(p->host, RUN_STATE, "soak", soak_serve_url(p->serve));
    return 0;
}

static void start_judge(struct soak_parts *p)
{
    const struct scenario *s = p->options->scenario;
    struct soak_judge_options o = {.loop = p->host->loop,
                                   .scenario = s,
                                   .record = p->record,
                                   .keep = p->keep,
                                   .deadline_ms = s->backend.deadline_ms,
                                   .elapsed_ms = on_elapsed,
                                   .disturbed = on_disturbed,
                                   .judged = on_judged,
                                   .missed = on_missed,
                                   .data = p};
    o.last = soak_begin_stages(s, o.stages);
    p->judge = soak_judge_new(&o);
    if (o.stages[STAGE_BACKEND])
        p->readback_due = true;
}

int soak_parts_start(struct soak_parts *p, const struct soak_parts_options *options, struct err *e)
{
    *p = (struct soak_parts){.host = options->host,
                             .options = options->soak,
                             .record = options->soak->record,
                             .elapsed_ms = options->elapsed_ms,
                             .workers = options->workers,
                             .lost = options->lost,
                             .data = options->data};
    const char *directory = p->host->options->directory;
    p->path = mem_printf("%s/soak.json", directory);
    p->watcher = soak_watcher_new();
    uint64_t quota = p->options->max_disk / SOAK_COPIES_PART;
    p->keep = soak_keep_new(p->host->disk, directory, quota, p->record, e);
    if (!p->keep || start_serve(p, e) < 0)
        return -1;
    soak_watcher_life(p->watcher, &p->record->processes[0]);
    start_judge(p);
    p->silence = soak_silence_new(p->options->scenario, p->record);
    struct soak_fleet_options fleet = {.host = p->host,
                                       .planned = options->plan->items,
                                       .count = options->plan->count,
                                       .envs = options->envs,
                                       .record = p->record,
                                       .life = on_life,
                                       .life_over = on_life_over,
                                       .changed = on_changed,
                                       .data = p};
    p->fleet = soak_fleet_new(&fleet);
    struct soak_disturb_options disturb = {
        .host = p->host, .record = p->record, .fleet = p->fleet, .keep = p->keep, .quota = quota, .way = options->way};
    p->disturb = soak_disturb_new(&disturb);
    if (p->readback_due)
        p->readback = soak_readback_start(p->host, p->judge, options->way, p->record);
    return 0;
}

/* --- while it is soaked ------------------------------------------------------------------------------------------- */

void soak_parts_line(struct soak_parts *p, const char *instance, const struct message *m)
{
    struct soak_process *process = find_process(p, instance);
    if (process && m->type == MESSAGE_HELLO) {
        free(process->runtime);
        free(process->version);
        process->runtime = mem_strdup(m->runtime);
        process->version = mem_strdup(m->version);
    }
    soak_judge_line(p->judge, instance, m);
}

void soak_parts_tick(struct soak_parts *p, int64_t at_ms)
{
    soak_disturb_tick(p->disturb, at_ms);
    soak_judge_tick(p->judge);
    if (p->readback)
        soak_readback_tick(p->readback);
}

static void on_written(int status, const struct err *e, void *data)
{
    struct soak_parts *p = data;
    p->writing = false;
    if (status < 0)
        host_write_failed(p->host, e);
}

void soak_parts_take_stock(struct soak_parts *p, int64_t at_ms)
{
    struct buf text = {0};
    p->record->elapsed_ms = at_ms;
    p->record->taken_at_ms = clock_wall_ms();
    soak_judge_take_stock(p->judge, at_ms);
    soak_watcher_take(p->watcher, p->record, p->host->options->directory, at_ms, on_found, p);
    if (!p->record->ended)
        soak_silence_look(p->silence, at_ms, disturbed_lately, p);
    soak_record_conclude(p->record);
    if (p->writing && !p->record->ended)
        return; /* the disk is slow: the next one has it all */
    p->writing = true;
    soak_record_write(p->record, &text);
    disk_put_quick(p->host->disk, p->path, &text, on_written, p);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void close_next(void *data)
{
    struct soak_parts *p = data;
    if (p->readback) {
        struct soak_readback *readback = p->readback;
        p->readback = NULL;
        soak_readback_close(readback, close_next, p);
    } else if (p->serve) {
        struct soak_serve *serve = p->serve;
        p->serve = NULL;
        soak_serve_stop(serve, close_next, p);
    } else {
        p->closed(p->closed_data);
    }
}

void soak_parts_close(struct soak_parts *p, void (*closed)(void *data), void *data)
{
    p->closed = closed;
    p->closed_data = data;
    close_next(p);
}

void soak_parts_fini(struct soak_parts *p)
{
    soak_disturb_free(p->disturb);
    if (p->fleet)
        soak_fleet_free(p->fleet);
    if (p->judge)
        soak_judge_free(p->judge);
    soak_keep_free(p->keep);
    soak_watcher_free(p->watcher);
    soak_silence_free(p->silence);
    free(p->path);
}
