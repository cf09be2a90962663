/* SPDX-License-Identifier: Apache-2.0 */
/* What `locktrail matrix --dry-run` shows. */
#ifndef LOCKTRAIL_COMMANDS_MATRIX_LIST_H
#define LOCKTRAIL_COMMANDS_MATRIX_LIST_H

#include "engine/matrix_record.h"

/* Of the chosen cells: id, shard (where there are several), key; then the totals. `durations_ms`: NULL where nothing is
 * known. `quiet`: only the totals. */
void matrix_list(const struct matrix_record *r, const int64_t *durations_ms, bool quiet, struct buf *out);
/* The same as JSON: {"cells": [{"id", "key", "seed", "shard", "axes": {NAME: LABEL}}], "hash", "shards"}. */
void matrix_list_json(const struct matrix_record *r, const int64_t *durations_ms, struct buf *out);

#endif
