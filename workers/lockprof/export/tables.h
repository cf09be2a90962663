/* SPDX-License-Identifier: Apache-2.0 */
/* What samples are made of, each kept once for the life of a collector: strings, functions, mappings, locations,
 * stacks. Code is known by its module and its link address, so that the same code loaded elsewhere (another process,
 * another run) is the same location. */
#ifndef LOCKPROF_EXPORT_TABLES_H
#define LOCKPROF_EXPORT_TABLES_H

#include "lockprof/export/intern.h"

/* Different stacks that are kept: as many as one capture file can have slots. A program with more (deep recursion of
 * many depths) gets the further ones cut to their innermost frame, which the profile's comments say. */
#define TABLES_STACKS_MAX ((size_t)256 << 10)
/* Different strings. Names of code are few; a program that gives each of its threads a name of its own is not. */
#define TABLES_STRINGS_MAX ((size_t)1 << 20)

struct table_function {
    uint32_t name, system_name, file; /* strings */
    uint32_t start_line;
};

/* A module. Addresses are link addresses. */
struct table_mapping {
    uint32_t path, build_id; /* strings; the build-id in hexadecimal */
    uint32_t why; /* string: why its debug information is missing; 0 where it is there or was not asked for */
    uint64_t start, limit;
    bool is_main; /* an executable */
};

struct table_line {
    uint32_t function;
    uint32_t line;
};

struct table_location {
    uint32_t mapping; /* index + 1; 0: code of no module */
    uint32_t line_count;
    size_t first_line; /* in `lines`: the innermost inlined function first */
    uint64_t address;
};

struct table_stack {
    size_t first; /* in `frames`: locations, innermost first */
    size_t count;
};

/* `{0}` is not valid: tables_init. */
struct tables {
    char **strings; /* 0 is "" */
    struct table_function *functions;
    struct table_mapping *mappings;
    size_t mapping_count;
    struct table_line *lines;
    size_t line_count;
    struct table_location *locations;
    uint32_t *frames;
    size_t frame_count;
    struct table_stack *stacks;     /* 0 is the empty one */
    size_t stacks_cut, strings_cut; /* how often a limit was met */
    struct intern string_index, function_index, location_index, stack_index;
    size_t string_capacity, function_capacity, mapping_capacity, line_capacity, location_capacity, frame_capacity,
        stack_capacity;
};

void tables_init(struct tables *t);
void tables_fini(struct tables *t);

/* Each gives the number of the element, new or not. NULL is "". A string beyond the limit is "". */
uint32_t tables_string(struct tables *t, const char *text);
uint32_t tables_function(struct tables *t, const struct table_function *function);
/* By path, build-id and link addresses; `why` is kept from the first that gives one. */
uint32_t tables_mapping(struct tables *t, const struct table_mapping *mapping);
/* A location that is known, or INTERN_NONE; `mapping` as in struct table_location. */
uint32_t tables_location_find(const struct tables *t, uint32_t mapping, uint64_t address);
/* One that is not known. */
uint32_t tables_location_add(struct tables *t, uint32_t mapping, uint64_t address, const struct table_line *lines,
                             size_t count);
uint32_t tables_stack(struct tables *t, const uint32_t *locations, size_t count);

#endif
