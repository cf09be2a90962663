/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "trail/sides.h"

#include <stdlib.h>
#include <string.h>

/* The open units of a side that say whose they are and when, by runtime id and start. */
struct timeline {
    struct side *side;
    size_t *units;
    size_t count;
    size_t *skip; /* from each place the next one that is still open, as far as known */
};

static const struct trail_copy *copy_at(const struct timeline *t, size_t place)
{
    return side_copy(t->side, &t->side->units[t->units[place]]);
}

static int compare_start(const struct trail_copy *x, const struct trail_copy *y)
{
    int order = strcmp(x->runtime_id, y->runtime_id);
    return order ? order : (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int by_start(const void *a, const void *b, void *data)
{
    const struct side *s = data;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = compare_start(side_copy(s, &s->units[x]), side_copy(s, &s->units[y]));
    return order ? order : (x > y) - (x < y);
}

static void timeline_build(struct timeline *t, struct side *s)
{
    *t = (struct timeline){.side = s};
    t->units = mem_calloc(s->unit_count, sizeof *t->units);
    t->skip = mem_calloc(s->unit_count + 1, sizeof *t->skip);
    for (size_t i = 0; i < s->unit_count; i++) {
        const struct trail_copy *c = side_copy(s, &s->units[i]);
        if (s->units[i].partner == UNIT_NONE && side_has_id(c) && side_has_range(c)) {
            t->units[t->count++] = i;
        }
    }
    if (t->count > 0) {
        qsort_r(t->units, t->count, sizeof *t->units, by_start, s);
    }
    for (size_t i = 0; i <= t->count; i++) {
        t->skip[i] = i;
    }
}

static void timeline_fini(struct timeline *t)
{
    free(t->units);
    free(t->skip);
}

/* The first open place from `place` on. */
static size_t open_from(struct timeline *t, size_t place)
{
    size_t end = place;
    while (t->skip[end] != end) {
        end = t->skip[end];
    }
    while (t->skip[place] != end) {
        size_t next = t->skip[place];
        t->skip[place] = end;
        place = next;
    }
    return end;
}

/* The first place that does not begin before the copy. */
static size_t first_within(const struct timeline *t, const struct trail_copy *whole)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_start(copy_at(t, middle), whole) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Visits the open parts that lie within the whole; returns how many there are. Where `take` they become its own. */
static size_t parts_within(struct timeline *parts, struct timeline *wholes, size_t whole, bool take)
{
    const struct trail_copy *outer = copy_at(wholes, whole);
    size_t count = 0;
    for (size_t i = open_from(parts, first_within(parts, outer)); i < parts->count; i = open_from(parts, i + 1)) {
        const struct trail_copy *inner = copy_at(parts, i);
        if (strcmp(inner->runtime_id, outer->runtime_id) != 0 || inner->start_ns > outer->end_ns) {
            break;
        }
        if (inner->end_ns > outer->end_ns) {
            continue;
        }
        count++;
        if (take) {
            struct unit *u = &parts->side->units[parts->units[i]];
            u->role = UNIT_PART;
            u->partner = wholes->units[whole];
            wholes->side->units[wholes->units[whole]].role = UNIT_WHOLE;
            wholes->side->units[wholes->units[whole]].partner = parts->units[i];
            parts->skip[i] = i + 1;
        } else if (count == 2) {
            break;
        }
    }
    return count;
}

static void find_parts(struct side *parts_side, struct side *wholes_side)
{
    struct timeline parts, wholes;
    timeline_build(&parts, parts_side);
    timeline_build(&wholes, wholes_side);
    for (size_t i = 0; i < wholes.count; i++) {
        if (parts_within(&parts, &wholes, i, false) == 2) {
            parts_within(&parts, &wholes, i, true);
        }
    }
    timeline_fini(&parts);
    timeline_fini(&wholes);
}

void sides_match_times(struct side *from, struct side *to)
{
    find_parts(from, to);
    find_parts(to, from);
}
