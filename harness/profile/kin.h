/* SPDX-License-Identifier: Apache-2.0 */
/* The copies of two processes that did the same work, one with a local profile and one that uploads: which label stands
 * on samples of the same stack. What happened to a single sample can't be said, since each process has samples of its
 * own; but a stack that carries one lock's label here and another's there shows that labels changed places. */
#ifndef LOCKTRAIL_PROFILE_KIN_H
#define LOCKTRAIL_PROFILE_KIN_H

#include "profile/compare.h"

struct kin;

struct kin *kin_new(void);
void kin_free(struct kin *k);

/* Adds a copy of the first process or, `after` all of those, of the second (borrowed during the call). Code ERR_INPUT:
 * it can't be read, and nothing of it was added. Any thread. */
int kin_add(struct kin *k, bool after, const void *bytes, size_t size, const struct profile_limits *limits,
            struct err *e);

/* Once, when all are added. The moves of the samples of the second process: MOVE_KEPT where the label is one that the
 * stack has in the first process, or where that has no such stack; else MOVE_CHANGED, MOVE_REKEYED or MOVE_UNLABELLED
 * from the label that is missed there most. Never MOVE_GONE or MOVE_ADDED; both numbers of acquires are the second
 * process's. */
struct profile_comparison *kin_compare(struct kin *k);

#endif
