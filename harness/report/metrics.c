/* SPDX-License-Identifier: Apache-2.0 */
#include "report/metrics.h"

#include "base/json.h"
#include "base/utf8.h"
#include "report/soak_parts.h"
#include "report/version.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define PREFIX "locktrail_soak"

enum type { COUNTER, GAUGE, INFO, STATESET, SUMMARY };

/* One family, and whether the sample that is written has labels already. */
struct metrics {
    const struct soak_record *r;
    struct buf *out;
    bool open; /* OpenMetrics */
    const char *name;
    enum type type;
    bool labelled;
};

/* --- the form --------------------------------------------------------------------------------------------------- */

static void add_escaped(struct buf *out, const char *text)
{
    size_t size = strlen(text);
    for (size_t at = 0; at < size;) {
        size_t length = utf8_length(text + at, size - at);
        if (length == 0)
            buf_add_str(out, "\xEF\xBF\xBD");
        else if (text[at] == '\n')
            buf_add_str(out, "\\n");
        else if (text[at] == '"' || text[at] == '\\')
            buf_printf(out, "\\%c", text[at]);
        else
            buf_add(out, text + at, length);
        at += length ? length : 1;
    }
}

/* In OpenMetrics a counter's family has no `_total`, and its unit is told. */
static void family(struct metrics *m, const char *name, enum type type, const char *unit, const char *help)
{
    static const char *const open_types[] = {"counter", "gauge", "info", "stateset", "summary"};
    static const char *const text_types[] = {"counter", "gauge", "gauge", "gauge", "summary"};
    const char *suffix = m->open ? "" : type == COUNTER ? "_total" : type == INFO ? "_info" : "";
    m->name = name;
    m->type = type;
    buf_printf(m->out, "# TYPE " PREFIX "%s%s %s\n", name, suffix, m->open ? open_types[type] : text_types[type]);
    if (m->open && unit)
        buf_printf(m->out, "# UNIT " PREFIX "%s %s\n", name, unit);
    buf_printf(m->out, "# HELP " PREFIX "%s%s %s\n", name, suffix, help);
}

static void sample(struct metrics *m, const char *suffix)
{
    buf_printf(m->out, PREFIX "%s%s", m->name, suffix);
    m->labelled = false;
}

static void label(struct metrics *m, const char *name, const char *value)
{
    buf_printf(m->out, "%s%s=\"", m->labelled ? "," : "{", name);
    add_escaped(m->out, value ? value : "");
    buf_add_char(m->out, '"');
    m->labelled = true;
}

static void value(struct metrics *m, double number)
{
    struct json_out json = json_begin(m->out, 0);
    buf_add_str(m->out, m->labelled ? "} " : " ");
    if (isfinite(number))
        json_double(&json, number);
    else
        buf_add_str(m->out, "NaN");
    buf_add_char(m->out, '\n');
}

static void count(struct metrics *m, uint64_t number)
{
    buf_printf(m->out, "%s %" PRIu64 "\n", m->labelled ? "}" : "", number);
}

static void one_gauge(struct metrics *m, const char *name, const char *unit, double number, const char *help)
{
    family(m, name, GAUGE, unit, help);
    sample(m, "");
    value(m, number);
}

static void one_counter(struct metrics *m, const char *name, uint64_t number, const char *help)
{
    family(m, name, COUNTER, NULL, help);
    sample(m, "_total");
    count(m, number);
}

static void process_sample(struct metrics *m, const char *suffix, const struct soak_process *p)
{
    sample(m, suffix);
    label(m, "process", p->name);
    label(m, "worker", p->worker);
}

static bool is_worker(const struct soak_process *p)
{
    return p->worker && p->worker[0];
}

/* --- the soak --------------------------------------------------------------------------------------------------- */

static void add_soak(struct metrics *m)
{
    const struct soak_record *r = m->r;
    family(m, "", INFO, NULL, "Which soak this is.");
    sample(m, "_info");
    label(m, "scenario", r->scenario);
    label(m, "run_id", r->run_id);
    label(m, "version", LOCKTRAIL_VERSION);
    count(m, 1);
    family(m, "_verdict", STATESET, NULL, "The verdict so far: 1 for the one that holds.");
    for (int v = 0; v < VERDICT_COUNT; v++) {
        sample(m, "");
        label(m, PREFIX "_verdict", verdict_name((enum verdict)v));
        count(m, v == (int)r->verdict);
    }
    one_gauge(m, "_elapsed_seconds", "seconds", (double)r->elapsed_ms / 1000, "The soak's own time.");
    one_gauge(m, "_planned_seconds", "seconds", (double)r->for_ms / 1000, "How long it is to last.");
    one_gauge(m, "_taken_timestamp_seconds", "seconds", (double)r->taken_at_ms / 1000,
              "When stock was taken last, since 1970.");
    one_gauge(m, "_ended", NULL, r->ended, "1 once it has ended.");
    one_counter(m, "_resumes", r->resumed, "How often it was resumed after a kill.");
}

static void add_problems(struct metrics *m)
{
    const struct soak_record *r = m->r;
    uint64_t problems = r->problems_dropped;
    for (size_t i = 0; i < r->problem_count; i++)
        problems += r->problems[i].times;
    one_counter(m, "_problems", problems, "What went wrong in the soak itself.");
}

/* --- uploads and acquires --------------------------------------------------------------------------------------- */

#define UPLOADS(member) (offsetof(struct soak_process, uploads) + offsetof(struct soak_uploads, member))

static void add_process_counts(struct metrics *m)
{
    static const struct {
        const char *name;
        size_t offset;
        const char *help;
    } rows[] = {
        {"_process_starts", offsetof(struct soak_process, lives), "Lives of the process."},
        {"_acquires", offsetof(struct soak_process, acquires), "Acquires that the process says it did."},
        {"_acquires_seen", offsetof(struct soak_process, seen), "Acquires in its uploads, at the stage upload."},
        {"_acquires_gap", offsetof(struct soak_process, gap_acquires), "Acquires that no upload has: lost."},
        {"_acquires_doubled", offsetof(struct soak_process, doubled_acquires), "Acquires that two uploads have."},
        {"_acquires_cut", offsetof(struct soak_process, cut_acquires), "Acquires cut off by a disturbance's kill."},
        {"_uploads_judged", UPLOADS(judged), "Uploads followed to the last stage, or given up."},
        {"_uploads_good", UPLOADS(good), "Judged uploads without a loss."},
        {"_uploads_with_loss", UPLOADS(with_loss), "Judged uploads with a loss."},
        {"_uploads_unreadable", UPLOADS(unreadable), "Uploads that can't be read."},
        {"_uploads_unjudged", UPLOADS(unjudged), "Uploads that came faster than they could be looked at."},
        {"_uploads_cut", UPLOADS(cut), "Uploads that were under way when locktrail was killed or ended."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        family(m, rows[i].name, COUNTER, NULL, rows[i].help);
        for (size_t p = 0; p < m->r->process_count; p++) {
            const struct soak_process *process = &m->r->processes[p];
            if (!is_worker(process))
                continue;
            process_sample(m, "_total", process);
            count(m, *(const uint64_t *)((const char *)process + rows[i].offset));
        }
    }
}

static void add_stage_counts(struct metrics *m)
{
    static const struct {
        const char *name;
        size_t offset;
        const char *help;
    } rows[] = {
        {"_uploads_arrived", UPLOADS(arrived), "Uploads that came to a stage."},
        {"_uploads_missing", UPLOADS(missing), "Uploads that never came to a stage; the first such stage counts."},
        {"_uploads_doubled", UPLOADS(doubled), "Uploads that came to a stage once more."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        family(m, rows[i].name, COUNTER, NULL, rows[i].help);
        for (size_t p = 0; p < m->r->process_count; p++) {
            const struct soak_process *process = &m->r->processes[p];
            const uint64_t *counts = (const uint64_t *)((const char *)process + rows[i].offset);
            for (int s = 0; s < STAGE_COUNT && is_worker(process); s++) {
                if (!m->r->stage_ran[s])
                    continue;
                process_sample(m, "_total", process);
                label(m, "stage", stage_name((enum stage)s));
                count(m, counts[s]);
            }
        }
    }
}

static void add_pending(struct metrics *m)
{
    family(m, "_uploads_pending", GAUGE, NULL, "Uploads under way.");
    for (size_t i = 0; i < m->r->process_count; i++) {
        if (!is_worker(&m->r->processes[i]))
            continue;
        process_sample(m, "", &m->r->processes[i]);
        count(m, m->r->processes[i].uploads.pending);
    }
    one_counter(m, "_uploads_unknown", m->r->uploads.unknown, "Uploads of no process of this soak.");
}

static void add_ends(struct metrics *m)
{
    family(m, "_process_ends", COUNTER, NULL,
           "Ends of lives: planned, by a disturbance's kill, or by itself (failure).");
    for (size_t i = 0; i < m->r->process_count; i++) {
        const struct soak_process *p = &m->r->processes[i];
        const struct {
            const char *why;
            uint64_t count;
        } ends[] = {{"planned", p->planned_ends}, {"kill", p->kills}, {"failure", p->failures}};
        for (size_t e = 0; e < sizeof ends / sizeof *ends && is_worker(p); e++) {
            process_sample(m, "_total", p);
            label(m, "why", ends[e].why);
            count(m, ends[e].count);
        }
    }
}

/* Seconds are what scrapers have; the record has milliseconds. */
static void add_times(struct metrics *m, const char *name, size_t offset, const char *help)
{
    family(m, name, SUMMARY, "seconds", help);
    for (size_t i = 0; i < m->r->process_count; i++) {
        const struct soak_process *p = &m->r->processes[i];
        const struct soak_times *t = (const struct soak_times *)((const char *)p + offset);
        if (!is_worker(p))
            continue;
        if (t->median.samples > 0) {
            process_sample(m, "", p);
            label(m, "quantile", "0.5");
            value(m, t->median.last / 1000);
        }
        process_sample(m, "_count", p);
        count(m, t->count);
        process_sample(m, "_sum", p);
        value(m, t->sum / 1000);
    }
}

/* --- losses ----------------------------------------------------------------------------------------------------- */

static void add_losses(struct metrics *m)
{
    const struct soak_record *r = m->r;
    family(m, "_losses", COUNTER, NULL, "Uploads in which a lock (none: the whole upload) was lost so, there.");
    for (size_t i = 0; i < r->group_count; i++) {
        sample(m, "_total");
        label(m, "worker", r->groups[i].worker);
        label(m, "lock", r->groups[i].lock);
        label(m, "stage", stage_name(r->groups[i].stage));
        label(m, "mechanism", mechanism_name(r->groups[i].mechanism));
        count(m, r->groups[i].uploads);
    }
    one_counter(m, "_losses_untold", r->groups_dropped, "Losses of further kinds than are listed.");
}

static void add_states(struct metrics *m)
{
    const struct soak_record *r = m->r;
    size_t told = r->lock_count < METRICS_LOCKS_MAX ? r->lock_count : METRICS_LOCKS_MAX;
    family(m, "_lock_states", COUNTER, NULL, "Uploads in which a lock was in a state at a stage.");
    for (size_t i = 0; i < told; i++) {
        const struct soak_lock *l = &r->locks[i];
        for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++)
            for (int state = 0; state < STATE_NOT_RUN; state++) {
                if (l->states[s][state] == 0)
                    continue;
                sample(m, "_total");
                label(m, "worker", l->worker);
                label(m, "lock", l->id);
                label(m, "stage", stage_name((enum stage)s));
                label(m, "state", lock_state_name((enum lock_state)state));
                count(m, l->states[s][state]);
            }
    }
    one_gauge(m, "_locks_untold", NULL, (double)(r->lock_count - told), "Locks whose states are not told here.");
}

static void add_disturbances(struct metrics *m)
{
    const struct soak_record *r = m->r;
    uint64_t active = 0, unrecovered = 0, uploads = 0, acquires = 0;
    double longest = 0;
    for (size_t i = 0; i < r->disturbance_count; i++) {
        const struct soak_disturbance *d = &r->disturbances[i];
        active += d->until_ms < 0;
        unrecovered += d->until_ms >= 0 && d->recovered_ms < 0;
        uploads += d->lost_uploads;
        acquires += d->lost_acquires;
        longest = d->recovered_ms > longest ? (double)d->recovered_ms : longest;
    }
    one_counter(m, "_disturbances", r->disturbance_count + r->disturbances_dropped, "Disturbances begun.");
    one_gauge(m, "_disturbances_active", NULL, (double)active, "Disturbances that last.");
    one_gauge(m, "_disturbances_unrecovered", NULL, (double)unrecovered,
              "Disturbances that are over and not recovered from yet.");
    one_gauge(m, "_recovery_longest_seconds", "seconds", longest / 1000, "Longest recovery after a disturbance.");
    one_counter(m, "_disturbance_lost_uploads", uploads, "Uploads that disturbances lost for good.");
    one_counter(m, "_disturbance_lost_acquires", acquires, "Acquires that disturbances lost for good.");
}

static void add_copies(struct metrics *m)
{
    const struct soak_copies *c = &m->r->copies;
    family(m, "_copies", GAUGE, NULL, "Files of copies that are kept.");
    sample(m, "");
    label(m, "kind", "loss");
    count(m, c->kept_losses);
    sample(m, "");
    label(m, "kind", "sample");
    count(m, c->kept_samples);
    one_gauge(m, "_copies_bytes", "bytes", (double)c->bytes, "Bytes of copies that are kept.");
    one_gauge(m, "_disk_limit_bytes", "bytes", (double)m->r->max_disk, "--max-disk; 0 for none.");
    one_gauge(m, "_memory_limit_bytes", "bytes", (double)m->r->max_rss, "--max-rss; 0 for none.");
    one_counter(m, "_copies_removed", c->removed, "Samples that had to go.");
    one_counter(m, "_copies_not_kept", c->not_kept, "Uploads with a loss for whose copies no room was left.");
}

/* --- watches ---------------------------------------------------------------------------------------------------- */

static void add_watches(struct metrics *m)
{
    static const struct {
        const char *name, *unit, *help;
    } rows[WATCH_COUNT] = {
        [WATCH_RSS] = {"_process_memory_bytes", "bytes", "Resident memory, with all that the process has started."},
        [WATCH_DESCRIPTORS] = {"_process_descriptors", NULL, "Open descriptors."},
        [WATCH_THREADS] = {"_process_threads", NULL, "Threads."},
        [WATCH_CPU] = {"_process_cpu_cores", "cores", "Processor time a second, in processors."},
        [WATCH_DISK] = {"_process_disk_bytes", "bytes", "Bytes below the run directory."},
    };
    for (int kind = 0; kind < WATCH_COUNT; kind++) {
        family(m, rows[kind].name, GAUGE, rows[kind].unit, rows[kind].help);
        for (size_t i = 0; i < m->r->process_count; i++) {
            const struct soak_process *p = &m->r->processes[i];
            if (p->watches[kind].series.samples == 0)
                continue;
            process_sample(m, "", p);
            value(m, p->watches[kind].series.last);
        }
    }
    family(m, "_process_up", GAUGE, NULL, "1 while the process runs.");
    for (size_t i = 0; i < m->r->process_count; i++) {
        process_sample(m, "", &m->r->processes[i]);
        count(m, m->r->processes[i].pid != 0);
    }
}

enum growth { GROWTH_RATE, GROWTH_LOW, GROWTH_HIGH, GROWTH_GROWING, GROWTH_GREW, GROWTH_SINCE, GROWTH_COUNT };

static double growth_value(const struct soak_watch *w, enum growth what)
{
    switch (what) {
    case GROWTH_RATE:
        return w->trend.per_hour;
    case GROWTH_LOW:
        return w->trend.low;
    case GROWTH_HIGH:
        return w->trend.high;
    case GROWTH_GROWING:
        return w->trend.growing;
    case GROWTH_GREW:
        return soak_has_grown(w);
    default:
        return (double)w->trend.since_ms / 1000;
    }
}

/* Each value has a unit of its own, which the label `watch` implies. */
static void add_growth(struct metrics *m)
{
    static const struct {
        const char *name, *unit, *help;
    } rows[GROWTH_COUNT] = {
        {"_growth_per_hour", NULL, "Slope of a watched value (rss and disk: bytes, cpu: cores), in its last stretch."},
        {"_growth_per_hour_low", NULL, "Lower end of the slope's 95 % interval."},
        {"_growth_per_hour_high", NULL, "Upper end of the slope's 95 % interval."},
        {"_growing", NULL, "1 where the value grows for sure."},
        {"_grew", NULL, "1 where the value grows or was found to grow once."},
        {"_growing_since_seconds", "seconds", "Since when it grows, in the soak's time; only where it grows."},
    };
    for (int what = 0; what < GROWTH_COUNT; what++) {
        family(m, rows[what].name, GAUGE, rows[what].unit, rows[what].help);
        for (size_t i = 0; i < m->r->process_count; i++)
            for (int kind = 0; kind < WATCH_COUNT; kind++) {
                const struct soak_watch *w = &m->r->processes[i].watches[kind];
                bool told = what == GROWTH_SINCE ? w->trend.growing : w->trend.known || soak_has_grown(w);
                if (!told)
                    continue;
                process_sample(m, "", &m->r->processes[i]);
                label(m, "watch", soak_watch_name((enum soak_watch_kind)kind));
                value(m, growth_value(w, (enum growth)what));
            }
    }
}

void report_soak_metrics(const struct soak_record *r, bool open, struct buf *out)
{
    struct metrics metrics = {.r = r, .out = out, .open = open}, *m = &metrics;
    add_soak(m);
    add_problems(m);
    add_process_counts(m);
    add_stage_counts(m);
    add_pending(m);
    add_ends(m);
    add_times(m, "_upload_interval_seconds", offsetof(struct soak_process, interval),
              "Between the ends of two uploads; 0.5: the median of the last stocktaking.");
    add_times(m, "_latency_seconds", offsetof(struct soak_process, latency),
              "From the end of what an upload covers to the last stage; 0.5: the median of the last stocktaking.");
    add_losses(m);
    add_states(m);
    add_disturbances(m);
    add_copies(m);
    add_watches(m);
    add_growth(m);
    if (open)
        buf_add_str(out, "# EOF\n");
}
