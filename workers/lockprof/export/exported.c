/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/exported.h"

#include "base/mem.h"
#include "lockprof/export/write_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORTED_MAGIC UINT64_C(0x315458454b434f4c) /* "LOCKEXT1" */
/* Slots of a capture file are at most 256 Ki; a file that says more is broken. */
#define EXPORTED_SLOTS_MAX ((uint64_t)1 << 20)

struct exported_header {
    uint64_t magic;
    uint64_t count;
    int64_t time_ns;
};

static int read_body(FILE *file, const char *path, struct slot_counts **counts, size_t *count, int64_t *time_ns,
                     struct err *e)
{
    struct exported_header header;
    if (fread(&header, sizeof header, 1, file) != 1 || header.magic != EXPORTED_MAGIC ||
        header.count > EXPORTED_SLOTS_MAX)
        return err_set(e, ERR_INPUT, "%s: not a list of exported counts", path);
    struct slot_counts *read = mem_calloc(header.count + 1, sizeof *read);
    if (fread(read, sizeof *read, header.count, file) != header.count) {
        free(read);
        return err_set(e, ERR_INPUT, "%s: cut short, it should have counts of %zu slots", path, (size_t)header.count);
    }
    *counts = read;
    *count = header.count;
    *time_ns = header.time_ns;
    return 0;
}

int exported_read(const char *capture_path, struct slot_counts **counts, size_t *count, int64_t *time_ns, struct err *e)
{
    char *path = mem_printf("%s%s", capture_path, EXPORTED_SUFFIX);
    FILE *file = fopen(path, "rbe");
    int result = 0;
    *counts = NULL;
    *count = 0;
    *time_ns = 0;
    if (file) {
        result = read_body(file, path, counts, count, time_ns, e);
        fclose(file);
    } else if (errno != ENOENT) {
        result = err_sys(e, ERR_INPUT, errno, "%s", path);
    }
    free(path);
    return result;
}

int exported_write(const char *capture_path, const struct slot_counts *counts, size_t count, int64_t time_ns,
                   struct err *e)
{
    struct exported_header header = {EXPORTED_MAGIC, count, time_ns};
    struct buf bytes = {0};
    char *path = mem_printf("%s%s", capture_path, EXPORTED_SUFFIX);
    buf_add(&bytes, &header, sizeof header);
    if (count > 0)
        buf_add(&bytes, counts, count * sizeof *counts);
    int result = write_file(path, bytes.data, bytes.size, e);
    buf_fini(&bytes);
    free(path);
    return result;
}

void exported_remove(const char *capture_path)
{
    char *path = mem_printf("%s%s", capture_path, EXPORTED_SUFFIX);
    unlink(path);
    free(path);
}
