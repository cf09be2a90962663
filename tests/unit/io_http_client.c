/* SPDX-License-Identifier: Apache-2.0 */
/* The client against the server of the same loop, and against peers that misbehave, over real sockets. */
#include "client_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <strings.h>
#include <sys/wait.h>

/* Starts the server and lets the call go to it. */
static char *serve(struct client_fixture *f, const char *path)
{
    start_server(&f->http);
    char *url = mem_printf("%s%s", httpd_url(f->http.server), path);
    f->call.url = url;
    return url;
}

static char *headers_text(const struct http_headers *h)
{
    struct buf out = {0};
    for (size_t i = 0; i < h->count; i++) {
        if (strcasecmp(h->items[i].name, "Host") != 0) {
            buf_printf(&out, "%s=%s;", h->items[i].name, h->items[i].value);
        }
    }
    return buf_steal(&out);
}

/* --- requests --- */

static void nothing_is_sent_that_was_not_asked_for(void **state)
{
    static const struct {
        const char *method, *body, *headers;
    } cases[] = {{"GET", "", ""},
                 {"POST", "abc", "Content-Length=3;"},
                 {"POST", "", "Content-Length=0;"},
                 {"PUT", "x", "Content-Length=1;"},
                 {"DELETE", "", "Content-Length=0;"}};
    struct client_fixture *f = *state;
    char *url = serve(f, "/a%20b?c=d");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->call.method = cases[i].method;
        f->call.body = cases[i].body;
        f->call.body_size = strlen(cases[i].body);
        call_now(f);
        assert_null(f->error);
        assert_int_equal(f->status, 200);
        assert_int_equal(f->body.size, strlen(cases[i].body));
        struct seen *s = &f->http.seen[i];
        char *headers = headers_text(&s->headers);
        assert_string_equal(s->method, cases[i].method);
        assert_string_equal(s->path, "/a%20b?c=d");
        assert_string_equal(headers, cases[i].headers);
        free(headers);
    }
    free(url);
}

static void headers_are_sent_as_they_are(void **state)
{
    struct client_fixture *f = *state;
    struct http_headers h = {0};
    char *url = serve(f, "/");
    http_headers_add(&h, "content-type", "multipart/form-data; boundary=x");
    http_headers_add(&h, "X-Empty", "");
    http_headers_add(&h, "X-Twice", "1");
    http_headers_add(&h, "X-Twice", "2");
    http_headers_add(&h, "Host", "elsewhere");
    http_headers_add(&h, "Content-Length", "77");
    http_headers_add(&h, "Transfer-Encoding", "chunked");
    http_headers_add(&h, "User-Agent", "DDProf/1.0.0");
    f->call = (struct http_call){
        .method = "POST", .url = url, .headers = &h, .body = "ab", .body_size = 2, .timeout_ms = 30000};
    call_now(f);
    assert_null(f->error);
    char *headers = headers_text(&f->http.seen[0].headers);
    assert_string_equal(headers, "content-type=multipart/form-data; boundary=x;"
                                 "X-Empty=;X-Twice=1;X-Twice=2;User-Agent=DDProf/1.0.0;"
                                 "Content-Length=2;");
    assert_string_not_equal(http_headers_get(&f->http.seen[0].headers, "Host"), "elsewhere");
    http_headers_fini(&h);
    free(headers);
    free(url);
}

static void expect_is_sent_where_asked(void **state)
{
    struct client_fixture *f = *state;
    struct http_headers h = {0};
    char *url = serve(f, "/");
    http_headers_add(&h, "Expect", "100-continue");
    f->call.headers = &h;
    f->call.method = "POST";
    f->call.body = "abc";
    f->call.body_size = 3;
    call_now(f);
    assert_null(f->error);
    assert_string_equal(f->body.data, "abc");
    assert_string_equal(http_headers_get(&f->http.seen[0].headers, "Expect"), "100-continue");
    http_headers_fini(&h);
    free(url);
}

static void a_header_that_would_break_out_is_not_sent(void **state)
{
    static const struct {
        const char *name, *value, *what;
    } cases[] = {{"DD-API-KEY", "secret\r\nX: y", "header DD-API-KEY can't be sent: its value has a line break"},
                 {"DD-API-KEY", "secret\n", "header DD-API-KEY can't be sent: its value has a line break"},
                 {"X Y", "secret", "a header with a malformed name can't be sent"},
                 {"X:", "secret", "a header with a malformed name can't be sent"},
                 {"", "secret", "a header with a malformed name can't be sent"}};
    struct client_fixture *f = *state;
    char *url = serve(f, "/p");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_headers h = {0};
        http_headers_add(&h, "X-Good", "1");
        http_headers_add(&h, cases[i].name, cases[i].value);
        f->call.headers = &h;
        call_now(f);
        char *text = mem_printf("GET %s: %s", url, cases[i].what);
        assert_string_equal(f->error, text);
        assert_int_equal(f->code, ERR_INPUT);
        free(text);
        http_headers_fini(&h);
    }
    assert_int_equal(f->http.seen_count, 0);
    free(url);
}

static void unix_sockets_are_reached(void **state)
{
    struct client_fixture *f = *state;
    char *listen = mem_printf("unix:%s/s", f->http.directory);
    f->http.options.listen = listen;
    start_server(&f->http);
    f->call.url = "http://localhost/profiling/v1/input";
    f->call.unix_socket = listen + strlen("unix:");
    call_now(f);
    assert_null(f->error);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->http.seen[0].path, "/profiling/v1/input");
    free(listen);
}

static void a_thousand_calls_share_a_connection(void **state)
{
    struct client_fixture *f = *state;
    char *url = serve(f, "/");
    f->call.method = "POST";
    f->call.body = "0123456789";
    for (size_t i = 0; i < 1000; i++) {
        f->call.body_size = i % 10;
        call_now(f);
        assert_null(f->error);
        assert_int_equal(f->body.size, i % 10);
    }
    assert_int_equal(f->http.seen_count, 1000);
    assert_int_equal(httpd_open_connections(f->http.server), 1);
    free(url);
}

static void sixty_four_calls_at_once(void **state)
{
    struct client_fixture *f = *state;
    char *url = serve(f, "/");
    f->http.hold = true;
    for (int i = 0; i < 64; i++) {
        call_begin(f);
    }
    WAIT(&f->http, f->http.seen_count == 64);
    assert_int_equal(httpd_open_connections(f->http.server), 64);
    for (size_t i = 0; i < 64; i++) {
        answer_echo(&f->http, &f->http.seen[i]);
    }
    WAIT(&f->http, f->results == 64);
    assert_null(f->error);
    free(url);
}

static void a_large_body_arrives_whole(void **state)
{
    struct client_fixture *f = *state;
    struct buf body = {0};
    size_t size = (size_t)64 << 20;
    buf_reserve(&body, size);
    for (size_t i = 0; i < size; i++) {
        body.data[i] = (char)(i * 2654435761u >> 13);
    }
    f->http.options.max_body = size;
    char *url = serve(f, "/");
    f->call.method = "POST";
    f->call.body = body.data;
    f->call.body_size = size;
    call_now(f);
    assert_null(f->error);
    assert_int_equal(f->http.seen[0].body.size, size);
    assert_int_equal(memcmp(f->http.seen[0].body.data, body.data, size), 0);
    /* libcurl would ask first for a body of this size */
    assert_null(http_headers_get(&f->http.seen[0].headers, "Expect"));
    /* what is too much of an answer is not kept */
    assert_int_equal(f->body.size, HTTP_ANSWER_MAX);
    assert_int_equal(memcmp(f->body.data, body.data, HTTP_ANSWER_MAX), 0);
    buf_fini(&body);
    free(url);
}

static void answer_limited(struct http_fixture *f, struct seen *s)
{
    http_answer_header(s->request, "X-RateLimit-Reset", "3");
    http_answer(s->request, 429, "text/plain", "slower", 6);
    s->request = NULL;
    f->answered++;
}

static void on_limited(const struct http_result *result, void *data)
{
    struct client_fixture *f = data;
    assert_string_equal(http_headers_get(result->headers, "x-ratelimit-reset"), "3");
    assert_int_equal(result->cut, f->call.answer_max == 5);
    on_client_result(result, data);
}

static void the_headers_of_an_answer_and_its_cut_are_told(void **state)
{
    struct client_fixture *f = *state;
    f->http.on_request = answer_limited;
    start_server(&f->http);
    f->call.url = httpd_url(f->http.server);
    for (size_t max = 5; max <= 6; max++) {
        f->call.answer_max = max;
        http_client_send(f->client, &f->call, on_limited, f);
        WAIT(&f->http, f->results == max - 4);
        assert_int_equal(f->status, 429);
        assert_int_equal(f->body.size, max);
    }
}

static void a_body_over_the_limit_is_answered_413(void **state)
{
    struct client_fixture *f = *state;
    struct buf body = {0};
    char *url = serve(f, "/");
    while (body.size < (size_t)8 << 20) {
        buf_add_str(&body, "0123456789abcdef");
    }
    f->call.method = "POST";
    f->call.body = body.data;
    f->call.body_size = body.size;
    call_now(f);
    assert_null(f->error);
    assert_int_equal(f->status, 413);
    buf_fini(&body);
    free(url);
}

static void answer_redirect(struct http_fixture *f, struct seen *s)
{
    http_answer_header(s->request, "Location", "http://127.0.0.1:1/");
    http_answer(s->request, 302, NULL, NULL, 0);
    f->answered++;
}

static void redirects_are_not_followed(void **state)
{
    struct client_fixture *f = *state;
    f->http.on_request = answer_redirect;
    char *url = serve(f, "/");
    call_now(f);
    assert_null(f->error);
    assert_int_equal(f->status, 302);
    free(url);
}

static void proxies_are_not_used(void **state)
{
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    struct client_fixture *f = *state;
    char *url = serve(f, "/");
    for (size_t i = 0; i < 3; i++) {
        setenv(names[i], "http://127.0.0.1:1", 1);
    }
    call_now(f);
    for (size_t i = 0; i < 3; i++) {
        unsetenv(names[i]);
    }
    assert_null(f->error);
    assert_int_equal(f->status, 200);
    free(url);
}

/* --- failures --- */

static void expect_error(struct client_fixture *f, const char *url, const char *text, enum err_code code)
{
    f->call.url = url;
    call_now(f);
    assert_non_null(f->error);
    assert_string_equal(f->error, text);
    assert_int_equal(f->code, code);
    assert_int_equal(f->body.size, 0);
}

static void what_is_no_url_is_told(void **state)
{
    struct client_fixture *f = *state;
    expect_error(f, "", "GET : not an http or https URL", ERR_INPUT);
    expect_error(f, "file:///etc/passwd", "GET file:///etc/passwd: not an http or https URL", ERR_INPUT);
    expect_error(f, "ftp://127.0.0.1/", "GET ftp://127.0.0.1/: not an http or https URL", ERR_INPUT);
    expect_error(f, "http://127.0.0.1:99999/",
                 "GET http://127.0.0.1:99999/: not an http or https "
                 "URL",
                 ERR_INPUT);
}

static void secrets_of_the_url_are_not_told(void **state)
{
    expect_error(*state, "http://user:secret@127.0.0.1:1/p?api_key=secret#x",
                 "GET http://127.0.0.1:1/p: can't connect: Connection refused", ERR_MISSING);
    expect_error(*state, "http://127.0.0.1:1?api_key=secret@x",
                 "GET http://127.0.0.1:1: can't connect: Connection refused", ERR_MISSING);
}

static void a_missing_socket_is_told(void **state)
{
    struct client_fixture *f = *state;
    f->call.unix_socket = "/no/such/socket";
    expect_error(f, "http://localhost/p", "GET http://localhost/p: can't connect: No such file or directory",
                 ERR_MISSING);
}

/* A peer without manners: accepts one connection, reads the request, says `answer`, closes. */
static void expect_error_of_peer(struct client_fixture *f, const char *answer, const char *text)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct buf request = {0};
    int peer = -1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&at, &size);
    char *url = mem_printf("http://127.0.0.1:%d/p", ntohs(at.sin_port));
    char *whole = mem_printf("GET %s: %s", url, text);
    unsigned before = f->results;
    f->call.url = url;
    call_begin(f);
    WAIT(&f->http, (peer = accept(fd, NULL, NULL)) >= 0);
    raw_read(&f->http, peer, "\r\n\r\n", &request);
    raw_say(&f->http, peer, answer);
    close(peer);
    WAIT(&f->http, f->results > before);
    assert_non_null(f->error);
    assert_string_equal(f->error, whole);
    close(fd);
    buf_fini(&request);
    free(whole);
    free(url);
}

static void broken_answers_are_told(void **state)
{
    struct client_fixture *f = *state;
    expect_error_of_peer(f, "", "the connection was closed without an answer");
    expect_error_of_peer(f, "SSH-2.0-OpenSSH\r\n", "the answer is not HTTP");
    expect_error_of_peer(f, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                         "the connection broke off: transfer closed with 7 bytes remaining to read");
}

static void a_slow_answer_is_told(void **state)
{
    struct client_fixture *f = *state;
    char *url = serve(f, "/p"), *text = mem_printf("GET %s: no complete answer within 50 ms", url);
    f->http.hold = true;
    f->call.timeout_ms = 50;
    expect_error(f, url, text, ERR_MISSING);
    free(text);
    free(url);
}

/* --- TLS --- */

/* Starts a TLS server with a certificate that nobody has signed; returns its process and *port, or -1 without openssl.
 */
static pid_t start_tls(const char *certificate, const char *key, int *port)
{
    int out[2];
    char *command = mem_printf("exec 2>/dev/null; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
                               "-nodes -days 2 -subj /CN=localhost -keyout %s -out %s >/dev/null && "
                               "exec openssl s_server -accept 127.0.0.1:0 -key %s -cert %s -www",
                               key, certificate, key, certificate);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    free(command);
    FILE *lines = fdopen(out[0], "r");
    char line[256];
    *port = 0;
    while (*port == 0 && fgets(line, sizeof line, lines) != NULL) {
        if (strncmp(line, "ACCEPT ", 7) == 0 && strrchr(line, ':') != NULL) {
            *port = atoi(strrchr(line, ':') + 1);
        }
    }
    fclose(lines);
    return pid;
}

static void an_unknown_certificate_is_refused(void **state)
{
    struct client_fixture *f = *state;
    int port;
    char *certificate = mem_printf("%s/c", f->http.directory);
    char *key = mem_printf("%s/k", f->http.directory);
    pid_t pid = start_tls(certificate, key, &port);
    char *url = mem_printf("https://127.0.0.1:%d/p", port);
    char *text = mem_printf("GET %s: the server's certificate is not trusted: "
                            "SSL certificate problem: self-signed certificate",
                            url);
    f->call.url = url;
    if (port != 0) {
        call_now(f);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(certificate);
    unlink(key);
    char *found = f->error;
    f->error = NULL;
    if (port != 0) {
        assert_string_equal(found, text);
    }
    free(found);
    free(text);
    free(url);
    free(key);
    free(certificate);
    if (port == 0) {
        skip();
    }
}

/* --- close --- */

static void open_calls_are_ended_by_close(void **state)
{
    struct client_fixture *f = *state;
    char *url = serve(f, "/p");
    char *text = mem_printf("GET %s: given up, the client is being closed", url);
    f->http.hold = true;
    for (int i = 0; i < 5; i++) {
        call_begin(f);
    }
    WAIT(&f->http, f->http.seen_count == 5);
    call_begin(f); /* one that has not even connected */
    http_client_close(f->client, on_client_closed, f);
    assert_int_equal(f->results, 0);
    WAIT(&f->http, f->client == NULL);
    assert_int_equal(f->results, 6);
    assert_string_equal(f->error, text);
    assert_int_equal(f->code, ERR_INTERRUPTED);
    free(text);
    free(url);
}

static void close_in_result(struct client_fixture *f)
{
    if (f->results == 1) {
        http_client_close(f->client, on_client_closed, f);
    }
}

static void a_callback_may_close_the_client(void **state)
{
    struct client_fixture *f = *state;
    char *url = serve(f, "/p");
    f->on_result = close_in_result;
    call_begin(f);
    call_begin(f);
    WAIT(&f->http, f->client == NULL);
    assert_int_equal(f->results, 2);
    f->on_result = NULL;
    free(url);
}

static void a_broken_call_may_close_the_client(void **state)
{
    struct client_fixture *f = *state;
    struct http_headers h = {0};
    http_headers_add(&h, "X Y", "z");
    f->call.url = "http://127.0.0.1:1/";
    f->call.headers = &h;
    f->on_result = close_in_result;
    call_begin(f);
    call_begin(f);
    WAIT(&f->http, f->client == NULL);
    assert_int_equal(f->results, 2);
    http_headers_fini(&h);
}

static void send_in_result(struct client_fixture *f)
{
    if (f->results < 10) {
        call_begin(f);
    }
}

static void a_callback_may_send_again(void **state)
{
    struct client_fixture *f = *state;
    char *url = serve(f, "/p");
    f->on_result = send_in_result;
    call_begin(f);
    WAIT(&f->http, f->results == 10);
    assert_null(f->error);
    assert_int_equal(f->http.seen_count, 10);
    free(url);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_sent_that_was_not_asked_for),
        TEST(headers_are_sent_as_they_are),
        TEST(expect_is_sent_where_asked),
        TEST(a_header_that_would_break_out_is_not_sent),
        TEST(unix_sockets_are_reached),
        TEST(a_thousand_calls_share_a_connection),
        TEST(sixty_four_calls_at_once),
        TEST(a_large_body_arrives_whole),
        TEST(the_headers_of_an_answer_and_its_cut_are_told),
        TEST(a_body_over_the_limit_is_answered_413),
        TEST(redirects_are_not_followed),
        TEST(proxies_are_not_used),
        TEST(what_is_no_url_is_told),
        TEST(secrets_of_the_url_are_not_told),
        TEST(a_missing_socket_is_told),
        TEST(broken_answers_are_told),
        TEST(a_slow_answer_is_told),
        TEST(an_unknown_certificate_is_refused),
        TEST(open_calls_are_ended_by_close),
        TEST(a_callback_may_close_the_client),
        TEST(a_broken_call_may_close_the_client),
        TEST(a_callback_may_send_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
