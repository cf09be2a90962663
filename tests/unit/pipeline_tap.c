/* SPDX-License-Identifier: Apache-2.0 */
/* What passes through a tap unchanged: bytes, headers, framing, answers, over real sockets. */
#include "tap_fixture.h"

#include <fcntl.h>

/* --- bytes --- */

static void an_upload_passes_and_is_handed_out(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    start_both(f);
    make_upload(&body, "abc\0def", 7);
    assert_int_equal(send_upload(f, &body, INPUT), 200);
    WAIT(&f->http, f->dones == 1);
    struct told *t = &f->told[0];
    assert_int_equal(t->uploads, 1);
    assert_null(t->rejected);
    assert_null(t->error);
    assert_null(t->fault);
    assert_string_equal(t->event, EVENT);
    assert_string_equal(t->method, "POST");
    assert_string_equal(t->path, INPUT);
    assert_int_equal(t->body.size, body.size);
    assert_memory_equal(t->body.data, body.data, body.size);
    assert_int_equal(t->status, 200);
    assert_int_equal(t->next_status, 200);
    assert_int_equal(t->body_size, body.size);
    assert_int_equal(t->answer_size, body.size); /* the next hop echoes */
    assert_true(t->received_ns > 0 && t->received_ns <= t->complete_ns);
    assert_true(t->complete_ns <= t->answered_ns && t->sent_ns > 0 && t->sent_ns <= t->answered_ns);
    assert_int_equal(f->http.seen_count, 1);
    assert_int_equal(f->http.seen[0].body.size, body.size);
    assert_memory_equal(f->http.seen[0].body.data, body.data, body.size);
    buf_fini(&body);
}

static void bodies_of_any_size_pass(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, 65536, 300000, 1 << 20, (4 << 20) + 1, 20 << 20};
    struct tap_fixture *f = *state;
    start_both(f);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf bytes = {0}, answer = {0};
        make_bytes(&bytes, sizes[i], i + 1);
        int fd = tap_connect(f);
        say_head(f, fd, "/v0.4/traces?x=%20y", bytes.size);
        raw_send(&f->http, fd, bytes.data, bytes.size);
        bool fits = bytes.size < (4 << 20); /* the next hop echoes: TAP_ANSWER_MAX */
        assert_int_equal(read_answer(f, fd, &answer), fits ? 200 : 502);
        close(fd);
        struct seen *s = &f->http.seen[i];
        assert_string_equal(s->method, "POST");
        assert_string_equal(s->path, "/v0.4/traces?x=%20y");
        assert_int_equal(s->body.size, bytes.size);
        assert_true(bytes.size == 0 || memcmp(s->body.data, bytes.data, bytes.size) == 0);
        if (fits && bytes.size > 0) {
            assert_memory_equal(strstr(answer.data, "\r\n\r\n") + 4, bytes.data, bytes.size);
        }
        WAIT(&f->http, f->dones == i + 1);
        assert_int_equal(f->told[i].uploads, 0);
        assert_int_equal(f->told[i].next_status, 200);
        buf_fini(&bytes);
        buf_fini(&answer);
    }
    assert_string_equal(f->told[7].error, "the next hop's answer has more than 4194304 bytes");
}

static void chunked_bodies_stay_chunked(void **state)
{
    struct tap_fixture *f = *state;
    struct buf bytes = {0}, want = {0};
    start_both(f);
    make_bytes(&bytes, 200000, 7);
    int fd = tap_connect(f);
    raw_say(&f->http, fd, "POST /p HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\nX-A: 1\r\n\r\n");
    for (size_t at = 0; at < bytes.size;) {
        size_t size = 1 + at % 7777;
        size = size < bytes.size - at ? size : bytes.size - at;
        char *line = mem_printf("%zx\r\n", size);
        raw_say(&f->http, fd, line);
        raw_send(&f->http, fd, bytes.data + at, size);
        raw_say(&f->http, fd, "\r\n");
        free(line);
        at += size;
    }
    raw_say(&f->http, fd, "0\r\n\r\n");
    assert_int_equal(read_answer(f, fd, NULL), 200);
    close(fd);
    struct seen *s = &f->http.seen[0];
    assert_int_equal(s->body.size, bytes.size);
    assert_memory_equal(s->body.data, bytes.data, bytes.size);
    assert_null(http_headers_get(&s->headers, "Content-Length"));
    assert_string_equal(http_headers_get(&s->headers, "Transfer-Encoding"), "chunked");
    assert_string_equal(s->headers.items[1].name, "transfer-encoding");
    buf_fini(&bytes);
    buf_fini(&want);
}

/* --- heads --- */

/* What a bare socket in the next hop's place reads of one request: its head, as sent. Answers with `answer`. */
static char *head_through(struct tap_fixture *f, const char *request, const char *answer, struct buf *back)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct buf head = {0};
    int peer = -1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&at, &size);
    char *url = mem_printf("http://127.0.0.1:%d", ntohs(at.sin_port));
    struct tap_target to = {.url = url};
    if (f->tap == NULL) {
        f->options.to = to;
        start_tap(f);
    }
    tap_set_target(f->tap, &to);
    int sender = tap_connect(f);
    raw_say(&f->http, sender, request);
    WAIT(&f->http, (peer = accept(fd, NULL, NULL)) >= 0);
    raw_read(&f->http, peer, "\r\n\r\n", &head);
    raw_say(&f->http, peer, answer);
    close(peer);
    shutdown(sender, SHUT_WR);
    raw_read(&f->http, sender, NULL, back);
    buf_add_str(back, "");
    close(sender);
    close(fd);
    free(url);
    return buf_steal(&head);
}

static void a_head_passes_as_it_was_written(void **state)
{
    static const struct {
        const char *request, *head;
    } cases[] = {
        {"GET /info HTTP/1.1\r\nHost: agent:8126\r\n\r\n", "GET /info HTTP/1.1\r\nHost: agent:8126\r\n\r\n"},
        {"POST " INPUT " HTTP/1.1\r\nhOST: a b\r\ndd-api-key: k\r\nX-Empty:\r\nUser-Agent: DDProf/1\r\nx-twice: "
         "2\r\nX-Twice:  1 \r\nCONTENT-length: 3\r\nAccept: x\r\nContent-Type: t\r\n\r\nabc",
         "POST " INPUT " HTTP/1.1\r\nHost: a b\r\ndd-api-key: k\r\nX-Empty:\r\nUser-Agent: DDProf/1\r\nx-twice: "
         "2\r\nX-Twice: 1\r\nCONTENT-length: 3\r\nAccept: x\r\nContent-Type: t\r\n\r\nabc"},
        {"PUT /a/../b/%2e%20//c?d=e&f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
         "PUT /a/../b/%2e%20//c?d=e&f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"},
        {"DELETE /d HTTP/1.1\r\nHost: x\r\n\r\n", "DELETE /d HTTP/1.1\r\nHost: x\r\n\r\n"},
        {"GET /h HTTP/1.1\r\nHost: x\r\nConnection: X-Gone, keep-alive\r\nX-Gone: 1\r\nKeep-Alive: 5\r\nTE: "
         "trailers\r\nUpgrade: h2c\r\nProxy-Authorization: s\r\nX-Stays: 1\r\n\r\n",
         "GET /h HTTP/1.1\r\nHost: x\r\nX-Stays: 1\r\n\r\n"},
    };
    struct tap_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf back = {0};
        char *head = head_through(f, cases[i].request, "HTTP/1.1 204 No Content\r\n\r\n", &back);
        assert_string_equal(head, cases[i].head);
        assert_int_equal(status_of(&back), 204);
        free(head);
        buf_fini(&back);
    }
}

static void an_answer_passes_as_it_was_written(void **state)
{
    static const struct {
        const char *method, *answer, *back;
    } cases[] = {
        {"GET", "HTTP/1.1 200 OK\r\nx-a: 1\r\nX-B:  2 \r\nx-a: 3\r\nContent-Length: 2\r\nDate: D\r\n\r\nhi",
         "HTTP/1.1 200 OK\r\nx-a: 1\r\nX-B: 2\r\nx-a: 3\r\nDate: D\r\nContent-Length: 2\r\n\r\nhi"},
        {"GET", "HTTP/1.1 404 Not Found\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nServer: s\r\n\r\nuntil the end",
         "HTTP/1.1 404 Not Found\r\nServer: s\r\nContent-Length: 13\r\n\r\nuntil the end"},
        {"GET",
         "HTTP/1.1 100 Continue\r\nX-C: 1\r\n\r\nHTTP/1.1 429 Too\r\nX-RateLimit-Reset: 3\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         "HTTP/1.1 429 Too Many Requests\r\nX-RateLimit-Reset: 3\r\nContent-Length: 3\r\n\r\nabc"},
        {"HEAD", "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 1234\r\n\r\n",
         "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 1234\r\n\r\n"},
        {"GET", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
    };
    struct tap_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf back = {0};
        char *request = mem_printf("%s / HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].method);
        char *head = head_through(f, request, cases[i].answer, &back);
        assert_string_equal(back.data, cases[i].back);
        free(request);
        free(head);
        buf_fini(&back);
    }
}

static void a_target_with_a_path_and_a_key_replaces_them(void **state)
{
    struct tap_fixture *f = *state;
    struct buf answer = {0};
    start_server(&f->http);
    char *url = mem_printf("%s/api/v2/profile", httpd_url(f->http.server));
    f->options.to = (struct tap_target){.url = url, .api_key = "0123"};
    start_tap(f);
    static const char *const requests[] = {
        "POST " INPUT "?a=b HTTP/1.1\r\nHost: x\r\nDD-Api-Key: mine\r\nX-A: 1\r\nContent-Length: 1\r\n\r\nz",
        "POST " INPUT " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz"};
    for (size_t i = 0; i < 2; i++) {
        int fd = tap_connect(f);
        raw_say(&f->http, fd, requests[i]);
        assert_int_equal(read_answer(f, fd, &answer), 200);
        close(fd);
        struct seen *s = &f->http.seen[i];
        assert_string_equal(s->path, "/api/v2/profile");
        assert_string_equal(http_headers_get(&s->headers, "DD-API-KEY"), "0123");
        assert_string_not_equal(http_headers_get(&s->headers, "Host"), "x");
        WAIT(&f->http, f->dones == i + 1);
        assert_int_equal(f->told[i].uploads, 1); /* the sender's own path counts */
    }
    buf_fini(&answer);
    free(url);
}

/* --- connections --- */

static void a_connection_takes_many_requests(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    start_both(f);
    make_upload(&body, "abc", 3);
    int fd = tap_connect(f);
    for (unsigned i = 0; i < 100; i++) {
        say_head(f, fd, INPUT, body.size);
        raw_send(&f->http, fd, body.data, body.size);
        assert_int_equal(read_answer(f, fd, NULL), 200);
        WAIT(&f->http, f->dones == i + 1);
    }
    close(fd);
    assert_int_equal(f->uploads, 100);
    assert_int_equal(httpd_open_connections(f->http.server), 1); /* one to the next hop, too */
    buf_fini(&body);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct tap_fixture *f = *state;
    struct buf all = {0}, answer = {0};
    start_both(f);
    for (int i = 0; i < 20; i++) {
        buf_printf(&all, "POST /p%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n%s\r\n%02d", i,
                   i == 19 ? "Connection: close\r\n" : "", i);
    }
    int fd = tap_connect(f);
    raw_send(&f->http, fd, all.data, all.size);
    raw_read(&f->http, fd, NULL, &answer);
    close(fd);
    const char *at = answer.data;
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof text, "\r\n\r\n%02d", i);
        at = strstr(at, text);
        assert_non_null(at);
    }
    WAIT(&f->http, f->dones == 20);
    buf_fini(&all);
    buf_fini(&answer);
}

static void a_sender_that_expects_is_told_to_go_on(void **state)
{
    struct tap_fixture *f = *state;
    struct buf answer = {0};
    start_both(f);
    int fd = tap_connect(f);
    raw_say(&f->http, fd, "POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    raw_read(&f->http, fd, "\r\n\r\n", &answer);
    assert_string_equal(answer.data, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_say(&f->http, fd, "abc");
    assert_int_equal(read_answer(f, fd, &answer), 200);
    assert_null(http_headers_get(&f->http.seen[0].headers, "Expect"));
    close(fd);
    buf_fini(&answer);
}

static void unix_sockets_on_both_sides(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    char *next = mem_printf("unix:%s/n", f->http.directory), *own = mem_printf("unix:%s/t", f->http.directory);
    f->http.options.listen = next;
    f->options.listen = own;
    f->options.to = (struct tap_target){.url = "http://localhost", .unix_socket = next + 5};
    start_both(f);
    make_upload(&body, "abc", 3);
    assert_int_equal(send_upload(f, &body, INPUT), 200);
    assert_memory_equal(f->http.seen[0].body.data, body.data, body.size);
    buf_fini(&body);
    free(next);
    free(own);
}

static void two_hundred_at_once(void **state)
{
    enum { COUNT = 200 };
    struct tap_fixture *f = *state;
    struct buf profile = {0};
    int fds[COUNT];
    start_both(f);
    f->http.hold = true;
    make_bytes(&profile, 20000, 3);
    for (int i = 0; i < COUNT; i++) {
        struct buf body = {0};
        memcpy(profile.data, &i, sizeof i);
        make_upload(&body, profile.data, profile.size);
        fds[i] = tap_connect(f);
        say_head(f, fds[i], INPUT, body.size);
        raw_send(&f->http, fds[i], body.data, body.size);
        buf_fini(&body);
    }
    WAIT(&f->http, f->http.seen_count == COUNT && f->uploads == COUNT);
    assert_int_equal(tap_open_exchanges(f->tap), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        answer_echo(&f->http, &f->http.seen[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        struct buf answer = {0};
        assert_int_equal(read_answer(f, fds[i], &answer), 200);
        /* each has its own back */
        const char *at = memmem(answer.data, answer.size, profile.data + sizeof i, 100);
        assert_memory_equal(at - sizeof i, &i, sizeof i);
        close(fds[i]);
        buf_fini(&answer);
    }
    WAIT(&f->http, f->dones == COUNT);
    assert_int_equal(tap_open_exchanges(f->tap), 0);
    buf_fini(&profile);
}

/* --- uploads that can't be read --- */

static void what_is_no_upload_passes_and_is_told(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    start_both(f);
    buf_add_str(&body, "not multipart");
    assert_int_equal(send_upload(f, &body, "/api/v2/profile?x"), 200);
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].uploads, 1);
    assert_string_equal(f->told[0].rejected,
                        "multipart body: offset 13: the body has ended without the boundary \"--BB\"");
    assert_memory_equal(f->told[0].body.data, "not multipart", 13);
    assert_memory_equal(f->http.seen[0].body.data, "not multipart", 13);
    buf_fini(&body);
}

static void refused_heads_are_told(void **state)
{
    static const struct {
        const char *request, *why;
        int status;
    } cases[] = {
        {"POST " INPUT " HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\nExpect: 100-continue\r\n\r\n",
         "the body has 300000000 bytes, at most 268435456 are allowed", 413},
        {"POST " INPUT " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
         "Transfer-Encoding is not chunked, the only one known here", 501},
    };
    struct tap_fixture *f = *state;
    start_both(f);
    for (unsigned i = 0; i < 2; i++) {
        int fd = tap_connect(f);
        raw_say(&f->http, fd, cases[i].request);
        assert_int_equal(read_answer(f, fd, NULL), cases[i].status);
        close(fd);
        WAIT(&f->http, f->dones == i + 1);
        assert_string_equal(f->told[i].rejected, cases[i].why);
        assert_string_equal(f->told[i].error, cases[i].why);
        assert_int_equal(f->told[i].rejected_status, cases[i].status);
        assert_int_equal(f->told[i].status, cases[i].status);
        assert_int_equal(f->told[i].next_status, 0);
    }
    assert_int_equal(f->http.seen_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tap_setup, tap_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_upload_passes_and_is_handed_out),
        TEST(bodies_of_any_size_pass),
        TEST(chunked_bodies_stay_chunked),
        TEST(a_head_passes_as_it_was_written),
        TEST(an_answer_passes_as_it_was_written),
        TEST(a_target_with_a_path_and_a_key_replaces_them),
        TEST(a_connection_takes_many_requests),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(a_sender_that_expects_is_told_to_go_on),
        TEST(unix_sockets_on_both_sides),
        TEST(two_hundred_at_once),
        TEST(what_is_no_upload_passes_and_is_told),
        TEST(refused_heads_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
