/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/expectations.h"

#include "base/mem.h"
#include "scenario/read.h"
#include "scenario/textcheck.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct expectation, member)
/* Globs of locks, and reasons: as long as what they stand for, a sentence or two. */
#define TEXT_MAX 1024

/* A loss is never at `declared` or at the control. */
static const char *const stage_words[] = {"collector", "upload", "agent", "backend", "ui", NULL};
static const char *const mechanism_words[] = {"never_named",
                                              "never_sampled",
                                              "aliased",
                                              "label_dropped",
                                              "label_key_renamed",
                                              "value_truncated",
                                              "value_rewritten",
                                              "names_swapped",
                                              "samples_dropped",
                                              "profile_dropped",
                                              "profile_corrupt",
                                              "duplicated",
                                              NULL};
_Static_assert(sizeof stage_words / sizeof *stage_words - 1 == STAGE_COUNT - STAGE_COLLECTOR, "a word for each stage");
_Static_assert(sizeof mechanism_words / sizeof *mechanism_words - 1 == MECHANISM_COUNT, "a word for each mechanism");
_Static_assert(sizeof(enum stage) == sizeof(unsigned) && sizeof(enum mechanism) == sizeof(unsigned),
               "an enum is stored as unsigned");

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* RFC 3339's full-date. */
static bool check_date(const char *text, struct buf *why)
{
    static const char form[] = "dddd-dd-dd";
    (void)why;
    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    int year = atoi(text), month = atoi(text + 5), day = atoi(text + 8);
    return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month);
}

static bool has_no_stage(const void *base)
{
    return !((const struct expectation *)base)->has_stage;
}

static bool has_no_mechanism(const void *base)
{
    return !((const struct expectation *)base)->has_mechanism;
}

static const struct key rows[] = {
    {.name = "cell",
     .type = KEY_VARIABLES,
     .offset = AT(axes),
     .second = AT(axis_count),
     .check = check_one_line,
     .expected = "the name of an axis",
     .help = "globs of values by axis; all cells without it"},
    {.name = "lock",
     .type = KEY_TEXT,
     .offset = AT(lock),
     .min = 1,
     .max = TEXT_MAX,
     .check = check_place,
     .expected = "a lock's id or a glob of ids",
     .help = "a glob of ids; every lock without it"},
    {.name = "stage",
     .type = KEY_WORD,
     .offset = AT(stage),
     .given = AT(has_stage),
     .words = stage_words,
     .first = STAGE_COLLECTOR,
     .hidden = has_no_stage,
     .help = "where the name is lost; any stage without it"},
    {.name = "mechanism",
     .type = KEY_WORD,
     .offset = AT(mechanism),
     .given = AT(has_mechanism),
     .words = mechanism_words,
     .hidden = has_no_mechanism,
     .help = "how; any mechanism without it"},
    {.name = "reason",
     .type = KEY_TEXT,
     .offset = AT(reason),
     .min = 1,
     .max = TEXT_MAX,
     .check = check_place,
     .expected = KEY_ONE_LINE,
     .required = true,
     .help = "why it is to be lost"},
    {.name = "until",
     .type = KEY_TEXT,
     .offset = AT(until),
     .min = 1,
     .check = check_date,
     .expected = "a day: `2027-06-30`",
     .required = true,
     .help = "the last day on which it does not count"},
};
static const struct key_table table = {
    .rows = rows, .count = sizeof rows / sizeof *rows, .size = sizeof(struct expectation), .what = "an expected loss"};

static void read_item(struct complaints *c, struct node *item, struct expectation *out)
{
    out->line = item->place.line;
    if (item->kind == NODE_MAP) {
        read_table(c, &table, item, out);
        return;
    }
    if (item->bad)
        return;
    struct buf found = {0};
    node_describe(&found, item);
    complain(c, item->place, NULL, "%s found, expected a loss: a mapping with at least `reason` and `until`",
             found.data);
    buf_fini(&found);
}

static void read_items(struct complaints *c, const struct node *root, struct expectations *x)
{
    if (root->count > EXPECTATIONS_MAX) {
        complain(c, root->place, NULL, "%zu expected losses found, expected at most %d", root->count, EXPECTATIONS_MAX);
        return;
    }
    x->items = mem_calloc(root->count, sizeof *x->items);
    for (size_t i = 0; i < root->count; i++)
        read_item(c, root->items[i], &x->items[x->count++]);
}

/* Comments alone are an empty list, as is an empty file. */
static bool is_blank(const char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        if (bytes[at] == '#')
            while (at + 1 < size && bytes[at + 1] != '\n')
                at++;
        else if (!strchr(" \r\n", bytes[at]) || bytes[at] == '\0')
            return false;
    }
    return true;
}

static void read_file(struct complaints *c, struct expectations *x)
{
    if (is_blank(c->bytes, c->size))
        return;
    struct node *root = tree_read(c, NULL);
    if (root && root->kind == NODE_LIST) {
        read_items(c, root, x);
    } else if (root && !root->bad && !node_is_null(root)) {
        struct buf found = {0};
        node_describe(&found, root);
        complain(c, root->place, NULL, "%s found, expected a list of losses", found.data);
        buf_fini(&found);
    }
    node_free(root);
}

int expectations_read(const char *path, const char *bytes, size_t size, struct expectations **out,
                      struct diagnostics *diagnostics)
{
    struct complaints c = {size ? bytes : "", size, diagnostics, "a list of expected losses", "`reason` and `until`"};
    struct expectations *x = mem_calloc(1, sizeof *x);
    *diagnostics = (struct diagnostics){0};
    x->path = mem_strdup(path);
    if (size > SCENARIO_SIZE_MAX)
        /* cppcheck-suppress varFuncNullUB ; the NULL is a typed argument, the last one is a format */
        complain(&c, (struct place){1, 1, NULL}, NULL, "the file has %zu bytes, expected at most 1MiB", size);
    else
        read_file(&c, x);
    complaints_sort(diagnostics);
    if (diagnostics->count > 0) {
        expectations_free(x);
        return -1;
    }
    *out = x;
    return 0;
}

void expectations_free(struct expectations *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->count; i++)
        read_fini(&table, &x->items[i]);
    free(x->items);
    free(x->path);
    free(x);
}

static bool matches(const char *glob, const char *text)
{
    return fnmatch(glob, text, 0) == 0;
}

static const char *label_of(const char *name, const char *const *axes, const char *const *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(axes[i], name) == 0)
            return labels[i];
    return NULL;
}

bool expectation_matches(const struct expectation *x, const char *const *axes, const char *const *labels,
                         size_t axis_count, const char *lock, enum stage stage, enum mechanism mechanism)
{
    if ((x->has_stage && x->stage != stage) || (x->has_mechanism && x->mechanism != mechanism) ||
        (x->lock && !matches(x->lock, lock)))
        return false;
    for (size_t i = 0; i < x->axis_count; i++) {
        const char *label = label_of(x->axes[i].name, axes, labels, axis_count);
        if (!label || !matches(x->axes[i].value, label))
            return false;
    }
    return true;
}

bool expectation_expired(const struct expectation *x, const char *today)
{
    return strcmp(x->until, today) < 0;
}
