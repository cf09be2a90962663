/* SPDX-License-Identifier: Apache-2.0 */
/* Split DWARF: the unit that a skeleton stands for. libdw 0.188 opens the .dwo file by its name, from the ELF file's
 * directory and from DW_AT_comp_dir; beyond that it is looked for without its directory beside the ELF file, and in the
 * package. Those are given to libdw through a skeleton of our own, whose DW_AT_dwo_name leads to them. */
#ifndef LOCKPROF_RESOLVE_DEBUG_FILES_SPLIT_H
#define LOCKPROF_RESOLVE_DEBUG_FILES_SPLIT_H

#include "lockprof/resolve/modules_elf.h"

/* False, and *out untouched: `own` is no skeleton, or its unit is not found. */
bool elf_split_unit(struct elf_file *file, Dwarf_Die *own, Dwarf_Die *out);

void elf_package_free(struct elf_package *package);

#endif
