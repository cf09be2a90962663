/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/declared.h"

#include <string.h>

/* Told by the lock's id or its name; NULL for nothing. */
static const struct scenario_lock *expectation(const struct scenario *s, const struct lock *lock)
{
    for (size_t i = 0; i < s->expect_count; i++) {
        const struct scenario_lock *x = &s->expect[i];
        if ((!x->worker || strcmp(x->worker, lock->worker) == 0) &&
            (strcmp(x->id, lock->id) == 0 || strcmp(x->id, lock->name) == 0))
            return x;
    }
    return NULL;
}

void declared_expect(const struct scenario *s, struct lock *lock)
{
    const struct scenario_lock *x = expectation(s, lock);
    if (x) {
        lock->rendering = x->rendering;
        lock->mangled = x->mangled;
    }
}

struct lock declared_of_silent(const struct scenario *s, const struct scenario_worker *worker, size_t i)
{
    static char pattern[] = "command";
    const struct scenario_lock *x = &worker->locks[i];
    struct lock lock = {.worker = worker->name,
                        .id = x->id,
                        .name = x->name,
                        .pattern = pattern,
                        .file = x->file,
                        .line = x->line,
                        .rendering = x->rendering,
                        .mangled = x->mangled,
                        .qualified = x->qualified,
                        .sites = x->sites,
                        .site_count = x->site_count};
    declared_expect(s, &lock);
    return lock;
}
