/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of harness/scenario: a text read, and its diagnostics as `locktrail validate` prints them, without the
 * file's name. */
#ifndef LOCKTRAIL_TESTS_SCENARIO_TEXT_H
#define LOCKTRAIL_TESTS_SCENARIO_TEXT_H

#include "base/buf.h"
#include "scenario/scenario.h"

#include <stdio.h>
#include <string.h>

/* A whole file; false where it can't be read. Tests run in the root of the project. */
static inline bool slurp(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    char bytes[4096];
    size_t got;
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0) {
        buf_add(out, bytes, got);
    }
    fclose(file);
    return true;
}

static inline void add_diagnostics(struct buf *out, const struct diagnostics *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct diagnostic *one = &d->items[i];
        buf_printf(out, "%u:%u: error: %s\n", one->line, one->column, one->text);
        if (one->excerpt) {
            buf_printf(out, "%s\n", one->excerpt);
        }
    }
    if (d->dropped) {
        buf_printf(out, "%zu more\n", d->dropped);
    }
}

/* Adds the diagnostics, nothing for a good text, to `said`; returns the scenario (NULL for a bad text). */
static inline struct scenario *read_with(const char *bytes, size_t size, const struct scenario_override *overrides,
                                         size_t count, struct buf *said)
{
    struct scenario *s = NULL;
    struct diagnostics d;
    int result = scenario_read("test.yaml", bytes, size, overrides, count, &s, &d);
    if ((result == 0) != (d.count == 0) || (result == 0) != (s != NULL)) {
        buf_add_str(said, "result, diagnostics and scenario do not agree\n");
    }
    add_diagnostics(said, &d);
    diagnostics_fini(&d);
    return s;
}

#endif
