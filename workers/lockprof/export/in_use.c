/* SPDX-License-Identifier: Apache-2.0 */
/* A read lease is granted only where nobody has the file open for writing, and a shared writable mapping counts as that
 * (fcntl(2), F_SETLEASE). It tells images that were replaced by exec, reused pids and other pid namespaces right, which
 * /proc does not. A forked child inherits its parent's mapping: then the file is in use until the child is gone, too.
 */
#include "lockprof/export/in_use.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* State and start time of a process: fields 3 and 22 of /proc/PID/stat, behind the name, which may hold anything. */
static bool process_runs(int32_t pid, uint64_t process_start)
{
    char path[64], line[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return errno != ENOENT;
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = '\0';
    char *at = strrchr(line, ')'), state = '\0';
    unsigned long long start = 0;
    if (!at || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                      &state, &start) != 2)
        return false;
    return state != 'Z' && state != 'X' && (process_start == 0 || start == process_start);
}

bool capture_in_use(const char *path, int32_t pid, uint64_t process_start)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return false;
    }
    int result = fcntl(fd, F_SETLEASE, F_RDLCK), error = errno;
    if (result == 0)
        fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    if (result == 0)
        return false;
    return error == EAGAIN || process_runs(pid, process_start);
}
