/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/modules_elf.h"

#include "base/mem.h"
#include "lockprof/resolve/debug_files.h"
#include "lockprof/resolve/debug_files_split.h"
#include "lockprof/resolve/frames_call.h"
#include "lockprof/resolve/frames_cfi.h"
#include "lockprof/resolve/modules_units.h"
#include "lockprof/resolve/symbols_cache.h"
#include "lockprof/resolve/symbols_elf.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libdwfl asks this only for a module without an ELF file, and there is none. */
static int on_find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, char **path, Elf **elf)
{
    (void)module, (void)user, (void)name, (void)base, (void)path, (void)elf;
    return -1;
}

static int on_find_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *path,
                             const char *link, GElf_Word crc, char **found)
{
    struct elf_file *file = *user;
    struct debug_wanted wanted = {.path = file->path,
                                  .directory = file->debug_directory,
                                  .build_id = file->build_id,
                                  .build_id_size = file->build_id_size};
    GElf_Word own_crc;
    GElf_Addr bias;
    (void)name, (void)base, (void)path;
    /* libdwfl asks for dwz's file by the same callback: elf_file_dwarf looks for that one itself. */
    const char *own = dwelf_elf_gnu_debuglink(dwfl_module_getelf(module, &bias), &own_crc);
    if (link != NULL && (own == NULL || strcmp(own, link) != 0)) {
        return -1;
    }
    return debug_files_find(&wanted, link, crc, found, file->why, sizeof file->why);
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = on_find_elf, .find_debuginfo = on_find_debuginfo, .section_address = dwfl_offline_section_address};

static void elf_file_free(struct elf_file *file)
{
    if (file == NULL) {
        return;
    }
    place_cache_free(file->places);
    cfi_rows_free(file->rows);
    elf_slots_free(file->slots);
    elf_symbols_free(file->symbols);
    elf_units_free(file->units);
    elf_package_free(file->package);
    if (file->dwfl != NULL) {
        dwfl_end(file->dwfl);
    }
    if (file->alternate != NULL) {
        dwarf_end(file->alternate);
        close(file->alternate_fd);
    }
    free(file->segments);
    free(file->debug_directory);
    free(file->path);
    free(file);
}

struct module_files *module_files_new(void)
{
    return mem_calloc(1, sizeof(struct module_files));
}

void module_files_free(struct module_files *files)
{
    if (files == NULL) {
        return;
    }
    while (files->first != NULL) {
        struct elf_file *next = files->first->next;
        elf_file_free(files->first);
        files->first = next;
    }
    free(files);
}

/* Program headers and where the file's bytes are. */
static bool read_elf(struct elf_file *file)
{
    GElf_Addr bias;
    size_t count;
    Elf *elf = dwfl_module_getelf(file->dwfl_module, &bias);
    GElf_Ehdr ehdr;
    if (elf == NULL || gelf_getehdr(elf, &ehdr) == NULL || ehdr.e_machine != EM_X86_64 ||
        ehdr.e_ident[EI_CLASS] != ELFCLASS64 || elf_getphdrnum(elf, &count) != 0) {
        return false;
    }
    file->image = (const unsigned char *)elf_rawfile(elf, &file->image_size);
    file->segments = mem_calloc(count, sizeof file->segments[0]);
    file->low = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr phdr;
        uint64_t end;
        if (gelf_getphdr(elf, (int)i, &phdr) == NULL || phdr.p_type != PT_LOAD ||
            __builtin_add_overflow(phdr.p_vaddr, phdr.p_memsz, &end)) {
            continue;
        }
        file->segments[file->segment_count++] = (struct elf_segment){.address = phdr.p_vaddr,
                                                                     .offset = phdr.p_offset,
                                                                     .file_size = phdr.p_filesz,
                                                                     .memory_size = phdr.p_memsz,
                                                                     .executable = (phdr.p_flags & PF_X) != 0,
                                                                     .writable = (phdr.p_flags & PF_W) != 0};
        file->low = phdr.p_vaddr < file->low ? phdr.p_vaddr : file->low;
        file->high = end > file->high ? end : file->high;
    }
    const unsigned char *id;
    GElf_Addr id_address;
    int size = dwfl_module_build_id(file->dwfl_module, &id, &id_address);
    if (size > 0) {
        file->build_id = id;
        file->build_id_size = (size_t)size;
    }
    return file->segment_count > 0 && file->image != NULL;
}

/* Takes over `fd`. */
static bool open_elf(struct elf_file *file, int fd)
{
    void **user;
    file->dwfl = dwfl_begin(&callbacks);
    if (file->dwfl == NULL) {
        close(fd);
        return false;
    }
    dwfl_report_begin(file->dwfl);
    file->dwfl_module = dwfl_report_elf(file->dwfl, file->path, file->path, fd, 0, true);
    if (file->dwfl_module == NULL) {
        close(fd);
        return false;
    }
    dwfl_report_end(file->dwfl, NULL, NULL);
    dwfl_module_info(file->dwfl_module, &user, NULL, NULL, NULL, NULL, NULL, NULL);
    *user = file;
    return read_elf(file);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

struct elf_file *elf_file_get(struct module_files *files, const char *path, uint64_t inode, const char *debug_directory,
                              char *why, size_t size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        snprintf(why, size, "its file can't be read: %s", strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || (inode != 0 && st.st_ino != inode)) {
        snprintf(why, size, "its file was replaced since it was loaded");
        close(fd);
        return NULL;
    }
    for (struct elf_file *file = files->first; file != NULL; file = file->next) {
        if (file->inode == st.st_ino && file->device == st.st_dev && strcmp(file->path, path) == 0 &&
            same_text(file->debug_directory, debug_directory)) {
            close(fd);
            return file;
        }
    }
    struct elf_file *file = mem_calloc(1, sizeof *file);
    file->path = mem_strdup(path);
    file->inode = st.st_ino;
    file->device = st.st_dev;
    file->debug_directory = debug_directory != NULL ? mem_strdup(debug_directory) : NULL;
    if (!open_elf(file, fd)) {
        snprintf(why, size, "its file is no x86-64 ELF file");
        elf_file_free(file);
        return NULL;
    }
    file->next = files->first;
    files->first = file;
    return file;
}

/* What dwz moved out of the debug information into a file that several share. */
static void load_alternate(struct elf_file *file)
{
    const char *link, *main_path, *debug_path;
    const void *id;
    char *path = NULL;
    ssize_t id_size = dwelf_dwarf_gnu_debugaltlink(file->dwarf, &link, &id);
    if (id_size <= 0) {
        return;
    }
    dwfl_module_info(file->dwfl_module, NULL, NULL, NULL, NULL, NULL, &main_path, &debug_path);
    struct debug_wanted wanted = {.path = debug_path != NULL ? debug_path : file->path,
                                  .directory = file->debug_directory,
                                  .build_id = id,
                                  .build_id_size = (size_t)id_size};
    int fd = debug_files_find_alternate(&wanted, link, &path);
    free(path);
    if (fd < 0) {
        return;
    }
    file->alternate = dwarf_begin(fd, DWARF_C_READ);
    if (file->alternate == NULL) {
        close(fd);
        return;
    }
    file->alternate_fd = fd;
    dwarf_setalt(file->dwarf, file->alternate);
}

Dwarf *elf_file_dwarf(struct elf_file *file)
{
    if (file->dwarf_tried) {
        return file->dwarf;
    }
    file->dwarf_tried = true;
    file->dwarf = dwfl_module_getdwarf(file->dwfl_module, &file->dwarf_bias);
    if (file->dwarf == NULL) {
        if (file->why[0] == '\0') {
            snprintf(file->why, sizeof file->why, "its debug information can't be read: %s", dwfl_errmsg(-1));
        }
        return NULL;
    }
    file->why[0] = '\0';
    load_alternate(file);
    return file->dwarf;
}

const struct elf_segment *elf_file_segment(const struct elf_file *file, uint64_t address)
{
    for (size_t i = 0; i < file->segment_count; i++) {
        const struct elf_segment *s = &file->segments[i];
        if (address >= s->address && address - s->address < s->memory_size) {
            return s;
        }
    }
    return NULL;
}

bool elf_file_read(const struct elf_file *file, uint64_t address, void *out, size_t size)
{
    const struct elf_segment *s = elf_file_segment(file, address);
    if (s == NULL || s->writable) {
        return false;
    }
    uint64_t inside = address - s->address, offset;
    if (inside > s->file_size || size > s->file_size - inside || __builtin_add_overflow(s->offset, inside, &offset) ||
        offset > file->image_size || size > file->image_size - offset) {
        return false;
    }
    memcpy(out, file->image + offset, size);
    return true;
}
