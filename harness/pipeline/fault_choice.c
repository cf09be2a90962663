/* SPDX-License-Identifier: Apache-2.0 */
/* Who is hit by a fault. */
#include "base/mem.h"
#include "pipeline/fault_internal.h"
#include "profile/label.h"

#include <stdlib.h>
#include <string.h>

/* Every bit of the result depends on every bit of the argument (splitmix64's finish, Steele and others 2014). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

struct fault_choice fault_choice_make(const struct scenario_fault *fault, uint64_t seed, size_t number, const char *key)
{
    uint64_t base = mix(seed + UINT64_C(0x9E3779B97F4A7C15));
    base = mix(base ^ (number + 1));
    for (; *key != '\0'; key++) {
        base = mix(base ^ (unsigned char)*key);
    }
    return (struct fault_choice){.base = base, .rate = fault->rate};
}

bool fault_choice_hits(const struct fault_choice *choice, uint64_t index)
{
    uint64_t number = mix(choice->base ^ mix(index + 1)) >> 11; /* as many bits as a double has */
    return (double)number < choice->rate * (double)(UINT64_C(1) << 53);
}

bool fault_is_for_samples(const struct scenario_fault *fault)
{
    switch (fault->mechanism) {
    case MECHANISM_LABEL_DROPPED:
    case MECHANISM_LABEL_KEY_RENAMED:
    case MECHANISM_VALUE_TRUNCATED:
    case MECHANISM_VALUE_REWRITTEN:
    case MECHANISM_SAMPLES_DROPPED:
        return fault->has_mechanism;
    default:
        return false;
    }
}

bool fault_is_for_profiles(const struct scenario_fault *fault)
{
    if (fault->has_mechanism) {
        return fault_is_for_samples(fault) || fault->mechanism == MECHANISM_NAMES_SWAPPED ||
               fault->mechanism == MECHANISM_PROFILE_CORRUPT;
    }
    switch (fault->change) {
    case CHANGE_RECOMPRESSED:
    case CHANGE_STRINGS_REORDERED:
    case CHANGE_STRINGS_DUPLICATED:
    case CHANGE_SAMPLES_REORDERED:
    case CHANGE_TYPE_ADDED:
    case CHANGE_TYPES_RENAMED:
        return true;
    default:
        return false;
    }
}

static bool ends_with(const char *text, size_t size, const char *tail)
{
    size_t tail_size = strlen(tail);
    return tail_size > 0 && size >= tail_size && memcmp(text + size - tail_size, tail, tail_size) == 0;
}

/* A lock's name as a collector shows it: alone, as the last member of a C expression, or as Python mangles it. */
static bool is_shown(const struct label *label, const char *name)
{
    if (!ends_with(label->name, label->name_size, name)) {
        return false;
    }
    size_t before = label->name_size - strlen(name);
    if (before == 0 || label->name[before - 1] == '.') {
        return true;
    }
    if (before >= 2 && memcmp(label->name + before - 2, "->", 2) == 0) {
        return true;
    }
    return strncmp(name, "__", 2) == 0 && label->name[0] == '_';
}

bool fault_is_for(const struct scenario_fault *fault, const char *label)
{
    struct label parts;
    if (fault->lock_count == 0 || label == NULL) {
        return fault->lock_count == 0;
    }
    bool split = label_parse(label, strlen(label), &parts);
    for (size_t i = 0; i < fault->lock_count; i++) {
        const char *slash = strrchr(fault->locks[i], '/');
        if (strcmp(label, fault->locks[i]) == 0 ||
            (split && is_shown(&parts, slash != NULL ? slash + 1 : fault->locks[i]))) {
            return true;
        }
    }
    return false;
}

/* --- names_swapped ------------------------------------------------------------------------------------------------ */

/* The name, or the whole value where it has none. */
static const char *name_of(const char *label)
{
    struct label parts;
    return label_parse(label, strlen(label), &parts) && parts.name_size > 0 ? parts.name : label;
}

static int by_name(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    int order = strcmp(name_of(x), name_of(y));
    return order != 0 ? order : strcmp(x, y);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Labels that differ, sorted by name; returns how many. */
static size_t unique(const char **labels, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(labels[kept - 1], labels[i]) != 0) {
            labels[kept++] = labels[i];
        }
    }
    return kept;
}

static size_t largest_group(const char *const *labels, size_t count)
{
    size_t largest = 0;
    for (size_t i = 0, first = 0; i < count; i++) {
        if (strcmp(name_of(labels[i]), name_of(labels[first])) != 0) {
            first = i;
        }
        largest = i - first + 1 > largest ? i - first + 1 : largest;
    }
    return largest;
}

/* A lock may have several labels with one name. Each label gets the one that is as many places on as the largest group
 * of a name has members, so that none gets its own name again unless more than half have it. */
void fault_swap_make(const char *const *labels, size_t count, struct fault_swap *out)
{
    *out = (struct fault_swap){0};
    const char **sorted = mem_calloc(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = labels[i];
    }
    qsort(sorted, count, sizeof *sorted, by_name);
    count = unique(sorted, count);
    size_t step = largest_group(sorted, count);
    if (step < count) {
        /* Pairs side by side, so that sorting by the first keeps them together. */
        const char **pairs = mem_calloc(2 * count, sizeof *pairs);
        for (size_t i = 0; i < count; i++) {
            pairs[2 * i] = sorted[i];
            pairs[2 * i + 1] = sorted[(i + step) % count];
        }
        qsort(pairs, count, 2 * sizeof *pairs, by_text);
        out->from = mem_calloc(count, sizeof *out->from);
        out->to = mem_calloc(count, sizeof *out->to);
        out->count = count;
        for (size_t i = 0; i < count; i++) {
            out->from[i] = mem_strdup(pairs[2 * i]);
            out->to[i] = mem_strdup(pairs[2 * i + 1]);
        }
        free(pairs);
    }
    free(sorted);
}

const char *fault_swap_of(const struct fault_swap *swap, const char *label)
{
    if (swap->count == 0) {
        return NULL;
    }
    char **found = bsearch(&label, swap->from, swap->count, sizeof *swap->from, by_text);
    return found != NULL ? swap->to[found - swap->from] : NULL;
}

void fault_swap_fini(struct fault_swap *swap)
{
    for (size_t i = 0; i < swap->count; i++) {
        free(swap->from[i]);
        free(swap->to[i]);
    }
    free(swap->from);
    free(swap->to);
    *swap = (struct fault_swap){0};
}
