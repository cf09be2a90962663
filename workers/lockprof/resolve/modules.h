/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF modules of one moment of a target (one RECORD_MAPS), with their debug information. Owns the Dwfl. */
#ifndef LOCKPROF_RESOLVE_MODULES_H
#define LOCKPROF_RESOLVE_MODULES_H

#include "base/err.h"
#include "lockprof/resolve/capture_file.h"

#include <elfutils/libdwfl.h>

struct elf_file; /* modules_elf.h */

/* One loaded module. Everything in it is borrowed from `struct modules`. */
struct module {
    const char *path;    /* as in the maps */
    const char *name;    /* base name of the path */
    uint64_t start, end; /* of all its segments in memory, .bss included */
    uint64_t bias;       /* load address minus link address of the ELF file */
    uint64_t tls;        /* TLS module number, 0: none or not known */
    bool is_main;        /* the executable */
    const unsigned char *build_id;
    size_t build_id_size;
    char why[128]; /* why there is no debug information, "" where there is or where nobody asked yet */
    /* NULL: the file is gone or is not the one that was mapped. It lies at its link addresses: what is asked of it are
     * target addresses minus `bias`. */
    Dwfl_Module *dwfl;
    struct elf_file *elf; /* the resolver's own; NULL as `dwfl` */
};

struct modules;

/* ELF files with what was learnt of them, shared by the module lists of several processes and moments. */
struct module_files;

struct module_files *module_files_new(void);
/* After all `struct modules` that use them. */
void module_files_free(struct module_files *files);

struct modules_options {
    const char
        *debug_directory; /* separate debug files are looked for here first, then in /usr/lib/debug; may be NULL */
    struct module_files *files; /* NULL: the modules have files of their own */
};

/* Opens the files that the maps name: by path, checked against the mapping (inode and size where it says them). A file
 * that is gone leaves a module without dwfl, which is no error. -1: no maps, or libdw fails. */
int modules_open(struct modules **out, const struct capture_file *file, const struct capture_maps *maps,
                 const struct modules_options *options, struct err *e);
void modules_free(struct modules *modules);

/* The module whose memory holds the address; NULL: none (heap, stack, JIT code). */
const struct module *modules_find(const struct modules *modules, uint64_t address);
size_t modules_count(const struct modules *modules);
const struct module *modules_at(const struct modules *modules, size_t index);

/* Debug information of a module: its own, of a build-id directory or by .gnu_debuglink (CRC checked), with what dwz put
 * apart (.gnu_debugaltlink); compressed sections and split DWARF (.dwo beside the object or in a .dwp) are followed.
 * Loaded at the first call, NULL where there is none (module->why says why). *bias is what is to be added to its
 * addresses. */
Dwarf *modules_dwarf(struct modules *modules, const struct module *module, Dwarf_Addr *bias);

/* The unit's DIE for an address of code, split units followed: what has the variables (for a skeleton the unit of the
 * .dwo; the skeleton itself where that is not found). False: no unit covers it. *bias as above. */
bool modules_unit(struct modules *modules, uint64_t pc, Dwarf_Die *unit, Dwarf_Addr *bias);

/* The DIE of the function (DW_TAG_subprogram, not an inlined one) whose code holds the address, with the unit as above.
 * False: none. Faster than dwarf_getscopes: each unit is indexed once. */
bool modules_function(struct modules *modules, uint64_t pc, Dwarf_Die *function, Dwarf_Die *unit, Dwarf_Addr *bias);

/* Reads memory of the target at the moment of the snapshot: its blocks, else what can't change: read-only segments of
 * the modules' files, with relocations not applied. False: not known. */
bool modules_read(struct modules *modules, const struct capture_snapshot *snapshot, uint64_t address, void *out,
                  size_t size);

#endif
