/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of uploads on their way through the stages of a soak. */
#include "soak_fixture.h"

static void declare(struct soak_fixture *f)
{
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
}

static void a_good_upload_is_judged_at_its_last_stage(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_BACKEND);
    declare(f);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
    soak_send(f, STAGE_UPLOAD, &u);
    soak_send(f, STAGE_AGENT, &u);
    soak_settle(f);
    assert_int_equal(f->told, 0);
    assert_int_equal(soak_process(f)->uploads.pending, 1);
    assert_true(soak_judge_oldest_ns(f->judge) / 1000000 == f->began_ns / 1000000);
    soak_send(f, STAGE_BACKEND, &u);
    soak_settle(f);
    assert_int_equal(f->told_good, 1);
    assert_int_equal(f->told_through, 1);
    const struct soak_uploads *r = &soak_process(f)->uploads;
    assert_int_equal(r->good, 1);
    assert_int_equal(r->pending, 0);
    for (enum stage s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++) {
        assert_int_equal(r->arrived[s], 1);
        assert_int_equal(f->record.locks[1].states[s][STATE_EXACT], 1); /* the silent command's lock stands first */
    }
    assert_string_equal(f->record.locks[1].id, "member/session");
    assert_int_equal(soak_judge_oldest_ns(f->judge), 0);
    assert_int_equal(soak_process(f)->seen, 100);
    assert_int_equal(soak_process(f)->latency.count, 1);
    assert_int_equal(f->record.copies.kept_samples, 3);
    soak_expect_groups(f, "");
    soak_expect_sums(f);
    buf_fini(&u.bytes);
    soak_end(f);
}

static char *read_copy(const struct soak_fixture *f, const char *path, const char *suffix)
{
    struct buf text = {0};
    struct err e = {0};
    char *whole = mem_printf("%s/%.*s%s", f->directory, (int)(strrchr(path, '.') - path), path, suffix);
    disk_read_now(whole, 1 << 20, &text, &e);
    assert_string_equal(e.text, "");
    free(whole);
    return buf_steal(&text);
}

static void a_change_between_two_stages_is_a_loss_with_its_copies(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    soak_pass(f, STAGE_AGENT, 0, 10, SOAK_BOTH);
    struct soak_upload before = soak_make(10, 20, SOAK_BOTH);
    struct soak_upload after = soak_make(10, 20, "member.py:12=50 member.py:14:cache=50");
    f->now_ms = 1234;
    soak_send(f, STAGE_UPLOAD, &before);
    soak_send(f, STAGE_AGENT, &after);
    soak_settle(f);
    soak_expect_groups(f, "member/session value_truncated at agent in 1");
    assert_int_equal(soak_process(f)->uploads.with_loss, 1);
    assert_int_equal(f->told_through, 2);
    assert_int_equal(f->told_good, 1);
    assert_int_equal(f->record.loss_count, 1);
    const struct soak_loss *loss = &f->record.losses[0];
    assert_string_equal(loss->instance, NAME);
    assert_string_equal(loss->lock, "member/session");
    assert_int_equal(loss->at_ms, 1234);
    assert_string_equal(loss->runtime_id, "r1");
    assert_string_equal(loss->copies[STAGE_UPLOAD], "copies/upload/python.1.upload.2.pprof");
    assert_string_equal(loss->copies[STAGE_AGENT], "copies/agent/python.1.upload.2.pprof");
    assert_null(loss->copies[STAGE_BACKEND]);
    assert_non_null(strstr(loss->evidence, "member.py:12:session"));
    char *bytes = read_copy(f, loss->copies[STAGE_AGENT], ".pprof");
    assert_memory_equal(bytes, after.bytes.data, after.bytes.size);
    free(bytes);
    char *text = read_copy(f, loss->copies[STAGE_UPLOAD], ".json");
    struct json *json;
    struct err e;
    if (json_read(text, strlen(text), &json, &e) < 0)
        fail_msg("%s: %s", e.text, text);
    assert_string_equal(json_get_string(json, "kept", ""), "loss");
    assert_string_equal(json_get_string(json, "stage", ""), "upload");
    assert_int_equal(json_get_int(json, "sequence", 0), 2);
    assert_int_equal(strlen(json_get_string(json, "sha256", "")), 64);
    json_free(json);
    free(text);
    buf_fini(&before.bytes);
    buf_fini(&after.bytes);
    soak_end(f);
}

static void each_way_to_lose_a_name_is_told(void **state)
{
    static const struct {
        const char *after, *groups;
    } cases[] = {
        {"-=50 member.py:14:cache=50", "member/session label_dropped at agent in 1"},
        {"member.py:14:cache=50", "member/session samples_dropped at agent in 1"},
        {"member.py:14:cache=50 member.py:12:session=50", ""},
        {"member.py:12:SESSION=50 member.py:14:cache=50", "member/session value_rewritten at agent in 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
        declare(f);
        struct soak_upload before = soak_make(10, 20, SOAK_BOTH), after = soak_make(10, 20, cases[i].after);
        soak_send(f, STAGE_UPLOAD, &before);
        soak_send(f, STAGE_AGENT, &after);
        soak_settle(f);
        soak_expect_groups(f, cases[i].groups);
        buf_fini(&before.bytes);
        buf_fini(&after.bytes);
        soak_end(f);
    }
}

static void a_second_loss_behind_the_first_is_told_too(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    struct soak_upload before = soak_make(0, 10, "member.py:12=50 member.py:14:cache=50");
    struct soak_upload after = soak_make(0, 10, "-=50 member.py:14:cache=50");
    soak_send(f, STAGE_UPLOAD, &before);
    soak_send(f, STAGE_AGENT, &after);
    soak_settle(f);
    soak_expect_groups(f, "member/session never_named at upload in 1\nmember/session label_dropped at agent in 1");
    assert_string_equal(f->record.losses[1].evidence, "upload 1: after never_named at upload");
    buf_fini(&before.bytes);
    buf_fini(&after.bytes);
    soak_end(f);
}

static void an_upload_that_never_comes_is_dropped_there(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_BACKEND);
    declare(f);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
    soak_send(f, STAGE_UPLOAD, &u);
    f->now_ms = 4000;
    soak_send(f, STAGE_AGENT, &u);
    f->now_ms = 8999; /* the deadline begins anew at each stage */
    soak_judge_tick(f->judge);
    soak_settle(f);
    assert_int_equal(f->told, 0);
    f->now_ms = 9000;
    soak_judge_tick(f->judge);
    soak_settle(f);
    soak_expect_groups(f, " profile_dropped at backend in 1");
    assert_int_equal(soak_process(f)->uploads.missing[STAGE_BACKEND], 1);
    assert_int_equal(f->told, 1);
    assert_int_equal(f->told_through, 0);
    assert_string_equal(f->record.losses[0].lock, "");
    assert_string_equal(f->record.losses[0].evidence, "upload 1 did not come to backend within 5.0 s");
    assert_non_null(f->record.losses[0].copies[STAGE_AGENT]);
    /* Later is never. */
    soak_send(f, STAGE_BACKEND, &u);
    soak_settle(f);
    assert_int_equal(soak_process(f)->uploads.arrived[STAGE_BACKEND], 0);
    assert_int_equal(f->record.uploads.unknown, 0);
    assert_int_equal(f->told, 1);
    soak_expect_sums(f);
    buf_fini(&u.bytes);
    soak_end(f);
}

static void names_of_a_dropped_upload_are_judged_as_far_as_it_came(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    struct soak_upload u = soak_make(0, 10, "member.py:12=50 member.py:14:cache=50");
    soak_send(f, STAGE_UPLOAD, &u);
    f->now_ms = 6000;
    soak_judge_tick(f->judge);
    soak_settle(f);
    soak_expect_groups(f, "member/session never_named at upload in 1\n profile_dropped at agent in 1");
    assert_int_equal(f->record.locks[1].states[STAGE_UPLOAD][STATE_GENERIC], 1);
    assert_int_equal(f->record.locks[1].states[STAGE_AGENT][STATE_ABSENT], 0);
    buf_fini(&u.bytes);
    soak_end(f);
}

static void what_comes_twice_to_the_end_is_doubled_where_it_began(void **state)
{
    static const struct {
        unsigned times[STAGE_COUNT];
        const char *groups;
        uint64_t good;
    } cases[] = {
        {{[STAGE_UPLOAD] = 2, [STAGE_AGENT] = 2, [STAGE_BACKEND] = 2}, " duplicated at upload in 1", 0},
        {{[STAGE_UPLOAD] = 1, [STAGE_AGENT] = 2, [STAGE_BACKEND] = 2}, " duplicated at agent in 1", 0},
        {{[STAGE_UPLOAD] = 1, [STAGE_AGENT] = 1, [STAGE_BACKEND] = 3}, " duplicated at backend in 1", 0},
        {{[STAGE_UPLOAD] = 2, [STAGE_AGENT] = 1, [STAGE_BACKEND] = 1}, "", 1}, /* refused, and tried again */
        {{[STAGE_UPLOAD] = 3, [STAGE_AGENT] = 2, [STAGE_BACKEND] = 1}, "", 1},
    };
    (void)state;
    for (int late = 0; late < 2; late++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct soak_fixture *f = soak_begin("10", STAGE_BACKEND);
            declare(f);
            struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
            for (enum stage s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++)
                for (unsigned n = 0; n < (late ? 1 : cases[i].times[s]); n++)
                    soak_send(f, s, &u);
            soak_settle(f); /* judged, and then they come again */
            for (enum stage s = STAGE_UPLOAD; late && s <= STAGE_BACKEND; s++)
                for (unsigned n = 1; n < cases[i].times[s]; n++)
                    soak_send(f, s, &u);
            soak_settle(f);
            soak_expect_groups(f, cases[i].groups);
            assert_int_equal(soak_process(f)->uploads.good, cases[i].good);
            assert_int_equal(soak_process(f)->uploads.arrived[STAGE_UPLOAD], 1);
            soak_expect_sums(f);
            buf_fini(&u.bytes);
            soak_end(f);
        }
}

static void the_same_bytes_of_another_time_are_another_upload(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    struct soak_upload a = soak_make(0, 10, SOAK_BOTH), b = a;
    b.start_s = 10;
    b.end_s = 20;
    soak_send(f, STAGE_UPLOAD, &a);
    soak_send(f, STAGE_UPLOAD, &b);
    soak_send(f, STAGE_AGENT, &b);
    soak_settle(f);
    assert_int_equal(soak_process(f)->uploads.good, 1);
    assert_true(soak_process(f)->uploads.pending == 1);
    soak_send(f, STAGE_AGENT, &a);
    soak_settle(f);
    assert_int_equal(soak_process(f)->uploads.good, 2);
    assert_int_equal(soak_process(f)->uploads.doubled[STAGE_AGENT], 0);
    buf_fini(&a.bytes);
    soak_end(f);
}

static void changed_bytes_are_known_by_id_and_time_and_strangers_are_unknown(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH), other = soak_make(0, 10, SOAK_BOTH " member.py:99:new=1");
    soak_send(f, STAGE_UPLOAD, &u);
    other.runtime_id = "r2"; /* another process's upload of the same second */
    soak_send(f, STAGE_AGENT, &other);
    other.runtime_id = "r1";
    soak_send(f, STAGE_AGENT, &other);
    soak_settle(f);
    assert_int_equal(f->told, 1);
    assert_int_equal(f->record.uploads.unknown, 0); /* the first tap may tell it still */
    assert_int_equal(soak_process(f)->uploads.pending, 1);
    f->now_ms += 3600000;
    soak_judge_tick(f->judge);
    assert_int_equal(f->record.uploads.unknown, 1);
    assert_int_equal(soak_process(f)->uploads.pending, 0);
    assert_int_equal(soak_process(f)->uploads.arrived[STAGE_AGENT], 1);
    other.instance = "nobody";
    soak_send(f, STAGE_UPLOAD, &other);
    other.instance = NULL;
    soak_send(f, STAGE_UPLOAD, &other);
    other.instance = "locktrail"; /* it uploads nothing */
    soak_send(f, STAGE_UPLOAD, &other);
    assert_int_equal(f->record.uploads.unknown, 4);
    /* What was under way when an earlier locktrail was killed. */
    struct soak_upload earlier = soak_make(-100, -90, SOAK_BOTH);
    soak_send(f, STAGE_AGENT, &earlier);
    assert_int_equal(f->record.uploads.unknown, 4);
    buf_fini(&u.bytes);
    buf_fini(&other.bytes);
    buf_fini(&earlier.bytes);
    soak_end(f);
}

/* The first tap reads it only when its next hop has answered. */
static void the_tap_behind_may_tell_an_upload_first(void **state)
{
    (void)state;
    for (int changed = 0; changed < 2; changed++) {
        struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
        declare(f);
        struct soak_upload u = soak_make(0, 10, SOAK_BOTH), behind = u;
        if (changed)
            behind = soak_make(0, 10, SOAK_BOTH " member.py:99:new=1");
        soak_send(f, STAGE_AGENT, &behind);
        assert_int_equal(soak_process(f)->uploads.pending, 1);
        soak_send(f, STAGE_UPLOAD, &u);
        soak_settle(f);
        assert_int_equal(f->told, 1);
        assert_int_equal(soak_process(f)->uploads.judged, 1);
        assert_int_equal(soak_process(f)->uploads.arrived[STAGE_UPLOAD], 1);
        assert_int_equal(soak_process(f)->uploads.arrived[STAGE_AGENT], 1);
        assert_int_equal(soak_process(f)->uploads.doubled[STAGE_UPLOAD], 0);
        assert_int_equal(f->record.uploads.unknown, 0);
        soak_send(f, STAGE_AGENT, &behind); /* once more */
        assert_int_equal(soak_process(f)->uploads.doubled[STAGE_AGENT], 1);
        if (changed)
            buf_fini(&behind.bytes);
        buf_fini(&u.bytes);
        soak_end(f);
    }
}

static void a_copy_that_cannot_be_read_is_one_loss(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_BACKEND);
    declare(f);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
    struct buf broken = {0};
    buf_add(&broken, u.bytes.data, u.bytes.size / 2);
    soak_send(f, STAGE_UPLOAD, &u);
    soak_send_bytes(f, STAGE_AGENT, &u, &broken);
    soak_send_bytes(f, STAGE_BACKEND, &u, &broken);
    soak_settle(f);
    soak_expect_groups(f, " profile_corrupt at agent in 1");
    assert_int_equal(soak_process(f)->uploads.unreadable, 1);
    assert_int_equal(f->record.locks[1].states[STAGE_UPLOAD][STATE_EXACT], 1);
    assert_non_null(f->record.losses[0].copies[STAGE_BACKEND]);
    struct soak_upload at_once = soak_make(10, 20, SOAK_BOTH);
    at_once.bytes.size /= 2;
    for (enum stage s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++)
        soak_send(f, s, &at_once);
    soak_settle(f);
    soak_expect_groups(f, " profile_corrupt at agent in 1\n profile_corrupt at upload in 1");
    buf_fini(&u.bytes);
    buf_fini(&at_once.bytes);
    buf_fini(&broken);
    soak_end(f);
}

/* The agent changed it and the backend changed it back; and the backend told it before the agent's tap. */
static void stages_are_compared_in_the_order_of_the_way(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_BACKEND);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
    struct soak_upload changed = soak_make(0, 10, "member.py:12:other=50 member.py:14:cache=50");
    soak_send(f, STAGE_UPLOAD, &u);
    soak_send(f, STAGE_BACKEND, &u);
    soak_send(f, STAGE_AGENT, &changed);
    soak_settle(f);
    soak_expect_groups(f,
                       "member/session value_rewritten at agent in 1\nmember/session value_rewritten at backend in 1");
    buf_fini(&u.bytes);
    buf_fini(&changed.bytes);
    soak_end(f);
}

static void one_that_is_no_upload_is_only_counted(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_UPLOAD);
    struct upload upload = {
        .rejected = "no event", .path = "/", .status = 400, .start = "", .end = "", .runtime_id = ""};
    soak_judge_upload(f->judge, STAGE_UPLOAD, NAME, &upload);
    assert_int_equal(soak_process(f)->uploads.unreadable, 1);
    assert_int_equal(soak_process(f)->uploads.arrived[STAGE_UPLOAD], 0);
    upload.rejected = NULL; /* a good one without a profile */
    soak_judge_upload(f->judge, STAGE_UPLOAD, NAME, &upload);
    soak_settle(f);
    soak_expect_groups(f, " profile_corrupt at upload in 1");
    assert_string_equal(f->record.losses[0].evidence, "upload 1 at upload: no profile in it");
    soak_expect_sums(f);
    soak_end(f);
}

static void what_comes_too_fast_is_counted_and_not_waited_for(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    struct buf large = {0};
    size_t each = SOAK_PENDING_MAX / 3;
    buf_reserve(&large, each);
    memset(large.data, 0, each);
    large.size = each;
    struct soak_upload u = {.instance = NAME, .runtime_id = "r1", .bytes = large};
    for (int i = 0; i < 4; i++) {
        u.start_s = i;
        u.end_s = i + 1;
        memcpy(u.bytes.data, &i, sizeof i);
        soak_send(f, STAGE_UPLOAD, &u);
    }
    assert_int_equal(soak_process(f)->uploads.unjudged, 2);
    assert_int_equal(soak_process(f)->uploads.pending, 2);
    soak_send(f, STAGE_AGENT, &u); /* known all the same */
    assert_int_equal(f->record.uploads.unknown, 0);
    assert_int_equal(soak_process(f)->uploads.arrived[STAGE_AGENT], 1);
    soak_expect_sums(f);
    buf_fini(&u.bytes);
    soak_end(f);
}

static void more_than_can_be_pending_are_unjudged(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    struct soak_upload u = soak_make(0, 1, SOAK_BOTH);
    for (int i = 0; i < SOAK_PENDING_COUNT_MAX + 5; i++) {
        u.start_s = i;
        u.end_s = i + 1;
        soak_send(f, STAGE_UPLOAD, &u);
    }
    assert_int_equal(soak_process(f)->uploads.unjudged, 5);
    assert_int_equal(soak_process(f)->uploads.pending, SOAK_PENDING_COUNT_MAX);
    soak_expect_sums(f);
    buf_fini(&u.bytes);
    soak_end(f);
    (void)state;
}

static void the_end_waits_for_what_is_under_way(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH), v = soak_make(10, 20, SOAK_BOTH);
    soak_send(f, STAGE_UPLOAD, &u);
    soak_send(f, STAGE_UPLOAD, &v);
    soak_send(f, STAGE_AGENT, &v);
    soak_finish(f, false);
    assert_true(f->now_ms >= 5000);
    assert_int_equal(soak_process(f)->uploads.missing[STAGE_AGENT], 1);
    assert_int_equal(soak_process(f)->uploads.good, 1);
    soak_expect_sums(f);
    buf_fini(&u.bytes);
    buf_fini(&v.bytes);
    soak_end(f);
}

static void an_end_at_once_cuts(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_AGENT);
    declare(f);
    struct soak_upload u[3];
    for (int i = 0; i < 3; i++) {
        u[i] = soak_make(i, i + 1, SOAK_BOTH);
        soak_send(f, STAGE_UPLOAD, &u[i]);
        if (i < 2) /* one is on the thread then, one waits for it */
            soak_send(f, STAGE_AGENT, &u[i]);
    }
    soak_finish(f, true);
    assert_int_equal(soak_process(f)->uploads.judged, 1);
    assert_int_equal(soak_process(f)->uploads.cut, 2);
    assert_int_equal(soak_process(f)->uploads.pending, 0);
    soak_expect_groups(f, "");
    soak_expect_sums(f);
    for (int i = 0; i < 3; i++)
        buf_fini(&u[i].bytes);
    soak_end(f);
}

static void losses_within_disturbances_are_marked(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_UPLOAD);
    declare(f);
    f->disturbed = true;
    soak_pass(f, STAGE_UPLOAD, 0, 10, "member.py:12=50 member.py:14:cache=50");
    soak_expect_groups(f, "member/session never_named at upload in 1 disturbed");
    soak_pass(f, STAGE_UPLOAD, 10, 20, "member.py:12=50 member.py:14:cache=50");
    f->disturbed = false;
    soak_pass(f, STAGE_UPLOAD, 20, 30, "member.py:12=50 member.py:14:cache=50");
    soak_expect_groups(f, "member/session never_named at upload in 3");
    assert_true(f->record.losses[0].disturbed);
    assert_false(f->record.losses[2].disturbed);
    soak_end(f);
}

static void first_and_last_losses_of_each_kind_stay_listed(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_UPLOAD);
    declare(f);
    for (int i = 0; i < 2 * SOAK_LOSSES_MAX; i++) {
        f->now_ms = i;
        soak_pass(f, STAGE_UPLOAD, i, i + 1, "member.py:12=50 member.py:14:cache=50");
    }
    assert_int_equal(f->record.losses[SOAK_LOSSES_MAX - 2].at_ms, SOAK_LOSSES_MAX - 2);
    f->now_ms = 5000;
    soak_pass(f, STAGE_UPLOAD, 500, 501, "member.py:12:session=50 member.py:14=50");
    assert_int_equal(f->record.loss_count, SOAK_LOSSES_MAX);
    assert_int_equal(f->record.losses_dropped, SOAK_LOSSES_MAX + 1);
    assert_int_equal(f->record.losses[0].at_ms, 0);
    assert_int_equal(f->record.losses[SOAK_LOSSES_MAX - 2].at_ms, 2 * SOAK_LOSSES_MAX - 1);
    assert_int_equal(f->record.losses[SOAK_LOSSES_MAX - 1].at_ms, 5000);
    assert_string_equal(f->record.losses[SOAK_LOSSES_MAX - 1].lock, "member/cache");
    assert_int_equal(f->record.groups[0].uploads, 2 * SOAK_LOSSES_MAX);
    assert_int_equal(f->record.groups[0].last_ms, 2 * SOAK_LOSSES_MAX - 1);
    soak_end(f);
}

static void medians_are_taken_between_two_stocktakings(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_UPLOAD);
    static const double ends[] = {1, 2, 4, 7, 17}; /* 1, 2, 3 and 10 s apart */
    declare(f);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        soak_pass(f, STAGE_UPLOAD, ends[i] - 1, ends[i], SOAK_BOTH);
    soak_judge_take_stock(f->judge, 1000);
    soak_judge_take_stock(f->judge, 2000);
    soak_pass(f, STAGE_UPLOAD, 17, 18, SOAK_BOTH);
    soak_judge_take_stock(f->judge, 3000);
    const struct soak_times *t = &soak_process(f)->interval;
    assert_int_equal(t->count, 5);
    assert_true(t->least == 1000 && t->most == 10000 && t->sum == 17000);
    assert_int_equal(t->median.count, 2);
    assert_true(t->median.points[0].value == 2500 && t->median.points[1].value == 1000);
    assert_int_equal(t->median.points[0].at_ms, 1000);
    soak_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_upload_is_judged_at_its_last_stage),
        cmocka_unit_test(a_change_between_two_stages_is_a_loss_with_its_copies),
        cmocka_unit_test(each_way_to_lose_a_name_is_told),
        cmocka_unit_test(a_second_loss_behind_the_first_is_told_too),
        cmocka_unit_test(an_upload_that_never_comes_is_dropped_there),
        cmocka_unit_test(names_of_a_dropped_upload_are_judged_as_far_as_it_came),
        cmocka_unit_test(what_comes_twice_to_the_end_is_doubled_where_it_began),
        cmocka_unit_test(the_same_bytes_of_another_time_are_another_upload),
        cmocka_unit_test(the_tap_behind_may_tell_an_upload_first),
        cmocka_unit_test(changed_bytes_are_known_by_id_and_time_and_strangers_are_unknown),
        cmocka_unit_test(a_copy_that_cannot_be_read_is_one_loss),
        cmocka_unit_test(stages_are_compared_in_the_order_of_the_way),
        cmocka_unit_test(one_that_is_no_upload_is_only_counted),
        cmocka_unit_test(what_comes_too_fast_is_counted_and_not_waited_for),
        cmocka_unit_test(more_than_can_be_pending_are_unjudged),
        cmocka_unit_test(the_end_waits_for_what_is_under_way),
        cmocka_unit_test(an_end_at_once_cuts),
        cmocka_unit_test(losses_within_disturbances_are_marked),
        cmocka_unit_test(first_and_last_losses_of_each_kind_stay_listed),
        cmocka_unit_test(medians_are_taken_between_two_stocktakings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
