/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT, SIGTERM and SIGHUP on a loop: the user's wish that it ends. */
#ifndef LOCKTRAIL_ENGINE_STOP_SIGNALS_H
#define LOCKTRAIL_ENGINE_STOP_SIGNALS_H

#include <stdbool.h>
#include <uv.h>

#define STOP_SIGNALS 3

struct stop_signals {
    uv_signal_t handles[STOP_SIGNALS];
    void (*fn)(int number, void *data);
    void *data;
};

/* Calls `fn` for each of them from the loop. `s` stays where it is until the loop is over. */
void stop_signals_start(struct stop_signals *s, uv_loop_t *loop, void (*fn)(int number, void *data), void *data);

/* The last thing on the loop. libuv gives each signal its default back; they are held off until stop_signals_settle. */
void stop_signals_end(struct stop_signals *s);

/* Behind the loop. `ignore`: who has interrupted wants the report, and the next impatient Ctrl-C must not take it away.
 */
void stop_signals_settle(bool ignore);

#endif
