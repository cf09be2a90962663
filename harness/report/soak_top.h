/* SPDX-License-Identifier: Apache-2.0 */
/* `locktrail top`: a soak's record on one screen. Writes nothing itself; never fails. */
#ifndef LOCKTRAIL_REPORT_SOAK_TOP_H
#define LOCKTRAIL_REPORT_SOAK_TOP_H

#include "base/buf.h"
#include "engine/soak_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct soak_screen {
    size_t rows, columns; /* what is drawn stays below both; rows 0: all of it, once, for no terminal */
    bool colour;
    size_t drawn; /* lines that stand there; 0 at first */
};

/* Appends what draws the record in place of the one before. `now_ms`: wall clock since 1970. `note`: the last thing
 * that should be known (why the file can't be read any more); NULL none. */
void soak_top_draw(struct soak_screen *screen, const struct soak_record *r, int64_t now_ms, const char *note,
                   struct buf *out);

/* Whether a soak that has not ended takes no stock any more: it was killed, or hangs. */
bool soak_top_seems_dead(const struct soak_record *r, int64_t now_ms);

#endif
