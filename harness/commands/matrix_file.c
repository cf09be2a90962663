/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/matrix_file.h"

#include "base/mem.h"
#include "commands/files.h"
#include "io/disk.h"
#include "io/hash.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

static int read_file(const char *path, struct buf *out, struct buf *complaints)
{
    struct err e;
    if (disk_read_now(path, SCENARIO_SIZE_MAX, out, &e) == 0)
        return 0;
    buf_add_str(complaints, "locktrail: ");
    text_add_clean(complaints, e.text);
    buf_add_char(complaints, '\n');
    return ERR_INPUT;
}

static const char *text_of(const struct buf *b)
{
    return b->data ? b->data : "";
}

/* A relative path begins at the matrix file. */
static char *beside(const char *matrix_path, const char *path)
{
    const char *slash = strrchr(matrix_path, '/');
    return path[0] == '/' || !slash ? mem_strdup(path)
                                    : mem_printf("%.*s/%s", (int)(slash - matrix_path), matrix_path, path);
}

/* The scenario by itself first: what is wrong with it is told at its place in its own file. */
static int read_scenario(const char *path, struct matrix_file *f, struct buf *complaints)
{
    struct scenario *s = NULL;
    int code = read_file(path, &f->scenario, complaints);
    if (code == 0)
        code = files_load_scenario(path, NULL, 0, &s, complaints);
    scenario_free(s);
    return code;
}

int matrix_file_load(const char *path, struct matrix_file *out, struct buf *complaints)
{
    struct diagnostics found = {0};
    char *scenario = NULL;
    *out = (struct matrix_file){0};
    int code = read_file(path, &out->bytes, complaints);
    if (code != 0)
        return code;
    if (matrix_read_scenario_path(path, text_of(&out->bytes), out->bytes.size, &scenario, &found) < 0) {
        files_add_diagnostics(complaints, path, &found);
        diagnostics_fini(&found);
        return ERR_INPUT;
    }
    char *scenario_path = beside(path, scenario);
    code = read_scenario(scenario_path, out, complaints);
    if (code == 0 && matrix_read(path, text_of(&out->bytes), out->bytes.size, text_of(&out->scenario),
                                 out->scenario.size, hash_text, true, &out->matrix, &found) < 0) {
        files_add_diagnostics(complaints, path, &found);
        code = ERR_INPUT;
    }
    diagnostics_fini(&found);
    free(scenario_path);
    free(scenario);
    return code;
}

void matrix_file_fini(struct matrix_file *f)
{
    matrix_free(f->matrix);
    buf_fini(&f->bytes);
    buf_fini(&f->scenario);
    *f = (struct matrix_file){0};
}

bool matrix_file_is_one(const struct buf *bytes)
{
    const char *text = text_of(bytes), *found = strncmp(text, "axes:", 5) == 0 ? text : strstr(text, "\naxes:");
    return found != NULL;
}
