/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/shard.h"

#include "scenario/matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef char *(*variable_fn)(const char *name);

static bool parse_number(const char *text, size_t size, unsigned max, unsigned *out)
{
    char digits[12];
    if (size == 0 || size >= sizeof digits || strspn(text, "0123456789") < size)
        return false;
    memcpy(digits, text, size);
    digits[size] = '\0';
    unsigned long value = strtoul(digits, NULL, 10);
    *out = (unsigned)value;
    return value <= max;
}

/* `from`: "--shard 5/4", or the variables. */
static int check(const struct shard *s, const char *from, struct err *e)
{
    if (s->count < 1 || s->count > MATRIX_SHARDS_MAX)
        return err_set(e, ERR_USAGE, "matrix: %s makes %u shards, expected 1 to %d", from, s->count, MATRIX_SHARDS_MAX);
    if (s->number < 1 || s->number > s->count)
        return err_set(e, ERR_USAGE, "matrix: %s is shard %u of %u, expected one from 1 to %u", from, s->number,
                       s->count, s->count);
    return 0;
}

static int read_fraction(const char *from, const char *text, struct shard *out, struct err *e)
{
    const char *slash = strchr(text, '/');
    char shown[64];
    snprintf(shown, sizeof shown, "%s %.40s", from, text);
    if (!slash || !parse_number(text, (size_t)(slash - text), 999999999, &out->number) ||
        !parse_number(slash + 1, strlen(slash + 1), 999999999, &out->count))
        return err_set(e, ERR_USAGE, "matrix: %s is not of the form K/N, as in 1/4%s", shown,
                       from[0] == '-' ? ", and not auto" : "");
    return check(out, shown, e);
}

/* A variable that has to be there beside another one; `otherwise`: its value where it is not (0: it must be). */
static int read_variable(variable_fn variable, const char *name, const char *beside, unsigned otherwise, unsigned *out,
                         struct err *e)
{
    const char *text = variable(name);
    if (!text || !text[0]) {
        *out = otherwise;
        return otherwise ? 0
                         : err_set(e, ERR_USAGE,
                                   "matrix: --shard auto: %s is set, and %s, which says how many shards there are, is "
                                   "not: set it too, or give --shard K/N",
                                   beside, name);
    }
    if (!parse_number(text, strlen(text), 999999999, out))
        return err_set(e, ERR_USAGE, "matrix: --shard auto: %s is %.40s, expected a whole number", name, text);
    return 0;
}

static int read_slurm(variable_fn variable, struct shard *out, struct err *e)
{
    static const char id_name[] = "SLURM_ARRAY_TASK_ID";
    unsigned id, first, step;
    if (read_variable(variable, id_name, id_name, 0, &id, e) < 0 ||
        read_variable(variable, "SLURM_ARRAY_TASK_COUNT", id_name, 0, &out->count, e) < 0)
        return -1;
    const char *min = variable("SLURM_ARRAY_TASK_MIN");
    first = 0;
    if (min && min[0] && read_variable(variable, "SLURM_ARRAY_TASK_MIN", id_name, 0, &first, e) < 0)
        return -1;
    if (read_variable(variable, "SLURM_ARRAY_TASK_STEP", id_name, 1, &step, e) < 0)
        return -1;
    if (step == 0 || id < first || (id - first) % step != 0 || (id - first) / step >= out->count)
        return err_set(
            e, ERR_USAGE,
            "matrix: --shard auto: task %u is none of an array of %u from %u in steps of %u: submit one such "
            "as --array=1-4, or give --shard K/N",
            id, out->count, first, step);
    out->number = (id - first) / step + 1;
    return check(out, id_name, e);
}

static int read_kubernetes(variable_fn variable, struct shard *out, struct err *e)
{
    static const char name[] = "JOB_COMPLETION_INDEX";
    if (read_variable(variable, name, name, 0, &out->number, e) < 0 ||
        read_variable(variable, "LOCKTRAIL_SHARDS", name, 0, &out->count, e) < 0)
        return -1;
    out->number++;
    return check(out, name, e);
}

static int read_gitlab(variable_fn variable, struct shard *out, struct err *e)
{
    static const char name[] = "CI_NODE_INDEX";
    if (read_variable(variable, name, name, 0, &out->number, e) < 0 ||
        read_variable(variable, "CI_NODE_TOTAL", name, 0, &out->count, e) < 0)
        return -1;
    return check(out, name, e);
}

static int read_shard_variable(variable_fn variable, struct shard *out, struct err *e)
{
    return read_fraction("LOCKTRAIL_SHARD", variable("LOCKTRAIL_SHARD"), out, e);
}

int shard_read(const char *text, variable_fn variable, struct shard *out, struct err *e)
{
    static const struct {
        const char *name;
        int (*read)(variable_fn variable, struct shard *out, struct err *e);
    } farms[] = {{"LOCKTRAIL_SHARD", read_shard_variable},
                 {"SLURM_ARRAY_TASK_ID", read_slurm},
                 {"JOB_COMPLETION_INDEX", read_kubernetes},
                 {"CI_NODE_INDEX", read_gitlab}};
    struct shard found = {0};
    int result = 1;
    if (strcmp(text, "auto") != 0)
        result = read_fraction("--shard", text, &found, e);
    for (size_t i = 0; result == 1 && i < sizeof farms / sizeof *farms; i++) {
        const char *value = variable(farms[i].name);
        if (value && value[0])
            result = farms[i].read(variable, &found, e);
    }
    if (result == 1)
        return err_set(e, ERR_USAGE,
                       "matrix: --shard auto finds none of LOCKTRAIL_SHARD, SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX "
                       "and CI_NODE_INDEX in the environment: give --shard K/N");
    if (result == 0)
        *out = found;
    return result;
}
