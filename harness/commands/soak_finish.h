/* SPDX-License-Identifier: Apache-2.0 */
/* From a soak's directory to what is printed, and to the files that are made from its record. */
#ifndef LOCKTRAIL_COMMANDS_SOAK_FINISH_H
#define LOCKTRAIL_COMMANDS_SOAK_FINISH_H

#include "engine/soak_record.h"

#include <stdbool.h>

struct soak_finish_options {
    bool write; /* curves.svg and junit.xml are written, failing is an error (73); else where they are not there or the
                   soak has not ended, and the directory can be written */
    bool json, quiet;
    const struct soak_record *record; /* what is told; NULL: what the directory's soak.json has */
    const char *junit;                /* a further copy of the JUnit XML; NULL: none */
};

/* It has a soak.json. */
bool soak_is_directory(const char *directory);

/* Prints the report and writes the files. Returns the exit code: of the verdict, or of the error, which it has printed.
 */
int soak_finish(const char *directory, const struct soak_finish_options *options);

#endif
