/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence of a loss between two copies of one upload: what each of the two says, in how many samples. */
#ifndef LOCKTRAIL_TRAIL_MOVED_PROOF_H
#define LOCKTRAIL_TRAIL_MOVED_PROOF_H

#include "base/buf.h"
#include "trail/mechanisms.h"

/* Fills mechanism, mechanisms, evidence, own and common of *loss. `c->moved` is there. */
void moved_prove(const struct loss_case *c, struct loss *loss);

/* Appends what the senders of the uploads that the flow misses were told: ": its sender was told 200", ": the agent was
 * told 503, and the client 200 before"; nothing where that is not known. */
void moved_say_told(const struct flow *f, struct buf *out);

#endif
