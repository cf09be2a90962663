/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/functions.h"

#include "base/mem.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 8       /* classes and functions inside functions, where functions are looked for */
#define SYMBOLS_MAX 4000000 /* function symbols of one module; beyond it folding is not seen */

/* Code of a function. */
struct code {
    uint64_t start, end;
    Dwarf_Die function;
};

struct functions {
    struct code *list; /* sorted by start */
    size_t count, capacity;
    Dwarf_Die *bodiless; /* definitions without code of their own: inlined everywhere, or folded */
    size_t bodiless_count, bodiless_capacity;
};

struct symbol {
    uint64_t address; /* link address */
    const char *name;
};

struct symbols {
    struct symbol *items; /* sorted by address */
    size_t count, capacity;
};

void functions_init(struct function_index *index, struct pool *pool)
{
    *index = (struct function_index){.pool = pool};
}

void functions_fini(struct function_index *index)
{
    for (size_t i = 0; i < index->units.capacity; i++) {
        if (index->units.keys[i]) {
            struct functions *functions = index->units.values[i];
            free(functions->list);
            free(functions->bodiless);
        }
    }
    for (size_t i = 0; i < index->modules.capacity; i++) {
        if (index->modules.keys[i]) {
            free(((struct symbols *)index->modules.values[i])->items);
        }
    }
    table_fini(&index->units);
    table_fini(&index->modules);
}

static void add_function(Dwarf_Die *die, struct functions *functions)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t offset = 0;
    size_t before = functions->count;
    while ((offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
        if (start <= 1 || start >= end) {
            continue; /* linkers leave 0 or 1 where they threw a function away */
        }
        functions->list = mem_grow(functions->list, functions->count, &functions->capacity, sizeof *functions->list);
        functions->list[functions->count++] = (struct code){start, end, *die};
    }
    if (functions->count == before && !dwarf_hasattr(die, DW_AT_declaration)) {
        functions->bodiless = mem_grow(functions->bodiless, functions->bodiless_count, &functions->bodiless_capacity,
                                       sizeof *functions->bodiless);
        functions->bodiless[functions->bodiless_count++] = *die;
    }
}

static void collect_functions(Dwarf_Die *parent, int nesting, bool in_function, struct functions *functions)
{
    Dwarf_Die die;
    if (nesting > NESTING_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_subprogram:
            add_function(&die, functions);
            collect_functions(&die, nesting + 1, true, functions);
            break;
        case DW_TAG_namespace:
        case DW_TAG_module:
            collect_functions(&die, nesting, in_function, functions);
            break;
        case DW_TAG_lexical_block:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
            if (in_function) {
                collect_functions(&die, nesting + 1, true, functions);
            }
            break;
        default:
            break;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

static int code_order(const void *a, const void *b)
{
    const struct code *ca = a, *cb = b;
    return ca->start < cb->start ? -1 : ca->start > cb->start;
}

const struct functions *functions_of(struct function_index *index, Dwarf_Die *unit)
{
    uint64_t key = (uint64_t)(uintptr_t)unit->addr;
    struct functions *functions = table_get(&index->units, key);
    if (!functions) {
        functions = pool_alloc(index->pool, sizeof *functions);
        table_put(&index->units, key, functions);
        collect_functions(unit, 0, false, functions);
        if (functions->count) {
            qsort(functions->list, functions->count, sizeof *functions->list, code_order);
        }
    }
    return functions;
}

bool functions_at(const struct functions *functions, uint64_t pc, Dwarf_Die *out)
{
    size_t low = 0, high = functions->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (functions->list[middle].start <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || pc >= functions->list[low - 1].end ||
        (low > 1 && functions->list[low - 2].start == functions->list[low - 1].start)) {
        return false;
    }
    *out = functions->list[low - 1].function;
    return true;
}

static int symbol_order(const void *a, const void *b)
{
    const struct symbol *sa = a, *sb = b;
    return sa->address < sb->address ? -1 : sa->address > sb->address;
}

static const struct symbols *symbols_of(struct function_index *index, const struct module *module)
{
    uint64_t key = (uint64_t)(uintptr_t)module;
    struct symbols *symbols = table_get(&index->modules, key);
    if (symbols) {
        return symbols;
    }
    symbols = pool_alloc(index->pool, sizeof *symbols);
    table_put(&index->modules, key, symbols);
    GElf_Addr bias = 0; /* of the Dwfl, which need not be the target's */
    int count = 0;
    if (module->dwfl && dwfl_module_getelf(module->dwfl, &bias)) {
        count = dwfl_module_getsymtab(module->dwfl);
    }
    for (int i = 1; i < count && symbols->count < SYMBOLS_MAX; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(module->dwfl, i, &symbol, &address, NULL, NULL, NULL);
        if (name && GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF) {
            symbols->items = mem_grow(symbols->items, symbols->count, &symbols->capacity, sizeof *symbols->items);
            symbols->items[symbols->count++] = (struct symbol){address - bias, name};
        }
    }
    if (symbols->count) {
        qsort(symbols->items, symbols->count, sizeof *symbols->items, symbol_order);
    }
    return symbols;
}

static bool is_called(Dwarf_Die *function, const char *name)
{
    Dwarf_Attribute attr;
    const char *plain = dwarf_diename(function);
    const char *linkage = dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attr));
    return (plain && strcmp(plain, name) == 0) || (linkage && strcmp(linkage, name) == 0);
}

static bool is_bodiless(const struct functions *functions, const char *name)
{
    for (size_t i = 0; i < functions->bodiless_count; i++) {
        Dwarf_Die die = functions->bodiless[i];
        if (is_called(&die, name)) {
            return true;
        }
    }
    return false;
}

bool functions_folded(struct function_index *index, const struct functions *functions, Dwarf_Die *function,
                      const struct module *module, uint64_t bias)
{
    Dwarf_Addr entry;
    if (dwarf_lowpc(function, &entry) != 0 && dwarf_entrypc(function, &entry) != 0) {
        return false;
    }
    const struct symbols *symbols = symbols_of(index, module);
    uint64_t address = entry + bias - module->bias;
    size_t low = 0, high = symbols->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->items[middle].address < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < symbols->count && symbols->items[low].address == address; low++) {
        const char *name = symbols->items[low].name;
        if (!is_called(function, name) && is_bodiless(functions, name)) {
            return true;
        }
    }
    return false;
}
