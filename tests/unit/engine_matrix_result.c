/* SPDX-License-Identifier: Apache-2.0 */
/* What a report says of one lock; of a whole attempt: engine_matrix_run.c. */
#include "engine/matrix_result.h"

#include "child_fixture.h"
#include "io/disk.h"

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/locktrail-result-XXXXXX");
    assert_non_null(mkdtemp(directory));
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char *command = mem_printf("rm -rf %s", directory);
    assert_int_equal(system(command), 0);
    free(command);
    return 0;
}

static void write_report(const char *text)
{
    struct err e = {0};
    char *path = mem_printf("%s/report.json", directory);
    assert_int_equal(disk_write_now(path, text, strlen(text), &e), 0);
    free(path);
}

#define LOCK(id, name, collector, loss)                                                                                \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"states\":{\"collector\":{\"state\":\"" collector "\"}},\"loss\":" loss \
    "}"
#define LOSS "{\"stage\":\"upload\",\"mechanism\":\"aliased\"}"

static void test_the_fate_of_a_lock(void **state)
{
    static const struct {
        const char *verdict, *locks, *lock;
        enum matrix_lock_fate fate;
        const char *why;
    } cases[] = {
        {"success", LOCK("global/a", "a", "exact", "null"), "a", LOCK_NAMED, NULL},
        {"success", LOCK("global/a", "a", "exact", "null"), "global/a", LOCK_NAMED, NULL},
        {"success", LOCK("global/a", "a", "exact", "null"), "global", LOCK_UNDECLARED,
         "no worker declares a lock global; there are a"},
        {"error",
         LOCK("x/a", "a", "exact", "null") "," LOCK("y/a", "a", "exact", "null") "," LOCK("y/b", "b", "exact", "null"),
         "c", LOCK_UNKNOWN, "because"},
        {"success",
         LOCK("x/a", "a", "exact", "null") "," LOCK("y/a", "a", "exact", "null") "," LOCK("y/b", "b", "exact", "null"),
         "c", LOCK_UNDECLARED, "no worker declares a lock c; there are a, b"},
        {"partial", LOCK("global/a", "a", "exact", "null") "," LOCK("x/b", "b", "exact", LOSS), "a", LOCK_NAMED, NULL},
        {"partial", LOCK("x/a", "a", "exact", "null") "," LOCK("y/a", "a", "exact", LOSS), "a", LOCK_LOST, NULL},
        {"partial", LOCK("x/a", "a", "undersampled", "null") "," LOCK("y/a", "a", "exact", LOSS), "a", LOCK_LOST, NULL},
        {"inconclusive", LOCK("x/a", "a", "exact", "null") "," LOCK("y/a", "a", "undersampled", "null"), "a",
         LOCK_UNKNOWN, "a is undersampled"},
        {"inconclusive", LOCK("x/a", "a", "exact", "null") "," LOCK("y/b", "b", "undersampled", "null"), "a",
         LOCK_NAMED, NULL},
        {"error", LOCK("x/a", "a", "absent", LOSS), "a", LOCK_UNKNOWN, "because"},
        {"critical", LOCK("x/a", "a", "absent", LOSS), "a", LOCK_UNKNOWN, "because"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct matrix_lock_result r;
        struct err e = {0};
        char *text = mem_printf("{\"verdict\":\"%s\",\"conclusion\":\"because\",\"locks\":[%s]}", cases[i].verdict,
                                cases[i].locks);
        write_report(text);
        assert_int_equal(matrix_result_read_lock(directory, cases[i].lock, &r, &e), 0);
        assert_int_equal(r.fate, cases[i].fate);
        assert_string_equal(r.why ? r.why : "-", cases[i].why ? cases[i].why : "-");
        if (r.fate == LOCK_LOST)
            assert_true(r.stage == STAGE_UPLOAD && r.mechanism == MECHANISM_ALIASED);
        matrix_lock_result_fini(&r);
        free(text);
    }
}

static void test_what_is_no_report(void **state)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "{\"verdict\":\"success\"}",
                                        "{\"verdict\":\"fine\",\"locks\":[]}",
                                        "{\"verdict\":\"success\",\"locks\":{}}",
                                        "{\"verdict\":\"partial\",\"locks\":[" LOCK("a", "a", "exact", "{}") "]}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct matrix_lock_result r;
        struct matrix_attempt attempt = {0};
        struct err e = {0};
        char *expected = mem_printf("%s/report.json is not a report of this locktrail", directory);
        write_report(texts[i]);
        assert_int_equal(matrix_result_read_lock(directory, "a", &r, &e), -1);
        assert_string_equal(e.text, expected);
        assert_int_equal(e.code, ERR_INPUT);
        assert_int_equal(matrix_result_read(directory, &attempt, &e), -1);
        assert_string_equal(e.text, expected);
        assert_null(attempt.conclusion);
        free(expected);
    }
}

/* 1,001 losses, the last ones by name are counted and not kept. */
static void test_more_losses_than_are_recorded(void **state)
{
    struct buf text = {0};
    struct matrix_attempt attempt = {0};
    struct err e = {0};
    (void)state;
    buf_add_str(&text, "{\"verdict\":\"failure\",\"conclusion\":\"all\",\"locks\":[");
    for (int i = MATRIX_LOSSES_MAX; i >= 0; i--)
        buf_printf(&text, "{\"id\":\"%04d\",\"worker\":\"w\",\"loss\":" LOSS "}%s", i, i > 0 ? "," : "]}");
    write_report(text.data);
    assert_int_equal(matrix_result_read(directory, &attempt, &e), 0);
    assert_int_equal(attempt.loss_count, MATRIX_LOSSES_MAX);
    assert_int_equal(attempt.losses_dropped, 1);
    assert_string_equal(attempt.losses[0].lock, "0000");
    assert_string_equal(attempt.losses[MATRIX_LOSSES_MAX - 1].lock, "0999");
    matrix_attempt_fini(&attempt);
    buf_fini(&text);
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {test(test_the_fate_of_a_lock), test(test_what_is_no_report),
                                       test(test_more_losses_than_are_recorded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
