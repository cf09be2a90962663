/* SPDX-License-Identifier: Apache-2.0 */
/* What of a record is written as whole files: matrix.json, durations.json, and the directory of a merge. */
#include "base/json.h"
#include "base/mem.h"
#include "engine/matrix_head.h"
#include "engine/matrix_record.h"
#include "io/disk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DURATIONS_SCHEMA "locktrail/durations/1"
/* Those of MATRIX_CELLS_MAX cells are 3 MB; a farm may keep those of several matrices in one. */
#define DURATIONS_SIZE_MAX ((size_t)64 << 20)

static int write_file(const char *directory, const char *name, const struct buf *bytes, struct err *e)
{
    char *path = mem_printf("%s/%s", directory, name);
    int result = disk_write_now(path, bytes->data ? bytes->data : "", bytes->size, e);
    free(path);
    return result;
}

int matrix_record_write_head(const struct matrix_record *r, const char *directory, struct err *e)
{
    struct buf out = {0};
    matrix_head_print(r, &out);
    int result = write_file(directory, "matrix.json", &out, e);
    buf_fini(&out);
    return result;
}

static int copy_file(const char *from, const char *directory, const char *name, struct err *e)
{
    struct buf bytes = {0};
    char *path = mem_printf("%s/%s", from, name);
    int result = disk_read_now(path, SCENARIO_SIZE_MAX, &bytes, e);
    if (result == 0)
        result = write_file(directory, name, &bytes, e);
    free(path);
    buf_fini(&bytes);
    return result;
}

int matrix_record_write_cells(const struct matrix_record *r, const char *directory, struct err *e)
{
    struct buf out = {0};
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        for (size_t j = 0; j < r->cells[i].attempt_count; j++) {
            matrix_attempt_write(&r->matrix->cells[i], &r->cells[i].attempts[j], &out);
            buf_add_char(&out, '\n');
        }
    }
    int result = write_file(directory, "cells.jsonl", &out, e);
    buf_fini(&out);
    return result;
}

/* matrix.json comes last: a directory without it is none. */
int matrix_record_write(const struct matrix_record *r, const char *from, const char *directory, struct err *e)
{
    if (disk_make_dir(directory, e) < 0 || copy_file(from, directory, "matrix.yaml", e) < 0 ||
        copy_file(from, directory, "scenario.yaml", e) < 0 || matrix_record_write_cells(r, directory, e) < 0 ||
        matrix_durations_write(r, NULL, directory, e) < 0)
        return -1;
    return matrix_record_write_head(r, directory, e);
}

/* --- durations -------------------------------------------------------------------------------------------------- */

int matrix_durations_write(const struct matrix_record *r, const int64_t *known_ms, const char *directory, struct err *e)
{
    struct buf out = {0};
    struct json_out j = json_begin(&out, 2);
    json_object(&j);
    json_put_string(&j, "schema", DURATIONS_SCHEMA);
    json_key(&j, "cells");
    json_object(&j);
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        int64_t ms = matrix_cell_duration_ms(&r->cells[i]);
        ms = ms > 0 || !known_ms ? ms : known_ms[i];
        if (ms > 0)
            json_put_int(&j, r->matrix->cells[i].id, ms);
    }
    json_object_end(&j);
    json_object_end(&j);
    buf_add_char(&out, '\n');
    int result = write_file(directory, "durations.json", &out, e);
    buf_fini(&out);
    return result;
}

static int read_durations(const struct json *j, const struct matrix *m, int64_t *durations_ms, struct err *e)
{
    const struct json *cells = json_get(j, "cells");
    struct matrix_ids ids;
    int result = 0;
    if (strcmp(json_get_string(j, "schema", ""), DURATIONS_SCHEMA) != 0 || !cells || cells->type != JSON_OBJECT)
        return err_set(e, ERR_INPUT, "is no durations.json of a matrix (schema %s)", DURATIONS_SCHEMA);
    matrix_ids_init(&ids, m);
    for (size_t i = 0; result == 0 && i < cells->size; i++) {
        const struct json *ms = &cells->items[i];
        int64_t cell = matrix_ids_find(&ids, cells->keys[i]);
        if (!ms->is_integer || ms->integer < 0 || ms->integer > MATRIX_DURATION_MAX_MS)
            result = err_set(e, ERR_INPUT, "\"%s\" has no duration in milliseconds", cells->keys[i]);
        else if (cell >= 0)
            durations_ms[cell] = ms->integer;
    }
    matrix_ids_fini(&ids);
    return result;
}

int matrix_durations_read(const char *path, const struct matrix *m, int64_t *durations_ms, struct err *e)
{
    struct stat info;
    struct buf bytes = {0};
    struct json *j = NULL;
    bool is_directory = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    char *file = is_directory ? mem_printf("%s/durations.json", path) : mem_strdup(path);
    int result = disk_read_now(file, DURATIONS_SIZE_MAX, &bytes, e);
    if (result == 0 &&
        (json_read(bytes.data ? bytes.data : "", bytes.size, &j, e) < 0 || read_durations(j, m, durations_ms, e) < 0))
        result = err_wrap(e, "%s", file);
    json_free(j);
    buf_fini(&bytes);
    free(file);
    return result;
}
