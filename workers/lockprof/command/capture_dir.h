/* SPDX-License-Identifier: Apache-2.0 */
/* The private directory of capture files, and the library that writes them. */
#ifndef LOCKPROF_COMMAND_CAPTURE_DIR_H
#define LOCKPROF_COMMAND_CAPTURE_DIR_H

#include "base/err.h"

#include <stdbool.h>

/* Makes lockprof.PID.XXXXXX, that its owner only can list (root's: others can write into it), below /dev/shm where that
 * has room, else below $TMPDIR or /tmp. The caller frees the path. ERR_WRITE. */
int capture_dir_new(char **path, struct err *e);

/* Removes it where no capture file is left in it; false: it stays. */
bool capture_dir_remove(const char *path);

/* liblockprof.so: what LOCKPROF_LIBRARY names, else beside this program or in the lib directory beside its own. The
 * caller frees the path. ERR_MISSING. */
int capture_library(char **path, struct err *e);

#endif
