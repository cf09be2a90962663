/* SPDX-License-Identifier: Apache-2.0 */
/* A matrix with an axis `step` of named values a, b, c ..., for tests of searches. */
#ifndef LOCKTRAIL_TEST_BISECT_MATRIX_H
#define LOCKTRAIL_TEST_BISECT_MATRIX_H

#include "base/mem.h"
#include "io/hash.h"
#include "scenario/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BISECT_SCENARIO "name: s\nduration: 1s\nworkers: {native: {runtime: native}}\nphases: [{pattern: global}]\n"

static inline struct matrix *read_bisect_matrix(const char *axes)
{
    struct diagnostics found = {0};
    struct matrix *m = NULL;
    char *text = mem_printf("name: m\nscenario: s.yaml\nretries: 5\nseed: 7\naxes: {%s}\n", axes);
    int result = matrix_read("m.yaml", text, strlen(text), BISECT_SCENARIO, strlen(BISECT_SCENARIO), hash_text, true,
                             &m, &found);
    if (result < 0)
        fail_msg("%s", found.items[0].text);
    diagnostics_fini(&found);
    free(text);
    return m;
}

#define BISECT_STEPS                                                                                                   \
    "step: [a: {threads: 2}, b: {threads: 3}, c: {threads: 4}, d: {threads: 5}], capture_pct: [100, 50]"

#endif
