/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/stacks.h"

#include "base/mem.h"
#include "profile/content.h"

#include <stdlib.h>

/* Field numbers of proto/profile.proto. */
enum { PROFILE_LOCATION = 4, PROFILE_FUNCTION = 5 };
enum { LOCATION_ID = 1, LOCATION_ADDRESS = 3, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_LINE = 2 };
enum { FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_FILE = 4 };

static int by_id(const void *a, const void *b)
{
    const struct stack_entry *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Ids mostly count up from 1. */
static const struct stack_entry *find(const struct stack_table *t, uint64_t id)
{
    if (id - 1 < t->count && t->items[id - 1].id == id) {
        return &t->items[id - 1];
    }
    struct stack_entry key = {.id = id};
    return t->count > 0 ? bsearch(&key, t->items, t->count, sizeof key, by_id) : NULL;
}

static int add(struct stack_table *t, struct stack_entry entry, struct err *e)
{
    if (t->count == STACKS_ENTRIES_MAX) {
        return err_set(e, ERR_INPUT, "more than %zu functions or locations, which is the limit", STACKS_ENTRIES_MAX);
    }
    t->items = mem_grow(t->items, t->count, &t->capacity, sizeof *t->items);
    t->items[t->count++] = entry;
    return 0;
}

static void sort(struct stack_table *t)
{
    if (t->count > 0) {
        qsort(t->items, t->count, sizeof *t->items, by_id);
    }
}

/* The numbers of a flat message: fields 1 to `most`, 0 where they are not given. */
static int read_numbers(const struct wire *body, uint64_t *numbers, unsigned most, struct err *e)
{
    struct wire w = *body;
    struct wire_field f;
    int got;
    while ((got = wire_next(&w, &f, e)) > 0) {
        if (f.type == WIRE_VARINT && f.number <= most) {
            numbers[f.number] = f.value;
        }
    }
    return got;
}

static int read_function(struct stacks *s, const struct wire *body, struct err *e)
{
    uint64_t n[FUNCTION_FILE + 1] = {0};
    if (read_numbers(body, n, FUNCTION_FILE, e) < 0) {
        return -1;
    }
    uint64_t hash = content_mix(s->string_hash(s->data, n[FUNCTION_NAME]), s->string_hash(s->data, n[FUNCTION_FILE]));
    return add(&s->functions, (struct stack_entry){n[FUNCTION_ID], hash}, e);
}

static int read_location(struct stacks *s, const struct wire *body, struct err *e)
{
    struct wire w = *body;
    struct wire_field f;
    uint64_t id = 0, address = 0, lines = 0;
    int got;
    while ((got = wire_next(&w, &f, e)) > 0) {
        if (f.number == LOCATION_ID && f.type == WIRE_VARINT) {
            id = f.value;
        } else if (f.number == LOCATION_ADDRESS && f.type == WIRE_VARINT) {
            address = f.value;
        } else if (f.number == LOCATION_LINE && f.type == WIRE_BYTES) {
            uint64_t n[LINE_LINE + 1] = {0};
            if (read_numbers(&f.body, n, LINE_LINE, e) < 0) {
                return -1;
            }
            const struct stack_entry *function = find(&s->functions, n[LINE_FUNCTION]);
            lines = content_mix(content_mix(lines + 1, function ? function->hash : 0), n[LINE_LINE]);
        }
    }
    if (got < 0) {
        return -1;
    }
    return add(&s->locations, (struct stack_entry){id, lines != 0 ? lines : content_mix(2, address)}, e);
}

/* Functions may stand behind the locations that name them. */
static int read_all(struct stacks *s, struct reader *r, unsigned number,
                    int (*read)(struct stacks *s, const struct wire *body, struct err *e))
{
    struct wire w = {r->raw, r->raw + r->size, r->raw};
    struct wire_field f;
    int got;
    while ((got = wire_next(&w, &f, r->e)) > 0) {
        if (f.number == number && f.type == WIRE_BYTES && read(s, &f.body, r->e) < 0) {
            return -1;
        }
    }
    return got;
}

int stacks_read(struct stacks *s, struct reader *r)
{
    if (read_all(s, r, PROFILE_FUNCTION, read_function) < 0) {
        return -1;
    }
    sort(&s->functions);
    if (read_all(s, r, PROFILE_LOCATION, read_location) < 0) {
        return -1;
    }
    sort(&s->locations);
    return 0;
}

void stacks_fini(struct stacks *s)
{
    free(s->functions.items);
    free(s->locations.items);
}

uint64_t stacks_location(const struct stacks *s, uint64_t id)
{
    const struct stack_entry *entry = find(&s->locations, id);
    return entry ? entry->hash : content_mix(3, id);
}
