/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/orders.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct scenario_phase phases[2];
    struct scenario_variable variables[2];
    char *command[2];
    struct scenario_worker worker;
    struct scenario scenario;
    struct orders_context context;
    struct orders orders;
};

/* The scenario owns its strings; nothing here frees or changes them. */
static char *text(const char *constant)
{
    return (char *)constant;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->phases[0] = (struct scenario_phase){.pattern = text("local"), .iterations = 250, .seconds = 5};
    f->phases[1] = (struct scenario_phase){.pattern = text("member"), .iterations = 30};
    f->worker = (struct scenario_worker){.name = text("python"),
                                         .runtime = RUNTIME_DDTRACE,
                                         .launcher = LAUNCHER_AUTO,
                                         .capture_pct = 12.5,
                                         .upload_interval_ms = 1500,
                                         .inspect_dir = false,
                                         .environment = f->variables};
    f->scenario = (struct scenario){.service = text("shop"),
                                    .env = text("prod"),
                                    .version = text("1.10"),
                                    .threads = 4,
                                    .seed = 7,
                                    .duration_ms = 10000,
                                    .phases = f->phases,
                                    .phase_count = 2};
    f->context = (struct orders_context){.scenario = &f->scenario,
                                         .worker = &f->worker,
                                         .arm = ARM_LOCAL,
                                         .instance = "python.1.local",
                                         .run_id = "0123456789abcdef",
                                         .root = "/opt/locktrail",
                                         .python = "/venv/bin/python",
                                         .ddtrace_run = "/venv/bin/ddtrace-run",
                                         .output_prefix = "/run/local.pprof",
                                         .intake_url = "http://127.0.0.1:9"};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    orders_free(&f->orders);
    free(f);
    return 0;
}

/* The value of a variable, or NULL; fails when it stands there twice. */
static const char *value_of(const struct fixture *f, const char *name)
{
    const char *found = NULL;
    size_t size = strlen(name);
    for (char **v = f->orders.env; *v; v++) {
        if (strncmp(*v, name, size) == 0 && (*v)[size] == '=') {
            assert_null(found);
            found = *v + size + 1;
        }
    }
    return found;
}

static void assert_args(const struct fixture *f, const char *expected)
{
    struct buf joined = {0};
    for (char **a = f->orders.args; *a; a++)
        buf_printf(&joined, "%s%s", joined.size ? " " : "", *a);
    assert_string_equal(joined.data, expected);
    buf_fini(&joined);
}

static void test_local_arm_writes_files_and_does_not_upload(void **state)
{
    struct fixture *f = *state;
    orders_make(&f->context, &f->orders);
    assert_args(f, "/venv/bin/python /opt/locktrail/workers/python/main.py --launcher auto --lock-type rlock "
                   "--threads 4 --seed 7 --phase local:250:5 --phase member:30:0");
    assert_string_equal(value_of(f, "DD_PROFILING_OUTPUT_PPROF"), "/run/local.pprof");
    assert_null(value_of(f, "DD_TRACE_AGENT_URL"));
    assert_string_equal(value_of(f, "DD_PROFILING_CAPTURE_PCT"), "12.5");
    assert_string_equal(value_of(f, "DD_PROFILING_UPLOAD_INTERVAL"), "1.5");
    assert_string_equal(value_of(f, "DD_PROFILING_LOCK_NAME_INSPECT_DIR"), "false");
    assert_string_equal(value_of(f, "DD_SERVICE"), "shop");
    assert_string_equal(value_of(f, "DD_VERSION"), "1.10");
    assert_string_equal(value_of(f, "DD_TAGS"), "locktrail_run:0123456789abcdef,locktrail_worker:python.1.local");
}

static void test_upload_arm_uploads_and_writes_no_file(void **state)
{
    struct fixture *f = *state;
    f->context.arm = ARM_UPLOAD;
    orders_make(&f->context, &f->orders);
    assert_null(value_of(f, "DD_PROFILING_OUTPUT_PPROF"));
    assert_string_equal(value_of(f, "DD_TRACE_AGENT_URL"), "http://127.0.0.1:9");
}

static void test_tee_does_both(void **state)
{
    struct fixture *f = *state;
    f->context.arm = ARM_TEE;
    orders_make(&f->context, &f->orders);
    assert_string_equal(value_of(f, "DD_PROFILING_OUTPUT_PPROF"), "/run/local.pprof");
    assert_string_equal(value_of(f, "DD_TRACE_AGENT_URL"), "http://127.0.0.1:9");
}

static void test_control_is_short_single_threaded_and_has_default_settings(void **state)
{
    struct fixture *f = *state;
    f->variables[0] = (struct scenario_variable){text("DD_PROFILING_MAX_FRAMES"), text("3")};
    f->variables[1] = (struct scenario_variable){text("APP_MODE"), text("test")};
    f->worker.environment_count = 2;
    f->context.arm = ARM_CONTROL;
    orders_make(&f->context, &f->orders);
    assert_args(f, "/venv/bin/python /opt/locktrail/workers/python/main.py --launcher auto --lock-type rlock "
                   "--threads 1 --seed 7 --phase reference:20:0 --phase local:20:0 --phase member:20:0");
    assert_string_equal(value_of(f, "DD_PROFILING_CAPTURE_PCT"), "100");
    assert_string_equal(value_of(f, "DD_PROFILING_LOCK_NAME_INSPECT_DIR"), "true");
    assert_null(value_of(f, "DD_PROFILING_MAX_FRAMES"));
    assert_string_equal(value_of(f, "APP_MODE"), "test");
}

static void test_rounds_are_for_all_but_the_control(void **state)
{
    struct fixture *f = *state;
    f->context.rounds = true;
    f->context.arm = ARM_UPLOAD;
    orders_make(&f->context, &f->orders);
    assert_args(f, "/venv/bin/python /opt/locktrail/workers/python/main.py --launcher auto --lock-type rlock "
                   "--threads 4 --seed 7 --rounds --phase local:250:5 --phase member:30:0");
    orders_free(&f->orders);
    f->context.arm = ARM_CONTROL;
    orders_make(&f->context, &f->orders);
    assert_args(f, "/venv/bin/python /opt/locktrail/workers/python/main.py --launcher auto --lock-type rlock "
                   "--threads 1 --seed 7 --phase reference:20:0 --phase local:20:0 --phase member:20:0");
}

static void test_ddtrace_run_goes_before_the_interpreter(void **state)
{
    struct fixture *f = *state;
    f->worker.launcher = LAUNCHER_DDTRACE_RUN;
    f->worker.lock = LOCK_TYPE_LOCK;
    f->scenario.phase_count = 1;
    orders_make(&f->context, &f->orders);
    assert_args(f,
                "/venv/bin/ddtrace-run /venv/bin/python /opt/locktrail/workers/python/main.py --launcher ddtrace-run "
                "--lock-type lock --threads 4 --seed 7 --phase local:250:5");
}

static void test_scenario_variables_win_and_tags_are_joined(void **state)
{
    struct fixture *f = *state;
    f->variables[0] = (struct scenario_variable){text("DD_TAGS"), text("team:core")};
    f->variables[1] = (struct scenario_variable){text("DD_PROFILING_UPLOAD_INTERVAL"), text("7")};
    f->worker.environment_count = 2;
    orders_make(&f->context, &f->orders);
    assert_string_equal(value_of(f, "DD_TAGS"),
                        "team:core,locktrail_run:0123456789abcdef,locktrail_worker:python.1.local");
    assert_string_equal(value_of(f, "DD_PROFILING_UPLOAD_INTERVAL"), "7");
}

static void test_shell_settings_and_keys_do_not_reach_the_worker(void **state)
{
    struct fixture *f = *state;
    setenv("DD_API_KEY", "0123456789abcdef0123456789abcdef", 1);
    setenv("DD_PROFILING_MAX_FRAMES", "9", 1);
    setenv("LANGUAGE_OF_SHOP", "de", 1);
    orders_make(&f->context, &f->orders);
    char *dropped = orders_dropped_variables();
    assert_null(value_of(f, "DD_API_KEY"));
    assert_null(value_of(f, "DD_PROFILING_MAX_FRAMES"));
    assert_string_equal(value_of(f, "LANGUAGE_OF_SHOP"), "de");
    assert_string_equal(dropped, "DD_PROFILING_MAX_FRAMES");
    free(dropped);
    unsetenv("DD_API_KEY");
    unsetenv("DD_PROFILING_MAX_FRAMES");
    unsetenv("LANGUAGE_OF_SHOP");
}

static void test_command_gets_its_orders_in_the_environment(void **state)
{
    struct fixture *f = *state;
    f->command[0] = text("./server");
    f->command[1] = text("--port=0");
    f->worker.runtime = RUNTIME_COMMAND;
    f->worker.command = f->command;
    f->worker.command_count = 2;
    orders_make(&f->context, &f->orders);
    assert_args(f, "./server --port=0");
    assert_string_equal(value_of(f, "LOCKTRAIL_PHASES"), "local:250:5,member:30:0");
    assert_string_equal(value_of(f, "LOCKTRAIL_ARM"), "local");
    assert_string_equal(value_of(f, "LOCKTRAIL_THREADS"), "4");
    assert_string_equal(value_of(f, "LOCKTRAIL_DURATION_S"), "10");
    assert_string_equal(value_of(f, "DD_PROFILING_ENABLED"), "1");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_local_arm_writes_files_and_does_not_upload),
        test(test_upload_arm_uploads_and_writes_no_file),
        test(test_tee_does_both),
        test(test_control_is_short_single_threaded_and_has_default_settings),
        test(test_rounds_are_for_all_but_the_control),
        test(test_ddtrace_run_goes_before_the_interpreter),
        test(test_scenario_variables_win_and_tags_are_joined),
        test(test_shell_settings_and_keys_do_not_reach_the_worker),
        test(test_command_gets_its_orders_in_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
