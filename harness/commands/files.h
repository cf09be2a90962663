/* SPDX-License-Identifier: Apache-2.0 */
/* Scenario files and locktrail's own folders, for the commands. */
#ifndef LOCKTRAIL_COMMANDS_FILES_H
#define LOCKTRAIL_COMMANDS_FILES_H

#include "base/buf.h"
#include "base/err.h"
#include "pipeline/forward.h"
#include "scenario/scenario.h"

#include <stddef.h>

/* Reads a scenario. Whatever is wrong with it is appended to *complaints as FILE:LINE:COLUMN: error: TEXT with the line
 * and a caret below. Returns 0, or the exit code (65). */
int files_load_scenario(const char *path, const struct scenario_override *overrides, size_t override_count,
                        struct scenario **out, struct buf *complaints);

struct files_home {
    char *root;  /* has workers/ and build/venvs: $LOCKTRAIL_HOME, else the first directory above the executable with
                    workers/python/main.py */
    char *build; /* of the executable; locktrail-guard lies beside it */
};

/* Errors: ERR_MISSING. Free with files_home_fini. */
int files_find_home(struct files_home *out, struct err *e);
void files_home_fini(struct files_home *home);

/* The same for an executable at `executable` and a value of LOCKTRAIL_HOME (NULL: unset). */
int files_find_home_from(const char *executable, const char *home_variable, struct files_home *out, struct err *e);

/* Makes the directory of a run: `given` (NULL: runs/TIME-NAME below the working directory, with -2, -3 ... where that
 * is taken). A given one must be new or empty; it is made later, by the run. Returns its path, for the caller to free,
 * or NULL. ERR_WRITE, ERR_USAGE. */
char *files_run_directory(const char *given, const char *scenario_name, struct err *e);

/* The same below matrices/. */
char *files_matrix_directory(const char *given, const char *matrix_name, struct err *e);

/* What is wrong with a file, as files_load_scenario tells it. */
void files_add_diagnostics(struct buf *out, const char *path, const struct diagnostics *d);

/* Writes what was made of a directory's content into it: `always`, or where it is not there and the directory can be
 * written. ERR_WRITE. */
int files_write_result(const char *directory, const char *name, const struct buf *bytes, bool always, struct err *e);

/* Where the uploads of this scenario go on to, from its own keys and the environment. Errors as forward_resolve. */
int files_resolve_forward(const struct scenario *s, struct forward_target *out, struct err *e);

#endif
