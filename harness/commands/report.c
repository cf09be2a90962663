/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/finish.h"

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
    return finish(line->operands[0], &shown);
}

const struct command command_report = {
    .name = "report",
    .operands = "RUN",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Prints the report of a run again, from its directory.",
    .details = "The evidence is read and judged anew. The report of a run that was killed says so, and is written into "
               "its directory. Exits as the run did.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
