/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/bisect_values.h"

#include "base/json.h"
#include "base/mem.h"
#include "commands/probe.h"
#include "scenario/matrix.h"

#include <stdlib.h>
#include <string.h>

/* pip reads a page of some thousand files, and its environment is made at first use. */
#define INDEX_TIMEOUT_MS (5 * 60 * 1000)

void value_list_fini(struct value_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct value_list){0};
}

/* Takes the text. */
static void add(struct value_list *list, char *text)
{
    list->items = mem_grow(list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = text;
}

int value_list_read(const char *text, struct value_list *out, struct err *e)
{
    for (const char *at = text;; at++) {
        size_t size = strcspn(at, ",");
        if (size == 0)
            return err_set(e, ERR_USAGE, "--values %s: a value is empty, expected A,B,C", text);
        add(out, mem_strndup(at, size));
        at += size;
        if (!*at)
            return 0;
    }
}

bool value_list_is_range(const char *text)
{
    return strstr(text, "..") && !strchr(text, ',');
}

static const char *find_interpreter(const struct scenario *s)
{
    for (size_t i = 0; i < s->worker_count; i++)
        if (s->workers[i].runtime == RUNTIME_DDTRACE)
            return s->workers[i].interpreter;
    return NULL;
}

/* "3.17..4.16.0" as two texts, "" where one is missing. */
static void split_range(const char *range, char **low, char **high)
{
    const char *dots = range ? strstr(range, "..") : NULL;
    *low = dots ? mem_strndup(range, (size_t)(dots - range)) : mem_strdup("");
    *high = mem_strdup(dots ? dots + 2 : "");
}

static void keep_range(const struct json *releases, const char *range, struct value_list *out)
{
    char *low, *high;
    split_range(range, &low, &high);
    for (size_t i = 0; i < releases->size; i++) {
        const char *release = releases->items[i].type == JSON_STRING ? releases->items[i].string : "";
        if (version_is_final(release) && (!low[0] || axis_compare(AXIS_VERSIONS, low, release) <= 0) &&
            (!high[0] || axis_compare(AXIS_VERSIONS, release, high) <= 0))
            add(out, mem_strdup(release));
    }
    free(low);
    free(high);
}

int value_list_ask_index(const struct scenario *s, const struct files_home *home, const char *range,
                         struct value_list *out, struct err *e)
{
    const char *interpreter = find_interpreter(s);
    if (!interpreter)
        return err_set(e, ERR_USAGE, "the scenario has no ddtrace worker, so give the values: --values A,B,C");
    char *script = mem_printf("%s/workers/python/releases.py", home->root);
    char *root = mem_printf("%s/build/venvs", home->root);
    const char *args[] = {interpreter, script, "--root", root, "--interpreter", interpreter, NULL};
    struct buf answer = {0};
    struct json *releases = NULL;
    int result = probe_run(args, INDEX_TIMEOUT_MS, &answer, e);
    if (result < 0)
        e->code = ERR_MISSING;
    else if (json_read(answer.data ? answer.data : "", strcspn(answer.data ? answer.data : "", "\n"), &releases, e) <
                 0 ||
             releases->type != JSON_ARRAY)
        result = err_set(e, ERR_MISSING, "releases.py: its answer is no list");
    if (result == 0)
        keep_range(releases, range, out);
    if (result == 0 && out->count == 0)
        result = err_set(e, ERR_USAGE, "the package index has no release in %s", range ? range : "its list");
    json_free(releases);
    buf_fini(&answer);
    free(script);
    free(root);
    return result;
}
