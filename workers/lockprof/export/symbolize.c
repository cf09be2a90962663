/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/symbolize.h"

#include "base/buf.h"
#include "lockprof/export/demangle.h"
#include "lockprof/resolve/symbols.h"

#include <stdlib.h>

static uint32_t add_build_id(struct tables *t, const struct module *module)
{
    struct buf hex = {0};
    for (size_t i = 0; i < module->build_id_size; i++)
        buf_printf(&hex, "%02x", module->build_id[i]);
    uint32_t string = tables_string(t, hex.data);
    buf_fini(&hex);
    return string;
}

static size_t module_index(const struct image *image, const struct module *module)
{
    size_t count = modules_count(image->modules), i = 0;
    while (i < count && modules_at(image->modules, i) != module)
        i++;
    return i;
}

/* Mapping + 1. */
static uint32_t add_mapping(struct tables *t, struct image *image, const struct module *module)
{
    uint32_t *known = &image->mappings[module_index(image, module)];
    if (*known == 0) {
        struct table_mapping mapping = {.path = tables_string(t, module->path),
                                        .build_id = add_build_id(t, module),
                                        .start = module->start - module->bias,
                                        .limit = module->end - module->bias,
                                        .is_main = module->is_main};
        *known = tables_mapping(t, &mapping) + 1;
    }
    return *known;
}

static struct table_line add_line(struct tables *t, const struct place *place)
{
    char *plain = demangle(place->function);
    struct table_function function = {.name = tables_string(t, plain ? plain : place->function),
                                      .system_name = tables_string(t, place->function),
                                      .file = tables_string(t, place->file),
                                      .start_line = place->start_line};
    free(plain);
    return (struct table_line){tables_function(t, &function), place->line};
}

/* Why the names of this module's code are poor: known once it was asked for its debug information. */
static void note_why(struct tables *t, uint32_t mapping, const struct module *module)
{
    struct table_mapping *m = &t->mappings[mapping - 1];
    if (m->why == 0 && module->why[0])
        m->why = tables_string(t, module->why);
}

static uint32_t add_location(struct tables *t, struct image *image, const struct frame *frame)
{
    struct place places[SYMBOLS_INLINE_MAX];
    struct table_line lines[SYMBOLS_INLINE_MAX];
    size_t count = 0;
    uint32_t mapping = add_mapping(t, image, frame->module);
    uint64_t address = frame->pc - frame->module->bias;
    uint32_t found = tables_location_find(t, mapping, address);
    if (found != INTERN_NONE)
        return found;
    size_t place_count = symbols_places(image->modules, frame->pc, places, SYMBOLS_INLINE_MAX);
    for (size_t i = 0; i < place_count; i++)
        if (places[i].function)
            lines[count++] = add_line(t, &places[i]);
    note_why(t, mapping, frame->module);
    return tables_location_add(t, mapping, address, lines, count);
}

static uint32_t unknown_location(struct tables *t, uint64_t return_address)
{
    uint64_t address = return_address ? return_address - 1 : 0;
    uint32_t found = tables_location_find(t, 0, address);
    return found != INTERN_NONE ? found : tables_location_add(t, 0, address, NULL, 0);
}

uint32_t symbolize_stack(struct tables *t, struct image *image, const struct frame *frames, size_t count)
{
    uint32_t locations[FRAMES_MAX];
    count = count < FRAMES_MAX ? count : FRAMES_MAX;
    for (size_t i = 0; i < count; i++)
        locations[i] =
            frames[i].module ? add_location(t, image, &frames[i]) : unknown_location(t, frames[i].return_address);
    return tables_stack(t, locations, count);
}

uint32_t symbolize_unknown(struct tables *t, uint64_t return_address)
{
    uint32_t location = unknown_location(t, return_address);
    return tables_stack(t, &location, 1);
}
