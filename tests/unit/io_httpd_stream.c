/* SPDX-License-Identifier: Apache-2.0 */
/* The server that hands bodies on as they come: which callbacks come in which order, and how a sender is held up. */
#include "http_fixture.h"

/* What was called, as text: "head /p|3|3|end|gone 1|". */
struct stream_fixture {
    struct http_fixture http;
    struct buf told;
    struct buf body;
    struct http_request *request;
    bool pause; /* behind each piece */
    bool hold;  /* no answer from `end` */
    unsigned gone;
};

static void *on_head(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                     void *data)
{
    struct stream_fixture *f = data;
    (void)server;
    assert_null(info->failed);
    assert_int_equal(info->body->size, 0);
    f->request = request;
    buf_printf(&f->told, "%s %s|", info->method, info->path);
    return f;
}

static void on_body(struct http_request *request, const void *bytes, size_t size, void *context)
{
    struct stream_fixture *f = context;
    assert_true(size > 0);
    buf_add(&f->body, bytes, size);
    if (f->pause) {
        http_pause(request);
    }
}

static void on_end(struct http_request *request, void *context)
{
    struct stream_fixture *f = context;
    buf_add_str(&f->told, "end|");
    if (!f->hold) {
        http_answer_header(request, "X-A", "b");
        http_answer(request, 201, NULL, "hi", 2);
    }
}

static void on_failed(struct http_request *request, const char *why, int status, void *context)
{
    struct stream_fixture *f = context;
    (void)request;
    buf_printf(&f->told, "failed %d %s|", status, why);
}

static void on_gone(struct http_request *request, bool answered, void *context)
{
    struct stream_fixture *f = context;
    (void)request;
    f->gone++;
    buf_printf(&f->told, "gone %d|", answered);
}

static void on_refused(struct httpd *server, const struct http_request_info *info, void *data)
{
    struct stream_fixture *f = data;
    (void)server;
    f->gone++;
    buf_printf(&f->told, "refused %d %s|", info->failed_status, info->failed);
}

static const struct httpd_stream stream = {on_head, on_body, on_end, on_failed, on_gone, on_refused};

static int setup(void **state)
{
    struct stream_fixture *f = mem_calloc(1, sizeof *f);
    struct err e = {0};
    http_open(&f->http);
    f->http.options.max_body = (size_t)20 << 20;
    f->http.server = httpd_start_streaming(&f->http.loop, &f->http.options, &stream, f, &e);
    assert_non_null(f->http.server);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct stream_fixture *f = *state;
    http_close(&f->http);
    buf_fini(&f->told);
    buf_fini(&f->body);
    free(f);
    return 0;
}

#define POST "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

static void each_request_is_told_in_order(void **state)
{
    static const struct {
        const char *request, *told;
        int status;
    } cases[] = {
        {"GET /q?a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /q?a|end|gone 1|", 201},
        {POST "Content-Length: 6\r\n\r\nabcdef", "POST /p|end|gone 1|", 201},
        {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", "POST /p|end|gone 1|", 201},
        {POST "Content-Length: 6\r\n\r\nabc",
         "POST /p|failed 0 after 3 bytes of the body the connection was lost|gone 0|", 0},
        {POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
         "POST /p|failed 0 after 0 bytes of the body a chunk is malformed|gone 0|", 400},
        {POST "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
         "refused 413 the body has 99999999 bytes, at most 20971520 are allowed|", 413},
        {POST "Transfer-Encoding: gzip\r\n\r\n",
         "refused 501 Transfer-Encoding is not chunked, the only one known here|", 501},
    };
    struct stream_fixture *f = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&f->told);
        struct buf answer = raw_exchange(&f->http, cases[i].request, strlen(cases[i].request));
        WAIT(&f->http, f->gone == i + 1);
        assert_string_equal(f->told.data, cases[i].told);
        assert_int_equal(status_of(&answer), cases[i].status);
        const char *text = answer.size > 0 ? answer.data : "";
        assert_int_equal(cases[i].status == 201, strstr(text, "\r\nX-A: b\r\n") != NULL);
        assert_null(strstr(text, "Date:")); /* a next hop's is passed on, none is made up */
        buf_fini(&answer);
    }
}

static void a_paused_sender_waits(void **state)
{
    struct stream_fixture *f = *state;
    struct buf body = {0}, answer = {0};
    size_t sent = 0, stalls = 0;
    while (body.size < (size_t)16 << 20) {
        buf_printf(&body, "%zu ", body.size);
    }
    f->pause = true;
    int fd = raw_connect(httpd_url(f->http.server));
    char *head = mem_printf(POST "Content-Length: %zu\r\n\r\n", body.size);
    raw_say(&f->http, fd, head);
    /* what fits in the sockets goes, then nothing more */
    while (stalls < 200) {
        ssize_t size = send(fd, body.data + sent, body.size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += size > 0 ? (size_t)size : 0;
        stalls = size > 0 ? 0 : stalls + 1;
        uv_run(&f->http.loop, UV_RUN_NOWAIT);
    }
    assert_true(sent < body.size);
    size_t before = f->body.size;
    uv_run(&f->http.loop, UV_RUN_NOWAIT);
    assert_int_equal(f->body.size, before);
    http_continue(f->request);
    http_continue(f->request); /* once is enough */
    WAIT(&f->http, f->body.size > before);
    f->pause = false;
    http_continue(f->request);
    raw_send(&f->http, fd, body.data + sent, body.size - sent);
    raw_read(&f->http, fd, NULL, &answer);
    assert_int_equal(status_of(&answer), 201);
    assert_int_equal(f->body.size, body.size);
    assert_memory_equal(f->body.data, body.data, body.size);
    close(fd);
    free(head);
    buf_fini(&body);
    buf_fini(&answer);
}

/* They lie in the server's buffer already, and come although the sender waits. */
static void chunks_that_came_together_come_to_a_paused_one(void **state)
{
    struct stream_fixture *f = *state;
    struct buf answer = {0};
    f->pause = true;
    int fd = raw_connect(httpd_url(f->http.server));
    raw_say(&f->http, fd, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n3\r\nghi\r\n");
    WAIT(&f->http, f->body.size == 9);
    f->pause = false;
    http_continue(f->request);
    raw_say(&f->http, fd, "3\r\njkl\r\n0\r\n\r\n");
    raw_read(&f->http, fd, NULL, &answer);
    assert_int_equal(status_of(&answer), 201);
    assert_string_equal(f->body.data, "abcdefghijkl");
    close(fd);
    buf_fini(&answer);
}

static void a_body_over_the_limit_is_told_at_once(void **state)
{
    struct stream_fixture *f = *state;
    struct buf chunk = {0}, answer = {0};
    int fd = raw_connect(httpd_url(f->http.server));
    while (chunk.size < (size_t)1 << 20) {
        buf_add_str(&chunk, "0123456789abcdef");
    }
    raw_say(&f->http, fd, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 21; i++) {
        raw_say(&f->http, fd, "100000\r\n");
        raw_send(&f->http, fd, chunk.data, chunk.size);
        raw_say(&f->http, fd, "\r\n");
    }
    WAIT(&f->http, strstr(f->told.data, "failed") != NULL);
    assert_string_equal(f->told.data, "POST /p|failed 413 the body has more than 20971520 bytes|");
    raw_say(&f->http, fd, "0\r\n\r\n");
    raw_read(&f->http, fd, NULL, &answer);
    assert_int_equal(status_of(&answer), 413);
    WAIT(&f->http, f->gone == 1);
    assert_string_equal(f->told.data, "POST /p|failed 413 the body has more than 20971520 bytes|gone 1|");
    close(fd);
    buf_fini(&chunk);
    buf_fini(&answer);
}

static void nothing_is_told_after_the_stop(void **state)
{
    struct stream_fixture *f = *state;
    static const char *const requests[] = {POST "Content-Length: 5\r\n\r\nabc", POST "Content-Length: 3\r\n\r\nabc"};
    int fds[2];
    f->hold = true;
    f->pause = true;
    for (int i = 0; i < 2; i++) {
        size_t before = f->body.size;
        fds[i] = raw_connect(httpd_url(f->http.server));
        raw_say(&f->http, fds[i], requests[i]);
        WAIT(&f->http, f->body.size == before + 3);
    }
    char *before = mem_strdup(f->told.data);
    stop_server(&f->http);
    assert_string_equal(f->told.data, before);
    for (int i = 0; i < 2; i++) {
        close(fds[i]);
    }
    free(before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_request_is_told_in_order),
        TEST(a_paused_sender_waits),
        TEST(chunks_that_came_together_come_to_a_paused_one),
        TEST(a_body_over_the_limit_is_told_at_once),
        TEST(nothing_is_told_after_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
