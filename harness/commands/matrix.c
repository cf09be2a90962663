/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "commands/files.h"
#include "commands/matrix_file.h"
#include "commands/matrix_finish.h"
#include "commands/matrix_list.h"
#include "commands/matrix_outside.h"
#include "commands/matrix_progress.h"
#include "commands/output.h"
#include "commands/shard.h"
#include "engine/matrix_run.h"
#include "io/disk.h"
#include "report/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Cells at once: the guards and pipes of more would use up the descriptors of a process. */
#define JOBS_MAX 1024

static const struct option options[] = {
    {"-j", "N", false, "Cells at once, at most. Default: as processors and memory allow."},
    {"--shard", "K/N", false, "Only the K-th of N parts; auto: as the farm says (Slurm, Kubernetes, GitLab ...)."},
    {"--only", "AXIS=GLOB", true, "Only cells with this value, as in ddtrace=4.* or seed=1. May be given again."},
    {"--fail-fast", NULL, false, "Start nothing after the first cell that is no success."},
    {"--dry-run", NULL, false, "List the cells with id and shard, and run nothing."},
    {"--resume", "DIR", false, "Go on with what was interrupted; ended cells are not run again."},
    {"--out", "DIR", false, "The matrix's directory, new or empty. Default: matrices/TIME-NAME."},
    {"--durations", "FILE", false, "How long cells took: a durations.json, or the directory of an earlier matrix."},
    {"--yes", NULL, false, "Send uploads on to an outside agent or site without asking."},
    {"--verbose", NULL, false, "Log every change of state on standard error."},
    MATRIX_FINISH_OPTIONS,
};

/* One `locktrail matrix`. */
struct job {
    const struct command_line *line;
    struct matrix_file file;
    struct matrix_record *record;
    int64_t *durations_ms;
    struct files_home home;
    char *directory;
    char *program;
    struct matrix_finish *finish;
    struct matrix_progress progress;
    int lock; /* on the directory; -1: none */
};

static void job_fini(struct job *job)
{
    matrix_finish_free(job->finish);
    matrix_record_free(job->record);
    matrix_file_fini(&job->file);
    files_home_fini(&job->home);
    if (job->lock >= 0)
        close(job->lock);
    free(job->durations_ms);
    free(job->directory);
    free(job->program);
}

/* --- the command line ------------------------------------------------------------------------------------------- */

static int read_jobs(const struct command_line *line, unsigned *jobs, struct err *e)
{
    const char *text = command_line_value(line, "-j");
    *jobs = 0;
    if (!text)
        return 0;
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits < 6 && text[digits] == '\0')
        *jobs = (unsigned)strtoul(text, NULL, 10);
    if (*jobs < 1 || *jobs > JOBS_MAX)
        return err_set(e, ERR_USAGE, "matrix: -j %s is not a number of cells, expected 1 to %d", text, JOBS_MAX);
    return 0;
}

/* What a record that goes on has decided already. */
static int check_resume(const struct command_line *line, struct err *e)
{
    static const char *const decided[] = {"--shard", "--only", "--out", "--dry-run", "--durations"};
    bool resume = command_line_has(line, "--resume");
    if (!resume && line->operand_count == 0)
        return err_set(e, ERR_USAGE, "matrix: an operand is missing, expected: locktrail matrix FILE");
    if (resume && line->operand_count > 0)
        return err_set(e, ERR_USAGE, "matrix: --resume takes the matrix from its directory, leave %s away",
                       line->operands[0]);
    for (size_t i = 0; resume && i < sizeof decided / sizeof *decided; i++)
        if (command_line_has(line, decided[i]))
            return err_set(e, ERR_USAGE, "matrix: --resume goes on with what was begun, leave %s away", decided[i]);
    return 0;
}

static const char **collect_only(const struct command_line *line, size_t *count)
{
    const char **only = mem_calloc(line->given_count, sizeof *only);
    *count = 0;
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].option->name, "--only") == 0)
            only[(*count)++] = line->given[i].value;
    return only;
}

/* --- the record ------------------------------------------------------------------------------------------------- */

static int read_durations(struct job *job, const char *path, const struct matrix *m, struct err *e)
{
    job->durations_ms = mem_calloc(m->cell_count, sizeof *job->durations_ms);
    return path ? matrix_durations_read(path, m, job->durations_ms, e) : 0;
}

static int new_record(struct job *job, struct err *e)
{
    const char *shard_text = command_line_value(job->line, "--shard");
    struct shard shard = {1, 1};
    size_t only_count;
    if (shard_text && shard_read(shard_text, getenv, &shard, e) < 0)
        return -1;
    if (read_durations(job, command_line_value(job->line, "--durations"), job->file.matrix, e) < 0)
        return -1;
    const char **only = collect_only(job->line, &only_count);
    struct matrix *m = job->file.matrix;
    job->file.matrix = NULL;
    int result = matrix_record_new(m, only, only_count, shard.number, shard.count, job->durations_ms, &job->record, e);
    free(only);
    return result < 0 ? err_wrap(e, "matrix") : 0;
}

/* The file and what of it is to run; the exit code. */
static int read_new(struct job *job)
{
    struct buf complaints = {0};
    struct err e;
    int code = matrix_file_load(job->line->operands[0], &job->file, &complaints);
    output_note(&complaints);
    buf_fini(&complaints);
    if (code == 0 && new_record(job, &e) < 0)
        code = output_error(&e);
    return code;
}

/* Two that go on in one directory would run the same cells into the same places. The lock ends with this process,
 * however it ends. */
static int lock_directory(struct job *job, struct err *e)
{
    job->lock = open(job->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (job->lock < 0)
        return err_sys(e, errno == ENOENT ? ERR_MISSING : ERR_INPUT, errno, "cannot read %s", job->directory);
    /* A file system without locks is no reason not to run. */
    if (flock(job->lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return err_set(e, ERR_WRITE, "matrix: another locktrail matrix is at work in %s", job->directory);
    return 0;
}

static int read_resumed(struct job *job)
{
    struct err e;
    job->directory = mem_strdup(command_line_value(job->line, "--resume"));
    if (lock_directory(job, &e) < 0 || matrix_record_resume(job->directory, &job->record, &e) < 0) {
        /* What the user names and is not there is a bad input. */
        e.code = e.code == ERR_MISSING ? ERR_INPUT : e.code;
        return output_error(&e);
    }
    char *path = mem_printf("%s/durations.json", job->directory);
    int result = read_durations(job, access(path, F_OK) == 0 ? path : NULL, job->record->matrix, &e);
    free(path);
    return result < 0 ? output_error(&e) : 0;
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

static void show(struct buf *bytes)
{
    if (bytes->size > 0)
        output_note(bytes);
    buf_fini(bytes);
}

static void on_preparing(const char *text, void *data)
{
    struct buf bytes = {0};
    matrix_progress_note(data, text, &bytes);
    show(&bytes);
}

static void on_event(const struct matrix_record *record, size_t cell, const struct matrix_attempt *ended,
                     size_t running, size_t left, void *data)
{
    struct buf bytes = {0};
    matrix_progress_event(data, record, cell, ended, running, left, &bytes);
    show(&bytes);
}

static int write_text(const char *directory, const char *name, const struct buf *bytes, struct err *e)
{
    char *path = mem_printf("%s/%s", directory, name);
    int result = disk_write_now(path, bytes->data ? bytes->data : "", bytes->size, e);
    free(path);
    return result;
}

static int make_directory(struct job *job, struct err *e)
{
    job->directory = files_matrix_directory(command_line_value(job->line, "--out"), job->record->matrix->name, e);
    if (!job->directory || disk_make_dir(job->directory, e) < 0 || lock_directory(job, e) < 0 ||
        write_text(job->directory, "matrix.yaml", &job->file.bytes, e) < 0)
        return -1;
    return write_text(job->directory, "scenario.yaml", &job->file.scenario, e);
}

/* The record says that it was interrupted until it is known that it was not: a kill leaves it so. */
static int prepare(struct job *job, struct err *e)
{
    struct buf scenario = {0};
    int result = 0;
    job->program = realpath("/proc/self/exe", NULL);
    if (!job->program)
        return err_sys(e, ERR_MISSING, errno, "can't find out where locktrail itself lies (/proc/self/exe)");
    if (files_find_home(&job->home, e) < 0)
        return -1;
    if (job->directory) {
        char *path = mem_printf("%s/scenario.yaml", job->directory);
        result = disk_read_now(path, SCENARIO_SIZE_MAX, &scenario, e);
        free(path);
    }
    if (result == 0)
        result = matrix_outside_confirm("matrix", job->record->matrix, job->record->mine,
                                        job->directory ? &scenario : &job->file.scenario,
                                        command_line_has(job->line, "--yes"), e);
    buf_fini(&scenario);
    if (result == 0 && !job->directory)
        result = make_directory(job, e);
    job->record->interrupted = true;
    return result == 0 ? matrix_record_write_head(job->record, job->directory, e) : -1;
}

static int execute(struct job *job, unsigned jobs, bool *interrupted, struct err *e)
{
    bool quiet = command_line_has(job->line, "--quiet");
    struct buf bytes = {0};
    struct matrix_run_options run = {.record = job->record,
                                     .mine = job->record->mine,
                                     .directory = job->directory,
                                     .root = job->home.root,
                                     .build = job->home.build,
                                     .program = job->program,
                                     .jobs = jobs,
                                     .fail_fast = command_line_has(job->line, "--fail-fast"),
                                     .durations_ms = job->durations_ms,
                                     .on_preparing = quiet ? NULL : on_preparing,
                                     .on_event = quiet ? NULL : on_event,
                                     .data = &job->progress};
    size_t rows;
    job->progress.terminal = output_is_terminal(STDERR_FILENO) && !quiet && !command_line_has(job->line, "--verbose");
    output_size(STDERR_FILENO, &rows, &job->progress.columns);
    matrix_progress_begin(&job->progress, job->record);
    int result = matrix_run_execute(&run, interrupted, e);
    matrix_progress_end(&job->progress, &bytes);
    show(&bytes);
    return result;
}

/* What has ended is kept and reported, however the run itself went. */
static int run_and_report(struct job *job, unsigned jobs)
{
    bool interrupted = false;
    struct err e, written;
    if (prepare(job, &e) < 0)
        return output_error(&e);
    int result = execute(job, jobs, &interrupted, &e);
    job->record->interrupted = interrupted || result < 0;
    int kept = matrix_durations_write(job->record, job->durations_ms, job->directory, &written);
    if (kept == 0)
        kept = matrix_record_write_head(job->record, job->directory, &written);
    int code = matrix_finish_end(job->finish, job->record, job->directory, true);
    if (kept < 0)
        code = output_error(&written);
    return result < 0 ? output_error(&e) : code;
}

static int list(const struct job *job)
{
    struct buf text = {0};
    if (command_line_has(job->line, "--json"))
        matrix_list_json(job->record, job->durations_ms, &text);
    else
        matrix_list(job->record, job->durations_ms, command_line_has(job->line, "--quiet"), &text);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

static int run(const struct command_line *line)
{
    struct job job = {.line = line, .lock = -1};
    struct err e;
    unsigned jobs;
    int code = 0;
    if (command_line_has(line, "--verbose"))
        log_set_level(LOG_DEBUG);
    if (check_resume(line, &e) < 0 || read_jobs(line, &jobs, &e) < 0)
        return output_error(&e);
    code = command_line_has(line, "--resume") ? read_resumed(&job) : read_new(&job);
    if (code == 0 && command_line_has(line, "--dry-run"))
        code = list(&job);
    else if (code == 0)
        code = matrix_finish_begin(line, &job.finish);
    if (code == 0 && job.finish)
        code = run_and_report(&job, jobs);
    job_fini(&job);
    return code;
}

const struct command command_matrix = {
    .name = "matrix",
    .operands = "FILE",
    .operands_min = 0,
    .operands_max = 1,
    .summary = "Runs a scenario in many variants side by side, and says which of them lose names.",
    .details =
        "FILE is a matrix: axes, such as ddtrace versions, and their values (locktrail help matrix-file). Each cell is "
        "a locktrail run of its own; one that is no success is run again, and other outcomes make it flaky.\n"
        "Exits with the code of the worst verdict. Ctrl-C ends the cells that run and reports; --resume DIR, which "
        "stands in place of FILE, goes on. locktrail merge joins the directories of shards.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
