/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/files.h"
#include "commands/finish.h"
#include "commands/output.h"
#include "commands/outside.h"
#include "commands/overrides.h"
#include "engine/run.h"
#include "report/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {
    {"--set", "PATH=VALUE", true,
     "Put VALUE at PATH of the scenario, as in workers.python.capture_pct=10. May be given again."},
    {"--duration", "D", false, "How long the workers work: 120s, 10m; a bare number counts seconds."},
    {"--threads", "N", false, "Threads of each worker."},
    {"--seed", "N", false, "Seed of the workload."},
    {"--out", "DIR", false, "The run directory, new or empty. Default: runs/TIME-NAME."},
    {"--no-control", NULL, false, "Leave the control stage out; the report says so."},
    {"--yes", NULL, false, "Send uploads on to an outside agent or site without asking."},
    {"--print", NULL, false, "Print the scenario with every default filled in, and run nothing."},
    {"--json", NULL, false, "Only report.json's text on standard output."},
    {"--quiet", NULL, false, "No progress; only the verdict and the run directory."},
    {"--verbose", NULL, false, "Log every change of state on standard error."},
    {"--junit", "FILE", false, "Write the JUnit XML to FILE too."},
};

/* The options that stand for one key of the scenario, and the operand that is their short form (0: none). */
static const struct {
    const char *option, *path;
    size_t operand;
} keys[] = {{"--duration", "duration", 1}, {"--threads", "threads", 2}, {"--seed", "seed", 0}};

static int add_keys(const struct command_line *line, struct overrides *o, struct err *e)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = command_line_value(line, keys[i].option);
        const char *operand =
            keys[i].operand > 0 && keys[i].operand < line->operand_count ? line->operands[keys[i].operand] : NULL;
        if (value && operand)
            return err_set(e, ERR_USAGE, "run: the %s is given twice, as \"%s\" and as %s %s: give it once",
                           keys[i].path, operand, keys[i].option, value);
        if (!value && !operand)
            continue;
        overrides_add(o, keys[i].path, value ? value : operand,
                      overrides_keep(o, value ? mem_printf("%s %s", keys[i].option, value) : mem_strdup(operand)));
    }
    return 0;
}

/* The environment, then --set in the order given, then what has an option of its own: the last one counts. */
static int read_overrides(const struct command_line *line, struct overrides *o, struct err *e)
{
    if (overrides_read(line, o, e) < 0 || add_keys(line, o, e) < 0)
        return -1;
    if (command_line_has(line, "--no-control"))
        overrides_add(o, "control", "none", "--no-control");
    return 0;
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

static void on_event(const struct run_event *event, void *data)
{
    struct buf bytes = {0};
    progress_event(data, event, &bytes);
    if (bytes.size > 0)
        output_note(&bytes);
    buf_fini(&bytes);
}

static struct progress *start_progress(const struct command_line *line)
{
    struct progress_options shown = {0};
    if (command_line_has(line, "--quiet"))
        return NULL;
    /* Log lines in between would tear the block apart. */
    shown.terminal = output_is_terminal(STDERR_FILENO) && !command_line_has(line, "--verbose");
    shown.colour = output_has_colour(STDERR_FILENO);
    output_size(STDERR_FILENO, &shown.rows, &shown.columns);
    return progress_new(&shown);
}

static void end_progress(struct progress *progress)
{
    struct buf bytes = {0};
    if (!progress)
        return;
    progress_end(progress, &bytes);
    if (bytes.size > 0)
        output_note(&bytes);
    buf_fini(&bytes);
    progress_free(progress);
}

static int execute(const struct command_line *line, const struct scenario *s, const struct files_home *home,
                   const struct outside *outside)
{
    struct err e;
    char *directory = files_run_directory(command_line_value(line, "--out"), s->name, &e);
    if (!directory)
        return output_error(&e);
    struct progress *progress = start_progress(line);
    struct run_options run = {.scenario = s,
                              .directory = directory,
                              .root = home->root,
                              .build = home->build,
                              .forward = outside->forward.to == FORWARD_TO_NOWHERE ? NULL : &outside->forward,
                              .site = outside->site.url ? &outside->site : NULL,
                              .on_event = progress ? on_event : NULL,
                              .data = progress};
    bool happened;
    int result = run_execute(&run, &happened, &e);
    end_progress(progress);
    struct finish_options shown = {.files = FINISH_WRITE,
                                   .json = command_line_has(line, "--json"),
                                   .quiet = command_line_has(line, "--quiet"),
                                   .junit = command_line_value(line, "--junit")};
    int code = happened ? finish(directory, &shown) : 0;
    if (result < 0)
        code = output_error(&e);
    free(directory);
    return code;
}

/* What a run would not do is not left out silently. */
static int check_no_soak(const struct scenario *s, struct err *e)
{
    char *key = scenario_soak_key(s);
    if (!key)
        return 0;
    err_set(e, ERR_INPUT, "%s: `%s` is for soaks: start it with `locktrail soak %s`, or take the key away", s->path,
            key, s->path);
    free(key);
    return -1;
}

static int prepare_and_execute(const struct command_line *line, const struct scenario *s)
{
    struct files_home home = {0};
    struct outside outside = {0};
    struct err e;
    int code;
    if (check_no_soak(s, &e) < 0 || files_find_home(&home, &e) < 0 ||
        outside_resolve("run", s, command_line_has(line, "--yes"), &outside, &e) < 0)
        code = output_error(&e);
    else
        code = execute(line, s, &home, &outside);
    outside_fini(&outside);
    files_home_fini(&home);
    return code;
}

static int print_scenario(const struct scenario *s)
{
    struct buf yaml = {0};
    scenario_print(s, &yaml);
    int code = output_text(&yaml);
    buf_fini(&yaml);
    return code;
}

static int run(const struct command_line *line)
{
    struct overrides overrides = {0};
    struct scenario *s = NULL;
    struct buf complaints = {0};
    struct err e;
    int code;
    if (command_line_has(line, "--verbose"))
        log_set_level(LOG_DEBUG);
    if (read_overrides(line, &overrides, &e) < 0)
        code = output_error(&e);
    else
        code = files_load_scenario(line->operands[0], overrides.items, overrides.count, &s, &complaints);
    output_note(&complaints);
    if (s)
        code = command_line_has(line, "--print") ? print_scenario(s) : prepare_and_execute(line, s);
    scenario_free(s);
    buf_fini(&complaints);
    overrides_fini(&overrides);
    return code;
}

const struct command command_run = {
    .name = "run",
    .operands = "FILE [DURATION_S [THREADS]]",
    .operands_min = 1,
    .operands_max = 3,
    .summary = "Runs a scenario and says which lock names were lost, where and how.",
    .details =
        "Progress goes to standard error, the report to standard output. The run directory keeps everything; "
        "locktrail report prints it again.\n"
        "Uploads are recorded and stay inside, unless DD_TRACE_AGENT_URL, DD_AGENT_HOST or DD_API_KEY (or the "
        "scenario) names an agent or a site: then they are sent on there, after a question that --yes answers. With "
        "agents or a backend in the scenario they leave only for the backend datadog, with DD_API_KEY and "
        "DD_APP_KEY.\n"
        "Ctrl-C stops the workers and reports; a second one ends at once.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
