/* SPDX-License-Identifier: Apache-2.0 */
/* What the uploads of a run pass from the workers to a person's eyes: the way (taps, agents, stores), then the
 * read-back, then the page. In a run without a pipeline it is the intake alone.
 *
 * Happy path: OPENING → OPEN → DRAINING → READING → LOOKING → PASSED → CLOSING. Failure modes: it can't be opened
 * (`ready` with the error); a backend can't be read back, a page not be looked at (a problem, its stage has not run).
 */
#ifndef LOCKTRAIL_ENGINE_PASSAGE_H
#define LOCKTRAIL_ENGINE_PASSAGE_H

#include "engine/recorder.h"
#include "engine/way.h"

struct passage;

/* Whether everything is there that the scenario's pipeline needs; ERR_MISSING with the command that gets it. */
int passage_check(const struct run_options *options, struct err *e);

/* `ready` comes once, never from within: *e NULL, and host->intake_url is set; or why not (passage_close is due). */
struct passage *passage_open(struct host *host, void (*ready)(const struct err *e, void *data), void *data);

/* NULL in a run without a pipeline. Borrowed. */
struct way *passage_way(const struct passage *p);

/* Processes that upload. Borrowed until passage_close. */
void passage_set_workers(struct passage *p, struct worker **workers, size_t count);

/* The workers have ended: everything behind them follows (in a soak only what is under way, which is read back all the
 * time). `passed` from the loop. */
void passage_finish(struct passage *p, void (*passed)(void *data), void *data);

/* The user wants out: what has arrived is kept, and no page is looked at; `now`: nothing is waited for. */
void passage_stop(struct passage *p, bool now);

/* Also where it never became ready. Waits for forwards and for copies on their way to the disk; `closed` from the loop;
 * frees. */
void passage_close(struct passage *p, void (*closed)(void *data), void *data);

#endif
