/* SPDX-License-Identifier: Apache-2.0 */
/* The real agents as the coordinator starts them: they become ready, hand an upload on unchanged, and end when they are
 * told to. Run from the root of the tree; what was not made is skipped. */
#include "engine/agents.h"
#include "engine/service.h"

#include "child_fixture.h"
#include "io/disk.h"
#include "io/http_client.h"
#include "io/httpd.h"

#include <limits.h>

#define TIMEOUT_MS 60000
#define KEY "0123456789abcdef0123456789abcdef"

struct served {
    uv_loop_t loop;
    char directory[64], build[PATH_MAX];
    struct run_options run;
    struct host host;
    struct agent_command command;
    struct service *service;
    struct httpd *intake;
    struct http_client *client;
    struct http_headers headers; /* of the upload */
    struct buf body;
    int told;           /* what the client was answered; 0 not yet */
    bool arrived;       /* behind the agent, with the same bytes */
    bool ready, failed; /* of the service */
    unsigned closed;
};

static void stop_when_both(struct served *f, bool forwards)
{
    if (f->told != 0 && (f->arrived || !forwards))
        service_stop(f->service);
}

static void on_forwarded(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                         void *data)
{
    struct served *f = data;
    (void)server;
    assert_null(info->failed);
    assert_string_equal(info->path, "/api/v2/profile");
    assert_string_equal(http_headers_get(info->headers, "DD-API-KEY"), KEY);
    assert_int_equal(info->body->size, f->body.size);
    assert_memory_equal(info->body->data, f->body.data, f->body.size);
    f->arrived = true;
    http_answer(request, 202, "text/plain", "", 0);
    stop_when_both(f, true);
}

static void on_answer(const struct http_result *result, void *data)
{
    struct served *f = data;
    if (result->error)
        fail_msg("%s", result->error->text);
    f->told = result->status;
    stop_when_both(f, f->intake != NULL);
}

static void on_closed(void *data)
{
    struct served *f = data;
    f->closed++;
}

static void upload(struct served *f)
{
    char *url = mem_printf("%s/profiling/v1/input", f->command.url);
    const struct http_call call = {.method = "POST",
                                   .url = url,
                                   .headers = &f->headers,
                                   .body = f->body.data,
                                   .body_size = f->body.size,
                                   .timeout_ms = TIMEOUT_MS};
    http_headers_add(&f->headers, "Content-Type", "multipart/form-data; boundary=b");
    http_client_send(f->client, &call, on_answer, f);
    free(url);
}

static void on_service(struct service *service, const struct service_message *m, void *data)
{
    struct served *f = data;
    if (m->event == SERVICE_READY) {
        f->ready = true;
        upload(f);
    } else if (m->event == SERVICE_FAILED) {
        print_message("%s\n%.*s\n", m->text, (int)m->output_size, m->output);
        f->failed = true;
    } else {
        service_free(service);
        if (f->intake)
            httpd_stop(f->intake, on_closed, f);
        http_client_close(f->client, on_closed, f);
        disk_close(f->host.disk, on_closed, f);
    }
}

static int set_up(void **state)
{
    struct served *f = mem_calloc(1, sizeof *f);
    struct err e;
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-real-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_non_null(realpath(find_guard(), f->build));
    *strrchr(f->build, '/') = '\0';
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->run.directory = f->directory;
    f->host = (struct host){.loop = &f->loop, .options = &f->run, .guard = mem_strdup(find_guard())};
    f->host.disk = disk_new(&f->loop);
    journal_init(&f->host.journal, f->host.disk, f->directory);
    f->client = http_client_new(&f->loop, &e);
    for (unsigned i = 0; i < 300000; i++)
        buf_add_char(&f->body, (char)(i * 2654435761u >> 24));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct served *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(system(command), 0);
    journal_fini(&f->host.journal);
    agent_command_fini(&f->command);
    http_headers_fini(&f->headers);
    buf_fini(&f->body);
    free(f->host.guard);
    free(command);
    free(f);
    alarm(0);
    return 0;
}

static void skip_without(struct served *f, enum agent_kind kind)
{
    struct err e;
    if (agent_check(kind, ".", f->build, &e) == 0)
        return;
    print_message("skipped: %s\n", e.text);
    http_client_close(f->client, on_closed, f);
    disk_close(f->host.disk, on_closed, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    skip();
}

static void check(struct served *f, enum agent_kind kind)
{
    const struct scenario_agent agent = {.kind = kind};
    const struct httpd_options options = {.listen = "127.0.0.1:0",
                                          .max_header = 1 << 16,
                                          .max_body = 1 << 20,
                                          .idle_timeout_ms = TIMEOUT_MS,
                                          .max_connections = 10};
    struct err e = {0};
    skip_without(f, kind);
    if (agent_forwards(kind))
        f->intake = httpd_start(&f->loop, &options, on_forwarded, f, &e);
    char *intake = mem_printf("%s/api/v2/profile", f->intake ? httpd_url(f->intake) : "http://127.0.0.1:1");
    const struct agent_orders orders = {.agent = &agent,
                                        .root = ".",
                                        .build = f->build,
                                        .port = agent_free_port(&e),
                                        .intake_url = intake,
                                        .api_key = KEY,
                                        .directory = f->directory};
    int result = agent_command_make(&orders, &f->command, &e);
    assert_string_equal(e.text, "");
    assert_int_equal(result, 0);
    const struct service_options service = {.host = &f->host,
                                            .name = scenario_agent_name(kind),
                                            .args = (const char *const *)f->command.args,
                                            .env = (const char *const *)f->command.env,
                                            .health_url = f->command.health_url,
                                            .start_timeout_ms = TIMEOUT_MS,
                                            .stop_timeout_ms = TIMEOUT_MS};
    f->service = service_start(&service, on_service, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    free(intake);
    assert_true(f->ready);
    assert_false(f->failed);
    assert_int_equal(f->told, 200);
    assert_int_equal(f->arrived, agent_forwards(kind));
    assert_int_equal(f->closed, agent_forwards(kind) ? 3 : 2);
}

static void test_the_trace_agent(void **state)
{
    check(*state, AGENT_TRACE_AGENT);
}

static void test_serverless_compat(void **state)
{
    check(*state, AGENT_SERVERLESS_COMPAT);
}

static void test_the_test_agent(void **state)
{
    check(*state, AGENT_TEST_AGENT);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_the_trace_agent),
        test(test_serverless_compat),
        test(test_the_test_agent),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
