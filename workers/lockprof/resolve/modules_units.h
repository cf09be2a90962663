/* SPDX-License-Identifier: Apache-2.0 */
/* Compilation units and functions of one ELF file by address. Indexed from the units' own ranges, since clang leaves
 * .debug_aranges out and gcc's does not cover what others compiled. Addresses are those of the debug information. */
#ifndef LOCKPROF_RESOLVE_MODULES_UNITS_H
#define LOCKPROF_RESOLVE_MODULES_UNITS_H

#include "lockprof/resolve/modules_elf.h"

struct elf_unit;

/* NULL: none, or no debug information. */
struct elf_unit *elf_unit_find(struct elf_file *file, uint64_t pc);

/* The unit's DIE in the file itself: of a skeleton it has the line table. */
Dwarf_Die *elf_unit_own(struct elf_unit *unit);

/* The DIE with functions and variables: for a skeleton that of its split unit, where it is found. */
Dwarf_Die *elf_unit_full(struct elf_file *file, struct elf_unit *unit);

/* The DIE of the function at the address; false: none. */
bool elf_unit_function(struct elf_file *file, struct elf_unit *unit, uint64_t pc, Dwarf_Die *out);

void elf_units_free(struct elf_units *units);

#endif
