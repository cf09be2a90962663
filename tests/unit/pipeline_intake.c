/* SPDX-License-Identifier: Apache-2.0 */
/* The intake over real sockets: what an agent answers, what becomes of an upload, good or not. */
#include "client_fixture.h"

#include "pipeline/intake.h"

#define INPUT "/profiling/v1/input"
#define HEAD(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" name "\"\r\n\r\n"
#define EVENT_HEAD                                                                                                     \
    "--b\r\nContent-Disposition: form-data; name=\"event\"; filename=\"event.json\"\r\n"                               \
    "Content-Type: application/json\r\n\r\n"
#define EVENT(attachments)                                                                                             \
    EVENT_HEAD "{\"attachments\":[" attachments "],\"tags_profiler\":\"service:s,runtime-id:r-1\","                    \
               "\"start\":\"2026-11-25T16:23:31.7Z\",\"end\":\"2026-11-25T16:23:32.4Z\","                              \
               "\"family\":\"python\",\"version\":\"4\"}\r\n"
#define PROFILE HEAD("profile.pprof") "\x28\xB5\x2F\xFD\r\n"
#define PROVENANCE HEAD("code-provenance.json") "{}\r\n"
#define GOOD EVENT("\"code-provenance.json\",\"profile.pprof\"") PROVENANCE PROFILE "--b--\r\n"

/* What the intake told of one upload, as text. */
struct fixture {
    struct client_fixture *client;
    struct intake *intake;
    struct intake_options options;
    struct buf told; /* "200 - r-1 START END tags=2 profile.pprof(4);" */
    size_t uploads;
    struct buf body; /* taken */
    bool take;
};

static void on_upload(struct intake *intake, const struct upload *u, void *data)
{
    struct fixture *f = data;
    assert_ptr_equal(intake, f->intake);
    f->uploads++;
    buf_printf(&f->told, "%d %s|%s|%s|%s|event=%zu|tags=%zu|", u->status, u->rejected != NULL ? u->rejected : "-",
               u->runtime_id, u->start, u->end, u->event_size, u->tag_count);
    for (size_t i = 0; i < u->profile_count; i++) {
        buf_printf(&f->told, "%s(%zu)", u->profiles[i].name, u->profiles[i].size);
    }
    if (f->take) {
        f->body = *u->body;
        *u->body = (struct buf){0};
    }
}

static int setup(void **state)
{
    void *client;
    struct err e;
    struct fixture *f = mem_calloc(1, sizeof *f);
    client_setup(&client);
    f->client = client;
    f->options = (struct intake_options){
        .listen = "127.0.0.1:0", .max_body = 100000, .max_header = 4096, .max_parts = 4, .idle_timeout_ms = 30000};
    f->intake = intake_start(&f->client->http.loop, &f->options, on_upload, f, &e);
    assert_non_null(f->intake);
    *state = f;
    return 0;
}

static void on_intake_stopped(void *data)
{
    struct fixture *f = data;
    f->intake = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *client = f->client;
    intake_stop(f->intake, on_intake_stopped, f);
    WAIT(&f->client->http, f->intake == NULL);
    client_teardown(&client);
    buf_fini(&f->told);
    buf_fini(&f->body);
    free(f);
    return 0;
}

static void send_to(struct fixture *f, const char *method, const char *path, const char *type, const char *body,
                    size_t size)
{
    struct http_headers h = {0};
    char *url = mem_printf("%s%s", intake_url(f->intake), path);
    if (type != NULL) {
        http_headers_add(&h, "Content-Type", type);
    }
    f->client->call = (struct http_call){
        .method = method, .url = url, .headers = &h, .body = body, .body_size = size, .timeout_ms = 30000};
    buf_clear(&f->told);
    call_now(f->client);
    assert_null(f->client->error);
    http_headers_fini(&h);
    free(url);
}

static void upload(struct fixture *f, const char *body)
{
    send_to(f, "POST", INPUT, "multipart/form-data; boundary=b", body, strlen(body));
}

/* --- as an agent --- */

static void info_names_what_is_served(void **state)
{
    struct fixture *f = *state;
    send_to(f, "GET", "/info", NULL, "", 0);
    assert_int_equal(f->client->status, 200);
    assert_string_equal(f->client->body.data, "{\"version\":\"7.0.0-locktrail\",\"endpoints\":[\"/info\","
                                              "\"/profiling/v1/input\",\"/api/v2/profile\"]}");
    assert_int_equal(f->uploads, 0);
}

static void other_paths_and_methods_are_refused(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
    } cases[] = {
        {"GET", "/", 404},
        {"PUT", "/v0.4/traces", 404},
        {"POST", "/v0.5/traces", 404},
        {"POST", "/telemetry/proxy/api/v2/apmtelemetry", 404},
        {"POST", "/evp_proxy/v2/api", 404},
        {"POST", INPUT "/", 404},
        {"POST", "/profiling/v1/inpu", 404},
        {"GET", INPUT, 405},
        {"PUT", INPUT, 405},
        {"POST", "/info", 405},
        {"GET", "/api/v2/profile", 405},
        {"GET", "/info?x", 200},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        send_to(f, cases[i].method, cases[i].path, NULL, "", 0);
        assert_int_equal(f->client->status, cases[i].status);
    }
    assert_int_equal(f->uploads, 0);
}

/* --- good uploads --- */

static void a_good_upload_is_taken(void **state)
{
    static const char told[] = " -|r-1|2026-11-25T16:23:31.7Z|2026-11-25T16:23:32.4Z|event=195|"
                               "tags=2|profile.pprof(4)";
    struct fixture *f = *state;
    f->take = true;
    upload(f, GOOD);
    assert_int_equal(f->client->status, 200);
    assert_string_equal(f->client->body.data, "{}");
    assert_memory_equal(f->told.data, "200", 3);
    assert_string_equal(f->told.data + 3, told);
    assert_string_equal(f->body.data, GOOD);
    buf_fini(&f->body);
    send_to(f, "POST", "/api/v2/profile?x", "multipart/form-data; boundary=b", GOOD, sizeof GOOD - 1);
    assert_int_equal(f->client->status, 202);
    assert_memory_equal(f->told.data, "202", 3);
    assert_string_equal(f->told.data + 3, told);
}

static void profiles_are_what_the_event_attaches(void **state)
{
    static const struct {
        const char *body, *profiles;
    } cases[] = {
        /* the part is called by its field or by its file */
        {EVENT("\"main.jfr\"") "--b\r\nContent-Disposition: form-data; name=main; "
                               "filename=main.jfr\r\n\r\nFLR\r\n--b--",
         "main.jfr(3)"},
        {EVENT("\"main\"") "--b\r\nContent-Disposition: form-data; name=main; "
                           "filename=main.jfr\r\n\r\nFLR\r\n--b--",
         "main.jfr(3)"},
        {EVENT("\"main\"") "--b\r\nContent-Disposition: form-data; name=main\r\n\r\n\r\n--b--", "main(0)"},
        {EVENT("\"a\",\"b\"") HEAD("b") "1\r\n" HEAD("a") "22\r\n--b--", "b(1)a(2)"},
        {EVENT("\"a\"") HEAD("a") "1\r\n" HEAD("other") "22\r\n--b--", "a(1)"},
        /* no list: everything but the event */
        {EVENT_HEAD "{\"start\":\"2026-11-25T16:23:31Z\",\"end\":\"2026-11-25T16:23:31Z\","
                    "\"family\":\"go\",\"version\":\"4\"}\r\n" PROVENANCE HEAD("x") "1\r\n--b--",
         "x(1)"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        upload(f, cases[i].body);
        assert_memory_equal(f->told.data, "200 -|", 6);
        assert_string_equal(strrchr(f->told.data, '|') + 1, cases[i].profiles);
    }
}

static void a_unix_socket_takes_uploads(void **state)
{
    struct fixture *f = *state;
    struct err e;
    char *listen = mem_printf("unix:%s/s", f->client->http.directory);
    intake_stop(f->intake, on_intake_stopped, f);
    WAIT(&f->client->http, f->intake == NULL);
    f->options.listen = listen;
    f->intake = intake_start(&f->client->http.loop, &f->options, on_upload, f, &e);
    assert_non_null(f->intake);
    struct http_headers h = {0};
    http_headers_add(&h, "Content-Type", "multipart/form-data; boundary=b");
    f->client->call = (struct http_call){.method = "POST",
                                         .url = "http://localhost" INPUT,
                                         .unix_socket = listen + 5,
                                         .headers = &h,
                                         .body = GOOD,
                                         .body_size = sizeof GOOD - 1,
                                         .timeout_ms = 30000};
    call_now(f->client);
    assert_int_equal(f->client->status, 200);
    assert_int_equal(f->uploads, 1);
    http_headers_fini(&h);
    free(listen);
}

/* --- rejected ones --- */

static void expect_rejected(struct fixture *f, int status, const char *why)
{
    char *answer = mem_printf("%d %s|", status, why);
    assert_int_equal(f->client->status, status);
    assert_int_equal(strncmp(f->told.data, answer, strlen(answer)), 0);
    free(answer);
    assert_non_null(strstr(f->client->body.data, "{\"error\":\""));
}

static void malformed_uploads_are_told_with_the_reason(void **state)
{
    static const struct {
        const char *body, *why;
    } cases[] = {
        {"", "multipart body: offset 0: the body has ended without the boundary \"--b\""},
        {"--b--", "no part \"event\" among the parts (there are none)"},
        {PROFILE "--b--", "no part \"event\" among the parts (profile.pprof)"},
        {PROFILE PROVENANCE "--b--", "no part \"event\" among the parts (profile.pprof, code-provenance.json)"},
        {PROFILE PROFILE "--b--", "part 2 has the name of part 1, \"profile.pprof\""},
        {EVENT("\"profile.pprof\"") PROVENANCE "--b--",
         "no attachment \"profile.pprof\" (attachments[0] of event.json) among the parts "
         "(event.json, code-provenance.json)"},
        {EVENT("\"code-provenance.json\"") PROVENANCE PROFILE "--b--",
         "no profile among the parts (event.json, code-provenance.json, profile.pprof)"},
        {EVENT("") PROFILE "--b--", "no profile among the parts (event.json, profile.pprof)"},
        {EVENT_HEAD "\r\n" PROFILE "--b--", "event.json: offset 0: expected a value, found the end"},
        {EVENT_HEAD "[]\r\n" PROFILE "--b--", "event.json: expected an object, found an array"},
        {EVENT("\"a\"") HEAD("a") "x",
         "multipart body: offset 334, part 2 (a): the body has ended before its closing boundary "
         "\"--b--\""},
        {"--b\r\nContent-Type: x\r\n\r\n",
         "multipart body: offset 23, part 1: the part has no name (no Content-Disposition)"},
        {HEAD("1") "\r\n" HEAD("2") "\r\n" HEAD("3") "\r\n" HEAD("4") "\r\n" HEAD("5"),
         "multipart body: offset 264: more than 4 parts"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        upload(f, cases[i].body);
        expect_rejected(f, 400, cases[i].why);
    }
    assert_int_equal(f->uploads, sizeof cases / sizeof *cases);
}

static void foreign_types_are_told(void **state)
{
    static const struct {
        const char *type, *why;
        int status;
    } cases[] = {
        {NULL, "no Content-Type, expected multipart/form-data", 415},
        {"application/json", "Content-Type: expected multipart/form-data, found 'application/json'", 415},
        {"multipart/form-data", "Content-Type: no boundary", 400},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        send_to(f, "POST", INPUT, cases[i].type, GOOD, sizeof GOOD - 1);
        expect_rejected(f, cases[i].status, cases[i].why);
    }
}

static void an_event_is_kept_although_it_is_rejected(void **state)
{
    struct fixture *f = *state;
    upload(f, EVENT("\"gone\"") PROFILE "--b--");
    assert_non_null(strstr(f->told.data, "|r-1|2026-11-25T16:23:31.7Z|"));
    upload(f, EVENT_HEAD "{broken\r\n" PROFILE "--b--");
    assert_non_null(strstr(f->told.data, "||||event=7|tags=0|"));
}

/* What a client that is not ours says, byte for byte. */
static void exchange(struct fixture *f, const char *request, int status, const char *told)
{
    struct buf answer = {0};
    int fd = raw_connect(intake_url(f->intake));
    buf_clear(&f->told);
    raw_say(&f->client->http, fd, request);
    shutdown(fd, SHUT_WR);
    raw_read(&f->client->http, fd, NULL, &answer);
    close(fd);
    WAIT(&f->client->http, f->told.size > 0);
    assert_int_equal(status_of(&answer), status);
    assert_string_equal(f->told.data, told);
    buf_fini(&answer);
}

static void what_the_server_refuses_is_told_as_well(void **state)
{
    static const char post[] = "POST " INPUT " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    struct fixture *f = *state;
    char *none = mem_printf("%sContent-Type: multipart/form-data; boundary=b\r\n\r\n", post);
    char *encoded = mem_printf("%sContent-Type: multipart/form-data; boundary=b\r\n"
                               "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
                               post);
    char *large = mem_printf("%sExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n", post);
    char *cut = mem_printf("%sContent-Length: 10\r\n\r\nabc", post);
    char *head = mem_printf("%sbroken\r\n\r\n", post);
    exchange(f, none, 411, "411 neither Content-Length nor Transfer-Encoding||||event=0|tags=0|");
    exchange(f, encoded, 415,
             "415 Content-Encoding is not identity, the body can't be taken apart||||event=0|"
             "tags=0|");
    exchange(f, large, 413, "413 the body has 100001 bytes, at most 100000 are allowed||||event=0|tags=0|");
    exchange(f, cut, 0, "0 after 3 bytes of the body the connection was lost||||event=0|tags=0|");
    exchange(f, head, 400,
             "0 in the request's head something is malformed, or it is far above 4096 bytes||||"
             "event=0|tags=0|");
    assert_int_equal(f->uploads, 5);
    free(none);
    free(encoded);
    free(large);
    free(cut);
    free(head);
}

static void what_is_lost_elsewhere_is_no_upload(void **state)
{
    struct fixture *f = *state;
    struct buf answer = {0};
    int fd = raw_connect(intake_url(f->intake));
    raw_say(&f->client->http, fd, "POST /v0.4/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    shutdown(fd, SHUT_WR);
    raw_read(&f->client->http, fd, NULL, &answer);
    close(fd);
    fd = raw_connect(intake_url(f->intake));
    raw_say(&f->client->http, fd, "GET " INPUT " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    shutdown(fd, SHUT_WR);
    raw_read(&f->client->http, fd, NULL, &answer);
    close(fd);
    assert_int_equal(f->uploads, 0);
    assert_int_equal(intake_open_requests(f->intake), 0);
    buf_fini(&answer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(info_names_what_is_served),
        TEST(other_paths_and_methods_are_refused),
        TEST(a_good_upload_is_taken),
        TEST(profiles_are_what_the_event_attaches),
        TEST(a_unix_socket_takes_uploads),
        TEST(malformed_uploads_are_told_with_the_reason),
        TEST(foreign_types_are_told),
        TEST(an_event_is_kept_although_it_is_rejected),
        TEST(what_the_server_refuses_is_told_as_well),
        TEST(what_is_lost_elsewhere_is_no_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
