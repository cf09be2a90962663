/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/globals.h"

#include "base/mem.h"
#include "lockprof/resolve/scopes.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 64 /* namespaces, functions and blocks inside one another */

enum wanted { WANT_VARIABLES, WANT_RECORDS };

void globals_init(struct globals *globals, struct modules *modules, const struct module *module)
{
    *globals = (struct globals){.modules = modules, .module = module};
}

void globals_fini(struct globals *globals)
{
    free(globals->statics.items);
    free(globals->locals.items);
    free(globals->records.items);
}

static void list_add(struct global_list *list, const struct global *global)
{
    if (list->count < GLOBALS_MAX) {
        list->items = mem_grow(list->items, list->count, &list->capacity, sizeof *list->items);
        list->items[list->count++] = *global;
    }
}

static uint64_t name_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* A place that follows from nothing but the expression: DW_OP_addr alone is by far the most common. */
static bool static_location(Dwarf_Attribute *attr, struct location *location, bool *is_thread_local)
{
    Dwarf_Block block;
    uint64_t address;
    *is_thread_local = false;
    if (dwarf_formblock(attr, &block) != 0) {
        return false; /* a list: the variable moves */
    }
    if (block.length == 1 + sizeof address && block.data[0] == DW_OP_addr) {
        memcpy(&address, block.data + 1, sizeof address);
        location->count = 1;
        location->pieces[0] = (struct piece){.kind = PIECE_MEMORY, .value = address};
        return true;
    }
    if (block.length == 0 || (block.data[0] >= DW_OP_breg0 && block.data[0] <= DW_OP_bregx)) {
        return false;
    }
    Dwarf_Op *ops;
    size_t count;
    struct environment environment = {.bias = 0};
    if (dwarf_getlocation(attr, &ops, &count) != 0 || count == 0) {
        return false;
    }
    unsigned last = ops[count - 1].atom;
    *is_thread_local = count > 1 && (last == DW_OP_form_tls_address || last == DW_OP_GNU_push_tls_address);
    for (size_t i = 0; i + *is_thread_local < count; i++) {
        unsigned atom = ops[i].atom;
        if (atom != DW_OP_addr && atom != DW_OP_addrx && atom != DW_OP_GNU_addr_index && atom != DW_OP_constx &&
            atom != DW_OP_GNU_const_index && atom != DW_OP_plus_uconst && atom != DW_OP_plus && atom != DW_OP_piece &&
            !(atom >= DW_OP_const1u && atom <= DW_OP_consts) && !(atom >= DW_OP_lit0 && atom <= DW_OP_lit31)) {
            return false;
        }
    }
    return expression_location(&environment, attr, ops, count - *is_thread_local, location);
}

static void add_variable(struct globals *globals, Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    struct location location;
    bool is_thread_local;
    struct global global = {.die = *die};
    if (!dwarf_attr(die, DW_AT_location, &attr) || !static_location(&attr, &location, &is_thread_local)) {
        return;
    }
    for (size_t i = 0; i < location.count; i++) {
        if (location.pieces[i].kind == PIECE_MEMORY) {
            global.address = location.pieces[i].value;
            global.size = location.pieces[i].size;
            list_add(is_thread_local ? &globals->locals : &globals->statics, &global);
        }
        global.offset += location.pieces[i].size;
    }
}

static void add_record(struct globals *globals, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    if (name && !dwarf_hasattr(die, DW_AT_declaration) && dwarf_hasattr(die, DW_AT_byte_size)) {
        list_add(&globals->records, &(struct global){.address = name_hash(name), .die = *die});
    }
}

static void walk(struct globals *globals, Dwarf_Die *parent, enum wanted wanted, int nesting)
{
    Dwarf_Die die;
    if (nesting > NESTING_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_variable:
            if (wanted == WANT_VARIABLES) {
                add_variable(globals, &die);
            }
            break;
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
        case DW_TAG_union_type:
            if (wanted == WANT_RECORDS) {
                add_record(globals, &die);
                walk(globals, &die, wanted, nesting + 1);
            }
            break;
        case DW_TAG_subprogram:
        case DW_TAG_lexical_block:
        case DW_TAG_inlined_subroutine:
            if (wanted == WANT_VARIABLES) {
                walk(globals, &die, wanted, nesting + 1);
            }
            break;
        case DW_TAG_namespace:
        case DW_TAG_module:
            walk(globals, &die, wanted, nesting + 1);
            break;
        default:
            break;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

/* The unit with the contents: of a skeleton its split unit, as libdw or the modules find it. */
static bool full_unit(struct globals *globals, uint8_t type, Dwarf_Die *unit, Dwarf_Die *sub, Dwarf_Die *out)
{
    *out = *unit;
    if (type != DW_UT_skeleton) {
        return type != DW_UT_type && type != DW_UT_split_type;
    }
    if (sub->addr && dwarf_tag(sub) == DW_TAG_compile_unit) {
        *out = *sub;
        return true;
    }
    Dwarf_Addr base, start, end, bias;
    return dwarf_ranges(unit, 0, &base, &start, &end) > 0 &&
           modules_unit(globals->modules, start + globals->bias, out, &bias);
}

static void walk_module(struct globals *globals, enum wanted wanted)
{
    Dwarf_CU *unit = NULL, *next;
    Dwarf_Half version;
    uint8_t type;
    Dwarf_Die die, sub, full;
    Dwarf_Addr bias;
    Dwarf *dwarf = modules_dwarf(globals->modules, globals->module, &bias);
    if (!dwarf) {
        return;
    }
    globals->bias = bias;
    while (dwarf_get_units(dwarf, unit, &next, &version, &type, &die, &sub) == 0) {
        if (die.addr && full_unit(globals, type, &die, &sub, &full)) {
            walk(globals, &full, wanted, 0);
        }
        unit = next;
    }
}

static int global_order(const void *a, const void *b)
{
    const struct global *ga = a, *gb = b;
    if (ga->address != gb->address) {
        return ga->address < gb->address ? -1 : 1;
    }
    return ga->die.addr < gb->die.addr ? -1 : ga->die.addr > gb->die.addr;
}

static void list_sort(struct global_list *list)
{
    if (list->count) {
        qsort(list->items, list->count, sizeof *list->items, global_order);
    }
}

/* The first element whose address is above. */
static size_t above(const struct global_list *list, uint64_t address)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool list_at(const struct global_list *list, uint64_t address, const struct global **out, size_t *count)
{
    size_t end = above(list, address);
    if (end == 0) {
        return false;
    }
    size_t start = end - 1;
    while (start > 0 && list->items[start - 1].address == list->items[end - 1].address) {
        start--;
    }
    *out = &list->items[start];
    *count = end - start;
    return true;
}

static bool tls_segment(const struct module *module, GElf_Phdr *out)
{
    GElf_Addr bias;
    size_t count;
    Elf *elf = module->dwfl ? dwfl_module_getelf(module->dwfl, &bias) : NULL;
    if (!elf || elf_getphdrnum(elf, &count) != 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (gelf_getphdr(elf, (int)i, out) && out->p_type == PT_TLS) {
            return true;
        }
    }
    return false;
}

/* gcc 12 with split DWARF writes the address of the variable's initial value where its offset should be. */
static void mend_thread_locals(struct globals *globals, const GElf_Phdr *segment)
{
    for (size_t i = 0; i < globals->locals.count; i++) {
        struct global *local = &globals->locals.items[i];
        if (local->address >= segment->p_memsz && local->address - segment->p_vaddr < segment->p_memsz) {
            local->address -= segment->p_vaddr;
        }
    }
}

static void need_variables(struct globals *globals)
{
    if (!globals->has_variables) {
        globals->has_variables = true;
        walk_module(globals, WANT_VARIABLES);
        if (globals->locals.count && tls_segment(globals->module, &globals->tls)) {
            mend_thread_locals(globals, &globals->tls);
        }
        list_sort(&globals->statics);
        list_sort(&globals->locals);
    }
}

bool globals_at(struct globals *globals, uint64_t address, const struct global **out, size_t *count, uint64_t *offset)
{
    need_variables(globals);
    if (!list_at(&globals->statics, address - globals->bias, out, count)) {
        return false;
    }
    *offset = address - globals->bias - (*out)->address;
    return true;
}

bool globals_thread_local_at(struct globals *globals, uint64_t into, const struct global **out, size_t *count,
                             uint64_t *offset)
{
    if (!globals->has_tls) {
        globals->has_tls = true;
        if (!tls_segment(globals->module, &globals->tls)) {
            globals->tls.p_memsz = 0;
        }
    }
    if (into >= globals->tls.p_memsz) {
        return false;
    }
    need_variables(globals);
    if (!list_at(&globals->locals, into, out, count)) {
        return false;
    }
    *offset = into - (*out)->address;
    return true;
}

static bool agree(Dwarf_Die *a, Dwarf_Die *b)
{
    unsigned line_a, line_b;
    const char *file_a = scopes_declaration(a, &line_a), *file_b = scopes_declaration(b, &line_b);
    return line_a == line_b && dwarf_bytesize(a) == dwarf_bytesize(b) && dwarf_tag(a) == dwarf_tag(b) && file_a &&
           file_b && strcmp(file_a, file_b) == 0;
}

bool globals_complete(void *context, Dwarf_Die *declaration, Dwarf_Die *definition)
{
    struct globals *globals = context;
    const char *name = dwarf_diename(declaration);
    if (!name) {
        return false;
    }
    if (!globals->has_records) {
        globals->has_records = true;
        walk_module(globals, WANT_RECORDS);
        list_sort(&globals->records);
    }
    const struct global *found;
    size_t count;
    uint64_t hash = name_hash(name);
    if (!list_at(&globals->records, hash, &found, &count) || found->address != hash) {
        return false;
    }
    Dwarf_Die first = found[0].die;
    const char *first_name = dwarf_diename(&first);
    for (size_t i = 1; i < count; i++) {
        Dwarf_Die other = found[i].die;
        if (!agree(&first, &other)) {
            return false;
        }
    }
    *definition = first;
    return first_name && strcmp(first_name, name) == 0;
}
