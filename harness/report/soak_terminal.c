/* SPDX-License-Identifier: Apache-2.0 */
#include "report/soak.h"

#include "base/mem.h"
#include "report/soak_parts.h"
#include "report/version.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Column at which the values of the head begin. */
#define VALUE_COLUMN 11

enum text_colour soak_colour(const struct soak_terminal *t, enum text_colour colour)
{
    return t->colour ? colour : TEXT_PLAIN;
}

void soak_title(const struct soak_terminal *t, const char *title)
{
    buf_add_char(t->out, '\n');
    text_add_coloured(t->out, title, soak_colour(t, TEXT_BOLD));
    buf_add_char(t->out, '\n');
}

void soak_value(const struct soak_terminal *t, const char *key, const char *value)
{
    buf_printf(t->out, "%-*s", VALUE_COLUMN, key);
    text_add_wrapped(t->out, value, VALUE_COLUMN);
}

static void add_time(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    struct buf text = {0};
    soak_add_clock(&text, r->elapsed_ms);
    buf_add_str(&text, " of ");
    soak_add_clock(&text, r->for_ms);
    buf_add_str(&text, r->until_loss ? " at most, until a name is lost; stock taken every " : "; stock taken every ");
    text_add_ns(&text, (uint64_t)r->every_ms * 1000000);
    if (r->resumed > 0)
        buf_printf(&text, "; resumed %" PRIu64 " %s", r->resumed, r->resumed == 1 ? "time" : "times");
    soak_value(t, "time", text.data);
    buf_clear(&text);
    if (!r->ended)
        buf_add_str(&text, "it still runs, or was killed; this is the last stock that was taken");
    else
        buf_printf(&text, "%s%s", r->interrupted ? "interrupted: " : "",
                   r->why_ended && r->why_ended[0] ? r->why_ended : "the time is over");
    soak_value(t, r->ended ? "ended" : "NOT ENDED", text.data);
    buf_fini(&text);
}

static void add_head(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    char *run = mem_printf("%s, started %s", r->run_id && r->run_id[0] ? r->run_id : "(no id)",
                           r->started_at && r->started_at[0] ? r->started_at : "(unknown)");
    soak_value(t, "locktrail", LOCKTRAIL_VERSION);
    soak_value(t, "scenario", r->scenario ? r->scenario : "");
    soak_value(t, "soak", run);
    add_time(t);
    free(run);
}

static void add_copies(const struct soak_terminal *t)
{
    const struct soak_copies *c = &t->r->copies;
    struct buf text = {0};
    buf_printf(&text, "%" PRIu64 " files with a loss, %" PRIu64 " of samples", c->kept_losses, c->kept_samples);
    if (c->every > 1)
        buf_printf(&text, " (now one of %" PRIu64 " good uploads)", c->every);
    buf_add_str(&text, "; ");
    text_add_bytes(&text, c->bytes);
    if (t->r->max_disk > 0) {
        buf_add_str(&text, ", --max-disk is ");
        text_add_bytes(&text, t->r->max_disk);
    }
    if (c->removed > 0)
        buf_printf(&text, "; %" PRIu64 " samples were removed", c->removed);
    if (c->not_kept > 0)
        buf_printf(&text, "; %" PRIu64 " with a loss were NOT KEPT, there was no room left", c->not_kept);
    buf_add_char(t->out, '\n');
    soak_value(t, "copies", text.data);
    buf_fini(&text);
}

static void add_verdict(const struct soak_terminal *t)
{
    static const enum text_colour colours[VERDICT_COUNT] = {TEXT_GREEN, TEXT_YELLOW, TEXT_RED,
                                                            TEXT_RED,   TEXT_YELLOW, TEXT_RED};
    buf_printf(t->out, "%-*s", VALUE_COLUMN, "VERDICT");
    text_add_coloured(t->out, verdict_name(t->r->verdict), soak_colour(t, colours[t->r->verdict]));
    buf_printf(t->out, "%s%s\n", t->r->ended ? "" : " (so far)", t->r->interrupted ? " (interrupted)" : "");
}

/* Alone on its line and not wrapped, so that it can be copied. */
static void add_directory(const struct soak_terminal *t)
{
    buf_printf(t->out, "%-*s", VALUE_COLUMN, "directory");
    text_add_clean(t->out, t->directory);
    buf_add_char(t->out, '\n');
}

/* --- next steps ------------------------------------------------------------------------------------------------- */

struct steps {
    const struct soak_terminal *t;
    size_t count;
};

static void add_step(struct steps *s, const char *text)
{
    if (s->count == 0)
        soak_title(s->t, "NEXT STEPS");
    buf_printf(s->t->out, "%2zu. ", ++s->count);
    text_add_wrapped(s->t->out, text, 4);
}

static void add_growth_steps(struct steps *s)
{
    const struct soak_record *r = s->t->r;
    for (size_t i = 0; i < r->process_count; i++) {
        const struct soak_process *p = &r->processes[i];
        for (int kind = 0; kind < WATCH_COUNT; kind++) {
            if (!p->watches[kind].trend.growing)
                continue;
            const char *what = soak_watch_name((enum soak_watch_kind)kind);
            char *text = i == 0
                             ? mem_printf("locktrail's own %s grows: that is a defect of locktrail, please report it "
                                          "with soak.json",
                                          what)
                             : mem_printf("Look for what %s does not give back: its %s grows. Run the scenario with "
                                          "one phase at a time (--set) to see which",
                                          p->name, what);
            add_step(s, text);
            free(text);
            break; /* one value of a process leads to the others */
        }
    }
}

static bool has_copies(const struct soak_record *r)
{
    for (size_t i = 0; i < r->loss_count; i++)
        for (int s = 0; s < STAGE_COUNT; s++)
            if (r->losses[i].copies[s])
                return true;
    return false;
}

static void add_next_steps(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    struct steps steps = {.t = t}, *s = &steps;
    if (r->problem_count > 0)
        add_step(s, "See to the problems first: each says what to do");
    if (has_copies(r))
        add_step(s, "Hold the copies of a loss against one another: locktrail inspect COPY...");
    else if (r->uploads.with_loss > 0 && r->copies.not_kept > 0)
        add_step(s, "Give copies more room, so that a loss can be shown: a larger --max-disk");
    if (r->uploads.unjudged > 0)
        add_step(s, "Let uploads come less often (--every), or from fewer processes: some came faster than they could "
                    "be looked at");
    add_growth_steps(s);
    if (!r->ended) {
        char *text = mem_printf("If it does not run any more, go on with: locktrail soak --resume %s", t->directory);
        add_step(s, text);
        free(text);
    }
}

void report_soak(const struct soak_record *r, const char *directory, bool colour, struct buf *out)
{
    struct soak_terminal view = {.r = r, .directory = directory, .colour = colour, .out = out}, *t = &view;
    add_head(t);
    soak_processes(t);
    soak_uploads(t);
    soak_locks(t);
    soak_losses(t);
    soak_growth(t);
    soak_disturbances(t);
    soak_problems(t);
    add_copies(t);
    buf_add_char(out, '\n');
    add_verdict(t);
    text_add_wrapped(out, r->conclusion ? r->conclusion : "", 0);
    add_next_steps(t);
    buf_add_char(out, '\n');
    add_directory(t);
}

void report_soak_quiet(const struct soak_record *r, const char *directory, bool colour, struct buf *out)
{
    struct soak_terminal view = {.r = r, .directory = directory, .colour = colour, .out = out}, *t = &view;
    add_verdict(t);
    add_directory(t);
}

void report_soak_json(const struct soak_record *r, struct buf *out)
{
    soak_record_write(r, out);
}
