/* SPDX-License-Identifier: Apache-2.0 */
/* Small blocking questions to the machine for `locktrail doctor`, each with a time limit. One thread, no loop. */
#ifndef LOCKTRAIL_COMMANDS_PROBE_H
#define LOCKTRAIL_COMMANDS_PROBE_H

#include "base/buf.h"
#include "base/err.h"

/* Most bytes of an answer that are kept. */
#define PROBE_ANSWER_MAX ((size_t)64 << 10)

/* Runs a program (args[0] looked up in PATH) with nothing on its standard input, and appends what it writes to standard
 * output. Errors: it is not there (ERR_MISSING), it takes longer (it is killed then), it does not exit with 0: the last
 * line of its standard error. */
int probe_run(const char *const *args, int timeout_ms, struct buf *out, struct err *e);

/* Connects to the host and port of an http or https URL, or to a unix socket. */
int probe_connect(const char *url, const char *unix_socket, int timeout_ms, struct err *e);

/* GET of `path` there by plain HTTP; appends the answer with its head. Errors as above, and an answer other than 200.
 */
int probe_get(const char *url, const char *unix_socket, const char *path, int timeout_ms, struct buf *answer,
              struct err *e);

/* Whether an intake could listen at "127.0.0.1:8126", "[::1]:0", "localhost:0" or "unix:/PATH" ("unix:" is in the run
 * directory: always). */
int probe_listen(const char *listen, struct err *e);

#endif
