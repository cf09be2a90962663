/* SPDX-License-Identifier: Apache-2.0 */
/* What one process says that it did, held against what its uploads say, while it goes on: no acquire between two
 * uploads may be missing or be there twice. Constant memory.
 *
 * Neither a ledger line nor an upload says of what moment its counts are: each only between which two they were read.
 * So the sum of all uploads up to one lies between the counts of the last line that was read before it for certain, and
 * those of the first line that was read behind it for certain, however long somebody was held up between his clock and
 * his counters. What is missing stays missing: a gap is told once, at the first upload at which it is certain, with at
 * least how many acquires. At the end (`final`) both are exact. */
#ifndef LOCKTRAIL_TRAIL_ACCOUNT_H
#define LOCKTRAIL_TRAIL_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ledger lines and uploads that wait for one another. Lines come four times a second; an upload interval is a minute.
 */
#define ACCOUNT_LINES_MAX 1024
#define ACCOUNT_UPLOADS_MAX 256
/* All times are the wall clock's, which may be set in small steps: so much on both sides of an upload is open. */
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
    int64_t since_ns;  /* it happened behind this: `lower_ns` of the last upload at which it was certain that there was
                          no  more than had been told; 0: of none */
};

/* `locks`: how many; only those with `judged[i]` are held against one another (every acquire is sampled, and the
 * runtime counts them one to one). Copied. */
struct account *account_new(size_t locks, const bool *judged);
void account_free(struct account *a);

/* What the process had done at a moment between `at_ns` (just before it counted) and `heard_ns` (when its line was
 * taken). `acquires` has one element for each lock; counts only grow. */
void account_line(struct account *a, int64_t at_ns, int64_t heard_ns, const uint64_t *acquires);

/* An upload with the acquires since the one before. All that was done before `lower_ns` is in it or in an earlier one,
 * and nothing that was done after `upper_ns` (such as its arrival). In the order of `lower_ns`; late ones are
 * tolerated. */
void account_upload(struct account *a, uint64_t number, int64_t lower_ns, int64_t upper_ns, const uint64_t *acquires);

/* What has become certain since the last call; at most one finding for each lock and kind. Returns their number; `out`
 * (the account's own) is valid until the next call. `final`: nothing more comes, the last line is exact. */
size_t account_findings(struct account *a, bool final, const struct account_finding **out);

/* Sums so far. */
void account_sums(const struct account *a, size_t lock, uint64_t *done, uint64_t *seen);

/* Lines or uploads that were dropped for the limits: nothing can be said of the time between. */
uint64_t account_dropped(const struct account *a);

#endif
