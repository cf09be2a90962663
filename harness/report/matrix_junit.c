/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix.h"

#include "base/mem.h"
#include "report/matrix_parts.h"
#include "report/xml.h"

#include <stdlib.h>

struct counts {
    size_t tests, failures, errors, skipped;
};

static void add_counts(struct buf *out, const struct counts *c, int64_t ms)
{
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"", c->tests,
               c->failures, c->errors, c->skipped, (double)ms / 1000);
}

/* One case; `element` NULL: it is good. */
static void add_case(struct buf *out, const struct matrix_report *r, const char *name, const char *element,
                     const char *type, const char *message)
{
    char *class_name = mem_printf("locktrail.%s", r->record->matrix->name);
    buf_add_str(out, "    <testcase");
    xml_add_attribute(out, "classname", class_name);
    xml_add_attribute(out, "name", name);
    free(class_name);
    if (!element) {
        buf_add_str(out, "/>\n");
        return;
    }
    buf_printf(out, ">\n      <%s", element);
    if (type)
        xml_add_attribute(out, "type", type);
    xml_add_attribute(out, "message", message);
    buf_add_str(out, "/>\n    </testcase>\n");
}

/* In how many attempts, where it is not all; "" else. */
static char *attempts_text(const struct matrix_report *r, const struct matrix_cell_loss *l)
{
    const struct matrix_cell_record *c = matrix_cell_record_at(r, l->place);
    if (l->attempts == c->attempt_count)
        return mem_strdup("");
    struct matrix_odds odds = matrix_odds_of(l->attempts, (unsigned)c->attempt_count);
    char *text = matrix_odds_text(&odds), *whole = mem_printf("; flaky: lost %s", text);
    free(text);
    return whole;
}

static void add_loss(struct buf *out, const struct matrix_report *r, const struct matrix_cell_loss *l,
                     struct counts *counts)
{
    const struct matrix_subject *s = &r->subjects[l->subject];
    char *attempts = attempts_text(r, l);
    char *what = mem_printf("%s at %s%s", mechanism_name(l->mechanism), stage_name(l->stage), attempts);
    /* A lock that is lost in several ways has a case for each. */
    char *name =
        mem_printf("%s: %s (%s at %s)", s->worker, s->lock, mechanism_name(l->mechanism), stage_name(l->stage));
    char *message = NULL;
    counts->tests++;
    if (matrix_standing_counts(l->standing)) {
        counts->failures++;
        if (l->standing == MATRIX_EXPIRED)
            message = mem_printf("%s; was expected until %s: %s", what, l->expectation->until, l->expectation->reason);
        add_case(out, r, name, "failure", mechanism_name(l->mechanism), message ? message : what);
    } else {
        counts->skipped++;
        if (l->standing == MATRIX_EXPECTED)
            message = mem_printf("%s; expected until %s: %s", what, l->expectation->until, l->expectation->reason);
        else
            message = mem_printf("%s; known from the baseline", what);
        add_case(out, r, name, "skipped", NULL, message);
    }
    free(message);
    free(name);
    free(what);
    free(attempts);
}

/* A verdict that no loss stands for: the worst of the attempts that have one. */
static const struct matrix_attempt *unnamed_attempt(const struct matrix_cell_record *c, bool has_losses)
{
    const struct matrix_attempt *worst = NULL;
    for (size_t a = 0; a < c->attempt_count; a++) {
        const struct matrix_attempt *one = &c->attempts[a];
        bool named = one->verdict == VERDICT_SUCCESS ||
                     (has_losses && (one->verdict == VERDICT_PARTIAL || one->verdict == VERDICT_FAILURE));
        if (!named && (!worst || verdict_compare(one->verdict, worst->verdict) < 0))
            worst = one;
    }
    return worst;
}

static void add_cell_case(struct buf *out, const struct matrix_report *r, size_t place, struct counts *counts)
{
    const struct matrix_cell_view *v = &r->mine[place];
    const struct matrix_cell_record *c = matrix_cell_record_at(r, place);
    const struct matrix_attempt *a = unnamed_attempt(c, v->loss_count > 0);
    if (c->attempt_count > 0 && !a && v->loss_count > 0)
        return;
    counts->tests++;
    if (c->attempt_count == 0) {
        counts->skipped++;
        add_case(out, r, "cell", "skipped", NULL, "not run");
    } else if (!a) {
        add_case(out, r, "cell", NULL, NULL, NULL);
    } else if (v->counted == VERDICT_SUCCESS) {
        counts->skipped++;
        add_case(out, r, "cell", "skipped", NULL, "inconclusive, as in the baseline");
    } else {
        counts->errors++;
        add_case(out, r, "cell", "error", verdict_name(a->verdict), a->conclusion ? a->conclusion : "");
    }
}

static void add_suite(struct buf *out, const struct matrix_report *r, size_t place, struct counts *sum)
{
    const struct matrix_cell_view *v = &r->mine[place];
    struct counts counts = {0};
    struct buf cases = {0};
    add_cell_case(&cases, r, place, &counts);
    for (size_t i = 0; i < v->loss_count; i++)
        add_loss(&cases, r, &r->losses[v->first_loss + i], &counts);
    buf_add_str(out, "  <testsuite");
    xml_add_attribute(out, "name", matrix_cell_at(r, place)->key);
    add_counts(out, &counts, matrix_cell_duration_ms(matrix_cell_record_at(r, place)));
    buf_add_str(out, ">\n");
    buf_add(out, cases.data, cases.size);
    buf_add_str(out, "  </testsuite>\n");
    buf_fini(&cases);
    sum->tests += counts.tests;
    sum->failures += counts.failures;
    sum->errors += counts.errors;
    sum->skipped += counts.skipped;
}

void matrix_report_junit(const struct matrix_report *r, struct buf *out)
{
    struct counts sum = {0};
    struct buf suites = {0};
    int64_t ms = 0;
    buf_reserve(&suites, 1);
    for (size_t i = 0; i < r->mine_count; i++) {
        add_suite(&suites, r, i, &sum);
        ms += matrix_cell_duration_ms(matrix_cell_record_at(r, i));
    }
    buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    xml_add_attribute(out, "name", r->record->matrix->name);
    add_counts(out, &sum, ms);
    buf_add_str(out, ">\n");
    buf_add(out, suites.data, suites.size);
    buf_add_str(out, "</testsuites>\n");
    buf_fini(&suites);
}
