/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/mem.h"
#include "commands/finish.h"
#include "commands/matrix_finish.h"
#include "commands/output.h"
#include "commands/soak_finish.h"
#include "commands/tap.h"
#include "engine/tapping.h"

#include <stdlib.h>
#include <unistd.h>

static const struct option options[] = {
    {"--json", NULL, false, "Only report.json's text (of a soak: soak.json's) on standard output."},
    {"--quiet", NULL, false, "Only the verdict and the run directory."},
    {"--junit", "FILE", false, "Write the JUnit XML to FILE too."},
    {"--baseline", "DIR", false, "Of a matrix: only losses that are not in that matrix's or run's directory count."},
    {"--expected", "FILE", false, "Of a matrix: a YAML list of losses that don't count."},
    {"--github", NULL, false, "Of a matrix: GitHub annotations, and a summary appended to $GITHUB_STEP_SUMMARY."},
};

static bool is_matrix(const char *directory)
{
    char *path = mem_printf("%s/matrix.json", directory);
    bool is = access(path, F_OK) == 0;
    free(path);
    return is;
}

static int report_matrix(const struct command_line *line)
{
    struct matrix_finish *f = NULL;
    struct matrix_record *record = NULL;
    struct err e;
    int code = matrix_finish_begin(line, &f);
    if (code == 0 && matrix_record_load(line->operands[0], &record, &e) < 0)
        code = output_error(&e);
    else if (code == 0)
        code = matrix_finish_end(f, record, line->operands[0], false);
    matrix_record_free(record);
    matrix_finish_free(f);
    return code;
}

/* Options that only a matrix's directory has. */
static int check_options(const struct command_line *line, struct err *e)
{
    static const char *const only[] = {"--baseline", "--expected", "--github"};
    for (size_t i = 0; i < sizeof only / sizeof *only; i++)
        if (command_line_has(line, only[i]))
            return err_set(e, ERR_USAGE, "report: %s is not a matrix's directory, of which %s would be",
                           line->operands[0], only[i]);
    return 0;
}

static int report_soak_again(const char *directory, const struct finish_options *shown)
{
    struct soak_finish_options again = {.json = shown->json, .quiet = shown->quiet, .junit = shown->junit};
    return soak_finish(directory, &again);
}

static int run(const struct command_line *line)
{
    struct finish_options shown = {.files = FINISH_MISSING,
                                   .json = command_line_has(line, "--json"),
                                   .quiet = command_line_has(line, "--quiet"),
                                   .junit = command_line_value(line, "--junit")};
    struct err e;
    if (is_matrix(line->operands[0]))
        return report_matrix(line);
    if (check_options(line, &e) < 0)
        return output_error(&e);
    if (soak_is_directory(line->operands[0]))
        return report_soak_again(line->operands[0], &shown);
    if (!tapping_is_directory(line->operands[0]))
        return finish(line->operands[0], &shown);
    if (shown.junit) {
        err_set(&e, ERR_USAGE, "report: %s is a tap's directory, of which there is no JUnit XML", line->operands[0]);
        return output_error(&e);
    }
    return tap_report(line->operands[0], shown.json, shown.quiet);
}

const struct command command_report = {
    .name = "report",
    .operands = "RUN",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Prints the report of a run, a soak, a matrix or a tap again, from its directory.",
    .details = "The evidence is read and judged anew. The report of a run that was killed says so, and is written into "
               "its directory. Of a soak that runs it says what is known so far; curves.svg and junit.xml are written "
               "beside it. Exits as the run did.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
