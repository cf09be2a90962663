/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/finish.h"
#include "commands/output.h"
#include "commands/tap.h"
#include "engine/tapping.h"

static const struct option options[] = {
    {"--json", NULL, false, "Only report.json's text on standard output."},
    {"--quiet", NULL, false, "Only the verdict and the run directory."},
    {"--junit", "FILE", false, "Write the JUnit XML to FILE too."},
};

static int run(const struct command_line *line)
{
    struct finish_options shown = {.files = FINISH_MISSING,
                                   .json = command_line_has(line, "--json"),
                                   .quiet = command_line_has(line, "--quiet"),
                                   .junit = command_line_value(line, "--junit")};
    if (!tapping_is_directory(line->operands[0]))
        return finish(line->operands[0], &shown);
    if (shown.junit) {
        struct err e;
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
    .summary = "Prints the report of a run or a tap again, from its directory.",
    .details = "The evidence is read and judged anew. The report of a run that was killed says so, and is written into "
               "its directory. Exits as the run did.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
