/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/disk.h"
#include "io/disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One read; pprof files are mostly smaller. */
#define READ_CHUNK ((size_t)256 << 10)

/* 0, or an errno. */
static int write_temporary(const char *temporary, const void *bytes, size_t size, bool sync)
{
    int fd = disk_open(temporary, O_WRONLY | O_TRUNC | O_NOFOLLOW, sync);
    if (fd < 0) {
        return -fd;
    }
    int failed = disk_write_all(fd, bytes, size);
    if (failed == 0 && sync && fsync(fd) != 0) {
        failed = errno;
    }
    if (close(fd) != 0 && failed == 0) {
        failed = errno;
    }
    return failed;
}

int disk_replace(const char *path, const void *bytes, size_t size, bool sync, struct err *e)
{
    char *temporary = mem_printf("%s.%d.tmp", path, (int)getpid());
    int failed = write_temporary(temporary, bytes, size, sync);
    if (failed == 0 && rename(temporary, path) != 0) {
        failed = errno;
    }
    if (failed != 0) {
        unlink(temporary);
    }
    free(temporary);
    if (failed != 0) {
        return err_sys(e, ERR_WRITE, failed, "cannot write %s", path);
    }
    return sync ? disk_sync_parent(path, e) : 0;
}

int disk_write_now(const char *path, const void *bytes, size_t size, struct err *e)
{
    return disk_replace(path, bytes, size, true, e);
}

/* 0, or an errno; EFBIG where there is more than `max`. */
static int read_all(int fd, size_t max, struct buf *out)
{
    for (;;) {
        buf_reserve(out, READ_CHUNK);
        ssize_t size = read(fd, out->data + out->size, READ_CHUNK);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return size == 0 ? 0 : errno;
        }
        out->size += (size_t)size;
        out->data[out->size] = '\0';
        if (out->size > max) {
            return EFBIG;
        }
    }
}

int disk_read_now(const char *path, size_t max, struct buf *out, struct err *e)
{
    struct buf bytes = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_sys(e, errno == ENOENT ? ERR_MISSING : ERR_INPUT, errno, "cannot read %s", path);
    }
    int failed = read_all(fd, max, &bytes);
    close(fd);
    if (failed != 0) {
        buf_fini(&bytes);
        return failed == EFBIG
                   ? err_set(e, ERR_INPUT, "cannot read %s: it has more than the %zu bytes allowed", path, max)
                   : err_sys(e, ERR_INPUT, failed, "cannot read %s", path);
    }
    buf_add(out, bytes.data, bytes.size);
    buf_fini(&bytes);
    return 0;
}
