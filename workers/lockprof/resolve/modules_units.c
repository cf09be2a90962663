/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/modules_units.h"

#include "base/mem.h"
#include "lockprof/resolve/debug_files_split.h"
#include "lockprof/resolve/modules_ranges.h"

#include <dwarf.h>
#include <stdlib.h>

/* DIEs nest as scopes do; deeper ones only a broken file has. */
#define DEPTH_MAX 64

struct elf_unit {
    Dwarf_Die own, full;
    bool split_tried;
    bool indexed, deep; /* functions of namespaces; functions inside functions and types as well */
    struct ranges functions;
};

struct elf_units {
    struct elf_unit *items;
    size_t count, capacity;
    struct ranges ranges; /* value: index of the unit */
};

/* Adds a DIE's ranges. Code that the linker threw away keeps ranges at 0 or at the end of the address space: only what
 * lies in a segment with code counts. Returns how many were added. */
static size_t add_ranges(const struct elf_file *file, Dwarf_Die *die, struct ranges *ranges, uint64_t value)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t at = 0;
    size_t before = ranges->count;
    while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
        const struct elf_segment *segment = elf_file_segment(file, start + file->dwarf_bias);
        if (segment != NULL && segment->executable && end > start) {
            ranges_add(ranges, start, end, value);
        }
    }
    return ranges->count - before;
}

/* Units without ranges of their own may have some in .debug_aranges. */
static void add_aranges(const struct elf_file *file, struct elf_units *units, const bool *has_ranges)
{
    Dwarf_Aranges *aranges;
    size_t count;
    if (dwarf_getaranges(file->dwarf, &aranges, &count) != 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        Dwarf_Addr start;
        Dwarf_Word length;
        Dwarf_Off offset;
        Dwarf_Arange *arange = dwarf_onearange(aranges, i);
        if (arange == NULL || dwarf_getarangeinfo(arange, &start, &length, &offset) != 0) {
            continue;
        }
        /* Units stand in the order of their offsets. */
        size_t low = 0, high = units->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (dwarf_dieoffset(&units->items[middle].own) < offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low < units->count && dwarf_dieoffset(&units->items[low].own) == offset && !has_ranges[low]) {
            ranges_add(&units->ranges, start, start + length, low);
        }
    }
}

static struct elf_units *units_of(struct elf_file *file)
{
    struct elf_units *units = mem_calloc(1, sizeof *units);
    Dwarf_CU *cu = NULL;
    Dwarf_Half version;
    uint8_t type;
    Dwarf_Die die;
    bool *has_ranges = NULL;
    size_t flags = 0;
    bool some_without = false;
    while (dwarf_get_units(file->dwarf, cu, &cu, &version, &type, &die, NULL) == 0) {
        if (type != DW_UT_compile && type != DW_UT_skeleton) {
            continue;
        }
        units->items = mem_grow(units->items, units->count, &units->capacity, sizeof units->items[0]);
        has_ranges = mem_grow(has_ranges, units->count, &flags, sizeof has_ranges[0]);
        units->items[units->count] = (struct elf_unit){.own = die};
        has_ranges[units->count] = add_ranges(file, &die, &units->ranges, units->count) > 0;
        some_without = some_without || !has_ranges[units->count];
        units->count++;
    }
    if (some_without) {
        add_aranges(file, units, has_ranges);
    }
    free(has_ranges);
    ranges_sort(&units->ranges);
    return units;
}

struct elf_unit *elf_unit_find(struct elf_file *file, uint64_t pc)
{
    uint64_t index;
    if (elf_file_dwarf(file) == NULL) {
        return NULL;
    }
    if (file->units == NULL) {
        file->units = units_of(file);
    }
    return ranges_find(&file->units->ranges, pc, &index) ? &file->units->items[index] : NULL;
}

Dwarf_Die *elf_unit_own(struct elf_unit *unit)
{
    return &unit->own;
}

Dwarf_Die *elf_unit_full(struct elf_file *file, struct elf_unit *unit)
{
    if (!unit->split_tried) {
        unit->split_tried = true;
        unit->full = unit->own;
        elf_split_unit(file, &unit->own, &unit->full);
    }
    return &unit->full;
}

/* Functions below `parent`: those of namespaces, and where `deep` those inside functions, blocks and types too. */
static void index_functions(const struct elf_file *file, struct elf_unit *unit, Dwarf_Die *parent, bool deep,
                            unsigned depth)
{
    Dwarf_Die die;
    if (depth > DEPTH_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);
        if (tag == DW_TAG_subprogram) {
            add_ranges(file, &die, &unit->functions, (uint64_t)dwarf_dieoffset(&die));
        }
        if (deep || tag == DW_TAG_namespace || tag == DW_TAG_module) {
            index_functions(file, unit, &die, deep, depth + 1);
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

bool elf_unit_function(struct elf_file *file, struct elf_unit *unit, uint64_t pc, Dwarf_Die *out)
{
    Dwarf_Die *full = elf_unit_full(file, unit);
    uint64_t offset;
    if (!unit->indexed) {
        unit->indexed = true;
        index_functions(file, unit, full, false, 0);
        ranges_sort(&unit->functions);
    }
    if (!ranges_find(&unit->functions, pc, &offset)) {
        if (unit->deep) {
            return false;
        }
        unit->deep = true;
        ranges_fini(&unit->functions);
        index_functions(file, unit, full, true, 0);
        ranges_sort(&unit->functions);
        if (!ranges_find(&unit->functions, pc, &offset)) {
            return false;
        }
    }
    return dwarf_offdie(dwarf_cu_getdwarf(full->cu), offset, out) != NULL;
}

void elf_units_free(struct elf_units *units)
{
    if (units == NULL) {
        return;
    }
    for (size_t i = 0; i < units->count; i++) {
        ranges_fini(&units->items[i].functions);
    }
    ranges_fini(&units->ranges);
    free(units->items);
    free(units);
}
