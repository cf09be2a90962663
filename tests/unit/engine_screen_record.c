/* SPDX-License-Identifier: Apache-2.0 */
/* copies/ui/INSTANCE.SEQ.json: written, read back, and what of it is refused. */
#include "engine/screen_record.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct screen_record *r)
{
    *r = (struct screen_record){.instance = mem_strdup("python.1.upload"),
                                .how = mem_strdup("pprof in Chromium 156"),
                                .page = mem_strdup("http://127.0.0.1:1/ui/flamegraph"),
                                .time = mem_strdup("2026-11-25T22:00:00.000Z"),
                                .sequence = 3};
    screen_record_label(r, 0, "a.py:1:a", SCREEN_FLAMEGRAPH);
    screen_record_label(r, 1, "a.py:1:a", SCREEN_TOP);
    screen_record_label(r, 1, "b \"q\"\n", SCREEN_PERSON);
    r->unlabelled[SCREEN_TOP] = true;
    screen_record_picture(r, "copies/ui/x.png");
    screen_record_left_out(r, "copies/backend/x.2.pprof: corrupt");
    screen_record_answer(r, "m/a", SAID_TEXT, "first", "t1");
    screen_record_answer(r, "m/b", SAID_AS_DECLARED, "", "t2");
    screen_record_answer(r, "m/a", SAID_NOTHING, "", "t3");
    screen_record_unknown(r, "m/c");
}

static void test_what_is_written_is_read_back(void **state)
{
    struct screen_record r, back;
    struct buf text = {0}, again = {0};
    struct err e = {0};
    (void)state;
    fill(&r);
    assert_int_equal(r.label_count, 2);
    assert_int_equal(r.answer_count, 2);
    screen_record_print(&r, &text);
    assert_int_equal(screen_record_read(text.data, text.size, &back, &e), 0);
    screen_record_print(&back, &again);
    assert_string_equal(again.data, text.data);
    assert_true(back.labels[0].where[SCREEN_FLAMEGRAPH] && back.labels[0].where[SCREEN_TOP]);
    assert_int_equal(screen_record_find_answer(&back, "m/a")->word, SAID_NOTHING);
    assert_string_equal(screen_record_find_answer(&back, "m/a")->time, "t3");
    assert_null(screen_record_find_answer(&back, "m/c"));
    screen_record_clear_labels(&back);
    assert_int_equal(back.label_count + back.unknown_count, 0);
    assert_int_equal(back.answer_count, 2);
    screen_record_fini(&r);
    screen_record_fini(&back);
    buf_fini(&text);
    buf_fini(&again);
}

static void test_bad_ones_are_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"{}", "`sequence` is missing"},
        {"{\"sequence\":0}", "`sequence` is missing"},
        {"{\"sequence\":1}", "`labels` is missing"},
        {"{\"sequence\":1,\"labels\":{}}", "`labels` is missing"},
        {"{\"sequence\":1,\"labels\":[{\"label\":\"x\"},{\"label\":1}]}", "labels[1] has no `label`"},
        {"{\"sequence\":1,\"labels\":[],\"pictures\":1}", "`pictures` is no list"},
        {"{\"sequence\":1,\"labels\":[],\"unknown\":[null]}", "unknown[0] is no text"},
        {"{\"sequence\":1,\"labels\":[],\"answers\":[{\"lock\":\"m/a\",\"shown\":\"maybe\"}]}",
         "answers[0] is no answer"},
        {"[]", "`sequence` is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct screen_record r;
        struct err e = {0};
        assert_int_equal(screen_record_read(cases[i].text, strlen(cases[i].text), &r, &e), -1);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(e.code, ERR_INPUT);
        assert_null(r.instance);
    }
}

static void test_places_that_nobody_knows_are_passed_over(void **state)
{
    static const char text[] =
        "{\"sequence\":1,\"labels\":[{\"label\":\"x\",\"where\":[\"hologram\",\"top\",7]}],\"unlabelled\":\"top\"}";
    struct screen_record r;
    struct err e = {0};
    (void)state;
    assert_int_equal(screen_record_read(text, sizeof text - 1, &r, &e), 0);
    assert_true(r.labels[0].where[SCREEN_TOP]);
    assert_false(r.labels[0].where[SCREEN_FLAMEGRAPH] || r.unlabelled[SCREEN_TOP]);
    screen_record_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read_back),
        cmocka_unit_test(test_bad_ones_are_refused),
        cmocka_unit_test(test_places_that_nobody_knows_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
