/* SPDX-License-Identifier: Apache-2.0 */
/* A chain judged in the way in which a run's evidence is. */
#ifndef LOCKTRAIL_TESTS_JUDGED_H
#define LOCKTRAIL_TESTS_JUDGED_H

#include "chain.h"
#include "trail/uploads.h"

struct judged {
    struct trail_result result;
    struct trail_matching matching;
};

void judge_chain(const struct recording *r, const struct chain *chain, struct judged *out);
void judged_fini(struct judged *j);

#endif
