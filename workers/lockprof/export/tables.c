/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/tables.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct location_key {
    uint64_t address;
    uint64_t mapping;
};

struct stack_key {
    const uint32_t *locations;
    size_t count;
};

static bool same_string(const void *table, uint32_t element, const void *key)
{
    return strcmp(((const struct tables *)table)->strings[element], key) == 0;
}

static bool same_function(const void *table, uint32_t element, const void *key)
{
    return memcmp(&((const struct tables *)table)->functions[element], key, sizeof(struct table_function)) == 0;
}

static bool same_location(const void *table, uint32_t element, const void *key)
{
    const struct table_location *l = &((const struct tables *)table)->locations[element];
    const struct location_key *k = key;
    return l->address == k->address && l->mapping == k->mapping;
}

static bool same_stack(const void *table, uint32_t element, const void *key)
{
    const struct tables *t = table;
    const struct table_stack *s = &t->stacks[element];
    const struct stack_key *k = key;
    return s->count == k->count &&
           (k->count == 0 || memcmp(t->frames + s->first, k->locations, k->count * sizeof *k->locations) == 0);
}

void tables_init(struct tables *t)
{
    *t = (struct tables){0};
    tables_string(t, "");
    tables_stack(t, NULL, 0);
}

void tables_fini(struct tables *t)
{
    for (size_t i = 0; i < t->string_index.count; i++)
        free(t->strings[i]);
    free(t->strings);
    free(t->functions);
    free(t->mappings);
    free(t->lines);
    free(t->locations);
    free(t->frames);
    free(t->stacks);
    intern_fini(&t->string_index);
    intern_fini(&t->function_index);
    intern_fini(&t->location_index);
    intern_fini(&t->stack_index);
    *t = (struct tables){0};
}

uint32_t tables_string(struct tables *t, const char *text)
{
    if (!text)
        return 0;
    uint64_t hash = intern_hash(INTERN_SEED, text, strlen(text));
    uint32_t found = intern_find(&t->string_index, hash, same_string, t, text);
    if (found != INTERN_NONE)
        return found;
    if (t->string_index.count == TABLES_STRINGS_MAX) {
        t->strings_cut++;
        return 0;
    }
    t->strings = mem_grow(t->strings, t->string_index.count, &t->string_capacity, sizeof *t->strings);
    t->strings[t->string_index.count] = mem_strdup(text);
    return intern_add(&t->string_index, hash);
}

uint32_t tables_function(struct tables *t, const struct table_function *function)
{
    uint64_t hash = intern_hash(INTERN_SEED, function, sizeof *function);
    uint32_t found = intern_find(&t->function_index, hash, same_function, t, function);
    if (found != INTERN_NONE)
        return found;
    t->functions = mem_grow(t->functions, t->function_index.count, &t->function_capacity, sizeof *t->functions);
    t->functions[t->function_index.count] = *function;
    return intern_add(&t->function_index, hash);
}

uint32_t tables_mapping(struct tables *t, const struct table_mapping *mapping)
{
    for (size_t i = 0; i < t->mapping_count; i++) {
        struct table_mapping *m = &t->mappings[i];
        if (m->path == mapping->path && m->build_id == mapping->build_id && m->start == mapping->start &&
            m->limit == mapping->limit) {
            m->why = m->why ? m->why : mapping->why;
            return (uint32_t)i;
        }
    }
    t->mappings = mem_grow(t->mappings, t->mapping_count, &t->mapping_capacity, sizeof *t->mappings);
    t->mappings[t->mapping_count] = *mapping;
    return (uint32_t)t->mapping_count++;
}

static uint64_t hash_location(const struct location_key *key)
{
    return intern_hash(INTERN_SEED, key, sizeof *key);
}

uint32_t tables_location_find(const struct tables *t, uint32_t mapping, uint64_t address)
{
    struct location_key key = {address, mapping};
    return intern_find(&t->location_index, hash_location(&key), same_location, t, &key);
}

uint32_t tables_location_add(struct tables *t, uint32_t mapping, uint64_t address, const struct table_line *lines,
                             size_t count)
{
    struct location_key key = {address, mapping};
    t->locations = mem_grow(t->locations, t->location_index.count, &t->location_capacity, sizeof *t->locations);
    t->locations[t->location_index.count] = (struct table_location){
        .mapping = mapping, .line_count = (uint32_t)count, .first_line = t->line_count, .address = address};
    for (size_t i = 0; i < count; i++) {
        t->lines = mem_grow(t->lines, t->line_count, &t->line_capacity, sizeof *t->lines);
        t->lines[t->line_count++] = lines[i];
    }
    return intern_add(&t->location_index, hash_location(&key));
}

uint32_t tables_stack(struct tables *t, const uint32_t *locations, size_t count)
{
    struct stack_key key = {locations, count};
    uint64_t hash = intern_hash(INTERN_SEED, locations, count * sizeof *locations);
    uint32_t found = intern_find(&t->stack_index, hash, same_stack, t, &key);
    if (found != INTERN_NONE)
        return found;
    /* Stacks of one frame are as many as there are places in the code that take a lock. */
    if (t->stack_index.count >= TABLES_STACKS_MAX && count > 1) {
        t->stacks_cut++;
        return tables_stack(t, locations, 1);
    }
    t->stacks = mem_grow(t->stacks, t->stack_index.count, &t->stack_capacity, sizeof *t->stacks);
    t->stacks[t->stack_index.count] = (struct table_stack){t->frame_count, count};
    for (size_t i = 0; i < count; i++) {
        t->frames = mem_grow(t->frames, t->frame_count, &t->frame_capacity, sizeof *t->frames);
        t->frames[t->frame_count++] = locations[i];
    }
    return intern_add(&t->stack_index, hash);
}
