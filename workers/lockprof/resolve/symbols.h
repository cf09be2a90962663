/* SPDX-License-Identifier: Apache-2.0 */
/* Code and data addresses to functions, lines and ELF symbols. Strings are borrowed from the modules. */
#ifndef LOCKPROF_RESOLVE_SYMBOLS_H
#define LOCKPROF_RESOLVE_SYMBOLS_H

#include "lockprof/resolve/modules.h"

/* Inlined functions at one address that are told apart. */
#define SYMBOLS_INLINE_MAX 16

/* One source-level function at an address. */
struct place {
    const char *function; /* linkage name demangled by the caller if wanted; NULL: not known */
    const char *file;     /* as in the line table, with its directory; NULL: not known */
    unsigned line;        /* 0: not known */
    unsigned start_line;  /* of the function */
};

/* Innermost inlined function first, the physical one last; at least one element (all NULL where nothing is known), at
 * most `max`. */
size_t symbols_places(struct modules *modules, uint64_t pc, struct place *out, size_t max);

/* The ELF symbol of an object that holds the data address: its name (a compiler's suffix `.N` or `.constprop.N` of a
 * local cut off), and the offset in it. NULL: none. A zero-sized symbol holds nothing. */
const char *symbols_object(struct modules *modules, uint64_t address, uint64_t *offset);

/* The same for a module's thread-local variables, by offset in the thread's block of the module. */
const char *symbols_thread_local(const struct module *module, uint64_t in_block, uint64_t *offset);

#endif
