/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/elsewhere.h"
#include "base/mem.h"
#include "trail/gather.h"
#include "trail/naming.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Sites with one name that are compared. A program has a few; thousands of them under one name are hostile, and then
 * the first of them serve as well as any. */
#define SITES_MAX 64
/* Undeclared labels, those of the most samples first, that are looked through for an expression. */
#define EXPRESSIONS_MAX 1000

void elsewhere_build(struct elsewhere *e, const struct trail_result *result)
{
    *e = (struct elsewhere){.result = result};
    e->first = mem_calloc(result->undeclared_count, sizeof *e->first);
    e->next = mem_calloc(result->undeclared_count, sizeof *e->next);
    /* From the end, so that each chain begins with the most samples. */
    for (size_t i = result->undeclared_count; i-- > 0;) {
        size_t name = table_put_text(&e->names, result->undeclared[i].name);
        e->next[i] = e->first[name];
        e->first[name] = i + 1;
    }
}

void elsewhere_fini(struct elsewhere *e)
{
    table_fini(&e->names);
    free(e->first);
    free(e->next);
}

/* Lines between the two; one more than any within a file where the files differ. */
static uint64_t distance(const struct undeclared *u, const struct lock *lock)
{
    if (strcmp(u->file, gather_base_name(lock->file)) != 0) {
        return (uint64_t)UINT_MAX + 1;
    }
    return u->line > lock->line ? u->line - lock->line : lock->line - u->line;
}

static const struct undeclared *nearest(const struct elsewhere *e, const struct lock *lock, const char *name)
{
    size_t number = table_find(&e->names, name, strlen(name));
    const struct undeclared *best = NULL;
    size_t at = number == TABLE_NONE ? 0 : e->first[number];
    for (size_t i = 0; i < SITES_MAX && at != 0; i++) {
        const struct undeclared *u = &e->result->undeclared[at - 1];
        if (u->line != 0 && (best == NULL || distance(u, lock) < distance(best, lock))) {
            best = u;
        }
        at = e->next[at - 1];
    }
    return best;
}

/* Undeclared labels are few where a run is in order, and those looked through are bounded where it is not. */
static const struct undeclared *nearest_expression(const struct elsewhere *e, const struct lock *lock)
{
    const struct undeclared *best = NULL;
    size_t count = e->result->undeclared_count < EXPRESSIONS_MAX ? e->result->undeclared_count : EXPRESSIONS_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct undeclared *u = &e->result->undeclared[i];
        if (u->line != 0 && naming_is_declared(lock, u->name) &&
            (best == NULL || distance(u, lock) < distance(best, lock))) {
            best = u;
        }
    }
    return best;
}

const struct undeclared *elsewhere_find(const struct elsewhere *e, const struct lock *lock)
{
    if (lock->line == 0 || lock->name[0] == '\0') {
        return NULL;
    }
    const struct undeclared *found = nearest(e, lock, lock->name);
    if (found == NULL && lock->mangled != NULL) {
        found = nearest(e, lock, lock->mangled);
    }
    return found == NULL && lock->qualified ? nearest_expression(e, lock) : found;
}
