/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int read_text(const char *line, struct message *m, struct err *e)
{
    return message_read(line, strlen(line), m, e);
}

static void test_hello_says_who_speaks(void **state)
{
    struct message m;
    struct err e;
    (void)state;
    assert_int_equal(
        read_text("{\"type\":\"hello\",\"runtime\":\"ddtrace\",\"version\":\"4.16.0\",\"pid\":1,\"protocol\":1}", &m,
                  &e),
        0);
    assert_int_equal(m.type, MESSAGE_HELLO);
    assert_string_equal(m.runtime, "ddtrace");
    assert_string_equal(m.version, "4.16.0");
    message_fini(&m);
}

static void test_lock_with_every_member(void **state)
{
    struct message m;
    struct err e;
    (void)state;
    assert_int_equal(read_text("{\"type\":\"lock\",\"id\":\"private/__l\",\"name\":\"__l\",\"pattern\":\"private\","
                               "\"site\":\"a:b.py:12\",\"rendering\":\"mangled:_C__l\",\"contends\":false}",
                               &m, &e),
                     0);
    assert_string_equal(m.lock.id, "private/__l");
    assert_string_equal(m.lock.file, "a:b.py");
    assert_int_equal(m.lock.line, 12);
    assert_int_equal(m.lock.rendering, RENDERING_MANGLED);
    assert_string_equal(m.lock.mangled, "_C__l");
    assert_false(m.lock.contends);
    assert_true(m.lock.counted);
    message_fini(&m);
}

static void test_a_lock_has_further_sites(void **state)
{
    struct message m;
    struct err e;
    (void)state;
    assert_int_equal(read_text("{\"type\":\"lock\",\"id\":\"a\",\"name\":\"a\",\"pattern\":\"p\",\"site\":\"\","
                               "\"rendering\":\"exact\",\"qualified\":true,\"sites\":[\"b.c:9\",\"svc+0x10\"]}",
                               &m, &e),
                     0);
    assert_true(m.lock.qualified);
    assert_int_equal(m.lock.site_count, 2);
    assert_string_equal(m.lock.sites[1], "svc+0x10");
    message_fini(&m);
    assert_int_equal(read_text("{\"type\":\"site\",\"id\":\"a\",\"site\":\"svc+0x20\"}", &m, &e), 0);
    assert_int_equal(m.type, MESSAGE_SITE);
    assert_string_equal(m.id, "a");
    assert_string_equal(m.site, "svc+0x20");
    message_fini(&m);
}

static void test_bad_sites_say_what_is_wrong(void **state)
{
    static const struct {
        const char *sites, *error;
    } cases[] = {
        {"7", "\"sites\" is not an array"},
        {"[\"a:1\",7]", "\"sites\" has something else than texts of one line"},
        {"[\"\"]", "\"sites\" has something else than texts of one line"},
        {"[\"a\\n\"]", "\"sites\" has something else than texts of one line"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m;
        struct err e;
        struct buf line = {0};
        buf_printf(&line,
                   "{\"type\":\"lock\",\"id\":\"a\",\"name\":\"a\",\"pattern\":\"p\",\"site\":\"\",\"rendering\":"
                   "\"exact\",\"sites\":%s}",
                   cases[i].sites);
        assert_int_equal(message_read(line.data, line.size, &m, &e), -1);
        assert_non_null(strstr(e.text, cases[i].error));
        buf_fini(&line);
    }
}

static void test_further_sites_are_bounded(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct message m;
        struct err e;
        struct buf line = {0};
        buf_add_str(&line, "{\"type\":\"lock\",\"id\":\"a\",\"name\":\"a\",\"pattern\":\"p\",\"site\":\"\","
                           "\"rendering\":\"exact\",\"sites\":[");
        for (int i = 0; i < LEDGER_SITES_MAX + more; i++)
            buf_printf(&line, "%s\"a.c:%d\"", i ? "," : "", i + 1);
        buf_add_str(&line, "]}");
        assert_int_equal(message_read(line.data, line.size, &m, &e), more ? -1 : 0);
        if (more)
            assert_non_null(strstr(e.text, "\"sites\" has 257 texts, more than 256"));
        else
            message_fini(&m);
        buf_fini(&line);
    }
}

static void test_counts_may_say_of_when_they_are(void **state)
{
    struct message m;
    struct err e;
    (void)state;
    assert_int_equal(read_text("{\"type\":\"progress\",\"phase\":\"a\",\"done\":0,\"at\":1795657528123456789}", &m, &e),
                     0);
    assert_true(m.at_ns == INT64_C(1795657528123456789));
    message_fini(&m);
    assert_int_equal(read_text("{\"type\":\"done\",\"at\":7,\"acquires\":{}}", &m, &e), 0);
    assert_true(m.at_ns == 7);
    message_fini(&m);
    assert_int_equal(read_text("{\"type\":\"done\",\"acquires\":{}}", &m, &e), 0);
    assert_true(m.at_ns == 0);
    message_fini(&m);
}

static void test_counts_of_done_reach_one_lock(void **state)
{
    struct message m;
    struct err e;
    struct lock_count count = {0}, other = {0};
    (void)state;
    assert_int_equal(read_text("{\"type\":\"done\",\"acquires\":{\"a\":7,\"b\":3},\"waits\":{\"b\":1,\"a\":2},"
                               "\"wait_ns\":{\"a\":900},\"depth\":{\"a\":4}}",
                               &m, &e),
                     0);
    assert_int_equal(m.total_acquires, 10);
    assert_int_equal(message_counted(&m), 2);
    assert_string_equal(message_count(&m, 0, &count), "a");
    assert_string_equal(message_count(&m, 1, &other), "b");
    assert_true(count.known);
    assert_int_equal(count.acquires, 7);
    assert_int_equal(count.waits, 2);
    assert_int_equal(count.wait_ns, 900);
    assert_int_equal(count.depth, 4);
    assert_int_equal(other.acquires, 3);
    assert_int_equal(other.waits, 1);
    assert_int_equal(other.depth, 0);
    message_fini(&m);
}

static void test_bad_lines_say_what_is_wrong(void **state)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"[]", "not a protocol line \"[]\": not a JSON object"},
        {"{}", "not a protocol line \"{}\": \"type\" is missing or not a string"},
        {"{\"type\":\"bye\"}",
         "not a protocol line \"{\"type\":\"bye\"}\": unknown type \"bye\", expected hello, lock, site, "
         "progress, profile, done or error"},
        {"{\"type\":\"hello\",\"runtime\":\"x\",\"protocol\":2}",
         "not a protocol line \"{\"type\":\"hello\",\"runtime\":\"x\",\"protocol\":2}\": protocol 2, this locktrail "
         "speaks 1"},
        {"{\"type\":\"progress\",\"phase\":\"a\"}",
         "not a protocol line \"{\"type\":\"progress\",\"phase\":\"a\"}\": \"done\" is missing or not a number from 0 "
         "to 1"},
        {"{\"type\":\"progress\",\"phase\":\"a\",\"done\":1.5}",
         "not a protocol line \"{\"type\":\"progress\",\"phase\":\"a\",\"done\":1.5}\": \"done\" is missing or not a "
         "number from 0 to 1"},
        {"{\"type\":\"done\",\"acquires\":{\"a\":-1}}",
         "not a protocol line \"{\"type\":\"done\",\"acquires\":{\"a\":-1}}\": \"acquires\" of \"a\" is not a count"},
        {"{\"type\":\"done\",\"acquires\":{\"a\":1.5}}",
         "not a protocol line \"{\"type\":\"done\",\"acquires\":{\"a\":1.5}}\": \"acquires\" of \"a\" is not a count"},
        {"{\"type\":\"progress\",\"phase\":\"a\",\"done\":1,\"acquires\":{\"a\":1},\"waits\":{\"a\":-1}}",
         "not a protocol line \"{\"type\":\"progress\",\"phase\":\"a\",\"done\":1,\"acquires\":{\"a\":1},\"...\": "
         "\"waits\" of "
         "\"a\" is not a count"},
        {"{\"type\":\"progress\",\"phase\":\"a\",\"done\":1,\"at\":-1}",
         "not a protocol line \"{\"type\":\"progress\",\"phase\":\"a\",\"done\":1,\"at\":-1}\": \"at\" is not a time "
         "in "
         "nanoseconds since 1970"},
        {"{\"type\":\"done\",\"at\":\"now\",\"acquires\":{}}",
         "not a protocol line \"{\"type\":\"done\",\"at\":\"now\",\"acquires\":{}}\": \"at\" is not a time in "
         "nanoseconds since "
         "1970"},
        {"{\"type\":\"done\"}", "not a protocol line \"{\"type\":\"done\"}\": \"acquires\" is missing"},
        {"{\"type\":\"profile\"}",
         "not a protocol line \"{\"type\":\"profile\"}\": \"path\" is missing or not a string"},
        {"{\"type\":\"site\",\"id\":\"a\"}",
         "not a protocol line \"{\"type\":\"site\",\"id\":\"a\"}\": \"site\" is missing or not a string"},
        {"{\"type\":\"site\",\"id\":\"a\",\"site\":\"\"}",
         "not a protocol line \"{\"type\":\"site\",\"id\":\"a\",\"site\":\"\"}\": \"site\" is no text of one line"},
        {"{\"type\":\"error\"}", "not a protocol line \"{\"type\":\"error\"}\": \"error\" is missing or not a string"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m;
        struct err e;
        assert_int_equal(read_text(cases[i].line, &m, &e), -1);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(e.code, ERR_INPUT);
    }
}

static void test_bad_locks_say_what_is_wrong(void **state)
{
    static const struct {
        const char *site, *rendering, *error;
    } cases[] = {
        {"member.py", "exact", "site \"member.py\" is not FILE:LINE"},
        {"member.py:x", "exact", "site \"member.py:x\" is not FILE:LINE"},
        {"member.py:12:name", "exact", "site \"member.py:12:name\" is not FILE:LINE"},
        {":12", "exact", "site \":12\" is not FILE:LINE"},
        {"member.py:12", "right", "rendering \"right\" is none of exact, generic, mangled:NAME"},
        {"member.py:12", "mangled:", "rendering \"mangled:\" is none of exact, generic, mangled:NAME"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m;
        struct err e;
        struct buf line = {0};
        buf_printf(&line,
                   "{\"type\":\"lock\",\"id\":\"a\",\"name\":\"a\",\"pattern\":\"p\",\"site\":\"%s\","
                   "\"rendering\":\"%s\"}",
                   cases[i].site, cases[i].rendering);
        assert_int_equal(message_read(line.data, line.size, &m, &e), -1);
        size_t end = strlen(e.text), tail = strlen(cases[i].error);
        assert_true(end > tail);
        assert_string_equal(e.text + end - tail, cases[i].error);
        buf_fini(&line);
    }
}

static void test_garbage_is_quoted_in_printable_form(void **state)
{
    struct message m;
    struct err e;
    (void)state;
    assert_int_equal(message_read("\x01\xff{ab\n", 6, &m, &e), -1);
    assert_memory_equal(e.text, "not a protocol line \"..{ab.\": ", 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_says_who_speaks),
        cmocka_unit_test(test_lock_with_every_member),
        cmocka_unit_test(test_a_lock_has_further_sites),
        cmocka_unit_test(test_bad_sites_say_what_is_wrong),
        cmocka_unit_test(test_further_sites_are_bounded),
        cmocka_unit_test(test_counts_may_say_of_when_they_are),
        cmocka_unit_test(test_counts_of_done_reach_one_lock),
        cmocka_unit_test(test_bad_lines_say_what_is_wrong),
        cmocka_unit_test(test_bad_locks_say_what_is_wrong),
        cmocka_unit_test(test_garbage_is_quoted_in_printable_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
