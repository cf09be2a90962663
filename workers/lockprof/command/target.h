/* SPDX-License-Identifier: Apache-2.0 */
/* The program that is to be profiled, looked at before it is started: can a library be preloaded into it? */
#ifndef LOCKPROF_COMMAND_TARGET_H
#define LOCKPROF_COMMAND_TARGET_H

#include "base/buf.h"

/* Appends why the library can't be loaded into the program; nothing where it can, or where the program is not found
 * (starting it will say so). `name` as for execvp; of a script its interpreter is looked at. */
void target_check(const char *name, struct buf *why);

#endif
