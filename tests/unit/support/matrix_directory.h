/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of records: directories as `locktrail matrix` leaves them, with attempts that are made up. */
#ifndef LOCKTRAIL_TESTS_MATRIX_DIRECTORY_H
#define LOCKTRAIL_TESTS_MATRIX_DIRECTORY_H

#include "base/mem.h"
#include "engine/matrix_record.h"
#include "io/disk.h"
#include "io/hash.h"
#include "matrix_text.h"

#include <stdlib.h>
#include <unistd.h>

static const char matrix_base[] =
    "name: m\nscenario: base.yaml\naxes: {build: [O2g, g1, split], threads: [2, 4]}\nrepeat: 2\nretries: 2\n";

static inline struct matrix *directory_matrix(const char *text)
{
    struct matrix *m = NULL;
    struct diagnostics d;
    if (matrix_read("given/matrix.yaml", text, strlen(text), matrix_scenario, strlen(matrix_scenario), hash_text, false,
                    &m, &d) < 0) {
        fprintf(stderr, "%s\n", d.items[0].text);
        abort();
    }
    diagnostics_fini(&d);
    return m;
}

static inline int directory_remove(const char *directory)
{
    char *command = mem_printf("rm -rf %s", directory);
    int result = system(command);
    free(command);
    return result;
}

static inline void directory_file(const char *directory, const char *name, const char *text)
{
    struct err e;
    char *path = mem_printf("%s/%s", directory, name);
    if (disk_write_now(path, text, strlen(text), &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    free(path);
}

static inline struct matrix_loss *directory_loss(const char *worker, const char *lock, enum stage stage,
                                                 enum mechanism mechanism)
{
    struct matrix_loss *l = mem_calloc(1, sizeof *l);
    *l = (struct matrix_loss){mem_strdup(worker), mem_strdup(lock), stage, mechanism};
    return l;
}

/* The n-th attempt at a cell, which follows from both: cells of `g1` lose a name, every seventh is flaky. */
static inline struct matrix_attempt directory_attempt(const struct matrix *m, size_t cell, unsigned n)
{
    bool loses = strstr(m->cells[cell].key, "build=g1") || (cell % 7 == 6 && n == 1);
    struct matrix_attempt a = {.number = n,
                               .verdict = loses ? VERDICT_FAILURE : VERDICT_SUCCESS,
                               .exit_code = loses ? 2 : 0,
                               .duration_ms = 1000 + (int64_t)cell,
                               .conclusion = mem_printf("cell %zu, attempt %u \"said\" so", cell, n)};
    if (loses) {
        a.losses = directory_loss("c", "member/user_session_lock", STAGE_COLLECTOR, MECHANISM_NEVER_NAMED);
        a.loss_count = 1;
    }
    return a;
}

/* The line of an attempt is appended as it is while a matrix runs. */
static inline void directory_append(const char *directory, const char *bytes, size_t size)
{
    char *path = mem_printf("%s/cells.jsonl", directory);
    FILE *file = fopen(path, "ab");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    free(path);
}

/* A shard that ran to its end; `order` 1 or -1: cells ended in this order. */
static inline void directory_make(const char *directory, const char *text, unsigned shard, unsigned shards,
                                  const int64_t *durations_ms, int order)
{
    struct matrix_record *r;
    struct err e;
    if (matrix_record_new(directory_matrix(text), NULL, 0, shard, shards, durations_ms, &r, &e) < 0 ||
        disk_make_dir(directory, &e) < 0 || matrix_record_write_head(r, directory, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    directory_file(directory, "matrix.yaml", text);
    directory_file(directory, "scenario.yaml", matrix_scenario);
    struct buf lines = {0};
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        size_t cell = order > 0 ? i : r->matrix->cell_count - 1 - i;
        bool again = true;
        for (unsigned n = 1; r->mine[cell] && again && n <= 3; n++) {
            struct matrix_attempt a = directory_attempt(r->matrix, cell, n);
            matrix_attempt_write(&r->matrix->cells[cell], &a, &lines);
            buf_add_char(&lines, '\n');
            again = n > 1 || a.verdict != VERDICT_SUCCESS;
            matrix_attempt_fini(&a);
        }
    }
    if (lines.size) {
        directory_append(directory, lines.data, lines.size);
    }
    buf_fini(&lines);
    matrix_record_free(r);
}

#endif
