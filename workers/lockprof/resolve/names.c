/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a name:
 *   storage    a variable whose place for good holds the lock's address: right whatever the frames say
 *   frames     from the innermost function outward, inlined ones included; a way from a parameter is replaced by one
 *              from further out that ends in the same member; functions of the standard library are passed over
 *   globals    pointers in module data whose value was captured
 *   symbol     of the object in which the lock lies
 *   line       of the call
 *   address    of the lock in a module's data, else of the call
 * What stops it: two ways of one function, or of an inner and an outer one, that end in different members. One of them
 * begins at a pointer that is out of date, or the compiler merged functions; no name is given then. */
#include "lockprof/resolve/names.h"

#include "base/mem.h"
#include "lockprof/resolve/globals.h"
#include "lockprof/resolve/paths.h"
#include "lockprof/resolve/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words of module data that may point to the lock; the capture takes no more. */
#define POINTERS_MAX 64

/* What is kept of a module. */
struct module_names {
    struct types types;
    struct globals globals;
};

struct namer {
    struct modules *modules;
    struct pool pool;
    struct standard standard;
    struct scopes scopes;
    struct table by_module; /* struct module * to struct module_names * */
    struct memory memory;
    struct path_search search;
};

/* One lock on its way to a name. */
struct naming {
    struct namer *namer;
    const struct capture_snapshot *snapshot;
    const struct frame *frames;
    size_t count;
    unsigned locks;
    bool found, conflict;
    bool global; /* `path` begins at a pointer in module data */
    struct path path;
};

static struct module_names *names_of_module(struct namer *namer, const struct module *module)
{
    uint64_t key = (uint64_t)(uintptr_t)module;
    struct module_names *names = table_get(&namer->by_module, key);
    if (!names) {
        names = pool_alloc(&namer->pool, sizeof *names);
        globals_init(&names->globals, namer->modules, module);
        types_init(&names->types, &namer->pool, &namer->standard, globals_complete, &names->globals);
        table_put(&namer->by_module, key, names);
    }
    return names;
}

static struct types *types_of_module(void *context, const struct module *module)
{
    return &names_of_module(context, module)->types;
}

struct namer *namer_new(struct modules *modules)
{
    struct namer *namer = mem_calloc(1, sizeof *namer);
    namer->modules = modules;
    standard_init(&namer->standard, &namer->pool);
    scopes_init(&namer->scopes, modules, &namer->pool, &namer->standard, types_of_module, namer);
    return namer;
}

void namer_free(struct namer *namer)
{
    if (!namer) {
        return;
    }
    for (size_t i = 0; i < namer->by_module.capacity; i++) {
        if (namer->by_module.keys[i]) {
            struct module_names *names = namer->by_module.values[i];
            types_fini(&names->types);
            globals_fini(&names->globals);
        }
    }
    table_fini(&namer->by_module);
    scopes_fini(&namer->scopes);
    standard_fini(&namer->standard);
    pool_fini(&namer->pool);
    free(namer);
}

/* Storage. */

static bool global_variable(struct module_names *names, const struct global *global, struct variable *out)
{
    *out = (struct variable){.die = global->die};
    out->name = dwarf_diename(&out->die);
    out->type = types_of_variable(&names->types, &out->die);
    return out->name && out->type->kind != TYPE_OTHER;
}

static bool in_globals(struct naming *naming, struct module_names *names, const struct global *list, size_t count,
                       uint64_t offset)
{
    for (size_t i = 0; i < count; i++) {
        struct variable variable;
        if ((list[i].size == 0 || offset < list[i].size) && global_variable(names, &list[i], &variable) &&
            path_in_storage(&names->types, &variable, list[i].offset + offset, naming->locks, &naming->path)) {
            return true;
        }
    }
    return false;
}

static bool name_storage(struct naming *naming)
{
    struct namer *namer = naming->namer;
    uint64_t lock = naming->snapshot->lock, offset;
    const struct global *list;
    size_t count;
    const struct module *module = modules_find(namer->modules, lock);
    if (module) {
        struct module_names *names = names_of_module(namer, module);
        return globals_at(&names->globals, lock, &list, &count, &offset) &&
               in_globals(naming, names, list, count, offset);
    }
    for (size_t i = 0; i < modules_count(namer->modules); i++) {
        module = modules_at(namer->modules, i);
        uint64_t block = environment_tls(&namer->memory, module);
        if (!block || lock < block) {
            continue;
        }
        struct module_names *names = names_of_module(namer, module);
        if (globals_thread_local_at(&names->globals, lock - block, &list, &count, &offset) &&
            in_globals(naming, names, list, count, offset)) {
            return true;
        }
    }
    return false;
}

/* Frames. */

/* Takes what one function says. True: the search is over. */
static bool take(struct naming *naming, bool found, const struct path *path, bool conflict)
{
    if (!found) {
        if (conflict) {
            naming->found = false;
            naming->conflict = true;
        }
        return conflict;
    }
    if (conflict && !naming->found) {
        naming->conflict = true;
        return true;
    }
    if (naming->found && path->is_alias && path->visible == 0 && (path->is_parameter || naming->path.visible > 0)) {
        return false;
    }
    naming->found = true;
    naming->path = *path;
    return !path->is_alias && !path->is_parameter;
}

static bool name_level(struct naming *naming, const struct environment *environment, struct types *types,
                       const struct level *level)
{
    struct path_search *search = &naming->namer->search;
    struct path path;
    bool conflict;
    path_search_begin(search, types, environment, naming->snapshot->lock, naming->locks);
    for (size_t i = 0; i < level->count; i++) {
        path_search_add(search, &level->variables[i]);
    }
    bool found = path_search_run(search, naming->found ? &naming->path : NULL, &path, &conflict);
    return take(naming, found, &path, conflict);
}

static bool name_frames(struct naming *naming)
{
    struct namer *namer = naming->namer;
    for (size_t i = 0; i < naming->count; i++) {
        const struct plan *plan = scopes_plan(&namer->scopes, &naming->frames[i]);
        if (!plan || plan->is_folded) {
            continue;
        }
        struct environment environment = {
            .scopes = &namer->scopes,
            .memory = &namer->memory,
            .frames = naming->frames,
            .count = naming->count,
            .index = i,
            .module = plan->module,
            .bias = plan->bias,
            .plan = plan,
        };
        struct types *types = types_of_module(namer, plan->module);
        for (size_t l = 0; l < plan->count; l++) {
            if (!plan->levels[l].is_standard && name_level(naming, &environment, types, &plan->levels[l])) {
                return true;
            }
        }
    }
    return false;
}

/* Globals that point to the lock. */

static bool name_pointer(struct naming *naming, uint64_t address, uint64_t value, struct path *path)
{
    struct namer *namer = naming->namer;
    const struct module *module = modules_find(namer->modules, address);
    const struct global *list;
    size_t count;
    uint64_t offset;
    if (!module) {
        return false;
    }
    struct module_names *names = names_of_module(namer, module);
    if (!globals_at(&names->globals, address, &list, &count, &offset)) {
        return false;
    }
    struct environment environment = {.memory = &namer->memory, .module = module, .bias = names->globals.bias};
    for (size_t i = 0; i < count; i++) {
        struct variable variable;
        bool conflict;
        if ((list[i].size && offset >= list[i].size) || !global_variable(names, &list[i], &variable)) {
            continue;
        }
        path_search_begin(&namer->search, &names->types, &environment, naming->snapshot->lock, naming->locks);
        path_search_add_pointer(&namer->search, &variable, list[i].offset + offset, value);
        if (path_search_run(&namer->search, naming->found ? &naming->path : NULL, path, &conflict)) {
            return true;
        }
    }
    return false;
}

/* The shortest way from a global; none where two of them end in different members. */
static void name_pointers(struct naming *naming)
{
    uint64_t address, value;
    struct path path, best;
    bool found = false;
    for (size_t i = 0; i < POINTERS_MAX && capture_snapshot_pointer(naming->snapshot, i, &address, &value); i++) {
        if (!name_pointer(naming, address, value, &path)) {
            continue;
        }
        if (found && !best.is_alias && !path.is_alias && !path_same_end(&best, &path)) {
            return;
        }
        if (!found || (best.is_alias && !path.is_alias) ||
            (best.is_alias == path.is_alias && path.dereferences < best.dereferences)) {
            best = path;
            found = true;
        }
    }
    if (found) {
        take(naming, true, &best, false);
        /* What stands in a table of pointers may stand elsewhere in it tomorrow. */
        naming->global = strcmp(naming->path.text, best.text) == 0 && !strchr(best.text, '[');
    }
}

/* The parts of the label. */

static bool is_standard_module(const struct module *module)
{
    return module && (strncmp(module->name, "libstdc++.so", 12) == 0 || strncmp(module->name, "libc++.so", 9) == 0);
}

/* The line of the program's own code that called, not of a header of the standard library. */
static void call_line(struct naming *naming, struct lock_name *out)
{
    for (size_t i = 0; i < naming->count; i++) {
        const struct plan *plan = scopes_plan(&naming->namer->scopes, &naming->frames[i]);
        for (size_t l = 0; plan && l < plan->count; l++) {
            const struct level *level = &plan->levels[l];
            if (!level->is_standard && level->file && level->line) {
                out->file = mem_strdup(level->file);
                out->line = level->line;
                return;
            }
        }
        if (!plan) {
            struct place place[SYMBOLS_INLINE_MAX];
            size_t count = symbols_places(naming->namer->modules, naming->frames[i].pc, place, SYMBOLS_INLINE_MAX);
            if (count && place[0].file && place[0].line) {
                out->file = mem_strdup(scopes_base_name(place[0].file));
                out->line = place[0].line;
                return;
            }
            if (!is_standard_module(naming->frames[i].module)) {
                return;
            }
        }
    }
}

static const struct module *address_of(struct naming *naming, struct lock_name *out)
{
    uint64_t address = naming->snapshot->lock;
    const struct module *module = modules_find(naming->namer->modules, address);
    if (!module) {
        address = naming->count ? naming->frames[0].return_address : naming->snapshot->registers[16];
        module = modules_find(naming->namer->modules, address);
    }
    if (module) {
        out->address = mem_printf("%s+0x%llx", module->name, (unsigned long long)(address - module->bias));
    }
    return module;
}

static void use_path(struct naming *naming, struct lock_name *out)
{
    const struct path *path = &naming->path;
    Dwarf_Die declaration = path->declaration;
    unsigned line;
    out->source = path->is_alias ? NAME_POINTER : path->dereferences ? NAME_PATH : NAME_STORAGE;
    out->from_parameter = path->is_parameter;
    out->from_global = naming->global;
    out->name = mem_strdup(path->text);
    const char *file = scopes_declaration(&declaration, &line);
    if (file && line > 0) {
        out->file = mem_strdup(file);
        out->line = line;
    }
}

static void use_symbol(struct naming *naming, struct lock_name *out)
{
    uint64_t offset = 0;
    const char *symbol = symbols_object(naming->namer->modules, naming->snapshot->lock, &offset);
    if (symbol) {
        out->source = NAME_SYMBOL;
        out->name = offset ? mem_printf("%s+0x%llx", symbol, (unsigned long long)offset) : mem_strdup(symbol);
    }
}

static void make_label(struct lock_name *out, const struct module *module)
{
    if (out->name && out->file) {
        out->label = mem_printf("%s:%u:%s", out->file, out->line, out->name);
    } else if (out->name) {
        out->label = mem_printf("%s:0:%s", module ? module->name : "unknown", out->name);
    } else if (out->file) {
        out->source = NAME_LINE;
        out->label = mem_printf("%s:%u", out->file, out->line);
    } else if (out->address) {
        out->source = NAME_ADDRESS;
        out->label = mem_strdup(out->address);
    } else {
        out->label = mem_strdup("unknown");
    }
}

void namer_name(struct namer *namer, const struct capture_snapshot *snapshot, enum capture_kind kind,
                const struct frame *frames, size_t count, struct lock_name *out)
{
    struct naming naming = {.namer = namer, .snapshot = snapshot, .frames = frames, .count = count};
    *out = (struct lock_name){.source = NAME_UNKNOWN};
    naming.locks = locks_of_call(kind, snapshot->call);
    memory_of(&namer->memory, namer->modules, snapshot);
    naming.found = name_storage(&naming);
    if (!naming.found && !name_frames(&naming) && !naming.conflict) {
        name_pointers(&naming);
    }
    const struct module *module = address_of(&naming, out);
    if (naming.found && !naming.conflict) {
        use_path(&naming, out);
    } else {
        use_symbol(&naming, out);
        call_line(&naming, out);
    }
    make_label(out, module);
}

static bool says_member(const struct lock_name *name)
{
    return name->name && strpbrk(name->name, ".>[");
}

static unsigned members(const struct lock_name *name)
{
    unsigned count = 0;
    for (const char *at = name->name; at && (at = strpbrk(at, ".>")) != NULL; at++) {
        count++;
    }
    return count;
}

bool lock_name_better(const struct lock_name *a, bool a_is_init, const struct lock_name *b, bool b_is_init)
{
    if (a->source != b->source) {
        return a->source < b->source;
    }
    switch (a->source) {
    case NAME_PATH:
        if (a->from_global != b->from_global) {
            return a->from_global;
        }
        if (a->from_parameter != b->from_parameter) {
            return b->from_parameter;
        }
        return members(a) > members(b);
    case NAME_POINTER:
        return says_member(a) && !says_member(b);
    case NAME_LINE:
    case NAME_ADDRESS:
        return a_is_init && !b_is_init;
    default:
        return false;
    }
}

bool lock_name_contradicts(const struct lock_name *a, const struct lock_name *b)
{
    return a->source <= NAME_PATH && b->source <= NAME_PATH && a->file && b->file &&
           (a->line != b->line || strcmp(a->file, b->file) != 0);
}

void lock_name_fini(struct lock_name *name)
{
    free(name->name);
    free(name->file);
    free(name->address);
    free(name->label);
    *name = (struct lock_name){.source = NAME_UNKNOWN};
}
