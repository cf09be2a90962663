/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/output.h"
#include "report/json.h"
#include "report/version.h"

static int run(const struct command_line *line)
{
    struct buf text = {0};
    (void)line;
    buf_printf(&text, "locktrail %s (reports: %s)\n", LOCKTRAIL_VERSION, REPORT_SCHEMA);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

const struct command command_version = {
    .name = "version",
    .operands = "",
    .summary = "Prints locktrail's version.",
    .run = run,
};
