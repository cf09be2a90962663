/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/files.h"
#include "commands/output.h"
#include "report/text.h"

#include <limits.h>

static int validate_file(const char *path)
{
    struct scenario *s = NULL;
    struct buf text = {0};
    int code = files_load_scenario(path, NULL, 0, &s, &text);
    if (code != 0) {
        output_note(&text);
    } else {
        text_add_clean(&text, path);
        buf_add_str(&text, ": valid\n");
        code = output_text(&text);
    }
    scenario_free(s);
    buf_fini(&text);
    return code;
}

static int run(const struct command_line *line)
{
    int code = 0;
    for (size_t i = 0; i < line->operand_count; i++) {
        int one = validate_file(line->operands[i]);
        if (one > code)
            code = one;
    }
    return code;
}

const struct command command_validate = {
    .name = "validate",
    .operands = "FILE...",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .summary = "Checks scenario files and shows all that is wrong with them.",
    .details = "Exits 0 when all are valid, else 65.",
    .run = run,
};
