/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/target.h"

#include "base/mem.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Scripts whose interpreter is a script: the kernel goes on for as long (fs/exec.c, exec_binprm). */
#define SCRIPT_DEPTH 5
/* First line of a script: BINPRM_BUF_SIZE of linux/binfmts.h. */
#define SCRIPT_LINE 256
/* execvp(3), where PATH is unset. */
#define PATH_DEFAULT "/bin:/usr/bin"

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The file that execvp would take, for the caller to free; NULL: none. */
static char *find_program(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return is_program(name) ? mem_strdup(name) : NULL;
    for (const char *at = path ? path : PATH_DEFAULT;; at++) {
        size_t size = strcspn(at, ":");
        char *file = mem_printf("%.*s%s%s", (int)size, at, size > 0 ? "/" : "", name);
        if (is_program(file))
            return file;
        free(file);
        at += size;
        if (*at == '\0')
            return NULL;
    }
}

/* AT_SECURE: the loader then takes no library from a path of the user's. */
static bool gains_rights(int fd)
{
    struct stat st;
    char capability[64];
    if (geteuid() == 0 || fstat(fd, &st) != 0)
        return false;
    return ((st.st_mode & S_ISUID) && st.st_uid != geteuid()) || ((st.st_mode & S_ISGID) && st.st_gid != getegid()) ||
           fgetxattr(fd, "security.capability", capability, sizeof capability) > 0;
}

static bool has_interpreter(int fd, const Elf64_Ehdr *header)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        off_t at = (off_t)(header->e_phoff + (Elf64_Off)i * header->e_phentsize);
        if (pread(fd, &segment, sizeof segment, at) != sizeof segment)
            return false;
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static void check_elf(int fd, const char *path, const Elf64_Ehdr *header, struct buf *why)
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        buf_printf(why, "%s is not an x86_64 program", path);
    else if (!has_interpreter(fd, header))
        buf_printf(why, "%s is statically linked", path);
    else if (gains_rights(fd))
        buf_printf(why, "%s runs with more rights than you have (setuid, setgid or capabilities)", path);
}

/* "#! /usr/bin/env python3" is env, which starts python3 in turn. NULL: no script. The caller frees it. */
static char *interpreter_of(const char *line)
{
    if (strncmp(line, "#!", 2) != 0)
        return NULL;
    const char *at = line + 2 + strspn(line + 2, " \t");
    return mem_strndup(at, strcspn(at, " \t\n"));
}

void target_check(const char *name, struct buf *why)
{
    char *path = find_program(name);
    for (int depth = 0; path && depth < SCRIPT_DEPTH; depth++) {
        union {
            Elf64_Ehdr header;
            char line[SCRIPT_LINE + 1];
        } start = {0};
        char *interpreter = NULL;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = fd >= 0 ? pread(fd, start.line, SCRIPT_LINE, 0) : -1;
        if (size >= (ssize_t)sizeof start.header && memcmp(start.line, ELFMAG, SELFMAG) == 0)
            check_elf(fd, path, &start.header, why);
        else if (size > 0)
            interpreter = interpreter_of(start.line);
        if (fd >= 0)
            close(fd);
        free(path);
        path = interpreter;
    }
    free(path);
}
