/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that reads profiles where nothing else wants the processor: what passes goes first. Internal to tapping. */
#ifndef LOCKTRAIL_ENGINE_TAPPING_READER_H
#define LOCKTRAIL_ENGINE_TAPPING_READER_H

#include "engine/tapping_flow.h"

/* Of the thread: a tenth of what the others get where all want to run. */
#define TAPPING_READER_NICE 10

struct tapping_reader;

/* `fn` gets each part on the loop, in the order in which they came, when it was read. NULL and *e where there is no
 * thread to be had. */
typedef void (*tapping_read_fn)(struct flow_part *part, void *data);
struct tapping_reader *tapping_reader_new(uv_loop_t *loop, tapping_read_fn fn, void *data, struct err *e);

/* The part has its bytes, and keeps them. */
void tapping_reader_add(struct tapping_reader *reader, struct flow_part *part);

/* Whether one more would wait for no longer than the limits allow. */
bool tapping_reader_has_room(const struct tapping_reader *reader);

/* When nothing waits any more. Freed by the loop. */
void tapping_reader_close(struct tapping_reader *reader);

#endif
