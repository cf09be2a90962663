/* SPDX-License-Identifier: Apache-2.0 */
/* One rule for all values that a hop rewrote or cut. */
#include "trail_way.h"

static void test_rules_of_rewritten_values(void **state)
{
    static const struct {
        const char *x, *y; /* what the two become; NULL: y stays */
        const char *rule;
    } cases[] = {
        {"A.PY:1:XLOCK", "B.PY:2:YLOCK", "upper-cased"},
        {"a.py:1:Xlock", "b.py:2:Ylock", "letters' case changed"},
        {"a.py:1:xlocK", "B.PY:2:YLOCK", "letters' case changed"},
        {"a_py:1:xlock", "b_py:2:ylock", "'.' replaced by '_'"},
        {"a_py_1_xlock", "b_py_2_ylock", "characters replaced"},
        {"prod-a.py:1:xlock", "prod-b.py:2:ylock", "'prod-' put before it"},
        {"a.py:1:xlock@h", "b.py:2:ylock@h", "'@h' put behind it"},
        {"a.py:1:hidden", "b.py:2:hidden", "the name replaced by 'hidden'"},
        {"hidden", "hidden", "the value replaced by 'hidden'"},
        {"a.py:1:xmutex", "b.py:2:ymutex", "'lock' replaced by 'mutex'"},
        {"a.:1:xlock", "b.:2:ylock", "'py' cut out"},
        {"a.py:1:xmutex", NULL, "the name replaced by 'xmutex'"},
        {"#1", NULL, "the value replaced by '#1'"},
        {"prod-a.py:1:xlock", "dev-b.py:2:ylock", "no one rule fits the 2 values that were rewritten there"},
        {"A.PY:1:XLOCK", "b.py:2:y-lock", "no one rule fits the 2 values that were rewritten there"},
        {"#1", "#2", "no one rule fits the 2 values that were rewritten there"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flights f;
        char want[256];
        struct samples s = content();
        start(&f, 1);
        f.b.ledger.instances[0].capture_rate = 0.5;
        send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
        relabel(&s, X, cases[i].x, 0, SAMPLES_MAX);
        relabel(&s, Y, cases[i].y ? cases[i].y : Y, 0, SAMPLES_MAX);
        send(&f, STAGE_AGENT, 0, &s, NULL, 200);
        const struct trail_result *r = flights_judge(&f);
        snprintf(want, sizeof want, "p.1, in 1 copy (copies/agent/p.1.1.pprof): %s", cases[i].rule);
        if (!r->locks[0].lost || strcmp(r->locks[0].loss.common, want) != 0) {
            fail_msg("case %zu: %s, expected %s", i, r->locks[0].lost ? r->locks[0].loss.common : "kept", want);
        }
        assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "value_rewritten");
        assert_int_equal(r->locks[1].lost, cases[i].y != NULL);
        if (cases[i].y != NULL) {
            assert_int_equal(r->locks[1].loss.group, r->locks[0].loss.group);
        }
        flights_end(&f);
    }
}

static void test_truncation_of_all_values_says_so(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    f.b.ledger.instances[0].capture_rate = 0.5;
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    relabel(&s, X, "a.py:1:", 0, SAMPLES_MAX);
    relabel(&s, Y, "b.py:2:", 0, SAMPLES_MAX);
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    const struct trail_result *r = flights_judge(&f);
    assert_string_equal(r->locks[1].loss.common, "p.1, in 1 copy (copies/agent/p.1.1.pprof): cut to 7 bytes, as all 2 "
                                                 "values that differ there");
    assert_int_equal(r->locks[1].loss.group, r->locks[0].loss.group);
    flights_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_of_rewritten_values),
        cmocka_unit_test(test_truncation_of_all_values_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
