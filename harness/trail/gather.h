/* SPDX-License-Identifier: Apache-2.0 */
/* Copies to flows and rows: what each process shows at each stage, added up and in a fixed order. */
#ifndef LOCKTRAIL_TRAIL_GATHER_H
#define LOCKTRAIL_TRAIL_GATHER_H

#include "trail/work.h"

/* Fills the workers, flows, copies, labels and rows of *w, whose `input` is set. */
void gather(struct work *w);
void gather_fini(struct work *w);

/* The number of a label's text, or NO_LABEL where no copy has it. */
uint32_t gather_label(const struct work *w, const char *text);

/* The row of a label at a stage of a process, or NULL. */
const struct row *gather_find(const struct work *w, size_t instance, enum stage stage, uint32_t label);

/* The part of a path behind its last slash. Borrowed. */
const char *gather_base_name(const char *path);

#endif
