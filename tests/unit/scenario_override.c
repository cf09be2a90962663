/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario_text.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define OVERRIDES_MAX 4

static const char base[] = "name: x\n"
                           "threads: 8\n"
                           "workers:\n"
                           "  python: {capture_pct: 50, limits: &l {files: 64}}\n"
                           "  second:\n"
                           "    limits: *l\n"
                           "phases:\n"
                           "  - local\n"
                           "  - {pattern: global, share: 2}\n";

/* Reads `text` with overrides, each "PATH=VALUE", up to the first NULL. */
static struct scenario *read_set(const char *text, const char *const *set, struct buf *said)
{
    struct scenario_override overrides[OVERRIDES_MAX] = {0};
    char *paths[OVERRIDES_MAX] = {0};
    size_t count = 0;
    for (; set[count]; count++) {
        const char *equals = strchr(set[count], '=');
        paths[count] = mem_strndup(set[count], (size_t)(equals - set[count]));
        overrides[count].path = paths[count];
        overrides[count].value = equals + 1;
    }
    struct scenario *s = read_with(text, strlen(text), overrides, count, said);
    for (size_t i = 0; i < count; i++) {
        free(paths[i]);
    }
    return s;
}

#define SET(...) ((const char *const[OVERRIDES_MAX + 1]){__VA_ARGS__})

static struct scenario *good(const char *const *set)
{
    struct buf said = {0};
    struct scenario *s = read_set(base, set, &said);
    if (s == NULL) {
        fail_msg("%s", said.data);
    }
    buf_fini(&said);
    return s;
}

static void test_a_value_is_replaced(void **state)
{
    (void)state;
    struct scenario *s = good(SET("threads=16", "workers.python.capture_pct=10"));
    assert_int_equal(s->threads, 16);
    assert_true(s->workers[0].capture_pct == 10);
    scenario_free(s);
}

static void test_a_key_that_is_not_there_is_added(void **state)
{
    (void)state;
    struct scenario *s = good(
        SET("duration=10s", "workers.python.version=3.17.0", "intake.max_parts=7", "workers.second.environment.A=1"));
    assert_int_equal(s->duration_ms, 10000);
    assert_string_equal(s->workers[0].version, "3.17.0");
    assert_int_equal(s->intake.max_parts, 7);
    assert_string_equal(s->workers[1].environment[0].value, "1");
    scenario_free(s);
}

static void test_of_two_overrides_the_later_wins(void **state)
{
    (void)state;
    struct scenario *s = good(SET("threads=16", "threads=32"));
    assert_int_equal(s->threads, 32);
    scenario_free(s);
}

static void test_a_value_is_yaml(void **state)
{
    (void)state;
    struct scenario *s = good(SET("workers.python.packages=[requests, flask==3.0.0]",
                                  "workers.python.limits={output: 2MiB}", "description=\"\"", "version=1.10"));
    assert_int_equal(s->workers[0].package_count, 2);
    assert_string_equal(s->workers[0].packages[1], "flask==3.0.0");
    assert_int_equal(s->workers[0].limits.output, 2 << 20);
    assert_int_equal(s->workers[0].limits.files, 0);
    assert_string_equal(s->description, "");
    assert_string_equal(s->version, "1.10");
    scenario_free(s);
}

static void test_an_alias_is_changed_in_one_place_only(void **state)
{
    (void)state;
    struct scenario *s = good(SET("workers.python.limits.files=128"));
    assert_int_equal(s->workers[0].limits.files, 128);
    assert_int_equal(s->workers[1].limits.files, 64);
    scenario_free(s);
}

static void test_elements_are_counted_from_0(void **state)
{
    (void)state;
    struct scenario *s =
        good(SET("phases.0=member", "phases.1.share=5", "phases.2=nested", "phases.3={pattern: slots}"));
    assert_int_equal(s->phase_count, 4);
    assert_string_equal(s->phases[0].pattern, "member");
    assert_true(s->phases[1].share == 5);
    assert_string_equal(s->phases[2].pattern, "nested");
    assert_string_equal(s->phases[3].pattern, "slots");
    scenario_free(s);
}

static void test_a_whole_worker_can_be_added(void **state)
{
    (void)state;
    struct scenario *s = good(SET("workers.third={count: 3}"));
    assert_int_equal(s->worker_count, 3);
    assert_int_equal(scenario_find_worker(s, "third")->count, 3);
    scenario_free(s);
}

static void test_a_worker_with_nothing_behind_it_gets_keys(void **state)
{
    (void)state;
    struct buf said = {0};
    struct scenario *s =
        read_set("name: x\nworkers:\n  python:\nphases: [local]\n", SET("workers.python.count=2"), &said);
    assert_non_null(s);
    assert_int_equal(s->workers[0].count, 2);
    scenario_free(s);
    buf_fini(&said);
}

static void test_an_override_can_mend_the_file(void **state)
{
    (void)state;
    struct buf said = {0};
    struct scenario *s =
        read_set("name: x\nthreads: many\nworkers: {python: }\nphases: [local]\n", SET("threads=2"), &said);
    assert_non_null(s);
    assert_int_equal(s->threads, 2);
    scenario_free(s);
    buf_fini(&said);
}

static void test_what_is_wrong_names_the_override(void **state)
{
    static const struct {
        const char *set, *said;
    } cases[] = {
        {"workers.python.capture_pct=120", "0:0: error: --set workers.python.capture_pct=120: 120 is out of range, "
                                           "expected a number above 0 and up to 100\n"},
        {"workers.python.limits={memory: 5, fils: 3}",
         "0:0: error: --set workers.python.limits={memory: 5, fils: 3}: workers.python.limits.memory: 5 is out of "
         "range, "
         "expected 0 (no limit) or a size from 16MiB to 1TiB\n"
         "0:0: error: --set workers.python.limits={memory: 5, fils: 3}: unknown key `fils`, did you mean `files`?\n"},
        {"tread=5", "0:0: error: --set tread=5: unknown key `tread`, did you mean `threads`?\n"},
        {"workers.pyhton.count=2",
         "0:0: error: --set workers.pyhton.count=2: there is no worker `pyhton`, did you mean `python`?\n"},
        {"workers.other.count=2", "0:0: error: --set workers.other.count=2: there is no worker `other`\n"},
        {"threads.x=5", "0:0: error: --set threads.x=5: `threads` is `8` and has no keys\n"},
        {"phases.0.share=5", "0:0: error: --set phases.0.share=5: `phases.0` is `local` and has no keys\n"},
        {"phases.3=nested", "0:0: error: --set phases.3=nested: `phases` is a list of 2, expected the number of an "
                            "element, counted from 0\n"},
        {"phases.first=nested", "0:0: error: --set phases.first=nested: `phases` is a list of 2, expected the number "
                                "of an element, counted from 0\n"},
        {"phases.-1=nested", "0:0: error: --set phases.-1=nested: `phases` is a list of 2, expected the number of an "
                             "element, counted from 0\n"},
        {"phases.999999=nested", "0:0: error: --set phases.999999=nested: `phases` is a list of 2, expected the number "
                                 "of an element, counted from 0\n"},
        {"=5", "0:0: error: --set =5: `` is not a path, expected keys with dots between them\n"},
        {"workers..count=5",
         "0:0: error: --set workers..count=5: `workers..count` is not a path, expected keys with dots between them\n"},
        {"workers.python.=5", "0:0: error: --set workers.python.=5: `workers.python.` is not a path, expected keys "
                              "with dots between them\n"},
        {"threads=", "0:0: error: --set threads=: nothing found, expected a whole number from 2 to 1024 (without the "
                     "key it has its default)\n"},
        {"threads=[",
         "0:0: error: --set threads=[: the text ends where a value was expected: a bracket is not closed\n"},
        {"threads=a: b: c", "0:0: error: --set threads=a: b: c: a `:` can't stand here: check the indentation, and put "
                            "text with `: ` in it in quotes\n"},
        {"threads=\xFF", "0:0: error: --set threads=\\xFF: byte 0xFF is not UTF-8, expected text in UTF-8\n"},
        {"thr\x1B\xFF=4",
         "0:0: error: --set thr\\x1B\\xFF=4: the path is no text, expected keys with dots between them\n"},
        {"threads=&a [*a]",
         "0:0: error: --set threads=&a [*a]: 0: alias `*a` inside of what it names, expected it after the end of that\n"
         "0:0: error: --set threads=&a [*a]: a list found, expected a whole number from 2 to 1024\n"},
        {"workers.python.environment.DD_API_KEY=0123abcd",
         "0:0: error: --set workers.python.environment.DD_API_KEY=********: keys never stand in files, set it in the "
         "shell: "
         "export DD_API_KEY=...\n"},
        {"arms=tee",
         "0:0: error: --set arms=tee: `tee` and worker `python`: ddtrace writes a local file or uploads, never both, "
         "expected `paired`\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf said = {0};
        assert_null(read_set(base, SET(cases[i].set), &said));
        if (strcmp(said.data, cases[i].said) != 0) {
            fail_msg("%s\nsays: %sexpected: %s", cases[i].set, said.data, cases[i].said);
        }
        buf_fini(&said);
    }
}

static void test_overrides_come_after_the_file(void **state)
{
    (void)state;
    struct buf said = {0};
    assert_null(read_set("name: x\nworkers: {python: }\nphases: [local]\nsed: 5\n", SET("threads=1"), &said));
    assert_string_equal(said.data,
                        "4:1: error: unknown key `sed`, did you mean `seed`?\nsed: 5\n^\n"
                        "0:0: error: --set threads=1: 1 is out of range, expected a whole number from 2 to 1024\n");
    buf_fini(&said);
}

static void test_an_option_is_named_as_it_was_written(void **state)
{
    (void)state;
    struct buf said = {0};
    const struct scenario_override option = {"threads", "5000", "--threads 5000"};
    assert_null(read_with(base, strlen(base), &option, 1, &said));
    assert_string_equal(
        said.data,
        "0:0: error: --threads 5000: threads: 5000 is out of range, expected a whole number from 2 to 1024\n");
    buf_fini(&said);
}

static void test_a_path_that_goes_too_deep_ends(void **state)
{
    (void)state;
    struct buf path = {0}, said = {0};
    for (int i = 0; i < 2 * SCENARIO_DEPTH_MAX; i++) {
        buf_add_str(&path, i ? ".a" : "a");
    }
    const struct scenario_override deep = {path.data, "1", "--deep"};
    assert_null(read_with(base, strlen(base), &deep, 1, &said));
    assert_non_null(strstr(said.data, "is not a path, expected keys with dots between them\n"));
    buf_fini(&path);
    buf_fini(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_replaced),
        cmocka_unit_test(test_a_key_that_is_not_there_is_added),
        cmocka_unit_test(test_of_two_overrides_the_later_wins),
        cmocka_unit_test(test_a_value_is_yaml),
        cmocka_unit_test(test_an_alias_is_changed_in_one_place_only),
        cmocka_unit_test(test_elements_are_counted_from_0),
        cmocka_unit_test(test_a_whole_worker_can_be_added),
        cmocka_unit_test(test_a_worker_with_nothing_behind_it_gets_keys),
        cmocka_unit_test(test_an_override_can_mend_the_file),
        cmocka_unit_test(test_what_is_wrong_names_the_override),
        cmocka_unit_test(test_overrides_come_after_the_file),
        cmocka_unit_test(test_an_option_is_named_as_it_was_written),
        cmocka_unit_test(test_a_path_that_goes_too_deep_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
