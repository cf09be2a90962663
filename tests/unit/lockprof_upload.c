/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/upload.h"

#include "base/json.h"
#include "base/mem.h"
#include "lockprof/export/event.h"
#include "upload_server.h"

#include <dirent.h>
#include <fcntl.h>

/* A test that hangs is ended by SIGALRM after so many seconds. */
#define TEST_DEADLINE_S 120
#define START_NS INT64_C(1700000000123456789)
#define END_NS INT64_C(1700000060000000000)

struct fixture {
    char directory[64];
    char prefix[96];
    char last_resort[64]; /* "" or a directory */
    struct upload_server server;
    struct uploader_options options;
    struct uploader *uploader;
    int real_stderr;
    char stderr_path[96];
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    alarm(TEST_DEADLINE_S);
    snprintf(f->directory, sizeof f->directory, "/tmp/lockprof_upload_XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->prefix, sizeof f->prefix, "%s/kept", f->directory);
    snprintf(f->stderr_path, sizeof f->stderr_path, "%s/stderr", f->directory);
    f->options = (struct uploader_options){.tags = "service:shop",
                                           .kept_prefix = f->prefix,
                                           .pid = 12,
                                           .tries = 3,
                                           .pause_first_ms = 2,
                                           .pause_max_ms = 4};
    fflush(stderr);
    f->real_stderr = dup(STDERR_FILENO);
    int fd = open(f->stderr_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, STDERR_FILENO);
    close(fd);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    dup2(f->real_stderr, STDERR_FILENO);
    close(f->real_stderr);
    DIR *directory = opendir(f->directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    rmdir(f->directory);
    endpoint_fini(&f->options.endpoint);
    free(f);
    alarm(0);
    return 0;
}

static void start_at(struct fixture *f, const char *url)
{
    struct err e;
    if (endpoint_parse(url, &f->options.endpoint, &e) != 0 || uploader_new(&f->uploader, &f->options, &e) != 0)
        fail_msg("%s", e.text);
}

static void start(struct fixture *f, const int *script, size_t size)
{
    server_start(&f->server, "", script, size);
    start_at(f, f->server.url);
}

static void send_bytes(struct fixture *f, const char *bytes, const char *path, unsigned sequence)
{
    struct buf b = {0};
    buf_add_str(&b, bytes);
    uploader_send(f->uploader, &b, path, sequence, START_NS, END_NS);
    assert_null(b.data);
}

static struct uploader_result finish(struct fixture *f)
{
    struct uploader_result result = uploader_finish(f->uploader, TEST_DEADLINE_S * 1000);
    server_end(&f->server);
    return result;
}

static char *read_file(const char *path)
{
    struct buf out = {0};
    char chunk[4096];
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is missing", path);
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buf_add(&out, chunk, size);
    fclose(file);
    return buf_steal(&out);
}

static void expect_stderr(struct fixture *f, const char *expected)
{
    char *said = read_file(f->stderr_path);
    assert_string_equal(said, expected);
    free(said);
}

/* --- what is sent ------------------------------------------------------------------------------------------------- */

static bool has(const struct buf *request, const char *text)
{
    return memmem(request->data, request->size, text, strlen(text)) != NULL;
}

/* The part's body, for the caller to free. */
static char *part_body(const struct buf *request, const char *name)
{
    char *head = mem_printf("name=\"%s\"", name);
    char *at = memmem(request->data, request->size, head, strlen(head));
    assert_non_null(at);
    free(head);
    char *body = strstr(at, "\r\n\r\n");
    assert_non_null(body);
    char *end = memmem(body, request->size - (size_t)(body - request->data), "\r\n--", 4);
    assert_non_null(end);
    return mem_strndup(body + 4, (size_t)(end - body - 4));
}

static void an_agent_gets_event_and_profile(void **state)
{
    struct fixture *f = *state;
    struct json *event;
    struct err e;
    f->options.api_key = "secret";
    start(f, NULL, 0);
    send_bytes(f, "the bytes", NULL, 1);
    struct uploader_result result = finish(f);
    assert_int_equal(result.sent, 1);
    assert_int_equal(result.kept + result.lost, 0);
    const struct buf *request = &f->server.requests[0];
    assert_int_equal(f->server.count, 1);
    assert_memory_equal(request->data, "POST /profiling/v1/input HTTP/1.1\r\n", 35);
    assert_true(has(request, "\r\nContent-Type: multipart/form-data; boundary="));
    assert_true(has(request, "\r\nDD-EVP-ORIGIN: lockprof\r\n"));
    /* The key is for the intake; an agent has its own. */
    assert_false(has(request, "secret"));
    assert_true(has(request, "Content-Disposition: form-data; name=\"event\"; filename=\"event.json\"\r\n"));
    assert_true(has(request, "Content-Disposition: form-data; name=\"lock.pprof\"; filename=\"lock.pprof\"\r\n"));
    char *body = part_body(request, "lock.pprof"), *text = part_body(request, "event");
    assert_string_equal(body, "the bytes");
    assert_int_equal(json_read(text, strlen(text), &event, &e), 0);
    assert_string_equal(json_get_string(event, "start", ""), "2023-11-14T22:13:20.123456789Z");
    assert_string_equal(json_get_string(event, "end", ""), "2023-11-14T22:14:20.000000000Z");
    json_free(event);
    free(body);
    free(text);
    expect_stderr(f, "");
    server_stop(&f->server);
}

static void a_large_profile_waits_for_no_permission(void **state)
{
    struct fixture *f = *state;
    char *large = mem_calloc(3 << 20, 1);
    memset(large, 'x', (3 << 20) - 1);
    start(f, NULL, 0);
    send_bytes(f, large, NULL, 1);
    assert_int_equal(finish(f).sent, 1);
    assert_false(has(&f->server.requests[0], "Expect:"));
    assert_true(has(&f->server.requests[0], large));
    free(large);
    server_stop(&f->server);
}

static void a_unix_socket_is_an_agent_too(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/s", f->directory);
    server_start(&f->server, path, NULL, 0);
    start_at(f, f->server.url);
    send_bytes(f, "x", NULL, 1);
    assert_int_equal(finish(f).sent, 1);
    assert_memory_equal(f->server.requests[0].data, "POST /profiling/v1/input HTTP/1.1\r\n", 35);
    server_stop(&f->server);
}

static void an_intake_gets_the_key(void **state)
{
    struct fixture *f = *state;
    static const int script[] = {403};
    server_start(&f->server, "", script, 1);
    char *url = mem_printf("%s/api/v2/profile", f->server.url);
    f->options.api_key = "secret";
    start_at(f, url);
    send_bytes(f, "x", "a/path", 1);
    assert_int_equal(finish(f).kept, 1);
    assert_memory_equal(f->server.requests[0].data, "POST /api/v2/profile HTTP/1.1\r\n", 31);
    assert_true(has(&f->server.requests[0], "\r\nDD-API-KEY: secret\r\n"));
    char *said = mem_printf("lockprof: not sent to %s: answered with status 403: why! (a/path)\n", url);
    expect_stderr(f, said);
    free(said);
    free(url);
    server_stop(&f->server);
}

/* --- what fails --------------------------------------------------------------------------------------------------- */

static void what_may_pass_is_tried_again(void **state)
{
    static const int scripts[][2] = {{503, 200}, {500, 502},          {429, 200},
                                     {408, 200}, {SERVER_RESET, 200}, {SERVER_RESET, SERVER_RESET}};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct fixture *f = *state;
        f->server = (struct upload_server){0};
        start(f, scripts[i], 2);
        send_bytes(f, "the bytes", NULL, 1);
        struct uploader_result result = finish(f);
        assert_int_equal(result.sent, 1);
        assert_int_equal(f->server.count, scripts[i][1] == 200 ? 2 : 3);
        assert_true(has(&f->server.requests[f->server.count - 1], "the bytes"));
        expect_stderr(f, "");
        server_stop(&f->server);
        endpoint_fini(&f->options.endpoint);
    }
}

static void what_never_passes_stays_where_it_is(void **state)
{
    static const int script[] = {503, 503, 503};
    struct fixture *f = *state;
    start(f, script, 3);
    send_bytes(f, "x", "shop.12.1.pprof", 1);
    send_bytes(f, "y", "shop.12.2.pprof", 2);
    struct uploader_result result = finish(f);
    assert_int_equal(result.sent, 1);
    assert_int_equal(result.kept, 1);
    assert_int_equal(f->server.count, 4);
    char *said = mem_printf("lockprof: not sent to %s/profiling/v1/input: 3 attempts, the last: answered with status "
                            "503: why! (shop.12.1.pprof)\n",
                            f->server.url);
    expect_stderr(f, said);
    free(said);
    server_stop(&f->server);
}

static void what_is_refused_is_not_tried_again_and_gets_a_file(void **state)
{
    static const int script[] = {400};
    struct fixture *f = *state;
    char path[128];
    start(f, script, 1);
    send_bytes(f, "the bytes", NULL, 7);
    struct uploader_result result = finish(f);
    assert_int_equal(result.kept, 1);
    assert_int_equal(f->server.count, 1);
    snprintf(path, sizeof path, "%s.12.7.pprof", f->prefix);
    char *kept = read_file(path);
    assert_string_equal(kept, "the bytes");
    free(kept);
    char *said = mem_printf("lockprof: not sent to %s/profiling/v1/input: answered with status 400: why! (%s)\n",
                            f->server.url, path);
    expect_stderr(f, said);
    free(said);
    server_stop(&f->server);
}

static void a_kept_profile_replaces_no_other(void **state)
{
    static const int script[] = {400};
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s.12.1.pprof", f->prefix);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    start(f, script, 1);
    send_bytes(f, "new", NULL, 1);
    finish(f);
    char *old = read_file(path);
    assert_string_equal(old, "");
    free(old);
    snprintf(path, sizeof path, "%s.12.2.pprof", f->prefix);
    char *kept = read_file(path);
    assert_string_equal(kept, "new");
    free(kept);
    server_stop(&f->server);
}

static void where_it_cannot_be_kept_there_is_a_last_resort(void **state)
{
    static const int script[] = {400, 400};
    struct fixture *f = *state;
    char path[128];
    f->options.kept_prefix = "/nowhere/at/all";
    f->options.last_resort = f->directory;
    start(f, script, 2);
    send_bytes(f, "the bytes", NULL, 1);
    struct uploader_result result = finish(f);
    assert_int_equal(result.kept, 1);
    assert_int_equal(result.last_resort, 1);
    snprintf(path, sizeof path, "%s/unsent.12.1.pprof", f->directory);
    char *kept = read_file(path);
    assert_string_equal(kept, "the bytes");
    free(kept);
    server_stop(&f->server);
}

static void a_loss_is_said(void **state)
{
    static const int script[] = {400};
    struct fixture *f = *state;
    f->options.kept_prefix = "/nowhere/at/all";
    start(f, script, 1);
    send_bytes(f, "the bytes", NULL, 1);
    assert_int_equal(finish(f).lost, 1);
    char *said = mem_printf("lockprof: a profile is lost: not sent to %s/profiling/v1/input: answered with status 400: "
                            "why!; and can't write /nowhere/at/all.12.1.pprof: No such file or directory\n",
                            f->server.url);
    expect_stderr(f, said);
    free(said);
    server_stop(&f->server);
}

static void what_is_not_to_be_kept_is_lost(void **state)
{
    static const int script[] = {400};
    struct fixture *f = *state;
    f->options.kept_prefix = NULL;
    f->options.last_resort = f->directory;
    start(f, script, 1);
    send_bytes(f, "the bytes", NULL, 1);
    struct uploader_result result = finish(f);
    assert_int_equal(result.lost, 1);
    assert_int_equal(result.kept, 0);
    char *said = mem_printf("lockprof: a profile is lost: not sent to %s/profiling/v1/input: answered with status 400: "
                            "why!; and what is not sent is not kept\n",
                            f->server.url);
    expect_stderr(f, said);
    free(said);
    server_stop(&f->server);
}

static void nobody_there_is_said_with_the_reason(void **state)
{
    struct fixture *f = *state;
    server_start(&f->server, "", NULL, 0);
    char *url = mem_strdup(f->server.url);
    server_end(&f->server);
    start_at(f, url);
    send_bytes(f, "x", "shop.12.1.pprof", 1);
    assert_int_equal(finish(f).kept, 1);
    char *said = read_file(f->stderr_path);
    char *begin =
        mem_printf("lockprof: not sent to %s/profiling/v1/input: 3 attempts, the last: Failed to connect to ", url);
    assert_memory_equal(said, begin, strlen(begin));
    assert_non_null(strstr(said, " (shop.12.1.pprof)\n"));
    free(said);
    free(begin);
    free(url);
    server_stop(&f->server);
}

static void an_agent_that_does_not_answer_holds_nothing_up(void **state)
{
    static const int script[] = {SERVER_SILENT};
    struct fixture *f = *state;
    start(f, script, 1);
    send_bytes(f, "x", "shop.12.1.pprof", 1);
    server_wait_for(&f->server, 1);
    /* One is under way: the queue takes its number, and not one more. */
    for (unsigned i = 2; i < 2 + UPLOAD_QUEUE_MAX; i++) {
        char path[32];
        snprintf(path, sizeof path, "shop.12.%u.pprof", i);
        send_bytes(f, "x", path, i);
    }
    expect_stderr(f, "");
    send_bytes(f, "x", "shop.12.99.pprof", 99);
    char *first = mem_printf("lockprof: not sent to %s/profiling/v1/input: too many profiles wait to be sent "
                             "(shop.12.99.pprof)\n",
                             f->server.url);
    expect_stderr(f, first);
    struct uploader_result result = uploader_finish(f->uploader, 0);
    assert_int_equal(result.sent, 0);
    assert_int_equal(result.kept, 2 + UPLOAD_QUEUE_MAX);
    char *said = read_file(f->stderr_path);
    char *second = mem_printf("%slockprof: not sent to %s/profiling/v1/input: no answer within the time that is left "
                              "(shop.12.1.pprof)\nlockprof: not sent to %s/profiling/v1/input: no time was left at the "
                              "end (shop.12.2.pprof)\n",
                              first, f->server.url, f->server.url);
    assert_memory_equal(said, second, strlen(second));
    free(said);
    free(first);
    free(second);
    server_stop(&f->server);
}

static void the_end_breaks_a_pause_off(void **state)
{
    static const int script[] = {503};
    struct fixture *f = *state;
    f->server.headers = "Retry-After: 3600\r\n";
    f->options.pause_max_ms = 3600 * 1000;
    start(f, script, 1);
    send_bytes(f, "x", NULL, 1);
    server_wait_for(&f->server, 1);
    assert_int_equal(finish(f).sent, 1);
    assert_int_equal(f->server.count, 2);
    server_stop(&f->server);
}

/* --- endpoints ---------------------------------------------------------------------------------------------------- */

static void urls_of_endpoints(void **state)
{
    static const struct {
        const char *given, *url, *socket, *shown;
        bool agentless;
    } good[] = {
        {"http://localhost:8126", "http://localhost:8126/profiling/v1/input", NULL, NULL, false},
        {"http://localhost:8126/", "http://localhost:8126/profiling/v1/input", NULL, NULL, false},
        {"HTTP://[::1]:8126", "HTTP://[::1]:8126/profiling/v1/input", NULL, NULL, false},
        {"https://proxy/agent/", "https://proxy/agent/profiling/v1/input", NULL, NULL, false},
        {"http://h/profiling/v1/input", "http://h/profiling/v1/input", NULL, NULL, false},
        {"https://intake.profile.example.com/api/v2/profile", "https://intake.profile.example.com/api/v2/profile", NULL,
         NULL, true},
        {"http://user:pass@h:1", "http://user:pass@h:1/profiling/v1/input", NULL, "http://h:1/profiling/v1/input",
         false},
        {"unix:///run/agent.sock", "http://localhost/profiling/v1/input", "/run/agent.sock", "unix:///run/agent.sock",
         false},
        {"unix:/run/agent.sock", "http://localhost/profiling/v1/input", "/run/agent.sock", "unix:///run/agent.sock",
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct endpoint out;
        struct err e;
        if (endpoint_parse(good[i].given, &out, &e) != 0)
            fail_msg("%s", e.text);
        assert_string_equal(out.url, good[i].url);
        assert_string_equal(out.shown, good[i].shown ? good[i].shown : good[i].url);
        assert_string_equal(out.socket ? out.socket : "", good[i].socket ? good[i].socket : "");
        assert_int_equal(out.agentless, good[i].agentless);
        endpoint_fini(&out);
    }
}

static void wrong_urls_are_told(void **state)
{
    static const struct {
        const char *given, *text;
    } bad[] = {
        {"localhost:8126",
         "upload: \"localhost:8126\" is no URL of an agent, expected http://HOST:PORT or unix:///PATH"},
        {"", "upload: \"\" is no URL of an agent, expected http://HOST:PORT or unix:///PATH"},
        {"ftp://h", "upload: \"ftp://h\" is no URL of an agent, expected http://HOST:PORT or unix:///PATH"},
        {"http://", "upload: the URL has no host, expected http://HOST:PORT or unix:///PATH"},
        {"http://user:pass@", "upload: the URL has no host, expected http://HOST:PORT or unix:///PATH"},
        {"http://user:pass@h/a?b", "upload: the URL of h has a blank, a query or a fragment, which no agent takes"},
        {"http://h/a b", "upload: the URL of h has a blank, a query or a fragment, which no agent takes"},
        {"http://h\r\nX: y", "upload: the URL of h\r\nX: y has a blank, a query or a fragment, which no agent takes"},
        {"unix:relative", "upload: unix:relative names no absolute path, expected unix:///PATH"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct endpoint out;
        struct err e;
        assert_int_equal(endpoint_parse(bad[i].given, &out, &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
        assert_string_equal(e.text, bad[i].text);
    }
}

static void sites_are_intakes(void **state)
{
    struct endpoint out;
    struct err e;
    (void)state;
    assert_int_equal(endpoint_of_site("datadoghq.eu", &out, &e), 0);
    assert_string_equal(out.url, "https://intake.profile.datadoghq.eu/api/v2/profile");
    assert_true(out.agentless);
    endpoint_fini(&out);
    assert_int_equal(endpoint_of_site("evil/@x", &out, &e), -1);
    assert_string_equal(e.text, "DD_SITE: \"evil/@x\" is no host name, expected one like datadoghq.com");
    assert_int_equal(endpoint_of_site("", &out, &e), -1);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void tags_of_an_event(void **state)
{
    static const struct {
        struct event_identity identity;
        const char *tags;
    } cases[] = {
        {{.service = "shop",
          .env = "prod",
          .version = "1.2",
          .host = "box",
          .runtime_id = "u-u-i-d",
          .tags = "team:core,zone:a:b",
          .pid = 7},
         "service:shop,env:prod,version:1.2,runtime-id:u-u-i-d,host:box,language:c,pid:7,profiler_version:0.1.0,"
         "team:core,zone:a:b"},
        {{.env = "", .pid = 1}, "language:c,pid:1,profiler_version:0.1.0"},
        {{.service = "a,b", .tags = "x:1 y:2", .pid = 1},
         "service:a_b,language:c,pid:1,profiler_version:0.1.0,x:1,y:2"},
        {{.tags = " x:1 , :no,, flag ,", .pid = 1}, "language:c,pid:1,profiler_version:0.1.0,x:1,flag"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        event_tags(&cases[i].identity, &out);
        assert_string_equal(out.data, cases[i].tags);
        buf_fini(&out);
    }
}

static void an_event_is_what_intakes_take(void **state)
{
    struct buf out = {0};
    (void)state;
    event_json("service:\"quoted\"", START_NS, END_NS, &out);
    assert_string_equal(out.data,
                        "{\"attachments\":[\"lock.pprof\"],\"tags_profiler\":\"service:\\\"quoted\\\"\","
                        "\"start\":\"2023-11-14T22:13:20.123456789Z\",\"end\":\"2023-11-14T22:14:20.000000000Z\","
                        "\"family\":\"native\",\"version\":\"4\"}");
    buf_fini(&out);
}

static void runtime_ids_are_uuids(void **state)
{
    char a[EVENT_UUID_SIZE], b[EVENT_UUID_SIZE];
    (void)state;
    event_new_uuid(a);
    event_new_uuid(b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_agent_gets_event_and_profile, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_profile_waits_for_no_permission, setup, teardown),
        cmocka_unit_test_setup_teardown(a_unix_socket_is_an_agent_too, setup, teardown),
        cmocka_unit_test_setup_teardown(an_intake_gets_the_key, setup, teardown),
        cmocka_unit_test_setup_teardown(what_may_pass_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_never_passes_stays_where_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_refused_is_not_tried_again_and_gets_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kept_profile_replaces_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(where_it_cannot_be_kept_there_is_a_last_resort, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loss_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_to_be_kept_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_there_is_said_with_the_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(an_agent_that_does_not_answer_holds_nothing_up, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_breaks_a_pause_off, setup, teardown),
        cmocka_unit_test(urls_of_endpoints),
        cmocka_unit_test(wrong_urls_are_told),
        cmocka_unit_test(sites_are_intakes),
        cmocka_unit_test(tags_of_an_event),
        cmocka_unit_test(an_event_is_what_intakes_take),
        cmocka_unit_test(runtime_ids_are_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
