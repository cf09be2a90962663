/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/debug_files.h"

#include "base/mem.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest build-id that is looked for: SHA-1 has 20 bytes, --build-id=0x... may be longer. */
#define BUILD_ID_MAX 64

/* Opens a regular file; -1: it isn't there or isn't one. */
static int open_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The CRC-32 of ISO 3309 that .gnu_debuglink has (GDB manual, "Debugging Information in Separate Files"). */
static bool file_crc(int fd, uint32_t *out)
{
    uint32_t table[256];
    unsigned char block[65536];
    uint32_t crc = UINT32_MAX;
    off_t offset = 0;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) {
            value = (value >> 1) ^ (value & 1 ? UINT32_C(0xedb88320) : 0);
        }
        table[i] = value;
    }
    for (;;) {
        ssize_t got = pread(fd, block, sizeof block, offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            *out = ~crc;
            return got == 0;
        }
        for (ssize_t i = 0; i < got; i++) {
            crc = table[(crc ^ block[i]) & 0xff] ^ (crc >> 8);
        }
        offset += got;
    }
}

/* Compares the build-id of an open file. 1: the same, 0: another, -1: one of both has none. */
static int same_build_id(int fd, const struct debug_wanted *wanted)
{
    const void *found = NULL;
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    ssize_t size = elf != NULL ? dwelf_elf_gnu_build_id(elf, &found) : -1;
    int same = -1;
    if (size > 0 && wanted->build_id_size > 0) {
        same = (size_t)size == wanted->build_id_size && memcmp(found, wanted->build_id, (size_t)size) == 0;
    }
    elf_end(elf);
    return same;
}

static int by_build_id(const char *directory, const struct debug_wanted *wanted, char **path)
{
    char hex[2 * BUILD_ID_MAX + 1];
    if (directory == NULL || wanted->build_id_size < 2 || wanted->build_id_size > BUILD_ID_MAX) {
        return -1;
    }
    for (size_t i = 0; i < wanted->build_id_size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", wanted->build_id[i]);
    }
    char *made = mem_printf("%s/.build-id/%.2s/%s.debug", directory, hex, hex + 2);
    int fd = open_file(made);
    if (fd >= 0 && same_build_id(fd, wanted) != 1) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        free(made);
        return -1;
    }
    *path = made;
    return fd;
}

struct link {
    const char *name;
    uint32_t crc;
    const struct debug_wanted *wanted;
    char *why;
    size_t why_size;
};

/* Takes `candidate`, which it frees or gives on. */
static int by_link(const struct link *link, char *candidate, char **path)
{
    uint32_t crc;
    struct stat candidate_stat, own_stat;
    int fd = open_file(candidate);
    if (fd < 0) {
        free(candidate);
        return -1;
    }
    int same = same_build_id(fd, link->wanted);
    bool taken = same == 1 || (same < 0 && file_crc(fd, &crc) && crc == link->crc);
    /* A link to the file itself is what a file has that was never stripped. */
    bool itself = fstat(fd, &candidate_stat) == 0 && stat(link->wanted->path, &own_stat) == 0 &&
                  candidate_stat.st_ino == own_stat.st_ino && candidate_stat.st_dev == own_stat.st_dev;
    if (!taken || itself) {
        snprintf(link->why, link->why_size, "%s is of another build", candidate);
        close(fd);
        free(candidate);
        return -1;
    }
    *path = candidate;
    return fd;
}

/* The file's directory without a final slash, for the caller to free; "." where the path has none. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
}

static int under(const struct link *link, const char *directory, const char *own, char **path)
{
    static const char usr[] = "/usr/";
    int fd = -1;
    if (directory == NULL || own[0] != '/') {
        return -1;
    }
    fd = by_link(link, mem_printf("%s%s/%s", directory, own, link->name), path);
    /* Where /bin is a link to /usr/bin, files may be known by either. */
    if (fd < 0 && strncmp(own, usr, sizeof usr - 1) == 0) {
        fd = by_link(link, mem_printf("%s%s/%s", directory, own + sizeof usr - 2, link->name), path);
    }
    return fd >= 0 ? fd : by_link(link, mem_printf("%s/%s", directory, link->name), path);
}

int debug_files_find(const struct debug_wanted *wanted, const char *link_name, uint32_t crc, char **path, char *why,
                     size_t why_size)
{
    struct link link = {link_name, crc, wanted, why, why_size};
    int fd = by_build_id(wanted->directory, wanted, path);
    snprintf(why, why_size, "no debug information in it and no debug file for it");
    if (fd < 0) {
        fd = by_build_id(DEBUG_FILES_DIRECTORY, wanted, path);
    }
    /* The name has no directory: a path here would lead anywhere. */
    if (fd >= 0 || link_name == NULL || link_name[0] == '\0' || strchr(link_name, '/') != NULL) {
        return fd;
    }
    char *own = directory_of(wanted->path);
    fd = by_link(&link, mem_printf("%s/%s", own, link_name), path);
    if (fd < 0) {
        fd = by_link(&link, mem_printf("%s/.debug/%s", own, link_name), path);
    }
    if (fd < 0) {
        fd = under(&link, wanted->directory, own, path);
    }
    if (fd < 0) {
        fd = under(&link, DEBUG_FILES_DIRECTORY, own, path);
    }
    free(own);
    return fd;
}

int debug_files_find_alternate(const struct debug_wanted *wanted, const char *link, char **path)
{
    char *own = directory_of(wanted->path);
    char *named = link[0] == '/' ? mem_strdup(link) : mem_printf("%s/%s", own, link);
    int fd = open_file(named);
    free(own);
    if (fd >= 0 && same_build_id(fd, wanted) == 1) {
        *path = named;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    free(named);
    fd = by_build_id(wanted->directory, wanted, path);
    return fd >= 0 ? fd : by_build_id(DEBUG_FILES_DIRECTORY, wanted, path);
}

int debug_files_find_package(const struct debug_wanted *wanted, char **path)
{
    const char *directories[] = {"", wanted->directory, DEBUG_FILES_DIRECTORY};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        if (directories[i] == NULL) {
            continue;
        }
        char *candidate = mem_printf("%s%s.dwp", directories[i], wanted->path);
        int fd = open_file(candidate);
        if (fd >= 0) {
            *path = candidate;
            return fd;
        }
        free(candidate);
    }
    return -1;
}
