/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/overrides.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* What ddtrace's users know as configuration: it goes before the file's keys and after --set. */
static const struct {
    const char *name, *path;
} variables[] = {{"DD_SERVICE", "service"}, {"DD_ENV", "env"}, {"DD_VERSION", "version"}};

void overrides_fini(struct overrides *o)
{
    for (size_t i = 0; i < o->text_count; i++)
        free(o->texts[i]);
    free(o->texts);
    free(o->items);
    *o = (struct overrides){0};
}

const char *overrides_keep(struct overrides *o, char *text)
{
    o->texts = mem_grow(o->texts, o->text_count, &o->text_capacity, sizeof *o->texts);
    return o->texts[o->text_count++] = text;
}

void overrides_add(struct overrides *o, const char *path, const char *value, const char *shown)
{
    o->items = mem_grow(o->items, o->count, &o->capacity, sizeof *o->items);
    o->items[o->count++] = (struct scenario_override){.path = path, .value = value, .shown = shown};
}

/* The value of a variable is text, whatever YAML would make of it. */
static void add_variables(struct overrides *o)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i].name);
        if (!value || !value[0])
            continue;
        struct buf quoted = {0};
        struct json_out out = json_begin(&quoted, 0);
        json_string(&out, value);
        overrides_add(o, variables[i].path, overrides_keep(o, buf_steal(&quoted)),
                      overrides_keep(o, mem_printf("%s of the environment", variables[i].name)));
    }
}

static int add_set(struct overrides *o, const char *command, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return err_set(e, ERR_USAGE, "%s: --set %s is not of the form PATH=VALUE, as in --set threads=8", command,
                       text);
    overrides_add(o, overrides_keep(o, mem_strndup(text, (size_t)(equals - text))), equals + 1, NULL);
    return 0;
}

int overrides_read(const struct command_line *line, struct overrides *out, struct err *e)
{
    *out = (struct overrides){0};
    add_variables(out);
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].option->name, "--set") == 0 &&
            add_set(out, line->command->name, line->given[i].value, e) < 0)
            return -1;
    return 0;
}
