/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of faults on whole uploads: which act, in which order, and what of the body stays as it came. */
#include "fault_fixture.h"
#include "io/hash.h"

#include <stdio.h>

#define SEED 42

static void apply(const struct fault_fixture *f, const struct scenario_fault *faults, size_t count,
                  struct fault_effect *out)
{
    struct fault_plan *plan = fault_plan_new(faults, count, STAGE_UPLOAD, SEED);
    assert_non_null(plan);
    fault_apply(plan, &f->read.upload, "python.1.upload", out);
    fault_plan_free(plan);
}

static void begin_many(struct fault_fixture *f)
{
    struct buf bytes = {0};
    fault_build_many(ENCODING_ZSTD, &bytes);
    fault_fixture_begin(f, bytes.data, bytes.size);
    assert_null(f->read.upload.rejected);
    buf_fini(&bytes);
}

static void expect_untouched(const struct fault_effect *e)
{
    assert_false(e->changed || e->headers_changed || e->dropped || e->reset || e->held);
    assert_int_equal(e->status, 0);
    assert_int_equal(e->delay_ms, 0);
    assert_int_equal(e->content_length, -1);
    assert_int_equal(e->deliveries, 1);
    assert_int_equal(e->what.size, 0);
}

static void test_only_this_stage(void **state)
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_LABEL_DROPPED), fault_of(MECHANISM_PROFILE_DROPPED)};
    struct fault_fixture f;
    struct fault_effect effect;
    (void)state;
    begin_many(&f);
    faults[0].at = STAGE_AGENT;
    assert_null(fault_plan_new(faults, 1, STAGE_UPLOAD, SEED));
    assert_null(fault_plan_new(faults, 2, STAGE_BACKEND, SEED));
    apply(&f, faults, 2, &effect);
    assert_true(effect.dropped);
    assert_false(effect.changed);
    assert_string_equal(effect.what.data, "profile_dropped");
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
    fault_plan_free(NULL);
}

static void test_paths(void **state)
{
    struct scenario_fault fault = fault_of(MECHANISM_LABEL_DROPPED);
    struct fault_plan *plan = fault_plan_new(&fault, 1, STAGE_UPLOAD, SEED);
    (void)state;
    assert_true(fault_plan_wants(plan, "/profiling/v1/input"));
    assert_true(fault_plan_wants(plan, "/profiling/v1/input?x=1"));
    assert_true(fault_plan_wants(plan, "/api/v2/profile"));
    assert_false(fault_plan_wants(plan, "/info"));
    assert_false(fault_plan_wants(plan, "/profiling/v1/inputs"));
    fault_plan_free(plan);
}

/* The rest of the body, heads, preamble and epilogue, stays to the byte. */
static void test_the_body_around_the_profile_stays(void **state)
{
    static const char front[] = FAULT_EVENT FAULT_PROFILE;
    struct scenario_fault fault = fault_of(MECHANISM_LABEL_DROPPED);
    struct fault_fixture f;
    struct fault_effect effect;
    (void)state;
    begin_many(&f);
    apply(&f, &fault, 1, &effect);
    assert_true(effect.changed);
    assert_memory_equal(effect.body.data, front, sizeof front - 1);
    size_t size = effect.body.size - (sizeof front - 1) - (sizeof FAULT_END - 1);
    assert_memory_equal(effect.body.data + effect.body.size - (sizeof FAULT_END - 1), FAULT_END, sizeof FAULT_END - 1);
    char *said = edit_say(effect.body.data + sizeof front - 1, size);
    assert_string_equal(said, "| 410 of 410, 410 unlabelled | ");
    assert_string_equal(effect.what.data, "label_dropped in 400 of 410 lock samples");
    free(said);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_faults_act_in_their_order(void **state)
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_VALUE_TRUNCATED), fault_of(MECHANISM_VALUE_REWRITTEN),
                                      fault_change_of(CHANGE_RECOMPRESSED), fault_of(MECHANISM_PROFILE_CORRUPT),
                                      fault_of(MECHANISM_LABEL_DROPPED)};
    struct fault_fixture f;
    struct fault_effect effect;
    (void)state;
    begin_many(&f);
    faults[0].length = 12;
    faults[1].rule = RULE_UPPER;
    faults[2].codec = CODEC_NONE;
    apply(&f, faults, 3, &effect);
    assert_non_null(memmem(effect.body.data, effect.body.size, "M.PY:2:BETA_", 12));
    assert_null(memmem(effect.body.data, effect.body.size, "M.PY:2:BETA_L", 13));
    assert_string_equal(effect.what.data, "value_truncated to 12 bytes in 300 of 410 lock samples; value_rewritten "
                                          "(upper) in 400 of 410 lock samples; recompressed with none");
    fault_effect_fini(&effect);
    /* What was damaged can't be edited any more, and the text says so. */
    apply(&f, faults + 3, 2, &effect);
    assert_memory_equal(effect.what.data, "profile_corrupt; label_dropped: profile.pprof left as it is: ", 61);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_what_is_done_with_the_upload(void **state)
{
    struct scenario_fault faults[] = {fault_change_of(CHANGE_STATUS), fault_change_of(CHANGE_DELAY),
                                      fault_change_of(CHANGE_RESET),  fault_change_of(CHANGE_CONTENT_LENGTH),
                                      fault_of(MECHANISM_DUPLICATED), fault_change_of(CHANGE_UPLOADS_REORDERED)};
    struct fault_fixture f;
    struct fault_effect effect;
    (void)state;
    begin_many(&f);
    faults[0].status = 503;
    faults[1].delay_ms = 250;
    faults[3].length = 10;
    apply(&f, faults, 6, &effect);
    assert_int_equal(effect.status, 503);
    assert_int_equal(effect.delay_ms, 250);
    assert_true(effect.reset && effect.held);
    assert_int_equal(effect.content_length, f.body.size + 10);
    assert_int_equal(effect.deliveries, 2);
    assert_false(effect.changed || effect.dropped);
    assert_string_equal(effect.what.data, "status 503; delay 250 ms; reset; content_length, 10 bytes too many; "
                                          "duplicated; uploads_reordered");
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

/* The lie is about the body that is sent. */
static void test_the_wrong_length_counts_from_the_new_body(void **state)
{
    struct scenario_fault faults[] = {fault_change_of(CHANGE_CONTENT_LENGTH), fault_of(MECHANISM_LABEL_DROPPED)};
    struct fault_fixture f;
    struct fault_effect effect;
    (void)state;
    begin_many(&f);
    faults[0].length = 10;
    apply(&f, faults, 2, &effect);
    assert_int_not_equal(effect.body.size, f.body.size);
    assert_int_equal(effect.content_length, effect.body.size + 10);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_headers(void **state)
{
    struct scenario_fault fault = fault_change_of(CHANGE_HEADERS);
    struct fault_fixture f;
    struct fault_effect effect;
    struct buf said = {0};
    (void)state;
    begin_many(&f);
    apply(&f, &fault, 1, &effect);
    assert_true(effect.headers_changed);
    assert_false(effect.changed);
    for (size_t i = 0; i < effect.headers.count; i++) {
        buf_printf(&said, "%s: %s\n", effect.headers.items[i].name, effect.headers.items[i].value);
    }
    assert_string_equal(said.data, "Host: 127.0.0.1:8126\nUser-Agent: locktrail-fault\nDD-API-KEY: k\n"
                                   "Content-Type: multipart/form-data; boundary=b-1\nX-Locktrail-Fault: headers\n");
    assert_string_equal(effect.what.data, "headers");
    buf_fini(&said);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_whose_uploads(void **state)
{
    static const struct {
        const char *worker, *instance;
        bool hit;
    } cases[] = {
        {"python", "python.1.upload", true},
        {"python", "python.1.tee+serverless-compat", true},
        {"pyth", "python.1.upload", false},
        {"native", "python.1.upload", false},
        {"python", "", false},
        {NULL, "", true},
    };
    struct fault_fixture f;
    (void)state;
    begin_many(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scenario_fault fault = fault_of(MECHANISM_PROFILE_DROPPED);
        struct fault_effect effect;
        fault.worker = cases[i].worker != NULL ? mem_strdup(cases[i].worker) : NULL;
        struct fault_plan *plan = fault_plan_new(&fault, 1, STAGE_UPLOAD, SEED);
        fault_apply(plan, &f.read.upload, cases[i].instance, &effect);
        assert_int_equal(effect.dropped, cases[i].hit);
        fault_effect_fini(&effect);
        fault_plan_free(plan);
        free(fault.worker);
    }
    fault_fixture_end(&f);
}

/* Of many uploads about half, and always the same ones. */
static void test_rate_of_uploads(void **state)
{
    struct scenario_fault fault = fault_of(MECHANISM_PROFILE_DROPPED);
    unsigned dropped = 0;
    (void)state;
    fault.rate = 0.5;
    for (int i = 0; i < 200; i++) {
        struct fault_fixture f;
        struct fault_effect once, again;
        fault_fixture_begin(&f, &i, sizeof i);
        apply(&f, &fault, 1, &once);
        apply(&f, &fault, 1, &again);
        assert_int_equal(once.dropped, again.dropped);
        dropped += once.dropped;
        fault_effect_fini(&once);
        fault_effect_fini(&again);
        fault_fixture_end(&f);
    }
    assert_in_range(dropped, 70, 130);
}

static void test_nothing_hit_is_nothing_done(void **state)
{
    char name[] = "no such lock";
    char *locks[] = {name};
    struct scenario_fault faults[] = {fault_of(MECHANISM_LABEL_DROPPED), fault_of(MECHANISM_PROFILE_DROPPED),
                                      fault_of(MECHANISM_PROFILE_CORRUPT), fault_change_of(CHANGE_STATUS)};
    struct fault_fixture f;
    struct fault_effect effect;
    (void)state;
    begin_many(&f);
    for (size_t i = 0; i < 3; i++) {
        faults[i].locks = locks;
        faults[i].lock_count = 1;
    }
    faults[3].rate = 1e-9;
    apply(&f, faults, 4, &effect);
    expect_untouched(&effect);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_a_profile_that_cannot_be_edited(void **state)
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_LABEL_DROPPED), fault_of(MECHANISM_DUPLICATED)};
    struct fault_fixture f;
    struct fault_effect effect;
    (void)state;
    fault_fixture_begin(&f, "FLR\0\0\x02\0\x01", 8);
    apply(&f, faults, 2, &effect);
    assert_false(effect.changed);
    assert_int_equal(effect.deliveries, 2);
    assert_string_equal(effect.what.data, "label_dropped: profile.pprof left as it is: Java Flight Recorder 2.1 can't "
                                          "be edited; duplicated");
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_an_upload_that_cannot_be_read(void **state)
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_LABEL_DROPPED), fault_change_of(CHANGE_STATUS)};
    struct http_headers headers = {0};
    struct buf body = {0};
    struct http_request_info info = {
        .method = "POST", .path = "/profiling/v1/input", .headers = &headers, .body = &body};
    struct fault_fixture f = {0};
    struct fault_effect effect;
    (void)state;
    faults[1].status = 429;
    intake_upload_read(&info, 10, 200, &f.read);
    assert_non_null(f.read.upload.rejected);
    apply(&f, faults, 2, &effect);
    assert_int_equal(effect.status, 429);
    assert_string_equal(effect.what.data, "status 429");
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

/* Two equal faults hit samples of their own: of 400 labels a quarter is left, not half. */
static void test_each_fault_chooses_for_itself(void **state)
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_SAMPLES_DROPPED), fault_of(MECHANISM_VALUE_TRUNCATED)};
    struct fault_fixture f;
    struct fault_effect effect;
    unsigned dropped = 0, cut = 0, of = 0;
    (void)state;
    begin_many(&f);
    faults[0].rate = faults[1].rate = 0.5;
    faults[1].length = 5;
    apply(&f, faults, 1, &effect);
    assert_int_equal(sscanf(effect.what.data, "samples_dropped in %u of", &dropped), 1);
    fault_effect_fini(&effect);
    apply(&f, faults, 2, &effect);
    assert_int_equal(sscanf(strchr(effect.what.data, ';'), "; value_truncated to 5 bytes in %u of %u", &cut, &of), 2);
    assert_int_equal(of, 410 - dropped);
    assert_in_range(cut, of / 3, of * 2 / 3);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_equal_faults_hit_others(void **state)
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_VALUE_REWRITTEN), fault_of(MECHANISM_VALUE_REWRITTEN)};
    struct fault_fixture f;
    struct fault_effect effect;
    char mark[] = "+";
    (void)state;
    begin_many(&f);
    for (size_t i = 0; i < 2; i++) {
        faults[i].rate = 0.5;
        faults[i].rule = RULE_SUFFIX;
        faults[i].to = mark;
    }
    apply(&f, faults, 2, &effect);
    const char *body = effect.body.data + sizeof(FAULT_EVENT FAULT_PROFILE) - 1;
    char *said = edit_say(body, effect.body.size - (size_t)(body - effect.body.data) - (sizeof FAULT_END - 1));
    assert_non_null(strstr(said, "m.py:1:alpha "));
    assert_non_null(strstr(said, "m.py:1:alpha+ "));
    assert_non_null(strstr(said, "m.py:1:alpha++ "));
    free(said);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void hash_of_plan(uint64_t seed, char out[HASH_TEXT_SIZE])
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_LABEL_DROPPED), fault_of(MECHANISM_SAMPLES_DROPPED)};
    struct fault_fixture f;
    struct fault_effect effect;
    begin_many(&f);
    faults[0].rate = faults[1].rate = 0.5;
    struct fault_plan *plan = fault_plan_new(faults, 2, STAGE_UPLOAD, seed);
    fault_apply(plan, &f.read.upload, "", &effect);
    hash_text(effect.body.data, effect.body.size, out);
    fault_plan_free(plan);
    fault_effect_fini(&effect);
    fault_fixture_end(&f);
}

static void test_deterministic_by_seed(void **state)
{
    char once[HASH_TEXT_SIZE], again[HASH_TEXT_SIZE], other[HASH_TEXT_SIZE];
    (void)state;
    hash_of_plan(1, once);
    hash_of_plan(1, again);
    hash_of_plan(2, other);
    assert_string_equal(once, again);
    assert_string_not_equal(once, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_this_stage),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_the_body_around_the_profile_stays),
        cmocka_unit_test(test_faults_act_in_their_order),
        cmocka_unit_test(test_what_is_done_with_the_upload),
        cmocka_unit_test(test_the_wrong_length_counts_from_the_new_body),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_whose_uploads),
        cmocka_unit_test(test_rate_of_uploads),
        cmocka_unit_test(test_nothing_hit_is_nothing_done),
        cmocka_unit_test(test_a_profile_that_cannot_be_edited),
        cmocka_unit_test(test_an_upload_that_cannot_be_read),
        cmocka_unit_test(test_each_fault_chooses_for_itself),
        cmocka_unit_test(test_equal_faults_hit_others),
        cmocka_unit_test(test_deterministic_by_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
