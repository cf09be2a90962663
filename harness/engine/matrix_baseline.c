/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_baseline.h"

#include "base/mem.h"
#include "engine/matrix_result.h"

#include <stdlib.h>
#include <unistd.h>

static bool has_file(const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    bool is = access(path, F_OK) == 0;
    free(path);
    return is;
}

static int load(const char *directory, struct matrix_baseline *b, struct err *e)
{
    if (has_file(directory, "matrix.json"))
        return matrix_record_load(directory, &b->record, e);
    if (has_file(directory, "report.json"))
        return matrix_result_read(directory, &b->run, e);
    return err_set(e, ERR_INPUT, "%s: neither matrix.json nor a run's report.json is there", directory);
}

int matrix_baseline_load(const char *directory, struct matrix_baseline **out, struct err *e)
{
    struct matrix_baseline *b = mem_calloc(1, sizeof *b);
    if (load(directory, b, e) < 0) {
        matrix_baseline_free(b);
        e->code = ERR_INPUT; /* also where a file that should be there is missing: the user named the directory */
        return err_wrap(e, "baseline");
    }
    b->directory = mem_strdup(directory);
    *out = b;
    return 0;
}

void matrix_baseline_free(struct matrix_baseline *b)
{
    if (!b)
        return;
    matrix_record_free(b->record);
    matrix_attempt_fini(&b->run);
    free(b->directory);
    free(b);
}
