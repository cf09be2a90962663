/* SPDX-License-Identifier: Apache-2.0 */
/* What `locktrail report` does with a tap's directory. */
#ifndef LOCKTRAIL_COMMANDS_TAP_H
#define LOCKTRAIL_COMMANDS_TAP_H

#include <stdbool.h>

/* Prints what the tap said at its end; returns the exit code, that of the verdict or of an error, which it has printed.
 */
int tap_report(const char *directory, bool json, bool quiet);

#endif
