/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/debug_files_package.h"

#include "base/mem.h"
#include "lockprof/resolve/debug_files_image.h"

#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bytes of the index's header, and of a row's cell. */
#define INDEX_HEAD 16
#define CELL 4

/* What a unit takes with it. Macros are not looked at. */
enum part { PART_INFO, PART_ABBREV, PART_LINE, PART_LOC, PART_RNGLISTS, PART_STR_OFFSETS, PART_COUNT };

static const struct {
    unsigned id_2, id_5; /* column of the index in version 2 and 5; 0: not there */
    const char *name_2, *name_5;
} parts[PART_COUNT] = {
    [PART_INFO] = {1, 1, ".debug_info.dwo", ".debug_info.dwo"},
    [PART_ABBREV] = {3, 3, ".debug_abbrev.dwo", ".debug_abbrev.dwo"},
    [PART_LINE] = {4, 4, ".debug_line.dwo", ".debug_line.dwo"},
    [PART_LOC] = {5, 5, ".debug_loc.dwo", ".debug_loclists.dwo"},
    [PART_RNGLISTS] = {0, 8, "", ".debug_rnglists.dwo"},
    [PART_STR_OFFSETS] = {6, 6, ".debug_str_offsets.dwo", ".debug_str_offsets.dwo"},
};

struct bytes {
    const unsigned char *at;
    size_t size;
};

struct package {
    int fd;
    Elf *elf;
    struct bytes index, strings;
    struct bytes sections[PART_COUNT];
    unsigned version;
    uint32_t columns, units, slots;
};

static uint32_t word(struct bytes b, size_t offset)
{
    uint32_t value;
    memcpy(&value, b.at + offset, sizeof value);
    return value;
}

static struct bytes section(Elf *elf, const char *wanted)
{
    Elf_Scn *scn = NULL;
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0) {
        return (struct bytes){0};
    }
    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        GElf_Shdr shdr;
        const char *name = gelf_getshdr(scn, &shdr) != NULL ? elf_strptr(elf, names, shdr.sh_name) : NULL;
        if (name == NULL || strcmp(name, wanted) != 0) {
            continue;
        }
        if ((shdr.sh_flags & SHF_COMPRESSED) && elf_compress(scn, 0, 0) < 0) {
            return (struct bytes){0};
        }
        Elf_Data *data = elf_getdata(scn, NULL);
        return data != NULL ? (struct bytes){data->d_buf, data->d_size} : (struct bytes){0};
    }
    return (struct bytes){0};
}

/* The head of the index, and whether its tables fit the section. */
static bool read_index(struct package *p)
{
    p->index = section(p->elf, ".debug_cu_index");
    if (p->index.at == NULL || p->index.size < INDEX_HEAD) {
        return false;
    }
    /* Version 5 has 16 bits and padding where version 2 has 32. */
    p->version = word(p->index, 0) & 0xffff;
    p->columns = word(p->index, 4);
    p->units = word(p->index, 8);
    p->slots = word(p->index, 12);
    uint64_t hash = (uint64_t)p->slots * (sizeof(uint64_t) + CELL);
    uint64_t rows, row = (uint64_t)p->columns * CELL;
    if (__builtin_mul_overflow(row, (uint64_t)p->units * 2 + 1, &rows) || rows > p->index.size ||
        hash > p->index.size - rows || INDEX_HEAD > p->index.size - rows - hash) {
        return false;
    }
    return (p->version == 2 || p->version == 5) && p->slots > 0 && (p->slots & (p->slots - 1)) == 0;
}

struct package *package_open(int fd)
{
    struct package *p = mem_calloc(1, sizeof *p);
    p->fd = fd;
    elf_version(EV_CURRENT);
    p->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (p->elf == NULL || !read_index(p)) {
        package_close(p);
        return NULL;
    }
    for (int i = 0; i < PART_COUNT; i++) {
        const char *name = p->version == 2 ? parts[i].name_2 : parts[i].name_5;
        p->sections[i] = name[0] != '\0' ? section(p->elf, name) : (struct bytes){0};
    }
    p->strings = section(p->elf, ".debug_str.dwo");
    return p;
}

void package_close(struct package *package)
{
    if (package != NULL) {
        elf_end(package->elf);
        close(package->fd);
        free(package);
    }
}

/* The unit's row, from 1; 0: not there. */
static uint32_t row_of(const struct package *p, uint64_t id)
{
    uint32_t mask = p->slots - 1, at = (uint32_t)id & mask, step = ((uint32_t)(id >> 32) & mask) | 1;
    for (uint32_t i = 0; i < p->slots; i++) {
        uint64_t signature;
        memcpy(&signature, p->index.at + INDEX_HEAD + (size_t)at * sizeof signature, sizeof signature);
        uint32_t row = word(p->index, INDEX_HEAD + (size_t)p->slots * sizeof signature + (size_t)at * CELL);
        if (row == 0 || row > p->units) {
            return 0;
        }
        if (signature == id) {
            return row;
        }
        at = (at + step) & mask;
    }
    return 0;
}

static struct bytes contribution(const struct package *p, uint32_t row, enum part part)
{
    size_t head = INDEX_HEAD + (size_t)p->slots * (sizeof(uint64_t) + CELL), width = (size_t)p->columns * CELL;
    unsigned wanted = p->version == 2 ? parts[part].id_2 : parts[part].id_5;
    for (uint32_t i = 0; wanted != 0 && i < p->columns; i++) {
        if (word(p->index, head + (size_t)i * CELL) != wanted) {
            continue;
        }
        uint32_t offset = word(p->index, head + row * width + (size_t)i * CELL);
        uint32_t size = word(p->index, head + (p->units + (size_t)row) * width + (size_t)i * CELL);
        struct bytes whole = p->sections[part];
        if (whole.at != NULL && offset <= whole.size && size <= whole.size - offset) {
            return (struct bytes){whole.at + offset, size};
        }
    }
    return (struct bytes){0};
}

/* Only the unit's own strings: a program's are some megabytes. */
static void take_strings(const struct package *p, struct bytes offsets, struct buf *new_offsets, struct buf *strings)
{
    size_t at = p->version == 5 ? 8 : 0;
    if (offsets.at == NULL || offsets.size < at) {
        return;
    }
    buf_add(new_offsets, offsets.at, at);
    for (; at + CELL <= offsets.size; at += CELL) {
        uint32_t from = word(offsets, at), to = (uint32_t)strings->size;
        const char *text = "";
        size_t length = 0;
        if (from < p->strings.size) {
            text = (const char *)p->strings.at + from;
            length = strnlen(text, p->strings.size - from);
        }
        buf_add(new_offsets, &to, sizeof to);
        buf_add(strings, text, length);
        buf_add_char(strings, '\0');
    }
}

static int file_of(const struct buf *image)
{
    size_t written = 0;
    int fd = memfd_create("dwo", MFD_CLOEXEC);
    while (fd >= 0 && written < image->size) {
        ssize_t got = write(fd, image->data + written, image->size - written);
        if (got < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        written += got > 0 ? (size_t)got : 0;
    }
    return fd;
}

int package_extract(struct package *package, uint64_t id)
{
    struct image_section sections[PART_COUNT + 1];
    struct buf image = {0}, offsets = {0}, strings = {0};
    size_t count = 0;
    uint32_t row = row_of(package, id);
    if (row == 0) {
        return -1;
    }
    take_strings(package, contribution(package, row, PART_STR_OFFSETS), &offsets, &strings);
    for (int i = 0; i < PART_COUNT; i++) {
        struct bytes b = contribution(package, row, (enum part)i);
        if (i == PART_STR_OFFSETS) {
            b = (struct bytes){(const unsigned char *)offsets.data, offsets.size};
        }
        if (b.size > 0) {
            const char *name = package->version == 2 ? parts[i].name_2 : parts[i].name_5;
            sections[count++] = (struct image_section){name, b.at, b.size};
        }
    }
    if (strings.size > 0) {
        sections[count++] = (struct image_section){".debug_str.dwo", strings.data, strings.size};
    }
    image_write(&image, sections, count);
    int fd = file_of(&image);
    buf_fini(&image);
    buf_fini(&offsets);
    buf_fini(&strings);
    return fd;
}
