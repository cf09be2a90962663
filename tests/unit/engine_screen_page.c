/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the browser's driver, and what its answers mean. */
#include "engine/screen_page.h"

#include "base/mem.h"
#include "engine/screen_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json *value_of(const char *text)
{
    struct json *value = NULL;
    struct err e;
    if (json_read(text, strlen(text), &value, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    return value;
}

#define FLAGS                                                                                                          \
    "\"--headless=new\",\"--disable-gpu\",\"--disable-quic\",\"--disable-background-networking\","                     \
    "\"--disable-component-update\",\"--disable-sync\",\"--disable-extensions\",\"--disable-dev-shm-usage\","          \
    "\"--no-first-run\",\"--no-default-browser-check\",\"--no-proxy-server\","
#define SESSION(flags)                                                                                                 \
    "{\"capabilities\":{\"alwaysMatch\":{\"browserName\":\"chrome\",\"timeouts\":{\"script\":7000,\"pageLoad\":7000}," \
    "\"goog:chromeOptions\":{\"args\":[" flags "\"--window-size=1600,1200\",\"--user-data-dir=/run/b \\\"x\\\"\"]}}}}"

static void test_only_root_goes_without_a_sandbox(void **state)
{
    struct buf body = {0};
    (void)state;
    screen_session_body("/run/b \"x\"", false, 7000, &body);
    assert_string_equal(body.data, SESSION(FLAGS));
    buf_clear(&body);
    screen_session_body("/run/b \"x\"", true, 7000, &body);
    assert_string_equal(body.data, SESSION(FLAGS "\"--no-sandbox\","));
    buf_fini(&body);
}

static void test_sessions(void **state)
{
    static const struct {
        const char *answer, *session, *how;
    } cases[] = {
        {"{\"sessionId\":\"a1-B_2\",\"capabilities\":{\"browserVersion\":\"156.0\"}}", "a1-B_2",
         "pprof in Chromium 156.0"},
        {"{\"sessionId\":\"a1\"}", "a1", "pprof in Chromium of unknown version"},
        {"{\"sessionId\":\"../x\"}", NULL, NULL},
        {"{\"sessionId\":\"\"}", NULL, NULL},
        {"null", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *value = value_of(cases[i].answer);
        char *session = NULL, *how = NULL;
        struct err e = {0};
        int result = screen_session_read(value, &session, &how, &e);
        assert_int_equal(result, cases[i].session ? 0 : -1);
        if (cases[i].session) {
            assert_string_equal(session, cases[i].session);
            assert_string_equal(how, cases[i].how);
        } else {
            assert_string_equal(e.text, "the browser's driver opened no session: its answer has no usable sessionId");
        }
        free(session);
        free(how);
        json_free(value);
    }
}

static void test_both_pages_make_one_list(void **state)
{
    struct json *flame = value_of("{\"texts\":[\"a.c:1:a\",\"lock name\",\"b.c:2:<unknown>\"]}");
    struct json *top = value_of("{\"texts\":[\"c.c:3\",\"b.c:2:<unknown>\",\"<unknown>\",\"lock name\"]}");
    static const struct {
        const char *text;
        bool flame, top;
    } expected[] = {{"a.c:1:a", true, false},
                    {"b.c:2:<unknown>", true, true},
                    {"c.c:3", false, true},
                    {"lock name", false, true}}; /* a lock of that name is one */
    struct screen_record r = {0};
    struct err e = {0};
    size_t rows = 0;
    (void)state;
    assert_int_equal(screen_flame_read(flame, &r, &e), 0);
    assert_true(r.unlabelled[SCREEN_FLAMEGRAPH] && !r.unlabelled[SCREEN_TOP]);
    assert_int_equal(screen_top_read(top, &r, &rows, &e), 0);
    assert_true(r.unlabelled[SCREEN_TOP]);
    assert_int_equal(rows, 4);
    assert_int_equal(r.label_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(r.labels[i].text, expected[i].text);
        assert_int_equal(r.labels[i].where[SCREEN_FLAMEGRAPH], expected[i].flame);
        assert_int_equal(r.labels[i].where[SCREEN_TOP], expected[i].top);
    }
    screen_record_fini(&r);
    json_free(flame);
    json_free(top);
}

static void test_other_pages_are_errors(void **state)
{
    static const struct {
        const char *answer, *text;
    } cases[] = {
        {"{\"other\":\"sample_index must be one of: [x]\"}",
         "the page is not pprof's flame graph, it says: sample_index must be one of: [x]"},
        {"{\"other\":\"\"}", "the page is not pprof's flame graph, it is empty"},
        {"{\"width\":-1}", "the page is not pprof's flame graph"},
        {"{\"texts\":[1],\"width\":1e30}", "the page is not pprof's flame graph"},
        {"null", "the page is not pprof's flame graph"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *value = value_of(cases[i].answer);
        struct screen_record r = {0};
        struct err e = {0};
        size_t count;
        assert_int_equal(screen_flame_measure(value, &count, &e), -1);
        assert_string_equal(e.text, cases[i].text);
        assert_int_equal(e.code, ERR_INTERNAL);
        assert_int_equal(screen_flame_read(value, &r, &e), -1);
        assert_string_equal(e.text, cases[i].text);
        assert_int_equal(screen_top_read(value, &r, &count, &e), -1);
        assert_non_null(strstr(e.text, "the page is not pprof's top table"));
        screen_record_fini(&r);
        json_free(value);
    }
}

static void test_pictures(void **state)
{
    static const struct {
        const char *answer, *bytes; /* behind the eight of PNG's head; NULL: no picture */
    } cases[] = {
        {"\"iVBORw0KGgo=\"", ""},
        {"\"iVBORw0KGgpB\"", "A"},
        {"\"iVBORw0KGgpBQg==\"", "AB"},
        {"\"iVBORw0KGgpBQkM=\"", "ABC"},
        {"\"iVBORw0KGgr+/w==\"", "\xfe\xff"},
        {"\"iVBORw0KGg==\"", NULL},
        {"\"iVBORw0K*Ggo=\"", NULL},
        {"\"R0lGODlhAQABAAAAACw=\"", NULL},
        {"\"\"", NULL},
        {"null", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json *value = value_of(cases[i].answer);
        struct buf bytes = {0};
        struct err e = {0};
        buf_add_str(&bytes, "x");
        int result = screen_picture_read(value, &bytes, &e);
        assert_int_equal(result, cases[i].bytes ? 0 : -1);
        if (cases[i].bytes) {
            assert_int_equal(bytes.size, 9 + strlen(cases[i].bytes));
            assert_memory_equal(bytes.data, "x\x89PNG\r\n\x1a\n", 9);
            assert_string_equal(bytes.data + 9, cases[i].bytes);
        } else {
            assert_string_equal(e.text, "the browser's driver gave no PNG picture");
        }
        buf_fini(&bytes);
        json_free(value);
    }
}

static void test_windows_have_bounds(void **state)
{
    (void)state;
    assert_int_equal(screen_width_for(0), 1600);
    assert_int_equal(screen_width_for(2600), 2600);
    assert_int_equal(screen_width_for(1000000), 4000);
    assert_int_equal(screen_height_for(0), 1200);
    assert_int_equal(screen_height_for(100), 2960);
    assert_int_equal(screen_height_for(1000000), 4000);
}

static void test_the_type_that_counts_acquires(void **state)
{
    static const char *const dashes[] = {"cpu/nanoseconds", "lock-acquire-wait/nanoseconds", "lock-acquire/count"};
    static const char *const underscores[] = {"lock_acquire/count", "lock_acquire_wait/nanoseconds"};
    static const char *const none[] = {"contentions/count", "lock-acquired/count"};
    static const struct {
        struct screen_types files[2];
        size_t count;
        const char *type;
    } cases[] = {
        {{{dashes, 3}}, 1, "lock-acquire"},
        {{{underscores, 2}}, 1, "lock_acquire"},
        {{{none, 2}}, 1, NULL},
        {{{dashes, 3}, {dashes, 3}}, 2, "lock-acquire"},
        {{{dashes, 3}, {underscores, 2}}, 2, NULL},
        {{{dashes, 3}, {none, 2}}, 2, NULL},
        {{{NULL, 0}}, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *type = screen_sample_index(cases[i].files, cases[i].count);
        if (cases[i].type)
            assert_string_equal(type, cases[i].type);
        else
            assert_null(type);
        free(type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_root_goes_without_a_sandbox),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_both_pages_make_one_list),
        cmocka_unit_test(test_other_pages_are_errors),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_windows_have_bounds),
        cmocka_unit_test(test_the_type_that_counts_acquires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
