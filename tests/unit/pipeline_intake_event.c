/* SPDX-License-Identifier: Apache-2.0 */
/* event.json and its times. */
#include "pipeline/intake.h"
#include "pipeline/intake_time.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMES "\"start\":\"2026-11-25T16:23:31.757536834Z\",\"end\":\"2026-11-25T16:23:32.43Z\""
#define BASE "\"family\":\"python\",\"version\":\"4\"," TIMES

static void expect_event(const char *text, const char *expected)
{
    struct intake_event event;
    struct buf found = {0};
    struct err e;
    assert_int_equal(intake_event_read(text, strlen(text), &event, &e), 0);
    buf_printf(&found, "%s %s %s", event.family, event.start, event.end);
    for (size_t i = 0; i < event.attachment_count; i++) {
        buf_printf(&found, " [%s]", event.attachments[i]);
    }
    for (size_t i = 0; i < event.tag_count; i++) {
        buf_printf(&found, " <%s=%s>", event.tags[i].key, event.tags[i].value);
    }
    assert_string_equal(found.data, expected);
    buf_fini(&found);
    intake_event_fini(&event);
}

static void events_are_read(void **state)
{
#define READ "python 2026-11-25T16:23:31.757536834Z 2026-11-25T16:23:32.43Z"
    (void)state;
    expect_event("{" BASE "}", READ);
    expect_event("{" BASE ",\"attachments\":[]}", READ);
    expect_event("{" BASE ",\"attachments\":[\"a\",\"b\"],\"info\":{\"x\":[1]},\"internal\":null}", READ " [a] [b]");
    expect_event("{" BASE ",\"tags_profiler\":\"\"}", READ);
    expect_event("{" BASE ",\"tags_profiler\":\"a:b,,c:d:e,f,g:,\"}", READ " <a=b> <c=d:e> <f=> <g=>");
    expect_event("{" BASE ",\"tags_profiler\":\"a:1,a:2\"}", READ " <a=1> <a=2>");
}

static void broken_events_say_where_and_what(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "offset 0: expected a value, found the end"},
        {"{", "offset 1: expected a key in quotes or '}', found the end"},
        {"[]", "expected an object, found an array"},
        {"\"x\"", "expected an object, found a text"},
        {"{}", "version: expected a text, found nothing"},
        {"{\"version\":4}", "version: expected a text, found a number"},
        {"{\"version\":\"3\"}", "version: expected \"4\", found \"3\""},
        {"{\"version\":\"4\"}", "family: expected a text, found nothing"},
        {"{\"version\":\"4\",\"family\":null}", "family: expected a text, found null"},
        {"{\"version\":\"4\",\"family\":\"a\\u0000b\"}", "family: the text has a zero byte"},
        {"{\"version\":\"4\",\"family\":\"p\"}", "start: expected a text, found nothing"},
        {"{\"version\":\"4\",\"family\":\"p\",\"start\":\"x\"}", "end: expected a text, found nothing"},
        {"{\"version\":\"4\",\"family\":\"p\",\"start\":\"x\",\"end\":\"y\"}",
         "start: 'x' is no ISO 8601 time with its zone"},
        {"{\"version\":\"4\",\"family\":\"p\",\"start\":\"2026-11-25T16:23:31Z\",\"end\":\"y\"}",
         "end: 'y' is no ISO 8601 time with its zone"},
        {"{\"version\":\"4\",\"family\":\"p\",\"start\":\"2026-11-25T16:23:31.1Z\","
         "\"end\":\"2026-11-25T16:23:31Z\"}",
         "end: '2026-11-25T16:23:31Z' is before the start '2026-11-25T16:23:31.1Z'"},
        {"{" BASE ",\"attachments\":{}}", "attachments: expected an array, found an object"},
        {"{" BASE ",\"attachments\":[\"a\",true]}", "attachments[1]: expected a text, found a boolean"},
        {"{" BASE ",\"attachments\":[\"a\",\"b\",\"a\"]}", "attachments[2]: \"a\" stands twice"},
        {"{" BASE ",\"tags_profiler\":[]}", "tags_profiler: expected a text, found an array"},
        {"{" BASE ",\"tags_profiler\":\"a:b,:c\"}", "tags_profiler: the tag ':c' has no key"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct intake_event event;
        struct err e;
        assert_int_equal(intake_event_read(cases[i].text, strlen(cases[i].text), &event, &e), -1);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(e.code, ERR_INPUT);
        assert_null(event.start);
        assert_null(event.tags);
    }
}

static void times_are_seconds_and_nanoseconds(void **state)
{
    static const struct {
        const char *text;
        int64_t s;
        int32_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"1969-12-31T23:59:59z", -1, 0},
        {"2000-02-29T00:00:00Z", 951782400, 0},
        {"2000-03-01T00:00:00Z", 951868800, 0},
        {"2026-11-25T16:23:31.757536834Z", 1795623811, 757536834},
        {"2026-11-25t16:23:31.5Z", 1795623811, 500000000},
        {"2026-11-25T16:23:31.1234567899999Z", 1795623811, 123456789},
        {"2026-11-25T17:23:31+01:00", 1795623811, 0},
        {"2026-11-25T10:53:31-05:30", 1795623811, 0},
        {"2016-12-31T23:59:60Z", 1483228800, 0},
        {"9999-12-31T23:59:59Z", 253402300799, 0},
        {"0001-01-01T00:00:00Z", -62135596800, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct intake_time t;
        assert_int_equal(intake_time_read(cases[i].text, &t), 0);
        assert_int_equal(t.s, cases[i].s);
        assert_int_equal(t.ns, cases[i].ns);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "2026",
        "2026-11-25",
        "2026-11-25T16:23:31",
        "2026-11-25 16:23:31Z",
        "2026-11-25T16:23Z",
        "2026-11-25T16:23:31.Z",
        "2026-11-25T16:23:31Zx",
        "2026-11-25T16:23:31+0100",
        "2026-11-25T16:23:31+01",
        "2026-13-25T16:23:31Z",
        "2026-00-25T16:23:31Z",
        "2026-11-31T16:23:31Z",
        "2026-02-29T16:23:31Z",
        "1900-02-29T16:23:31Z",
        "2026-11-00T16:23:31Z",
        "2026-11-25T24:00:00Z",
        "2026-11-25T16:60:31Z",
        "2026-11-25T16:23:61Z",
        "0000-11-25T16:23:31Z",
        "+2026-11-25T16:23:31Z",
        "2026-1-25T16:23:31Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct intake_time t;
        assert_int_equal(intake_time_read(cases[i], &t), -1);
    }
}

static void times_are_compared_to_the_nanosecond(void **state)
{
    struct intake_time a = {5, 1}, b = {5, 2}, c = {6, 0};
    (void)state;
    assert_true(intake_time_compare(&a, &b) < 0);
    assert_true(intake_time_compare(&b, &a) > 0);
    assert_true(intake_time_compare(&b, &c) < 0);
    assert_int_equal(intake_time_compare(&a, &a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_read),
        cmocka_unit_test(broken_events_say_where_and_what),
        cmocka_unit_test(times_are_seconds_and_nanoseconds),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_compared_to_the_nanosecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
