/* SPDX-License-Identifier: Apache-2.0 */
/* What every form of the report asks of the evidence. Nothing fails; everything is borrowed. */
#ifndef LOCKTRAIL_REPORT_VIEW_H
#define LOCKTRAIL_REPORT_VIEW_H

#include "engine/evidence.h"

/* The ground truth of one lock in one arm (the one that took it more often; with equal work they agree): the processes
 * of an arm added up. The control stage does not count. `known` is false where no process told it. */
struct lock_count view_truth(const struct evidence *ev, size_t lock);

/* How a lock is called in a report: its id, with "WORKER:" before it where the ledger has several workers. For the
 * caller to free. */
char *view_lock_label(const struct evidence *ev, size_t lock);

/* The stage was looked at, or some lock has a state there. */
bool view_stage_ran(const struct evidence *ev, enum stage stage);

size_t view_stage_copies(const struct evidence *ev, enum stage stage);

/* What a state at a stage is worth. GOOD: the declared name, or what the runtime documents that it can give. LOST: the
 * trail says so, here or before. BAD: not the declared name, though the trail saw no loss (the control). UNKNOWN:
 * undersampled or not run. */
enum view_worth { VIEW_GOOD, VIEW_LIMIT, VIEW_LOST, VIEW_BAD, VIEW_UNKNOWN };
enum view_worth view_worth(const struct trail_lock *lock, enum stage stage);

/* The length of a run that would have been enough, for people: whole seconds, rounded up ("270s"); NULL where it can't
 * be said. The caller's. */
char *view_needed(const struct stage_result *result);

/* Why the worker of that name was left out of the run; NULL where it was not. */
const char *view_left_out(const struct evidence *ev, const char *worker);

/* The stage before this one on the way of a name, of those that were looked at (the control is not on the way);
 * STAGE_DECLARED where there is none. */
enum stage view_stage_before(const struct evidence *ev, enum stage stage);

/* Where a name was lost, for people: the hop, "upload → agent"; or the stage alone, "collector", where the collector
 * itself did it or nothing before was looked at. The caller's. */
char *view_place(const struct evidence *ev, const struct loss *loss);

/* What else befell a lock where it was lost, and behind that: "label_dropped there, samples_dropped at agent →
 * backend". NULL where there is nothing. The caller's. */
char *view_further(const struct evidence *ev, const struct loss *loss);

/* "upload → agent". The caller's. */
char *view_hop(enum stage from, enum stage to);

const char *view_control(const struct evidence *ev); /* "passed", "failed", "not_run" */

#endif
