/* SPDX-License-Identifier: Apache-2.0 */
/* From the capture files of a directory to the samples of one interval: what was counted since the last time, under the
 * locks' names and the stacks' functions. */
#ifndef LOCKPROF_EXPORT_COLLECT_H
#define LOCKPROF_EXPORT_COLLECT_H

#include "base/buf.h"
#include "lockprof/resolve/names.h"

/* Values of a sample, in the order of the profile's sample types. */
enum sample_value {
    VALUE_ACQUIRE,
    VALUE_ACQUIRE_WAIT,
    VALUE_RELEASE,
    VALUE_RELEASE_HOLD,
    VALUE_CONTENDED,
    VALUE_TYPES
};

struct collector;

struct collector *collector_new(const char *directory, const struct modules_options *options);
void collector_free(struct collector *collector);

/* Reads all capture files once and keeps the difference to the last time as samples. A bad file is told in
 * `*problems` (a line each) and passed over. Returns the number of samples, -1 where the directory can't be read. */
int collector_update(struct collector *collector, struct buf *problems, struct err *e);

/* Whether the process of some capture file still runs. */
bool collector_alive(const struct collector *collector);

/* Removes the capture files of processes that have ended and whose every count was exported. */
void collector_prune(struct collector *collector);

#endif
