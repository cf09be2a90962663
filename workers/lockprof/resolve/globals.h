/* SPDX-License-Identifier: Apache-2.0 */
/* The variables of a module that have an address of their own for good: globals, statics of files, functions and
 * classes, and apart from them the thread-local ones; and the definitions of its records by name. Each index is built
 * by one walk over the module's debug information when it is first needed. */
#ifndef LOCKPROF_RESOLVE_GLOBALS_H
#define LOCKPROF_RESOLVE_GLOBALS_H

#include "lockprof/resolve/modules.h"
#include "lockprof/resolve/types.h"

/* Variables and record definitions of one module that are indexed; beyond it the rest stays without a name. */
#define GLOBALS_MAX 2000000

struct global {
    uint64_t address; /* link address; of a thread-local variable its offset in the module's block */
    uint64_t offset;  /* of what is there in the variable: compilers split those of which they need only parts */
    uint64_t size;    /* bytes of that part; 0: all of the variable */
    Dwarf_Die die;
};

struct global_list {
    struct global *items; /* sorted by address */
    size_t count, capacity;
};

struct globals {
    struct modules *modules; /* borrowed */
    const struct module *module;
    bool has_variables, has_records, has_tls;
    GElf_Phdr tls;                      /* its segment of thread-local variables */
    struct global_list statics, locals; /* locals: thread-local */
    struct global_list records;         /* `address` is the hash of the name */
    uint64_t bias;                      /* of the debug information */
};

void globals_init(struct globals *globals, struct modules *modules, const struct module *module);
void globals_fini(struct globals *globals);

/* The variable that begins at or before an address of the target, which may reach it: all its declarations that give
 * the address (of one object in several units), and the distance from there. False: none. */
bool globals_at(struct globals *globals, uint64_t address, const struct global **out, size_t *count, uint64_t *offset);
/* The same for a thread-local one; `into`: bytes into the module's block. */
bool globals_thread_local_at(struct globals *globals, uint64_t into, const struct global **out, size_t *count,
                             uint64_t *offset);

/* types_complete_fn, with a struct globals: the definition of a declared record, if all of that name in the module
 * agree in size and place. */
bool globals_complete(void *context, Dwarf_Die *declaration, Dwarf_Die *definition);

#endif
