/* SPDX-License-Identifier: Apache-2.0 */
/* What a tap does where a fault asks for it: before it hands an upload out (`in`), and behind that (`out`). What a
 * fault makes of a profile is tested with fault.c; here its effects on the exchange are. */
#include "tap_fixture.h"

/* One fault for the tap, before the copy or behind it. */
struct plan {
    struct scenario_fault fault;
    struct fault_plan *plan;
};

static void begin_fault(struct tap_fixture *f, struct plan *p, bool in, const struct scenario_fault *fault)
{
    p->fault = *fault;
    p->fault.at = STAGE_UPLOAD;
    p->fault.rate = 1;
    p->plan = fault_plan_new(&p->fault, 1, STAGE_UPLOAD, 1);
    assert_non_null(p->plan);
    f->options.in = in ? p->plan : NULL;
    f->options.out = in ? NULL : p->plan;
    start_both(f);
}

static void end_fault(struct tap_fixture *f, struct plan *p)
{
    if (f->tap != NULL) {
        stop_tap(f);
    }
    fault_plan_free(p->plan);
}

static void make_body(struct buf *body, char c)
{
    char bytes[5000];
    memset(bytes, c, sizeof bytes);
    make_upload(body, bytes, sizeof bytes);
}

static const struct scenario_fault dropped = {.has_mechanism = true, .mechanism = MECHANISM_PROFILE_DROPPED};
static const struct scenario_fault doubled = {.has_mechanism = true, .mechanism = MECHANISM_DUPLICATED};
static const struct scenario_fault refused = {.change = CHANGE_STATUS, .status = 503};
static const struct scenario_fault delayed = {.change = CHANGE_DELAY, .delay_ms = 80};
static const struct scenario_fault cut_off = {.change = CHANGE_RESET};
static const struct scenario_fault too_long = {.change = CHANGE_CONTENT_LENGTH, .length = 10};
static const struct scenario_fault headers = {.change = CHANGE_HEADERS};
static const struct scenario_fault reordered = {.change = CHANGE_UPLOADS_REORDERED};

/* What one upload comes to, for each effect before and behind the copy. */
static void each_effect_is_seen_where_it_should_be(void **state)
{
    static const struct {
        const char *name, *path;
        const struct scenario_fault *fault;
        bool in;
        int status, next_status;
        unsigned uploads, arrived, broken; /* handed out; at the next hop, whole and broken off */
    } cases[] = {
        {"dropped in", INPUT, &dropped, true, 200, 0, 0, 0, 0},
        {"dropped out", INPUT, &dropped, false, 200, 0, 1, 0, 0},
        {"dropped at the intake's path", "/api/v2/profile", &dropped, false, 202, 0, 1, 0, 0},
        {"refused in", INPUT, &refused, true, 503, 0, 0, 0, 0},
        {"refused out", INPUT, &refused, false, 503, 0, 1, 0, 0},
        {"delayed in", INPUT, &delayed, true, 200, 200, 1, 1, 0},
        {"delayed out", INPUT, &delayed, false, 200, 200, 1, 1, 0},
        {"reset in", INPUT, &cut_off, true, 502, 0, 0, 0, 1},
        {"reset out", INPUT, &cut_off, false, 502, 0, 1, 0, 1},
        {"length in", INPUT, &too_long, true, 504, 0, 0, 0, 1},
        {"length out", INPUT, &too_long, false, 504, 0, 1, 0, 1},
        {"doubled in", INPUT, &doubled, true, 200, 200, 2, 2, 0},
        {"doubled out", INPUT, &doubled, false, 200, 200, 1, 2, 0},
        {"headers in", INPUT, &headers, true, 200, 200, 1, 1, 0},
        {"headers out", INPUT, &headers, false, 200, 200, 1, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tap_fixture *f;
        struct plan p;
        struct buf body = {0};
        tap_setup((void **)&f);
        make_body(&body, 'a');
        f->options.answer_timeout_ms = cases[i].fault == &too_long ? 100 : 30000;
        begin_fault(f, &p, cases[i].in, cases[i].fault);
        uint64_t begin = uv_hrtime();
        int status = send_upload(f, &body, cases[i].path);
        uint64_t took = uv_hrtime() - begin;
        WAIT(&f->http, f->dones == 1 && f->http.seen_count == cases[i].arrived + cases[i].broken);
        struct told *t = &f->told[0];
        if (status != cases[i].status || t->status != status || t->next_status != cases[i].next_status ||
            t->uploads != cases[i].uploads || t->taken != cases[i].arrived || t->fault == NULL) {
            fail_msg("%s: answered %d, told %d, next hop %d, %u handed out, %u taken, fault %s", cases[i].name, status,
                     t->status, t->next_status, t->uploads, t->taken, t->fault);
        }
        /* libuv counts from the loop's time, which may be some ms old */
        assert_true(cases[i].fault != &delayed || took >= 40 * 1000000ull);
        for (size_t k = 0; k < f->http.seen_count; k++) {
            assert_int_equal(f->http.seen[k].failed != NULL, cases[i].broken > 0);
            assert_true(cases[i].broken > 0 || f->http.seen[k].body.size == body.size);
            const char *header = http_headers_get(&f->http.seen[k].headers, "X-Locktrail-Fault");
            assert_int_equal(header != NULL, cases[i].fault == &headers);
        }
        assert_null(t->rejected);
        buf_fini(&body);
        end_fault(f, &p);
        tap_teardown((void **)&f);
    }
}

static void read_profile(struct buf *out)
{
    char bytes[65536];
    size_t size;
    FILE *file = fopen("tests/data/ddtrace-4.16.0.pprof", "re");
    assert_non_null(file);
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0) {
        buf_add(out, bytes, size);
    }
    fclose(file);
}

static bool is_same(const struct buf *a, const struct buf *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Before the copy: the copy is the changed one. Behind it: the copy is what came, and the next hop has the changed one.
 */
static void a_changed_upload_is_the_one_that_is_passed_on(void **state)
{
    static const struct scenario_fault fault = {
        .has_mechanism = true, .mechanism = MECHANISM_VALUE_TRUNCATED, .length = 3};
    struct buf profile = {0}, body = {0};
    (void)state;
    read_profile(&profile);
    make_upload(&body, profile.data, profile.size);
    for (int in = 0; in < 2; in++) {
        struct tap_fixture *f;
        struct plan p;
        char size[32];
        tap_setup((void **)&f);
        begin_fault(f, &p, in == 1, &fault);
        assert_int_equal(send_upload(f, &body, INPUT), 200);
        WAIT(&f->http, f->dones == 1);
        struct seen *s = &f->http.seen[0];
        assert_int_equal(f->told[0].uploads, 1);
        assert_null(f->told[0].rejected);
        assert_string_equal(f->told[0].event, EVENT);
        assert_false(is_same(&s->body, &body));
        assert_int_equal(is_same(&f->told[0].body, &body), in == 0);
        assert_int_equal(is_same(&f->told[0].body, &s->body), in == 1);
        snprintf(size, sizeof size, "%zu", s->body.size);
        assert_string_equal(http_headers_get(&s->headers, "Content-Length"), size);
        snprintf(size, sizeof size, "%zu", f->told[0].body.size);
        assert_string_equal(f->told[0].length, size);
        assert_memory_equal(f->told[0].fault, "value_truncated to 3 bytes in ", 30);
        end_fault(f, &p);
        tap_teardown((void **)&f);
    }
    buf_fini(&profile);
    buf_fini(&body);
}

static void other_paths_are_not_held_back(void **state)
{
    struct tap_fixture *f = *state;
    struct plan p;
    begin_fault(f, &p, true, &dropped);
    int fd = tap_connect(f);
    raw_say(&f->http, fd, "POST /v0.4/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab");
    WAIT(&f->http, httpd_open_connections(f->http.server) == 1);
    raw_say(&f->http, fd, "c");
    assert_int_equal(read_answer(f, fd, NULL), 200);
    close(fd);
    WAIT(&f->http, f->dones == 1);
    assert_null(f->told[0].fault);
    end_fault(f, &p);
}

static char first_of(const struct buf *body)
{
    return *(strstr(body->data, "filename=\"profile.pprof\"\r\n\r\n") + strlen("filename=\"profile.pprof\"\r\n\r\n"));
}

static void send_three(struct tap_fixture *f)
{
    for (int i = 0; i < 3; i++) {
        struct buf body = {0};
        make_body(&body, (char)('a' + i));
        assert_int_equal(send_upload(f, &body, INPUT), 200);
        buf_fini(&body);
    }
}

/* Every upload is to be held: the first waits for the second, the third for the tap's end. */
static void a_held_upload_comes_behind_the_next_one(void **state)
{
    (void)state;
    for (int in = 0; in < 2; in++) {
        struct tap_fixture *f;
        struct plan p;
        tap_setup((void **)&f);
        begin_fault(f, &p, in == 1, &reordered);
        send_three(f);
        WAIT(&f->http, f->dones == 2 && f->http.seen_count == 2);
        assert_int_equal(tap_open_exchanges(f->tap), 0); /* the third is not under way */
        end_fault(f, &p);
        assert_int_equal(f->dones, 3);
        assert_int_equal(f->http.seen_count, 3);
        assert_int_equal(first_of(&f->http.seen[0].body), 'b');
        assert_int_equal(first_of(&f->http.seen[1].body), 'a');
        assert_int_equal(first_of(&f->http.seen[2].body), 'c');
        static const unsigned orders[2][3] = {{0, 1, 2}, {1, 0, 2}};
        for (int i = 0; i < 3; i++) {
            assert_int_equal(f->told[i].uploads, 1);
            assert_int_equal(f->told[i].order, orders[in][i]);
            assert_int_equal(f->told[i].status, 200);
            assert_int_equal(f->told[i].next_status, 200);
            assert_null(f->told[i].error);
        }
        tap_teardown((void **)&f);
    }
}

static void a_held_upload_does_not_keep_the_tap_for_ever(void **state)
{
    struct tap_fixture *f = *state;
    struct plan p;
    struct buf body = {0};
    f->options.answer_timeout_ms = 50;
    f->http.hold = true;
    begin_fault(f, &p, false, &reordered);
    make_body(&body, 'a');
    assert_int_equal(send_upload(f, &body, INPUT), 200);
    end_fault(f, &p);
    assert_int_equal(f->dones, 1);
    assert_string_equal(f->told[0].error, "the next hop gave no answer within 50 ms");
    assert_int_equal(f->told[0].status, 200); /* it had been told so before */
    buf_fini(&body);
}

/* It was to be held, and was the one that another waited for; its sender does not read the answer, which is an echo. */
static void a_sender_that_reads_nothing_does_not_keep_the_tap_for_ever(void **state)
{
    struct tap_fixture *f = *state;
    struct plan p;
    struct buf first = {0}, second = {0}, bytes = {0};
    begin_fault(f, &p, false, &reordered);
    make_body(&first, 'a');
    make_bytes(&bytes, ((size_t)4 << 20) - 4096, 1);
    make_upload(&second, bytes.data, bytes.size);
    assert_int_equal(send_upload(f, &first, INPUT), 200);
    int fd = tap_connect(f), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say_head(f, fd, INPUT, second.size);
    raw_send(&f->http, fd, second.data, second.size);
    WAIT(&f->http, f->http.seen_count == 1 && recv(fd, &small, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
    assert_int_equal(f->dones, 0); /* most of the answer is still to be sent */
    end_fault(f, &p);
    assert_int_equal(f->dones, 2);
    assert_int_equal(f->http.seen_count, 2);
    assert_string_equal(f->told[1].error, "the tap was stopped");
    close(fd);
    buf_fini(&first);
    buf_fini(&second);
    buf_fini(&bytes);
}

static void a_stop_does_not_wait_for_a_delay(void **state)
{
    struct tap_fixture *f = *state;
    struct plan p;
    struct buf body = {0};
    struct scenario_fault late = delayed;
    late.delay_ms = 3600 * 1000;
    begin_fault(f, &p, true, &late);
    make_body(&body, 'a');
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body.size);
    raw_send(&f->http, fd, body.data, body.size);
    WAIT(&f->http, tap_open_exchanges(f->tap) == 1);
    uint64_t begin = uv_hrtime();
    WAIT(&f->http, uv_hrtime() - begin > 20000000);
    end_fault(f, &p);
    assert_int_equal(f->dones, 1);
    assert_int_equal(f->told[0].uploads, 1);
    assert_string_equal(f->told[0].error, "the tap was stopped");
    close(fd);
    buf_fini(&body);
}

static void a_large_body_is_held_back_in_its_file(void **state)
{
    struct tap_fixture *f = *state;
    struct plan p;
    struct buf body = {0}, bytes = {0};
    begin_fault(f, &p, false, &headers);
    make_bytes(&bytes, 20 << 20, 1);
    make_upload(&body, bytes.data, bytes.size);
    assert_int_equal(send_upload(f, &body, INPUT), 502); /* the echo is too large */
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->http.seen[0].body.size, body.size);
    assert_memory_equal(f->http.seen[0].body.data, body.data, body.size);
    assert_memory_equal(f->told[0].body.data, body.data, body.size);
    end_fault(f, &p);
    buf_fini(&body);
    buf_fini(&bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tap_setup, tap_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_effect_is_seen_where_it_should_be),
        cmocka_unit_test(a_changed_upload_is_the_one_that_is_passed_on),
        TEST(other_paths_are_not_held_back),
        cmocka_unit_test(a_held_upload_comes_behind_the_next_one),
        TEST(a_held_upload_does_not_keep_the_tap_for_ever),
        TEST(a_sender_that_reads_nothing_does_not_keep_the_tap_for_ever),
        TEST(a_stop_does_not_wait_for_a_delay),
        TEST(a_large_body_is_held_back_in_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
