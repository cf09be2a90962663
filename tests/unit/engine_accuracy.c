/* SPDX-License-Identifier: Apache-2.0 */
/* A short run of the accuracy measurement (make accuracy has the long one), and that it would notice wrong answers. */
#include "measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLANS 100

static int setup(void **state)
{
    struct recording *r = calloc(1, sizeof *r);
    struct err e;
    if (recording_load(RECORDING_DIRECTORY, r, &e) < 0) {
        print_error("%s\n", e.text);
        return -1;
    }
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    recording_fini(*state);
    free(*state);
    return 0;
}

static void test_hop_and_mechanism(void **state)
{
    struct accuracy sum = {0};
    struct owners owners;
    struct err e;
    if (measure_begin(*state, &owners, &e) < 0) {
        fail_msg("%s", e.text);
    }
    for (uint64_t seed = 1; seed <= PLANS; seed++) {
        measure_losing(*state, &owners, seed, false, stdout, &sum);
    }
    assert_true(accuracy_total(&sum).hits > PLANS);
    assert_true(accuracy_is_good(&sum));
    owners_fini(&owners);
}

static void test_no_false_alarm(void **state)
{
    struct accuracy sum = {0};
    for (uint64_t seed = 1; seed <= PLANS; seed++) {
        measure_harmless(*state, seed, stdout, &sum);
    }
    assert_int_equal(sum.harmless, PLANS);
    assert_int_equal(sum.false_alarms, 0);
}

/* Nobody owns a label: every loss that is reported is then a false one. */
static void test_wrong_answers_are_counted(void **state)
{
    struct accuracy sum = {0};
    struct owners nobody = {0};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        measure_losing(*state, &nobody, seed, false, NULL, &sum);
    }
    assert_int_equal(accuracy_total(&sum).hits, 0);
    assert_true(sum.false_losses > 20);
    assert_false(accuracy_is_good(&sum));
}

static void test_the_same_seed_is_the_same_plan(void **state)
{
    const struct recording *r = *state;
    struct owners nobody = {0};
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct plan plan;
        struct chain once, again;
        plan_make_losing(seed, &r->ledger, &plan);
        chain_make(r, &plan, &nobody, &once);
        chain_make(r, &plan, &nobody, &again);
        assert_int_equal(once.count, again.count);
        for (size_t i = 0; i < once.count; i++) {
            assert_string_equal(once.copies[i].hash, again.copies[i].hash);
        }
        chain_fini(&once);
        chain_fini(&again);
        plan_fini(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hop_and_mechanism),
        cmocka_unit_test(test_no_false_alarm),
        cmocka_unit_test(test_wrong_answers_are_counted),
        cmocka_unit_test(test_the_same_seed_is_the_same_plan),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
