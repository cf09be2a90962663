/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/files.h"
#include "commands/matrix_file.h"
#include "commands/output.h"
#include "io/disk.h"
#include "report/text.h"

#include <limits.h>

static void add_valid(const char *path, const struct matrix *m, struct buf *text)
{
    text_add_clean(text, path);
    buf_add_str(text, ": valid");
    if (m)
        buf_printf(text, ", %zu cell%s", m->cell_count, m->cell_count == 1 ? "" : "s");
    buf_add_char(text, '\n');
}

/* What can't be read is told by whoever reads it for good. */
static bool is_matrix(const char *path)
{
    struct buf bytes = {0};
    struct err e;
    bool matrix = disk_read_now(path, SCENARIO_SIZE_MAX, &bytes, &e) == 0 && matrix_file_is_one(&bytes);
    buf_fini(&bytes);
    return matrix;
}

static int validate_file(const char *path)
{
    struct scenario *s = NULL;
    struct matrix_file f = {0};
    struct buf text = {0};
    int code = is_matrix(path) ? matrix_file_load(path, &f, &text) : files_load_scenario(path, NULL, 0, &s, &text);
    if (code != 0) {
        output_note(&text);
    } else {
        add_valid(path, f.matrix, &text);
        code = output_text(&text);
    }
    matrix_file_fini(&f);
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
    .summary = "Checks scenario and matrix files and shows all that is wrong with them.",
    .details = "Exits 0 when all are valid, else 65.",
    .run = run,
};
