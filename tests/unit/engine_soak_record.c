/* SPDX-License-Identifier: Apache-2.0 */
/* soak.json: what is written is read back, what is not of its form is refused by name, and which verdict follows. */
#include "engine/soak_record.h"

#include "soak_build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RANDOM_RECORDS 60

static char *json_of(const struct soak_record *r)
{
    struct buf out = {0};
    soak_record_write(r, &out);
    return buf_steal(&out);
}

/* It goes on where it was; of points as many digits as a picture shows. */
static void expect_same_curve(const struct series *a, const struct series *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->points[i].at_ms, b->points[i].at_ms);
        assert_true(fabs(a->points[i].value - b->points[i].value) <= 5e-6 * fabs(b->points[i].value));
    }
    assert_true(a->stride == b->stride && a->samples == b->samples && a->pending == b->pending);
    assert_true(a->pending_at_ms == b->pending_at_ms && a->pending_value == b->pending_value);
    assert_true(a->least == b->least && a->most == b->most && a->last == b->last);
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_RECORDS; seed++) {
        uint64_t dice_state = seed * 0x9E3779B97F4A7C15ULL;
        struct soak_record r, back;
        struct err e = {0};
        soak_random(&dice_state, &r);
        char *text = json_of(&r);
        if (soak_record_read(text, strlen(text), &back, &e) < 0)
            fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
        char *again = json_of(&back);
        assert_string_equal(again, text);
        for (size_t i = 0; i < r.process_count; i++)
            expect_same_curve(&back.processes[i].interval.median, &r.processes[i].interval.median);
        free(text);
        free(again);
        soak_record_fini(&r);
        soak_record_fini(&back);
    }
}

static void test_an_empty_one_can_be_written_and_read(void **state)
{
    struct soak_record r = {0}, back;
    struct err e = {0};
    (void)state;
    char *text = json_of(&r);
    assert_int_equal(soak_record_read(text, strlen(text), &back, &e), 0);
    assert_string_equal(back.scenario, "");
    assert_int_equal(back.process_count, 0);
    soak_record_fini(&back);
    free(text);
}

static void test_what_json_can_not_say_is_brought_near(void **state)
{
    struct soak_record r, back;
    struct err e = {0};
    (void)state;
    soak_good(&r);
    r.max_disk = UINT64_MAX;
    r.processes[0].latency.least = NAN;
    r.processes[0].latency.most = INFINITY;
    r.processes[0].latency.sum = -INFINITY;
    char *text = json_of(&r);
    assert_int_equal(soak_record_read(text, strlen(text), &back, &e), 0);
    assert_true(back.max_disk == INT64_MAX);
    assert_true(back.processes[0].latency.least == 0);
    assert_true(back.processes[0].latency.most > 1e308 && back.processes[0].latency.sum < -1e308);
    free(text);
    soak_record_fini(&r);
    soak_record_fini(&back);
}

/* The first `from` of the text becomes `to`. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (!at)
        fail_msg("\"%s\" is not in the text", from);
    return mem_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void test_bad_ones_are_refused(void **state)
{
    static const struct {
        const char *from, *to, *error;
    } cases[] = {
        {"soak/1", "soak/2", "schema: expected locktrail/soak/1"},
        {"\"schema\": \"locktrail/soak/1\",", "", "schema: expected locktrail/soak/1"},
        {"\"scenario\": \"soak\",", "", "scenario: is missing"},
        {"\"scenario\": \"soak\"", "\"scenario\": 7", "scenario: expected a text"},
        {"\"scenario\": \"soak\"", "\"scenario\": \"a\\u0000b\"", "scenario: expected a text without a zero byte"},
        {"\"scenario\":", "\"colour\": 1, \"scenario\":", "colour: is not known"},
        {"\"for_ms\": 28800000", "\"for_ms\": -1", "for_ms: expected a whole number, 0 or more"},
        {"\"for_ms\": 28800000", "\"for_ms\": 1.5", "for_ms: expected a whole number, 0 or more"},
        {"\"max_rss\": 0", "\"max_rss\": -1", "max_rss: expected a count"},
        {"\"max_rss\": 0", "\"max_rss\": 9223372036854775808", "max_rss: expected a count"},
        {"\"until_loss\": false", "\"until_loss\": 0", "until_loss: expected true or false"},
        {"\"verdict\": \"error\"", "\"verdict\": \"fine\"", "verdict: expected a verdict"},
        {"\"verdict\": \"error\"", "\"verdict\": null", "verdict: expected a verdict"},
        {"\"stages\": [", "\"stages\": [\"moon\",", "stages[0]: expected a stage"},
        {"\"stages\": [", "\"stages\": [5,", "stages[0]: expected a stage"},
        {"\"uploads\": {", "\"uploads\": {\"moon\": 1,", "uploads.moon: is not known"},
        {"\"arrived\": {", "\"arrived\": {\"moon\": 1,", "uploads.arrived.moon: is no stage"},
        {"\"arrived\": {", "\"arrived\": {\"ui\": true,", "uploads.arrived.ui: expected a count"},
        {"\"copies\": {", "\"copies\": {}, \"c\": {", "copies.kept_losses: is missing"},
        {"\"copies\": {", "\"copies\": [], \"c\": {", "copies: expected an object"},
        {"\"problems\": [", "\"problems\": {}, \"p\": [", "problems: expected a list"},
        {"\"problems\": [", "\"problems\": [3,", "problems[0]: expected an object"},
        {"\"recovered_ms\": -1", "\"recovered_ms\": -2",
         "disturbances[1].recovered_ms: expected a whole number, -1 or more"},
        {"\"stage\": \"agent\"", "\"stage\": \"Agent\"", "groups[0].stage: expected a stage"},
        {"\"mechanism\": \"label_dropped\"", "\"mechanism\": \"magic\"", "groups[0].mechanism: expected a mechanism"},
        {"\"upload\": \"copies/upload", "\"moon\": \"copies/upload", "losses[0].copies.moon: is no stage"},
        {"\"upload\": \"copies/upload", "\"ui\": 1, \"upload\": \"copies/upload",
         "losses[0].copies.ui: expected a text"},
        {"\"states\": {", "\"states\": {\"moon\": {},", "locks[0].states.moon: is no stage"},
        {"\"states\": {", "\"states\": {\"ui\": 1,", "locks[0].states.ui: expected an object"},
        {"\"exact\": 399", "\"shiny\": 399", "locks[0].states.upload.shiny: is no state"},
        {"\"exact\": 399", "\"exact\": \"399\"", "locks[0].states.upload.exact: expected a count"},
        {"\"stride\": 1", "\"stride\": 4294967296",
         "processes[0].watches.rss.series.stride: expected a count below 2^32"},
        {"[[0,", "[[0.5,", "processes[0].watches.rss.series.points[0]: expected a time and a value"},
        {"[[0,", "[[0,0],[-1,", "processes[0].watches.rss.series.points[1]: expected a time and a value"},
        {"[[0,", "[[90000,1],[0,", "processes[0].watches.rss.series.points[1]: is earlier than the one before"},
        {"[[0,", "[7,[0,", "processes[0].watches.rss.series.points[0]: expected a time and a value"},
        {"[[0,", "[[0,1,2],[0,", "processes[0].watches.rss.series.points[0]: expected a time and a value"},
        {"\"per_hour\": 0", "\"per_hour\": \"much\"", "processes[0].watches.rss.trend.per_hour: expected a number"},
        {"\"watches\": {", "\"watches\": {\"moon\": 1,", "processes[0].watches.moon: is not known"},
    };
    struct soak_record r;
    (void)state;
    soak_bad(&r);
    /* The first curve of the text is then a watch, not a median. */
    memset(&r.processes[0].interval, 0, sizeof r.processes[0].interval);
    memset(&r.processes[0].latency, 0, sizeof r.processes[0].latency);
    char *good = json_of(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct soak_record back = {.scenario = (char *)"untouched"};
        struct err e = {0};
        char *bad = changed(good, cases[i].from, cases[i].to);
        assert_int_equal(soak_record_read(bad, strlen(bad), &back, &e), -1);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(e.code, ERR_INPUT);
        assert_string_equal(back.scenario, "untouched");
        free(bad);
    }
    free(good);
    soak_record_fini(&r);
}

static void test_lists_have_bounds(void **state)
{
    struct soak_record r = {0}, back;
    struct buf points = {0};
    struct err e = {0};
    (void)state;
    for (int i = 0; i <= SOAK_PROBLEMS_MAX; i++) {
        r.problems = mem_grow(r.problems, r.problem_count, &r.problem_capacity, sizeof *r.problems);
        r.problems[r.problem_count++] = (struct soak_problem){.times = 1};
    }
    char *text = json_of(&r);
    assert_int_equal(soak_record_read(text, strlen(text), &back, &e), -1);
    assert_string_equal(e.text, "problems: has too many elements");
    soak_record_fini(&r);
    free(text);

    soak_good(&r);
    buf_add_str(&points, "\"points\": [");
    for (int i = 0; i < SERIES_POINTS_MAX; i++)
        buf_add_str(&points, "[0,0],");
    buf_add_str(&points, "[0,");
    text = json_of(&r);
    char *bad = changed(text, "\"points\": [[0,", points.data);
    assert_int_equal(soak_record_read(bad, strlen(bad), &back, &e), -1);
    assert_string_equal(e.text, "processes[0].watches.rss.series.points: has too many elements");
    soak_record_fini(&r);
    buf_fini(&points);
    free(text);
    free(bad);
}

static void test_a_crash_loop_is_one_problem(void **state)
{
    static const struct {
        const char *text;
        size_t problems;
    } cases[] = {
        {"ended by exit 3, 0.2 s after its start", 1},  {"ended by exit 3, 12.5 s after its start", 1},
        {"ended by exit 34, 0.2 s after its start", 2}, {"ended by exit 3, 7 MiB after its start", 3},
        {"ended by exit 3, 9 MiB after its start", 4},  {"ended by exit 3, 0.2 s after its", 5},
    };
    struct soak_record r = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        soak_record_problem(&r, (int64_t)i, "a", cases[i].text, "");
        assert_int_equal(r.problem_count, cases[i].problems);
    }
    assert_int_equal(r.problems[0].times, 2);
    assert_string_equal(r.problems[0].text, cases[0].text);
    soak_record_fini(&r);
}

static void test_the_same_problem_is_counted(void **state)
{
    struct soak_record r = {0};
    (void)state;
    soak_record_problem(&r, 1, "a", "hung", "wait");
    soak_record_problem(&r, 2, "b", "hung", NULL);
    soak_record_problem(&r, 3, "a", "hung", "wait");
    assert_int_equal(r.problem_count, 2);
    assert_int_equal(r.problems[0].times, 2);
    assert_int_equal(r.problems[0].at_ms, 1);
    assert_string_equal(r.problems[1].advice, "");
    for (int i = 0; i < SOAK_PROBLEMS_MAX; i++) {
        char *text = mem_printf("%d", i);
        soak_record_problem(&r, 4, "c", text, "");
        free(text);
    }
    assert_int_equal(r.problem_count, SOAK_PROBLEMS_MAX);
    assert_int_equal(r.problems_dropped, 2);
    soak_record_fini(&r);
}

/* --- verdict ---------------------------------------------------------------------------------------------------- */

struct verdict_case {
    const char *name;
    void (*change)(struct soak_record *r);
    enum verdict verdict;
    int exit_code;
    const char *conclusion;
};

static void nothing(struct soak_record *r)
{
    (void)r;
}
static void lost_at_agent(struct soak_record *r)
{
    r->processes[1].uploads.good -= 2;
    add_group_to(r, "member/user_lock", STAGE_AGENT, MECHANISM_LABEL_DROPPED, 2);
}
static void never_named(struct soak_record *r)
{
    lost_at_agent(r);
    add_group_to(r, "member/order_lock", STAGE_UPLOAD, MECHANISM_NEVER_NAMED, 1);
}
static void gap_at_upload(struct soak_record *r)
{
    add_group_to(r, "member/order_lock", STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED, 1);
}
static void corrupt_at_upload(struct soak_record *r)
{
    add_group_to(r, "", STAGE_UPLOAD, MECHANISM_PROFILE_CORRUPT, 1);
}
static void missing_at_backend(struct soak_record *r)
{
    add_group_to(r, "", STAGE_BACKEND, MECHANISM_PROFILE_DROPPED, 1);
}
static void disturbed_uploads(struct soak_record *r)
{
    r->processes[1].uploads.good -= 9;
    add_group_to(r, "", STAGE_BACKEND, MECHANISM_PROFILE_DROPPED, 9)->disturbed = true;
    add_group_to(r, "member/user_lock", STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED, 9)->disturbed = true;
}
static void disturbed_names(struct soak_record *r)
{
    add_group_to(r, "member/user_lock", STAGE_AGENT, MECHANISM_VALUE_REWRITTEN, 1)->disturbed = true;
}
static void dropped_groups(struct soak_record *r)
{
    r->groups_dropped = 3;
}
static void problem(struct soak_record *r)
{
    lost_at_agent(r);
    soak_record_problem(r, 0, "locktrail", "resident memory is over --max-rss 64MiB", "");
}
static void no_upload(struct soak_record *r)
{
    for (size_t i = 1; i < r->process_count; i++)
        r->processes[i].uploads = (struct soak_uploads){0};
}
static void mute_process(struct soak_record *r)
{
    r->processes[2].uploads = (struct soak_uploads){0};
}
static void rare_lock(struct soak_record *r)
{
    for (int s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++) {
        r->locks[1].states[s][STATE_EXACT] = 0;
        r->locks[1].states[s][STATE_UNDERSAMPLED] = 399;
    }
}
static void limit(struct soak_record *r)
{
    r->locks[1].states[STAGE_BACKEND][STATE_EXACT] = 0;
    r->locks[1].states[STAGE_BACKEND][STATE_GENERIC] = 399;
}
static void few_unjudged(struct soak_record *r)
{
    r->processes[1].uploads.unjudged = 4;
}
static void many_unjudged(struct soak_record *r)
{
    r->processes[1].uploads.unjudged = 5;
}
static void interrupted(struct soak_record *r)
{
    r->interrupted = true;
}

static void test_verdicts(void **state)
{
    static const struct verdict_case cases[] = {
        {"good", nothing, VERDICT_SUCCESS, 0,
         "399 uploads came to backend with the names of all 2 locks that they can show."},
        {"lost at the agent", lost_at_agent, VERDICT_PARTIAL, 1,
         "1 kind of loss on the way: member/user_lock of native, label_dropped at agent, in 2 uploads. 397 of 399 "
         "uploads came through without a loss in them."},
        {"never named", never_named, VERDICT_FAILURE, 2,
         "1 kind of loss already in what left the process: member/order_lock of native, never_named at upload, in 1 "
         "upload. 1 kind of loss on the way: member/user_lock of native, label_dropped at agent, in 2 uploads. 397 of "
         "399 uploads came through without a loss in them."},
        {"a gap", gap_at_upload, VERDICT_PARTIAL, 1,
         "1 kind of loss on the way: member/order_lock of native, samples_dropped at upload, between uploads, found 1 "
         "time. 399 of 399 uploads came through without a loss in them."},
        {"a broken profile", corrupt_at_upload, VERDICT_FAILURE, 2,
         "1 kind of loss already in what left the process: a whole upload of native, profile_corrupt at upload, in 1 "
         "upload. 399 of 399 uploads came through without a loss in them."},
        {"missing", missing_at_backend, VERDICT_PARTIAL, 1, NULL},
        {"a disturbance's uploads", disturbed_uploads, VERDICT_SUCCESS, 0,
         "390 uploads came to backend with the names of all 2 locks that they can show. 9 others lost something in "
         "disturbances."},
        {"names in a disturbance", disturbed_names, VERDICT_PARTIAL, 1, NULL},
        {"too many kinds", dropped_groups, VERDICT_PARTIAL, 1, "3 losses were of still other kinds."},
        {"a problem", problem, VERDICT_ERROR, 70,
         "1 problem, first: locktrail: resident memory is over --max-rss 64MiB. 1 kind of loss on the way: "
         "member/user_lock of native, label_dropped at agent, in 2 uploads. 397 of 399 uploads came through without a "
         "loss in them."},
        {"no upload", no_upload, VERDICT_INCONCLUSIVE, 4,
         "2 processes have sent no upload, as native.1.upload: is a profiler on in it?"},
        {"one never uploads", mute_process, VERDICT_INCONCLUSIVE, 4,
         "1 process has sent no upload, as native.2.upload: is a profiler on in it?"},
        {"a rare lock", rare_lock, VERDICT_INCONCLUSIVE, 4,
         "1 of 2 locks were too rare to be seen in any upload, as member/order_lock of native: more threads, a longer "
         "interval or a higher capture_pct would show them."},
        {"a known limit", limit, VERDICT_SUCCESS, 0, NULL},
        {"a few too fast", few_unjudged, VERDICT_SUCCESS, 0,
         "4 of 403 uploads came faster than they could be looked at. 399 uploads came to backend with the names of all "
         "2 locks that they can show."},
        {"many too fast", many_unjudged, VERDICT_INCONCLUSIVE, 4,
         "5 of 404 uploads came faster than they could be looked at."},
        {"interrupted", interrupted, VERDICT_SUCCESS, 130, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdict_case *c = &cases[i];
        struct soak_record r;
        soak_good(&r);
        c->change(&r);
        soak_record_conclude(&r);
        if (r.verdict != c->verdict)
            fail_msg("%s: %s, not %s", c->name, verdict_name(r.verdict), verdict_name(c->verdict));
        assert_int_equal(soak_record_exit_code(&r), c->exit_code);
        if (c->conclusion)
            assert_string_equal(r.conclusion, c->conclusion);
        soak_record_fini(&r);
    }
}

static void test_uploads_are_summed_up(void **state)
{
    struct soak_record r;
    (void)state;
    soak_bad(&r);
    soak_record_conclude(&r);
    soak_record_conclude(&r);
    assert_int_equal(r.uploads.arrived[STAGE_UPLOAD], 399);
    assert_int_equal(r.uploads.arrived[STAGE_BACKEND], 397);
    assert_int_equal(r.uploads.missing[STAGE_BACKEND], 2);
    assert_int_equal(r.uploads.doubled[STAGE_AGENT], 1);
    assert_int_equal(r.uploads.judged, 399);
    assert_int_equal(r.uploads.good, 395);
    assert_int_equal(r.uploads.unknown, 1);
    soak_record_fini(&r);
}

static void test_it_is_loaded_from_a_directory(void **state)
{
    char directory[] = "/tmp/locktrail-soak-record-XXXXXX";
    struct soak_record r, back;
    struct err e = {0};
    char want[256];
    (void)state;
    assert_non_null(mkdtemp(directory));
    char *path = mem_printf("%s/soak.json", directory);
    assert_int_equal(soak_record_load(directory, &back, &e), -1);
    assert_int_equal(e.code, ERR_MISSING);
    soak_bad(&r);
    char *text = json_of(&r);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(soak_record_load(directory, &back, &e), 0);
    assert_string_equal(back.losses[0].copies[STAGE_AGENT], "copies/agent/native.1.upload.60.pprof");
    assert_null(back.losses[0].copies[STAGE_BACKEND]);
    soak_record_fini(&back);
    assert_int_equal(truncate(path, 1), 0);
    assert_int_equal(soak_record_load(directory, &back, &e), -1);
    snprintf(want, sizeof want, "%s: offset 1: expected a key in quotes or '}', found the end", path);
    assert_string_equal(e.text, want);
    unlink(path);
    rmdir(directory);
    free(path);
    free(text);
    soak_record_fini(&r);
}

static void test_watches_have_names(void **state)
{
    (void)state;
    assert_string_equal(soak_watch_name(WATCH_DISK), "disk");
    assert_string_equal(soak_watch_unit(WATCH_CPU), "cores");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read_back),
        cmocka_unit_test(test_an_empty_one_can_be_written_and_read),
        cmocka_unit_test(test_what_json_can_not_say_is_brought_near),
        cmocka_unit_test(test_bad_ones_are_refused),
        cmocka_unit_test(test_lists_have_bounds),
        cmocka_unit_test(test_a_crash_loop_is_one_problem),
        cmocka_unit_test(test_the_same_problem_is_counted),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_uploads_are_summed_up),
        cmocka_unit_test(test_it_is_loaded_from_a_directory),
        cmocka_unit_test(test_watches_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
