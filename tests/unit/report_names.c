/* SPDX-License-Identifier: Apache-2.0 */
#include "report/names.h"

#include "base/json.h"
#include "report/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(literal) ((char *)(literal))

static struct profile_name names[] = {
    {S("w.py:3:global_database_lock"), S("w.py"), 3, S("global_database_lock"), 10, 10, 5000000, 9, 2000},
    {S("w.py:6:user_session_lock"), S("w.py"), 6, S("user_session_lock"), 40, 40, 1000, 40, 0},
    {S("a.py:6"), S("a.py"), 6, S(""), 20, 20, 9000, 20, 0},
};
static struct profile_key keys[] = {{S("lock name"), 70}, {S("thread name"), 72}};
static char *sample_types[] = {S("lock-acquire/count"), S("lock-acquire-wait/nanoseconds"), S("lock-release/count"),
                               S("lock-release-hold/nanoseconds")};
static const struct profile sample = {.encoding = ENCODING_ZSTD,
                                      .kind = PROFILE_LOCKS,
                                      .what = S("pprof"),
                                      .raw_size = 46182,
                                      .names = names,
                                      .name_count = 3,
                                      .samples = 100,
                                      .lock_samples = 72,
                                      .unlabelled = 2,
                                      .invalid_utf8 = 1,
                                      .keys = keys,
                                      .key_count = 2,
                                      .sample_types = sample_types,
                                      .sample_type_count = 4,
                                      .time_ns = 1795435200000000000,
                                      .duration_ns = 10000000000};

static struct buf table(const struct names_file *file, enum names_order order)
{
    struct buf b = {0};
    report_names(file, order, &b);
    return b;
}

static void test_table(void **state)
{
    struct names_file file = {.path = "a/b.pprof", .size = 12595, .profile = &sample};
    (void)state;
    struct buf b = table(&file, NAMES_BY_ACQUIRES);
    assert_string_equal(b.data, "a/b.pprof\n"
                                "what         pprof\n"
                                "encoding     zstd, 12.3 KiB, decompressed 45.1 KiB\n"
                                "time         2026-11-23T12:00:00Z, 10.0 s\n"
                                "sample types lock-acquire/count, lock-acquire-wait/nanoseconds,\n"
                                "             lock-release/count, lock-release-hold/nanoseconds\n"
                                "samples      100, 72 of locks, 2 of these without a lock name; 1 label values\n"
                                "             are not UTF-8\n"
                                "labels       lock name (70), thread name (72)\n"
                                "\n"
                                "LOCK NAME                            SAMPLES ACQUIRES     WAIT RELEASES     HOLD\n"
                                "w.py:6:user_session_lock                  40       40   1.0 us       40        0\n"
                                "a.py:6                                    20       20   9.0 us       20        0\n"
                                "w.py:3:global_database_lock               10       10   5.0 ms        9   2.0 us\n");
    buf_fini(&b);
}

static void test_a_long_name_has_its_own_line(void **state)
{
    struct profile_name name = {.label = S("controllers/session.py:1012:_SessionController__user_lock"), .samples = 7};
    struct profile p = sample;
    struct names_file file = {.path = "p", .profile = &p};
    (void)state;
    p.names = &name;
    p.name_count = 1;
    struct buf b = table(&file, NAMES_BY_ACQUIRES);
    assert_non_null(strstr(b.data,
                           "\ncontrollers/session.py:1012:_SessionController__user_lock\n"
                           "                                           7        0        0        0        0\n"));
    buf_fini(&b);
}

static const char *first_name(const struct buf *b)
{
    return strstr(b->data, "HOLD\n") + 5;
}

static void test_orders(void **state)
{
    static const struct {
        const char *word, *first;
    } cases[] = {{"acquires", "w.py:6:"}, {"samples", "w.py:6:"}, {"wait", "w.py:3:"}, {"name", "a.py:6 "}};
    struct names_file file = {.path = "p", .profile = &sample};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum names_order order;
        assert_true(names_order_parse(cases[i].word, &order));
        assert_string_equal(names_order_name(order), cases[i].word);
        struct buf b = table(&file, order);
        assert_memory_equal(first_name(&b), cases[i].first, strlen(cases[i].first));
        buf_fini(&b);
    }
    enum names_order order = NAMES_BY_WAIT;
    assert_false(names_order_parse("hold", &order));
    assert_int_equal(order, NAMES_BY_WAIT);
}

static void test_unreadable(void **state)
{
    struct names_file file = {.path = "x\x1b.pprof", .error = "truncated: at offset 12"};
    (void)state;
    struct buf b = table(&file, NAMES_BY_ACQUIRES);
    assert_string_equal(b.data, "x\\x1b.pprof\nunreadable   truncated: at offset 12\n");
    buf_fini(&b);
}

static void test_foreign_and_empty_are_told_apart(void **state)
{
    struct profile p = {.kind = PROFILE_FOREIGN, .what = S("pprof, Go mutex profile")};
    struct names_file file = {.path = "p", .size = 3, .profile = &p};
    (void)state;
    struct buf b = table(&file, NAMES_BY_ACQUIRES);
    assert_string_equal(b.data, "p\nwhat         pprof, Go mutex profile: foreign, without lock names\n"
                                "encoding     none, 3 B\n");
    buf_fini(&b);
    p.kind = PROFILE_EMPTY;
    b = table(&file, NAMES_BY_ACQUIRES);
    assert_string_equal(b.data, "p\nwhat         pprof, Go mutex profile: empty, without any sample\n"
                                "encoding     none, 3 B\n"
                                "samples      0, 0 of locks, 0 of these without a lock name\n");
    buf_fini(&b);
}

static void test_json(void **state)
{
    struct names_file files[] = {{.path = "good", .size = 5, .profile = &sample}, {.path = "bad", .error = "why"}};
    struct buf b = {0};
    struct json *j;
    struct err e;
    (void)state;
    report_names_json(files, 2, NAMES_BY_WAIT, &b);
    assert_int_equal(json_read(b.data, b.size, &j, &e), 0);
    assert_string_equal(json_get_string(j, "schema", ""), "locktrail/inspect/1");
    const struct json *good = &json_get(j, "files")->items[0], *bad = &json_get(j, "files")->items[1];
    assert_int_equal(json_get(good, "error")->type, JSON_NULL);
    assert_string_equal(json_get_string(good, "kind", ""), "locks");
    assert_string_equal(json_get_string(&json_get(good, "names")->items[0], "name", ""), "global_database_lock");
    assert_int_equal(json_get_int(&json_get(good, "names")->items[0], "wait_ns", 0), 5000000);
    assert_string_equal(json_get_string(bad, "error", ""), "why");
    assert_null(json_get(bad, "names"));
    json_free(j);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_orders),
        cmocka_unit_test(test_unreadable), cmocka_unit_test(test_foreign_and_empty_are_told_apart),
        cmocka_unit_test(test_json),       cmocka_unit_test(test_a_long_name_has_its_own_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
