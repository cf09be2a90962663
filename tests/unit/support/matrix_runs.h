/* SPDX-License-Identifier: Apache-2.0 */
/* Records of matrices that were never run, for the tests of their report. */
#ifndef LOCKTRAIL_TESTS_MATRIX_RUNS_H
#define LOCKTRAIL_TESTS_MATRIX_RUNS_H

#include "engine/matrix_head.h"
#include "matrix_directory.h"
#include "report/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MATRIX_TODAY "2026-11-26"

/* What one attempt came to: filled in by the scripts below. */
struct told {
    enum verdict verdict;
    const char *conclusion;
    struct matrix_loss losses[8]; /* borrowed texts */
    size_t loss_count;
};

static inline void tell_loss(struct told *t, const char *lock, enum stage stage, enum mechanism mechanism)
{
    t->losses[t->loss_count++] =
        (struct matrix_loss){(char *)(uintptr_t) "py", (char *)(uintptr_t)lock, stage, mechanism};
    t->verdict = stage == STAGE_COLLECTOR && t->verdict != VERDICT_PARTIAL ? VERDICT_FAILURE : VERDICT_PARTIAL;
    t->conclusion = "names were lost";
}

static inline bool cell_has(const struct matrix_cell *cell, const char *text)
{
    char *padded = mem_printf(" %s ", cell->key), *wanted = mem_printf(" %s ", text);
    bool has = strstr(padded, wanted) != NULL;
    free(padded);
    free(wanted);
    return has;
}

typedef void (*script_fn)(const struct matrix_cell *cell, unsigned attempt, struct told *out);

static inline void record_attempt(struct matrix_record *r, size_t cell, unsigned number, const struct told *t)
{
    struct matrix_attempt a = {.number = number,
                               .verdict = t->verdict,
                               .exit_code = verdict_exit_code(t->verdict),
                               .duration_ms = 1500 + 10 * (int64_t)cell,
                               .conclusion = mem_strdup(t->conclusion),
                               .losses = mem_calloc(t->loss_count, sizeof *a.losses)};
    for (size_t i = 0; i < t->loss_count; i++)
        a.losses[a.loss_count++] = (struct matrix_loss){mem_strdup(t->losses[i].worker), mem_strdup(t->losses[i].lock),
                                                        t->losses[i].stage, t->losses[i].mechanism};
    matrix_record_add(r, cell, &a);
}

/* A cell that is no success runs again `retries` times. */
static inline struct matrix_record *record_of(const char *text, script_fn script)
{
    struct matrix_record *r;
    struct err e;
    if (matrix_record_new(directory_matrix(text), NULL, 0, 1, 1, NULL, &r, &e) < 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        bool bad = false;
        for (unsigned n = 1; n == 1 || (bad && n <= 1 + r->matrix->retries); n++) {
            struct told t = {.conclusion = "every name is there"};
            script(&r->matrix->cells[i], n, &t);
            bad = bad || t.verdict != VERDICT_SUCCESS;
            record_attempt(r, i, n, &t);
        }
    }
    return r;
}

/* --- scripts ---------------------------------------------------------------------------------------------------- */

static const char text_versions[] = "name: versions\n"
                                    "description: RLocks and Locks in four releases of ddtrace\n"
                                    "scenario: releases.yaml\n"
                                    "axes:\n"
                                    "  ddtrace: [3.17.3, 3.19.9, 4.8.13, 4.16.0]\n"
                                    "  lock: [rlock, lock]\n"
                                    "retries: 1\n";

/* ddtrace 3.17.3 knows no RLock; the reentrant one is one whatever `lock` says. */
static inline void script_versions(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    (void)attempt;
    if (!cell_has(cell, "ddtrace=3.17.3"))
        return;
    tell_loss(out, "reentrant/recursive_lock", STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED);
    if (cell_has(cell, "lock=rlock")) {
        tell_loss(out, "member/user_session_lock", STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED);
        tell_loss(out, "global/module_lock", STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED);
    }
}

static const char text_mixed[] = "name: mixed\n"
                                 "scenario: ../smoke.yaml\n"
                                 "axes:\n"
                                 "  ddtrace: [3.17.3, 4.16.0]\n"
                                 "  inspect_dir: [true, false]\n"
                                 "  threads: [1, 2, 4, 8]\n"
                                 "  agent: [none, trace-agent]\n"
                                 "repeat: 2\n"
                                 "retries: 2\n";

/* Two causes for one lock, one that is flaky, one odd cell, a release whose environment can't be made. */
static inline void script_mixed(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    if (cell_has(cell, "ddtrace=3.17.3") && cell_has(cell, "threads=8")) {
        out->verdict = VERDICT_ERROR;
        out->conclusion = "python.1.upload did not start: no memory";
        return;
    }
    if (cell_has(cell, "inspect_dir=false"))
        tell_loss(out, "member/user_session_lock", STAGE_COLLECTOR, MECHANISM_NEVER_NAMED);
    else if (cell_has(cell, "agent=trace-agent"))
        tell_loss(out, "member/user_session_lock", STAGE_AGENT, MECHANISM_LABEL_DROPPED);
    if (cell_has(cell, "agent=trace-agent") && cell_has(cell, "threads=4") && (attempt + cell->seed) % 2 == 0)
        tell_loss(out, "local/request_lock", STAGE_AGENT, MECHANISM_PROFILE_DROPPED);
    if (cell_has(cell, "ddtrace=4.16.0") && cell_has(cell, "threads=1") && cell_has(cell, "agent=none") &&
        cell_has(cell, "inspect_dir=true") && cell->repeat == 1) {
        out->verdict = VERDICT_INCONCLUSIVE;
        out->conclusion = "2 locks are undersampled";
    }
}

static inline void script_success(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    (void)cell;
    (void)attempt;
    (void)out;
}

static const char text_hostile[] = "name: hostile\n"
                                   "description: \"<h|`*%::\"\n"
                                   "scenario: \"it's a scenario.yaml\"\n"
                                   "axes:\n"
                                   "  odd: [{\"a|b`<i>\": {threads: 1}}, {\"%0A::error::,\": {threads: 2}}]\n"
                                   "retries: 0\n";

static inline void script_hostile(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    (void)attempt;
    if (cell->values[0] == 0)
        tell_loss(out, "a\x1b[31m]]><b>\"&\n::error::%0A|`", STAGE_UPLOAD, MECHANISM_VALUE_REWRITTEN);
}

/* --- what is known ---------------------------------------------------------------------------------------------- */

static const char expected_mixed[] =
    "- {cell: {agent: trace-agent}, lock: 'member/*', stage: agent, reason: the agent drops "
    "labels, until: 2027-06-30}\n"
    "- {cell: {threads: '4'}, lock: 'local/*', reason: to be mended, until: "
    "2026-11-25}\n"
    "- {lock: 'never/*', reason: nobody loses that, until: 2027-01-01}\n";

static inline struct expectations *expectations_of(const char *text)
{
    struct expectations *x = NULL;
    struct diagnostics d;
    if (expectations_read("expected.yaml", text, strlen(text), &x, &d) < 0)
        fail_msg("%s", d.items[0].text);
    diagnostics_fini(&d);
    return x;
}

#endif
