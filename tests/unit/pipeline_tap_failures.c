/* SPDX-License-Identifier: Apache-2.0 */
/* A tap between those that fail: next hops that are dead, slow, rude or early, senders that go away, bodies that are
 * large, a disk that is not there, a stop in the middle. */
#include "tap_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static char *url_text(const char *url, const char *what)
{
    return mem_printf("POST %s" INPUT ": %s", url, what);
}

/* One upload: what its sender was told, what was recorded, why. */
static void expect_failure(struct tap_fixture *f, const struct buf *body, int status, int next_status,
                           const char *error)
{
    unsigned number = f->dones;
    assert_int_equal(send_upload(f, body, INPUT), status);
    WAIT(&f->http, f->dones == number + 1);
    struct told *t = &f->told[number];
    assert_int_equal(t->uploads, 1);
    assert_null(t->rejected);
    assert_int_equal(t->body.size, body->size);
    assert_memory_equal(t->body.data, body->data, body->size);
    assert_string_equal(t->error, error);
    assert_int_equal(t->status, status);
    assert_int_equal(t->next_status, next_status);
}

/* --- next hops --- */

static void a_dead_next_hop_is_502(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0};
    f->options.to.url = "http://127.0.0.1:1";
    start_tap(f);
    make_bytes(&bytes, 3 << 20, 1);
    make_upload(&body, bytes.data, 3);
    char *why = url_text("http://127.0.0.1:1", "can't connect: Connection refused");
    expect_failure(f, &body, 502, 0, why);
    buf_clear(&body);
    make_upload(&body, bytes.data, bytes.size);
    expect_failure(f, &body, 502, 0, why);
    free(why);
    buf_fini(&bytes);
    buf_fini(&body);
}

static void an_unknown_next_hop_is_502_until_it_is_known(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    make_upload(&body, "abc", 3);
    start_tap(f);
    expect_failure(f, &body, 502, 0, "the next hop is not known yet");
    start_server(&f->http);
    tap_set_target(f->tap, &(struct tap_target){.url = httpd_url(f->http.server)});
    assert_int_equal(send_upload(f, &body, INPUT), 200);
    buf_fini(&body);
}

static void a_slow_next_hop_is_504(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    f->options.answer_timeout_ms = 50;
    f->http.hold = true;
    start_both(f);
    make_upload(&body, "abc", 3);
    expect_failure(f, &body, 504, 0, "the next hop gave no answer within 50 ms");
    assert_int_equal(f->http.seen_count, 1);
    buf_fini(&body);
}

static void a_next_hop_that_reads_nothing_is_504(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0};
    f->options.answer_timeout_ms = 100;
    struct peer p = peer_open(f);
    make_bytes(&bytes, 20 << 20, 1);
    make_upload(&body, bytes.data, bytes.size);
    expect_failure(f, &body, 504, 0, "the next hop gave no answer within 100 ms");
    peer_close(&p);
    buf_fini(&bytes);
    buf_fini(&body);
}

static void a_slow_sender_is_not_the_next_hops_fault(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    f->options.answer_timeout_ms = 50;
    start_both(f);
    make_upload(&body, "abc", 3);
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body.size);
    raw_send(&f->http, fd, body.data, 10);
    uint64_t begin = uv_hrtime();
    WAIT(&f->http, uv_hrtime() - begin > 200000000);
    raw_send(&f->http, fd, body.data + 10, body.size - 10);
    assert_int_equal(read_answer(f, fd, NULL), 200);
    close(fd);
    buf_fini(&body);
}

/* Sends `size` bytes of a body; the peer reads `reads` of it, says `answer`, goes. What the sender is told. */
static int against_peer(struct tap_fixture *f, struct peer *p, const struct buf *body, size_t reads, const char *answer,
                        struct buf *back)
{
    struct buf got = {0};
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body->size);
    raw_send(&f->http, fd, body->data, reads);
    peer_accept(f, p);
    raw_read(&f->http, p->fd, "\r\n\r\n", &got);
    char bytes[65536];
    size_t head = (size_t)(strstr(got.data, "\r\n\r\n") + 4 - got.data);
    while (got.size < head + reads) {
        ssize_t size = 0;
        size_t room = head + reads - got.size;
        WAIT(&f->http, (size = recv(p->fd, bytes, room < sizeof bytes ? room : sizeof bytes, MSG_DONTWAIT)) > 0);
        buf_add(&got, bytes, (size_t)size);
    }
    if (answer == NULL) {
        peer_reset(p);
    } else {
        raw_say(&f->http, p->fd, answer);
        close(p->fd);
        p->fd = -1;
    }
    raw_send(&f->http, fd, body->data + reads, body->size - reads);
    int status = read_answer(f, fd, back);
    close(fd);
    buf_fini(&got);
    return status;
}

static void rude_next_hops_are_502(void **state)
{
    static const struct {
        size_t reads;
        const char *answer, *why;
    } cases[] = {
        {0, "", "the connection was closed without an answer"},
        {0, "SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"},
        {5000, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
         "the connection broke off: transfer closed with 7 bytes remaining to read"},
        {5000, NULL, "the connection broke off: Recv failure: Connection reset by peer"},
    };
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0};
    struct peer p = peer_open(f);
    make_bytes(&bytes, 100000, 1);
    make_upload(&body, bytes.data, bytes.size);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *why = url_text(p.url, cases[i].why);
        assert_int_equal(against_peer(f, &p, &body, cases[i].reads, cases[i].answer, NULL), 502);
        WAIT(&f->http, f->dones == i + 1);
        struct told *t = &f->told[i];
        assert_int_equal(t->uploads, 1);
        assert_memory_equal(t->body.data, body.data, body.size);
        /* where the tap still sends, the system may say it of that */
        assert_memory_equal(t->error, why, strlen(why) - (cases[i].answer == NULL ? 40 : 0));
        free(why);
    }
    peer_close(&p);
    buf_fini(&bytes);
    buf_fini(&body);
}

static void an_early_answer_is_passed_back_behind_the_body(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0}, back = {0};
    struct peer p = peer_open(f);
    make_bytes(&bytes, 20 << 20, 1);
    make_upload(&body, bytes.data, bytes.size);
    assert_int_equal(against_peer(f, &p, &body, 100000,
                                  "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nX-A: b\r\nConnection: "
                                  "close\r\n\r\nlarge",
                                  &back),
                     413);
    assert_non_null(strstr(back.data, "X-A: b\r\n"));
    assert_non_null(strstr(back.data, "\r\n\r\nlarge"));
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].next_status, 413);
    assert_int_equal(f->told[0].body.size, body.size);
    assert_memory_equal(f->told[0].body.data, body.data, body.size);
    assert_null(f->told[0].error);
    peer_close(&p);
    buf_fini(&bytes);
    buf_fini(&body);
    buf_fini(&back);
}

/* --- senders --- */

static void a_sender_that_goes_away_ends_the_next_request(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0};
    start_both(f);
    make_bytes(&bytes, 200000, 1);
    make_upload(&body, bytes.data, bytes.size);
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body.size);
    raw_send(&f->http, fd, body.data, 100000);
    WAIT(&f->http, httpd_open_connections(f->http.server) == 1);
    close(fd);
    WAIT(&f->http, f->dones == 1);
    struct told *t = &f->told[0];
    assert_int_equal(t->uploads, 0);
    assert_string_equal(t->rejected, "after 100000 bytes of the body the connection was lost");
    assert_string_equal(t->error, t->rejected);
    assert_int_equal(t->status, 0);
    assert_int_equal(t->next_status, 0);
    assert_int_equal(t->body_size, 100000);
    assert_int_equal(t->body.size, 100000);
    assert_memory_equal(t->body.data, body.data, 100000);
    WAIT(&f->http, f->http.seen_count == 1);
    assert_non_null(f->http.seen[0].failed);
    buf_fini(&bytes);
    buf_fini(&body);
}

static void a_sender_that_does_not_wait_has_no_status(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    f->http.hold = true;
    start_both(f);
    make_upload(&body, "abc", 3);
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body.size);
    raw_send(&f->http, fd, body.data, body.size);
    WAIT(&f->http, f->http.seen_count == 1);
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    answer_echo(&f->http, &f->http.seen[0]);
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].uploads, 1);
    assert_int_equal(f->told[0].status, 0);
    assert_int_equal(f->told[0].next_status, 200);
    assert_string_equal(f->told[0].error, "the sender was gone before it had the answer");
    buf_fini(&body);
}

static void a_body_that_grows_over_the_limit_is_413(void **state)
{
    struct tap_fixture *f = *state;
    struct buf bytes = {0};
    f->options.max_body = 100000;
    start_both(f);
    make_bytes(&bytes, 60000, 1);
    int fd = tap_connect(f);
    raw_say(&f->http, fd, "POST " INPUT " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        raw_say(&f->http, fd, "ea60\r\n");
        raw_send(&f->http, fd, bytes.data, bytes.size);
        raw_say(&f->http, fd, "\r\n");
    }
    raw_say(&f->http, fd, "0\r\n\r\n");
    assert_int_equal(read_answer(f, fd, NULL), 413);
    close(fd);
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].uploads, 0);
    assert_int_equal(f->told[0].status, 413);
    assert_string_equal(f->told[0].rejected, "the body has more than 100000 bytes");
    assert_int_equal(f->told[0].rejected_status, 413);
    for (size_t i = 0; i < f->http.seen_count; i++) {
        assert_non_null(f->http.seen[i].failed);
    }
    buf_fini(&bytes);
}

/* --- large bodies --- */

/* Peak of the resident memory since the last call of begin_peak, in KiB; what is mapped of files is not ours alone. */
static void begin_peak(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0 && write(fd, "5", 1) == 1);
    close(fd);
}

static long peak_kib(const char *what)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "re");
    assert_non_null(file);
    while (value < 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0) {
            value = atol(line + strlen(what) + 1);
        }
    }
    fclose(file);
    return value;
}

/* 100 MB from the sender through the tap into a peer that compares them. */
static void pass_large(struct tap_fixture *f, struct peer *p, const struct buf *piece, size_t pieces)
{
    char bytes[65536];
    struct buf head = {0};
    size_t total = piece->size * pieces, sent = 0, got = 0;
    int fd = tap_connect(f);
    say_head(f, fd, "/large", total);
    peer_accept(f, p);
    raw_read(&f->http, p->fd, "\r\n\r\n", &head);
    const char *body = strstr(head.data, "\r\n\r\n") + 4;
    got = head.size - (size_t)(body - head.data);
    assert_memory_equal(body, piece->data, got);
    while (got < total) {
        size_t at = sent % piece->size;
        ssize_t size = sent < total ? send(fd, piece->data + at, piece->size - at, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        sent += size > 0 ? (size_t)size : 0;
        uv_run(&f->http.loop, UV_RUN_NOWAIT);
        size = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        for (ssize_t i = 0; i < size; i++) {
            if (bytes[i] != piece->data[(got + (size_t)i) % piece->size]) {
                fail_msg("byte %zu is another one", got + (size_t)i);
            }
        }
        got += size > 0 ? (size_t)size : 0;
    }
    raw_say(&f->http, p->fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_int_equal(read_answer(f, fd, NULL), 200);
    close(fd);
    buf_fini(&head);
}

static void a_hundred_megabytes_pass_in_bounded_memory(void **state)
{
    struct tap_fixture *f = *state;
    struct buf piece = {0};
    f->options.max_body = (size_t)1 << 30;
    struct peer p = peer_open(f);
    make_bytes(&piece, 1000000, 1);
    begin_peak();
    long before = peak_kib("VmHWM:");
    pass_large(f, &p, &piece, 100);
    long after = peak_kib("VmHWM:");
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].body_size, 100000000);
#ifndef __SANITIZE_ADDRESS__
    assert_in_range(after - before, 0, 24 << 10);
#else
    (void)before;
    (void)after;
#endif
    peer_close(&p);
    buf_fini(&piece);
}

static void a_large_upload_is_handed_out_from_its_file(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0};
    start_both(f);
    make_bytes(&bytes, 30 << 20, 1);
    make_upload(&body, bytes.data, bytes.size);
    f->http.on_request = NULL;
    assert_int_equal(send_upload(f, &body, INPUT), 502); /* the echo is too large */
    WAIT(&f->http, f->dones == 1);
    assert_null(f->told[0].rejected);
    assert_int_equal(f->told[0].body.size, body.size);
    assert_memory_equal(f->told[0].body.data, body.data, body.size);
    assert_memory_equal(f->http.seen[0].body.data, body.data, body.size);
    buf_fini(&bytes);
    buf_fini(&body);
}

static void what_can_not_be_kept_passes_all_the_same(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0};
    f->options.spool = "/no/such/directory";
    start_both(f);
    make_bytes(&bytes, 10 << 20, 1);
    make_upload(&body, bytes.data, bytes.size);
    send_upload(f, &body, INPUT);
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].uploads, 1);
    assert_string_equal(f->told[0].rejected, "the body can't be kept in /no/such/directory: no such file or directory");
    assert_int_equal(f->told[0].next_status, 200);
    assert_memory_equal(f->http.seen[0].body.data, body.data, body.size);
    buf_fini(&bytes);
    buf_fini(&body);
}

/* --- the end --- */

static void a_stop_ends_what_is_open(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0}, bytes = {0};
    int fds[4];
    f->http.hold = true;
    start_both(f);
    make_bytes(&bytes, 10 << 20, 1);
    make_upload(&body, bytes.data, 100);
    for (int i = 0; i < 4; i++) {
        fds[i] = tap_connect(f);
    }
    say_head(f, fds[0], INPUT, body.size); /* waits for its answer */
    raw_send(&f->http, fds[0], body.data, body.size);
    WAIT(&f->http, f->uploads == 1 && f->http.seen_count == 1);
    say_head(f, fds[1], INPUT, body.size); /* in its body */
    raw_send(&f->http, fds[1], body.data, 10);
    say_head(f, fds[2], INPUT, bytes.size + 1); /* in its file */
    raw_send(&f->http, fds[2], bytes.data, bytes.size);
    raw_say(&f->http, fds[3], "POST " INPUT " HTTP/1.1\r\nHo"); /* in its head */
    WAIT(&f->http, tap_open_exchanges(f->tap) == 3);
    stop_tap(f);
    assert_int_equal(f->dones, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(f->told[i].error, "the tap was stopped");
        assert_int_equal(f->told[i].status, 0);
    }
    assert_int_equal(f->told[0].uploads, 1);
    assert_null(f->told[0].rejected);
    assert_string_equal(f->told[1].rejected, "the tap was stopped");
    assert_string_equal(f->told[2].rejected, "the tap was stopped");
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
    buf_fini(&bytes);
    buf_fini(&body);
}

static void stop_in_callback(struct tap_fixture *f, const struct tap_event *event)
{
    if (event->number == 1 && (event->kind == TAP_UPLOAD) == (f->http.hold)) {
        tap_stop(f->tap, on_tap_closed, f);
        f->on_event = NULL;
    }
}

static void a_callback_may_stop_the_tap(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    start_server(&f->http);
    make_upload(&body, "abc", 3);
    for (int i = 0; i < 2; i++) {
        f->http.hold = i == 0; /* first at TAP_UPLOAD, then at TAP_DONE */
        f->on_event = stop_in_callback;
        if (i == 1) {
            f->told[0].uploads = f->told[0].dones = 0;
        }
        start_tap(f);
        int fd = tap_connect(f);
        say_head(f, fd, INPUT, body.size);
        raw_send(&f->http, fd, body.data, body.size);
        WAIT(&f->http, f->tap == NULL);
        assert_int_equal(f->told[0].uploads, 1);
        assert_int_equal(f->told[0].dones, 1);
        close(fd);
        free(f->told[0].error);
        f->told[0].error = NULL;
        free(f->told[0].method);
        free(f->told[0].path);
        f->told[0].method = f->told[0].path = NULL;
    }
    buf_fini(&body);
}

static void a_taken_address_is_told(void **state)
{
    struct tap_fixture *f = *state;
    struct err e = {0};
    f->options.listen = "0.0.0.0:1";
    assert_null(tap_start(&f->http.loop, &f->options, on_tap_event, f, &e));
    assert_string_equal(e.text, "can't listen on '0.0.0.0:1': only loopback is allowed, expected 127.0.0.1:PORT, "
                                "[::1]:PORT, localhost:PORT or unix:/PATH");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tap_setup, tap_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_dead_next_hop_is_502),
        TEST(an_unknown_next_hop_is_502_until_it_is_known),
        TEST(a_slow_next_hop_is_504),
        TEST(a_next_hop_that_reads_nothing_is_504),
        TEST(a_slow_sender_is_not_the_next_hops_fault),
        TEST(rude_next_hops_are_502),
        TEST(an_early_answer_is_passed_back_behind_the_body),
        TEST(a_sender_that_goes_away_ends_the_next_request),
        TEST(a_sender_that_does_not_wait_has_no_status),
        TEST(a_body_that_grows_over_the_limit_is_413),
        TEST(a_hundred_megabytes_pass_in_bounded_memory),
        TEST(a_large_upload_is_handed_out_from_its_file),
        TEST(what_can_not_be_kept_passes_all_the_same),
        TEST(a_stop_ends_what_is_open),
        TEST(a_callback_may_stop_the_tap),
        TEST(a_taken_address_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
