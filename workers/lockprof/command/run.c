/* SPDX-License-Identifier: Apache-2.0 */
/* Start: a directory, the program with the library preloaded, then the threads that export and upload.
 * End: the program has ended; what it left behind gets a moment to end, too; the last profile, the last uploads.
 *
 * What goes wrong: the program can't be started (nothing is left); a profile can't be written (its counts stay in the
 * capture files and go into the next one, the directory stays where it was the last); processes go on after the program
 * (the directory stays, with what was exported beside each file); lockprof is killed (the same). */
#include "base/buf.h"
#include "base/mem.h"
#include "lockprof/command/capture_dir.h"
#include "lockprof/command/child.h"
#include "lockprof/command/commands.h"
#include "lockprof/command/settings.h"
#include "lockprof/command/target.h"
#include "lockprof/export/say.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_DEFAULT_MS 60000
/* Shorter ones are for tests; a profile takes some 10 ms to make. */
#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS (24 * 3600 * 1000)
#define RATE_MAX 1000000
/* What a program leaves running is a daemon, or ends right behind it: pipelines, reapers of workers. */
#define LINGER_MS 2000
#define LINGER_LOOK_MS 20
/* For the last uploads: as long as a person waits for a prompt. */
#define UPLOAD_DEADLINE_MS 10000
/* Processes that are named when they outlive the program. */
#define PIDS_SHOWN 8

static const struct option options[] = {
    {"--output", "PREFIX",
     "Write profiles to PREFIX.PID.1.pprof, PREFIX.PID.2.pprof ... (default: lockprof, where "
     "they are not only uploaded)."},
    {"--interval", "TIME", "A profile every TIME, and one at the end: 60s (the default), 500ms, 2m."},
    {"--rate", "N", "Record one acquire in N, at random; counts are multiplied by N. Default: 1, every acquire."},
    {"--no-hold", NULL, "Record no releases and hold times; costs less."},
    {"--upload", "URL",
     "Send profiles to an agent too: http://HOST:PORT or unix:///PATH; to an intake: "
     "https://HOST/api/v2/profile, with the key in DD_API_KEY."},
    {"--no-upload", NULL, "Send nothing, whatever DD_ variables say."},
    {"--drop-unsent", NULL,
     "Keep no file of a profile that can't be sent: an agent that is away for days fills no disk."},
    {"--compression", "HOW", "zstd (the default), gzip or none; go tool pprof reads the last two."},
    {"--debug-dir", "DIR", "Where separate debug files are. Default: /usr/lib/debug."},
    {"--quiet", NULL, "Say nothing on standard error but what ends lockprof itself."},
};

struct run {
    struct settings settings;
    struct child_environment environment;
    int64_t interval_ms;
    char *directory, *library;
    struct child child;
    struct buf tags;
    struct uploader *uploader;
    struct exporter *exporter;
    char **argv;
};

static int read_numbers(const struct command_line *line, struct run *r, struct err *e)
{
    const char *interval = command_line_value(line, "--interval"), *rate = command_line_value(line, "--rate");
    const char *rate_variable = getenv("LOCKPROF_RATE"), *hold_variable = getenv("LOCKPROF_HOLD");
    r->interval_ms = INTERVAL_DEFAULT_MS;
    r->environment.rate = 1;
    r->environment.hold = !command_line_has(line, "--no-hold") && !(hold_variable && strcmp(hold_variable, "0") == 0);
    if (interval &&
        parse_duration_ms("--interval", interval, INTERVAL_MIN_MS, INTERVAL_MAX_MS, &r->interval_ms, e) != 0)
        return -1;
    if (rate)
        return parse_count("--rate", rate, 1, RATE_MAX, &r->environment.rate, e);
    if (rate_variable && rate_variable[0])
        return parse_count("LOCKPROF_RATE", rate_variable, 1, RATE_MAX, &r->environment.rate, e);
    return 0;
}

static void warn(const struct run *r)
{
    struct buf why = {0};
    target_check(r->argv[0], &why);
    if (why.size > 0)
        say("%s: the library can't be loaded into it, and its locks will not be seen", why.data);
    buf_fini(&why);
}

/* Returns 0, or -1 and the exit status. */
static int start_program(struct run *r, int *status, struct err *e)
{
    *status = 0;
    if (capture_library(&r->library, e) != 0 || capture_dir_new(&r->directory, e) != 0) {
        *status = (int)e->code;
        return -1;
    }
    warn(r);
    r->environment.library = r->library;
    r->environment.directory = r->directory;
    if (child_start(&r->child, r->argv, &r->environment, status, e) != 0) {
        capture_dir_remove(r->directory);
        return -1;
    }
    return 0;
}

static int start_threads(struct run *r, int64_t start_ns, struct err *e)
{
    if (settings_start_upload(&r->settings, r->argv[0], r->child.pid, r->directory, &r->tags, &r->uploader, e) != 0)
        return -1;
    struct exporter_options exporter = {.directory = r->directory,
                                        .output = r->settings.output,
                                        .uploader = r->uploader,
                                        .modules = r->settings.modules,
                                        .compression = r->settings.compression,
                                        .pid = r->child.pid,
                                        .interval_ms = r->interval_ms,
                                        .start_ns = start_ns};
    r->exporter = exporter_new(&exporter);
    return exporter_start(r->exporter, e);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* Gives what the program left behind a moment. Returns how many still run then. */
static size_t linger(struct run *r, int32_t pids[PIDS_SHOWN])
{
    size_t running = 0;
    for (int waited = 0; waited <= LINGER_MS; waited += LINGER_LOOK_MS) {
        running = exporter_running(r->exporter, pids, PIDS_SHOWN);
        if (running == 0 || child_wait(&r->child, LINGER_LOOK_MS))
            break;
    }
    return running;
}

static void say_running(const struct run *r, const int32_t *pids, size_t count)
{
    struct buf list = {0};
    for (size_t i = 0; i < count && i < PIDS_SHOWN; i++)
        buf_printf(&list, "%s%d", i > 0 ? ", " : "", pids[i]);
    say("%zu process%s of the program still run%s (%s%s): what they count from now on is in %s, and lockprof export %s "
        "writes it",
        count, count == 1 ? "" : "es", count == 1 ? "s" : "", list.data, count > PIDS_SHOWN ? " ..." : "", r->directory,
        r->directory);
    buf_fini(&list);
}

static void say_result(const struct run *r, const struct exporter_result *result)
{
    if (result->seen == 0)
        say("nothing was captured: %s took no lock that the library sees, or the library was not loaded into it",
            r->argv[0]);
    else if (result->path)
        say("%u profile%s, the last is %s (lockprof top shows it)", result->profiles, result->profiles == 1 ? "" : "s",
            result->path);
}

static void finish(struct run *r)
{
    struct exporter_result result;
    struct uploader_result sent = {0};
    struct err e;
    int32_t pids[PIDS_SHOWN];
    exporter_stop(r->exporter);
    size_t running = linger(r, pids);
    if (exporter_export(r->exporter, exporter_now_ns(), true, &e) != 0)
        say("%s", e.text);
    exporter_result(r->exporter, &result);
    if (r->uploader)
        sent = uploader_finish(r->uploader, UPLOAD_DEADLINE_MS);
    if (running > 0)
        say_running(r, pids, running);
    else if (!capture_dir_remove(r->directory) && sent.last_resort == 0)
        say("what could not be exported stays in %s (lockprof export %s)", r->directory, r->directory);
    say_result(r, &result);
    free(result.path);
}

static void run_fini(struct run *r)
{
    exporter_free(r->exporter);
    settings_fini(&r->settings);
    buf_fini(&r->tags);
    free(r->directory);
    free(r->library);
}

static int run_program(struct run *r)
{
    struct err e;
    int status;
    int64_t start_ns = exporter_now_ns();
    if (start_program(r, &status, &e) != 0) {
        output_error(&e);
        return status;
    }
    /* The program runs by now: it is not ended for want of a thread of ours. */
    if (start_threads(r, start_ns, &e) != 0) {
        output_error(&e);
        say("the program goes on, what it counts is in %s", r->directory);
    } else if (r->settings.has_upload) {
        say("profiles go to %s", r->settings.endpoint.shown);
    }
    while (!r->child.ended)
        child_wait(&r->child, INT_MAX);
    if (r->exporter)
        finish(r);
    return r->child.status;
}

static int run(const struct command_line *line)
{
    struct run r = {.argv = line->operands};
    struct err e;
    if (command_line_has(line, "--quiet"))
        say_quiet();
    if (read_numbers(line, &r, &e) != 0 || settings_read(line, true, &r.settings, &e) != 0)
        return output_error(&e);
    int status = run_program(&r);
    run_fini(&r);
    return status;
}

const struct command command_run = {
    .name = "run",
    .operands = "[--] PROGRAM [ARG]...",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .program = true,
    .summary = "Runs a program with its locks profiled: writes pprof files, uploads them, or both.",
    .details = "The program keeps its descriptors, its signals (SIGTERM, SIGINT, SIGHUP,\n"
               "SIGQUIT, SIGUSR1 and SIGUSR2 are passed on) and its exit status. Programs that\n"
               "it starts are profiled, too. Names need its debug information: build with -g, or\n"
               "install its debug symbols.\n"
               "\n"
               "What --output and --upload do not say comes from DD_PROFILING_OUTPUT_PPROF and\n"
               "DD_TRACE_AGENT_URL, or DD_SITE with DD_API_KEY. DD_SERVICE, DD_ENV, DD_VERSION\n"
               "and DD_TAGS say what uploads are called.\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
