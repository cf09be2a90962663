/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: read, print, read back. The two must be equal, and whatever is complained of must be a line that can be
 * shown. */
#include "../unit/support/scenario_same.h"
#include "../unit/support/scenario_text.h"
#include "base/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what, const char *text)
{
    if (!holds) {
        fprintf(stderr, "%s:\n%s\n", what, text ? text : "");
        abort();
    }
}

static void check_printed(const struct scenario *s)
{
    struct buf printed = {0}, again = {0}, said = {0};
    scenario_print(s, &printed);
    struct scenario *back = read_with(printed.data, printed.size, NULL, 0, &said);
    require(back != NULL, "what was printed can't be read", said.data);
    require(same_scenario(s, back), "what was printed reads back as another scenario", printed.data);
    scenario_print(back, &again);
    require(strcmp(printed.data, again.data) == 0, "printed twice, and not the same", again.data);
    scenario_free(back);
    buf_fini(&printed);
    buf_fini(&again);
    buf_fini(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf said = {0};
    /* The first byte says whether the rest is a file, or a value for one of the keys. */
    static const struct {
        const char *file, *path;
    } bases[] = {
        {"name: x\nworkers: {python: }\nphases: [local]\n", "workers.python"},
        {"name: x\nworkers: {a: {runtime: command, command: [a], locks: [{name: l}]}}\n", "workers.a.locks"},
        {"name: x\nworkers: {python: }\nphases: [local]\n", "phases"},
        {"name: x\nworkers: {python: }\nphases: [local]\n", "workers.python.environment"},
    };
    struct scenario *s;
    size_t base = size ? data[0] : 255;
    if (base < sizeof bases / sizeof *bases) {
        char *value = strndup((const char *)data + 1, size - 1);
        const struct scenario_override override = {bases[base].path, value, NULL};
        s = read_with(bases[base].file, strlen(bases[base].file), &override, 1, &said);
        free(value);
    } else {
        s = read_with((const char *)data, size, NULL, 0, &said);
    }
    require(utf8_valid(said.data ? said.data : "", said.size) == said.size, "not UTF-8", said.data);
    require(strchr(said.data ? said.data : "", '\x1B') == NULL, "an escape sequence", said.data);
    if (s) {
        check_printed(s);
    }
    scenario_free(s);
    buf_fini(&said);
    return 0;
}
