/* SPDX-License-Identifier: Apache-2.0 */
/* What a ledger says of the uploads that pass a tap: each one by itself, and all of them together. How often a lock was
 * really taken nobody knows here, so that one that is not seen may just have been rare. */
#ifndef LOCKTRAIL_ENGINE_TAPPING_JUDGE_H
#define LOCKTRAIL_ENGINE_TAPPING_JUDGE_H

#include "base/err.h"
#include "engine/tapping_names.h"
#include "profile/profile.h"
#include "trail/trail.h"

/* Largest ledger that is read. A run's is larger only where it lasted for hours, and then its first part has all locks.
 */
#define TAPPING_LEDGER_MAX ((size_t)256 << 20)

struct tapping_judge;

/* Lines of the worker protocol ({"type":"lock",...}), or a run's ledger.jsonl. Errors name file and line; a file
 * without a lock is one. Code ERR_INPUT. Blocking. */
int tapping_judge_read(const char *path, struct tapping_judge **out, struct err *e);
void tapping_judge_free(struct tapping_judge *judge);

/* What one upload says. */
struct tapping_judged {
    bool judged;        /* false: it has no lock of the ledger's, or the ledger has several programs and nobody can say
                           which this is: then `worker` is NULL, and all else is 0 */
    const char *worker; /* of the ledger; borrowed from the judge */
    enum verdict verdict;
    size_t states[STATE_COUNT]; /* locks by their state; undersampled: not seen */
    char *lost;                 /* "member/user_session_lock generic, ...": names that are not right; "" none */
};

/* `instance` is the process as the upload's tags name it; NULL unknown. Takes the profile into what the judge knows of
 * that program. On the loop's thread. tapping_judged_fini frees. */
void tapping_judge_add(struct tapping_judge *judge, const char *instance, const struct profile *profile, int64_t now_ms,
                       struct tapping_judged *out);
void tapping_judged_fini(struct tapping_judged *judged);

/* All of them together. `ledger` is the judge's. The caller's: trail_result_fini. */
void tapping_judge_all(const struct tapping_judge *judge, struct trail_result *out, const struct ledger **ledger);

#endif
