/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/choice.h"

#include <string.h>

/* Locks that a sentence names before "and N more". */
#define NAMES_MAX 3

static bool unique(const struct tally *t, const char *text)
{
    size_t number = table_find(&t->shown, text, strlen(text));
    return number != TABLE_NONE && t->shown_count[number] == 1;
}

void choice_say_lock(const struct tally *t, const struct trail_lock *lock, struct buf *out)
{
    const struct lock *l = work_lock(t->w, lock->lock);
    if (l->name[0] != '\0' && unique(t, l->name)) {
        buf_add_str(out, l->name);
    } else if (unique(t, l->id)) {
        buf_add_str(out, l->id);
    } else {
        buf_printf(out, "%s of %s", l->id, l->worker);
    }
}

size_t choice_say(const struct tally *t, const struct choice *c, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < t->result->lock_count; i++) {
        const struct trail_lock *lock = &t->result->locks[i];
        if (c->holds(lock, c) && count++ < NAMES_MAX) {
            buf_add_str(out, count > 1 ? ", " : "");
            choice_say_lock(t, lock, out);
        }
    }
    if (count > NAMES_MAX) {
        buf_printf(out, " and %zu more", count - NAMES_MAX);
    }
    return count;
}

bool choice_is_uploaders(const struct trail_lock *lock)
{
    return lock->lost && lock->loss.by_collector && lock->loss.stage > STAGE_COLLECTOR;
}

bool choice_is_lost_at(const struct trail_lock *lock, const struct choice *c)
{
    return lock->lost && lock->loss.stage == c->stage && choice_is_uploaders(lock) == c->uploader;
}

static enum unsampled unsampled_of(const struct trail_lock *lock)
{
    if (lock->loss.mechanism != MECHANISM_NEVER_SAMPLED) {
        return UNSAMPLED_NO;
    }
    enum lock_state control = lock->stages[STAGE_CONTROL].state;
    bool there = control != STATE_ABSENT && control != STATE_UNDERSAMPLED && control != STATE_NOT_RUN;
    if (control != STATE_ABSENT && lock->loss.all_captured) {
        return UNSAMPLED_CAPTURED;
    }
    return there ? UNSAMPLED_IN_STEP : UNSAMPLED_KIND;
}

bool choice_is_lost_by(const struct trail_lock *lock, const struct choice *c)
{
    return choice_is_lost_at(lock, c) && lock->loss.mechanism == c->mechanism && unsampled_of(lock) == c->unsampled;
}

bool choice_is_doubtful(const struct trail_lock *lock, const struct choice *c)
{
    (void)c;
    return tally_is_undersampled(lock);
}

bool choice_is_doubtful_for_ever(const struct trail_lock *lock, const struct choice *c)
{
    (void)c;
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
        if (lock->stages[s].needed_ms > 0) {
            return false;
        }
    }
    return tally_is_undersampled(lock);
}

bool choice_is_limit(const struct trail_lock *lock, const struct choice *c)
{
    (void)c;
    return lock->known_limit;
}
