/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/symbols_elf.h"

#include "base/mem.h"
#include "lockprof/resolve/modules_ranges.h"

#include <stdlib.h>
#include <string.h>

struct elf_symbol {
    const char *name;
    char *cut; /* the name without a suffix, made at first use */
    uint64_t start;
    uint8_t rank; /* the smaller the better */
};

struct elf_symbols {
    struct elf_symbol *items;
    size_t count, capacity;
    struct ranges ranges[ELF_SYMBOL_TYPES]; /* value: index */
};

static int type_of(const GElf_Sym *symbol)
{
    switch (GELF_ST_TYPE(symbol->st_info)) {
    case STT_FUNC:
    case STT_GNU_IFUNC:
        return ELF_SYMBOL_FUNCTION;
    case STT_OBJECT:
    case STT_COMMON:
        return ELF_SYMBOL_OBJECT;
    case STT_TLS:
        return ELF_SYMBOL_THREAD;
    default:
        return -1;
    }
}

static uint8_t rank_of(const GElf_Sym *symbol)
{
    switch (GELF_ST_BIND(symbol->st_info)) {
    case STB_GLOBAL:
        return 0;
    case STB_WEAK:
        return 1;
    default:
        return 2;
    }
}

/* Whether `a` is the one to show of two at one place: the best rank, then the fewest underscores in front. */
static bool better(const struct elf_symbol *a, const struct elf_symbol *b)
{
    size_t a_lead = strspn(a->name, "_"), b_lead = strspn(b->name, "_");
    if (a->rank != b->rank) {
        return a->rank < b->rank;
    }
    return a_lead != b_lead ? a_lead < b_lead : strcmp(a->name, b->name) < 0;
}

/* Leaves one symbol for each range: the best. */
static void choose(struct elf_symbols *symbols, struct ranges *ranges)
{
    size_t kept = 0;
    ranges_sort(ranges);
    for (size_t i = 0; i < ranges->count; i++) {
        struct range *r = &ranges->items[i];
        struct range *last = kept > 0 ? &ranges->items[kept - 1] : NULL;
        if (last == NULL || last->start != r->start || last->end != r->end) {
            ranges->items[kept++] = *r;
        } else if (better(&symbols->items[r->value], &symbols->items[last->value])) {
            last->value = r->value;
        }
    }
    ranges->count = kept;
    ranges_sort(ranges);
}

static struct elf_symbols *symbols_of(struct elf_file *file)
{
    struct elf_symbols *symbols = mem_calloc(1, sizeof *symbols);
    int count = dwfl_module_getsymtab(file->dwfl_module);
    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        GElf_Word section;
        const char *name = dwfl_module_getsym_info(file->dwfl_module, i, &symbol, &address, &section, NULL, NULL);
        int type = name != NULL && name[0] != '\0' && section != SHN_UNDEF ? type_of(&symbol) : -1;
        uint64_t start = type == ELF_SYMBOL_THREAD ? symbol.st_value : address, end;
        if (type < 0 || symbol.st_size == 0 || __builtin_add_overflow(start, symbol.st_size, &end)) {
            continue;
        }
        symbols->items = mem_grow(symbols->items, symbols->count, &symbols->capacity, sizeof symbols->items[0]);
        symbols->items[symbols->count] = (struct elf_symbol){.name = name, .start = start, .rank = rank_of(&symbol)};
        ranges_add(&symbols->ranges[type], start, end, symbols->count++);
    }
    for (int type = 0; type < ELF_SYMBOL_TYPES; type++) {
        choose(symbols, &symbols->ranges[type]);
    }
    return symbols;
}

/* Compilers tell static locals and clones apart by `.NUMBER`, `.part.0`, `.constprop.0`, `.llvm.123`: a name in the
 * source has no dot. */
static const char *plain(struct elf_symbol *symbol)
{
    const char *dot = strchr(symbol->name, '.');
    if (dot == NULL || dot == symbol->name) {
        return symbol->name;
    }
    if (symbol->cut == NULL) {
        symbol->cut = mem_strndup(symbol->name, (size_t)(dot - symbol->name));
    }
    return symbol->cut;
}

const char *elf_symbol_at(struct elf_file *file, enum elf_symbol_type type, uint64_t address, uint64_t *offset)
{
    uint64_t index;
    if (file->symbols == NULL) {
        file->symbols = symbols_of(file);
    }
    if (!ranges_find(&file->symbols->ranges[type], address, &index)) {
        return NULL;
    }
    struct elf_symbol *symbol = &file->symbols->items[index];
    *offset = address - symbol->start;
    return plain(symbol);
}

void elf_symbols_free(struct elf_symbols *symbols)
{
    if (symbols == NULL) {
        return;
    }
    for (size_t i = 0; i < symbols->count; i++) {
        free(symbols->items[i].cut);
    }
    for (int type = 0; type < ELF_SYMBOL_TYPES; type++) {
        ranges_fini(&symbols->ranges[type]);
    }
    free(symbols->items);
    free(symbols);
}
