/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix.h"

#include "base/json.h"
#include "report/matrix_parts.h"

#include <stdlib.h>

/* Takes the text. */
static void put_text(struct json_out *j, const char *key, char *text)
{
    json_put_string(j, key, text);
    free(text);
}

static void put_matrix(struct json_out *j, const struct matrix_report *r)
{
    const struct matrix *m = r->record->matrix;
    json_key(j, "matrix");
    json_object(j);
    json_put_string(j, "name", m->name);
    json_put_string(j, "description", m->description ? m->description : "");
    json_put_string(j, "path", m->path);
    json_put_string(j, "hash", m->hash);
    json_put_uint(j, "repeat", m->repeat);
    json_put_uint(j, "retries", m->retries);
    json_key(j, "axes");
    json_array(j);
    for (size_t i = 0; i < m->axis_count; i++) {
        static const char *const orders[] = {"words", "numbers", "versions"};
        json_object(j);
        json_put_string(j, "name", m->axes[i].name);
        json_put_string(j, "order", orders[m->axes[i].order]);
        json_key(j, "values");
        json_array(j);
        for (size_t v = 0; v < m->axes[i].value_count; v++)
            json_string(j, m->axes[i].values[v].label);
        json_array_end(j);
        json_object_end(j);
    }
    json_array_end(j);
    json_key(j, "only");
    json_array(j);
    for (size_t i = 0; i < r->record->only_count; i++)
        json_string(j, r->record->only[i]);
    json_array_end(j);
    json_object_end(j);
}

static void put_totals(struct json_out *j, const struct matrix_report *r)
{
    json_key(j, "cells_total");
    json_object(j);
    json_put_uint(j, "all", r->mine_count);
    for (int v = 0; v < VERDICT_COUNT; v++)
        json_put_uint(j, verdict_name((enum verdict)v), r->verdicts[v]);
    json_put_uint(j, "not_run", r->not_run_count);
    json_put_uint(j, "elsewhere", r->elsewhere_count);
    json_object_end(j);
    json_key(j, "losses_total");
    json_object(j);
    for (int s = 0; s < MATRIX_STANDING_COUNT; s++)
        json_put_uint(j, matrix_standing_name((enum matrix_standing)s), r->standings[s]);
    json_object_end(j);
}

static void put_shards(struct json_out *j, const struct matrix_report *r)
{
    json_key(j, "shards");
    json_object(j);
    json_put_uint(j, "shard", r->record->shard);
    json_put_uint(j, "of", r->record->shards);
    json_key(j, "missing");
    json_array(j);
    for (size_t i = 0; i < r->record->missing_count; i++)
        json_uint(j, r->record->missing[i]);
    json_array_end(j);
    json_object_end(j);
}

/* --- cells ------------------------------------------------------------------------------------------------------ */

static void put_values(struct json_out *j, const struct matrix_report *r, size_t place)
{
    const struct matrix *m = r->record->matrix;
    const struct matrix_cell *cell = matrix_cell_at(r, place);
    json_key(j, "values");
    json_object(j);
    for (size_t i = 0; i < m->axis_count; i++)
        json_put_string(j, m->axes[i].name, cell->values[i] < 0 ? NULL : m->axes[i].values[cell->values[i]].label);
    json_object_end(j);
}

static void put_loss(struct json_out *j, const struct matrix_report *r, const struct matrix_cell_loss *l)
{
    json_object(j);
    json_put_string(j, "worker", r->subjects[l->subject].worker);
    json_put_string(j, "lock", r->subjects[l->subject].lock);
    json_put_string(j, "stage", stage_name(l->stage));
    json_put_string(j, "mechanism", mechanism_name(l->mechanism));
    json_put_uint(j, "attempts", l->attempts);
    json_put_string(j, "standing", matrix_standing_name(l->standing));
    json_put_string(j, "reason", l->expectation ? l->expectation->reason : NULL);
    json_put_string(j, "until", l->expectation ? l->expectation->until : NULL);
    json_object_end(j);
}

static void put_cell(struct json_out *j, const struct matrix_report *r, size_t place)
{
    const struct matrix_cell_view *v = &r->mine[place];
    const struct matrix_cell *cell = matrix_cell_at(r, place);
    const struct matrix_cell_record *c = matrix_cell_record_at(r, place);
    bool run = c->attempt_count > 0;
    json_object(j);
    json_put_string(j, "id", cell->id);
    json_put_string(j, "key", cell->key);
    put_values(j, r, place);
    json_put_uint(j, "seed", cell->seed);
    json_put_string(j, "verdict", run ? verdict_name(v->verdict) : NULL);
    json_put_string(j, "counted", run ? verdict_name(v->counted) : NULL);
    json_put_bool(j, "flaky", v->flaky);
    json_key(j, "attempts");
    json_array(j);
    for (size_t a = 0; a < c->attempt_count; a++) {
        json_object(j);
        json_put_uint(j, "number", c->attempts[a].number);
        json_put_string(j, "verdict", verdict_name(c->attempts[a].verdict));
        json_put_int(j, "exit_code", c->attempts[a].exit_code);
        json_put_string(j, "conclusion", c->attempts[a].conclusion ? c->attempts[a].conclusion : "");
        json_object_end(j);
    }
    json_array_end(j);
    json_key(j, "losses");
    json_array(j);
    for (size_t i = 0; i < v->loss_count; i++)
        put_loss(j, r, &r->losses[v->first_loss + i]);
    json_array_end(j);
    json_put_uint(j, "losses_dropped", v->dropped);
    json_object_end(j);
}

/* --- explanation ------------------------------------------------------------------------------------------------ */

static void put_points(struct json_out *j, const struct matrix_report *r, const char *key, const size_t *points,
                       size_t count)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < count; i++) {
        char *text = matrix_point_text(r, points[i]);
        json_string(j, text);
        free(text);
    }
    json_array_end(j);
}

static void put_locks(struct json_out *j, const struct matrix_report *r, const size_t *subjects, size_t count)
{
    json_key(j, "locks");
    json_array(j);
    for (size_t i = 0; i < count; i++) {
        json_object(j);
        json_put_string(j, "worker", r->subjects[subjects[i]].worker);
        json_put_string(j, "lock", r->subjects[subjects[i]].lock);
        json_object_end(j);
    }
    json_array_end(j);
}

/* `x` NULL: it was not searched. */
static void put_condition(struct json_out *j, const struct matrix_report *r, const struct explain_result *x)
{
    static const char *const strengths[] = {"no_loss", "none", "weak", "rough", "exact"};
    json_key(j, "condition");
    if (!x) {
        json_null(j);
        return;
    }
    json_object(j);
    json_put_string(j, "strength", strengths[x->strength]);
    json_put_string(j, "text", x->condition);
    json_put_uint(j, "comparisons", x->atoms);
    json_put_bool(j, "bounded", x->bounded);
    json_put_uint(j, "lost", x->lost);
    json_put_uint(j, "flaky", x->flaky);
    json_put_uint(j, "kept", x->kept);
    json_put_uint(j, "unknown", x->unknown);
    json_put_uint(j, "inside", x->inside);
    json_put_uint(j, "inside_lost", x->inside_lost);
    put_points(j, r, "exceptions", x->exceptions, x->exception_count);
    json_object_end(j);
}

static void put_causes(struct json_out *j, const struct matrix_report *r, const struct matrix_group *g)
{
    json_key(j, "causes");
    json_array(j);
    for (size_t i = 0; i < g->cause_count; i++) {
        const struct matrix_cause *c = &g->causes[i];
        json_object(j);
        json_put_string(j, "stage", stage_name(c->stage));
        json_put_string(j, "mechanism", mechanism_name(c->mechanism));
        json_put_uint(j, "cells", c->points);
        put_condition(j, r, c->explained ? &c->result : NULL);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_example(struct json_out *j, const struct matrix_report *r, const struct matrix_group *g)
{
    const struct explain_result *x = &g->result;
    char *search;
    json_key(j, "example");
    if (!g->explained || x->example == (size_t)-1) {
        json_null(j);
        return;
    }
    size_t place = matrix_group_example(r, g);
    json_object(j);
    json_put_string(j, "cell", matrix_cell_at(r, place)->key);
    put_text(j, "command", matrix_command_text(r, place));
    put_text(j, "nearest", x->counterpart == (size_t)-1 ? NULL : matrix_point_text(r, x->counterpart));
    json_key(j, "differing");
    json_array(j);
    for (size_t i = 0; i < x->differing_count; i++)
        json_string(j, r->record->matrix->axes[x->differing[i]].name);
    json_array_end(j);
    put_text(j, "boundary", matrix_boundary_text(r, g, &search));
    put_text(j, "search", search);
    json_object_end(j);
}

static void put_group(struct json_out *j, const struct matrix_report *r, const struct matrix_group *g)
{
    json_object(j);
    json_put_string(j, "verdict", g->is_verdict ? verdict_name(g->verdict) : NULL);
    put_locks(j, r, g->subjects, g->subject_count);
    put_points(j, r, "cells", g->points, g->point_count);
    put_causes(j, r, g);
    put_condition(j, r, g->explained ? &g->result : NULL);
    put_example(j, r, g);
    json_object_end(j);
}

/* --- the rest --------------------------------------------------------------------------------------------------- */

static void put_flaky(struct json_out *j, const struct matrix_report *r)
{
    json_key(j, "flaky");
    json_array(j);
    for (size_t i = 0; i < r->flaky_count; i++) {
        const struct matrix_flaky *f = &r->flaky[i];
        json_object(j);
        put_text(j, "cell", matrix_point_text(r, f->point));
        json_put_string(j, "verdict", f->is_verdict ? verdict_name(f->verdict) : NULL);
        put_locks(j, r, r->flaky_subjects + f->first_subject, f->subject_count);
        json_put_uint(j, "lost", f->odds.lost);
        json_put_uint(j, "attempts", f->odds.attempts);
        json_put_double(j, "low", f->odds.low);
        json_put_double(j, "high", f->odds.high);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_gone(struct json_out *j, const struct matrix_report *r)
{
    json_key(j, "gone");
    json_array(j);
    for (size_t i = 0; i < r->gone_count; i++) {
        json_object(j);
        json_put_string(j, "cell", r->gone[i].cell);
        json_put_string(j, "worker", r->gone[i].worker);
        json_put_string(j, "lock", r->gone[i].lock);
        json_put_string(j, "stage", stage_name(r->gone[i].stage));
        json_put_string(j, "mechanism", mechanism_name(r->gone[i].mechanism));
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_expectations(struct json_out *j, const struct matrix_report *r)
{
    json_key(j, "expectations");
    json_array(j);
    for (size_t i = 0; r->known.expected && i < r->known.expected->count; i++) {
        const struct expectation *x = &r->known.expected->items[i];
        json_object(j);
        json_put_uint(j, "line", x->line);
        json_put_string(j, "reason", x->reason);
        json_put_string(j, "until", x->until);
        json_put_bool(j, "expired", expectation_expired(x, r->known.today));
        json_put_uint(j, "losses", r->matched[i]);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_lists(struct json_out *j, const struct matrix_report *r)
{
    json_key(j, "explanation");
    json_array(j);
    for (size_t i = 0; i < r->group_count; i++)
        put_group(j, r, &r->groups[i]);
    json_array_end(j);
    put_flaky(j, r);
    put_expectations(j, r);
    put_gone(j, r);
    json_key(j, "cells");
    json_array(j);
    for (size_t i = 0; i < r->mine_count; i++)
        put_cell(j, r, i);
    json_array_end(j);
}

void matrix_report_json(const struct matrix_report *r, struct buf *out)
{
    struct json_out writer = json_begin(out, 2), *j = &writer;
    json_object(j);
    json_put_string(j, "schema", MATRIX_REPORT_SCHEMA);
    put_matrix(j, r);
    json_put_string(j, "verdict", verdict_name(r->verdict));
    json_put_int(j, "exit_code", matrix_report_exit_code(r));
    put_text(j, "conclusion", matrix_conclusion_text(r));
    json_put_bool(j, "interrupted", r->record->interrupted);
    put_shards(j, r);
    put_totals(j, r);
    put_lists(j, r);
    json_object_end(j);
    buf_add_char(out, '\n');
}
