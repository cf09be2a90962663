/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_names.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void tapping_names_fini(struct tapping_names *names)
{
    free(names->items);
    table_fini(&names->index);
    *names = (struct tapping_names){0};
}

static struct tapping_name *find(struct tapping_names *names, const char *label)
{
    size_t size = strlen(label), at = table_find(&names->index, label, size);
    if (at != TABLE_NONE)
        return &names->items[at];
    if (names->count == TAPPING_NAMES_MAX)
        return NULL;
    at = table_put(&names->index, label, size);
    names->items = mem_grow(names->items, names->count, &names->capacity, sizeof *names->items);
    names->items[at] = (struct tapping_name){.label = names->index.keys[at].bytes};
    names->count++;
    return &names->items[at];
}

void tapping_names_add(struct tapping_names *names, const struct profile *profile, int64_t now_ms)
{
    names->profiles++;
    names->unlabelled += profile->unlabelled;
    for (size_t i = 0; i < profile->name_count; i++) {
        const struct profile_name *p = &profile->names[i];
        struct tapping_name *n = find(names, p->label);
        if (!n) {
            names->further++;
            continue;
        }
        n->samples += p->samples;
        n->acquires += p->acquires;
        n->wait_ns += p->wait_ns;
        n->releases += p->releases;
        n->hold_ns += p->hold_ns;
        n->uploads++;
        n->last_ms = now_ms;
    }
}
