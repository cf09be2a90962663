/* SPDX-License-Identifier: Apache-2.0 */
/* Call stacks of snapshots as stacks of the tables. */
#ifndef LOCKPROF_EXPORT_SYMBOLIZE_H
#define LOCKPROF_EXPORT_SYMBOLIZE_H

#include "lockprof/export/images.h"

/* The stack of the frames. */
uint32_t symbolize_stack(struct tables *t, struct image *image, const struct frame *frames, size_t count);

/* The stack of one frame of which nothing is known but its return address. */
uint32_t symbolize_unknown(struct tables *t, uint64_t return_address);

#endif
