/* SPDX-License-Identifier: Apache-2.0 */
/* The real pprof in the real Chromium: which names a person is shown. Skipped where one of them is not there. */
#include "screen_fixture.h"

#include "engine/screen_record.h"

/* LOCKTRAIL_PPROF and LOCKTRAIL_CHROMEDRIVER name programs that are elsewhere; pprof is beside the test's own build,
 * below build/, or in PATH. Where one is missing the test ends here. */
static void can_show(struct shown *f)
{
    char *build = mem_strdup(find_guard());
    struct err e = {0};
    *strrchr(build, '/') = '\0';
    f->scenario.ui.pprof = getenv("LOCKTRAIL_PPROF");
    f->scenario.ui.driver = getenv("LOCKTRAIL_CHROMEDRIVER");
    f->run.root = ".";
    f->run.build = build;
    f->owned[f->owned_count++] = build;
    if (screen_check(&f->scenario, f->run.root, f->run.build, &e) == 0)
        return;
    print_message("skipped: %s\n", e.text);
    const char *require = getenv("LOCKTRAIL_REQUIRE");
    if (require && strcmp(require, "all") == 0)
        fail_msg("%s", e.text);
    f->subject_count = 0;
    shown_start(f);
    shown_wait(f);
    skip(); /* does not come back */
}

static struct screen_record read_record(const struct shown *f, const char *name)
{
    struct screen_record r;
    struct err e = {0};
    char *text = shown_read(f, name);
    if (screen_record_read(text, strlen(text), &r, &e) < 0)
        fail_msg("%s: %s", name, e.text);
    free(text);
    return r;
}

/* "LABEL flamegraph top" for each, one line each. */
static char *labels_of(const struct screen_record *r)
{
    struct buf out = {0};
    for (size_t i = 0; i < r->label_count; i++)
        buf_printf(&out, "%s%s%s\n", r->labels[i].text, r->labels[i].where[SCREEN_FLAMEGRAPH] ? " flamegraph" : "",
                   r->labels[i].where[SCREEN_TOP] ? " top" : "");
    return buf_steal(&out);
}

static void assert_picture(const struct shown *f, const char *name)
{
    char *path = mem_printf("%s/%s", f->directory, name);
    struct buf bytes = {0};
    struct err e;
    assert_int_equal(disk_read_now(path, (size_t)16 << 20, &bytes, &e), 0);
    assert_true(bytes.size > 10000);
    assert_memory_equal(bytes.data, "\x89PNG\r\n\x1a\n", 8);
    buf_fini(&bytes);
    free(path);
}

static void test_names_are_read_as_they_are_shown(void **state)
{
    static const char *const labels[] = {"member.py:12:user_session_lock",
                                         "nested.c:13:order->customer->customer_lock",
                                         "a <b>&amp;\"x\".c:7:std::vector<int>::foo(int)",
                                         "private.py:16:_Vault__private_lock",
                                         "anonymous.py:14",
                                         "g\xc3\xbc.py:1:schl\xc3\xbcssel",
                                         "",
                                         NULL};
    struct shown *f = *state;
    can_show(f);
    shown_subject(f, "python.1.upload");
    shown_copy(f, labels, ENCODING_ZSTD);
    shown_copy(f, labels, ENCODING_LZ4);
    shown_subject(f, "native.1.tee");
    shown_copy(f, (const char *const[]){"w.c:3:lock", NULL}, ENCODING_GZIP);
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error ? f->error : "", "");

    struct screen_record r = read_record(f, "copies/ui/python.1.upload.1.json");
    char *shown = labels_of(&r);
    assert_string_equal(shown, "member.py:12:user_session_lock flamegraph top\n"
                               "nested.c:13:order->customer->customer_lock flamegraph top\n"
                               "a <b>&amp;\"x\".c:7:std::vector<int>::foo(int) flamegraph top\n"
                               "private.py:16:_Vault__private_lock flamegraph top\n"
                               "anonymous.py:14 flamegraph top\n"
                               "g\xc3\xbc.py:1:schl\xc3\xbcssel flamegraph top\n");
    assert_true(r.unlabelled[SCREEN_FLAMEGRAPH] && r.unlabelled[SCREEN_TOP]);
    assert_memory_equal(r.how, "pprof in Chromium ", 18);
    assert_string_equal(r.pictures[0], "copies/ui/python.1.upload.1.flamegraph.png");
    assert_string_equal(r.pictures[1], "copies/ui/python.1.upload.1.top.png");
    assert_picture(f, r.pictures[0]);
    assert_picture(f, r.pictures[1]);
    free(shown);
    screen_record_fini(&r);

    r = read_record(f, "copies/ui/native.1.tee.1.json");
    shown = labels_of(&r);
    assert_string_equal(shown, "w.c:3:lock flamegraph top\n");
    assert_false(r.unlabelled[SCREEN_TOP]);
    free(shown);
    screen_record_fini(&r);
}

/* A flame graph has no box for a lock in ten thousand; the table has its row. */
static void test_what_is_too_narrow_for_the_flame_graph_is_in_the_table(void **state)
{
    struct shown *f = *state;
    struct buf bytes = {0};
    can_show(f);
    struct pprof_build *b = pprof_build_new();
    pprof_build_lock_types(b);
    pprof_build_lock(b, "hot.c:1:hot", 100000000, 0, 0, 0);
    for (int i = 0; i < 2000; i++) {
        char *label = mem_printf("rare.c:%d:rare_%d", i, i);
        pprof_build_lock(b, label, 1, 0, 0, 0);
        free(label);
    }
    pprof_build_bytes(b, ENCODING_ZSTD, &bytes);
    shown_subject(f, "native.1.tee");
    shown_file(f, bytes.data, bytes.size);
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error ? f->error : "", "");
    struct screen_record r = read_record(f, "copies/ui/native.1.tee.1.json");
    assert_int_equal(r.label_count, 2001);
    assert_string_equal(r.labels[0].text, "hot.c:1:hot");
    for (size_t i = 0; i < r.label_count; i++) {
        assert_int_equal(r.labels[i].where[SCREEN_FLAMEGRAPH], i == 0);
        assert_true(r.labels[i].where[SCREEN_TOP]);
    }
    screen_record_fini(&r);
    buf_fini(&bytes);
    pprof_build_free(b);
}

static void on_page_open(uv_timer_t *timer)
{
    struct shown *f = timer->data;
    char *events = shown_read(f, "events.jsonl");
    if (strstr(events, "pprof-native.1.tee-top\",\"ms")) {
        uv_close((uv_handle_t *)timer, NULL);
        screen_stop(f->screen, false);
    }
    free(events);
}

static void test_a_stop_leaves_no_browser_behind(void **state)
{
    struct shown *f = *state;
    uv_timer_t timer;
    can_show(f);
    shown_subject(f, "native.1.tee");
    shown_copy(f, (const char *const[]){"w.c:3:lock", NULL}, ENCODING_GZIP);
    shown_start(f);
    uv_timer_init(&f->loop, &timer);
    timer.data = f;
    uv_timer_start(&timer, on_page_open, 5, 5);
    shown_wait(f);
    assert_int_equal(f->code, ERR_INTERRUPTED);
    assert_string_equal(f->error, "the screen was not looked at to the end: the run was stopped");
    char *command = mem_printf("! pgrep -f %s/[s]ervices/ui", f->directory);
    assert_int_equal(system(command), 0);
    free(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_are_read_as_they_are_shown, shown_set_up, shown_tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_too_narrow_for_the_flame_graph_is_in_the_table, shown_set_up,
                                        shown_tear_down),
        cmocka_unit_test_setup_teardown(test_a_stop_leaves_no_browser_behind, shown_set_up, shown_tear_down),
    };
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
