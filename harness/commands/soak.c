/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak.h"
#include "commands/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "commands/files.h"
#include "commands/output.h"
#include "commands/outside.h"
#include "commands/overrides.h"
#include "commands/soak_finish.h"
#include "io/httpd.h"
#include "report/metrics.h"
#include "report/soak.h"
#include "scenario/units.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stock is taken as often as uploads come, but not so often that it costs, nor so rarely that a curve of some minutes
 * has too few points to be judged (TREND_POINTS_MIN). */
#define EVERY_MIN_MS 1000
#define EVERY_MAX_MS 10000
#define DISK_DEFAULT ((uint64_t)2 << 30)
/* Where nobody looks at a terminal, a line at most so often. */
#define LINE_MS 60000

static const struct option options[] = {
    {"--for", "D", false, "How long: 8h, 90m, 30s. Needed, but for --resume."},
    {"--every", "D", false,
     "Upload interval of all workers, from 100ms on; stock is taken as often, from 1s to 10s. Default: the "
     "scenario's."},
    {"--until-loss", NULL, false, "End at the first name or upload that is lost."},
    {"--max-disk", "SIZE", false,
     "Most bytes of the run directory, from 64MiB on; above it the soak ends as an error. Default: 2GiB."},
    {"--max-rss", "SIZE", false, "End as an error when locktrail's own resident memory is above it."},
    {"--metrics", "HOST:PORT", false,
     "Serve OpenMetrics at http://HOST:PORT/metrics; loopback only, port 0 takes any."},
    {"--resume", "RUN", false, "Go on with a soak that was killed or stopped; no FILE then."},
    {"--set", "PATH=VALUE", true, "Put VALUE at PATH of the scenario. May be given again."},
    {"--out", "DIR", false, "The run directory, new or empty. Default: runs/TIME-NAME."},
    {"--yes", NULL, false, "Send uploads on to the site of the backend `datadog` without asking."},
    {"--json", NULL, false, "Only soak.json's text on standard output at the end."},
    {"--quiet", NULL, false, "No progress; only the verdict and the run directory."},
    {"--verbose", NULL, false, "Log every change of state on standard error."},
    {"--junit", "FILE", false, "Write the JUnit XML to FILE too."},
};

/* What one soak of the command line is. */
struct order {
    struct scenario *scenario;
    struct soak_record record;
    char *directory;
    bool resume;
    int64_t for_ms, every_ms;
    uint64_t max_disk, max_rss;
    bool until_loss;
};

struct shown {
    bool terminal, quiet;
    int64_t told_ms; /* when the last line was said; -1 never */
    bool line;       /* the terminal's last line is ours */
};

/* --- numbers ---------------------------------------------------------------------------------------------------- */

static int read_duration(const struct command_line *line, const char *name, int64_t least, int64_t *out, struct err *e)
{
    const char *text = command_line_value(line, name);
    struct buf shown = {0};
    if (!text)
        return 0;
    units_print_duration(&shown, least);
    int result = units_parse_duration(text, out) && *out >= least
                     ? 0
                     : err_set(e, ERR_USAGE, "soak: %s %s is no duration of at least %s, as in %s 8h", name, text,
                               shown.data, name);
    buf_fini(&shown);
    return result;
}

static int read_size(const struct command_line *line, const char *name, uint64_t least, uint64_t *out, struct err *e)
{
    const char *text = command_line_value(line, name);
    struct buf shown = {0};
    if (!text)
        return 0;
    units_print_size(&shown, least);
    int result = units_parse_size(text, out) && *out >= least
                     ? 0
                     : err_set(e, ERR_USAGE, "soak: %s %s is no size of at least %s, as in %s 2GiB", name, text,
                               shown.data, name);
    buf_fini(&shown);
    return result;
}

/* Said before anything is prepared, and before there is a directory. */
static int check_metrics(const struct command_line *line, struct err *e)
{
    const char *address = command_line_value(line, "--metrics");
    if (!address || httpd_check_address(address, e) == 0)
        return 0;
    e->code = ERR_USAGE;
    return err_wrap(e, "soak: --metrics %s", address);
}

static int read_options(const struct command_line *line, struct order *o, struct err *e)
{
    return read_duration(line, "--for", EVERY_MIN_MS, &o->for_ms, e) < 0 ||
                   read_duration(line, "--every", 100, &o->every_ms, e) < 0 ||
                   read_size(line, "--max-disk", SOAK_DISK_MIN, &o->max_disk, e) < 0 ||
                   read_size(line, "--max-rss", (uint64_t)1 << 20, &o->max_rss, e) < 0 || check_metrics(line, e) < 0
               ? -1
               : 0;
}

/* --- the scenario ----------------------------------------------------------------------------------------------- */

/* Of all workers; an override needs their names, so the file is read once before. */
static void add_every(const struct command_line *line, const struct scenario *s, struct overrides *o)
{
    const char *every = command_line_value(line, "--every");
    for (size_t i = 0; every && i < s->worker_count; i++)
        overrides_add(o, overrides_keep(o, mem_printf("workers.%s.upload_interval", s->workers[i].name)), every,
                      overrides_keep(o, mem_printf("--every %s", every)));
}

static int load_scenario(const struct command_line *line, const char *path, struct order *o)
{
    struct overrides overrides;
    struct buf complaints = {0};
    struct err e;
    int code;
    if (overrides_read(line, &overrides, &e) < 0) {
        code = output_error(&e);
    } else {
        code = files_load_scenario(path, overrides.items, overrides.count, &o->scenario, &complaints);
        if (code == 0 && command_line_has(line, "--every")) {
            add_every(line, o->scenario, &overrides);
            scenario_free(o->scenario);
            o->scenario = NULL;
            code = files_load_scenario(path, overrides.items, overrides.count, &o->scenario, &complaints);
        }
    }
    assert(code != 0 || o->scenario);
    output_note(&complaints);
    buf_fini(&complaints);
    overrides_fini(&overrides);
    return code;
}

/* As often as the fastest worker uploads. */
static int64_t stock_interval(const struct scenario *s)
{
    int64_t every = EVERY_MAX_MS;
    for (size_t i = 0; i < s->worker_count; i++)
        if (s->workers[i].upload_interval_ms < every)
            every = s->workers[i].upload_interval_ms;
    return every < EVERY_MIN_MS ? EVERY_MIN_MS : every;
}

static int check_new(const struct command_line *line, struct err *e)
{
    if (line->operand_count == 0)
        return err_set(e, ERR_USAGE, "soak: name a scenario FILE, or --resume RUN");
    if (!command_line_has(line, "--for"))
        return err_set(e, ERR_USAGE, "soak: say how long, as in --for 8h");
    return 0;
}

static int new_order(const struct command_line *line, struct order *o)
{
    struct err e;
    o->max_disk = DISK_DEFAULT;
    o->until_loss = command_line_has(line, "--until-loss");
    if (check_new(line, &e) < 0 || read_options(line, o, &e) < 0)
        return output_error(&e);
    int code = load_scenario(line, line->operands[0], o);
    if (code == 0 && soak_check(o->scenario, &e) < 0) {
        err_wrap(&e, "%s", o->scenario->path);
        code = output_error(&e);
    }
    if (code)
        return code;
    o->every_ms = stock_interval(o->scenario);
    o->directory = files_run_directory(command_line_value(line, "--out"), o->scenario->name, &e);
    return o->directory ? 0 : output_error(&e);
}

static int refuse_with_resume(const struct command_line *line, struct err *e)
{
    static const char *const fixed[] = {"--every", "--set", "--out"};
    if (line->operand_count > 0)
        return err_set(e, ERR_USAGE, "soak: --resume takes the scenario of the run: leave %s out", line->operands[0]);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (command_line_has(line, fixed[i]))
            return err_set(e, ERR_USAGE, "soak: %s can't be changed by --resume: start a new soak", fixed[i]);
    return 0;
}

/* What the command line does not say is as it was. */
static int read_resumed(const struct command_line *line, const char *directory, struct order *o, struct err *e)
{
    if (soak_record_load(directory, &o->record, e) < 0) {
        e->code = ERR_INPUT; /* what the user names and is not there is a bad input */
        return -1;
    }
    o->for_ms = o->record.for_ms;
    o->every_ms = o->record.every_ms;
    o->max_disk = o->record.max_disk;
    o->max_rss = o->record.max_rss;
    o->until_loss = o->record.until_loss || command_line_has(line, "--until-loss");
    if (read_options(line, o, e) < 0)
        return -1;
    if (o->record.elapsed_ms >= o->for_ms)
        return err_set(e, ERR_USAGE, "soak: %s was soaked for its whole time: give a longer one with --for", directory);
    return 0;
}

static int resumed_order(const struct command_line *line, struct order *o)
{
    struct err e;
    const char *directory = command_line_value(line, "--resume");
    struct buf complaints = {0};
    if (refuse_with_resume(line, &e) < 0 || read_resumed(line, directory, o, &e) < 0)
        return output_error(&e);
    char *path = mem_printf("%s/scenario.yaml", directory);
    int code = files_load_scenario(path, NULL, 0, &o->scenario, &complaints);
    output_note(&complaints);
    buf_fini(&complaints);
    free(path);
    if (code)
        return code;
    if (soak_check(o->scenario, &e) < 0 || soak_check_resumed(o->scenario, &o->record, &e) < 0) {
        err_wrap(&e, "%s", o->scenario->path);
        return output_error(&e);
    }
    o->resume = true;
    o->directory = mem_strdup(directory);
    return 0;
}

/* --- while it is soaked ----------------------------------------------------------------------------------------- */

static void say(struct shown *s, const char *who, const char *text)
{
    struct buf out = {0};
    if (s->line)
        buf_add_str(&out, "\r\033[K");
    s->line = false;
    buf_printf(&out, "locktrail: %s%s%s\n", who, who[0] ? ": " : "", text);
    output_note(&out);
    buf_fini(&out);
}

static void on_event(const struct run_event *event, void *data)
{
    struct shown *s = data;
    /* Short lives begin and end by the thousand; the table counts them. */
    if (s->quiet || event->kind == RUN_PHASE || event->kind == RUN_OUTPUT || event->kind == RUN_UPLOAD ||
        event->kind == RUN_WORKER)
        return;
    say(s, event->who ? event->who : "", event->text);
}

static void on_taken(const struct soak_record *record, void *data)
{
    struct shown *s = data;
    struct buf out = {0};
    if (s->quiet || (!s->terminal && s->told_ms >= 0 && record->elapsed_ms - s->told_ms < LINE_MS && !record->ended))
        return;
    size_t rows, columns;
    output_size(STDERR_FILENO, &rows, &columns);
    if (s->line)
        buf_add_str(&out, "\r\033[K");
    report_soak_line(record, s->terminal ? columns - 1 : SIZE_MAX, &out);
    s->line = s->terminal && !record->ended;
    if (!s->line)
        buf_add_char(&out, '\n');
    output_note(&out);
    s->told_ms = record->elapsed_ms;
    buf_fini(&out);
}

static int execute(const struct command_line *line, struct order *o, const struct files_home *home,
                   const struct outside *outside)
{
    struct err e;
    bool happened;
    struct shown shown = {.quiet = command_line_has(line, "--quiet"), .told_ms = -1};
    shown.terminal = output_is_terminal(STDERR_FILENO) && !command_line_has(line, "--verbose");
    struct soak_options soak = {.scenario = o->scenario,
                                .directory = o->directory,
                                .record = &o->record,
                                .resume = o->resume,
                                .root = home->root,
                                .build = home->build,
                                .site = outside->site.url ? &outside->site : NULL,
                                .for_ms = o->for_ms,
                                .every_ms = o->every_ms,
                                .until_loss = o->until_loss,
                                .max_disk = o->max_disk,
                                .max_rss = o->max_rss,
                                .metrics = command_line_value(line, "--metrics"),
                                .write_metrics = report_soak_metrics,
                                .on_event = on_event,
                                .taken = on_taken,
                                .data = &shown};
    int result = soak_execute(&soak, &happened, &e);
    /* Where soak.json could not be written, it tells of the time before. */
    struct soak_finish_options finish = {.write = true,
                                         .record = result < 0 ? &o->record : NULL,
                                         .json = command_line_has(line, "--json"),
                                         .quiet = shown.quiet,
                                         .junit = command_line_value(line, "--junit")};
    int code = happened ? soak_finish(o->directory, &finish) : 0;
    if (result < 0)
        code = output_error(&e);
    return code;
}

static int run(const struct command_line *line)
{
    struct order o = {0};
    struct files_home home = {0};
    struct outside outside = {0};
    struct err e;
    if (command_line_has(line, "--verbose"))
        log_set_level(LOG_DEBUG);
    int code = command_line_has(line, "--resume") ? resumed_order(line, &o) : new_order(line, &o);
    if (code == 0) {
        if (files_find_home(&home, &e) < 0 ||
            outside_resolve_site("soak", o.scenario, command_line_has(line, "--yes"), &outside, &e) < 0)
            code = output_error(&e);
        else
            code = execute(line, &o, &home, &outside);
    }
    outside_fini(&outside);
    files_home_fini(&home);
    scenario_free(o.scenario);
    soak_record_fini(&o.record);
    free(o.directory);
    return code;
}

const struct command command_soak = {
    .name = "soak",
    .operands = "[FILE]",
    .operands_min = 0,
    .operands_max = 1,
    .summary = "Keeps a scenario's workers up for hours and judges each upload as it arrives.",
    .details =
        "The workers go through their phases again and again (the scenario's duration is one round), upload at their "
        "interval, and are started again where they end. Memory, descriptors and disk do not grow with time: copies of "
        "every upload with a loss are kept, and a sample of the others.\n"
        "soak.json in the run directory is written at each stocktaking: after a kill, --resume goes on from there. "
        "locktrail top RUN watches, locktrail report RUN reports, also while it goes on. Ctrl-C or SIGTERM ends with "
        "the report; a second one at once.\n"
        "Uploads stay inside, unless the scenario's backend is datadog.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
