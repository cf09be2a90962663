/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a service: asked until it answers, watched, stopped, and what is said of each way in which that fails. */
#include "engine/service.h"

#include "child_fixture.h"
#include "io/disk.h"
#include "io/httpd.h"

/* Longer than any test: what is to end by itself has this much time. */
#define LONG_MS 60000

struct served {
    uv_loop_t loop;
    char directory[64];
    int descriptors;
    struct run_options run;
    struct host host;
    struct service_options options;
    struct service *service;
    struct httpd *server; /* what is asked */
    char *health_url;
    unsigned questions, refusals; /* it says 503 to so many, and until there is the file `begun`, then 204 */
    bool waits;
    bool stop_when_asked; /* and answer then */
    bool mute;            /* it takes questions and says nothing */
    struct http_request *held;
    struct buf events; /* "ready failed(TEXT) ended" */
    char *output;      /* of the last failure */
    bool stop_when_ready, stop_when_failed, stop_twice, kill_when_ready;
    unsigned ended, closed;
};

/* So that a script has set its trap before it is ready. */
static bool has_begun(const struct served *f)
{
    char *path = mem_printf("%s/begun", f->directory);
    bool begun = !f->waits || access(path, F_OK) == 0;
    free(path);
    return begun;
}

static void on_question(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                        void *data)
{
    struct served *f = data;
    (void)server;
    if (info->failed)
        return;
    assert_string_equal(info->method, "GET");
    assert_string_equal(info->path, "/info");
    f->questions++;
    if (f->stop_when_asked && has_begun(f))
        service_stop(f->service);
    if (f->mute)
        f->held = request;
    else
        http_answer(request, f->questions > f->refusals && has_begun(f) ? 204 : 503, "text/plain", "", 0);
}

static void on_closed(void *data)
{
    struct served *f = data;
    f->closed++;
}

static void ask_at(struct served *f, const char *listen)
{
    const struct httpd_options options = {
        .listen = listen, .max_header = 4096, .max_body = 4096, .idle_timeout_ms = LONG_MS, .max_connections = 10};
    struct err e = {0};
    f->server = httpd_start(&f->loop, &options, on_question, f, &e);
    assert_string_equal(e.text, "");
    const char *url = httpd_url(f->server);
    bool unix_socket = strncmp(url, "unix://", 7) == 0;
    f->health_url = mem_printf("%s/info", unix_socket ? "http://localhost" : url);
    f->options.health_url = f->health_url;
    f->options.health_unix_socket = unix_socket ? url + 7 : NULL;
}

static int set_up(void **state)
{
    struct served *f = mem_calloc(1, sizeof *f);
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-service-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->descriptors = count_descriptors();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->run.directory = f->directory;
    f->host = (struct host){.loop = &f->loop, .options = &f->run, .guard = mem_strdup(find_guard())};
    f->host.disk = disk_new(&f->loop);
    journal_init(&f->host.journal, f->host.disk, f->directory);
    f->options = (struct service_options){
        .host = &f->host, .name = "agent", .env = test_env, .start_timeout_ms = LONG_MS, .stop_timeout_ms = LONG_MS};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct served *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_int_equal(f->closed, f->health_url ? 2 : 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(count_descriptors(), f->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(system(command), 0);
    journal_fini(&f->host.journal);
    buf_fini(&f->events);
    free(command);
    free(f->output);
    free(f->health_url);
    free(f->host.guard);
    free(f);
    alarm(0);
    return 0;
}

static void on_service(struct service *service, const struct service_message *m, void *data)
{
    static const char *const names[] = {"ready", "failed", "ended"};
    struct served *f = data;
    assert_ptr_equal(service, f->service);
    assert_int_equal(m->text != NULL, m->event == SERVICE_FAILED);
    buf_printf(&f->events, "%s%s", f->events.size ? " " : "", names[m->event]);
    if (m->event == SERVICE_FAILED) {
        buf_printf(&f->events, "(%s)", m->text);
        free(f->output);
        f->output = mem_strndup(m->output, m->output_size);
    }
    if ((m->event == SERVICE_READY && f->stop_when_ready) || (m->event == SERVICE_FAILED && f->stop_when_failed)) {
        service_stop(service);
        if (f->stop_twice)
            service_stop(service);
    }
    if (m->event == SERVICE_READY && f->kill_when_ready)
        service_kill(service);
    if (m->event != SERVICE_ENDED)
        return;
    f->ended++;
    service_free(service);
    if (f->server)
        httpd_stop(f->server, on_closed, f);
    disk_close(f->host.disk, on_closed, f);
}

static void start(struct served *f, const char *script)
{
    const char *args[] = {"/bin/sh", "-c", script, NULL};
    if (!f->options.args)
        f->options.args = args;
    f->service = service_start(&f->options, on_service, f);
    assert_non_null(f->service);
    assert_int_equal(f->events.size, 0);
    f->options.args = NULL;
}

static void run(struct served *f, const char *script)
{
    start(f, script);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->ended, 1);
}

/* `script` has one %s, for the directory. */
static void run_in(struct served *f, const char *script)
{
    const char *place = strstr(script, "%s");
    char *whole = mem_printf("%.*s%s%s", (int)(place - script), script, f->directory, place + 2);
    run(f, whole);
    free(whole);
}

/* The events, with each time taken as N.N s. */
static void assert_events(struct served *f, const char *expected)
{
    struct buf plain = {0};
    for (const char *p = f->events.data; *p;) {
        size_t digits = strspn(p, "0123456789.");
        bool time = digits >= 3 && strncmp(p + digits, " s", 2) == 0;
        buf_printf(&plain, "%.*s", time ? 3 : 1, time ? "N.N" : p);
        p += time ? digits : 1;
    }
    assert_string_equal(plain.data, expected);
    buf_fini(&plain);
}

static void assert_file(const struct served *f, const char *name, const char *expected)
{
    char *path = mem_printf("%s/%s", f->directory, name);
    struct buf text = read_file(path);
    assert_string_equal(text.data, expected);
    buf_fini(&text);
    free(path);
}

static void assert_journal(const struct served *f, const char *expected)
{
    char *path = mem_printf("%s/events.jsonl", f->directory);
    struct buf text = read_file(path);
    if (!strstr(text.data, expected))
        fail_msg("no %s in %s", expected, text.data);
    buf_fini(&text);
    free(path);
}

/* --- what goes well --- */

static void test_nothing_to_ask_is_ready_when_executed(void **state)
{
    struct served *f = *state;
    f->stop_when_ready = true;
    run(f, "sleep 100");
    assert_string_equal(f->events.data, "ready ended");
    assert_journal(f, "\"event\":\"service_started\"");
    assert_journal(f, "\"event\":\"service_ready\"");
    assert_journal(f, "\"service\":\"agent\",\"good\":true,\"cause\":\"signal 15 (Terminated)\"");
}

static void test_it_is_asked_until_it_answers(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->refusals = 3;
    f->waits = f->stop_when_ready = true;
    run_in(f, "trap 'echo bye; exit 0' TERM; echo hello; echo careful >&2; exec 2>&-; : > %s/begun; while :; do sleep "
              "0.01; done");
    assert_string_equal(f->events.data, "ready ended");
    assert_true(f->questions >= 4);
    assert_file(f, "services/agent.out", "hello\nbye\n");
    assert_file(f, "services/agent.err", "careful\n");
    assert_journal(f, "\"good\":true,\"cause\":\"exit 0\"");
}

static void test_it_is_asked_at_a_unix_socket(void **state)
{
    struct served *f = *state;
    char *listen = mem_printf("unix:%s/socket", f->directory);
    ask_at(f, listen);
    f->stop_when_ready = true;
    run(f, "sleep 100");
    assert_string_equal(f->events.data, "ready ended");
    assert_int_equal(f->questions, 1);
    free(listen);
}

static void test_its_environment_is_the_given_one(void **state)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin", "DD_API_KEY=secret", NULL};
    struct served *f = *state;
    f->options.env = env;
    run(f, "echo $DD_API_KEY $HOME");
    assert_file(f, "services/agent.out", "secret\n");
}

static void test_it_can_be_stopped_before_it_has_begun(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->mute = true;
    start(f, "sleep 100");
    service_stop(f->service);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_string_equal(f->events.data, "ended");
}

static void test_it_can_be_stopped_before_it_is_executed(void **state)
{
    struct served *f = *state;
    start(f, "sleep 100");
    service_stop(f->service);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_string_equal(f->events.data, "ended");
}

static void test_an_answer_after_the_stop_makes_nothing_ready(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->waits = f->stop_when_asked = true;
    run_in(f, "trap 'sleep 0.3; exit 0' TERM; : > %s/begun; while :; do sleep 0.01; done");
    assert_string_equal(f->events.data, "ended");
}

static void test_once_ready_it_may_take_its_time(void **state)
{
    struct served *f = *state;
    f->options.start_timeout_ms = 1000;
    run(f, "sleep 1.5; exit 1");
    assert_events(f, "ready failed(agent ended while it was needed, N.N s after it was ready: exit 1) ended");
}

/* --- what fails --- */

static void test_a_program_that_is_not_there(void **state)
{
    static const char *const args[] = {"/nowhere/agent", NULL};
    struct served *f = *state;
    f->options.args = args;
    run(f, "");
    assert_string_equal(f->events.data,
                        "failed(agent could not be started (program /nowhere/agent): No such file or directory) ended");
    assert_journal(f, "\"good\":false,\"cause\":\"could not be started (program /nowhere/agent): No such file");
}

static void test_a_guard_that_is_not_there(void **state)
{
    struct served *f = *state;
    free(f->host.guard);
    f->host.guard = mem_strdup("/nowhere/guard");
    run(f, "sleep 100");
    assert_string_equal(f->events.data,
                        "failed(agent could not be started: worker /bin/sh: cannot start /nowhere/guard: no "
                        "such file or directory) ended");
}

static void test_it_ends_before_it_answers(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->refusals = 1000000;
    run(f, "echo starting; echo 'port in use' >&2; exit 3");
    assert_string_equal(f->events.data, "failed(agent ended before it was ready: exit 3) ended");
    assert_string_equal(f->output, "port in use\n");
    assert_journal(f, "\"good\":false,\"cause\":\"exit 3\"");
}

static void test_only_standard_output_says_something(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->refusals = 1000000;
    run(f, "echo starting; exit 3");
    assert_string_equal(f->output, "starting\n");
}

static void check_timeout(struct served *f, const char *last)
{
    char *expected =
        mem_printf("failed(agent did not answer GET %s within N.N s of its start%s) ended", f->health_url, last);
    f->options.start_timeout_ms = 300;
    run(f, "sleep 100");
    assert_events(f, expected);
    assert_journal(f, "\"good\":false,\"cause\":\"signal 15 (Terminated)\"");
    free(expected);
}

static void test_it_refuses_until_its_time_is_over(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->refusals = 1000000;
    check_timeout(f, " (status 503)");
    assert_true(f->questions > 1);
}

static void test_it_neither_answers_nor_ends(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->refusals = 1000000;
    f->options.start_timeout_ms = 1500;
    f->options.stop_timeout_ms = 200;
    run(f, "trap '' TERM; while :; do sleep 0.1; done");
    char *expected =
        mem_printf("failed(agent did not answer GET %s within N.N s of its start (status 503)) ended", f->health_url);
    assert_events(f, expected);
    assert_journal(f, "\"cause\":\"signal 9 (Killed), killed because it did not follow SIGTERM\"");
    free(expected);
}

static void test_it_takes_the_question_and_says_nothing(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->mute = true;
    check_timeout(f, "");
}

static void test_a_stop_after_a_failure_leaves_it_its_time(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->refusals = 1000000;
    f->stop_when_failed = true;
    f->options.start_timeout_ms = 1500;
    run(f, "trap 'sleep 0.2; echo tidy; exit 0' TERM; while :; do sleep 0.01; done");
    assert_file(f, "services/agent.out", "tidy\n");
}

static void test_it_ends_while_it_is_needed(void **state)
{
    struct served *f = *state;
    run(f, "echo gone >&2; exit 0");
    assert_events(f, "ready failed(agent ended while it was needed, N.N s after it was ready: exit 0) ended");
    assert_string_equal(f->output, "gone\n");
    assert_journal(f, "\"good\":false,\"cause\":\"exit 0\"");
}

static void test_it_has_to_be_killed(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->waits = f->stop_when_ready = true;
    f->options.stop_timeout_ms = 300;
    run_in(f, "trap '' TERM; : > %s/begun; while :; do sleep 0.1; done");
    assert_events(f, "ready failed(agent did not end within N.N s of SIGTERM and was killed) ended");
    assert_journal(f, "\"good\":false,\"cause\":\"signal 9 (Killed), killed because it did not follow SIGTERM\"");
}

static void test_the_second_stop_kills_at_once(void **state)
{
    struct served *f = *state;
    ask_at(f, "127.0.0.1:0");
    f->waits = f->stop_when_ready = f->stop_twice = true;
    run_in(f, "trap '' TERM; : > %s/begun; while :; do sleep 0.1; done");
    assert_string_equal(f->events.data, "ready ended");
    assert_journal(f, "\"good\":false,\"cause\":\"signal 9 (Killed), killed at the second interruption\"");
}

/* As a soak does; the script would say if it was asked before. */
static void test_a_kill_does_not_ask(void **state)
{
    struct served *f = *state;
    f->kill_when_ready = true;
    char *asked = mem_printf("%s/asked", f->directory);
    run_in(f, "trap 'echo >%s/asked' TERM; while :; do sleep 0.01; done");
    assert_string_equal(f->events.data, "ready ended");
    assert_int_equal(access(asked, F_OK), -1);
    free(asked);
    assert_journal(f, "\"good\":true,\"cause\":\"signal 9 (Killed), killed by a disturbance\"");
}

static void test_a_directory_that_can_not_be_written(void **state)
{
    struct served *f = *state;
    char *file = mem_printf("%s/services", f->directory);
    close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    run(f, "sleep 100");
    char *expected =
        mem_printf("failed(agent could not be started: cannot make the directory %s: Not a directory) ended", file);
    assert_string_equal(f->events.data, expected);
    free(expected);
    free(file);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_nothing_to_ask_is_ready_when_executed),
        test(test_it_is_asked_until_it_answers),
        test(test_it_is_asked_at_a_unix_socket),
        test(test_its_environment_is_the_given_one),
        test(test_it_can_be_stopped_before_it_has_begun),
        test(test_it_can_be_stopped_before_it_is_executed),
        test(test_an_answer_after_the_stop_makes_nothing_ready),
        test(test_once_ready_it_may_take_its_time),
        test(test_a_program_that_is_not_there),
        test(test_a_guard_that_is_not_there),
        test(test_it_ends_before_it_answers),
        test(test_only_standard_output_says_something),
        test(test_it_refuses_until_its_time_is_over),
        test(test_it_neither_answers_nor_ends),
        test(test_it_takes_the_question_and_says_nothing),
        test(test_a_stop_after_a_failure_leaves_it_its_time),
        test(test_it_ends_while_it_is_needed),
        test(test_it_has_to_be_killed),
        test(test_the_second_stop_kills_at_once),
        test(test_a_kill_does_not_ask),
        test(test_a_directory_that_can_not_be_written),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
