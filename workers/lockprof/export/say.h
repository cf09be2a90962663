/* SPDX-License-Identifier: Apache-2.0 */
/* What lockprof tells its user beside its result. */
#ifndef LOCKPROF_EXPORT_SAY_H
#define LOCKPROF_EXPORT_SAY_H

/* One line "lockprof: TEXT" on standard error, written at once so that it does not mix with the program's own output.
 * Control characters of paths and messages appear as `?`. A failure is nobody's to know. Any thread. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same of a text that is said even if quiet: an error that ends the program. */
void say_error(const char *text);

/* Not for now and then: lines "lockprof: ..." are dropped from here on (`--quiet`); errors that end the program are
 * still said. Before the first thread is started. */
void say_quiet(void);

#endif
