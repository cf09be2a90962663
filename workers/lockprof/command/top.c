/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "lockprof/command/commands.h"
#include "lockprof/export/totals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROWS_DEFAULT 20
/* A terminal that does not say how wide it is. */
#define WIDTH_DEFAULT 80
/* Columns before the lock's name. */
#define NAME_COLUMN 51

static const struct option options[] = {
    {"-n", "N", "Show N locks. Default: 20; 0 shows all."},
    {"--sort", "KEY", "Order: wait (the default), contended, acquires or hold."},
};

static const struct {
    const char *name;
    enum sample_value value;
} sort_keys[] = {{"wait", VALUE_ACQUIRE_WAIT},
                 {"contended", VALUE_CONTENDED},
                 {"acquires", VALUE_ACQUIRE},
                 {"hold", VALUE_RELEASE_HOLD}};

static int compare_totals(const void *a, const void *b, void *data)
{
    const struct total *x = a, *y = b;
    enum sample_value key = *(const enum sample_value *)data;
    if (x->values[key] != y->values[key])
        return x->values[key] > y->values[key] ? -1 : 1;
    if (x->values[VALUE_ACQUIRE] != y->values[VALUE_ACQUIRE])
        return x->values[VALUE_ACQUIRE] > y->values[VALUE_ACQUIRE] ? -1 : 1;
    return strcmp(x->label, y->label);
}

/* Three digits and a unit, so that a column can be compared at a glance; "-" where the profile does not say. */
static void add_scaled(struct buf *out, bool known, double value, const char *const *units, size_t count)
{
    char text[32] = "-";
    size_t unit = 0;
    while (unit + 1 < count && value >= 999.5) {
        value /= 1000;
        unit++;
    }
    int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    if (known)
        snprintf(text, sizeof text, "%.*f%s", digits, value, units[unit]);
    buf_printf(out, "%9s ", text);
}

static void add_time(struct buf *out, bool known, double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s", "ks"};
    add_scaled(out, known, ns, units, sizeof units / sizeof *units);
}

static void add_count(struct buf *out, bool known, int64_t count)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};
    if (known && count <= 999999999)
        buf_printf(out, "%9" PRId64 " ", count);
    else
        add_scaled(out, known, (double)count, units, sizeof units / sizeof *units);
}

/* The name's end says more than its beginning, but the file is there. */
static void add_name(struct buf *out, const char *label, size_t room)
{
    struct buf clean = {0};
    for (const char *at = label; *at; at++)
        buf_add_char(&clean, (unsigned char)*at < ' ' || *at == 0x7F ? '?' : *at);
    if (room > 0 && clean.size > room)
        buf_printf(out, "...%s\n", clean.data + clean.size - (room - 3));
    else
        buf_printf(out, "%s\n", clean.data ? clean.data : "");
    buf_fini(&clean);
}

/* Columns for the name; 0: as long as it is, for whoever reads a pipe. */
static size_t name_room(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return 0;
    size_t width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_DEFAULT;
    return width > NAME_COLUMN + 20 ? width - NAME_COLUMN : 20;
}

static void add_row(struct buf *out, const struct totals *t, const struct total *row, size_t room)
{
    const int64_t *v = row->values;
    bool has_mean = t->has[VALUE_CONTENDED] && t->has[VALUE_ACQUIRE_WAIT] && v[VALUE_CONTENDED] > 0;
    add_time(out, t->has[VALUE_ACQUIRE_WAIT], (double)v[VALUE_ACQUIRE_WAIT]);
    add_count(out, t->has[VALUE_CONTENDED], v[VALUE_CONTENDED]);
    add_time(out, has_mean, has_mean ? (double)v[VALUE_ACQUIRE_WAIT] / (double)v[VALUE_CONTENDED] : 0);
    add_count(out, t->has[VALUE_ACQUIRE], v[VALUE_ACQUIRE]);
    add_time(out, t->has[VALUE_RELEASE_HOLD], (double)v[VALUE_RELEASE_HOLD]);
    buf_add_char(out, ' ');
    add_name(out, row->label, room);
}

static void add_table(struct buf *out, struct totals *t, enum sample_value key, size_t rows)
{
    size_t room = name_room();
    if (t->count > 0)
        qsort_r(t->items, t->count, sizeof *t->items, compare_totals, &key);
    buf_printf(out, "%9s %9s %9s %9s %9s  %s\n", "WAIT", "CONTENDED", "AVG WAIT", "ACQUIRES", "HOLD", "LOCK");
    for (size_t i = 0; i < t->count && (rows == 0 || i < rows); i++)
        add_row(out, t, &t->items[i], room);
    if (rows > 0 && t->count > rows)
        buf_printf(out, "%zu more locks (-n 0 shows all)\n", t->count - rows);
    if (t->count == 0)
        buf_add_str(out, "no locks\n");
}

static int read_sort(const char *text, enum sample_value *out, struct err *e)
{
    for (size_t i = 0; i < sizeof sort_keys / sizeof *sort_keys; i++) {
        if (strcmp(text, sort_keys[i].name) == 0) {
            *out = sort_keys[i].value;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE, "top: --sort %s is unknown, expected wait, contended, acquires or hold", text);
}

static int run(const struct command_line *line)
{
    struct totals totals = {0};
    struct buf text = {0};
    struct err e;
    enum sample_value key = VALUE_ACQUIRE_WAIT;
    uint64_t rows = ROWS_DEFAULT;
    const char *sort = command_line_value(line, "--sort"), *count = command_line_value(line, "-n");
    if ((sort && read_sort(sort, &key, &e) != 0) || (count && parse_count("-n", count, 0, 1000000, &rows, &e) != 0))
        return output_error(&e);
    int code = 0;
    size_t good = 0;
    for (size_t i = 0; i < line->operand_count; i++) {
        if (totals_add_file(&totals, line->operands[i], &e) == 0)
            good++;
        else
            code = output_error(&e);
    }
    if (good > 0) {
        add_table(&text, &totals, key, rows);
        int written = output_text(&text);
        code = written != 0 ? written : code;
    }
    buf_fini(&text);
    totals_fini(&totals);
    return code;
}

const struct command command_top = {
    .name = "top",
    .operands = "FILE...",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .summary = "Lists the locks of lock profiles, those first that were waited for longest.",
    .details = "All files are added up. CONTENDED counts the acquires that had to wait, AVG WAIT\n"
               "is how long each of these waited. HOLD is 0 where hold times were not recorded.\n"
               "Reads pprof as it is, or compressed with gzip, zstd or lz4; - is standard input.\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
