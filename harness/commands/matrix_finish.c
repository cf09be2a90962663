/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/matrix_finish.h"

#include "base/mem.h"
#include "base/write.h"
#include "commands/files.h"
#include "commands/output.h"
#include "io/disk.h"
#include "report/matrix.h"
#include "report/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct matrix_finish {
    struct matrix_baseline *baseline;
    struct expectations *expected;
    char today[sizeof "2026-11-26"];
    const char *junit; /* borrowed */
    bool json, quiet, github;
};

static int read_expected(const char *path, struct matrix_finish *f)
{
    struct buf bytes = {0}, complaints = {0};
    struct diagnostics diagnostics = {0};
    struct err e;
    int code = 0;
    if (disk_read_now(path, SCENARIO_SIZE_MAX, &bytes, &e) < 0) {
        e.code = ERR_INPUT; /* what the user names and is not there is a bad input */
        code = output_error(&e);
    } else if (expectations_read(path, bytes.data ? bytes.data : "", bytes.size, &f->expected, &diagnostics) < 0) {
        files_add_diagnostics(&complaints, path, &diagnostics);
        output_note(&complaints);
        code = ERR_INPUT;
    }
    diagnostics_fini(&diagnostics);
    buf_fini(&complaints);
    buf_fini(&bytes);
    return code;
}

int matrix_finish_begin(const struct command_line *line, struct matrix_finish **out)
{
    struct matrix_finish *f = *out = mem_calloc(1, sizeof *f);
    const char *baseline = command_line_value(line, "--baseline"), *expected = command_line_value(line, "--expected");
    time_t now = time(NULL);
    struct tm utc;
    struct err e;
    gmtime_r(&now, &utc);
    strftime(f->today, sizeof f->today, "%Y-%m-%d", &utc);
    f->junit = command_line_value(line, "--junit");
    f->json = command_line_has(line, "--json");
    f->quiet = command_line_has(line, "--quiet");
    f->github = command_line_has(line, "--github");
    if (baseline && matrix_baseline_load(baseline, &f->baseline, &e) < 0)
        return output_error(&e);
    return expected ? read_expected(expected, f) : 0;
}

void matrix_finish_free(struct matrix_finish *f)
{
    if (!f)
        return;
    matrix_baseline_free(f->baseline);
    expectations_free(f->expected);
    free(f);
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static int write_files(const struct matrix_finish *f, const struct matrix_report *r, const struct buf *json,
                       const char *directory, bool write, struct err *e)
{
    struct buf junit = {0};
    matrix_report_junit(r, &junit);
    int result = files_write_result(directory, "report.json", json, write, e);
    if (result == 0)
        result = files_write_result(directory, "junit.xml", &junit, write, e);
    if (result == 0 && f->junit)
        result = disk_write_now(f->junit, junit.data, junit.size, e);
    buf_fini(&junit);
    return result;
}

/* --- GitHub ----------------------------------------------------------------------------------------------------- */

/* The file has what earlier steps' commands said. */
static int append_summary(const char *path, const struct buf *text, struct err *e)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_sys(e, ERR_WRITE, errno, "can't open GITHUB_STEP_SUMMARY %s", path);
    int result = write_all(fd, text->data, text->size);
    int errnum = errno;
    if (close(fd) < 0 && result == 0) {
        result = -1;
        errnum = errno;
    }
    return result < 0 ? err_sys(e, ERR_WRITE, errnum, "can't write GITHUB_STEP_SUMMARY %s", path) : 0;
}

static int tell_github(const struct matrix_finish *f, const struct matrix_report *r, struct err *e)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct buf text = {0};
    int result = 0;
    matrix_report_annotations(r, &text);
    /* The runner reads both; standard output may be JSON's alone. */
    if (text.size > 0 && f->json)
        output_note(&text);
    else if (text.size > 0 && output_text(&text) != 0)
        result = err_set(e, ERR_WRITE, "the annotations are not written");
    buf_clear(&text);
    if (path && path[0]) {
        matrix_report_markdown(r, &text);
        if (result == 0)
            result = append_summary(path, &text, e);
    } else {
        buf_add_str(&text, "locktrail: GITHUB_STEP_SUMMARY is not set, so there is no summary\n");
        output_note(&text);
    }
    buf_fini(&text);
    return result;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static int print(const struct matrix_finish *f, const struct matrix_report *r, const struct buf *json,
                 const char *directory)
{
    struct buf text = {0};
    bool colour = output_has_colour(STDOUT_FILENO);
    if (f->json)
        return output_text(json);
    if (f->quiet)
        matrix_report_quiet(r, colour, &text);
    else
        matrix_report_terminal(r, colour, &text);
    buf_printf(&text, "%sdirectory  ", f->quiet ? "" : "\n");
    text_add_clean(&text, directory);
    buf_add_char(&text, '\n');
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

int matrix_finish_end(const struct matrix_finish *f, const struct matrix_record *record, const char *directory,
                      bool write)
{
    struct matrix_known known = {f->baseline, f->expected, f->today};
    struct matrix_report *r = matrix_report_new(record, &known);
    struct buf json = {0};
    struct err e;
    matrix_report_json(r, &json);
    int result = write_files(f, r, &json, directory, write, &e);
    int code = print(f, r, &json, directory);
    if (result == 0 && f->github)
        result = tell_github(f, r, &e);
    if (result < 0)
        code = output_error(&e);
    if (code == 0)
        code = matrix_report_exit_code(r);
    buf_fini(&json);
    matrix_report_free(r);
    return code;
}
