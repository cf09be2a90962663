/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/capture_dir.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Memory, so that the target's counters are never written to a disk while it counts. A container often gives it 64 MiB
 * only, while one capture file may grow to 100. */
#define MEMORY_DIRECTORY "/dev/shm"
#define MEMORY_FREE_MIN ((uint64_t)256 << 20)

static bool has_room(const char *directory)
{
    struct statvfs fs;
    return access(directory, W_OK | X_OK) == 0 && statvfs(directory, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize >= MEMORY_FREE_MIN;
}

/* A program that root starts may give root up before it writes (servers with workers of another user do): its files are
 * then another user's, who may add files and neither list nor remove others'. */
static bool open_to_others(const char *path)
{
    return geteuid() != 0 || chmod(path, S_ISVTX | S_IRWXU | S_IWGRP | S_IXGRP | S_IWOTH | S_IXOTH) == 0;
}

int capture_dir_new(char **path, struct err *e)
{
    const char *temporary = getenv("TMPDIR");
    const char *base = has_room(MEMORY_DIRECTORY)         ? MEMORY_DIRECTORY
                       : temporary && temporary[0] == '/' ? temporary
                                                          : "/tmp";
    char *made = mem_printf("%s/lockprof.%ld.XXXXXX", base, (long)getpid());
    if (!mkdtemp(made) || !open_to_others(made)) {
        free(made);
        return err_sys(e, ERR_WRITE, errno, "can't make a directory for capture files in %s", base);
    }
    *path = made;
    return 0;
}

bool capture_dir_remove(const char *path)
{
    return rmdir(path) == 0 || errno == ENOENT;
}

/* The absolute path of this program's directory, "" where /proc is not there. */
static void own_directory(char out[PATH_MAX])
{
    ssize_t size = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

static char *find_library(void)
{
    static const char *const places[] = {"liblockprof.so", "../lib/liblockprof.so", "../lib/lockprof/liblockprof.so"};
    char directory[PATH_MAX];
    own_directory(directory);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *file = mem_printf("%s/%s", directory, places[i]), *real = realpath(file, NULL);
        free(file);
        if (real)
            return real;
    }
    return NULL;
}

int capture_library(char **path, struct err *e)
{
    const char *given = getenv("LOCKPROF_LIBRARY");
    bool is_given = given && given[0];
    char *found = is_given ? realpath(given, NULL) : find_library();
    if (!found)
        return is_given ? err_sys(e, ERR_MISSING, errno, "LOCKPROF_LIBRARY names %s", given)
                        : err_set(e, ERR_MISSING,
                                  "liblockprof.so is not beside this program, set LOCKPROF_LIBRARY to its path");
    /* Both divide names in LD_PRELOAD (ld.so(8)), and nothing can quote them. */
    if (strpbrk(found, ": \t\n")) {
        err_set(e, ERR_MISSING,
                "LD_PRELOAD can't hold %s, which has a blank or a colon: copy it elsewhere and set "
                "LOCKPROF_LIBRARY",
                found);
        free(found);
        return -1;
    }
    *path = found;
    return 0;
}
