/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk_file.h"
#include "base/mem.h"
#include "io/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Linux writes at most 0x7ffff000 bytes at once (write(2)); smaller pieces let a size limit be seen
 * early. */
#define WRITE_MAX ((size_t)16 << 20)

int disk_write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(fd, at, size < WRITE_MAX ? size : WRITE_MAX);
        if (written == 0 || (written < 0 && errno != EINTR)) {
            return written == 0 ? EIO : errno;
        }
        if (written > 0) {
            at += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return mem_strdup(".");
    }
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

int disk_sync_parent(const char *path, struct err *e)
{
    char *parent = parent_of(path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    free(parent);
    /* A file system that can't sync a directory (EINVAL) gives no such promise to anybody. */
    return failed == 0 || failed == EINVAL ? 0 : err_sys(e, ERR_WRITE, failed, "cannot sync the directory of %s", path);
}

/* 0, or an errno. `path` is cut and mended in place. */
static int make_parents(char *path, bool sync)
{
    struct err ignored;
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0777) != 0 ? errno : 0;
        if (failed == 0 && sync) {
            disk_sync_parent(path, &ignored); /* the file's own sync tells of a broken disk */
        }
        *slash = '/';
        if (failed != 0 && failed != EEXIST) {
            return failed;
        }
    }
    return 0;
}

int disk_make_dir(const char *path, struct err *e)
{
    struct stat info;
    char *whole = mem_printf("%s/", path);
    int failed = path[0] != '\0' ? make_parents(whole, true) : ENOENT;
    free(whole);
    if (failed == 0 && stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        failed = ENOTDIR;
    }
    return failed == 0 ? 0 : err_sys(e, ERR_WRITE, failed, "cannot make the directory %s", path);
}

int disk_open(const char *path, int flags, bool sync)
{
    int fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    int failed = fd < 0 ? errno : 0;
    if (failed == ENOENT) {
        char *copy = mem_strdup(path);
        failed = make_parents(copy, sync);
        free(copy);
        if (failed == 0) {
            fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
            failed = fd < 0 ? errno : 0;
        }
    }
    return failed == 0 ? fd : -failed;
}

/* --- files that stay open --- */

static int sync_file(struct disk_file *file, struct err *e)
{
    if (!file->dirty) {
        return 0;
    }
    /* Not tried again after a failure: Linux forgets the pages that it could not write, and a
     * second call would succeed. */
    file->dirty = false;
    if (fsync(file->fd) != 0 && errno != EINVAL && errno != EROFS) {
        return err_sys(e, ERR_WRITE, errno, "cannot write %s", file->path);
    }
    if (file->fresh) {
        file->fresh = false;
        return disk_sync_parent(file->path, e);
    }
    return 0;
}

static int close_file(struct disk_file *file, struct err *e)
{
    int result = sync_file(file, e);
    if (close(file->fd) != 0 && result == 0) {
        result = err_sys(e, ERR_WRITE, errno, "cannot write %s", file->path);
    }
    free(file->path);
    return result;
}

static size_t find_oldest(const struct disk_files *files)
{
    size_t oldest = 0;
    for (size_t i = 1; i < files->count; i++) {
        if (files->items[i].used < files->items[oldest].used) {
            oldest = i;
        }
    }
    return oldest;
}

static struct disk_file *get_file(struct disk_files *files, const char *path, struct err *e)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->items[i].path, path) == 0) {
            return &files->items[i];
        }
    }
    if (files->count == DISK_OPEN_MAX) {
        size_t oldest = find_oldest(files);
        int result = close_file(&files->items[oldest], e);
        files->items[oldest] = files->items[--files->count];
        if (result != 0) {
            return NULL;
        }
    }
    int fd = disk_open(path, O_WRONLY | O_APPEND, true);
    if (fd < 0) {
        err_sys(e, ERR_WRITE, -fd, "cannot write %s", path);
        return NULL;
    }
    struct disk_file *file = &files->items[files->count++];
    *file = (struct disk_file){.path = mem_strdup(path), .fd = fd, .fresh = true};
    return file;
}

int disk_files_append(struct disk_files *files, const char *path, const void *bytes, size_t size, bool sync,
                      struct err *e)
{
    struct stat before;
    struct disk_file *file = get_file(files, path, e);
    if (file == NULL) {
        return -1;
    }
    file->used = ++files->clock;
    int failed = fstat(file->fd, &before) != 0 ? errno : 0;
    if (failed == 0) {
        failed = disk_write_all(file->fd, bytes, size);
        if (failed != 0 && S_ISREG(before.st_mode) && ftruncate(file->fd, before.st_size) != 0) {
            return err_sys(e, ERR_WRITE, errno, "cannot cut off a half-written line of %s", path);
        }
    }
    if (failed != 0) {
        return err_sys(e, ERR_WRITE, failed, "cannot write %s", path);
    }
    file->dirty = true;
    return sync ? sync_file(file, e) : 0;
}

static int first_failure(int result, const struct err *now, int before, struct err *e)
{
    if (result != 0 && before == 0) {
        *e = *now;
    }
    return before != 0 ? before : result;
}

int disk_files_sync(struct disk_files *files, struct err *e)
{
    int result = 0;
    struct err now;
    for (size_t i = 0; i < files->count; i++) {
        result = first_failure(sync_file(&files->items[i], &now), &now, result, e);
    }
    return result;
}

int disk_files_close(struct disk_files *files, struct err *e)
{
    int result = 0;
    struct err now;
    for (size_t i = 0; i < files->count; i++) {
        result = first_failure(close_file(&files->items[i], &now), &now, result, e);
    }
    files->count = 0;
    return result;
}
