/* SPDX-License-Identifier: Apache-2.0 */
/* What the server refuses or loses: limits, malformed requests, clients that fall silent or leave. Each is told once.
 */
#include "http_fixture.h"

#define MALFORMED_HEAD "in the request's head something is malformed, or it is far above 4096 bytes"
#define POST "POST /p HTTP/1.1\r\nHost: x\r\n"

static void expect_seen(struct http_fixture *f, size_t index, const char *method, const char *failed, int status)
{
    assert_true(f->seen_count > index);
    assert_string_equal(f->seen[index].method, method);
    assert_string_equal(f->seen[index].path, "/p");
    assert_non_null(f->seen[index].failed);
    assert_string_equal(f->seen[index].failed, failed);
    assert_int_equal(f->seen[index].failed_status, status);
}

/* --- limits --- */

static void add_body(struct buf *out, size_t size)
{
    while (size-- > 0) {
        buf_add_char(out, 'x');
    }
}

static void a_large_body_is_read_away_and_told(void **state)
{
    struct http_fixture *f = *state;
    struct buf request = {0}, answer = {0};
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    buf_add_str(&request, POST "Content-Length: 300000\r\n\r\n");
    add_body(&request, 300000);
    raw_send(f, fd, request.data, request.size);
    assert_false(raw_read(f, fd, "}", &answer));
    assert_int_equal(status_of(&answer), 413);
    assert_non_null(strstr(answer.data, "\r\n\r\n{\"error\":\"the body has 300000 bytes, at most 1000 "
                                        "are allowed\"}"));
    expect_seen(f, 0, "POST", "the body has 300000 bytes, at most 1000 are allowed", 413);
    assert_int_equal(f->seen[0].body.size, 0);
    /* and the connection goes on */
    buf_clear(&answer);
    raw_say(f, fd, POST "Content-Length: 2\r\n\r\nok");
    assert_false(raw_read(f, fd, "\r\n\r\nok", &answer));
    assert_int_equal(f->seen_count, 2);
    buf_fini(&answer);
    buf_fini(&request);
    close(fd);
}

static void a_client_that_asks_first_is_told_at_once(void **state)
{
    struct http_fixture *f = *state;
    struct buf answer = {0};
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, POST "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
    assert_true(raw_read(f, fd, NULL, &answer));
    assert_int_equal(status_of(&answer), 413);
    expect_seen(f, 0, "POST", "the body has 1001 bytes, at most 1000 are allowed", 413);
    assert_int_equal(f->seen_count, 1);
    buf_fini(&answer);
    close(fd);
}

static void an_absurd_length_is_not_read_away(void **state)
{
    struct http_fixture *f = *state;
    struct buf answer = {0};
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, POST "Content-Length: 1000000000000\r\n\r\nabc");
    assert_true(raw_read(f, fd, NULL, &answer));
    assert_int_equal(status_of(&answer), 413);
    expect_seen(f, 0, "POST", "the body has 1000000000000 bytes, at most 1000 are allowed", 413);
    buf_fini(&answer);
    close(fd);
}

static void a_large_chunked_body_is_told(void **state)
{
    struct http_fixture *f = *state;
    struct buf request = {0}, answer = {0};
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    buf_add_str(&request, POST "Transfer-Encoding: chunked\r\n\r\n3E8\r\n");
    add_body(&request, 1000);
    buf_add_str(&request, "\r\n1\r\nx\r\n0\r\n\r\n");
    raw_send(f, fd, request.data, request.size);
    assert_false(raw_read(f, fd, "}", &answer));
    assert_int_equal(status_of(&answer), 413);
    expect_seen(f, 0, "POST", "the body has more than 1000 bytes", 413);
    assert_int_equal(f->seen[0].body.size, 1000);
    buf_fini(&answer);
    buf_fini(&request);
    close(fd);
}

static void an_endless_chunked_body_is_cut(void **state)
{
    struct http_fixture *f = *state;
    struct buf chunk = {0}, answer = {0};
    f->options.idle_timeout_ms = 10 * TEST_DEADLINE_MS; /* not what ends it */
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, POST "Transfer-Encoding: chunked\r\n\r\n");
    buf_add_str(&chunk, "100000\r\n");
    add_body(&chunk, 0x100000);
    buf_add_str(&chunk, "\r\n");
    for (int i = 0; i < 70; i++) {
        raw_send(f, fd, chunk.data, chunk.size);
    }
    assert_true(raw_read(f, fd, NULL, &answer));
    expect_seen(f, 0, "POST", "the body has more than 1000 bytes", 413);
    assert_int_equal(f->seen_count, 1);
    buf_fini(&answer);
    buf_fini(&chunk);
    close(fd);
}

static void expect_large_head(struct http_fixture *f, size_t size, const char *failed, int status)
{
    struct buf request = {0};
    size_t before = f->seen_count;
    buf_add_str(&request, POST "Connection: close\r\nX-Large: ");
    add_body(&request, size - request.size - 4);
    buf_add_str(&request, "\r\n\r\n");
    struct buf answer = raw_exchange(f, request.data, request.size);
    assert_int_equal(status_of(&answer), failed != NULL ? 431 : 200);
    assert_int_equal(f->seen_count, before + 1);
    if (failed != NULL) {
        expect_seen(f, before, status != 0 ? "POST" : "", failed, status);
    }
    buf_fini(&answer);
    buf_fini(&request);
}

static void a_head_may_be_as_large_as_allowed(void **state)
{
    struct http_fixture *f = *state;
    start_server(f);
    expect_large_head(f, 4096, NULL, 0);
    expect_large_head(f, 4097, "the request's head has 4097 bytes, at most 4096 are allowed", 431);
    expect_large_head(f, 100000, "the request's head has 100000 bytes, at most 4096 are allowed", 431);
    expect_large_head(f, 1000000, MALFORMED_HEAD, 0);
}

/* --- malformed --- */

static void malformed_requests_are_refused(void **state)
{
    static const struct {
        const char *request;
        int answer;         /* 0: hung up on, it is not HTTP */
        const char *failed; /* NULL: not told, there was no first line */
        const char *method; /* as it was told: "" where libmicrohttpd has answered by itself */
        int status;
    } cases[] = {
        {"\x16\x03\x01\x02\r\n\r\n", 0, NULL, "", 0},
        {"nonsense\r\n\r\n", 0, NULL, "", 0},
        {POST "Content-Length: x\r\n\r\n", 400, MALFORMED_HEAD, "", 0},
        {POST "Content-Length: -1\r\n\r\n", 400, MALFORMED_HEAD, "", 0},
        {POST "Content-Length: 99999999999999999999999\r\n\r\n", 413, MALFORMED_HEAD, "", 0},
        {POST "no colon\r\n\r\n", 400, MALFORMED_HEAD, "", 0},
        {"POST /p HTTP/1.1\r\n\r\n", 400, MALFORMED_HEAD, "", 0}, /* no Host */
        {POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "2 headers Content-Length", "POST", 400},
        {POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
         "both Content-Length and Transfer-Encoding", "POST", 400},
        {POST "Transfer-Encoding: gzip\r\n\r\nab", 501, "Transfer-Encoding is not chunked, the only one known here",
         "POST", 501},
        {POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "after 0 bytes of the body a chunk is malformed", "POST",
         0},
    };
    struct http_fixture *f = *state;
    start_server(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf answer = raw_exchange(f, cases[i].request, strlen(cases[i].request));
        assert_int_equal(status_of(&answer), cases[i].answer);
        assert_int_equal(f->seen_count, cases[i].failed != NULL ? 1 : 0);
        if (cases[i].failed != NULL) {
            expect_seen(f, 0, cases[i].method, cases[i].failed, cases[i].status);
        }
        buf_fini(&answer);
        forget_seen(f);
    }
}

/* --- lost and silent clients --- */

static void a_lost_body_is_told(void **state)
{
    struct http_fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        char *listen = i == 0 ? mem_strdup("127.0.0.1:0") : mem_printf("unix:%s/s", f->directory);
        f->options.listen = listen;
        start_server(f);
        int fd = raw_connect(httpd_url(f->server));
        raw_say(f, fd, POST "Content-Length: 10\r\n\r\nabc");
        WAIT(f, httpd_open_connections(f->server) == 1);
        close(fd);
        WAIT(f, f->seen_count > 0);
        expect_seen(f, 0, "POST", "after 3 bytes of the body the connection was lost", 0);
        assert_string_equal(f->seen[0].body.data, "abc");
        WAIT(f, httpd_open_connections(f->server) == 0);
        assert_int_equal(f->seen_count, 1);
        stop_server(f);
        forget_seen(f);
        free(listen);
    }
}

/* The end comes along with the bytes, so that nothing shows it apart from them. */
static void an_end_right_behind_the_bytes_is_told(void **state)
{
    static const struct {
        const char *request, *method, *failed;
    } cases[] = {
        {POST "Content-Length: 10\r\n\r\nabc", "POST", "after 3 bytes of the body the connection was lost"},
        {POST "Content-Length: 10\r\n\r\n", "POST", "after 0 bytes of the body the connection was lost"},
        {POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "POST",
         "after 3 bytes of the body the connection was lost"},
        {POST "Transfer-Encoding: chunked\r\n\r\n3", "POST", "after 0 bytes of the body the connection was lost"},
        {POST "X-Half", "", "in the request's head the connection was lost"},
    };
    struct http_fixture *f = *state;
    start_server(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = raw_connect(httpd_url(f->server));
        assert_int_equal(send(fd, cases[i].request, strlen(cases[i].request), 0), strlen(cases[i].request));
        close(fd);
        WAIT(f, f->seen_count > 0);
        expect_seen(f, 0, cases[i].method, cases[i].failed, 0);
        forget_seen(f);
    }
    WAIT(f, httpd_open_connections(f->server) == 0);
}

static void a_reset_body_is_told(void **state)
{
    struct http_fixture *f = *state;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    WAIT(f, httpd_open_connections(f->server) == 1);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    WAIT(f, f->seen_count == 1);
    expect_seen(f, 0, "POST", "after 3 bytes of the body the connection was lost", 0);
}

static void a_lost_head_is_told(void **state)
{
    struct http_fixture *f = *state;
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, POST "X-Half: ");
    WAIT(f, httpd_open_connections(f->server) == 1);
    close(fd);
    WAIT(f, f->seen_count == 1);
    expect_seen(f, 0, "", "in the request's head the connection was lost", 0);
}

static void silent_clients_are_hung_up_on(void **state)
{
    struct http_fixture *f = *state;
    struct buf answer = {0};
    f->options.idle_timeout_ms = 100; /* the server rounds it up to a second */
    start_server(f);
    int idle = raw_connect(httpd_url(f->server));
    int in_head = raw_connect(httpd_url(f->server));
    int in_body = raw_connect(httpd_url(f->server));
    raw_say(f, in_head, POST "X");
    raw_say(f, in_body, POST "Content-Length: 10\r\n\r\nabcd");
    assert_true(raw_read(f, in_body, NULL, &answer));
    assert_true(raw_read(f, in_head, NULL, &answer));
    assert_true(raw_read(f, idle, NULL, &answer));
    assert_int_equal(f->seen_count, 2);
    size_t body = f->seen[0].method[0] != '\0' ? 0 : 1;
    expect_seen(f, body, "POST", "after 4 bytes of the body nothing came for 100 ms", 0);
    expect_seen(f, 1 - body, "", "in the request's head nothing came for 100 ms", 0);
    buf_fini(&answer);
    close(idle);
    close(in_head);
    close(in_body);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, http_setup, http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_large_body_is_read_away_and_told),
        TEST(a_client_that_asks_first_is_told_at_once),
        TEST(an_absurd_length_is_not_read_away),
        TEST(a_large_chunked_body_is_told),
        TEST(an_endless_chunked_body_is_cut),
        TEST(a_head_may_be_as_large_as_allowed),
        TEST(malformed_requests_are_refused),
        TEST(a_lost_body_is_told),
        TEST(an_end_right_behind_the_bytes_is_told),
        TEST(a_reset_body_is_told),
        TEST(a_lost_head_is_told),
        TEST(silent_clients_are_hung_up_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
