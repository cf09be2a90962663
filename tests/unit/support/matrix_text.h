/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of matrices: a text read over a scenario, and its diagnostics as the commands print them. */
#ifndef LOCKTRAIL_TESTS_MATRIX_TEXT_H
#define LOCKTRAIL_TESTS_MATRIX_TEXT_H

#include "scenario/matrix.h"
#include "scenario_text.h"

/* Any hash does where no real id is compared: FNV-1a, four times with other beginnings. */
static inline void test_hash(const void *bytes, size_t size, char out[MATRIX_HASH_SIZE])
{
    for (unsigned part = 0; part < 4; part++) {
        uint64_t hash = 0xcbf29ce484222325u ^ (part * 0x9e3779b97f4a7c15u);
        for (size_t i = 0; i < size; i++) {
            hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
        }
        hash ^= hash >> 29;
        snprintf(out + part * 16, 17, "%016llx", (unsigned long long)hash);
    }
}

/* A scenario with a worker of each runtime. */
static const char matrix_scenario[] = "name: base\n"
                                      "workers:\n"
                                      "  c: {runtime: native}\n"
                                      "  py: {runtime: ddtrace}\n"
                                      "  old: {runtime: ddtrace, version: 3.17.3}\n"
                                      "phases: [local]\n";

/* Adds the diagnostics to `said`; NULL for a bad text. */
static inline struct matrix *read_matrix(const char *bytes, size_t size, const char *scenario, struct buf *said)
{
    struct matrix *m = NULL;
    struct diagnostics d;
    int result = matrix_read("matrix.yaml", bytes, size, scenario, strlen(scenario), test_hash, true, &m, &d);
    if ((result == 0) != (d.count == 0) || (result == 0) != (m != NULL)) {
        buf_add_str(said, "result, diagnostics and matrix do not agree\n");
    }
    add_diagnostics(said, &d);
    diagnostics_fini(&d);
    return m;
}

#endif
