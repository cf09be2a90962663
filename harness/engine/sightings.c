/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sightings.h"

#include "base/mem.h"
#include "engine/orders.h"

#include <stdlib.h>
#include <string.h>

static enum copy_status status_of(const struct profile *p)
{
    if (!p)
        return COPY_CORRUPT;
    if (p->kind == PROFILE_FOREIGN)
        return p->name_count > 0 ? COPY_GOOD
                                 : COPY_FOREIGN; /* its sample types were renamed on the way, its names not */
    return p->kind == PROFILE_EMPTY ? COPY_EMPTY : COPY_GOOD;
}

void sightings_lend(const struct profile *p, const char *unreadable, struct trail_copy *out)
{
    out->status = status_of(p);
    out->why = p ? (p->kind == PROFILE_FOREIGN ? p->what : NULL) : unreadable;
    if (!p)
        return;
    struct sighting *sightings = mem_calloc(p->name_count, sizeof *sightings);
    struct trail_label_key *keys = mem_calloc(p->key_count, sizeof *keys);
    for (size_t i = 0; i < p->name_count; i++) {
        const struct profile_name *n = &p->names[i];
        if (out->stage == STAGE_CONTROL && strcmp(n->name, REFERENCE_LOCK) == 0)
            continue;
        sightings[out->sighting_count++] = (struct sighting){.label = n->label,
                                                             .file = n->file,
                                                             .line = n->line,
                                                             .name = n->name,
                                                             .samples = n->samples,
                                                             .acquires = n->acquires,
                                                             .wait_ns = n->wait_ns,
                                                             .releases = n->releases,
                                                             .hold_ns = n->hold_ns};
    }
    for (size_t i = 0; i < p->key_count; i++)
        keys[i] = (struct trail_label_key){.key = p->keys[i].key, .samples = p->keys[i].samples};
    out->sightings = sightings;
    out->unlabelled_samples = p->unlabelled;
    out->label_keys = keys;
    out->label_key_count = p->key_count;
}

void sightings_return(struct trail_copy *copy)
{
    free((void *)copy->sightings);
    free((void *)copy->label_keys);
}
