/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/samples.h"

#include "base/mem.h"

#include <stdlib.h>

int64_t value_times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) || product > INT64_MAX ? INT64_MAX : (int64_t)product;
}

int64_t value_plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void samples_fini(struct samples *samples)
{
    free(samples->items);
    intern_fini(&samples->index);
    *samples = (struct samples){0};
}

void samples_clear(struct samples *samples)
{
    intern_clear(&samples->index);
}

static bool same_sample(const void *table, uint32_t element, const void *key)
{
    const struct sample *a = &((const struct samples *)table)->items[element], *b = key;
    return a->stack == b->stack && a->label == b->label && a->thread == b->thread && a->pid == b->pid;
}

void samples_add(struct samples *samples, const struct sample *sample)
{
    uint32_t parts[] = {sample->stack, sample->label, sample->thread, (uint32_t)sample->pid};
    uint64_t hash = intern_hash(INTERN_SEED, parts, sizeof parts);
    uint32_t found = intern_find(&samples->index, hash, same_sample, samples, sample);
    if (found == INTERN_NONE) {
        samples->items = mem_grow(samples->items, samples->index.count, &samples->capacity, sizeof *samples->items);
        samples->items[samples->index.count] = *sample;
        intern_add(&samples->index, hash);
        return;
    }
    for (size_t i = 0; i < VALUE_TYPES; i++)
        samples->items[found].values[i] = value_plus(samples->items[found].values[i], sample->values[i]);
}
