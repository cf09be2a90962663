/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/debug_files_split.h"

#include <dwarf.h>
#include <stdlib.h>

struct elf_package {
    int fd;
};

bool elf_split_unit(struct elf_file *file, Dwarf_Die *own, Dwarf_Die *out)
{
    Dwarf_Die split = {0};
    uint8_t type;
    (void)file;
    if (dwarf_cu_info(own->cu, NULL, &type, NULL, &split, NULL, NULL, NULL) != 0 || type != DW_UT_skeleton) {
        return false;
    }
    if (split.addr == NULL) {
        return false;
    }
    *out = split;
    return true;
}

void elf_package_free(struct elf_package *package)
{
    free(package);
}
