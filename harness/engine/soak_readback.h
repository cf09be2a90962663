/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads of a soak are read back while it goes on, from the store or the site, and handed to who judges them. A
 * backend that can't be read any more is told as a problem, and asked again from the beginning some time later. */
#ifndef LOCKTRAIL_ENGINE_SOAK_READBACK_H
#define LOCKTRAIL_ENGINE_SOAK_READBACK_H

#include "engine/host.h"
#include "engine/soak_judge.h"
#include "engine/way.h"

struct soak_readback;

/* `processes`: those of the plan. All borrowed. */
struct soak_readback *soak_readback_start(struct host *host, struct soak_judge *judge, const struct way *way,
                                          const struct soak_record *record);

/* What was sent before the oldest upload that is waited for need not be listed any more. */
void soak_readback_tick(struct soak_readback *r);

/* `closed` from the loop; frees. */
void soak_readback_close(struct soak_readback *r, void (*closed)(void *data), void *data);

#endif
