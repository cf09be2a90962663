/* SPDX-License-Identifier: Apache-2.0 */
/* What matrix, merge and report share: from a matrix's record to what is printed and to the report files. */
#ifndef LOCKTRAIL_COMMANDS_MATRIX_FINISH_H
#define LOCKTRAIL_COMMANDS_MATRIX_FINISH_H

#include "commands/options.h"
#include "engine/matrix_record.h"

/* The options of all three, for their tables: MATRIX_FINISH_OPTIONS stands among the others. */
#define MATRIX_FINISH_OPTIONS                                                                                          \
    {"--baseline", "DIR", false, "Only losses that are not in that matrix's or run's directory count."},               \
        {"--expected", "FILE", false, "A YAML list of losses that don't count: which, why, and until when."},          \
        {"--junit", "FILE", false, "Write the JUnit XML to FILE too."},                                                \
        {"--github", NULL, false, "GitHub annotations, and a summary appended to $GITHUB_STEP_SUMMARY."},              \
        {"--json", NULL, false, "Only report.json's text on standard output."},                                        \
    {                                                                                                                  \
        "--quiet", NULL, false, "Only the verdict and the directory."                                                  \
    }

struct matrix_finish;

/* Reads baseline and expected losses, so that what is wrong with them is said before anything runs. Returns 0, or the
 * exit code of the error, which it has printed. Free with matrix_finish_free in any case. */
int matrix_finish_begin(const struct command_line *line, struct matrix_finish **out);

/* Writes DIRECTORY/report.json and junit.xml (`write`; else only where they are missing and the directory can be
 * written), what the options ask for, and prints. Returns the exit code: of the verdict, or of the error, which it has
 * printed. `record` is borrowed. */
int matrix_finish_end(const struct matrix_finish *f, const struct matrix_record *record, const char *directory,
                      bool write);
void matrix_finish_free(struct matrix_finish *f);

#endif
