/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of which a loss's evidence is made: what was to be expected, what is there, in which copy. */
#ifndef LOCKTRAIL_TRAIL_PROOF_H
#define LOCKTRAIL_TRAIL_PROOF_H

#include "base/buf.h"
#include "trail/mechanisms.h"

/* "1 sample", "300 samples". */
void proof_count(struct buf *out, uint64_t count, const char *noun);

/* The whole first sentence: what was to be expected, and what is there. */
void proof_both(const struct loss_case *c, struct buf *out);

/* The same in two parts: what is this lock's alone ("'a.py:1' in 300 samples"), and what other locks of the process may
 * share with it ("python.1.local, in 2 copies (copies/collector/python.1.local.1.pprof ...)"). */
void proof_own(const struct loss_case *c, struct buf *out);
void proof_common(const struct loss_case *c, struct buf *out);

/* What the stage before or the ledger says: "upload has 'a.py:1:x' in 300 samples (copies/upload/p.1.pprof)". */
void proof_expected(const struct loss_case *c, struct buf *out);

/* What is at the stage: "agent has 'a.py:1' in 300 samples (...)", "agent has none in 3 copies (...)". */
void proof_found(const struct loss_case *c, struct buf *out);

/* Both acquire counts: "the ledger has 37600 acquires by python.1.local, each of them sampled; collector has 37590
 * (...)". */
void proof_numbers(const struct loss_case *c, struct buf *out);

/* What the control says of a lock that was not sampled. */
void proof_control(const struct loss_case *c, struct buf *out);

/* The label of the case's change on the later side, or of the most samples in a cell. NULL where the cell is empty. */
const struct row *proof_row(const struct loss_case *c, const struct cell *cell, enum stage stage, bool later);

#endif
