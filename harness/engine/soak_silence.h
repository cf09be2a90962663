/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that run and send no uploads any more: nobody else misses what a process does not send, as long as it
 * neither ends nor counts. */
#ifndef LOCKTRAIL_ENGINE_SOAK_SILENCE_H
#define LOCKTRAIL_ENGINE_SOAK_SILENCE_H

#include "engine/soak_record.h"
#include "scenario/scenario.h"

/* So many uploads have to be missing, and so much time has to have passed: a busy machine or a slow start is no
 * silence. */
#define SOAK_SILENCE_UPLOADS 10
#define SOAK_SILENCE_MS 30000

struct soak_silence;

/* Of the processes of `r`, which are there by now. Both are borrowed. */
struct soak_silence *soak_silence_new(const struct scenario *s, struct soak_record *r);
void soak_silence_free(struct soak_silence *s); /* NULL does nothing */

/* At each stocktaking: a problem for each process that has been silent for too long, once until it sends again.
 * `disturbed`: whether a disturbance hit it within the last `ms`, which makes no silence of its own. */
void soak_silence_look(struct soak_silence *s, int64_t at_ms,
                       bool (*disturbed)(const char *process, int64_t ms, void *data), void *data);

#endif
