/* SPDX-License-Identifier: Apache-2.0 */
/* Where the server listens, what it takes, how it ends. What it refuses is in io_httpd_refusal.c. */
#include "http_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HEAD "Host: x\r\n"
#define POST "POST /p?q=%20 HTTP/1.1\r\n" HEAD

/* --- addresses --- */

static void expect_no_start(struct http_fixture *f, const char *listen, const char *text)
{
    struct err e = {0};
    f->options.listen = listen;
    assert_null(httpd_start(&f->loop, &f->options, on_server_request, f, &e));
    assert_string_equal(e.text, text);
}

#define FORMS "expected 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:/PATH"
#define ONLY "only loopback is allowed, " FORMS

static void only_loopback_is_taken(void **state)
{
    static const struct {
        const char *listen, *text;
    } cases[] = {
        {"0.0.0.0:0", "can't listen on '0.0.0.0:0': " ONLY},
        {"10.0.0.1:80", "can't listen on '10.0.0.1:80': " ONLY},
        {"128.0.0.1:80", "can't listen on '128.0.0.1:80': " ONLY},
        {"[::]:0", "can't listen on '[::]:0': " ONLY},
        {"[fe80::1]:0", "can't listen on '[fe80::1]:0': " ONLY},
        {"[127.0.0.1]:0", "can't listen on '[127.0.0.1]:0': " ONLY},
        {"::1:0", "can't listen on '::1:0': " ONLY},
        {"example.com:80", "can't listen on 'example.com:80': " ONLY},
        {":80", "can't listen on ':80': " ONLY},
        {"", "can't listen on '': " FORMS},
        {"127.0.0.1", "can't listen on '127.0.0.1': " FORMS},
        {"127.0.0.1:", "can't listen on '127.0.0.1:': " FORMS},
        {"127.0.0.1:x", "can't listen on '127.0.0.1:x': " FORMS},
        {"127.0.0.1:-1", "can't listen on '127.0.0.1:-1': " FORMS},
        {"127.0.0.1:65536", "can't listen on '127.0.0.1:65536': " FORMS},
        {"unix:", "can't listen on 'unix:': " FORMS},
        {"unix:/no/such/directory/s", "can't listen on unix:/no/such/directory/s: No such file or directory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_no_start(*state, cases[i].listen, cases[i].text);
    }
}

static void a_port_in_use_is_told(void **state)
{
    struct http_fixture *f = *state;
    start_server(f);
    const char *listen = httpd_url(f->server) + strlen("http://");
    char *text = mem_printf("can't listen on %s: Address already in use (port 0 picks a free one; "
                            "ss -ltnp shows who has it)",
                            listen);
    expect_no_start(f, listen, text);
    free(text);
}

static void expect_echo(struct http_fixture *f)
{
    static const char request[] = POST "Connection: close\r\nContent-Length: 3\r\n\r\nabc";
    struct buf answer = raw_exchange(f, request, sizeof request - 1);
    assert_int_equal(status_of(&answer), 200);
    assert_non_null(strstr(answer.data, "\r\n\r\nabc"));
    buf_fini(&answer);
}

static void each_loopback_address_works(void **state)
{
    static const struct {
        const char *listen, *url;
    } cases[] = {{"127.0.0.1:0", "http://127.0.0.1:"}, {"localhost:0", "http://127.0.0.1:"}};
    struct http_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->options.listen = cases[i].listen;
        start_server(f);
        assert_memory_equal(httpd_url(f->server), cases[i].url, strlen(cases[i].url));
        assert_true(atoi(httpd_url(f->server) + strlen(cases[i].url)) > 0);
        expect_echo(f);
        stop_server(f);
    }
}

static void the_v6_loopback_has_brackets(void **state)
{
    struct http_fixture *f = *state;
    struct err e = {0};
    f->options.listen = "[::1]:0";
    f->server = httpd_start(&f->loop, &f->options, on_server_request, f, &e);
    if (f->server == NULL) {
        skip(); /* a kernel without IPv6 */
    }
    assert_memory_equal(httpd_url(f->server), "http://[::1]:", 13);
}

/* --- unix sockets --- */

static char *socket_path(const struct http_fixture *f)
{
    return mem_printf("%s/s", f->directory);
}

static void a_unix_socket_works_and_is_removed(void **state)
{
    struct http_fixture *f = *state;
    char *path = socket_path(f), *url = mem_printf("unix://%s", path);
    for (size_t i = 0; i < 2; i++) {
        char *listen = i == 0 ? mem_printf("unix:%s", path) : mem_printf("unix://%s", path);
        f->options.listen = listen;
        start_server(f);
        assert_string_equal(httpd_url(f->server), url);
        expect_echo(f);
        assert_int_equal(access(path, F_OK), 0);
        stop_server(f);
        assert_int_equal(access(path, F_OK), -1);
        free(listen);
    }
    free(url);
    free(path);
}

static void a_dead_socket_is_replaced(void **state)
{
    struct http_fixture *f = *state;
    char *path = socket_path(f), *listen = mem_printf("unix:%s", path);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
    f->options.listen = listen;
    start_server(f);
    expect_echo(f);
    free(listen);
    free(path);
}

static void a_living_socket_is_left_alone(void **state)
{
    struct http_fixture *f = *state;
    char *path = socket_path(f), *listen = mem_printf("unix:%s", path);
    char *text = mem_printf("can't listen on %s: another process listens there (ss -lxp shows it)", listen);
    f->options.listen = listen;
    start_server(f);
    expect_no_start(f, listen, text);
    expect_echo(f);
    free(text);
    free(listen);
    free(path);
}

static void a_file_is_left_alone(void **state)
{
    struct http_fixture *f = *state;
    char *path = socket_path(f), *listen = mem_printf("unix:%s", path);
    char *text = mem_printf("can't listen on %s: there is already something that is no socket", listen);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    expect_no_start(f, listen, text);
    assert_int_equal(unlink(path), 0);
    free(text);
    free(listen);
    free(path);
}

static void a_replaced_socket_file_is_not_removed(void **state)
{
    struct http_fixture *f = *state;
    char *path = socket_path(f), *listen = mem_printf("unix:%s", path);
    f->options.listen = listen;
    start_server(f);
    assert_int_equal(unlink(path), 0);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    stop_server(f);
    assert_int_equal(unlink(path), 0);
    free(listen);
    free(path);
}

static void a_long_socket_path_is_told(void **state)
{
    char path[6 + 108], text[300];
    memset(path, 'x', sizeof path);
    memcpy(path, "unix:/", 6);
    path[sizeof path - 1] = '\0';
    snprintf(text, sizeof text, "can't listen on %s: the path has 108 bytes, a socket's at most 107", path);
    expect_no_start(*state, path, text);
}

/* --- requests --- */

static void a_request_is_told_as_it_came(void **state)
{
    static const char request[] = "PATCH /a%2Fb?c=d%20&e HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-two:  2 "
                                  "\r\nX-One: 3\r\nX-Empty:\r\nConnection: close\r\n\r\n";
    struct http_fixture *f = *state;
    start_server(f);
    struct buf answer = raw_exchange(f, request, sizeof request - 1);
    assert_int_equal(status_of(&answer), 200);
    assert_int_equal(f->seen_count, 1);
    assert_string_equal(f->seen[0].method, "PATCH");
    assert_string_equal(f->seen[0].path, "/a%2Fb?c=d%20&e");
    assert_int_equal(f->seen[0].body.size, 0);
    struct buf all = {0};
    for (size_t i = 0; i < f->seen[0].headers.count; i++) {
        buf_printf(&all, "%s=%s;", f->seen[0].headers.items[i].name, f->seen[0].headers.items[i].value);
    }
    assert_string_equal(all.data, "Host=h;X-One=1;x-two=2;X-One=3;X-Empty=;Connection=close;");
    assert_string_equal(http_headers_get(&f->seen[0].headers, "x-one"), "1");
    assert_null(http_headers_get(&f->seen[0].headers, "x"));
    buf_fini(&all);
    buf_fini(&answer);
}

static void answer_with_allow(struct http_fixture *f, struct seen *s)
{
    http_answer_header(s->request, "Allow", "GET");
    http_answer(s->request, 405, NULL, NULL, 0);
    f->answered++;
}

static void an_answer_has_status_and_headers(void **state)
{
    struct http_fixture *f = *state;
    f->on_request = answer_with_allow;
    start_server(f);
    struct buf answer = raw_exchange(f, "GET / HTTP/1.0\r\n\r\n", 18);
    assert_int_equal(status_of(&answer), 405);
    assert_non_null(strstr(answer.data, "\r\nAllow: GET\r\n"));
    assert_null(strstr(answer.data, "Content-Type"));
    buf_fini(&answer);
}

static void a_thousand_requests_share_a_connection(void **state)
{
    struct http_fixture *f = *state;
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    for (int i = 0; i < 1000; i++) {
        char *request = mem_printf("POST / HTTP/1.1\r\n" HEAD "Content-Length: 6\r\n\r\n<%04d>", i);
        char *body = mem_printf("<%04d>", i);
        struct buf answer = {0};
        raw_say(f, fd, request);
        assert_false(raw_read(f, fd, body, &answer));
        assert_int_equal(status_of(&answer), 200);
        assert_int_equal(httpd_open_connections(f->server), 1);
        buf_fini(&answer);
        free(body);
        free(request);
    }
    assert_int_equal(f->seen_count, 1000);
    close(fd);
    WAIT(f, httpd_open_connections(f->server) == 0);
}

static void pipelined_requests_are_answered_in_turn(void **state)
{
    static const char requests[] = POST "Content-Length: 1\r\n\r\n1" POST "Content-Length: 1\r\n\r\n2" POST
                                        "Content-Length: 1\r\nConnection: close\r\n\r\n3";
    struct http_fixture *f = *state;
    start_server(f);
    struct buf answer = raw_exchange(f, requests, sizeof requests - 1);
    assert_int_equal(f->seen_count, 3);
    assert_string_equal(f->seen[0].body.data, "1");
    assert_string_equal(f->seen[2].body.data, "3");
    buf_fini(&answer);
}

static void http_1_0_is_closed_after_the_answer(void **state)
{
    struct http_fixture *f = *state;
    struct buf answer = {0};
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, "POST /p HTTP/1.0\r\nContent-Length: 2\r\n\r\nab");
    assert_true(raw_read(f, fd, NULL, &answer));
    assert_int_equal(status_of(&answer), 200);
    assert_non_null(strstr(answer.data, "\r\n\r\nab"));
    buf_fini(&answer);
    close(fd);
}

static void a_chunked_body_is_put_together(void **state)
{
    static const char request[] = POST "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                                       "3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\n\r\n";
    struct http_fixture *f = *state;
    start_server(f);
    /* byte by byte: every state of the reader is one that it has to wait in */
    int fd = raw_connect(httpd_url(f->server));
    for (size_t i = 0; i < sizeof request - 1; i++) {
        raw_send(f, fd, request + i, 1);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    WAIT(f, f->seen_count == 1);
    assert_null(f->seen[0].failed);
    assert_string_equal(f->seen[0].body.data, "abcdefgh");
    close(fd);
}

static void expect_100_is_answered(void **state)
{
    struct http_fixture *f = *state;
    struct buf answer = {0};
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, POST "Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n");
    assert_false(raw_read(f, fd, "\r\n\r\n", &answer));
    assert_string_equal(answer.data, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_say(f, fd, "ab");
    assert_true(raw_read(f, fd, NULL, &answer));
    assert_non_null(strstr(answer.data, "HTTP/1.1 200 OK\r\n"));
    buf_fini(&answer);
    close(fd);
}

static void a_body_may_be_as_large_as_allowed(void **state)
{
    struct http_fixture *f = *state;
    struct buf request = {0};
    start_server(f);
    buf_add_str(&request, POST "Connection: close\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 1000; i++) {
        buf_add_char(&request, 'x');
    }
    struct buf answer = raw_exchange(f, request.data, request.size);
    assert_int_equal(status_of(&answer), 200);
    assert_int_equal(f->seen[0].body.size, 1000);
    buf_fini(&answer);
    buf_fini(&request);
}

/* --- many at once, late answers --- */

static void sixty_four_wait_at_once(void **state)
{
    struct http_fixture *f = *state;
    int fds[64];
    f->hold = true;
    start_server(f);
    for (size_t i = 0; i < 64; i++) {
        fds[i] = raw_connect(httpd_url(f->server));
        raw_say(f, fds[i], POST "Content-Length: 2\r\n\r\nab");
    }
    WAIT(f, f->seen_count == 64);
    assert_int_equal(httpd_open_requests(f->server), 64);
    assert_int_equal(httpd_open_connections(f->server), 64);
    for (size_t i = 0; i < 64; i++) {
        answer_echo(f, &f->seen[63 - i]);
    }
    assert_int_equal(httpd_open_requests(f->server), 0);
    for (size_t i = 0; i < 64; i++) {
        struct buf answer = {0};
        assert_false(raw_read(f, fds[i], "\r\n\r\nab", &answer));
        close(fds[i]);
        buf_fini(&answer);
    }
    WAIT(f, httpd_open_connections(f->server) == 0);
}

static void a_client_that_left_before_its_answer_does_no_harm(void **state)
{
    struct http_fixture *f = *state;
    f->hold = true;
    start_server(f);
    int fd = raw_connect(httpd_url(f->server));
    raw_say(f, fd, POST "Content-Length: 2\r\n\r\nab");
    WAIT(f, f->seen_count == 1);
    close(fd);
    answer_echo(f, &f->seen[0]);
    WAIT(f, httpd_open_connections(f->server) == 0);
    assert_int_equal(f->seen_count, 1);
}

static void further_connections_wait_for_their_turn(void **state)
{
    struct http_fixture *f = *state;
    int fds[5];
    f->options.max_connections = 2;
    start_server(f);
    for (size_t i = 0; i < 5; i++) {
        fds[i] = raw_connect(httpd_url(f->server));
        raw_say(f, fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    for (size_t i = 0; i < 5; i++) {
        struct buf answer = {0};
        assert_false(raw_read(f, fds[i], "\r\n\r\n", &answer));
        assert_true(httpd_open_connections(f->server) <= 2);
        close(fds[i]);
        buf_fini(&answer);
    }
    assert_int_equal(f->seen_count, 5);
}

/* --- stop --- */

static void stop_drops_what_is_open(void **state)
{
    struct http_fixture *f = *state;
    struct buf rest = {0};
    f->hold = true;
    start_server(f);
    int idle = raw_connect(httpd_url(f->server));
    int in_head = raw_connect(httpd_url(f->server));
    int in_body = raw_connect(httpd_url(f->server));
    int waiting = raw_connect(httpd_url(f->server));
    raw_say(f, in_head, "POST /head HTTP/1.1\r\nHo");
    raw_say(f, in_body, POST "Content-Length: 20\r\n\r\nab");
    raw_say(f, waiting, POST "Content-Length: 2\r\n\r\nab");
    WAIT(f, f->seen_count == 1 && httpd_open_connections(f->server) == 4);
    stop_server(f);
    assert_int_equal(f->seen_count, 1); /* an owner who stops is told nothing more */
    assert_true(raw_read(f, idle, NULL, &rest));
    assert_true(raw_read(f, in_head, NULL, &rest));
    assert_true(raw_read(f, in_body, NULL, &rest));
    assert_true(raw_read(f, waiting, NULL, &rest));
    assert_int_equal(rest.size, 0);
    close(idle);
    close(in_head);
    close(in_body);
    close(waiting);
}

static void stop_and_answer(struct http_fixture *f, struct seen *s)
{
    httpd_stop(f->server, on_server_stopped, f);
    answer_echo(f, s);
}

static void stop_only(struct http_fixture *f, struct seen *s)
{
    (void)s;
    httpd_stop(f->server, on_server_stopped, f);
}

static void the_callback_may_stop_the_server(void **state)
{
    struct http_fixture *f = *state;
    for (unsigned i = 0; i < 2; i++) {
        f->on_request = i == 0 ? stop_and_answer : stop_only;
        start_server(f);
        int fd = raw_connect(httpd_url(f->server));
        raw_say(f, fd, POST "Content-Length: 2\r\n\r\nab");
        WAIT(f, f->stopped == i + 1);
        f->server = NULL;
        close(fd);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, http_setup, http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(only_loopback_is_taken),
        TEST(a_port_in_use_is_told),
        TEST(each_loopback_address_works),
        TEST(the_v6_loopback_has_brackets),
        TEST(a_unix_socket_works_and_is_removed),
        TEST(a_dead_socket_is_replaced),
        TEST(a_living_socket_is_left_alone),
        TEST(a_file_is_left_alone),
        TEST(a_replaced_socket_file_is_not_removed),
        TEST(a_long_socket_path_is_told),
        TEST(a_request_is_told_as_it_came),
        TEST(an_answer_has_status_and_headers),
        TEST(a_thousand_requests_share_a_connection),
        TEST(pipelined_requests_are_answered_in_turn),
        TEST(http_1_0_is_closed_after_the_answer),
        TEST(a_chunked_body_is_put_together),
        TEST(expect_100_is_answered),
        TEST(a_body_may_be_as_large_as_allowed),
        TEST(sixty_four_wait_at_once),
        TEST(a_client_that_left_before_its_answer_does_no_harm),
        TEST(further_connections_wait_for_their_turn),
        TEST(stop_drops_what_is_open),
        TEST(the_callback_may_stop_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
