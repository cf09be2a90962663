/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/files.h"

#include "base/mem.h"
#include "io/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char directory[64];
    char *started_in;
};

static int set_up(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    strcpy(f->directory, "/tmp/locktrail-files-XXXXXX");
    f->started_in = getcwd(NULL, 0);
    *state = f;
    return mkdtemp(f->directory) && chdir(f->directory) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char *remove = mem_printf("rm -r '%s'", f->directory);
    int failed = system(remove) || chdir(f->started_in);
    free(remove);
    free(f->started_in);
    free(f);
    return failed ? -1 : 0;
}

static void make_file(const char *path, const char *content)
{
    struct err e;
    if (disk_write_now(path, content, strlen(content), &e) < 0)
        fail_msg("%s", e.text);
}

static void make_home(const char *root)
{
    struct err e;
    char *workers = mem_printf("%s/workers/python", root), *main = mem_printf("%s/main.py", workers);
    assert_int_equal(disk_make_dir(workers, &e), 0);
    make_file(main, "pass\n");
    free(main);
    free(workers);
}

static void expect_home(const char *executable, const char *variable, const char *root, const char *build)
{
    struct files_home home;
    struct err e;
    if (files_find_home_from(executable, variable, &home, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(home.root, root);
    assert_string_equal(home.build, build);
    files_home_fini(&home);
}

static void test_home_is_the_first_folder_above_with_workers(void **state)
{
    struct fixture *f = *state;
    char *inner = mem_printf("%s/inner", f->directory), *deep = mem_printf("%s/build/san/locktrail", inner);
    char *build = mem_printf("%s/build/san", inner);
    make_home(f->directory);
    make_home("inner");
    expect_home(deep, NULL, inner, build);
    expect_home(deep, "", inner, build);
    expect_home(deep, f->directory, f->directory, build);
    free(build);
    free(deep);
    free(inner);
}

static void test_home_that_is_not_there(void **state)
{
    struct files_home home;
    struct err e;
    (void)state;
    assert_int_equal(files_find_home_from("/none/build/locktrail", NULL, &home, &e), -1);
    assert_int_equal(e.code, ERR_MISSING);
    assert_string_equal(e.text,
                        "no folder above /none/build/locktrail has workers/python/main.py: set LOCKTRAIL_HOME to "
                        "locktrail's own folder");
    assert_int_equal(files_find_home_from("/none/build/locktrail", "/other", &home, &e), -1);
    assert_string_equal(e.text, "LOCKTRAIL_HOME is /other, and there is no workers/python/main.py below it: set it to "
                                "locktrail's own folder, or unset it");
}

static char *run_directory(const char *given, const char *name)
{
    struct err e;
    char *path = files_run_directory(given, name, &e);
    if (!path)
        fail_msg("%s", e.text);
    return path;
}

static void test_default_run_directories_differ(void **state)
{
    char *first = run_directory(NULL, "smoke"), *second = run_directory(NULL, "smoke");
    (void)state;
    assert_string_not_equal(first, second);
    assert_memory_equal(first, "runs/20", 7);
    assert_string_equal(first + strlen("runs/2026-11-23T12-00-00Z"), "-smoke");
    assert_int_equal(access(first, W_OK), 0);
    assert_int_equal(access(second, W_OK), 0);
    free(first);
    free(second);
}

static void test_a_scenario_name_leads_nowhere_else(void **state)
{
    char *path = run_directory(NULL, "../../x y/$(z)");
    (void)state;
    assert_string_equal(path + strlen("runs/2026-11-23T12-00-00Z"), "-..-..-x-y---z-");
    free(path);
}

static void test_given_run_directories(void **state)
{
    struct err e;
    (void)state;
    char *path = run_directory("new/one", "smoke");
    assert_string_equal(path, "new/one");
    assert_int_equal(access("new", F_OK), -1);
    free(path);
    assert_int_equal(mkdir("empty", 0777), 0);
    free(run_directory("empty", "smoke"));
    make_file("empty/.hidden", "x");
    assert_null(files_run_directory("empty", "smoke", &e));
    assert_int_equal(e.code, ERR_WRITE);
    assert_string_equal(e.text, "empty is not empty: a run needs a directory of its own, name another with --out");
    assert_null(files_run_directory("empty/.hidden", "smoke", &e));
    assert_string_equal(e.text, "can't use empty/.hidden as run directory: Not a directory");
    assert_null(files_run_directory("", "smoke", &e));
    assert_int_equal(e.code, ERR_USAGE);
}

static void test_complaints_have_place_text_and_caret(void **state)
{
    struct scenario *s = NULL;
    struct buf b = {0};
    (void)state;
    make_file("s.yaml", "name: small\nthreds: 4\nworkers: {python: {}}\nphases: [{pattern: member}]\n");
    assert_int_equal(files_load_scenario("s.yaml", NULL, 0, &s, &b), 65);
    assert_memory_equal(b.data, "s.yaml:2:1: error: ", 19);
    assert_non_null(strstr(b.data, "threds: 4\n"));
    assert_non_null(strstr(b.data, "^"));
    buf_clear(&b);
    assert_int_equal(files_load_scenario("none.yaml", NULL, 0, &s, &b), 65);
    assert_memory_equal(b.data, "locktrail: ", 11);
    assert_null(s);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_home_is_the_first_folder_above_with_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_home_that_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_default_run_directories_differ, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_scenario_name_leads_nowhere_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_given_run_directories, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_complaints_have_place_text_and_caret, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
