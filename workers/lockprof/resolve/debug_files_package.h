/* SPDX-License-Identifier: Apache-2.0 */
/* A .dwp file: the split units of a program in one package, with an index by their ids (DWARF 5, 7.3.5; version 2 is
 * GNU's for DWARF 4). Type units of a package (-fdebug-types-section) are not read. */
#ifndef LOCKPROF_RESOLVE_DEBUG_FILES_PACKAGE_H
#define LOCKPROF_RESOLVE_DEBUG_FILES_PACKAGE_H

#include <stdint.h>

struct package;

/* Takes over `fd`. NULL: not a package that can be read. */
struct package *package_open(int fd);
void package_close(struct package *package);

/* The unit with an id as the .dwo file that it was once, in memory: a file descriptor that is the caller's, -1: not in
 * the package. */
int package_extract(struct package *package, uint64_t id);

#endif
