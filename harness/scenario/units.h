/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes as people write them. */
#ifndef LOCKTRAIL_SCENARIO_UNITS_H
#define LOCKTRAIL_SCENARIO_UNITS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* `250ms`, `120s`, `10m`, `8h`, `1.5s`; a bare number counts seconds. False where it is not of that form, negative, or
 * beyond what int64_t milliseconds hold. */
bool units_parse_duration(const char *text, int64_t *ms);

/* `4096`, `64KiB`, `64MiB`, `2GiB`, `10kB`, `5MB`; a bare number counts bytes. */
bool units_parse_size(const char *text, uint64_t *bytes);

/* The shortest exact form: `90s`, `10m`, `250ms`; `64MiB`. */
void units_print_duration(struct buf *out, int64_t ms);
void units_print_size(struct buf *out, uint64_t bytes);

#endif
