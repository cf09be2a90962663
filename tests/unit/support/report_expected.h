/* SPDX-License-Identifier: Apache-2.0 */
/* Whole texts that are expected, as files below tests/data/ (tests are run from the project's root). */
#ifndef LOCKTRAIL_TESTS_REPORT_EXPECTED_H
#define LOCKTRAIL_TESTS_REPORT_EXPECTED_H

#include "io/disk.h"
#include "report_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *name;
    struct evidence *(*make)(void);
} expected_runs[] = {
    {"success", make_success},   {"partial", make_partial},           {"failure", make_failure},
    {"critical", make_critical}, {"inconclusive", make_inconclusive}, {"killed", make_killed},
    {"debug", make_debug},       {"hostile", make_hostile},           {"builds", make_builds},
    {"pipeline", make_pipeline}, {"grouped", make_grouped},
};
/* The last one has a lock too many for a group: of interest for people only, who get groups. */
#define EXPECTED_DOCUMENTS (sizeof expected_runs / sizeof *expected_runs - 1)

static inline void expect_data(const char *folder, const char *name, const char *extension, const struct buf *got)
{
    char *path = mem_printf("tests/data/%s/%s.%s", folder, name, extension);
    struct buf expected = {0};
    struct err e;
    if (getenv("LOCKTRAIL_REWRITE") && disk_write_now(path, got->data, got->size, &e) < 0)
        fail_msg("%s", e.text);
    if (disk_read_now(path, (size_t)1 << 20, &expected, &e) < 0)
        fail_msg("%s", e.text);
    if (expected.size != got->size || memcmp(expected.data, got->data, got->size) != 0)
        fail_msg("%s differs, got:\n%s", path, got->data);
    buf_fini(&expected);
    free(path);
}

static inline void expect_file(const char *name, const char *extension, const struct buf *got)
{
    expect_data("report", name, extension, got);
}

#endif
