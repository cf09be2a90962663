/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keys.h"

#include <stdlib.h>
#include <string.h>

/* Width of the column of keys: the longest is "workers.NAME.limits.memory" with some room. */
#define KEY_COLUMN 31

static void describe_row(struct buf *out, const struct key *key, const char *path)
{
    buf_printf(out, "%-*s ", KEY_COLUMN, path);
    key_expected(out, key);
    if (key->required) {
        buf_add_str(out, "; required");
    } else if (key->initial && key->initial[0] != '\0') {
        buf_printf(out, "; default %s", key->initial);
    }
    if (key->only) {
        buf_printf(out, "; only with %s", key->only->note);
    }
    buf_printf(out, "; %s\n", key->help);
}

void keys_describe(struct buf *out, const struct key_table *table, const char *prefix)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct key *key = &table->rows[i];
        struct buf path = {0};
        buf_printf(&path, "%s%s", prefix, key->name);
        describe_row(out, key, path.data);
        if (key->table) {
            if (key->table->placeholder) {
                buf_printf(&path, ".%s", key->table->placeholder);
            }
            buf_add_char(&path, '.');
            keys_describe(out, key->table, path.data);
        }
        buf_fini(&path);
    }
}

void scenario_describe_keys(struct buf *out)
{
    keys_describe(out, &keys_root, "");
}
