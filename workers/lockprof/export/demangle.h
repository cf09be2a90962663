/* SPDX-License-Identifier: Apache-2.0 */
/* C++ names of functions for people. */
#ifndef LOCKPROF_EXPORT_DEMANGLE_H
#define LOCKPROF_EXPORT_DEMANGLE_H

/* The name as it stands in the source, or NULL where it is not a mangled C++ name or there is no libstdc++ on this
 * machine (then no C++ program ran here either). The caller frees it. Not thread-safe. */
char *demangle(const char *name);

/* A variable's own name of its linkage name, without namespaces and classes, as the debug information would have it;
 * what follows the linkage name (`+0x8`) stays. NULL as above. The caller frees it. Not thread-safe. */
char *demangle_variable(const char *name);

#endif
