/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/scopes.h"

#include "base/mem.h"
#include "lockprof/resolve/symbols.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_MAX 64    /* blocks and inlined functions inside one another */
#define VARIABLES_MAX 512 /* of one function that are looked at */
#define LEVELS_MAX 32
#define ORIGINS_MAX 8

/* DIEs around a pc, outermost (the function) first. */
struct chain {
    Dwarf_Die dies[NESTING_MAX];
    size_t count;
};

void scopes_init(struct scopes *scopes, struct modules *modules, struct pool *pool, struct standard *standard,
                 scopes_types_fn types, void *context)
{
    *scopes =
        (struct scopes){.modules = modules, .pool = pool, .standard = standard, .types = types, .context = context};
    functions_init(&scopes->functions, pool);
}

void scopes_fini(struct scopes *scopes)
{
    table_fini(&scopes->plans);
    functions_fini(&scopes->functions);
}

const char *scopes_base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static const char *file_name(Dwarf_CU *cu, Dwarf_Word index)
{
    Dwarf_Die unit;
    Dwarf_Files *files;
    size_t count;
    Dwarf_Half version = 0;
    if (!dwarf_cu_die(cu, &unit, &version, NULL, NULL, NULL, NULL, NULL) || (index == 0 && version < 5) ||
        dwarf_getsrcfiles(&unit, &files, &count) != 0 || index >= count) {
        return NULL;
    }
    return scopes_base_name(dwarf_filesrc(files, index, NULL, NULL));
}

const char *scopes_declaration(Dwarf_Die *die, unsigned *line)
{
    Dwarf_Attribute attr;
    Dwarf_Word value;
    *line = 0;
    if (dwarf_attr_integrate(die, DW_AT_decl_line, &attr) && dwarf_formudata(&attr, &value) == 0) {
        *line = (unsigned)value;
    }
    if (!dwarf_attr_integrate(die, DW_AT_decl_file, &attr) || dwarf_formudata(&attr, &value) != 0) {
        return NULL;
    }
    return file_name(attr.cu, value);
}

/* Blocks and inlined functions around the pc. */
static void descend(Dwarf_Die *parent, uint64_t pc, struct chain *chain)
{
    Dwarf_Die die;
    if (chain->count == NESTING_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);
        if (tag != DW_TAG_lexical_block && tag != DW_TAG_inlined_subroutine && tag != DW_TAG_try_block &&
            tag != DW_TAG_catch_block) {
            continue;
        }
        size_t before = chain->count;
        bool has_pc = dwarf_haspc(&die, pc) == 1;
        if (has_pc) {
            chain->dies[chain->count++] = die;
        } else if (dwarf_hasattr(&die, DW_AT_low_pc) || dwarf_hasattr(&die, DW_AT_ranges)) {
            continue;
        }
        descend(&die, pc, chain);
        if (chain->count > before) {
            return;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

/* The variables of a level. */

struct collect {
    struct scopes *scopes;
    struct types *types;
    const struct plan *plan;
    struct level *level;
    struct variable list[VARIABLES_MAX];
    size_t count;
};

static bool is_shadowed(const struct collect *collect, const char *name)
{
    for (size_t i = 0; i < collect->count; i++) {
        if (strcmp(collect->list[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the source declares the variable only behind the place: there it is neither in scope nor has it a value. */
static bool is_declared_later(const struct collect *collect, Dwarf_Die *die)
{
    unsigned line;
    const struct level *level = collect->level;
    if (!level->file || !level->line) {
        return false;
    }
    const char *file = scopes_declaration(die, &line);
    return file && line > level->line && strcmp(file, level->file) == 0;
}

static void add_variable(struct collect *collect, Dwarf_Die *die, bool is_parameter)
{
    const char *name = dwarf_diename(die);
    if (!name || collect->count == VARIABLES_MAX || is_shadowed(collect, name) ||
        (!is_parameter && is_declared_later(collect, die))) {
        return;
    }
    struct variable *variable = &collect->list[collect->count++];
    *variable = (struct variable){.name = name, .is_parameter = is_parameter, .die = *die};
    variable->type = types_of_variable(collect->types, die);
    Dwarf_Attribute attr;
    if (variable->type->kind != TYPE_OTHER && dwarf_attr(die, DW_AT_location, &attr) &&
        expression_at(&attr, collect->plan->pc, &variable->ops, &variable->op_count)) {
        variable->attr = attr;
    }
}

static void add_variables(struct collect *collect, Dwarf_Die *scope)
{
    Dwarf_Die die;
    if (dwarf_child(scope, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);
        if (tag == DW_TAG_formal_parameter || tag == DW_TAG_variable) {
            add_variable(collect, &die, tag == DW_TAG_formal_parameter);
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

static bool is_function(Dwarf_Die *die)
{
    int tag = dwarf_tag(die);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* Where the inlined function was called. */
static void call_place(Dwarf_Die *inlined, struct level *level)
{
    Dwarf_Attribute attr;
    Dwarf_Word line = 0, index = 0;
    if (dwarf_attr(inlined, DW_AT_call_line, &attr) && dwarf_formudata(&attr, &line) == 0) {
        level->line = (unsigned)line;
    }
    if (dwarf_attr(inlined, DW_AT_call_file, &attr) && dwarf_formudata(&attr, &index) == 0) {
        level->file = file_name(inlined->cu, index);
    }
}

static Dwarf_Die origin_of(Dwarf_Die die);

/* Whether a function was inlined into what remains of it (gcc splits functions that begin with an early return). */
static bool is_split(const struct chain *chain, size_t inlined)
{
    for (size_t i = inlined; i-- > 0;) {
        Dwarf_Die outer = chain->dies[i];
        if (is_function(&outer)) {
            return origin_of(outer).addr == origin_of(chain->dies[inlined]).addr;
        }
    }
    return false;
}

static void add_levels(struct collect *collect, struct plan *plan, const struct chain *chain)
{
    struct level levels[LEVELS_MAX] = {0};
    struct place place[SYMBOLS_INLINE_MAX];
    size_t count = 0,
           places = symbols_places(collect->scopes->modules, plan->pc + plan->bias, place, SYMBOLS_INLINE_MAX);
    if (places) {
        levels[0].file = scopes_base_name(place[0].file);
        levels[0].line = place[0].line;
    }
    collect->count = 0;
    for (size_t i = chain->count; i-- > 0 && count < LEVELS_MAX;) {
        Dwarf_Die die = chain->dies[i];
        struct level *level = &levels[count];
        collect->level = level;
        add_variables(collect, &die);
        if (!is_function(&die)) {
            continue;
        }
        level->function = dwarf_diename(&die);
        level->is_standard = standard_function(collect->scopes->standard, &die);
        struct variable *variables = pool_alloc(collect->scopes->pool, collect->count * sizeof *variables + 1);
        memcpy(variables, collect->list, collect->count * sizeof *variables);
        level->variables = variables;
        level->count = collect->count;
        collect->count = 0;
        if (++count < LEVELS_MAX && is_split(chain, i)) {
            levels[count].file = level->file;
            levels[count].line = level->line;
        } else if (count < LEVELS_MAX) {
            call_place(&die, &levels[count]);
        }
    }
    plan->count = count;
    plan->levels = pool_alloc(collect->scopes->pool, count * sizeof *levels + 1);
    memcpy((void *)plan->levels, levels, count * sizeof *levels);
}

static bool build(struct scopes *scopes, struct plan *plan, const struct frame *frame)
{
    Dwarf_Die unit;
    Dwarf_Addr bias;
    struct chain chain = {.count = 1};
    if (!frame->module || !modules_unit(scopes->modules, frame->pc, &unit, &bias)) {
        return false;
    }
    plan->module = frame->module;
    plan->bias = bias;
    plan->pc = frame->pc - bias;
    const struct functions *functions = functions_of(&scopes->functions, &unit);
    if (!functions_at(functions, plan->pc, &plan->function)) {
        return false;
    }
    plan->is_folded = functions_folded(&scopes->functions, functions, &plan->function, frame->module, bias);
    chain.dies[0] = plan->function;
    descend(&plan->function, plan->pc, &chain);
    plan->has_frame_base = dwarf_attr_integrate(&plan->function, DW_AT_frame_base, &plan->frame_base) &&
                           expression_at(&plan->frame_base, plan->pc, &plan->frame_base_ops, &plan->frame_base_count);
    struct collect *collect = mem_calloc(1, sizeof *collect);
    *collect = (struct collect){.scopes = scopes, .plan = plan};
    collect->types = scopes->types(scopes->context, frame->module);
    add_levels(collect, plan, &chain);
    free(collect);
    return true;
}

const struct plan *scopes_plan(struct scopes *scopes, const struct frame *frame)
{
    if (!frame->pc) {
        return NULL;
    }
    struct plan *plan = table_get(&scopes->plans, frame->pc);
    if (!plan) {
        plan = pool_alloc(scopes->pool, sizeof *plan);
        if (!build(scopes, plan, frame)) {
            plan->count = 0;
        }
        table_put(&scopes->plans, frame->pc, plan);
    }
    return plan->count ? plan : NULL;
}

/* Entry values. */

static bool call_site_returns_to(Dwarf_Die *die, uint64_t pc)
{
    Dwarf_Attribute attr;
    Dwarf_Addr address;
    int tag = dwarf_tag(die);
    if (tag == DW_TAG_call_site) {
        return dwarf_attr(die, DW_AT_call_return_pc, &attr) && dwarf_formaddr(&attr, &address) == 0 && address == pc;
    }
    return tag == DW_TAG_GNU_call_site && dwarf_attr(die, DW_AT_low_pc, &attr) &&
           dwarf_formaddr(&attr, &address) == 0 && address == pc;
}

static bool find_call_site(Dwarf_Die *parent, uint64_t pc, int nesting, Dwarf_Die *out)
{
    Dwarf_Die die;
    if (nesting > NESTING_MAX || dwarf_child(parent, &die) != 0) {
        return false;
    }
    do {
        int tag = dwarf_tag(&die);
        if (call_site_returns_to(&die, pc)) {
            *out = die;
            return true;
        }
        if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
            find_call_site(&die, pc, nesting + 1, out)) {
            return true;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
    return false;
}

/* The declaration that a DIE of a function goes back to. */
static Dwarf_Die origin_of(Dwarf_Die die)
{
    for (int i = 0; i < ORIGINS_MAX; i++) {
        Dwarf_Attribute attr;
        Dwarf_Die next;
        if ((!dwarf_attr(&die, DW_AT_abstract_origin, &attr) && !dwarf_attr(&die, DW_AT_specification, &attr)) ||
            !dwarf_formref_die(&attr, &next)) {
            break;
        }
        die = next;
    }
    return die;
}

static bool is_same_function(Dwarf_Die a, Dwarf_Die b)
{
    Dwarf_Attribute attr;
    const char *linkage_a = dwarf_formstring(dwarf_attr_integrate(&a, DW_AT_linkage_name, &attr));
    const char *linkage_b = dwarf_formstring(dwarf_attr_integrate(&b, DW_AT_linkage_name, &attr));
    Dwarf_Die origin_a = origin_of(a), origin_b = origin_of(b);
    if (origin_a.addr == origin_b.addr) {
        return true;
    }
    if (linkage_a || linkage_b) {
        return linkage_a && linkage_b && strcmp(linkage_a, linkage_b) == 0;
    }
    const char *name_a = dwarf_diename(&a), *name_b = dwarf_diename(&b);
    return name_a && name_b && strcmp(name_a, name_b) == 0;
}

/* Whether the call goes to the function itself, not to one that jumps on to it. */
static bool calls_function(const struct environment *caller, Dwarf_Die *site, const struct plan *callee)
{
    Dwarf_Attribute attr;
    Dwarf_Die origin, function = callee->function;
    if ((dwarf_attr(site, DW_AT_call_origin, &attr) || dwarf_attr(site, DW_AT_abstract_origin, &attr)) &&
        dwarf_formref_die(&attr, &origin)) {
        return is_same_function(origin, function);
    }
    Dwarf_Op *ops;
    size_t count;
    uint64_t target;
    Dwarf_Addr entry;
    return (dwarf_attr(site, DW_AT_call_target, &attr) || dwarf_attr(site, DW_AT_GNU_call_site_target, &attr)) &&
           dwarf_getlocation(&attr, &ops, &count) == 0 && expression_value(caller, &attr, ops, count, &target) &&
           dwarf_entrypc(&function, &entry) == 0 && target == entry + callee->bias;
}

static bool parameter_value(const struct environment *caller, Dwarf_Die *site, uint64_t number, uint64_t *value)
{
    Dwarf_Die die;
    for (int more = dwarf_child(site, &die); more == 0; more = dwarf_siblingof(&die, &die)) {
        Dwarf_Attribute attr;
        Dwarf_Op *ops;
        size_t count;
        int tag = dwarf_tag(&die);
        if ((tag != DW_TAG_call_site_parameter && tag != DW_TAG_GNU_call_site_parameter) ||
            !dwarf_attr(&die, DW_AT_location, &attr) || dwarf_getlocation(&attr, &ops, &count) != 0 || count != 1 ||
            ops[0].atom != DW_OP_reg0 + number) {
            continue;
        }
        return (dwarf_attr(&die, DW_AT_call_value, &attr) || dwarf_attr(&die, DW_AT_GNU_call_site_value, &attr)) &&
               dwarf_getlocation(&attr, &ops, &count) == 0 && expression_value(caller, &attr, ops, count, value);
    }
    return false;
}

bool scopes_entry_value(const struct environment *environment, uint64_t number, uint64_t *value)
{
    struct environment caller = *environment;
    Dwarf_Die site, function;
    if (!environment->plan || number > 15 || environment->index + 1 >= environment->count) {
        return false;
    }
    caller.index++;
    caller.depth++;
    const struct frame *frame = &caller.frames[caller.index];
    caller.plan = scopes_plan(caller.scopes, frame);
    if (!caller.plan) {
        return false;
    }
    caller.module = caller.plan->module;
    caller.bias = caller.plan->bias;
    function = caller.plan->function;
    return find_call_site(&function, frame->return_address - caller.bias, 0, &site) &&
           calls_function(&caller, &site, environment->plan) && parameter_value(&caller, &site, number, value);
}
