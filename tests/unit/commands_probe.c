/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_MS 20000

static void test_run_gives_output(void **state)
{
    const char *args[] = {"sh", "-c", "cat; echo out; echo err >&2", NULL};
    struct buf out = {0};
    struct err e;
    (void)state;
    assert_int_equal(probe_run(args, LONG_MS, &out, &e), 0);
    assert_string_equal(out.data, "out\n");
    buf_fini(&out);
}

static void expect_run_error(const char *const *args, int timeout_ms, const char *text)
{
    struct buf out = {0};
    struct err e;
    assert_int_equal(probe_run(args, timeout_ms, &out, &e), -1);
    assert_string_equal(e.text, text);
    assert_int_equal(e.code, ERR_MISSING);
    /* No child is left, dead or alive. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    buf_fini(&out);
}

static void test_run_errors(void **state)
{
    (void)state;
    expect_run_error((const char *[]){"no-such-program", NULL}, LONG_MS,
                     "can't run no-such-program: No such file or directory");
    expect_run_error((const char *[]){"sh", "-c", "echo first >&2; echo last >&2; exit 3", NULL}, LONG_MS, "sh: last");
    expect_run_error((const char *[]){"sh", "-c", "exit 1", NULL}, LONG_MS, "sh: no message");
    expect_run_error((const char *[]){"sh", "-c", "kill -9 $$", NULL}, LONG_MS, "sh was ended by signal 9");
    expect_run_error((const char *[]){"sh", "-c", "sleep 1000 & wait", NULL}, 100, "sh did not end in 0.1 s");
}

static void test_run_bounds_its_output(void **state)
{
    const char *args[] = {"sh", "-c", "head -c 1000000 /dev/zero", NULL};
    struct buf out = {0};
    struct err e;
    (void)state;
    assert_int_equal(probe_run(args, LONG_MS, &out, &e), 0);
    assert_in_range(out.size, PROBE_ANSWER_MAX, PROBE_ANSWER_MAX + 4096);
    buf_fini(&out);
}

/* A server that gives one answer. */
struct server {
    int fd;
    const char *answer;
    char url[128], listen[64];
    pthread_t thread;
};

static void *serve(void *data)
{
    struct server *s = data;
    char request[512];
    int fd = accept(s->fd, NULL, NULL);
    if (fd >= 0 && read(fd, request, sizeof request) > 0 && write(fd, s->answer, strlen(s->answer)) < 0)
        perror("write");
    close(fd);
    return NULL;
}

static void server_start(struct server *s, const char *answer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *s = (struct server){.fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer};
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &size), 0);
    snprintf(s->listen, sizeof s->listen, "127.0.0.1:%d", ntohs(address.sin_port));
    snprintf(s->url, sizeof s->url, "http://%s/profiling/v1/input", s->listen);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
}

static void test_get(void **state)
{
    static const struct {
        const char *answer, *error;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\n{\"a\": 1}", NULL},
        {"HTTP/1.1 404 Not Found\r\n\r\n", "it answers 404"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "what answers there does not speak HTTP"},
        {"", "what answers there does not speak HTTP"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server s;
        struct buf answer = {0};
        struct err e;
        server_start(&s, cases[i].answer);
        int result = probe_get(s.url, NULL, "/info", LONG_MS, &answer, &e);
        server_stop(&s);
        assert_int_equal(result, cases[i].error ? -1 : 0);
        if (cases[i].error)
            assert_string_equal(e.text, cases[i].error);
        else
            assert_non_null(strstr(answer.data, "{\"a\": 1}"));
        buf_fini(&answer);
    }
}

static void test_connect_errors(void **state)
{
    struct err e;
    (void)state;
    assert_int_equal(probe_connect("http://127.0.0.1:1/x", NULL, LONG_MS, &e), -1);
    assert_string_equal(e.text, "can't connect: Connection refused");
    assert_int_equal(probe_connect("http://[::1", NULL, LONG_MS, &e), -1);
    assert_int_equal(probe_connect("ftp://x", NULL, LONG_MS, &e), -1);
    assert_string_equal(e.text, "ftp://x is no http or https URL");
    assert_int_equal(probe_connect(NULL, "/none/socket", LONG_MS, &e), -1);
    assert_string_equal(e.text, "can't connect: No such file or directory");
}

static void test_listen(void **state)
{
    struct server s;
    struct err e;
    char text[128];
    (void)state;
    assert_int_equal(probe_listen("127.0.0.1:0", &e), 0);
    assert_int_equal(probe_listen("localhost:0", &e), 0);
    assert_int_equal(probe_listen("unix:", &e), 0);
    assert_int_equal(probe_listen("unix:/tmp/locktrail-none.sock", &e), 0);
    assert_int_equal(probe_listen("unix:/dev/null", &e), -1);
    assert_string_equal(e.text, "/dev/null is there already and is no socket");
    server_start(&s, "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(probe_listen(s.listen, &e), -1);
    snprintf(text, sizeof text, "can't listen at %s: Address already in use", s.listen);
    assert_string_equal(e.text, text);
    struct buf answer = {0};
    assert_int_equal(probe_get(s.url, NULL, "/", LONG_MS, &answer, &e), 0);
    server_stop(&s);
    buf_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_gives_output),      cmocka_unit_test(test_run_errors),
        cmocka_unit_test(test_run_bounds_its_output), cmocka_unit_test(test_get),
        cmocka_unit_test(test_connect_errors),        cmocka_unit_test(test_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
