/* SPDX-License-Identifier: Apache-2.0 */
/* The run directory's two journals: events.jsonl (what happened, when) and ledger.jsonl (what the
 * workers said). */
#ifndef LOCKTRAIL_ENGINE_JOURNAL_H
#define LOCKTRAIL_ENGINE_JOURNAL_H

#include "base/json.h"
#include "io/disk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the ledger: half of what is read back (EVIDENCE_JOURNAL_MAX). */
#define JOURNAL_LEDGER_MAX ((uint64_t)1 << 30)

/* Of a journal that must not grow with time: where a file of its events has so many bytes, or what it was given, the
 * next one begins, and the one before the last goes. */
#define JOURNAL_SEGMENT_MAX ((uint64_t)8 << 20)

struct journal {
    struct disk *disk; /* borrowed */
    bool bounded;      /* events.jsonl goes on in events.2.jsonl, events.3.jsonl ...; two of them are kept */
    unsigned segment;  /* from 1 */
    uint64_t segment_bytes, segment_max;
    char *directory;
    uint64_t ledger_bytes;
    char *events_path, *ledger_path;
    uint64_t start_ns; /* CLOCK_MONOTONIC */
    struct buf line;
};

void journal_init(struct journal *j, struct disk *disk, const char *directory);
void journal_fini(struct journal *j);

/* From now on its events have no more than about `bytes`, in two files. Goes on where an earlier one has stopped. */
void journal_bound(struct journal *j, uint64_t bytes);

/* Begins an event's line with `event`, `time` (RFC 3339 UTC, ms) and `elapsed_ms`; the caller puts
 * further members with json_put_... and ends with journal_end. `sync`: on the disk before anything
 * later. */
struct json_out journal_begin(struct journal *j, const char *event);
void journal_end(struct journal *j, struct json_out *out, bool sync);

/* One protocol line of a worker, as {"instance":...,"line":...}. `line` must be valid JSON on one
 * line. */
void journal_ledger(struct journal *j, const char *instance, const char *line, size_t size);
/* Whether the ledger has JOURNAL_LEDGER_MAX bytes, or the disk is so far behind that no more should be said. */
bool journal_ledger_full(const struct journal *j);

/* Milliseconds since journal_init. */
int64_t journal_elapsed_ms(const struct journal *j);

/* Now as RFC 3339 in UTC with milliseconds. */
#define JOURNAL_TIME_SIZE 32
void journal_time(char out[JOURNAL_TIME_SIZE]);

#endif
