/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of agent is started with, where its program is looked for, and what is said where there is none. */
#include "engine/agents.h"

#include "base/buf.h"
#include "base/mem.h"
#include "io/disk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TRACE_AGENT "bin/locktrail-trace-agent"
#define SERVERLESS "venvs/serverless-compat-0.19.0/bin/datadog-serverless-compat"
#define SERVERLESS_READY "venvs/serverless-compat-0.19.0/ready"
#define TEST_AGENT "venvs/test-agent-1.69.1/bin/python"
#define TEST_AGENT_READY "venvs/test-agent-1.69.1/ready"

struct fixture {
    char root[64];
    char *build;
    struct agent_command command;
};

static int set_up(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    strcpy(f->root, "/tmp/locktrail-agents-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    f->build = mem_printf("%s/build/san", f->root);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->root);
    assert_int_equal(system(command), 0);
    agent_command_fini(&f->command);
    free(command);
    free(f->build);
    free(f);
    return 0;
}

static void put(const char *directory, const char *name, mode_t mode)
{
    struct err e;
    char *path = mem_printf("%s/%s", directory, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(disk_make_dir(path, &e), 0);
    *slash = '/';
    assert_int_equal(disk_write_now(path, "", 0, &e), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static void put_all(const struct fixture *f)
{
    put(f->build, TRACE_AGENT, 0755);
    put(f->build, SERVERLESS, 0755);
    put(f->build, SERVERLESS_READY, 0644);
    put(f->build, TEST_AGENT, 0755);
    put(f->build, TEST_AGENT_READY, 0644);
}

static struct agent_orders orders_of(const struct fixture *f, const struct scenario_agent *agent)
{
    return (struct agent_orders){.agent = agent,
                                 .root = f->root,
                                 .build = f->build,
                                 .port = 4711,
                                 .intake_url = "http://127.0.0.1:4712/api/v2/profile",
                                 .directory = "/run/agent"};
}

static void order(struct fixture *f, enum agent_kind kind, const char *key)
{
    const struct scenario_agent agent = {.kind = kind};
    struct agent_orders orders = orders_of(f, &agent);
    struct err e = {0};
    orders.api_key = key;
    put_all(f);
    setenv("DD_SITE", "datadoghq.eu", 1);
    setenv("HTTP_PROXY", "http://192.0.2.1:1", 1);
    setenv("K_SERVICE", "cloud", 1);
    int result = agent_command_make(&orders, &f->command, &e);
    unsetenv("DD_SITE");
    unsetenv("HTTP_PROXY");
    unsetenv("K_SERVICE");
    assert_string_equal(e.text, "");
    assert_int_equal(result, 0);
}

/* The variables that are not the shell's, in their order. */
static void assert_env(const struct fixture *f, const char *const *expected)
{
    size_t count = 0, shell = 0;
    for (char **v = f->command.env; *v; v++) {
        size_t size = strcspn(*v, "=");
        bool basic = false;
        for (size_t i = 0; i < 5; i++) {
            static const char *const names[] = {"PATH", "HOME", "TMPDIR", "LANG", "TZ"};
            basic = basic || (strlen(names[i]) == size && strncmp(names[i], *v, size) == 0);
        }
        if (basic) {
            shell++;
            continue;
        }
        assert_non_null(expected[count]);
        assert_string_equal(*v, expected[count++]);
    }
    assert_null(expected[count]);
    assert_true(shell > 0);
}

static void assert_args(const struct fixture *f, const char *expected)
{
    struct buf joined = {0};
    for (char **a = f->command.args; *a; a++)
        buf_printf(&joined, "%s%s", joined.size ? " " : "", *a);
    assert_string_equal(joined.data, expected);
    buf_fini(&joined);
}

static void assert_program(const struct fixture *f, const char *name)
{
    char *expected = mem_printf("%s/%s", f->build, name);
    assert_string_equal(f->command.args[0], expected);
    free(expected);
}

/* --- command lines --- */

static void test_the_trace_agent(void **state)
{
    static const char *const env[] = {"DD_APM_RECEIVER_PORT=4711", "DD_API_KEY=00000000000000000000000000000000",
                                      "DD_APM_PROFILING_DD_URL=http://127.0.0.1:4712/api/v2/profile", NULL};
    struct fixture *f = *state;
    order(f, AGENT_TRACE_AGENT, NULL);
    assert_program(f, TRACE_AGENT);
    assert_null(f->command.args[1]);
    assert_env(f, env);
    assert_string_equal(f->command.url, "http://127.0.0.1:4711");
    assert_string_equal(f->command.health_url, "http://127.0.0.1:4711/info");
}

static void test_serverless_compat_puts_the_path_behind_by_itself(void **state)
{
    static const char *const env[] = {"DD_APM_RECEIVER_PORT=4711",
                                      "DD_API_KEY=secret",
                                      "DD_APM_PROFILING_DD_URL=http://127.0.0.1:4712",
                                      "DD_APM_DD_URL=http://127.0.0.1:4712",
                                      "DD_SITE=locktrail.invalid",
                                      "DD_USE_DOGSTATSD=false",
                                      "DD_LOG_LEVEL=debug",
                                      "ASCSVCRT_SPRING__APPLICATION__NAME=locktrail",
                                      NULL};
    struct fixture *f = *state;
    order(f, AGENT_SERVERLESS_COMPAT, "secret");
    assert_program(f, SERVERLESS);
    assert_null(f->command.args[1]);
    assert_env(f, env);
    assert_string_equal(f->command.health_url, "http://127.0.0.1:4711/info");
}

static void test_serverless_compat_sends_to_no_other_path(void **state)
{
    const struct scenario_agent agent = {.kind = AGENT_SERVERLESS_COMPAT};
    struct fixture *f = *state;
    struct agent_orders orders = orders_of(f, &agent);
    struct err e;
    put_all(f);
    orders.intake_url = "http://127.0.0.1:4712/v1/input";
    assert_int_equal(agent_command_make(&orders, &f->command, &e), -1);
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, "serverless-compat can send to an address that ends in /api/v2/profile only, not to "
                                "http://127.0.0.1:4712/v1/input");
    assert_null(f->command.args);
}

static void test_the_test_agent_gets_no_key(void **state)
{
    static const char *const env[] = {"PYTHONUNBUFFERED=1", NULL};
    struct fixture *f = *state;
    char grpc[64];
    order(f, AGENT_TEST_AGENT, "secret");
    assert_env(f, env);
    snprintf(grpc, sizeof grpc, "%s", f->command.args[9]);
    assert_int_equal(strncmp(grpc, "--otlp-grpc-port=", 17), 0);
    assert_true(atoi(grpc + 17) > 0 && atoi(grpc + 17) != 4711);
    char *expected = mem_printf("%s/" TEST_AGENT " -I -m ddapm_test_agent.agent --host 127.0.0.1 "
                                "--disable-llmobs-data-forwarding --otlp-http-port 0 %s --port=4711 "
                                "--snapshot-dir=/run/agent/snapshots --vcr-cassettes-directory=/run/agent/cassettes",
                                f->build, grpc);
    assert_args(f, expected);
    free(expected);
}

static void test_which_send_on(void **state)
{
    (void)state;
    assert_true(agent_forwards(AGENT_TRACE_AGENT));
    assert_true(agent_forwards(AGENT_SERVERLESS_COMPAT));
    assert_false(agent_forwards(AGENT_TEST_AGENT));
    assert_false(agent_forwards(AGENT_EXTERNAL));
    assert_false(agent_forwards(AGENT_NONE));
}

/* --- what is there --- */

static void assert_missing(const struct fixture *f, enum agent_kind kind, const char *agent, const char *name,
                           const char *why)
{
    char *expected = mem_printf("agent %s needs %s/%s (make agents gets it): %s", agent, f->build, name, why);
    const struct scenario_agent wanted = {.kind = kind};
    struct agent_orders orders = orders_of(f, &wanted);
    struct agent_command command;
    struct err e, made;
    assert_int_equal(agent_check(kind, f->root, f->build, &e), -1);
    assert_int_equal(e.code, ERR_MISSING);
    assert_string_equal(e.text, expected);
    assert_int_equal(agent_command_make(&orders, &command, &made), -1);
    assert_string_equal(made.text, expected);
    free(expected);
}

static void test_what_is_missing_is_named(void **state)
{
    static const char no_file[] = "No such file or directory";
    struct fixture *f = *state;
    struct err e;
    assert_missing(f, AGENT_TRACE_AGENT, "trace-agent", TRACE_AGENT, no_file);
    assert_missing(f, AGENT_SERVERLESS_COMPAT, "serverless-compat", SERVERLESS_READY, no_file);
    assert_missing(f, AGENT_TEST_AGENT, "test-agent", TEST_AGENT_READY, no_file);
    /* An environment that is half there. */
    put(f->build, TEST_AGENT, 0755);
    assert_missing(f, AGENT_TEST_AGENT, "test-agent", TEST_AGENT_READY, no_file);
    put(f->build, SERVERLESS_READY, 0644);
    assert_missing(f, AGENT_SERVERLESS_COMPAT, "serverless-compat", SERVERLESS, no_file);
    put(f->build, SERVERLESS, 0644);
    assert_missing(f, AGENT_SERVERLESS_COMPAT, "serverless-compat", SERVERLESS, "Permission denied");
    assert_int_equal(agent_check(AGENT_NONE, f->root, f->build, &e), 0);
    assert_int_equal(agent_check(AGENT_EXTERNAL, f->root, f->build, &e), 0);
}

static void test_another_build_uses_the_agents_of_build(void **state)
{
    struct fixture *f = *state;
    struct err e;
    char *shared = mem_printf("%s/build", f->root);
    put(shared, TRACE_AGENT, 0755);
    char *found = agent_tool(f->root, f->build, TRACE_AGENT);
    char *expected = mem_printf("%s/" TRACE_AGENT, shared);
    assert_string_equal(found, expected);
    assert_int_equal(agent_check(AGENT_TRACE_AGENT, f->root, f->build, &e), 0);
    free(found);
    free(expected);
    put(f->build, TRACE_AGENT, 0755);
    found = agent_tool(f->root, f->build, TRACE_AGENT);
    expected = mem_printf("%s/" TRACE_AGENT, f->build);
    assert_string_equal(found, expected);
    free(found);
    free(expected);
    free(shared);
}

static void test_a_free_port_can_be_had(void **state)
{
    struct err e;
    (void)state;
    unsigned port = agent_free_port(&e);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(port > 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_the_trace_agent),
        test(test_serverless_compat_puts_the_path_behind_by_itself),
        test(test_serverless_compat_sends_to_no_other_path),
        test(test_the_test_agent_gets_no_key),
        test(test_which_send_on),
        test(test_what_is_missing_is_named),
        test(test_another_build_uses_the_agents_of_build),
        test(test_a_free_port_can_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
