/* SPDX-License-Identifier: Apache-2.0 */
/* What one process says that it did, held against what its uploads say, while it goes on: no acquire between two
 * uploads may be missing or be there twice. Constant memory.
 *
 * Ledger lines come with the time of their counts, uploads with the time that they cover; neither falls on the other.
 * So the acquires up to an upload's end lie between those of the last line before it and those of the first line behind
 * it, and the sum of all uploads up to it must lie there too. What is missing stays missing: a gap is told once, at the
 * first upload at which it is certain, with at least how many acquires. At the end (`final`) both are exact. */
#ifndef LOCKTRAIL_TRAIL_ACCOUNT_H
#define LOCKTRAIL_TRAIL_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ledger lines and uploads that wait for one another. Lines come four times a second; an upload interval is a minute.
 */
#define ACCOUNT_LINES_MAX 1024
#define ACCOUNT_UPLOADS_MAX 256
/* Clocks are read beside what they time: so much on both sides of an upload's end is open. */
#define ACCOUNT_SLACK_NS INT64_C(50000000)

struct account;

enum account_kind {
    ACCOUNT_GAP,   /* at least `acquires` are in no upload */
    ACCOUNT_DOUBLE /* at least `acquires` are in more than one */
};

struct account_finding {
    enum account_kind kind;
    size_t lock;       /* index as given */
    uint64_t acquires; /* exact at the end */
    uint64_t upload;   /* number of the upload at which it is certain; 0: at the end */
};

/* `locks`: how many; only those with `judged[i]` are held against one another (every acquire is sampled, and the
 * runtime counts them one to one). Copied. */
struct account *account_new(size_t locks, const bool *judged);
void account_free(struct account *a);

/* What the process had done at `at_ns` (wall clock). `acquires` has one element for each lock; counts only grow. */
void account_line(struct account *a, int64_t at_ns, const uint64_t *acquires);

/* An upload that covers the time up to `end_ns`, with the acquires in it. In the order of their ends, late ones
 * tolerated. */
void account_upload(struct account *a, uint64_t number, int64_t end_ns, const uint64_t *acquires);

/* What has become certain since the last call; at most one finding for each lock and kind. Returns their number; `out`
 * (the account's own) is valid until the next call. `final`: nothing more comes, the last line is exact. */
size_t account_findings(struct account *a, bool final, const struct account_finding **out);

/* Sums so far. */
void account_sums(const struct account *a, size_t lock, uint64_t *done, uint64_t *seen);

/* Lines or uploads that were dropped for the limits: nothing can be said of the time between. */
uint64_t account_dropped(const struct account *a);

#endif
