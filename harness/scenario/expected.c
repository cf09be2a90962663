/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keys.h"
#include "scenario/units.h"

#include <string.h>

/* A bound as its key would have it. */
static void add_bound(struct buf *out, const struct key *key, double value)
{
    if (key->type == KEY_DURATION) {
        units_print_duration(out, (int64_t)value);
    } else if (key->type == KEY_SIZE) {
        units_print_size(out, (uint64_t)value);
    } else {
        buf_printf(out, "%.15g", value);
    }
}

static void add_range(struct buf *out, const struct key *key, const char *what)
{
    if (key->zero) {
        buf_printf(out, "0 (%s) or ", key->zero);
    }
    buf_add_str(out, what);
    if (key->max == 0) {
        buf_add_str(out, " from 0 to 18446744073709551615");
        return;
    }
    buf_add_str(out, key->above ? " above " : " from ");
    add_bound(out, key, key->min);
    buf_add_str(out, key->above ? " and up to " : " to ");
    add_bound(out, key, key->max);
}

static void add_words(struct buf *out, const struct key *key)
{
    for (size_t i = 0; key->words[i]; i++) {
        bool last = key->words[i + 1] == NULL && key->type != KEY_CONTROL;
        buf_printf(out, "%s`%s`", i == 0 ? "" : last ? " or " : ", ", key->words[i]);
    }
    if (key->type == KEY_CONTROL) {
        buf_add_str(out, " or a mapping with `command`");
    }
}

/* The words of the one key that may stand for the whole mapping. */
static void add_shorthand(struct buf *out, const struct key_table *table)
{
    for (size_t i = 0; table->shorthand && i < table->count; i++) {
        const struct key *key = &table->rows[i];
        for (size_t word = 0; strcmp(key->name, table->shorthand) == 0 && key->words[word]; word++) {
            buf_printf(out, "`%s`%s", key->words[word], key->words[word + 1] ? ", " : " or ");
        }
    }
}

void key_expected(struct buf *out, const struct key *key)
{
    switch (key->type) {
    case KEY_WORD:
    case KEY_CONTROL:
        add_words(out, key);
        break;
    case KEY_BOOL:
        buf_add_str(out, "true or false");
        break;
    case KEY_UNSIGNED:
    case KEY_UINT64:
        add_range(out, key, "a whole number");
        break;
    case KEY_NUMBER:
        add_range(out, key, "a number");
        break;
    case KEY_DURATION:
        add_range(out, key, "a duration");
        break;
    case KEY_SIZE:
        add_range(out, key, "a size");
        break;
    case KEY_RENDERING:
        buf_add_str(out, "`exact`, `generic` or `mangled:NAME`");
        break;
    case KEY_SITE:
        buf_add_str(out, "FILE:LINE, such as `service.py:12`");
        break;
    case KEY_VARIABLES:
        buf_add_str(out, "a mapping of variables");
        break;
    case KEY_TABLE:
        add_shorthand(out, key->table);
        buf_add_str(out, "a mapping of keys");
        break;
    case KEY_NAMED:
        buf_printf(out, "a mapping, %s under each name", key->table->what);
        break;
    case KEY_LISTED:
        buf_printf(out, "a list, %s in each element", key->table->what);
        break;
    default:
        buf_add_str(out, key->expected);
    }
}
