/* SPDX-License-Identifier: Apache-2.0 */
/* Native workers: which processes there are, what they are started with, what has to be there. */
#include "engine/native.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/instances.h"
#include "engine/orders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct scenario *scenario;
    struct orders orders;
};

static const char text[] = "name: x\n"
                           "service: shop\n"
                           "phases: [local, {pattern: member, iterations: 30}]\n"
                           "duration: 5s\n"
                           "seed: 7\n"
                           "workers:\n"
                           "  shell: {runtime: command, command: [a], locks: [{name: l}]}\n"
                           "  c: {runtime: native, build: stripped, capture_pct: 10, upload_interval: 1500ms,\n"
                           "      environment: {LOCKPROF_HOLD: '0', MODE: test, DD_TAGS: 'team:core'}}\n"
                           "  d: {runtime: native, count: 2}\n"
                           "  python: {runtime: ddtrace, optional: true}\n";

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct diagnostics diagnostics;
    if (scenario_read("test", text, sizeof text - 1, NULL, 0, &f->scenario, &diagnostics) < 0)
        fail_msg("%s", diagnostics.items[0].text);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    orders_free(&f->orders);
    scenario_free(f->scenario);
    free(f);
    return 0;
}

static void order(struct fixture *f, enum arm arm)
{
    const struct orders_context context = {.scenario = f->scenario,
                                           .worker = &f->scenario->workers[1],
                                           .arm = arm,
                                           .instance = "c.1.tee",
                                           .run_id = "00ff",
                                           .root = "/opt/locktrail",
                                           .build = "/opt/build",
                                           .output_prefix = "/run/local.pprof",
                                           .intake_url = "http://127.0.0.1:9"};
    orders_make(&context, &f->orders);
}

static void assert_args(const struct fixture *f, const char *expected)
{
    struct buf joined = {0};
    for (char **a = f->orders.args; *a; a++)
        buf_printf(&joined, "%s%s", joined.size ? " " : "", *a);
    assert_string_equal(joined.data, expected);
    buf_fini(&joined);
}

static const char *value_of(const struct fixture *f, const char *name)
{
    size_t size = strlen(name);
    for (char **v = f->orders.env; *v; v++)
        if (strncmp(*v, name, size) == 0 && (*v)[size] == '=')
            return *v + size + 1;
    return NULL;
}

static void test_one_process_writes_and_uploads(void **state)
{
    struct fixture *f = *state;
    setenv("LOCKPROF_RATE", "9", 1);
    order(f, ARM_TEE);
    char *dropped = orders_dropped_variables();
    assert_args(f, "/opt/build/lockprof run --output /run/local.pprof --interval 1500ms --rate 10 --upload "
                   "http://127.0.0.1:9 -- /opt/build/native/native-stripped --threads 4 --seed 7 --phase local:250:5 "
                   "--phase member:30:0");
    assert_string_equal(value_of(f, "DD_SERVICE"), "shop");
    assert_string_equal(value_of(f, "DD_TAGS"), "team:core,locktrail_run:00ff,locktrail_worker:c.1.tee");
    assert_string_equal(value_of(f, "LOCKPROF_HOLD"), "0");
    assert_null(value_of(f, "LOCKPROF_RATE"));
    assert_null(value_of(f, "DD_PROFILING_ENABLED"));
    assert_null(value_of(f, "DD_PROFILING_OUTPUT_PPROF"));
    assert_null(value_of(f, "DD_TRACE_AGENT_URL"));
    assert_string_equal(dropped, "LOCKPROF_RATE");
    free(dropped);
    unsetenv("LOCKPROF_RATE");
}

static void test_one_that_uploads_writes_no_files(void **state)
{
    struct fixture *f = *state;
    order(f, ARM_UPLOAD);
    assert_args(f, "/opt/build/lockprof run --drop-unsent --interval 1500ms --rate 10 --upload http://127.0.0.1:9 -- "
                   "/opt/build/native/native-stripped --threads 4 --seed 7 --phase local:250:5 --phase member:30:0");
}

static void test_the_control_is_an_ordinary_build_at_every_acquire(void **state)
{
    struct fixture *f = *state;
    order(f, ARM_CONTROL);
    assert_args(f,
                "/opt/build/lockprof run --output /run/local.pprof --interval 1500ms --rate 1 -- "
                "/opt/build/native/native-O2g --threads 1 --seed 7 --phase reference:20:0 --phase local:20:0 --phase "
                "member:20:0");
    assert_null(value_of(f, "LOCKPROF_HOLD"));
    assert_string_equal(value_of(f, "MODE"), "test");
}

static void assert_plan(const struct instance_plan *plan, const char *expected)
{
    struct buf joined = {0};
    for (size_t i = 0; i < plan->count; i++)
        buf_printf(&joined, "%s%s", i ? " " : "", plan->items[i].name);
    assert_string_equal(joined.data, expected);
    buf_fini(&joined);
}

static void test_arms_and_controls_follow_the_runtime(void **state)
{
    struct fixture *f = *state;
    struct instance_plan plan, control;
    instances_plan(f->scenario, &plan);
    instances_plan_control(f->scenario, &control);
    assert_plan(&plan, "shell.1.local shell.1.upload c.1.tee d.1.tee d.2.tee python.1.local python.1.upload");
    assert_plan(&control, "c.control python.control");
    instances_leave_out(&plan, &f->scenario->workers[3]);
    instances_leave_out(&control, &f->scenario->workers[3]);
    assert_plan(&plan, "shell.1.local shell.1.upload c.1.tee d.1.tee d.2.tee");
    assert_plan(&control, "c.control");
    instance_plan_fini(&plan);
    instance_plan_fini(&control);
}

static void put_file(const char *directory, const char *name, mode_t mode)
{
    char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static void test_what_is_missing_is_named(void **state)
{
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = {{"lockprof", 0755}, {"liblockprof.so", 0644}, {"native/native-split", 0755}};
    char directory[] = "/tmp/locktrail-native.XXXXXX";
    struct err e;
    (void)state;
    assert_non_null(mkdtemp(directory));
    char *folder = mem_printf("%s/native", directory);
    assert_int_equal(mkdir(folder, 0755), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *expected = mem_printf(
            "a native worker needs %s/%s (make builds lockprof and the C workload): No such file or directory",
            directory, files[i].name);
        assert_int_equal(native_check(directory, BUILD_SPLIT, &e), -1);
        assert_int_equal(e.code, ERR_MISSING);
        assert_string_equal(e.text, expected);
        free(expected);
        put_file(directory, files[i].name, files[i].mode);
    }
    assert_int_equal(native_check(directory, BUILD_SPLIT, &e), 0);
    assert_int_equal(native_check(directory, BUILD_O0G, &e), -1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = mem_printf("%s/%s", directory, files[i].name);
        unlink(path);
        free(path);
    }
    rmdir(folder);
    rmdir(directory);
    free(folder);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_one_process_writes_and_uploads),
        test(test_one_that_uploads_writes_no_files),
        test(test_the_control_is_an_ordinary_build_at_every_acquire),
        test(test_arms_and_controls_follow_the_runtime),
        test(test_what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
