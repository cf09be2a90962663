/* SPDX-License-Identifier: Apache-2.0 */
/* Which locks a sentence is about, and how it names them. */
#ifndef LOCKTRAIL_TRAIL_CHOICE_H
#define LOCKTRAIL_TRAIL_CHOICE_H

#include "base/buf.h"
#include "trail/verdict.h"

/* Why a lock was never sampled, as far as control and capture rate tell. */
enum unsampled {
    UNSAMPLED_NO,       /* another mechanism */
    UNSAMPLED_IN_STEP,  /* the control has it, and only some acquires are captured here */
    UNSAMPLED_CAPTURED, /* each acquire is captured, and the control does not lack it */
    UNSAMPLED_KIND,     /* the control lacks it, or there is none to compare with */
    UNSAMPLED_COUNT
};

struct choice {
    bool (*holds)(const struct trail_lock *lock, const struct choice *c);
    enum stage stage;
    enum mechanism mechanism;
    enum unsampled unsampled;
    bool uploader; /* those that the uploading process's own collector did not give */
};

/* Whether the lock is lost at a later stage than the collector's, and yet by a collector. */
bool choice_is_uploaders(const struct trail_lock *lock);

bool choice_is_lost_at(const struct trail_lock *lock, const struct choice *c); /* by stage, uploader */
bool choice_is_lost_by(const struct trail_lock *lock, const struct choice *c); /* and by mechanism, unsampled */
bool choice_is_doubtful(const struct trail_lock *lock, const struct choice *c);
bool choice_is_doubtful_for_ever(const struct trail_lock *lock, const struct choice *c);
bool choice_is_limit(const struct trail_lock *lock, const struct choice *c);

/* The lock's name where it has one of its own, else its id. */
void choice_say_lock(const struct tally *t, const struct trail_lock *lock, struct buf *out);

/* "a, b, c and 2 more"; returns how many there are, and says nothing where there is none. */
size_t choice_say(const struct tally *t, const struct choice *c, struct buf *out);

#endif
