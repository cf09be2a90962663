/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a list of expected losses: it is good or complained of, and what is complained of can be shown. */
#include "scenario/expectations.h"
#include "../unit/support/scenario_text.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const axes[] = {"ddtrace"}, *const labels[] = {"4.16.0"};
    struct expectations *x = NULL;
    struct diagnostics d;
    struct buf said = {0};
    int result = expectations_read("fuzz.yaml", (const char *)data, size, &x, &d);
    require((result == 0) == (d.count == 0) && (result == 0) == (x != NULL), "result and diagnostics do not agree");
    add_diagnostics(&said, &d);
    require(utf8_valid(said.data ? said.data : "", said.size) == said.size, "not UTF-8");
    for (size_t i = 0; x && i < x->count; i++) {
        require(x->items[i].reason[0] && strlen(x->items[i].until) == 10, "a reason or a day is missing");
        expectation_matches(&x->items[i], axes, labels, 1, "member/a", STAGE_UPLOAD, MECHANISM_ALIASED);
        expectation_expired(&x->items[i], "2026-11-26");
    }
    diagnostics_fini(&d);
    buf_fini(&said);
    expectations_free(x);
    return 0;
}
