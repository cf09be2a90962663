/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/files.h"
#include "commands/matrix_finish.h"
#include "commands/output.h"
#include "engine/matrix_record.h"

#include <stdlib.h>

static const struct option options[] = {
    {"--out", "DIR", false, "The merged directory, new or empty. Default: matrices/TIME-NAME."},
    {"--partial", NULL, false, "Merge although shards are missing; the report says which."},
    MATRIX_FINISH_OPTIONS,
};

static int check_missing(const struct matrix_record *record, const struct command_line *line, struct err *e)
{
    struct buf numbers = {0};
    if (record->missing_count == 0 || command_line_has(line, "--partial"))
        return 0;
    for (size_t i = 0; i < record->missing_count; i++)
        buf_printf(&numbers, "%s%u", i > 0 ? ", " : "", record->missing[i]);
    err_set(e, ERR_INPUT, "merge: of %u shards these are missing: %s (--partial merges the others)", record->shards,
            numbers.data);
    buf_fini(&numbers);
    return -1;
}

/* The merged directory is one that `locktrail report` reads. Run directories stay where they are. */
static char *write_merged(const struct matrix_record *record, const struct command_line *line, struct err *e)
{
    char *directory = files_matrix_directory(command_line_value(line, "--out"), record->matrix->name, e);
    if (directory && matrix_record_write(record, line->operands[0], directory, e) < 0) {
        free(directory);
        return NULL;
    }
    return directory;
}

static int merge(const struct command_line *line, const struct matrix_finish *finish)
{
    struct matrix_record *record = NULL;
    char *directory = NULL;
    struct err e;
    int code = 0;
    if (matrix_record_merge(line->operands, line->operand_count, &record, &e) < 0) {
        /* What the user names and is not there is a bad input. */
        e.code = e.code == ERR_MISSING ? ERR_INPUT : e.code;
        return output_error(&e);
    }
    if (check_missing(record, line, &e) < 0 || !(directory = write_merged(record, line, &e)))
        code = output_error(&e);
    else
        code = matrix_finish_end(finish, record, directory, true);
    free(directory);
    matrix_record_free(record);
    return code;
}

static int run(const struct command_line *line)
{
    struct matrix_finish *finish = NULL;
    int code = matrix_finish_begin(line, &finish);
    if (code == 0)
        code = merge(line, finish);
    matrix_finish_free(finish);
    return code;
}

const struct command command_merge = {
    .name = "merge",
    .operands = "DIR...",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .summary = "Joins the directories of a matrix's shards into one, with one report.",
    .details = "The report has the same bytes as that of a matrix that was not cut, for the same results. Shards of "
               "another matrix are refused, and so are missing ones, which are named. Exits with the code of the worst "
               "verdict that counts.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
