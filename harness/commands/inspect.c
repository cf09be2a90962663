/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/mem.h"
#include "commands/output.h"
#include "io/disk.h"
#include "report/names.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Largest file that is read, as captured: what profile_read allows after decompression. */
#define FILE_MAX PROFILE_RAW_SIZE_MAX

static const struct option options[] = {
    {"--sort", "KEY", false, "Order of the names: acquires (the default), wait, samples or name."},
    {"--json", NULL, false, "Only JSON on standard output."},
};

struct inspected {
    struct profile *profile;
    struct err error;
    size_t size;
};

static int read_stdin(struct buf *out, struct err *e)
{
    char chunk[65536];
    for (;;) {
        ssize_t size = read(STDIN_FILENO, chunk, sizeof chunk);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_sys(e, ERR_INPUT, errno, "can't read standard input");
        if (size == 0)
            return 0;
        if (out->size + (size_t)size > FILE_MAX)
            return err_set(e, ERR_INPUT, "standard input has more than %zu MiB, the most that is read", FILE_MAX >> 20);
        buf_add(out, chunk, (size_t)size);
    }
}

static void inspect(const char *path, struct inspected *out)
{
    struct buf bytes = {0};
    int result =
        strcmp(path, "-") == 0 ? read_stdin(&bytes, &out->error) : disk_read_now(path, FILE_MAX, &bytes, &out->error);
    out->size = bytes.size;
    if (result == 0)
        profile_read(bytes.data ? bytes.data : "", bytes.size, &profile_limits_default, &out->profile, &out->error);
    buf_fini(&bytes);
}

static int print(const struct names_file *files, size_t count, enum names_order order, bool json)
{
    struct buf text = {0};
    if (json)
        report_names_json(files, count, order, &text);
    for (size_t i = 0; i < count && !json; i++) {
        if (i > 0)
            buf_add_char(&text, '\n');
        report_names(&files[i], order, &text);
    }
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

static int inspect_all(const struct command_line *line, enum names_order order)
{
    size_t count = line->operand_count;
    struct inspected *read = mem_calloc(count, sizeof *read);
    struct names_file *files = mem_calloc(count, sizeof *files);
    int code = 0;
    for (size_t i = 0; i < count; i++) {
        inspect(line->operands[i], &read[i]);
        files[i] = (struct names_file){
            .path = line->operands[i], .size = read[i].size, .profile = read[i].profile, .error = read[i].error.text};
        if (!read[i].profile)
            code = ERR_INPUT;
    }
    int printed = print(files, count, order, command_line_has(line, "--json"));
    for (size_t i = 0; i < count; i++)
        profile_free(read[i].profile);
    free(files);
    free(read);
    return printed != 0 ? printed : code;
}

static int run(const struct command_line *line)
{
    enum names_order order = NAMES_BY_ACQUIRES;
    const char *sort = command_line_value(line, "--sort");
    struct err e;
    if (sort && !names_order_parse(sort, &order)) {
        err_set(&e, ERR_USAGE, "inspect: --sort %s is unknown, expected acquires, wait, samples or name", sort);
        return output_error(&e);
    }
    return inspect_all(line, order);
}

const struct command command_inspect = {
    .name = "inspect",
    .operands = "FILE...",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .summary = "Shows what a profile file is, and the lock names in it with their counts.",
    .details = "Reads pprof as it is, or compressed with gzip, zstd or lz4, told by its first bytes. - reads standard "
               "input. Exits 65 when a file can't be read; the others are still shown.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
