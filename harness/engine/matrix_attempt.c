/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: their lines in cells.jsonl, and what they say of a cell. */
#include "base/json.h"
#include "base/mem.h"
#include "engine/matrix_record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- writing ---------------------------------------------------------------------------------------------------- */

void matrix_attempt_write(const struct matrix_cell *cell, const struct matrix_attempt *attempt, struct buf *out)
{
    struct json_out j = json_begin(out, 0);
    json_object(&j);
    json_put_string(&j, "id", cell->id);
    json_put_uint(&j, "number", attempt->number);
    json_put_string(&j, "verdict", verdict_name(attempt->verdict));
    json_put_int(&j, "exit_code", attempt->exit_code);
    json_put_int(&j, "duration_ms", attempt->duration_ms);
    json_put_string(&j, "conclusion", attempt->conclusion ? attempt->conclusion : "");
    json_key(&j, "losses");
    json_array(&j);
    for (size_t i = 0; i < attempt->loss_count; i++) {
        const struct matrix_loss *l = &attempt->losses[i];
        json_object(&j);
        json_put_string(&j, "worker", l->worker);
        json_put_string(&j, "lock", l->lock);
        json_put_string(&j, "stage", stage_name(l->stage));
        json_put_string(&j, "mechanism", mechanism_name(l->mechanism));
        json_object_end(&j);
    }
    json_array_end(&j);
    if (attempt->losses_dropped)
        json_put_uint(&j, "losses_dropped", attempt->losses_dropped);
    json_object_end(&j);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* A text without zero bytes. */
static const char *get_text(const struct json *j, const char *key)
{
    const struct json *member = json_get(j, key);
    return member && member->type == JSON_STRING && strlen(member->string) == member->size ? member->string : NULL;
}

static int get_count(const struct json *j, const char *key, int64_t min, int64_t max, int64_t *out, struct err *e)
{
    const struct json *member = json_get(j, key);
    if (!member || !member->is_integer || member->integer < min || member->integer > max)
        return err_set(e, ERR_INPUT, "\"%s\" is no whole number of the range that it has", key);
    *out = member->integer;
    return 0;
}

static int read_loss(const struct json *j, struct matrix_loss *out, struct err *e)
{
    const char *worker = get_text(j, "worker"), *lock = get_text(j, "lock");
    const char *stage = json_get_string(j, "stage", ""), *mechanism = json_get_string(j, "mechanism", "");
    if (!worker || !lock || !stage_parse(stage, &out->stage) || !mechanism_parse(mechanism, &out->mechanism))
        return err_set(e, ERR_INPUT, "a loss is not of the form worker, lock, stage, mechanism");
    out->worker = mem_strdup(worker);
    out->lock = mem_strdup(lock);
    return 0;
}

static int read_losses(const struct json *j, struct matrix_attempt *out, struct err *e)
{
    const struct json *losses = json_get(j, "losses");
    if (!losses || losses->type != JSON_ARRAY || losses->size > MATRIX_LOSSES_MAX)
        return err_set(e, ERR_INPUT, "\"losses\" is no list of at most %d", MATRIX_LOSSES_MAX);
    out->losses = losses->size ? mem_calloc(losses->size, sizeof *out->losses) : NULL;
    for (size_t i = 0; i < losses->size; i++) {
        if (read_loss(&losses->items[i], &out->losses[i], e) < 0)
            return -1;
        out->loss_count++;
    }
    return 0;
}

static int read_members(const struct json *j, char **id, struct matrix_attempt *out, struct err *e)
{
    int64_t number, exit_code, dropped = 0;
    const char *cell = get_text(j, "id"), *conclusion = get_text(j, "conclusion");
    if (!cell || strlen(cell) != MATRIX_ID_DIGITS || cell[strspn(cell, "0123456789abcdef")] != '\0')
        return err_set(e, ERR_INPUT, "\"id\" is no cell's id");
    if (!conclusion || !verdict_parse(json_get_string(j, "verdict", ""), &out->verdict))
        return err_set(e, ERR_INPUT, "\"%s\" is missing", conclusion ? "verdict" : "conclusion");
    if (get_count(j, "number", 1, UINT32_MAX, &number, e) < 0 ||
        get_count(j, "exit_code", -1, 255, &exit_code, e) < 0 ||
        get_count(j, "duration_ms", 0, MATRIX_DURATION_MAX_MS, &out->duration_ms, e) < 0 ||
        (json_get(j, "losses_dropped") && get_count(j, "losses_dropped", 0, INT64_MAX, &dropped, e) < 0) ||
        read_losses(j, out, e) < 0)
        return -1;
    out->number = (unsigned)number;
    out->exit_code = (int)exit_code;
    out->losses_dropped = (uint64_t)dropped;
    out->conclusion = mem_strdup(conclusion);
    *id = mem_strdup(cell);
    return 0;
}

int matrix_attempt_read(const char *line, size_t size, char **id, struct matrix_attempt *out, struct err *e)
{
    struct json *j;
    if (json_read(line, size, &j, e) < 0)
        return -1;
    struct matrix_attempt attempt = {0};
    int result = read_members(j, id, &attempt, e);
    json_free(j);
    if (result < 0)
        matrix_attempt_fini(&attempt);
    else
        *out = attempt;
    return result;
}

void matrix_attempt_fini(struct matrix_attempt *attempt)
{
    for (size_t i = 0; i < attempt->loss_count; i++) {
        free(attempt->losses[i].worker);
        free(attempt->losses[i].lock);
    }
    free(attempt->losses);
    free(attempt->conclusion);
    *attempt = (struct matrix_attempt){0};
}

/* --- what they say ---------------------------------------------------------------------------------------------- */

bool matrix_attempt_refused(const struct matrix_attempt *a)
{
    return a->verdict == VERDICT_ERROR &&
           (a->exit_code == ERR_USAGE || a->exit_code == ERR_INPUT || a->exit_code == ERR_MISSING);
}

bool matrix_attempt_same(const struct matrix_attempt *a, const struct matrix_attempt *b)
{
    if (a->verdict != b->verdict || a->loss_count != b->loss_count || a->losses_dropped != b->losses_dropped)
        return false;
    for (size_t i = 0; i < a->loss_count; i++) {
        const struct matrix_loss *x = &a->losses[i], *y = &b->losses[i];
        if (x->stage != y->stage || x->mechanism != y->mechanism || strcmp(x->worker, y->worker) != 0 ||
            strcmp(x->lock, y->lock) != 0)
            return false;
    }
    return true;
}

int verdict_compare(enum verdict a, enum verdict b)
{
    static const int ranks[VERDICT_COUNT] = {[VERDICT_ERROR] = 0,   [VERDICT_CRITICAL] = 1,     [VERDICT_FAILURE] = 2,
                                             [VERDICT_PARTIAL] = 3, [VERDICT_INCONCLUSIVE] = 4, [VERDICT_SUCCESS] = 5};
    assert(a < VERDICT_COUNT && b < VERDICT_COUNT);
    return ranks[a] - ranks[b];
}

enum verdict matrix_cell_verdict(const struct matrix_cell_record *cell)
{
    enum verdict worst = cell->attempt_count ? VERDICT_SUCCESS : VERDICT_ERROR;
    for (size_t i = 0; i < cell->attempt_count; i++)
        if (verdict_compare(cell->attempts[i].verdict, worst) < 0)
            worst = cell->attempts[i].verdict;
    return worst;
}

bool matrix_cell_flaky(const struct matrix_cell_record *cell)
{
    for (size_t i = 1; i < cell->attempt_count; i++)
        if (!matrix_attempt_same(&cell->attempts[0], &cell->attempts[i]))
            return true;
    return false;
}

int64_t matrix_cell_duration_ms(const struct matrix_cell_record *cell)
{
    int64_t ms = 0;
    for (size_t i = 0; i < cell->attempt_count; i++)
        ms += cell->attempts[i].duration_ms;
    return ms;
}
