/* SPDX-License-Identifier: Apache-2.0 */
/* From a soak's directory to what is printed, and to the files that are made from its record. */
#ifndef LOCKTRAIL_COMMANDS_SOAK_FINISH_H
#define LOCKTRAIL_COMMANDS_SOAK_FINISH_H

#include "commands/finish.h"

/* It has a soak.json. */
bool soak_is_directory(const char *directory);

/* Prints the report; writes curves.svg and junit.xml: with FINISH_WRITE always, with FINISH_MISSING where they are not
 * there or the soak has not ended, and the directory can be written. Returns the exit code: of the verdict, or of the
 * error, which it has printed. */
int soak_finish(const char *directory, const struct finish_options *options);

#endif
