/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a soak. Whole reports are compared with tests/data/soak/NAME.*; LOCKTRAIL_REWRITE=1 writes
 * them anew, to be read by a person. */
#include "report/soak.h"

#include "report/text.h"
#include "report_expected.h"
#include "soak_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DIRECTORY "runs/2026-11-26T02-00-00Z-soak"
#define RANDOM_RECORDS 40

static void ended(struct soak_record *r)
{
    soak_good(r);
    r->ended = true;
    r->elapsed_ms = r->for_ms;
}

static const struct {
    const char *name;
    void (*make)(struct soak_record *r);
} records[] = {{"good", ended}, {"bad", soak_bad}};
#define RECORDS (sizeof records / sizeof *records)

static struct buf report(const struct soak_record *r, bool colour)
{
    struct buf b = {0};
    report_soak(r, DIRECTORY, colour, &b);
    return b;
}

static void test_whole_reports(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS; i++) {
        struct soak_record r;
        records[i].make(&r);
        struct buf text = report(&r, false), junit = {0}, curves = {0}, json = {0};
        report_soak_junit(&r, &junit);
        report_soak_curves(&r, &curves);
        report_soak_json(&r, &json);
        expect_data("soak", records[i].name, "txt", &text);
        expect_data("soak", records[i].name, "xml", &junit);
        expect_data("soak", records[i].name, "svg", &curves);
        expect_data("soak", records[i].name, "json", &json);
        buf_fini(&text);
        buf_fini(&junit);
        buf_fini(&curves);
        buf_fini(&json);
        soak_record_fini(&r);
    }
}

static void check_width(const struct buf *b)
{
    for (const char *line = b->data; *line;) {
        size_t size = strcspn(line, "\n");
        char *copy = mem_strndup(line, size);
        bool may_be_long = strncmp(copy, "directory ", 10) == 0 || strncmp(copy, "    copies/", 11) == 0;
        if (!may_be_long && text_columns(copy) > TEXT_WIDTH)
            fail_msg("%zu columns: %s", text_columns(copy), copy);
        if (size > 0 && copy[size - 1] == ' ')
            fail_msg("blank at the end of: %s", copy);
        free(copy);
        line += size + (line[size] == '\n');
    }
}

/* Copies' paths are locktrail's own and stand alone. */
static void drop_copies(struct soak_record *r)
{
    for (size_t i = 0; i < r->loss_count; i++)
        for (int s = 0; s < STAGE_COUNT; s++) {
            free(r->losses[i].copies[s]);
            r->losses[i].copies[s] = NULL;
        }
}

static void test_any_record_can_be_told_in_80_columns(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_RECORDS; seed++) {
        uint64_t dice_state = seed * 0x9E3779B97F4A7C15ULL;
        struct soak_record r;
        struct buf other = {0};
        soak_random(&dice_state, &r);
        drop_copies(&r);
        struct buf b = report(&r, false);
        check_width(&b);
        report_soak_junit(&r, &other);
        report_soak_curves(&r, &other);
        assert_null(strstr(other.data, "nan"));
        assert_null(strstr(other.data, "inf"));
        buf_fini(&b);
        buf_fini(&other);
        soak_record_fini(&r);
    }
}

static void test_an_empty_record_can_be_told(void **state)
{
    struct soak_record r = {0};
    (void)state;
    struct buf b = report(&r, false);
    assert_non_null(strstr(b.data, "nothing has been watched\n"));
    buf_clear(&b);
    report_soak_junit(&r, &b);
    report_soak_curves(&r, &b);
    buf_fini(&b);
}

static void test_colours_change_nothing_else(void **state)
{
    struct soak_record r;
    struct buf stripped = {0};
    (void)state;
    soak_bad(&r);
    struct buf plain = report(&r, false), coloured = report(&r, true);
    for (const char *at = coloured.data; *at; at++) {
        if (*at == '\x1b')
            at += strcspn(at, "m");
        else
            buf_add_char(&stripped, *at);
    }
    assert_string_equal(stripped.data, plain.data);
    assert_true(coloured.size > plain.size);
    buf_fini(&stripped);
    buf_fini(&plain);
    buf_fini(&coloured);
    soak_record_fini(&r);
}

static void test_quiet(void **state)
{
    struct soak_record r;
    struct buf b = {0};
    (void)state;
    soak_bad(&r);
    report_soak_quiet(&r, DIRECTORY, false, &b);
    assert_string_equal(b.data, "VERDICT    error (so far)\ndirectory  " DIRECTORY "\n");
    buf_fini(&b);
    soak_record_fini(&r);
}

static void test_what_is_left_out_is_counted(void **state)
{
    struct soak_record r;
    (void)state;
    soak_good(&r);
    for (int i = 0; i <= SOAK_GROUPS_SHOWN; i++) {
        char *lock = mem_printf("member/lock_%d", i);
        add_group_to(&r, lock, STAGE_AGENT, MECHANISM_ALIASED, 1);
        free(lock);
    }
    r.groups_dropped = 7;
    r.lock_count = SOAK_LOCKS_SHOWN + 2;
    r.locks = mem_realloc(r.locks, r.lock_count, sizeof *r.locks);
    for (size_t i = 2; i < r.lock_count; i++)
        r.locks[i] =
            (struct soak_lock){.worker = mem_strdup("native"), .id = mem_strdup("more"), .name = mem_strdup("more")};
    r.locks[r.lock_count - 1].states[STAGE_AGENT][STATE_ABSENT] = 3; /* with a loss: some are only counted */
    struct buf b = report(&r, false);
    assert_non_null(strstr(b.data, "and 1 more kinds of loss (soak.json has them)\n"
                                   "and 7 losses of further kinds, only counted (SOAK_GROUPS_MAX)\n"));
    assert_non_null(strstr(b.data, "\nand 2 more (soak.json has all)\n"));
    /* Whose names were lost stands first. */
    assert_non_null(strstr(b.data, "    agent: 3 absent\nmember/user_lock"));
    buf_fini(&b);
    soak_record_fini(&r);
}

/* Uploads in which a lock was too rare say nothing of it, and what is the same at several stages is said once. */
static void test_only_what_is_due_is_counted(void **state)
{
    struct soak_record r;
    (void)state;
    soak_good(&r);
    for (int s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++) {
        r.locks[0].states[s][STATE_EXACT] = 300;
        r.locks[0].states[s][STATE_UNDERSAMPLED] = 97;
        r.locks[0].states[s][STATE_ABSENT] = 2;
        r.locks[1].states[s][STATE_EXACT] = 0;
        r.locks[1].states[s][STATE_UNDERSAMPLED] = 399;
    }
    r.locks[0].states[STAGE_BACKEND][STATE_EXACT] = 299;
    r.locks[0].states[STAGE_BACKEND][STATE_GENERIC] = 1;
    add_group_to(&r, "member/user_lock", STAGE_BACKEND, MECHANISM_LABEL_DROPPED, 1);
    struct buf b = report(&r, false);
    assert_non_null(strstr(b.data, "member/user_lock                         300/302         300/302         299/302\n"
                                   "    upload, agent: 2 absent; backend: 1 generic, 2 absent\n"
                                   "member/order_lock                              -               -               -\n"
                                   "(uploads without a lock that was not taken, or too rarely to be seen for\n"
                                   "certain, are not counted for it)\n"));
    buf_fini(&b);
    soak_record_fini(&r);
}

static void test_what_hits_no_process_is_over_at_once(void **state)
{
    struct soak_record r;
    (void)state;
    soak_bad(&r);
    r.disturbances[0].recovered_ms = 0;
    struct buf b = report(&r, false);
    assert_non_null(strstr(b.data, "\n01:23:20  kill native.1.upload: recovered at once; lost for good: 2 uploads,"));
    buf_fini(&b);
    soak_record_fini(&r);
}

/* An anonymous lock has no name to lose. */
static void test_what_has_no_name_is_right(void **state)
{
    struct soak_record r;
    (void)state;
    soak_good(&r);
    for (int s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++) {
        r.locks[1].states[s][STATE_EXACT] = 0;
        r.locks[1].states[s][STATE_GENERIC] = 399;
    }
    struct buf b = report(&r, true);
    assert_non_null(strstr(b.data,
                           "\nmember/order_lock                        399/399         399/399         399/399\n"
                           "    generic, as is right for it\n\n"));
    buf_fini(&b);
    soak_record_fini(&r);
}

static void test_a_gap_is_in_no_upload(void **state)
{
    struct soak_record r;
    struct buf junit = {0};
    (void)state;
    soak_good(&r);
    r.processes[1].planned_ends = 1;
    add_group_to(&r, "member/user_lock", STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED, 2);
    struct buf b = report(&r, false);
    assert_non_null(strstr(b.data, "member/user_lock: samples_dropped at upload\n"
                                   "    between uploads, found 2 times, "));
    /* That a process has ended is nothing to tell. */
    assert_null(strstr(b.data, "planned"));
    report_soak_junit(&r, &junit);
    assert_non_null(strstr(junit.data, "message=\"between uploads, found 2 times\""));
    buf_fini(&junit);
    buf_fini(&b);
    soak_record_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_reports),
        cmocka_unit_test(test_any_record_can_be_told_in_80_columns),
        cmocka_unit_test(test_an_empty_record_can_be_told),
        cmocka_unit_test(test_colours_change_nothing_else),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_what_is_left_out_is_counted),
        cmocka_unit_test(test_only_what_is_due_is_counted),
        cmocka_unit_test(test_what_has_no_name_is_right),
        cmocka_unit_test(test_what_hits_no_process_is_over_at_once),
        cmocka_unit_test(test_a_gap_is_in_no_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
