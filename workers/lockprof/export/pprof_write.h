/* SPDX-License-Identifier: Apache-2.0 */
/* An interval as a pprof message (proto/profile.proto). Equal intervals give equal bytes, in whatever order their
 * samples and tables came about. Addresses are link addresses, so that a mapping begins where its file's first segment
 * is linked to. */
#ifndef LOCKPROF_EXPORT_PPROF_WRITE_H
#define LOCKPROF_EXPORT_PPROF_WRITE_H

#include "lockprof/export/interval.h"

/* Appends the message, uncompressed. */
void pprof_write(const struct interval *interval, struct buf *out);

/* Sample types in the order of enum sample_value: "lock-acquire" and "count" ... */
extern const char *const sample_type_names[VALUE_TYPES];
extern const char *const sample_type_units[VALUE_TYPES];

#endif
