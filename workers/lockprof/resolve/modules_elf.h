/* SPDX-License-Identifier: Apache-2.0 */
/* One ELF file at its link addresses, with its debug information and what was learnt of it so far. Shared by all the
 * modules (processes, moments, load addresses) that were mapped from it. */
#ifndef LOCKPROF_RESOLVE_MODULES_ELF_H
#define LOCKPROF_RESOLVE_MODULES_ELF_H

#include "lockprof/resolve/modules.h"

#include <sys/types.h>

/* A PT_LOAD program header. */
struct elf_segment {
    uint64_t address, offset, file_size, memory_size;
    bool executable, writable;
};

struct elf_units;
struct elf_package;
struct elf_symbols;
struct elf_slots;
struct cfi_rows;
struct place_cache;

struct elf_file {
    struct elf_file *next;
    char *path;
    dev_t device;
    ino_t inode;
    char *debug_directory; /* NULL: only the usual one */
    Dwfl *dwfl;
    Dwfl_Module *dwfl_module;
    const unsigned char *image; /* the whole file */
    size_t image_size;
    struct elf_segment *segments;
    size_t segment_count;
    uint64_t low, high; /* of all segments in memory */
    const unsigned char *build_id;
    size_t build_id_size;
    char why[128]; /* as in struct module */

    bool dwarf_tried;
    Dwarf *dwarf;
    Dwarf_Addr dwarf_bias; /* link address minus address in the debug information (prelinked files) */
    Dwarf *alternate;
    int alternate_fd;

    /* Made at first use by the file that is named like them; NULL until then. */
    struct elf_units *units;     /* modules_units.c */
    struct elf_package *package; /* debug_files_split.c */
    struct elf_symbols *symbols; /* symbols_elf.c */
    struct elf_slots *slots;     /* frames_call.c */
    struct cfi_rows *rows;       /* frames_cfi.c */
    struct place_cache *places;  /* symbols.c */
};

struct module_files {
    struct elf_file *first;
};

/* The file at a path, opened or already open. NULL: `why` (of `size` bytes) says why not. `inode` 0: any. */
struct elf_file *elf_file_get(struct module_files *files, const char *path, uint64_t inode, const char *debug_directory,
                              char *why, size_t size);

/* The debug information, loaded at the first call; NULL: none, file->why says why. */
Dwarf *elf_file_dwarf(struct elf_file *file);

/* Copies bytes of segments that a process can't write, by link address. */
bool elf_file_read(const struct elf_file *file, uint64_t address, void *out, size_t size);

/* The segment whose memory holds the link address. */
const struct elf_segment *elf_file_segment(const struct elf_file *file, uint64_t address);

#endif
