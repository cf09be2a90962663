/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/symbols.h"

#include "base/mem.h"
#include "lockprof/resolve/modules_elf.h"
#include "lockprof/resolve/modules_units.h"
#include "lockprof/resolve/symbols_cache.h"
#include "lockprof/resolve/symbols_elf.h"

#include <dwarf.h>
#include <string.h>

/* Blocks and inlined functions nest; deeper ones only a broken file has. */
#define DEPTH_MAX 256

/* The function and what is inlined at an address, outermost first; of more than the maximum the inner ones are left
 * out. */
struct chain {
    Dwarf_Die dies[SYMBOLS_INLINE_MAX];
    size_t count;
};

static bool child_at(Dwarf_Die *parent, Dwarf_Addr pc, Dwarf_Die *out)
{
    if (dwarf_child(parent, out) != 0) {
        return false;
    }
    do {
        int tag = dwarf_tag(out);
        if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) && dwarf_haspc(out, pc) > 0) {
            return true;
        }
    } while (dwarf_siblingof(out, out) == 0);
    return false;
}

static void follow(struct chain *chain, Dwarf_Addr pc)
{
    Dwarf_Die at = chain->dies[0];
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        Dwarf_Die child;
        if (!child_at(&at, pc, &child)) {
            return;
        }
        if (dwarf_tag(&child) == DW_TAG_inlined_subroutine) {
            if (chain->count == SYMBOLS_INLINE_MAX) {
                return;
            }
            chain->dies[chain->count++] = child;
        }
        at = child;
    }
}

static const char *function_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
    if (name == NULL) {
        name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute));
    }
    return name != NULL ? name : dwarf_diename(die);
}

static void function_facts(Dwarf_Die *die, struct place *place)
{
    int line;
    place->function = function_name(die);
    if (dwarf_decl_line(die, &line) == 0 && line > 0) {
        place->start_line = (unsigned)line;
    }
}

/* Where an inlined function was called: the place of the function around it. */
static void call_facts(Dwarf_Die *inlined, Dwarf_Die *unit, struct place *place)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    Dwarf_Files *files;
    size_t count;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &value) == 0) {
        place->line = (unsigned)value;
    }
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &value) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && value < count) {
        place->file = dwarf_filesrc(files, value, NULL, NULL);
    }
}

static void line_facts(Dwarf_Die *own, Dwarf_Addr pc, struct place *place)
{
    int number;
    Dwarf_Line *line = dwarf_getsrc_die(own, pc);
    if (line != NULL) {
        place->file = dwarf_linesrc(line, NULL, NULL);
        place->line = dwarf_lineno(line, &number) == 0 && number > 0 ? (unsigned)number : 0;
    }
}

/* By the debug information; 0: none for this address. */
static size_t places_of(struct elf_file *file, uint64_t pc, struct place *out)
{
    Dwarf_Addr at;
    struct chain chain = {.count = 0};
    if (elf_file_dwarf(file) == NULL) {
        return 0;
    }
    at = pc - file->dwarf_bias;
    struct elf_unit *unit = elf_unit_find(file, at);
    if (unit == NULL) {
        return 0;
    }
    if (elf_unit_function(file, unit, at, &chain.dies[0])) {
        chain.count = 1;
        follow(&chain, at);
    }
    size_t count = chain.count > 0 ? chain.count : 1;
    memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < chain.count; i++) {
        function_facts(&chain.dies[chain.count - 1 - i], &out[i]);
        if (i > 0) {
            call_facts(&chain.dies[chain.count - i], elf_unit_full(file, unit), &out[i]);
        }
    }
    line_facts(elf_unit_own(unit), at, &out[0]);
    return count;
}

size_t symbols_places(struct modules *modules, uint64_t pc, struct place *out, size_t max)
{
    const struct module *module = modules_find(modules, pc);
    if (max == 0) {
        return 0;
    }
    if (module == NULL || module->elf == NULL) {
        out[0] = (struct place){0};
        return 1;
    }
    struct elf_file *file = module->elf;
    struct cached_places *cached = place_cache_at(&file->places, pc - module->bias);
    if (cached->count == 0) {
        struct place made[SYMBOLS_INLINE_MAX] = {{0}};
        uint64_t offset;
        size_t count = places_of(file, pc - module->bias, made);
        cached->count = count > 0 ? count : 1;
        if (made[cached->count - 1].function == NULL) {
            made[cached->count - 1].function = elf_symbol_at(file, ELF_SYMBOL_FUNCTION, pc - module->bias, &offset);
        }
        cached->places = mem_calloc(cached->count, sizeof made[0]);
        memcpy(cached->places, made, cached->count * sizeof made[0]);
    }
    size_t count = cached->count < max ? cached->count : max;
    memcpy(out, cached->places, count * sizeof out[0]);
    out[count - 1] = cached->places[cached->count - 1];
    return count;
}

const char *symbols_object(struct modules *modules, uint64_t address, uint64_t *offset)
{
    const struct module *module = modules_find(modules, address);
    return module != NULL && module->elf != NULL
               ? elf_symbol_at(module->elf, ELF_SYMBOL_OBJECT, address - module->bias, offset)
               : NULL;
}

const char *symbols_thread_local(const struct module *module, uint64_t in_block, uint64_t *offset)
{
    return module->elf != NULL ? elf_symbol_at(module->elf, ELF_SYMBOL_THREAD, in_block, offset) : NULL;
}
