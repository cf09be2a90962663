/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_keep_files.h"

#include "base/json.h"
#include "base/mem.h"
#include "engine/evidence_internal.h"
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A description is some KiB of headers and the event. */
#define DESCRIPTION_MAX ((size_t)1 << 20)

/* --- what is there ---------------------------------------------------------------------------------------------- */

/* False: there is no description. */
static bool read_description(const char *path, bool *loss, uint64_t *bytes)
{
    struct buf text = {0};
    struct json *description = NULL;
    struct err e;
    if (disk_read_now(path, DESCRIPTION_MAX, &text, &e) < 0)
        return false;
    if (json_read(text.data ? text.data : "", text.size, &description, &e) < 0)
        description = NULL;
    *loss = strcmp(json_get_string(description, "kept", KEPT_LOSS), KEPT_SAMPLE) != 0;
    *bytes += text.size;
    json_free(description);
    buf_fini(&text);
    return true;
}

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size > tail && strcmp(text + size - tail, end) == 0;
}

static bool is_there(const char *folder, const char *name, const char *suffix)
{
    struct stat status;
    char *path = mem_printf("%s/%.*s%s", folder, (int)(strrchr(name, '.') - name), name, suffix);
    bool there = lstat(path, &status) == 0;
    free(path);
    return there;
}

/* A description or a profile whose other half a kill has kept from being written, or a temporary file. */
static void remove_torn(const char *folder, const char *name)
{
    bool torn = ends_in(name, ".tmp") || (ends_in(name, ".json") && !is_there(folder, name, ".pprof"));
    char *path = mem_printf("%s/%s", folder, name);
    if (torn)
        unlink(path);
    free(path);
}

static void take_file(const char *folder, enum stage stage, const char *name,
                      void (*fn)(const struct kept_file *file, void *data), void *data)
{
    struct kept_file file = {.stage = stage};
    struct stat status;
    char *instance;
    if (!evidence_parse_name(name, ".pprof", &instance, &file.sequence)) {
        remove_torn(folder, name);
        return;
    }
    char *path = mem_printf("%s/%s", folder, name);
    char *json = mem_printf("%.*sjson", (int)(strlen(path) - strlen("pprof")), path);
    file.instance = instance;
    if (lstat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        file.bytes = (uint64_t)status.st_size;
        if (read_description(json, &file.loss, &file.bytes))
            fn(&file, data);
        else
            unlink(path);
    }
    free(json);
    free(path);
    free(instance);
}

int keep_files_list(const char *directory, void (*fn)(const struct kept_file *file, void *data), void *data,
                    struct err *e)
{
    int result = 0;
    for (enum stage stage = STAGE_UPLOAD; stage < STAGE_COUNT && result == 0; stage++) {
        char *folder = mem_printf("%s/copies/%s", directory, stage_name(stage));
        DIR *stream = opendir(folder);
        struct dirent *entry;
        if (!stream && errno != ENOENT)
            result = err_sys(e, ERR_INPUT, errno, "can't list %s", folder);
        while (stream && (entry = readdir(stream)))
            if (entry->d_name[0] != '.')
                take_file(folder, stage, entry->d_name, fn, data);
        if (stream)
            closedir(stream);
        free(folder);
    }
    return result;
}

/* --- room taken away -------------------------------------------------------------------------------------------- */

static int make_filler(const char *path, uint64_t bytes, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(e, ERR_WRITE, errno, "can't make %s", path);
    int failed = fallocate(fd, 0, 0, (off_t)bytes) < 0 ? errno : 0;
    /* A file system that can't promise room has the size at least. */
    if (failed == EOPNOTSUPP)
        failed = ftruncate(fd, (off_t)bytes) < 0 ? errno : 0;
    close(fd);
    if (failed == 0)
        return 0;
    unlink(path);
    return err_sys(e, ERR_WRITE, failed, "can't make %s %llu bytes large", path, (unsigned long long)bytes);
}

int keep_files_fill(const char *directory, uint64_t bytes, struct err *e)
{
    char *path = mem_printf("%s/filler", directory);
    int result = 0;
    if (unlink(path) < 0 && errno != ENOENT)
        result = err_sys(e, ERR_WRITE, errno, "can't remove %s", path);
    if (result == 0 && bytes > 0)
        result = make_filler(path, bytes, e);
    free(path);
    return result;
}
