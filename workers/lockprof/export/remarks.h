/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile says about itself in its comments. Internal to the collector. */
#ifndef LOCKPROF_EXPORT_REMARKS_H
#define LOCKPROF_EXPORT_REMARKS_H

#include "lockprof/export/source.h"

/* Modules without debug information that are named at most, each on a line of its own. */
#define REMARKS_MODULES_MAX 20

struct remarks {
    char **lines;
    size_t count, capacity;
};

void remarks_fini(struct remarks *remarks);
void remarks_clear(struct remarks *remarks);
void remarks_add(struct remarks *remarks, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What a preloaded library can't see. */
void remarks_unseen(struct remarks *remarks);
/* What did not fit, of all capture files since their beginning; nothing where all fitted. */
void remarks_dropped(struct remarks *remarks, const struct capture_dropped *dropped);
/* Limits of the tables that were met; modules that took locks and have no debug information. */
void remarks_tables(struct remarks *remarks, const struct tables *tables);

void dropped_add(struct capture_dropped *sum, const struct capture_dropped *more);

#endif
