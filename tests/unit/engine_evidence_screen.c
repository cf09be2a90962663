/* SPDX-License-Identifier: Apache-2.0 */
/* What a run directory says of the screen. */
#include "run_fixture.h"

#define SHOWN(more) "{\"stage\":\"ui\",\"instance\":\"python.1.upload\",\"sequence\":1,\"how\":\"somebody\"," more "}\n"
#define LABEL "{\"label\":\"member.py:12:user_session_lock\",\"where\":[\"top\"]}"
#define STAGE_LINE "{\"event\":\"stage\",\"stage\":\"ui\"}\n"
#define COPY_LINE "{\"event\":\"copy\",\"stage\":\"ui\",\"instance\":\"python.1.upload\",\"sequence\":1}\n"

static void put_shown(const struct fixture *f, const char *text)
{
    put_good_run(f);
    put_text(f, "events.jsonl", STARTED STAGE_LINE COPY_LINE ENDED CLOSED);
    if (text)
        put_text(f, "copies/ui/python.1.upload.1.json", text);
}

static const struct screen_names *screen_of(const struct fixture *f)
{
    for (size_t i = 0; i < f->evidence->copy_count; i++)
        if (f->evidence->copies[i].stage == STAGE_UI)
            return f->evidence->copies[i].screen;
    fail_msg("there is no copy of the stage ui");
    return NULL;
}

static void test_names_that_were_shown(void **state)
{
    struct fixture *f = *state;
    put_shown(f, SHOWN("\"labels\":[" LABEL "]"));
    load(f);
    const struct screen_names *s = screen_of(f);
    assert_int_equal(s->label_count, 1);
    assert_string_equal(s->labels[0], "member.py:12:user_session_lock");
    assert_string_equal(s->how, "somebody");
    assert_int_equal(state_at(f, STAGE_UI), STATE_EXACT);
    assert_int_equal(f->evidence->problem_count, 0);
}

static void test_a_name_that_was_not_shown(void **state)
{
    struct fixture *f = *state;
    put_shown(f, SHOWN("\"labels\":[]"));
    load(f);
    assert_int_equal(state_at(f, STAGE_UI), STATE_ABSENT);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_PARTIAL);
}

static void test_a_name_of_which_nobody_said_anything(void **state)
{
    struct fixture *f = *state;
    put_shown(f, SHOWN("\"labels\":[],\"unknown\":[\"member/user_session_lock\"]"));
    load(f);
    assert_int_equal(screen_of(f)->unknown_count, 1);
    assert_int_equal(state_at(f, STAGE_UI), STATE_NOT_RUN);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_SUCCESS);
}

static void test_only_pictures_that_are_there_and_its_own(void **state)
{
    struct fixture *f = *state;
    put_shown(f, SHOWN("\"labels\":[" LABEL "],\"pictures\":[\"copies/ui/a.png\",\"copies/ui/b.png\",\"/etc/passwd\","
                       "\"copies/ui/../../events.jsonl\",\"copies/ui/.\",\"events.jsonl\"]"));
    put_text(f, "copies/ui/b.png", "picture");
    load(f);
    assert_int_equal(screen_of(f)->picture_count, 1);
    assert_string_equal(screen_of(f)->pictures[0], "copies/ui/b.png");
}

/* Neither success nor loss: a problem. */
static void test_a_damaged_one_says_nothing(void **state)
{
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"{\"sequence\":1",
         "copies/ui/python.1.upload.1.json can't be read: offset 13: expected ',' or '}', found the end"},
        {SHOWN("\"labels\":7"), "copies/ui/python.1.upload.1.json can't be read: `labels` is missing"},
        {NULL, "copies/ui/python.1.upload.1.json was captured and is not there any more"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!cases[i].text) {
            char *path = mem_printf("%s/copies/ui/python.1.upload.1.json", f->directory);
            unlink(path);
            free(path);
        }
        put_shown(f, cases[i].text);
        load(f);
        assert_int_equal(f->evidence->problem_count, 1);
        assert_string_equal(f->evidence->problems[0].text, cases[i].problem);
        assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
        if (cases[i].text)
            assert_int_equal(state_at(f, STAGE_UI), STATE_NOT_RUN);
        unload(f);
    }
}

static void test_a_process_that_the_scenario_does_not_have(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    put_shown(f, SHOWN("\"labels\":[]"));
    put_text(f, "copies/ui/ruby.1.upload.1.json", "{}");
    assert_int_equal(evidence_load(f->directory, &f->evidence, &e), -1);
    assert_non_null(strstr(e.text, "/copies/ui/ruby.1.upload.1.json belongs to no process of the scenario"));
    f->evidence = NULL;
}

static void test_temporary_files_are_passed_over(void **state)
{
    struct fixture *f = *state;
    put_shown(f, SHOWN("\"labels\":[" LABEL "]"));
    put_text(f, "copies/ui/python.1.upload.1.json.77.tmp", "{\"seq");
    put_text(f, "copies/ui/python.1.upload.1.top.png", "");
    load(f);
    assert_int_equal(f->evidence->problem_count, 0);
    assert_int_equal(state_at(f, STAGE_UI), STATE_EXACT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_that_were_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_name_that_was_not_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_name_of_which_nobody_said_anything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_pictures_that_are_there_and_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_one_says_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_process_that_the_scenario_does_not_have, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_temporary_files_are_passed_over, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
