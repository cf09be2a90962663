/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/bisect_values.h"
#include "commands/files.h"
#include "commands/matrix_file.h"
#include "commands/matrix_outside.h"
#include "commands/output.h"
#include "commands/overrides.h"
#include "engine/matrix_plan.h"
#include "io/disk.h"
#include "io/hash.h"
#include "report/bisect.h"
#include "report/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tries of one value: odds of one in a hundred are seen with 98 %. */
#define REPEATS_MAX 400
#define REPEATS_DEFAULT 3

static const struct option options[] = {
    {"--axis", "AXIS", false, "Along what: ddtrace, or another axis of the matrix, or a key of the scenario."},
    {"--lock", "NAME", false, "The lock, by its name or its id."},
    {"--values", "A,B,C", false,
     "The values, or A..B: the releases between. Default: the matrix's, else all releases."},
    {"--only", "AXIS=VALUE", true, "Of a matrix: this value of another axis in all tries. May be given again."},
    {"--set", "PATH=VALUE", true, "Of a scenario: put VALUE at PATH of it in all tries. May be given again."},
    {"--repeats", "N", false, "Tries of both ends, of the boundary, and of flaky values. Default: 3."},
    {"--out", "DIR", false, "The directory of its runs, new or empty. Default: matrices/TIME-bisect."},
    {"--yes", NULL, false, "Send uploads on to an outside agent or site without asking."},
    {"--json", NULL, false, "Only the result, as JSON, on standard output."},
    {"--quiet", NULL, false, "No progress; only the result."},
    {"--verbose", NULL, false, "Log every change of state on standard error."},
};

/* The axis, and its one value, that --set makes of a scenario. */
#define SETTINGS "settings"
#define FIXED "fixed"

/* One `locktrail bisect`. */
struct job {
    const struct command_line *line;
    struct matrix_file file; /* of a scenario: `scenario` alone, and the matrix that is made of it */
    struct buf bytes;
    struct bisect_line search;
    struct bisect_log log;
    struct files_home home;
    struct overrides set;
    char *directory, *program;
    const char **only; /* AXIS=GLOB, each of the command line's or a constant */
    size_t only_count;
    unsigned repeats;
    bool quiet;
};

static void job_fini(struct job *job)
{
    bisect_log_fini(&job->log);
    bisect_line_fini(&job->search);
    matrix_file_fini(&job->file);
    files_home_fini(&job->home);
    overrides_fini(&job->set);
    buf_fini(&job->bytes);
    free(job->directory);
    free(job->program);
    free(job->only);
}

static const char *text_of(const struct buf *b)
{
    return b->data ? b->data : "";
}

static int read_line(struct job *job, struct err *e)
{
    const char *text = command_line_value(job->line, "--repeats");
    const char *const needed[] = {"--axis", "--lock"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!command_line_has(job->line, needed[i]))
            return err_set(e, ERR_USAGE,
                           "bisect: %s is missing, as in locktrail bisect FILE --axis ddtrace --lock NAME", needed[i]);
    job->quiet = command_line_has(job->line, "--quiet") || command_line_has(job->line, "--json");
    job->repeats = REPEATS_DEFAULT;
    if (!text)
        return 0;
    job->repeats = strspn(text, "0123456789") == strlen(text) && strlen(text) < 6 ? (unsigned)atoi(text) : 0;
    if (job->repeats < 1 || job->repeats > REPEATS_MAX)
        return err_set(e, ERR_USAGE, "bisect: --repeats %s is not a number of tries, expected 1 to %d", text,
                       REPEATS_MAX);
    return 0;
}

static void note(const char *text)
{
    struct buf line = {0};
    buf_add_str(&line, "locktrail: ");
    text_add_clean(&line, text);
    buf_add_char(&line, '\n');
    output_note(&line);
    buf_fini(&line);
}

/* --- a matrix of the values ------------------------------------------------------------------------------------- */

/* Whether this one is written: --set (DD_SERVICE and its like reach the tries by themselves), the last one of a path.
 */
static bool is_setting(const struct overrides *o, size_t number)
{
    for (size_t i = number + 1; i < o->count; i++)
        if (strcmp(o->items[i].path, o->items[number].path) == 0)
            return false;
    return !o->items[number].shown;
}

static void write_settings(const struct job *job, struct buf *out)
{
    if (job->only_count == 0)
        return;
    buf_add_str(out, "  " SETTINGS ":\n    - " FIXED ":\n");
    for (size_t i = 0; i < job->set.count; i++) {
        if (!is_setting(&job->set, i))
            continue;
        buf_add_str(out, "        ");
        struct json_out j = json_begin(out, 0);
        json_string(&j, job->set.items[i].path);
        buf_printf(out, ": %s\n", job->set.items[i].value);
    }
}

/* A scenario's values as a matrix file: what an axis means, and in which order its values are, is that file's to say.
 */
static void write_matrix(const struct job *job, const struct value_list *values, struct buf *out)
{
    const char *axis = command_line_value(job->line, "--axis");
    struct json_out j = json_begin(out, 0);
    buf_add_str(out, "name: bisect\nscenario: ");
    json_string(&j, job->line->operands[0]);
    buf_printf(out, "\naxes:\n  ");
    j = json_begin(out, 0);
    json_string(&j, axis);
    buf_add_str(out, ":\n");
    for (size_t i = 0; i < values->count; i++)
        buf_printf(out, "    - %s\n", values->items[i]);
    write_settings(job, out);
}

static int read_made_matrix(struct job *job, struct matrix **out)
{
    struct diagnostics found = {0};
    struct buf complaints = {0};
    int code = 0;
    if (matrix_read("bisect", text_of(&job->bytes), job->bytes.size, text_of(&job->file.scenario),
                    job->file.scenario.size, hash_text, true, out, &found) < 0) {
        files_add_diagnostics(&complaints, "bisect", &found);
        code = ERR_USAGE;
    }
    output_note(&complaints);
    buf_fini(&complaints);
    diagnostics_fini(&found);
    return code;
}

static int find_values(struct job *job, const struct scenario *s, struct value_list *values, struct err *e)
{
    const char *given = command_line_value(job->line, "--values");
    const char *axis = command_line_value(job->line, "--axis");
    if (given && !value_list_is_range(given))
        return value_list_read(given, values, e);
    if (strcmp(axis, "ddtrace") != 0)
        return err_set(e, ERR_USAGE,
                       "bisect: values are missing: --values A,B,C (only ddtrace has a list of releases)");
    if (!job->quiet)
        note("asking the package index for the releases of ddtrace");
    return value_list_ask_index(s, &job->home, given, values, e);
}

/* --set goes with a scenario, --only with a matrix: what is not of use is not ignored. */
static int read_fixed(struct job *job, bool matrix, struct err *e)
{
    if (command_line_has(job->line, matrix ? "--set" : "--only"))
        return err_set(e, ERR_USAGE,
                       matrix ? "bisect: --set goes with a scenario, and %s is a matrix: --only AXIS=VALUE"
                              : "bisect: --only goes with a matrix, and %s is a scenario: --set PATH=VALUE",
                       job->line->operands[0]);
    job->only = mem_calloc(job->line->given_count + 1, sizeof *job->only);
    for (size_t i = 0; i < job->line->given_count; i++)
        if (strcmp(job->line->given[i].option->name, "--only") == 0)
            job->only[job->only_count++] = job->line->given[i].value;
    /* An axis with one value is what all tries have in common. */
    if (command_line_has(job->line, "--set"))
        job->only[job->only_count++] = SETTINGS "=" FIXED;
    return matrix ? 0 : overrides_read(job->line, &job->set, e);
}

static int load_scenario(struct job *job, struct matrix **out)
{
    struct scenario *s = NULL;
    struct buf complaints = {0};
    struct value_list values = {0};
    struct err e;
    int code = files_load_scenario(job->line->operands[0], job->set.items, job->set.count, &s, &complaints);
    output_note(&complaints);
    buf_fini(&complaints);
    if (code == 0 && find_values(job, s, &values, &e) < 0)
        code = output_error(&e);
    if (code == 0) {
        write_matrix(job, &values, &job->bytes);
        code = read_made_matrix(job, out);
    }
    value_list_fini(&values);
    scenario_free(s);
    return code;
}

static int load_file(struct job *job, struct matrix **out, struct value_list *labels)
{
    struct buf complaints = {0}, bytes = {0};
    struct err e;
    const char *given = command_line_value(job->line, "--values");
    if (disk_read_now(job->line->operands[0], SCENARIO_SIZE_MAX, &bytes, &e) < 0) {
        e.code = ERR_INPUT;
        return output_error(&e);
    }
    bool matrix = matrix_file_is_one(&bytes);
    if (matrix)
        buf_fini(&bytes);
    else
        job->file.scenario = bytes;
    if (read_fixed(job, matrix, &e) < 0)
        return output_error(&e);
    if (!matrix)
        return load_scenario(job, out);
    if (given && value_list_is_range(given)) {
        err_set(&e, ERR_USAGE, "bisect: --values %s goes with a scenario: of a matrix give values that its axis has",
                given);
        return output_error(&e);
    }
    if (given && value_list_read(given, labels, &e) < 0)
        return output_error(&e);
    int code = matrix_file_load(job->line->operands[0], &job->file, &complaints);
    output_note(&complaints);
    buf_fini(&complaints);
    *out = job->file.matrix;
    job->file.matrix = NULL;
    return code;
}

static int load(struct job *job)
{
    struct matrix *m = NULL;
    struct value_list labels = {0};
    struct err e;
    int code = load_file(job, &m, &labels);
    const struct bisect_choice choice = {.axis = command_line_value(job->line, "--axis"),
                                         .labels = (const char *const *)labels.items,
                                         .label_count = labels.count,
                                         .only = job->only,
                                         .only_count = job->only_count,
                                         .repeat = job->repeats};
    if (code == 0 && bisect_line_init(&job->search, m, &choice, &e) < 0)
        code = output_error(&e);
    value_list_fini(&labels);
    return code;
}

/* --- the search ------------------------------------------------------------------------------------------------- */

static int prepare(struct job *job, struct err *e)
{
    job->program = realpath("/proc/self/exe", NULL);
    if (!job->program)
        return err_sys(e, ERR_MISSING, errno, "can't find out where locktrail itself lies (/proc/self/exe)");
    if (matrix_outside_confirm("bisect", job->search.matrix, NULL, &job->file.scenario,
                               command_line_has(job->line, "--yes"), e) < 0)
        return -1;
    job->directory = files_matrix_directory(command_line_value(job->line, "--out"), "bisect", e);
    if (!job->directory || disk_make_dir(job->directory, e) < 0)
        return -1;
    char *path = mem_printf("%s/scenario.yaml", job->directory);
    int result = disk_write_now(path, text_of(&job->file.scenario), job->file.scenario.size, e);
    free(path);
    return result;
}

static struct bisect_report make_report(const struct job *job, const struct bisect_result *result)
{
    struct bisect_report report = {.line = &job->search,
                                   .log = &job->log,
                                   .result = result,
                                   .lock = command_line_value(job->line, "--lock"),
                                   .directory = job->directory,
                                   .control = matrix_plan_says_control(&job->file.scenario)};
    return report;
}

static void on_preparing(const char *text, void *data)
{
    (void)data;
    note(text);
}

static void on_probe(const struct bisect_log *log, void *data)
{
    const struct job *job = data;
    struct bisect_report report = make_report(job, NULL);
    struct buf text = {0};
    report_bisect_probe(&report, &log->probes[log->count - 1], &text);
    note(text.data);
    buf_fini(&text);
}

static int show(const struct job *job, const struct bisect_result *result)
{
    struct bisect_report report = make_report(job, result);
    struct buf text = {0};
    if (command_line_has(job->line, "--json"))
        report_bisect_json(&report, &text);
    else
        report_bisect(&report, output_has_colour(STDOUT_FILENO), &text);
    int code = output_text(&text);
    buf_fini(&text);
    return code != 0 ? code : report_bisect_exit_code(&report);
}

static int execute(struct job *job)
{
    struct bisect_result result;
    struct err e;
    if (prepare(job, &e) < 0)
        return output_error(&e);
    const struct bisect_options run = {.line = &job->search,
                                       .lock = command_line_value(job->line, "--lock"),
                                       .directory = job->directory,
                                       .root = job->home.root,
                                       .build = job->home.build,
                                       .program = job->program,
                                       .on_preparing = job->quiet ? NULL : on_preparing,
                                       .on_probe = job->quiet ? NULL : on_probe,
                                       .data = job};
    if (bisect_run(&run, &job->log, &result, &e) < 0) {
        err_put_wrap(&e, "bisect");
        return output_error(&e);
    }
    return show(job, &result);
}

static int run(const struct command_line *line)
{
    struct job job = {.line = line};
    struct err e;
    if (command_line_has(line, "--verbose"))
        log_set_level(LOG_DEBUG);
    if (read_line(&job, &e) < 0 || files_find_home(&job.home, &e) < 0)
        return output_error(&e);
    int code = load(&job);
    if (code == 0)
        code = execute(&job);
    job_fini(&job);
    return code;
}

const struct command command_bisect = {
    .name = "bisect",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Searches along an axis for the first value that loses, or gains, a lock's name.",
    .details =
        "FILE is a scenario or a matrix; the other axes of a matrix stay as its scenario has them, unless --only says "
        "which value they have. The search tries both ends first and then halves; values that can't be judged are "
        "stepped over, and one look on each side "
        "tells of names that come and go. Where a value has both outcomes, others are tried as often as the ends.\n"
        "Exits 0 with one boundary, 4 without or with several.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
