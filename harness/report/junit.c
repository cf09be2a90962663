/* SPDX-License-Identifier: Apache-2.0 */
#include "report/junit.h"

#include "base/mem.h"
#include "report/view.h"
#include "report/xml.h"

#include <stdlib.h>
#include <string.h>

struct counts {
    size_t tests, failures, errors, skipped;
};

/* <ELEMENT type= message=>TEXT</ELEMENT> within a case. */
static void add_outcome(struct buf *out, const char *element, const char *type, const char *message, const char *text)
{
    buf_printf(out, "      <%s", element);
    if (type)
        xml_add_attribute(out, "type", type);
    xml_add_attribute(out, "message", message);
    if (text[0]) {
        buf_add_char(out, '>');
        xml_add(out, text);
        buf_printf(out, "</%s>\n", element);
    } else {
        buf_add_str(out, "/>\n");
    }
}

static void add_skipped(struct buf *out, const struct trail_lock *lock, enum stage stage)
{
    const struct stage_result *r = &lock->stages[stage];
    if (r->state != STATE_UNDERSAMPLED) {
        add_outcome(out, "skipped", NULL, "not_run", "");
        return;
    }
    char *needed = view_needed(r);
    char *message =
        needed ? mem_printf("undersampled: a run of %s would have been enough", needed) : mem_strdup("undersampled");
    add_outcome(out, "skipped", NULL, message, "");
    free(message);
    free(needed);
}

static void add_failure(struct buf *out, const struct evidence *ev, const struct trail_lock *lock, enum stage stage)
{
    const char *state = lock_state_name(lock->stages[stage].state);
    if (!lock->lost || lock->loss.stage > stage) {
        char *message = mem_printf("%s at %s", state, stage_name(stage));
        add_outcome(out, "failure", state, message, "");
        free(message);
        return;
    }
    char *place = view_place(ev, &lock->loss);
    char *message =
        mem_printf("%s at %s: %s at %s", state, stage_name(stage), mechanism_name(lock->loss.mechanism), place);
    char *further = view_further(ev, &lock->loss);
    char *text = mem_printf("%s%s%s", lock->loss.evidence, further ? "\nalso: " : "", further ? further : "");
    add_outcome(out, "failure", mechanism_name(lock->loss.mechanism), message, text);
    free(text);
    free(further);
    free(message);
    free(place);
}

static void add_case_begin(struct buf *out, const char *class_name, const char *name)
{
    buf_add_str(out, "    <testcase");
    xml_add_attribute(out, "classname", class_name);
    xml_add_attribute(out, "name", name);
    buf_add_str(out, ">\n");
}

static void add_lock_case(struct buf *out, const struct evidence *ev, const char *class_name,
                          const struct trail_lock *lock, enum stage stage, struct counts *counts)
{
    counts->tests++;
    add_case_begin(out, class_name, ev->ledger.locks[lock->lock].id);
    switch (view_worth(lock, stage)) {
    case VIEW_GOOD:
        break;
    case VIEW_LIMIT:
        counts->skipped++;
        add_outcome(out, "skipped", NULL, "known limit: the runtime can't name it", "");
        break;
    case VIEW_UNKNOWN:
        counts->skipped++;
        add_skipped(out, lock, stage);
        break;
    case VIEW_LOST:
    case VIEW_BAD:
        counts->failures++;
        add_failure(out, ev, lock, stage);
        break;
    }
    buf_add_str(out, "    </testcase>\n");
}

static void add_suite(struct buf *out, const struct evidence *ev, const char *name, const struct counts *counts,
                      const struct buf *cases)
{
    buf_add_str(out, "  <testsuite");
    xml_add_attribute(out, "name", name);
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", counts->tests, counts->failures,
               counts->errors, counts->skipped);
    buf_printf(out, " time=\"%.3f\"", (double)ev->wall_ms / 1000);
    if (ev->started_at && ev->started_at[0])
        xml_add_attribute(out, "timestamp", ev->started_at);
    buf_add_str(out, ">\n");
    if (cases->size > 0)
        buf_add(out, cases->data, cases->size);
    buf_add_str(out, "  </testsuite>\n");
}

static void add_counts(struct counts *sum, const struct counts *more)
{
    sum->tests += more->tests;
    sum->failures += more->failures;
    sum->errors += more->errors;
    sum->skipped += more->skipped;
}

static void add_stage(struct buf *out, const struct evidence *ev, const char *worker, enum stage stage,
                      struct counts *sum)
{
    struct counts counts = {0};
    struct buf cases = {0};
    char *name = mem_printf("%s.%s", worker, stage_name(stage));
    char *class_name = mem_printf("locktrail.%s.%s", ev->scenario->name, name);
    for (size_t i = 0; i < ev->trail.lock_count; i++)
        if (strcmp(ev->ledger.locks[ev->trail.locks[i].lock].worker, worker) == 0)
            add_lock_case(&cases, ev, class_name, &ev->trail.locks[i], stage, &counts);
    if (counts.tests > 0)
        add_suite(out, ev, name, &counts, &cases);
    add_counts(sum, &counts);
    free(class_name);
    free(name);
    buf_fini(&cases);
}

static void add_control_case(struct buf *out, const struct evidence *ev, const char *class_name, struct counts *counts)
{
    counts->tests++;
    add_case_begin(out, class_name, "control");
    if (ev->control == CONTROL_NOT_RUN) {
        counts->skipped++;
        add_outcome(out, "skipped", NULL, "not_run", "");
    } else if (ev->control == CONTROL_FAILED) {
        counts->failures++;
        add_outcome(out, "failure", "control", ev->control_why, ev->control_output);
    }
    buf_add_str(out, "    </testcase>\n");
}

static void add_left_out(struct buf *out, const struct evidence *ev, const char *class_name, struct counts *counts)
{
    for (size_t i = 0; i < ev->left_out_count; i++) {
        counts->tests++;
        counts->skipped++;
        add_case_begin(out, class_name, ev->left_out[i].worker);
        add_outcome(out, "skipped", NULL, "left_out", ev->left_out[i].why);
        buf_add_str(out, "    </testcase>\n");
    }
}

/* The control, an error for each problem, and the workers that were left out. */
static void add_run(struct buf *out, const struct evidence *ev, struct counts *sum)
{
    struct counts counts = {.tests = ev->problem_count, .errors = ev->problem_count};
    struct buf cases = {0};
    char *class_name = mem_printf("locktrail.%s.run", ev->scenario->name);
    add_control_case(&cases, ev, class_name, &counts);
    for (size_t i = 0; i < ev->problem_count; i++) {
        const struct problem *p = &ev->problems[i];
        char *name = mem_printf("%zu %s", i + 1, p->who);
        char *text = mem_printf("%s\n%s", p->advice, p->output);
        add_case_begin(&cases, class_name, name);
        add_outcome(&cases, "error", "problem", p->text, text);
        buf_add_str(&cases, "    </testcase>\n");
        free(text);
        free(name);
    }
    add_left_out(&cases, ev, class_name, &counts);
    add_suite(out, ev, "run", &counts, &cases);
    add_counts(sum, &counts);
    free(class_name);
    buf_fini(&cases);
}

void report_junit(const struct evidence *ev, struct buf *out)
{
    struct counts sum = {0};
    struct buf suites = {0};
    add_run(&suites, ev, &sum);
    for (size_t i = 0; i < ev->scenario->worker_count; i++)
        for (int stage = STAGE_CONTROL; stage < STAGE_COUNT; stage++)
            add_stage(&suites, ev, ev->scenario->workers[i].name, stage, &sum);
    buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    xml_add_attribute(out, "name", "locktrail");
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", sum.tests, sum.failures,
               sum.errors, sum.skipped);
    buf_printf(out, " time=\"%.3f\">\n", (double)ev->wall_ms / 1000);
    buf_add(out, suites.data, suites.size);
    buf_add_str(out, "</testsuites>\n");
    buf_fini(&suites);
}
