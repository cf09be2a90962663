/* SPDX-License-Identifier: Apache-2.0 */
/* One line for each change of state on standard error: `time level actor text`. */
#ifndef LOCKTRAIL_BASE_LOG_H
#define LOCKTRAIL_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above `level` are dropped; at the start the level is LOG_WARN. Not thread-safe. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* `actor` says who speaks ("run", "intake", "python.1.local"). One line, no newline. Any thread. */
void log_line(enum log_level level, const char *actor, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
