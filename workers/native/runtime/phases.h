/* SPDX-License-Identifier: Apache-2.0 */
/* Runs phases one after the other: threads, progress, threads that fail, interruption. The main thread does all but
 * iterations. */
#ifndef NATIVE_RUNTIME_PHASES_H
#define NATIVE_RUNTIME_PHASES_H

#include <stdbool.h>
#include <stdint.h>

/* --- for patterns ----------------------------------------------------------------------------------------------- */

struct phase;

/* One iteration. `worker` counts from 0, `turn` too. */
typedef void (*step_fn)(void *service, unsigned worker, uint64_t turn);

const struct io *phase_io(const struct phase *phase);

/* Runs all iterations of all threads. All threads live until the last one is through, so that what belongs to one of
 * them stays there for the others. Where a thread is stuck it does not return: the process ends. */
void phase_run(struct phase *phase, step_fn step, void *service);

/* True for 0. Otherwise the calling worker ends after this step, and the call and its error number are reported. */
bool worker_check(int error, const char *call);

/* --- for main --------------------------------------------------------------------------------------------------- */

struct channel;
struct options;

/* Runs all phases, and sends what there is to say up to `done`. With --rounds they are gone through again and again:
 * until phases_stop(), or a round in which a thread failed. True if every thread of every phase did well. */
bool phases_run(const struct options *options, struct channel *channel);

/* Threads end at their next iteration. Safe in a signal handler. */
void phases_stop(void);

#endif
