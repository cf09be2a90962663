/* SPDX-License-Identifier: Apache-2.0 */
/* What a tap does to uploads while it is disturbed, and that it stays a tap before, beside and behind that. */
#include "tap_fixture.h"

static const char *sender; /* of all uploads */

static const char *whose(const struct upload *upload, void *data)
{
    (void)upload;
    (void)data;
    return sender;
}

static void make_body(struct buf *body)
{
    make_upload(body, "profile", 7);
}

static void refuse(struct tap_fixture *f, const char *worker)
{
    const struct tap_disturbance refused = {.worker = worker, .status = 503};
    tap_disturb(f->tap, &refused, 1);
}

static int send_one(struct tap_fixture *f)
{
    struct buf body = {0};
    make_body(&body);
    int status = send_upload(f, &body, INPUT);
    buf_fini(&body);
    return status;
}

static void it_refuses_until_it_is_over(void **state)
{
    struct tap_fixture *f = *state;
    start_both(f);
    assert_int_equal(send_one(f), 200);
    refuse(f, NULL);
    assert_int_equal(send_one(f), 503);
    tap_disturb(f->tap, NULL, 0);
    assert_int_equal(send_one(f), 200);
    WAIT(&f->http, f->dones == 3);
    assert_int_equal(f->http.seen_count, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f->told[i].uploads, i != 1);
        assert_int_equal(f->told[i].next_status, i == 1 ? 0 : 200);
    }
    assert_string_equal(f->told[1].fault, "refused with 503 by a disturbance");
    assert_null(f->told[2].fault);
}

static void it_is_for_the_uploads_of_a_worker(void **state)
{
    static const struct {
        const char *worker, *sender;
        int status;
    } cases[] = {{NULL, "a.1.upload", 503},  {"a", "a.1.upload", 503}, {"a", "a.17.upload", 503},
                 {"a", "ab.1.upload", 200},  {"a", NULL, 200},         {"ab", "a.1.upload", 200},
                 {"a.1", "a.1.upload", 503}, {NULL, NULL, 503}};
    struct tap_fixture *f = *state;
    f->options.instance_of = whose;
    start_both(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sender = cases[i].sender;
        refuse(f, cases[i].worker);
        int status = send_one(f);
        if (status != cases[i].status) {
            fail_msg("case %zu: %d", i, status);
        }
    }
}

static void other_requests_pass(void **state)
{
    struct tap_fixture *f = *state;
    start_both(f);
    refuse(f, NULL);
    int fd = tap_connect(f);
    raw_say(&f->http, fd, "POST /v0.4/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(read_answer(f, fd, NULL), 200);
    close(fd);
    WAIT(&f->http, f->dones == 1);
    assert_null(f->told[0].fault);
}

/* Its head came before: it goes on as it began. */
static void what_is_under_way_is_not_touched(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    start_both(f);
    make_body(&body);
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body.size);
    raw_send(&f->http, fd, body.data, 10);
    WAIT(&f->http, tap_open_exchanges(f->tap) == 1);
    refuse(f, NULL);
    raw_send(&f->http, fd, body.data + 10, body.size - 10);
    assert_int_equal(read_answer(f, fd, NULL), 200);
    close(fd);
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].uploads, 1);
    buf_fini(&body);
}

/* Its head came during a disturbance that is over when the body is there. */
static void one_that_outlasts_it_passes(void **state)
{
    struct tap_fixture *f = *state;
    struct buf body = {0};
    start_both(f);
    make_body(&body);
    refuse(f, NULL);
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body.size);
    WAIT(&f->http, tap_open_exchanges(f->tap) == 1);
    tap_disturb(f->tap, NULL, 0);
    raw_send(&f->http, fd, body.data, body.size);
    assert_int_equal(read_answer(f, fd, NULL), 200);
    close(fd);
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].uploads, 1);
    assert_null(f->told[0].fault);
    buf_fini(&body);
}

static void delays_add_up(void **state)
{
    static const struct tap_disturbance delays[] = {
        {.delay_ms = 30}, {.worker = "b", .delay_ms = 3600000}, {.worker = "a", .delay_ms = 50}};
    struct tap_fixture *f = *state;
    sender = "a.1.upload";
    f->options.instance_of = whose;
    start_both(f);
    tap_disturb(f->tap, delays, 3);
    uint64_t begin = uv_hrtime();
    assert_int_equal(send_one(f), 200);
    /* libuv counts from the loop's time, which may be some ms old */
    assert_true(uv_hrtime() - begin >= 60 * 1000000ull);
    WAIT(&f->http, f->dones == 1);
    assert_int_equal(f->told[0].uploads, 1);
    assert_string_equal(f->told[0].fault, "delayed by 80 ms by a disturbance");
    assert_int_equal(f->http.seen_count, 1);
}

/* The end of a disturbance does not let go what it has delayed, and the tap's own end does. */
static void a_stop_does_not_wait_for_a_delay(void **state)
{
    static const struct tap_disturbance late = {.delay_ms = 3600000};
    struct tap_fixture *f = *state;
    struct buf body = {0};
    start_both(f);
    make_body(&body);
    tap_disturb(f->tap, &late, 1);
    int fd = tap_connect(f);
    say_head(f, fd, INPUT, body.size);
    raw_send(&f->http, fd, body.data, body.size);
    WAIT(&f->http, tap_open_exchanges(f->tap) == 1);
    uint64_t begin = uv_hrtime();
    WAIT(&f->http, uv_hrtime() - begin > 20000000);
    tap_disturb(f->tap, NULL, 0);
    stop_tap(f);
    assert_int_equal(f->dones, 1);
    assert_int_equal(f->told[0].uploads, 1);
    assert_string_equal(f->told[0].error, "the tap was stopped");
    close(fd);
    buf_fini(&body);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, tap_setup, tap_teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_refuses_until_it_is_over),      TEST(it_is_for_the_uploads_of_a_worker), TEST(other_requests_pass),
        TEST(what_is_under_way_is_not_touched), TEST(one_that_outlasts_it_passes),       TEST(delays_add_up),
        TEST(a_stop_does_not_wait_for_a_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
