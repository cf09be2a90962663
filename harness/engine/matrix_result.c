/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_result.h"

#include "base/json.h"
#include "base/mem.h"
#include "io/disk.h"

#include <stdlib.h>
#include <string.h>

/* A report has 2 KiB for each lock, process and stage: 1,000 locks of 16 processes stay below. */
#define REPORT_MAX ((size_t)64 << 20)

/* Names that are offered where none is as asked for. */
#define NAMES_SHOWN 20

/* The loss of one lock of the report; false where it has none. `bad`: it is of another form. */
static bool read_loss(const struct json *lock, enum stage *stage, enum mechanism *mechanism, bool *bad)
{
    const struct json *loss = json_get(lock, "loss");
    if (!loss || loss->type != JSON_OBJECT)
        return false;
    if (!stage_parse(json_get_string(loss, "stage", ""), stage) ||
        !mechanism_parse(json_get_string(loss, "mechanism", ""), mechanism))
        *bad = true;
    return !*bad;
}

/* Processes of one worker may lose a lock in several ways, and which of them is the first in the report is chance. */
static int compare_losses(const void *a, const void *b)
{
    const struct matrix_loss *x = a, *y = b;
    int order = strcmp(x->worker, y->worker);
    order = order ? order : strcmp(x->lock, y->lock);
    order = order ? order : (x->stage > y->stage) - (x->stage < y->stage);
    return order ? order : (x->mechanism > y->mechanism) - (x->mechanism < y->mechanism);
}

/* False: the report is of another form. */
static bool read_losses(const struct json *locks, struct matrix_attempt *out)
{
    bool bad = false;
    size_t capacity = 0;
    for (size_t i = 0; i < locks->size; i++) {
        const struct json *lock = &locks->items[i];
        struct matrix_loss loss;
        if (!read_loss(lock, &loss.stage, &loss.mechanism, &bad))
            continue;
        out->losses = mem_grow(out->losses, out->loss_count, &capacity, sizeof *out->losses);
        loss.worker = mem_strdup(json_get_string(lock, "worker", ""));
        loss.lock = mem_strdup(json_get_string(lock, "id", ""));
        out->losses[out->loss_count++] = loss;
    }
    if (out->loss_count > 1)
        qsort(out->losses, out->loss_count, sizeof *out->losses, compare_losses);
    for (; out->loss_count > MATRIX_LOSSES_MAX; out->losses_dropped++) {
        free(out->losses[--out->loss_count].worker);
        free(out->losses[out->loss_count].lock);
    }
    return !bad;
}

static struct json *read_report(const char *directory, struct err *e)
{
    struct buf text = {0};
    struct json *report = NULL;
    char *path = mem_printf("%s/report.json", directory);
    if (disk_read_now(path, REPORT_MAX, &text, e) == 0 &&
        json_read(text.data ? text.data : "", text.size, &report, e) < 0)
        err_put_wrap(e, "%s", path);
    buf_fini(&text);
    free(path);
    return report;
}

static const struct json *locks_of(const struct json *report)
{
    const struct json *locks = json_get(report, "locks");
    return locks && locks->type == JSON_ARRAY ? locks : NULL;
}

static int wrong_form(const char *directory, struct err *e)
{
    return err_set(e, ERR_INPUT, "%s/report.json is not a report of this locktrail", directory);
}

int matrix_result_read(const char *directory, struct matrix_attempt *out, struct err *e)
{
    struct json *report = read_report(directory, e);
    if (!report)
        return -1;
    struct matrix_attempt read = {0};
    const struct json *locks = locks_of(report);
    bool good =
        locks && verdict_parse(json_get_string(report, "verdict", ""), &read.verdict) && read_losses(locks, &read);
    if (good) {
        out->verdict = read.verdict;
        out->conclusion = mem_strdup(json_get_string(report, "conclusion", ""));
        out->losses = read.losses;
        out->loss_count = read.loss_count;
        out->losses_dropped = read.losses_dropped;
    } else {
        matrix_attempt_fini(&read);
    }
    json_free(report);
    return good ? 0 : wrong_form(directory, e);
}

/* --- one lock ---------------------------------------------------------------------------------------------------- */

static bool is_undersampled(const struct json *lock)
{
    const struct json *states = json_get(lock, "states");
    for (int stage = STAGE_COLLECTOR; stage < STAGE_COUNT; stage++) {
        const char *state = json_get_string(json_get(states, stage_name((enum stage)stage)), "state", "");
        if (strcmp(state, lock_state_name(STATE_UNDERSAMPLED)) == 0)
            return true;
    }
    return false;
}

static bool is_called(const struct json *lock, const char *name)
{
    return strcmp(json_get_string(lock, "id", ""), name) == 0 || strcmp(json_get_string(lock, "name", ""), name) == 0;
}

/* With the names that there are, each once. */
static char *say_undeclared(const struct json *locks, const char *name)
{
    struct buf text = {0};
    buf_printf(&text, "no worker declares a lock %s", name);
    for (size_t i = 0, shown = 0; i < locks->size && shown < NAMES_SHOWN; i++) {
        const char *other = json_get_string(&locks->items[i], "name", "");
        bool before = other[0] == '\0';
        for (size_t j = 0; j < i && !before; j++)
            before = strcmp(json_get_string(&locks->items[j], "name", ""), other) == 0;
        if (!before)
            buf_printf(&text, "%s%s", shown++ == 0 ? "; there are " : ", ", other);
    }
    return buf_steal(&text);
}

/* A loss in any process counts; without one, a process that saw too little of the lock leaves it open. */
static bool look_for(const struct json *locks, const char *name, struct matrix_lock_result *out)
{
    bool bad = false, seen = false, open = false;
    for (size_t i = 0; i < locks->size && !bad; i++) {
        const struct json *lock = &locks->items[i];
        if (!is_called(lock, name))
            continue;
        seen = true;
        if (read_loss(lock, &out->stage, &out->mechanism, &bad)) {
            out->fate = LOCK_LOST;
            return true;
        }
        open = open || is_undersampled(lock);
    }
    out->fate = !seen ? LOCK_UNDECLARED : open ? LOCK_UNKNOWN : LOCK_NAMED;
    if (!seen)
        out->why = say_undeclared(locks, name);
    else if (open)
        out->why = mem_printf("%s is undersampled", name);
    return !bad;
}

int matrix_result_read_lock(const char *directory, const char *lock, struct matrix_lock_result *out, struct err *e)
{
    struct json *report = read_report(directory, e);
    if (!report)
        return -1;
    *out = (struct matrix_lock_result){0};
    enum verdict verdict;
    const struct json *locks = locks_of(report);
    bool good = locks && verdict_parse(json_get_string(report, "verdict", ""), &verdict);
    if (good && (verdict == VERDICT_ERROR || verdict == VERDICT_CRITICAL)) {
        out->fate = LOCK_UNKNOWN;
        out->why = mem_strdup(json_get_string(report, "conclusion", ""));
    } else if (good) {
        good = look_for(locks, lock, out);
    }
    json_free(report);
    if (good)
        return 0;
    matrix_lock_result_fini(out);
    return wrong_form(directory, e);
}

void matrix_lock_result_fini(struct matrix_lock_result *r)
{
    free(r->why);
    r->why = NULL;
}
