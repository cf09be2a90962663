/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/write_file.h"

#include "base/mem.h"
#include "base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names that are tried before giving up: a prefix with so many profiles of one pid is a mistake. */
#define SEQUENCE_TRIES 100000
/* Temporary files that a killed process of the same pid left. */
#define TEMPORARY_TRIES 1000

/* A new file beside `path`; with the rights that the umask gives, unlike mkstemp's. */
static int open_temporary(const char *path, char **out)
{
    static atomic_uint counter;
    const char *slash = strrchr(path, '/');
    int directory = slash ? (int)(slash + 1 - path) : 0;
    for (unsigned tries = 0;; tries++) {
        *out = mem_printf("%.*s.lockprof.%ld.%u", directory, path, (long)getpid(), atomic_fetch_add(&counter, 1));
        int fd = open(*out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0)
            return fd;
        free(*out);
        if (errno != EEXIST || tries == TEMPORARY_TRIES)
            return -1;
    }
}

/* The caller frees the temporary file's name. */
static int write_temporary(const char *path, const void *bytes, size_t size, char **out, struct err *e)
{
    char *temporary;
    int fd = open_temporary(path, &temporary);
    if (fd < 0)
        return err_sys(e, ERR_WRITE, errno, "can't write %s", path);
    /* close() tells of a full disk on some file systems. */
    int failed = write_all(fd, bytes, size) != 0 ? errno : 0;
    if (close(fd) != 0 && failed == 0)
        failed = errno;
    if (failed) {
        unlink(temporary);
        free(temporary);
        return err_sys(e, ERR_WRITE, failed, "can't write %s", path);
    }
    *out = temporary;
    return 0;
}

int write_file(const char *path, const void *bytes, size_t size, struct err *e)
{
    char *temporary;
    int result = 0;
    if (write_temporary(path, bytes, size, &temporary, e) != 0)
        return -1;
    if (rename(temporary, path) != 0) {
        result = err_sys(e, ERR_WRITE, errno, "can't write %s", path);
        unlink(temporary);
    }
    free(temporary);
    return result;
}

/* Like rename, but fails with EEXIST. Some file systems have no RENAME_NOREPLACE: there a moment is left in which
 * another process could take the name. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

int write_profile(const char *prefix, long pid, unsigned *sequence, const struct buf *bytes, char **path, struct err *e)
{
    char *temporary;
    char *name = mem_printf("%s.%ld.%u.pprof", prefix, pid, *sequence);
    int result = write_temporary(name, bytes->data, bytes->size, &temporary, e);
    if (result == 0) {
        unsigned tries = 0;
        while ((result = rename_new(temporary, name)) != 0 && errno == EEXIST && ++tries < SEQUENCE_TRIES) {
            free(name);
            name = mem_printf("%s.%ld.%u.pprof", prefix, pid, ++*sequence);
        }
        if (result != 0) {
            err_sys(e, ERR_WRITE, errno, "can't write %s", name);
            unlink(temporary);
        }
        free(temporary);
    }
    if (result == 0)
        *path = name;
    else
        free(name);
    return result;
}
