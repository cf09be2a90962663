/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal) ((char *)(size_t)(literal))

static struct lock sample_lock(void)
{
    return (struct lock){
        .worker = TEXT("python"),
        .id = TEXT("member/cache_lock"),
        .name = TEXT("cache_lock"),
        .pattern = TEXT("member"),
        .file = TEXT("member.py"),
        .line = 14,
        .contends = true,
        .counted = true,
    };
}

static void test_locks_are_found_by_worker_and_id(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    struct lock lock = sample_lock();
    (void)state;
    assert_int_equal(ledger_find_lock(&ledger, "python", "member/cache_lock"), -1);
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    lock.worker = TEXT("native");
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 1);
    assert_int_equal(ledger_find_lock(&ledger, "python", "member/cache_lock"), 0);
    assert_int_equal(ledger_find_lock(&ledger, "native", "member/cache_lock"), 1);
    assert_int_equal(ledger_find_lock(&ledger, "nativem", "ember/cache_lock"), -1);
    assert_int_equal(ledger_find_lock(&ledger, "python", "member/other"), -1);
    ledger_fini(&ledger);
    assert_int_equal(ledger.lock_count, 0);
}

static void test_a_lock_is_copied(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    struct lock lock = sample_lock();
    char name[] = "cache_lock", mangled[] = "_A__x";
    (void)state;
    lock.name = name;
    lock.mangled = mangled;
    lock.rendering = RENDERING_MANGLED;
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    name[0] = mangled[0] = 'X';
    assert_string_equal(ledger.locks[0].name, "cache_lock");
    assert_string_equal(ledger.locks[0].mangled, "_A__x");
    assert_int_equal(ledger.locks[0].line, 14);
    assert_true(ledger.locks[0].contends);
    assert_true(ledger.locks[0].counted);
    ledger_fini(&ledger);
}

static void test_both_arms_may_declare_the_same_lock(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    struct lock lock = sample_lock();
    (void)state;
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    assert_int_equal(ledger.lock_count, 1);
    ledger_fini(&ledger);
}

static void expect_refused(struct ledger *ledger, const struct lock *lock, const char *what)
{
    struct err e;
    char text[128];
    assert_int_equal(ledger_add_lock(ledger, lock, &e), -1);
    assert_int_equal(e.code, ERR_INPUT);
    snprintf(text, sizeof text, "worker python: lock member/cache_lock is declared twice with another %s", what);
    assert_string_equal(e.text, text);
    assert_int_equal(ledger->lock_count, 1);
}

static void test_another_declaration_of_a_lock_is_refused(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    struct lock lock = sample_lock(), other;
    (void)state;
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    other = lock, other.name = TEXT("x");
    expect_refused(&ledger, &other, "name");
    other = lock, other.pattern = TEXT("x");
    expect_refused(&ledger, &other, "pattern");
    other = lock, other.file = TEXT("x");
    expect_refused(&ledger, &other, "site");
    other = lock, other.line = 15;
    expect_refused(&ledger, &other, "site");
    other = lock, other.rendering = RENDERING_GENERIC;
    expect_refused(&ledger, &other, "rendering");
    other = lock, other.mangled = TEXT("x");
    expect_refused(&ledger, &other, "rendering");
    other = lock, other.contends = false;
    expect_refused(&ledger, &other, "contends");
    other = lock, other.counted = false;
    expect_refused(&ledger, &other, "counted");
    ledger_fini(&ledger);
}

static void test_a_process_name_stands_once(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    (void)state;
    assert_int_equal(ledger_add_instance(&ledger, "p.1", "p", ARM_LOCAL, 0.5, &e), 0);
    assert_int_equal(ledger_add_instance(&ledger, "p.2", "p", ARM_TEE, 1, &e), 1);
    assert_int_equal(ledger_find_instance(&ledger, "p.2"), 1);
    assert_int_equal(ledger_find_instance(&ledger, "p.3"), -1);
    assert_int_equal(ledger_add_instance(&ledger, "p.1", "p", ARM_LOCAL, 1, &e), -1);
    assert_string_equal(e.text, "process p.1 is there twice");
    ledger_fini(&ledger);
}

static void test_limits_are_reported(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    struct lock lock = sample_lock();
    char text[32];
    (void)state;
    for (int i = 0; i < LEDGER_LOCKS_MAX; i++) {
        snprintf(text, sizeof text, "l%d", i);
        lock.id = text;
        assert_int_equal(ledger_add_lock(&ledger, &lock, &e), i);
    }
    lock.id = TEXT("more");
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), -1);
    assert_string_equal(e.text, "worker python: lock more is one more than the 65536 that a run can have");
    assert_int_equal(ledger_find_lock(&ledger, "python", "l65535"), 65535);
    ledger_fini(&ledger);
    for (int i = 0; i < LEDGER_INSTANCES_MAX; i++) {
        snprintf(text, sizeof text, "p%d", i);
        assert_int_equal(ledger_add_instance(&ledger, text, "p", ARM_LOCAL, 1, &e), i);
    }
    assert_int_equal(ledger_add_instance(&ledger, "more", "p", ARM_LOCAL, 1, &e), -1);
    assert_string_equal(e.text, "process more is one more than the 1024 that a run can have");
    ledger_fini(&ledger);
}

static void test_counts_follow_the_locks(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    struct lock lock = sample_lock();
    struct lock_count count = {.acquires = 7, .known = true};
    char text[32];
    (void)state;
    assert_int_equal(ledger_add_instance(&ledger, "p.1", "python", ARM_LOCAL, 1, &e), 0);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "l%d", i);
        lock.id = text;
        assert_int_equal(ledger_add_lock(&ledger, &lock, &e), i);
        assert_false(ledger.instances[0].counts[i].known);
        assert_int_equal(ledger_set_count(&ledger, 0, (size_t)i, &count, &e), 0);
    }
    assert_int_equal(ledger_add_instance(&ledger, "p.2", "python", ARM_LOCAL, 1, &e), 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(ledger.instances[0].counts[i].acquires, 7);
        assert_false(ledger.instances[1].counts[i].known);
        assert_int_equal(ledger.instances[1].counts[i].acquires, 0);
    }
    ledger_fini(&ledger);
}

static void test_counts_only_grow(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    struct lock lock = sample_lock();
    const struct lock_count base = {5, 5, 5, 5, true};
    const struct {
        struct lock_count count;
        const char *error;
    } cases[] = {
        {{5, 5, 5, 5, true}, NULL},
        {{6, 5, 5, 5, true}, NULL},
        {{4, 5, 5, 5, true}, "p.1: lock member/cache_lock: acquires fell from 6 to 4"},
        {{6, 4, 5, 5, true}, "p.1: lock member/cache_lock: waits fell from 5 to 4"},
        {{6, 5, 4, 5, true}, "p.1: lock member/cache_lock: wait time in ns fell from 5 to 4"},
        {{6, 5, 5, 4, true}, "p.1: lock member/cache_lock: depth fell from 5 to 4"},
        {{9, 9, 9, 9, true}, NULL},
    };
    (void)state;
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    assert_int_equal(ledger_add_instance(&ledger, "p.1", "python", ARM_LOCAL, 1, &e), 0);
    assert_int_equal(ledger_set_count(&ledger, 0, 0, &base, &e), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int got = ledger_set_count(&ledger, 0, 0, &cases[i].count, &e);
        assert_int_equal(got, cases[i].error ? -1 : 0);
        if (cases[i].error) {
            assert_string_equal(e.text, cases[i].error);
            assert_int_equal(ledger.instances[0].counts[0].acquires, 6);
        }
    }
    assert_int_equal(ledger.instances[0].counts[0].depth, 9);
    ledger_fini(&ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locks_are_found_by_worker_and_id),
        cmocka_unit_test(test_a_lock_is_copied),
        cmocka_unit_test(test_both_arms_may_declare_the_same_lock),
        cmocka_unit_test(test_another_declaration_of_a_lock_is_refused),
        cmocka_unit_test(test_a_process_name_stands_once),
        cmocka_unit_test(test_limits_are_reported),
        cmocka_unit_test(test_counts_follow_the_locks),
        cmocka_unit_test(test_counts_only_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
