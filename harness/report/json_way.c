/* SPDX-License-Identifier: Apache-2.0 */
#include "report/json_way.h"

#include <string.h>

static void put_hop(struct json_out *j, const struct evidence *ev, const struct trail_hop *h)
{
    const struct {
        const char *key;
        uint64_t count;
    } counts[] = {
        {"sent", h->sent},     {"received", h->received}, {"same", h->same},       {"changed", h->changed},
        {"lost", h->lost},     {"doubled", h->doubled},   {"retried", h->retried}, {"reordered", h->reordered},
        {"merged", h->merged}, {"split", h->split},       {"unknown", h->unknown}, {"told_well", h->told_well},
    };
    const struct instance *instance = &ev->ledger.instances[h->instance];
    json_object(j);
    json_put_string(j, "instance", instance->name);
    json_put_bool(j, "mirror", instance->mirror);
    json_put_string(j, "from", stage_name(h->from));
    json_put_string(j, "to", stage_name(h->to));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_put_uint(j, counts[i].key, counts[i].count);
    json_object_end(j);
}

static void put_hops(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "hops");
    json_array(j);
    for (size_t i = 0; i < ev->matching.hop_count; i++)
        put_hop(j, ev, &ev->matching.hops[i]);
    json_array_end(j);
}

static void put_strings(struct json_out *j, const char *key, char *const *items, size_t count)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < count; i++)
        json_string(j, items[i]);
    json_array_end(j);
}

static void put_screens(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "screens");
    json_array(j);
    for (size_t i = 0; i < ev->copy_count; i++) {
        const struct screen_names *s = ev->copies[i].screen;
        if (!s)
            continue;
        json_object(j);
        json_put_string(j, "instance", ev->ledger.instances[ev->copies[i].instance].name);
        json_put_string(j, "path", ev->copies[i].path);
        json_put_string(j, "how", s->how);
        put_strings(j, "labels", s->labels, s->label_count);
        put_strings(j, "pictures", s->pictures, s->picture_count);
        put_strings(j, "unknown", s->unknown, s->unknown_count);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_services(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "services");
    json_array(j);
    for (size_t i = 0; i < ev->service_count; i++) {
        json_object(j);
        json_put_string(j, "name", ev->services[i].name);
        json_put_bool(j, "good", ev->services[i].good);
        json_put_string(j, "cause", ev->services[i].cause);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_faults(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "faults");
    json_array(j);
    for (const char *line = ev->faults; line && *line;) {
        size_t size = strcspn(line, "\n");
        if (size > 0)
            json_string_n(j, line, size);
        line += size + (line[size] == '\n');
    }
    json_array_end(j);
}

void json_way(struct json_out *j, const struct evidence *ev)
{
    put_hops(j, ev);
    put_screens(j, ev);
    put_services(j, ev);
    put_faults(j, ev);
}
