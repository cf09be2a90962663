/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/expectations.h"

#include "scenario_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct expectations *read_text(const char *text, struct buf *said)
{
    struct expectations *x = NULL;
    struct diagnostics d;
    int result = expectations_read("expected.yaml", text, strlen(text), &x, &d);
    assert_int_equal(result == 0, d.count == 0);
    add_diagnostics(said, &d);
    diagnostics_fini(&d);
    return x;
}

static struct expectations *read_good(const char *text)
{
    struct buf said = {0};
    struct expectations *x = read_text(text, &said);
    if (!x)
        fail_msg("%s", said.data);
    buf_fini(&said);
    return x;
}

static void test_every_key(void **state)
{
    (void)state;
    struct expectations *x = read_good("# why\n"
                                       "- cell: {ddtrace: '3.17.*', lock: RLock}\n"
                                       "  lock: '*_rlock'\n"
                                       "  stage: collector\n"
                                       "  mechanism: never_named\n"
                                       "  reason: RLocks have names from 3.19 on\n"
                                       "  until: 2027-06-30\n"
                                       "- {reason: r, until: 2028-02-29}\n");
    assert_string_equal(x->path, "expected.yaml");
    assert_int_equal(x->count, 2);
    assert_int_equal(x->items[0].axis_count, 2);
    assert_string_equal(x->items[0].axes[0].name, "ddtrace");
    assert_string_equal(x->items[0].axes[0].value, "3.17.*");
    assert_string_equal(x->items[0].lock, "*_rlock");
    assert_int_equal(x->items[0].stage, STAGE_COLLECTOR);
    assert_int_equal(x->items[0].mechanism, MECHANISM_NEVER_NAMED);
    assert_string_equal(x->items[0].reason, "RLocks have names from 3.19 on");
    assert_string_equal(x->items[0].until, "2027-06-30");
    assert_int_equal(x->items[0].line, 2);
    assert_int_equal(x->items[1].axis_count, 0);
    assert_null(x->items[1].lock);
    assert_false(x->items[1].has_stage);
    assert_false(x->items[1].has_mechanism);
    assert_int_equal(x->items[1].line, 8);
    expectations_free(x);
}

static void test_no_losses_are_expected(void **state)
{
    static const char *const texts[] = {"", "\n", "# nothing yet\n", "[]\n", "---\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct expectations *x = read_good(texts[i]);
        assert_int_equal(x->count, 0);
        expectations_free(x);
    }
}

static void test_errors(void **state)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"reason: x\n", "1:1: error: a mapping found, expected a list of losses\nreason: x\n^\n"},
        {"- x\n", "1:3: error: `x` found, expected a loss: a mapping with at least `reason` and `until`\n- x\n  ^\n"},
        {"- {reason: x}\n", "1:3: error: `until` is missing, expected a day: `2027-06-30`\n- {reason: x}\n  ^\n"},
        {"- {until: 2027-01-01}\n",
         "1:3: error: `reason` is missing, expected text of one line\n- {until: 2027-01-01}\n  ^\n"},
        {"- {reason: x, until: 2027-02-29}\n", "1:22: error: until: `2027-02-29` found, expected a day: `2027-06-30`\n"
                                               "- {reason: x, until: 2027-02-29}\n                     ^\n"},
        {"- {reason: x, until: soon}\n", "1:22: error: until: `soon` found, expected a day: `2027-06-30`\n"
                                         "- {reason: x, until: soon}\n                     ^\n"},
        {"- {reason: x, until: 2027-01-01, stage: colector}\n",
         "1:41: error: stage: `colector` found, expected `collector`, `upload`, `agent`, `backend` or `ui`, did "
         "you mean `collector`?\n- {reason: x, until: 2027-01-01, stage: colector}\n"
         "                                        ^\n"},
        {"- {reason: x, until: 2027-01-01, locks: a}\n",
         "1:34: error: unknown key `locks`, did you mean `lock`?\n- {reason: x, until: 2027-01-01, locks: a}\n"
         "                                 ^\n"},
        {"- {reason: x, until: 2027-01-01, cell: [a]}\n", "1:40: error: cell: a list found, expected a mapping of "
                                                          "variables\n- {reason: x, until: 2027-01-01, cell: [a]}\n"
                                                          "                                       ^\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf said = {0};
        assert_null(read_text(cases[i].text, &said));
        assert_string_equal(said.data, cases[i].said);
        buf_fini(&said);
    }
}

static void test_too_many(void **state)
{
    struct buf text = {0}, said = {0};
    (void)state;
    for (int i = 0; i <= EXPECTATIONS_MAX; i++)
        buf_add_str(&text, "- {reason: x, until: 2027-01-01}\n");
    assert_null(read_text(text.data, &said));
    assert_string_equal(said.data, "1:1: error: 1001 expected losses found, expected at most 1000\n"
                                   "- {reason: x, until: 2027-01-01}\n^\n");
    buf_fini(&text);
    buf_fini(&said);
}

static void test_matching(void **state)
{
    static const char *const axes[] = {"ddtrace", "lock", "agent"};
    static const char *const labels[] = {"3.17.3", "RLock", NULL};
    static const struct {
        const char *keys;
        bool matches;
    } cases[] = {
        {"", true},
        {", cell: {ddtrace: 3.17.3}", true},
        {", cell: {ddtrace: '3.*', lock: '?Lock'}", true},
        {", cell: {ddtrace: '3.*', lock: Lock}", false},
        {", cell: {agent: '*'}", false},
        {", cell: {threads: '*'}", false},
        {", lock: 'member/*'", true},
        {", lock: 'local/*'", false},
        {", stage: upload", true},
        {", stage: agent", false},
        {", mechanism: aliased", true},
        {", mechanism: label_dropped", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0};
        buf_printf(&text, "- {reason: x, until: 2027-01-01%s}\n", cases[i].keys);
        struct expectations *x = read_good(text.data);
        if (expectation_matches(&x->items[0], axes, labels, 3, "member/a", STAGE_UPLOAD, MECHANISM_ALIASED) !=
            cases[i].matches)
            fail_msg("%s", text.data);
        expectations_free(x);
        buf_fini(&text);
    }
}

static void test_the_last_day_counts(void **state)
{
    (void)state;
    struct expectations *x = read_good("- {reason: x, until: 2027-01-31}\n");
    assert_false(expectation_expired(&x->items[0], "2026-12-31"));
    assert_false(expectation_expired(&x->items[0], "2027-01-31"));
    assert_true(expectation_expired(&x->items[0], "2027-02-01"));
    expectations_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key), cmocka_unit_test(test_no_losses_are_expected),
        cmocka_unit_test(test_errors),    cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_matching),  cmocka_unit_test(test_the_last_day_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
