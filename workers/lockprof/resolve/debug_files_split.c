/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/debug_files_split.h"

#include "base/buf.h"
#include "base/mem.h"
#include "lockprof/resolve/debug_files.h"
#include "lockprof/resolve/debug_files_image.h"
#include "lockprof/resolve/debug_files_package.h"

#include <dwarf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for "/proc/self/fd/NUMBER" in a skeleton. */
#define NAME_ROOM 32

/* Skeletons for all units of the file that have none by libdw, each with the place of its name. */
struct elf_package {
    struct package *package; /* NULL: there is none */
    struct buf image;
    Elf *elf;
    Dwarf *dwarf;
};

static void add_leb(struct buf *b, unsigned value)
{
    do {
        unsigned char byte = value & 0x7f;
        value >>= 7;
        byte |= value != 0 ? 0x80 : 0;
        buf_add(b, &byte, 1);
    } while (value != 0);
}

/* One abbreviation without children; `pairs` ends with 0. */
static void add_abbreviation(struct buf *b, unsigned code, unsigned tag, const unsigned *pairs)
{
    add_leb(b, code);
    add_leb(b, tag);
    add_leb(b, DW_CHILDREN_no);
    for (; *pairs != 0; pairs += 2) {
        add_leb(b, pairs[0]);
        add_leb(b, pairs[1]);
    }
    add_leb(b, 0);
    add_leb(b, 0);
}

/* The name comes last, so that the bytes behind its end are no attribute. */
static void add_abbreviations(struct buf *b)
{
    static const unsigned version_5[] = {
        DW_AT_low_pc, DW_FORM_addr, DW_AT_addr_base, DW_FORM_sec_offset, DW_AT_dwo_name, DW_FORM_string, 0};
    static const unsigned version_4[] = {DW_AT_low_pc,
                                         DW_FORM_addr,
                                         DW_AT_GNU_dwo_id,
                                         DW_FORM_data8,
                                         DW_AT_GNU_addr_base,
                                         DW_FORM_sec_offset,
                                         DW_AT_GNU_ranges_base,
                                         DW_FORM_sec_offset,
                                         DW_AT_GNU_dwo_name,
                                         DW_FORM_string,
                                         0};
    add_abbreviation(b, 5, DW_TAG_skeleton_unit, version_5);
    add_abbreviation(b, 4, DW_TAG_compile_unit, version_4);
    add_leb(b, 0);
}

static void add_8(struct buf *b, uint64_t value)
{
    buf_add(b, &value, sizeof value);
}

static void add_4(struct buf *b, uint64_t value)
{
    uint32_t word = (uint32_t)value;
    buf_add(b, &word, sizeof word);
}

static uint64_t number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 ? value : 0;
}

static void add_skeleton(struct buf *info, Dwarf_Die *own, Dwarf_Half version, uint64_t id)
{
    static const char room[NAME_ROOM];
    Dwarf_Addr low = 0;
    size_t begin = info->size;
    add_4(info, 0);
    buf_add(info, &version, sizeof version);
    if (version >= 5) {
        buf_add_char(info, DW_UT_skeleton);
        buf_add_char(info, 8); /* bytes of an address */
        add_4(info, 0);
        add_8(info, id);
    } else {
        add_4(info, 0);
        buf_add_char(info, 8);
    }
    if (dwarf_lowpc(own, &low) != 0) {
        low = 0;
    }
    add_leb(info, version);
    add_8(info, low);
    if (version >= 5) {
        add_4(info, number_of(own, DW_AT_addr_base));
    } else {
        add_8(info, id);
        add_4(info, number_of(own, DW_AT_GNU_addr_base));
        add_4(info, number_of(own, DW_AT_GNU_ranges_base));
    }
    buf_add(info, room, sizeof room);
    uint32_t length = (uint32_t)(info->size - begin - sizeof length);
    memcpy(info->data + begin, &length, sizeof length);
}

/* A section of the file's debug information as libdw has it (decompressed). */
static void add_section(Elf *elf, const char *name, struct image_section *out)
{
    Elf_Scn *scn = NULL;
    size_t names;
    *out = (struct image_section){.name = name};
    while (elf_getshdrstrndx(elf, &names) == 0 && (scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr shdr;
        const char *found = gelf_getshdr(scn, &shdr) != NULL ? elf_strptr(elf, names, shdr.sh_name) : NULL;
        /* ".zdebug_x" was ".debug_x" before it was compressed. */
        if (found == NULL ||
            (strcmp(found, name) != 0 && (strncmp(found, ".z", 2) != 0 || strcmp(found + 2, name + 1) != 0))) {
            continue;
        }
        Elf_Data *data = elf_getdata(scn, NULL);
        if (data != NULL) {
            out->bytes = data->d_buf;
            out->size = data->d_size;
        }
        return;
    }
}

/* The skeletons of all the file's units: libdw reads the sections once, so they are made at once. */
static bool make_skeletons(struct elf_file *file, struct elf_package *p)
{
    struct buf info = {0}, abbreviation = {0};
    Dwarf_CU *cu = NULL;
    Dwarf_Half version;
    uint8_t type;
    Dwarf_Die own;
    uint64_t id;
    while (dwarf_get_units(file->dwarf, cu, &cu, &version, &type, &own, NULL) == 0) {
        if (type == DW_UT_skeleton && dwarf_cu_info(cu, NULL, NULL, NULL, NULL, &id, NULL, NULL) == 0) {
            add_skeleton(&info, &own, version, id);
        }
    }
    add_abbreviations(&abbreviation);
    struct image_section sections[4] = {{".debug_info", info.data, info.size},
                                        {".debug_abbrev", abbreviation.data, abbreviation.size}};
    add_section(dwarf_getelf(file->dwarf), ".debug_addr", &sections[2]);
    add_section(dwarf_getelf(file->dwarf), ".debug_ranges", &sections[3]);
    image_write(&p->image, sections, 4);
    buf_fini(&info);
    buf_fini(&abbreviation);
    p->elf = elf_memory(p->image.data, p->image.size);
    p->dwarf = p->elf != NULL ? dwarf_begin_elf(p->elf, DWARF_C_READ, NULL) : NULL;
    return p->dwarf != NULL;
}

static struct elf_package *package_of(struct elf_file *file)
{
    if (file->package != NULL) {
        return file->package;
    }
    const char *debug_path;
    char *path = NULL;
    struct debug_wanted wanted = {.path = file->path, .directory = file->debug_directory};
    file->package = mem_calloc(1, sizeof *file->package);
    int fd = debug_files_find_package(&wanted, &path);
    free(path);
    path = NULL;
    dwfl_module_info(file->dwfl_module, NULL, NULL, NULL, NULL, NULL, NULL, &debug_path);
    if (fd < 0 && debug_path != NULL) {
        wanted.path = debug_path;
        fd = debug_files_find_package(&wanted, &path);
        free(path);
    }
    file->package->package = fd >= 0 ? package_open(fd) : NULL;
    return file->package;
}

/* Gives our skeleton of the unit its name, by which libdw opens the file at `fd`. */
static bool link_unit(struct elf_file *file, struct elf_package *p, uint64_t id, int fd, Dwarf_Die *out)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Die own, split = {0};
    Dwarf_Attribute name;
    uint64_t found = 0;
    if (p->dwarf == NULL && (p->image.size > 0 || !make_skeletons(file, p))) {
        return false;
    }
    while (dwarf_get_units(p->dwarf, cu, &cu, NULL, NULL, &own, NULL) == 0) {
        if (dwarf_cu_info(cu, NULL, NULL, NULL, NULL, &found, NULL, NULL) != 0 || found != id) {
            continue;
        }
        if (dwarf_attr(&own, DW_AT_dwo_name, &name) == NULL && dwarf_attr(&own, DW_AT_GNU_dwo_name, &name) == NULL) {
            return false;
        }
        /* The bytes are those of our image. */
        snprintf((char *)name.valp, NAME_ROOM, "/proc/self/fd/%d", fd);
        if (dwarf_cu_info(cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) != 0 || split.addr == NULL) {
            return false;
        }
        *out = split;
        return true;
    }
    return false;
}

/* The .dwo file without its directory, beside the ELF file; -1: not there. */
static int open_beside(const struct elf_file *file, Dwarf_Die *own)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr(own, DW_AT_dwo_name, &attribute));
    if (name == NULL) {
        name = dwarf_formstring(dwarf_attr(own, DW_AT_GNU_dwo_name, &attribute));
    }
    const char *base = name != NULL ? strrchr(name, '/') : NULL;
    const char *slash = strrchr(file->path, '/');
    if (base == NULL || slash == NULL) {
        return -1;
    }
    char *path = mem_printf("%.*s%s", (int)(slash - file->path), file->path, base);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    free(path);
    return fd;
}

bool elf_split_unit(struct elf_file *file, Dwarf_Die *own, Dwarf_Die *out)
{
    Dwarf_Die split = {0};
    uint64_t id;
    uint8_t type;
    if (dwarf_cu_info(own->cu, NULL, &type, NULL, &split, &id, NULL, NULL) != 0 || type != DW_UT_skeleton) {
        return false;
    }
    if (split.addr != NULL) {
        *out = split;
        return true;
    }
    struct elf_package *p = package_of(file);
    int fd = p->package != NULL ? package_extract(p->package, id) : -1;
    if (fd < 0) {
        fd = open_beside(file, own);
    }
    if (fd < 0) {
        return false;
    }
    bool linked = link_unit(file, p, id, fd, out);
    close(fd);
    return linked;
}

void elf_package_free(struct elf_package *package)
{
    if (package == NULL) {
        return;
    }
    if (package->dwarf != NULL) {
        dwarf_end(package->dwarf);
    }
    elf_end(package->elf);
    package_close(package->package);
    buf_fini(&package->image);
    free(package);
}
