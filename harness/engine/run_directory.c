/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/run_directory.h"

#include "base/mem.h"
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int not_empty(const char *directory, struct err *e)
{
    return err_set(e, ERR_WRITE, "%s is not empty: a run needs a directory of its own, name another with --out",
                   directory);
}

static int check_empty(const char *directory, struct err *e)
{
    DIR *listing = opendir(directory);
    if (!listing)
        return err_sys(e, ERR_WRITE, errno, "can't list %s", directory);
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(listing));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(listing);
    return empty ? 0 : not_empty(directory, e);
}

/* Of two runs that find the same directory empty, only one makes `workers`. */
static int claim(const char *directory, struct err *e)
{
    char *workers = mem_printf("%s/workers", directory);
    int result = 0;
    if (mkdir(workers, 0777) < 0)
        result = errno == EEXIST ? not_empty(directory, e)
                                 : err_sys(e, ERR_WRITE, errno, "can't make the directory %s", workers);
    free(workers);
    return result;
}

static int make_part(const char *directory, const char *folder, const char *name, struct err *e)
{
    char *path = mem_printf("%s/%s/%s", directory, folder, name);
    int result = disk_make_dir(path, e);
    free(path);
    return result;
}

static int make_parts(const char *directory, const struct instance_plan *plan, struct err *e)
{
    if (make_part(directory, "copies", "collector", e) < 0 || make_part(directory, "copies", "upload", e) < 0)
        return -1;
    for (size_t i = 0; i < plan->count; i++)
        if (make_part(directory, "workers", plan->items[i].name, e) < 0)
            return -1;
    return 0;
}

static int write_scenario(const char *directory, const struct scenario *s, struct err *e)
{
    struct buf yaml = {0};
    char *path = mem_printf("%s/scenario.yaml", directory);
    scenario_print(s, &yaml);
    int result = disk_write_now(path, yaml.data, yaml.size, e);
    free(path);
    buf_fini(&yaml);
    return result;
}

char *run_directory_make(const char *given, const struct scenario *s, const struct instance_plan *plan, struct err *e)
{
    if (disk_make_dir(given, e) < 0)
        return NULL;
    char *absolute = realpath(given, NULL);
    if (!absolute) {
        err_sys(e, ERR_WRITE, errno, "can't resolve %s", given);
        return NULL;
    }
    if (check_empty(absolute, e) == 0 && claim(absolute, e) == 0 && make_parts(absolute, plan, e) == 0 &&
        write_scenario(absolute, s, e) == 0)
        return absolute;
    free(absolute);
    return NULL;
}

int run_directory_lock(const char *directory, struct err *e)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, ERR_WRITE, errno, "can't open %s", directory);
    /* A file system without locks is no reason not to begin. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return fd;
    close(fd);
    return err_set(e, ERR_WRITE, "another locktrail is at work in %s", directory);
}

int run_directory_check(const char *directory, struct err *e)
{
    char *path = mem_printf("%s/scenario.yaml", directory);
    int failed = access(path, R_OK) < 0 ? errno : 0;
    free(path);
    return failed ? err_sys(e, ERR_WRITE, failed, "the run directory %s was removed during the run", directory) : 0;
}
