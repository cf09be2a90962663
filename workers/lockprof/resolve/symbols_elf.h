/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF symbols of one file by link address: .symtab, of the separate debug file where the own one was stripped, and
 * .dynsym. */
#ifndef LOCKPROF_RESOLVE_SYMBOLS_ELF_H
#define LOCKPROF_RESOLVE_SYMBOLS_ELF_H

#include "lockprof/resolve/modules_elf.h"

enum elf_symbol_type { ELF_SYMBOL_FUNCTION, ELF_SYMBOL_OBJECT, ELF_SYMBOL_THREAD, ELF_SYMBOL_TYPES };

/* The symbol whose bytes hold the address (ELF_SYMBOL_THREAD: the offset in the thread-local block), and how far inside
 * it is. Of several global ones come first, then weak ones. NULL: none. Borrowed from the file. */
const char *elf_symbol_at(struct elf_file *file, enum elf_symbol_type type, uint64_t address, uint64_t *offset);

void elf_symbols_free(struct elf_symbols *symbols);

#endif
