/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of form: other bytes that say the same. */
#include "base/mem.h"
#include "profile/edit_internal.h"

#include <stdlib.h>
#include <string.h>

/* The next of a series of numbers (splitmix64, Steele and others 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* New places for `count` things, from `first` on (Fisher and Yates). */
static uint32_t *shuffled(size_t count, size_t first, uint64_t seed)
{
    uint32_t *places = mem_calloc(count, sizeof *places);
    for (size_t i = 0; i < count; i++) {
        places[i] = (uint32_t)i;
    }
    for (size_t i = count; i > first + 1; i--) {
        size_t other = first + next(&seed) % (i - first);
        uint32_t place = places[i - 1];
        places[i - 1] = places[other];
        places[other] = place;
    }
    return places;
}

struct renumbering {
    const uint32_t *to;
    size_t count;
};

/* Numbers that were beyond the table before stay so: the reader looks at few of the fields. */
static void renumber(int64_t *index, void *data)
{
    const struct renumbering *r = data;
    if (*index >= 0 && (uint64_t)*index < r->count) {
        *index = r->to[*index];
    }
}

void profile_edit_reorder_strings(struct profile_edit *edit, uint64_t seed)
{
    Pprof__Profile *p = edit->message;
    uint32_t *to = shuffled(p->n_string_table, 1, seed); /* the first is "" */
    struct renumbering r = {to, p->n_string_table};
    ProtobufCBinaryData *table = edit_alloc(edit, edit->string_capacity * sizeof *table);
    for (size_t i = 0; i < p->n_string_table; i++) {
        table[to[i]] = p->string_table[i];
    }
    p->string_table = table;
    edit_each_reference(edit, renumber, &r);
    free(to);
}

struct doubling {
    const uint32_t *twin; /* 0: none */
    size_t count;
    uint64_t state;
};

static void use_twin(int64_t *index, void *data)
{
    struct doubling *d = data;
    bool other = next(&d->state) & 1;
    if (other && *index >= 0 && (uint64_t)*index < d->count && d->twin[*index] != 0) {
        *index = d->twin[*index];
    }
}

void profile_edit_duplicate_strings(struct profile_edit *edit, uint64_t seed)
{
    Pprof__Profile *p = edit->message;
    size_t count = p->n_string_table;
    uint32_t *twin = mem_calloc(count, sizeof *twin);
    for (size_t i = 1; i < count; i++) {
        if (next(&seed) & 1) {
            int64_t added = edit_add_string(edit, p->string_table[i].data, p->string_table[i].len);
            twin[i] = added >= 0 ? (uint32_t)added : 0;
        }
    }
    struct doubling d = {twin, count, seed};
    edit_each_reference(edit, use_twin, &d);
    free(twin);
}

void profile_edit_reorder_samples(struct profile_edit *edit, uint64_t seed)
{
    Pprof__Profile *p = edit->message;
    uint32_t *to = shuffled(p->n_sample, 0, seed);
    Pprof__Sample **samples = edit_alloc(edit, p->n_sample * sizeof *samples);
    for (size_t i = 0; i < p->n_sample; i++) {
        samples[to[i]] = p->sample[i];
    }
    p->sample = samples;
    free(to);
}

void profile_edit_add_type(struct profile_edit *edit, const char *type, const char *unit)
{
    Pprof__Profile *p = edit->message;
    Pprof__ValueType *added = edit_alloc(edit, sizeof *added);
    Pprof__ValueType **types = edit_copy(edit, p->sample_type, p->n_sample_type * sizeof *types, sizeof *types);
    int64_t type_index = edit_add_string(edit, type, strlen(type));
    int64_t unit_index = edit_add_string(edit, unit, strlen(unit));
    if (type_index < 0 || unit_index < 0 || p->n_sample_type == PROFILE_SAMPLE_TYPES_MAX) {
        return;
    }
    pprof__value_type__init(added);
    added->type = type_index;
    added->unit = unit_index;
    types[p->n_sample_type++] = added;
    p->sample_type = types;
    for (size_t i = 0; i < p->n_sample; i++) {
        Pprof__Sample *s = p->sample[i];
        s->value = edit_copy(edit, s->value, s->n_value * sizeof *s->value, sizeof *s->value);
        s->n_value++;
    }
}

/* The new name's string, or the old one's where nothing is to be replaced. */
static int64_t renamed(struct profile_edit *edit, int64_t index, char from, char to)
{
    const ProtobufCBinaryData *old = &edit->message->string_table[index];
    if (old->len == 0 || memchr(old->data, from, old->len) == NULL) {
        return index;
    }
    char *text = mem_calloc(old->len, 1);
    size_t size = old->len;
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)old->data[i] == from ? to : (char)old->data[i];
    }
    int64_t added = edit_add_string(edit, text, size);
    free(text);
    return added >= 0 ? added : index;
}

size_t profile_edit_rename_types(struct profile_edit *edit, char from, char to)
{
    size_t count = 0;
    for (size_t i = 0; i < edit->message->n_sample_type; i++) {
        int64_t *type = &edit->message->sample_type[i]->type;
        int64_t now = renamed(edit, *type, from, to);
        count += now != *type;
        *type = now;
    }
    return count;
}
