/* SPDX-License-Identifier: Apache-2.0 */
/* Which declarations are the standard library's own (namespace std, __gnu_cxx and what is in them, the gthread
 * functions): they wrap the program's locks and never name one. */
#ifndef LOCKPROF_RESOLVE_STANDARD_H
#define LOCKPROF_RESOLVE_STANDARD_H

#include "lockprof/resolve/store.h"

#include <elfutils/libdw.h>
#include <stdbool.h>

/* What was learnt of the units' namespaces. */
struct standard {
    struct pool *pool;  /* borrowed */
    struct table units; /* Dwarf_CU * to its extents */
};

void standard_init(struct standard *standard, struct pool *pool);
void standard_fini(struct standard *standard);

/* Whether the declaration itself stands in such a namespace. */
bool standard_has(struct standard *standard, Dwarf_Die *die);

/* The same of a function, by its own place, its declaration's and its name. */
bool standard_function(struct standard *standard, Dwarf_Die *die);

/* Standard classes through which a path may go: smart pointers and the like, and the mutexes; not containers, whose
 * elements have no name. `inside`: as an unnamed part of another standard class (its private members). */
bool standard_open(const char *class_name, bool inside);

#endif
