/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reports are compared with tests/data/report/NAME.txt. With LOCKTRAIL_REWRITE=1 the files are written anew, to
 * be read by a person. */
#include "report/terminal.h"

#include "report/text.h"
#include "report/view.h"
#include "report_expected.h"
#include "report_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int drop(void **state)
{
    (void)state;
    evidence_drop();
    return 0;
}

static struct buf report(const struct evidence *ev, bool colour)
{
    struct buf b = {0};
    report_terminal(ev, colour, &b);
    return b;
}

static void test_whole_reports(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expected_runs / sizeof *expected_runs; i++) {
        struct buf b = report(expected_runs[i].make(), false);
        expect_file(expected_runs[i].name, "txt", &b);
        buf_fini(&b);
    }
}

/* The last two lines' values (link and directory) stand alone and may be longer. */
static void check_width(const char *name, const struct buf *b)
{
    for (char *line = b->data; *line;) {
        size_t size = strcspn(line, "\n");
        char *copy = mem_strndup(line, size);
        bool may_be_long = strncmp(copy, "profiles ", 9) == 0 || strncmp(copy, "directory ", 10) == 0;
        if (!may_be_long && text_columns(copy) > TEXT_WIDTH)
            fail_msg("%s: %zu columns: %s", name, text_columns(copy), copy);
        if (size > 0 && copy[size - 1] == ' ')
            fail_msg("%s: blank at the end of: %s", name, copy);
        free(copy);
        line += size + (line[size] == '\n');
    }
}

static void test_no_line_is_wider_than_80_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expected_runs / sizeof *expected_runs; i++) {
        struct buf b = report(expected_runs[i].make(), false);
        check_width(expected_runs[i].name, &b);
        buf_fini(&b);
    }
}

/* Without the codes of its colours the coloured report is the plain one. */
static void test_colours_change_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expected_runs / sizeof *expected_runs; i++) {
        struct buf plain = report(expected_runs[i].make(), false), coloured = report(expected_runs[i].make(), true);
        struct buf stripped = {0};
        for (const char *at = coloured.data; *at; at++) {
            if (*at == '\x1b')
                at += strcspn(at, "m");
            else
                buf_add_char(&stripped, *at);
        }
        assert_string_equal(stripped.data, plain.data);
        assert_true(coloured.size > plain.size);
        assert_null(strchr(plain.data, '\x1b'));
        buf_fini(&stripped);
        buf_fini(&coloured);
        buf_fini(&plain);
    }
}

static void test_quiet(void **state)
{
    struct buf b = {0};
    (void)state;
    report_quiet(make_killed(), false, &b);
    assert_string_equal(b.data, "VERDICT    error (killed run)\n"
                                "directory  /srv/team/runs/2026-11-23T12-00-00Z-smoke\n");
    buf_fini(&b);
}

static void test_blame(void **state)
{
    static const struct {
        struct evidence *(*make)(void);
        const char *line;
    } cases[] = {
        {make_success, "\nTo blame: nobody. No name was lost.\n"},
        {make_partial, "\nTo blame: the way after the collector. Its local pprof has the names.\n"},
        {make_failure, "\nTo blame: the collector. The names are not in its local pprof.\n"},
        {make_critical, "\nTo blame: the collector. It fails its control.\n"},
        {make_inconclusive, "\nTo blame: that can't be said from this run.\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evidence *ev = cases[i].make();
        ev->scenario->report = REPORT_DEBUG;
        struct buf b = report(ev, false);
        assert_non_null(strstr(b.data, cases[i].line));
        buf_fini(&b);
    }
}

static void test_blame_of_the_uploading_process(void **state)
{
    struct evidence *ev = make_partial();
    (void)state;
    ev->scenario->report = REPORT_DEBUG;
    ev->trail.locks[0].loss.by_collector = true;
    struct buf b = report(ev, false);
    assert_non_null(strstr(b.data, "\nTo blame: the collector of the uploading process, which is another one "
                                   "than that\nof the local pprof.\n"));
    buf_fini(&b);
}

/* A lock that shows its site before it is lost: a known limit there, and lost where it is lost. */
static void test_worth_of_a_lost_lock_before_its_loss(void **state)
{
    struct trail_lock lock = {.lost = true, .loss = {.stage = STAGE_AGENT}};
    (void)state;
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        lock.stages[stage].state = stage < STAGE_AGENT ? STATE_GENERIC : STATE_ABSENT;
    assert_int_equal(view_worth(&lock, STAGE_UPLOAD), VIEW_LIMIT);
    assert_int_equal(view_worth(&lock, STAGE_AGENT), VIEW_LOST);
    assert_int_equal(view_worth(&lock, STAGE_BACKEND), VIEW_LOST);
}

/* Locks that need the same are told together, and not more than 50 different needs. */
static void test_undersampled_locks_are_told_together(void **state)
{
    struct evidence *ev = evidence_begin("smoke");
    (void)state;
    for (int i = 0; i < 61; i++) {
        char id[32], name[32];
        snprintf(id, sizeof id, "member/lock_%d", i);
        snprintf(name, sizeof name, "lock_%d", i);
        struct trail_lock *t = add_lock(ev, "python", id, name, "member.py", (unsigned)i + 10, 120, "eff");
        t->stages[STAGE_COLLECTOR].true_acquires = t->stages[STAGE_UPLOAD].true_acquires =
            i < 2 ? 7 : 100 + (unsigned)i;
    }
    judge_by_hand(ev, VERDICT_INCONCLUSIVE, "Too few samples.");
    struct buf b = report(ev, false);
    assert_non_null(strstr(b.data, "UNDERSAMPLED\nmember/lock_0, member/lock_1\n"
                                   "    collector (7 acquires), upload (7 acquires): how long a run it needs can't\n"
                                   "    be said\nmember/lock_2\n"));
    assert_non_null(strstr(b.data, "\nmember/lock_50\n    collector (150 acquires)"));
    assert_non_null(strstr(b.data, "    can't be said\nand 10 more\n"));
    assert_null(strstr(b.data, "\nmember/lock_51\n    "));
    buf_fini(&b);
}

/* More columns than a line has: the rest stands in a second table. */
static void test_every_count_of_a_hop_is_shown(void **state)
{
    struct evidence *ev = make_pipeline();
    (void)state;
    ev->matching.hops[2] = (struct trail_hop){.instance = ev->matching.hops[2].instance,
                                              .from = STAGE_UPLOAD,
                                              .to = STAGE_AGENT,
                                              .sent = 12345678,
                                              .received = 2,
                                              .same = 3,
                                              .changed = 4,
                                              .lost = 5,
                                              .doubled = 6,
                                              .retried = 7,
                                              .reordered = 8,
                                              .merged = 9,
                                              .split = 10,
                                              .unknown = 11,
                                              .told_well = 1};
    struct buf b = report(ev, false);
    check_width("hops", &b);
    assert_non_null(strstr(b.data, "\n    native.1.tee                    12345678         2     3        4     5\n"));
    assert_non_null(strstr(b.data,
                           "\n\nHOP                                 DOUBLED  RETRIED  REORDERED  MERGED  SPLIT\n"
                           "upload \xE2\x86\x92 agent                            6        7          8       9     10\n"
                           "    native.1.tee                          6        7          8       9     10\n"
                           "\n"
                           "HOP                                 UNKNOWN\n"
                           "upload \xE2\x86\x92 agent                           11\n"
                           "    native.1.tee                         11\n"
                           "Of the 5 lost at upload"));
    buf_fini(&b);
}

/* One process, or none in which anything happened: the sum says it all. */
static void test_processes_of_a_hop_that_do_not_differ(void **state)
{
    struct evidence *ev = make_pipeline();
    (void)state;
    ev->matching.hops[2].instance = INSTANCE_UPLOAD;
    ev->matching.hops[2].changed = ev->matching.hops[2].lost = ev->matching.hops[2].doubled = 0;
    struct buf b = report(ev, false);
    assert_null(strstr(b.data, "\n    native.1.tee  "));
    assert_null(strstr(b.data, "DOUBLED"));
    buf_fini(&b);
}

/* What the collector of the process itself did was lost at no hop; nor was what nothing before shows. */
static void test_place_of_a_loss(void **state)
{
    struct evidence *ev = make_pipeline();
    (void)state;
    static const struct {
        enum stage stage;
        bool by_collector, no_upload;
        const char *place;
    } cases[] = {
        {STAGE_COLLECTOR, true, false, "collector"},
        {STAGE_UPLOAD, false, false, "collector \xE2\x86\x92 upload"},
        {STAGE_UPLOAD, true, false, "upload"},
        {STAGE_BACKEND, false, false, "agent \xE2\x86\x92 backend"},
        {STAGE_AGENT, false, true, "collector \xE2\x86\x92 agent"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loss loss = {.stage = cases[i].stage, .by_collector = cases[i].by_collector};
        ev->stage_ran[STAGE_UPLOAD] = !cases[i].no_upload;
        for (size_t l = 0; l < ev->trail.lock_count && cases[i].no_upload; l++)
            ev->trail.locks[l].stages[STAGE_UPLOAD].state = STATE_NOT_RUN;
        char *place = view_place(ev, &loss);
        assert_string_equal(place, cases[i].place);
        free(place);
    }
}

static void test_interrupted_run_is_marked(void **state)
{
    struct evidence *ev = make_success();
    (void)state;
    ev->interrupted = true;
    struct buf b = report(ev, false);
    assert_non_null(strstr(b.data, "\nSTOPPED    the user interrupted this run;"));
    assert_non_null(strstr(b.data, "\nVERDICT    success (interrupted)\n"));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_whole_reports, drop),
        cmocka_unit_test_teardown(test_no_line_is_wider_than_80_columns, drop),
        cmocka_unit_test_teardown(test_colours_change_nothing_else, drop),
        cmocka_unit_test_teardown(test_quiet, drop),
        cmocka_unit_test_teardown(test_blame, drop),
        cmocka_unit_test_teardown(test_blame_of_the_uploading_process, drop),
        cmocka_unit_test(test_worth_of_a_lost_lock_before_its_loss),
        cmocka_unit_test_teardown(test_undersampled_locks_are_told_together, drop),
        cmocka_unit_test_teardown(test_every_count_of_a_hop_is_shown, drop),
        cmocka_unit_test_teardown(test_processes_of_a_hop_that_do_not_differ, drop),
        cmocka_unit_test_teardown(test_place_of_a_loss, drop),
        cmocka_unit_test_teardown(test_interrupted_run_is_marked, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
