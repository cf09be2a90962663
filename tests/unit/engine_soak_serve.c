/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: what is answered to whom, and where it may listen. */
#include "engine/soak_serve.h"

#include "http_fixture.h"

static void write_text(bool open, struct buf *out, void *data)
{
    int *calls = data;
    buf_printf(out, "%s %d\n", open ? "open" : "text", ++*calls);
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

struct served {
    struct soak_serve *serve;
    int calls;
};

static void start(struct http_fixture *f, struct served *s)
{
    struct err e = {0};
    *s = (struct served){0};
    s->serve = soak_serve_start(&f->loop, "127.0.0.1:0", write_text, &s->calls, &e);
    assert_string_equal(e.text, "");
}

static void stop(struct http_fixture *f, struct served *s)
{
    bool closed = false;
    soak_serve_stop(s->serve, on_closed, &closed);
    WAIT(f, closed);
}

static struct buf ask(struct http_fixture *f, const struct served *s, const char *line, const char *accept)
{
    struct buf answer = {0};
    char *text = mem_printf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s%s\r\n", line, accept ? "Accept: " : "",
                            accept ? accept : "", accept ? "\r\n" : "");
    int fd = raw_connect(soak_serve_url(s->serve));
    raw_say(f, fd, text);
    raw_read(f, fd, NULL, &answer);
    close(fd);
    free(text);
    buf_add_str(&answer, "");
    return answer;
}

static void test_answers(void **state)
{
    static const struct {
        const char *line, *accept;
        int status;
        const char *type, *body;
    } cases[] = {
        {"GET /metrics", NULL, 200, SOAK_METRICS_TEXT, "\r\n\r\ntext 1\n"},
        {"GET /metrics", "text/plain", 200, SOAK_METRICS_TEXT, "\r\n\r\ntext 2\n"},
        {"GET /metrics?x=1", "application/OpenMetrics-text;version=1.0.0,text/plain;q=0.5", 200, SOAK_METRICS_OPEN,
         "\r\n\r\nopen 3\n"},
        {"GET /", NULL, 404, "text/plain; charset=utf-8", "\r\n\r\nthere is only /metrics\n"},
        {"GET /metricsx", NULL, 404, "text/plain; charset=utf-8", "\r\n\r\nthere is only /metrics\n"},
        {"POST /metrics", NULL, 405, "text/plain; charset=utf-8", "\r\n\r\nthere is only GET\n"},
    };
    struct http_fixture *f = *state;
    struct served s;
    start(f, &s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf answer = ask(f, &s, cases[i].line, cases[i].accept);
        char *type = mem_printf("Content-Type: %s\r\n", cases[i].type);
        assert_int_equal(status_of(&answer), cases[i].status);
        assert_non_null(strstr(answer.data, type));
        assert_non_null(strstr(answer.data, cases[i].body));
        assert_true((strstr(answer.data, "Allow: GET\r\n") != NULL) == (cases[i].status == 405));
        free(type);
        buf_fini(&answer);
    }
    assert_int_equal(s.calls, 3);
    stop(f, &s);
}

static void test_only_loopback(void **state)
{
    struct http_fixture *f = *state;
    struct err e = {0};
    assert_null(soak_serve_start(&f->loop, "0.0.0.0:0", write_text, NULL, &e));
    assert_string_equal(e.text, "can't listen on '0.0.0.0:0': only loopback is allowed, expected 127.0.0.1:PORT, "
                                "[::1]:PORT, localhost:PORT or unix:/PATH");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, http_setup, http_teardown),
        cmocka_unit_test_setup_teardown(test_only_loopback, http_setup, http_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
