/* SPDX-License-Identifier: Apache-2.0 */
/* From a run directory to what is printed and to the report files in it. */
#ifndef LOCKTRAIL_COMMANDS_FINISH_H
#define LOCKTRAIL_COMMANDS_FINISH_H

#include <stdbool.h>

enum finish_files {
    FINISH_WRITE,  /* report.json and junit.xml are written; failing is an error (73) */
    FINISH_MISSING /* they are written where a killed run left none and the directory can be written */
};

struct finish_options {
    enum finish_files files;
    bool json, quiet;
    const char *junit; /* a further copy of the JUnit XML; NULL: none */
};

/* Judges and prints. Returns the exit code: of the verdict, or of the error, which it has printed. */
int finish(const char *directory, const struct finish_options *options);

#endif
