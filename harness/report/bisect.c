/* SPDX-License-Identifier: Apache-2.0 */
#include "report/bisect.h"

#include "base/json.h"
#include "base/mem.h"
#include "report/matrix.h"
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 11
#define VALUE_WIDTH 20
#define OUTCOME_WIDTH 18

static const struct bisect_tries *tries_of(const struct bisect_report *r, size_t value)
{
    return &r->log->tries[value];
}

static const char *axis_name(const struct bisect_report *r)
{
    return r->line->matrix->axes[r->line->axis].name;
}

static const char *label_of(const struct bisect_report *r, size_t value)
{
    return bisect_line_label(r->line, value);
}

static enum bisect_outcome state_of(const struct bisect_report *r, size_t value)
{
    const struct bisect_tries *t = tries_of(r, value);
    return t->lost > 0 ? BISECT_LOST : t->named > 0 ? BISECT_NAMED : BISECT_UNKNOWN;
}

/* The try that shows what a value does: of one that loses the name one in which it did. NULL: none. */
static const struct bisect_probe *shown_probe(const struct bisect_report *r, size_t value)
{
    enum bisect_outcome state = state_of(r, value);
    for (size_t i = 0; i < r->log->count; i++)
        if (r->log->probes[i].value == value && r->log->probes[i].outcome == state)
            return &r->log->probes[i];
    return NULL;
}

void report_bisect_probe(const struct bisect_report *r, const struct bisect_probe *p, struct buf *out)
{
    buf_printf(out, "%s=%s: ", axis_name(r), label_of(r, p->value));
    if (p->outcome == BISECT_LOST)
        buf_printf(out, "%s is lost (%s, %s)", r->lock, stage_name(p->stage), mechanism_name(p->mechanism));
    else if (p->outcome == BISECT_NAMED)
        buf_printf(out, "%s is named", r->lock);
    else
        buf_printf(out, "can't be judged: %s", p->why);
}

/* --- in sentences ----------------------------------------------------------------------------------------------- */

static void add_boundary(const struct bisect_report *r, struct buf *out)
{
    const struct bisect_result *b = r->result;
    const char *before = label_of(r, b->before), *after = label_of(r, b->after);
    if (b->loses)
        buf_printf(out, "%s is lost from %s on: %s still names it.", r->lock, after, before);
    else
        buf_printf(out, "%s is named from %s on: %s loses it.", r->lock, after, before);
    size_t between = b->after - b->before - 1;
    if (between == 1)
        buf_printf(out, " %s, between them, could not be judged.", label_of(r, b->before + 1));
    else if (between > 1)
        buf_printf(out, " The %zu values between them could not be judged.", between);
}

/* By the lower of the odds: a flaky value that looks good. */
static void add_odds(const struct bisect_report *r, struct buf *out)
{
    const struct bisect_search search = {.values = r->log->tries, .count = r->line->count, .repeats = r->line->repeat};
    for (size_t i = 0; i < search.count; i++) {
        const struct bisect_tries *t = tries_of(r, i);
        if (t->named > 0 && t->lost > 0)
            buf_printf(out, " Flaky: %s loses it in %u of %u.", label_of(r, i), t->lost, t->lost + t->named);
    }
    buf_printf(out,
               " At the lowest of these odds a value that loses the name is taken for one that does not with a "
               "probability of %.0f %% (--repeats makes it less).",
               100 * bisect_search_doubt(&search, search.repeats));
}

void report_bisect_conclusion(const struct bisect_report *r, struct buf *out)
{
    const struct bisect_result *b = r->result;
    if (b->end == BISECT_BOUNDARY)
        add_boundary(r, out);
    else if (b->end == BISECT_UNJUDGED)
        buf_add_str(out, "No boundary: fewer than two values could be judged.");
    else
        buf_printf(out, "No boundary: %s and %s, the ends, both %s %s.", label_of(r, b->first), label_of(r, b->last),
                   state_of(r, b->first) == BISECT_LOST ? "lose" : "name", r->lock);
    if (b->flaky)
        add_odds(r, out);
    if (!b->monotone && b->flaky && tries_of(r, b->odd)->named > 0 && tries_of(r, b->odd)->lost > 0)
        buf_add_str(out, " Whether further values lose it, more tries tell (--repeats, or a matrix with `repeat`).");
    else if (!b->monotone)
        buf_printf(out,
                   " But it comes and goes: %s %s it. There is more than one boundary; search between other ends "
                   "(--values).",
                   label_of(r, b->odd), state_of(r, b->odd) == BISECT_LOST ? "loses" : "names");
}

/* --- on a terminal ---------------------------------------------------------------------------------------------- */

static void add_label(struct buf *out, const char *label, bool colour)
{
    text_add_cell(out, label, LABEL_WIDTH, false, colour ? TEXT_BOLD : TEXT_PLAIN);
}

static void add_value(const struct bisect_report *r, size_t value, bool colour, struct buf *out)
{
    static const enum text_colour colours[] = {
        [BISECT_NAMED] = TEXT_GREEN, [BISECT_LOST] = TEXT_RED, [BISECT_UNKNOWN] = TEXT_YELLOW};
    const struct bisect_tries *t = tries_of(r, value);
    const struct bisect_probe *p = shown_probe(r, value);
    enum bisect_outcome state = state_of(r, value);
    unsigned judged = t->named + t->lost;
    char *outcome = state == BISECT_UNKNOWN ? mem_strdup("can't be judged")
                                            : mem_printf("%s in %u of %u", state == BISECT_LOST ? "lost" : "named",
                                                         state == BISECT_LOST ? t->lost : t->named, judged);
    buf_add_str(out, "  ");
    text_add_cell(out, label_of(r, value), VALUE_WIDTH, false, TEXT_PLAIN);
    buf_add_char(out, ' ');
    text_add_cell(out, outcome, state == BISECT_NAMED ? text_columns(outcome) : OUTCOME_WIDTH, false,
                  colour ? colours[state] : TEXT_PLAIN);
    if (state == BISECT_LOST)
        buf_printf(out, " %s, %s\n", stage_name(p->stage), mechanism_name(p->mechanism));
    else if (state == BISECT_UNKNOWN) {
        buf_add_char(out, ' ');
        text_add_wrapped(out, p->why, VALUE_WIDTH + OUTCOME_WIDTH + 4);
    } else {
        buf_add_char(out, '\n');
    }
    free(outcome);
}

static void add_command(const struct bisect_report *r, size_t value, struct buf *out)
{
    const struct bisect_probe *p = shown_probe(r, value);
    char *command = matrix_run_command(r->line->matrix, &r->line->matrix->cells[p->cell]);
    buf_printf(out, "%s%s", command, r->control ? "" : " --no-control");
    free(command);
}

static void add_side(const struct bisect_report *r, const char *name, size_t value, bool colour, struct buf *out)
{
    add_label(out, name, colour);
    text_add_clean(out, label_of(r, value));
    buf_add_str(out, ":\n  ");
    add_command(r, value, out);
    buf_add_char(out, '\n');
}

void report_bisect(const struct bisect_report *r, bool colour, struct buf *out)
{
    struct buf text = {0};
    size_t tried = 0;
    for (size_t i = 0; i < r->line->count; i++)
        tried += shown_probe(r, i) != NULL;
    add_label(out, "BISECT", colour);
    buf_printf(&text, "%s along %s: %zu of %zu values tried, in %zu run%s", r->lock, axis_name(r), tried,
               r->line->count, r->log->count, r->log->count == 1 ? "" : "s");
    text_add_wrapped(out, text.data, LABEL_WIDTH);
    for (size_t i = 0; i < r->line->count; i++)
        if (shown_probe(r, i))
            add_value(r, i, colour, out);
    buf_clear(&text);
    report_bisect_conclusion(r, &text);
    add_label(out, r->result->end == BISECT_BOUNDARY ? "BOUNDARY" : "RESULT", colour);
    text_add_wrapped(out, text.data, LABEL_WIDTH);
    if (r->result->end == BISECT_BOUNDARY) {
        add_side(r, "before", r->result->before, colour, out);
        add_side(r, "after", r->result->after, colour, out);
    }
    add_label(out, "directory", false);
    text_add_clean(out, r->directory);
    buf_add_char(out, '\n');
    buf_fini(&text);
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static void put_value(const struct bisect_report *r, size_t value, struct json_out *j)
{
    static const char *const states[] = {
        [BISECT_NAMED] = "named", [BISECT_LOST] = "lost", [BISECT_UNKNOWN] = "unknown"};
    const struct bisect_tries *t = tries_of(r, value);
    const struct bisect_probe *p = shown_probe(r, value);
    bool lost = p && p->outcome == BISECT_LOST;
    json_object(j);
    json_put_string(j, "value", label_of(r, value));
    json_put_string(j, "state", p ? states[state_of(r, value)] : "untried");
    json_put_uint(j, "named", t->named);
    json_put_uint(j, "lost", t->lost);
    json_put_uint(j, "unknown", t->unknown);
    json_put_string(j, "stage", lost ? stage_name(p->stage) : NULL);
    json_put_string(j, "mechanism", lost ? mechanism_name(p->mechanism) : NULL);
    json_put_string(j, "why", p ? p->why : NULL);
    json_object_end(j);
}

static void put_side(const struct bisect_report *r, const char *name, size_t value, struct json_out *j)
{
    struct buf command = {0};
    add_command(r, value, &command);
    json_key(j, name);
    json_object(j);
    json_put_string(j, "value", label_of(r, value));
    json_put_string(j, "command", command.data);
    json_object_end(j);
    buf_fini(&command);
}

void report_bisect_json(const struct bisect_report *r, struct buf *out)
{
    struct json_out writer = json_begin(out, 2), *j = &writer;
    struct buf conclusion = {0};
    report_bisect_conclusion(r, &conclusion);
    json_object(j);
    json_put_string(j, "schema", BISECT_SCHEMA);
    json_put_string(j, "lock", r->lock);
    json_put_string(j, "axis", axis_name(r));
    json_put_string(j, "conclusion", conclusion.data);
    json_put_bool(j, "monotone", r->result->monotone);
    json_put_bool(j, "flaky", r->result->flaky);
    json_key(j, "boundary");
    if (r->result->end == BISECT_BOUNDARY) {
        json_object(j);
        json_put_string(j, "change", r->result->loses ? "lost" : "gained");
        put_side(r, "before", r->result->before, j);
        put_side(r, "after", r->result->after, j);
        json_object_end(j);
    } else {
        json_null(j);
    }
    json_put_uint(j, "runs", r->log->count);
    json_key(j, "values");
    json_array(j);
    for (size_t i = 0; i < r->line->count; i++)
        put_value(r, i, j);
    json_array_end(j);
    json_object_end(j);
    buf_add_char(out, '\n');
    buf_fini(&conclusion);
}

int report_bisect_exit_code(const struct bisect_report *r)
{
    return r->result->end == BISECT_BOUNDARY && r->result->monotone ? 0 : verdict_exit_code(VERDICT_INCONCLUSIVE);
}
