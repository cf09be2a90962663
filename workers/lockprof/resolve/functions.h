/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a unit by address, and which of them share their code with others. */
#ifndef LOCKPROF_RESOLVE_FUNCTIONS_H
#define LOCKPROF_RESOLVE_FUNCTIONS_H

#include "lockprof/resolve/modules.h"
#include "lockprof/resolve/store.h"

struct functions; /* of one unit */

struct function_index {
    struct pool *pool;    /* borrowed */
    struct table units;   /* address of a unit's DIE to struct functions */
    struct table modules; /* struct module * to its function symbols */
};

void functions_init(struct function_index *index, struct pool *pool);
void functions_fini(struct function_index *index);

const struct functions *functions_of(struct function_index *index, Dwarf_Die *unit);

/* The function of a pc (link address). False: none, or two at one address, of which either could be meant. */
bool functions_at(const struct functions *functions, uint64_t pc, Dwarf_Die *out);

/* Whether the compiler kept one body for this and other functions (identical code folding): then the symbol table has
 * the name of another function of the unit, which has no code of its own, at the same address. Calls of that look like
 * calls of this one, with types that are not theirs. */
bool functions_folded(struct function_index *index, const struct functions *functions, Dwarf_Die *function,
                      const struct module *module, uint64_t bias);

#endif
