/* SPDX-License-Identifier: Apache-2.0 */
/* Split DWARF: the unit that a skeleton stands for, from its .dwo file or from the .dwp package of the file. libdw
 * 0.188 opens .dwo files (DW_AT_comp_dir and beside the ELF file); packages it does not read. */
#ifndef LOCKPROF_RESOLVE_DEBUG_FILES_SPLIT_H
#define LOCKPROF_RESOLVE_DEBUG_FILES_SPLIT_H

#include "lockprof/resolve/modules_elf.h"

/* False, and *out untouched: `own` is no skeleton, or its unit is not found. */
bool elf_split_unit(struct elf_file *file, Dwarf_Die *own, Dwarf_Die *out);

void elf_package_free(struct elf_package *package);

#endif
