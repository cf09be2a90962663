/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/sides.h"
#include "base/buf.h"
#include "base/mem.h"
#include "trail/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- one side ----------------------------------------------------------------------------------------------------- */

static bool has_hash(const struct trail_copy *c)
{
    return c->hash != NULL && c->hash[0] != '\0';
}

static void add_time(const struct trail_copy *c, struct buf *key)
{
    buf_add(key, &c->start_ns, sizeof c->start_ns);
    buf_add(key, &c->end_ns, sizeof c->end_ns);
}

static bool key_of_bytes_and_time(const struct trail_copy *c, struct buf *key)
{
    if (!has_hash(c)) {
        return false;
    }
    buf_add(key, c->hash, strlen(c->hash) + 1);
    add_time(c, key);
    return true;
}

/* One more copy of an upload that is there already: it stands for it where the one so far had failed. */
static void unit_add(struct side *s, struct unit *u, size_t item)
{
    s->next[u->last] = item;
    u->last = item;
    u->count++;
    if (fates_told_failure(side_copy(s, u))) {
        u->failed++;
        u->copy = s->items[item];
    }
}

void side_build(struct side *s, const struct trail_copy *copies, const size_t *items, size_t count)
{
    struct table keys = {0};
    struct buf key = {0};
    *s = (struct side){.copies = copies, .items = items, .count = count};
    s->next = mem_calloc(count, sizeof *s->next);
    s->units = mem_calloc(count, sizeof *s->units);
    size_t *unit_of = mem_calloc(count, sizeof *unit_of);
    for (size_t i = 0; i < count; i++) {
        s->next[i] = UNIT_NONE;
        buf_clear(&key);
        if (key_of_bytes_and_time(&copies[items[i]], &key)) {
            size_t known = keys.count, number = table_put(&keys, key.data, key.size);
            if (number < known) {
                unit_add(s, &s->units[unit_of[number]], i);
                continue;
            }
            unit_of[number] = s->unit_count;
        }
        s->units[s->unit_count++] =
            (struct unit){.copy = items[i], .first = i, .last = i, .cursor = i, .count = 1, .partner = UNIT_NONE};
    }
    free(unit_of);
    buf_fini(&key);
    table_fini(&keys);
}

void side_fini(struct side *s)
{
    free(s->next);
    free(s->units);
}

/* --- by a key ----------------------------------------------------------------------------------------------------- */

typedef bool (*key_fn)(const struct trail_copy *c, struct buf *key);

static bool key_of_bytes(const struct trail_copy *c, struct buf *key)
{
    if (!has_hash(c)) {
        return false;
    }
    buf_add_str(key, c->hash);
    return true;
}

static bool key_of_time(const struct trail_copy *c, struct buf *key)
{
    if (!side_has_id(c) || !side_has_range(c)) {
        return false;
    }
    buf_add(key, c->runtime_id, strlen(c->runtime_id) + 1);
    add_time(c, key);
    return true;
}

/* A local file says when, and not whose it is: which both sides of one process know already. */
static bool key_of_range(const struct trail_copy *c, struct buf *key)
{
    if (!side_has_range(c)) {
        return false;
    }
    add_time(c, key);
    return true;
}

static bool key_of_id(const struct trail_copy *c, struct buf *key)
{
    if (!side_has_id(c)) {
        return false;
    }
    buf_add_str(key, c->runtime_id);
    return true;
}

static bool key_of_nothing(const struct trail_copy *c, struct buf *key)
{
    (void)c;
    buf_add_char(key, '.');
    return true;
}

/* What a lost or changed label leaves alone: samples and times that are in the copy. */
static bool key_of_contents(const struct trail_copy *c, struct buf *key)
{
    uint64_t sums[3] = {c->unlabelled_samples, 0, 0};
    for (size_t i = 0; i < c->sighting_count; i++) {
        sums[0] += c->sightings[i].samples;
        sums[1] += c->sightings[i].wait_ns;
        sums[2] += c->sightings[i].hold_ns;
    }
    buf_add(key, sums, sizeof sums);
    return sums[1] + sums[2] > 0;
}

/* The units of one side that have no partner yet, by key, in their order. */
struct queue {
    size_t first, last, count;
};

struct queues {
    struct table keys;
    struct queue *items;
    size_t capacity;
    size_t *next; /* for each unit */
};

static bool is_open(const struct side *s, const struct unit *u, bool with_range)
{
    return u->partner == UNIT_NONE && (with_range || !side_has_range(side_copy(s, u)));
}

static void queues_build(struct queues *q, const struct side *s, key_fn key_of, bool with_range)
{
    struct buf key = {0};
    q->next = mem_calloc(s->unit_count, sizeof *q->next);
    for (size_t i = 0; i < s->unit_count; i++) {
        buf_clear(&key);
        if (!is_open(s, &s->units[i], with_range) || !key_of(side_copy(s, &s->units[i]), &key)) {
            continue;
        }
        size_t known = q->keys.count, number = table_put(&q->keys, key.data, key.size);
        if (number == known) {
            q->items = mem_grow(q->items, known, &q->capacity, sizeof *q->items);
            q->items[number] = (struct queue){i, i, 0};
        }
        q->next[q->items[number].last] = i;
        q->items[number].last = i;
        q->items[number].count++;
    }
    buf_fini(&key);
}

static void queues_fini(struct queues *q)
{
    table_fini(&q->keys);
    free(q->items);
    free(q->next);
}

static void pair_units(struct side *from, size_t f, struct side *to, size_t t)
{
    from->units[f].partner = t;
    to->units[t].partner = f;
}

/* Pairs the open units of equal key, first to first, second to second; where `equal` only if there are as many on one
 * side as on the other. */
static void match_by(struct side *from, struct side *to, key_fn key_of, bool equal, bool with_range)
{
    struct queues f = {0}, t = {0};
    queues_build(&f, from, key_of, with_range);
    queues_build(&t, to, key_of, with_range);
    for (size_t i = 0; i < t.keys.count; i++) {
        size_t same = table_find(&f.keys, t.keys.keys[i].bytes, t.keys.keys[i].size);
        if (same == TABLE_NONE) {
            continue;
        }
        assert(f.items != NULL && t.items != NULL); /* each has the key */
        if (equal && f.items[same].count != t.items[i].count) {
            continue;
        }
        size_t a = f.items[same].first, b = t.items[i].first;
        size_t count = f.items[same].count < t.items[i].count ? f.items[same].count : t.items[i].count;
        for (; count > 0; count--, a = f.next[a], b = t.next[b]) {
            pair_units(from, a, to, b);
        }
    }
    queues_fini(&f);
    queues_fini(&t);
}

/* A copy more of an upload that has its partner. */
static void find_extras(const struct side *from, struct side *to, key_fn key_of)
{
    struct table keys = {0};
    struct buf key = {0};
    size_t *first = mem_calloc(from->unit_count, sizeof *first);
    for (size_t i = 0; i < from->unit_count; i++) {
        buf_clear(&key);
        if (key_of(side_copy(from, &from->units[i]), &key)) {
            size_t known = keys.count;
            if (table_put(&keys, key.data, key.size) == known) {
                first[known] = i;
            }
        }
    }
    for (size_t i = 0; i < to->unit_count; i++) {
        struct unit *u = &to->units[i];
        buf_clear(&key);
        size_t found = u->partner == UNIT_NONE && key_of(side_copy(to, u), &key) ? table_find(&keys, key.data, key.size)
                                                                                 : TABLE_NONE;
        if (found != TABLE_NONE) {
            u->partner = first[found];
            u->extra = true;
        }
    }
    free(first);
    buf_fini(&key);
    table_fini(&keys);
}

static bool any_range(const struct side *s)
{
    for (size_t i = 0; i < s->unit_count; i++) {
        if (side_has_range(side_copy(s, &s->units[i]))) {
            return true;
        }
    }
    return false;
}

static bool all_have_ids(const struct side *s)
{
    for (size_t i = 0; i < s->unit_count; i++) {
        if (!side_has_id(side_copy(s, &s->units[i]))) {
            return false;
        }
    }
    return true;
}

/* Where both sides know what an upload covers, another time is another upload, and order tells nothing. */
void sides_match(struct side *from, struct side *to)
{
    bool guess = !any_range(from) || !any_range(to);
    match_by(from, to, key_of_bytes_and_time, false, true);
    match_by(from, to, key_of_bytes, false, true);
    match_by(from, to, key_of_time, false, true);
    bool ids = all_have_ids(from) && all_have_ids(to);
    if (!ids) {
        match_by(from, to, key_of_range, true, true);
    }
    find_extras(from, to, key_of_bytes);
    find_extras(from, to, ids ? key_of_time : key_of_range);
    sides_match_times(from, to);
    match_by(from, to, key_of_contents, true, guess);
    match_by(from, to, key_of_id, true, guess);
    if (!ids) {
        match_by(from, to, key_of_nothing, true, guess);
    }
}
