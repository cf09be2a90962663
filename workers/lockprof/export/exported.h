/* SPDX-License-Identifier: Apache-2.0 */
/* What of a capture file has been exported already, kept beside it as CAPTUREFILE.exported: whoever exports the rest
 * later (lockprof was killed, or a daemon outlived it) counts nothing twice. */
#ifndef LOCKPROF_EXPORT_EXPORTED_H
#define LOCKPROF_EXPORT_EXPORTED_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define EXPORTED_SUFFIX ".exported"

/* The counters of a slot, in the order in which differences are made. */
enum slot_counter { SLOT_ACQUIRES, SLOT_RELEASES, SLOT_HOLD, SLOT_CONTENDED, SLOT_WAIT, SLOT_COUNTERS };
struct slot_counts {
    uint64_t values[SLOT_COUNTERS];
};

/* Reads what was exported into *counts (the caller frees it) and the wall clock of that moment. 0 and no counts where
 * there is no such file; -1 where it is broken (ERR_INPUT): then nothing of the capture file can be told from what was
 * exported. */
int exported_read(const char *capture_path, struct slot_counts **counts, size_t *count, int64_t *time_ns,
                  struct err *e);

/* Written to a temporary name and renamed. */
int exported_write(const char *capture_path, const struct slot_counts *counts, size_t count, int64_t time_ns,
                   struct err *e);

void exported_remove(const char *capture_path);

#endif
