/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a search. */
#include "report/bisect.h"

#include "bisect_matrix.h"

struct said {
    struct bisect_line line;
    struct bisect_log log;
    struct bisect_result result;
    struct bisect_report report;
    struct buf text;
};

/* One word for each try of a, b, c, d: "nnn l - u". */
static struct said *make(const char *const tries[4], unsigned repeat)
{
    struct said *s = mem_calloc(1, sizeof *s);
    struct err e = {0};
    const struct bisect_choice choice = {.axis = "step", .repeat = repeat};
    assert_int_equal(bisect_line_init(&s->line, read_bisect_matrix(BISECT_STEPS), &choice, &e), 0);
    s->log.tries = mem_calloc(4, sizeof *s->log.tries);
    struct bisect_search search = {.values = s->log.tries, .count = 4, .repeats = repeat};
    for (size_t v = 0; v < 4; v++) {
        for (size_t t = 0; tries[v][t]; t++) {
            struct bisect_probe p = {.value = v, .cell = v * repeat + t, .stage = STAGE_UPLOAD};
            p.outcome = tries[v][t] == 'n' ? BISECT_NAMED : tries[v][t] == 'l' ? BISECT_LOST : BISECT_UNKNOWN;
            p.mechanism = MECHANISM_LABEL_DROPPED;
            p.why = p.outcome == BISECT_UNKNOWN ? mem_strdup("no environment") : NULL;
            s->log.probes = mem_grow(s->log.probes, s->log.count, &s->log.capacity, sizeof *s->log.probes);
            s->log.probes[s->log.count++] = p;
            bisect_search_add(&search, v, p.outcome);
        }
    }
    s->result = bisect_search_result(&search);
    s->report = (struct bisect_report){
        .line = &s->line, .log = &s->log, .result = &s->result, .lock = "x_lock", .directory = "matrices/d"};
    return s;
}

static void done(struct said *s)
{
    bisect_log_fini(&s->log);
    bisect_line_fini(&s->line);
    buf_fini(&s->text);
    free(s);
}

static void check(const char *const tries[4], unsigned repeat, int code, const char *expected)
{
    struct said *s = make(tries, repeat);
    report_bisect_conclusion(&s->report, &s->text);
    assert_string_equal(s->text.data, expected);
    assert_int_equal(report_bisect_exit_code(&s->report), code);
    done(s);
}

static void test_conclusions(void **state)
{
    (void)state;
    check((const char *const[]){"n", "n", "l", "l"}, 1, 0, "x_lock is lost from c on: b still names it.");
    check((const char *const[]){"l", "n", "n", "n"}, 1, 0, "x_lock is named from b on: a loses it.");
    check((const char *const[]){"l", "u", "u", "n"}, 1, 0,
          "x_lock is named from d on: a loses it. The 2 values between them could not be judged.");
    check((const char *const[]){"n", "n", "n", "n"}, 1, 4, "No boundary: a and d, the ends, both name x_lock.");
    check(
        (const char *const[]){"nnn", "lnn", "u", "nnn"}, 3, 4,
        "No boundary: a and d, the ends, both name x_lock. Flaky: b loses it in 1 of 3. At the lowest of these odds a "
        "value that loses the name is taken for one that does not with a probability of 30 % (--repeats makes it "
        "less). "
        "Whether further values lose it, more tries tell (--repeats, or a matrix with `repeat`).");
    check((const char *const[]){"n", "l", "u", "n"}, 1, 4,
          "No boundary: a and d, the ends, both name x_lock. But it comes and goes: b loses it. There is more than one "
          "boundary; search between other ends (--values).");
    check((const char *const[]){"u", "u", "", "n"}, 1, 4, "No boundary: fewer than two values could be judged.");
    check(
        (const char *const[]){"nn", "nn", "nl", "ll"}, 2, 0,
        "x_lock is lost from c on: b still names it. Flaky: c loses it in 1 of 2. At the lowest of these odds a value "
        "that loses the name is taken for one that does not with a probability of 25 % (--repeats makes it less).");
}

static void test_on_a_terminal(void **state)
{
    struct said *s = make((const char *const[]){"nnn", "u", "lnl", "l"}, 3);
    (void)state;
    report_bisect(&s->report, false, &s->text);
    assert_string_equal(s->text.data,
                        "BISECT     x_lock along step: 4 of 4 values tried, in 8 runs\n"
                        "  a                    named in 3 of 3\n"
                        "  b                    can't be judged    no environment\n"
                        "  c                    lost in 2 of 3     upload, label_dropped\n"
                        "  d                    lost in 1 of 1     upload, label_dropped\n"
                        "BOUNDARY   x_lock is lost from c on: a still names it. b, between them, could\n"
                        "           not be judged. Flaky: c loses it in 2 of 3. At the lowest of these\n"
                        "           odds a value that loses the name is taken for one that does not with\n"
                        "           a probability of 4 % (--repeats makes it less).\n"
                        "before     a:\n"
                        "  locktrail run s.yaml --set threads=2 --seed 7 --no-control\n"
                        "after      c:\n"
                        "  locktrail run s.yaml --set threads=4 --seed 7 --no-control\n"
                        "directory  matrices/d\n");
    done(s);
}

static void test_json(void **state)
{
    struct said *s = make((const char *const[]){"n", "", "", "l"}, 1);
    (void)state;
    s->report.control = true;
    report_bisect_json(&s->report, &s->text);
    assert_non_null(strstr(s->text.data, "\"schema\": \"locktrail/bisect/1\""));
    assert_non_null(strstr(s->text.data, "\"change\": \"lost\""));
    assert_non_null(strstr(s->text.data, "\"command\": \"locktrail run s.yaml --set threads=5 --seed 7\""));
    assert_non_null(strstr(s->text.data, "\"state\": \"untried\""));
    done(s);
}

static void test_one_try(void **state)
{
    static const char *const expected[] = {"step=a: x_lock is named", "step=b: can't be judged: no environment",
                                           "step=c: x_lock is lost (upload, label_dropped)"};
    struct said *s = make((const char *const[]){"n", "u", "l", ""}, 1);
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&s->text);
        report_bisect_probe(&s->report, &s->log.probes[i], &s->text);
        assert_string_equal(s->text.data, expected[i]);
    }
    done(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conclusions), cmocka_unit_test(test_on_a_terminal),
                                       cmocka_unit_test(test_json), cmocka_unit_test(test_one_try)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
