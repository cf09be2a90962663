/* SPDX-License-Identifier: Apache-2.0 */
/* Names lost between a process and the first tap, where only another process of the worker left local copies: values
 * that no local copy has, uploads that are missing, acquires under the wrong name. Evidence is compared whole. */
#include "trail_build.h"

/* Locks x and other at a.py of a worker with paired arms, every acquire sampled, and the local copy. */
struct paired {
    struct build b;
    size_t x, other, local, upload;
};

static void start(struct paired *p)
{
    build_start(&p->b);
    p->x = build_lock(&p->b, "x_lock", "a.py:7", "exact");
    p->other = build_lock(&p->b, "other_lock", "a.py:8", "exact");
    p->local = build_process(&p->b, "p.1.local", ARM_LOCAL, 1);
    p->upload = build_process(&p->b, "p.1.upload", ARM_UPLOAD, 1);
    for (size_t i = 0; i < 2; i++) {
        build_took(&p->b, i == 0 ? p->local : p->upload, p->x, 100);
        build_took(&p->b, i == 0 ? p->local : p->upload, p->other, 50);
    }
    size_t copy = build_copy_saw(&p->b, STAGE_COLLECTOR, p->local, "a.py:7:x_lock", 100);
    build_saw(&p->b, copy, "a.py:8:other_lock", 50);
}

static size_t start_upload(struct paired *p, const char *label, uint64_t count, const char *other, uint64_t others)
{
    start(p);
    size_t copy = build_copy_saw(&p->b, STAGE_UPLOAD, p->upload, label, count);
    build_saw(&p->b, copy, other, others);
    return copy;
}

#define OTHER "a.py:8:other_lock"
#define LEDGER "the ledger has 100 acquires by p.1.upload, each of them sampled; upload has "
#define NONE                                                                                                           \
    "the ledger has 100 acquires by p.1.upload at a capture rate of 100 %, 100 samples to be expected, upload has "    \
    "none "                                                                                                            \
    "in 1 copy (copies/upload/p.1.upload.1.pprof)"
#define LOCAL "; the worker's local copies have 'a.py:7:x_lock', upload has "

static void test_values_that_no_local_copy_has(void **state)
{
    static const struct {
        const char *label;
        enum mechanism mechanism;
        const char *evidence;
    } cases[] = {
        {"a.py:7:x_lo", MECHANISM_VALUE_TRUNCATED,
         "the ledger declares 'x_lock', upload has 'a.py:7:x_lo' in 100 samples "
         "(copies/upload/p.1.upload.1.pprof)" LOCAL "'a.py:7:x_lo', which they have not: cut to 11 bytes"},
        {"A.PY:7:X_LOCK", MECHANISM_VALUE_REWRITTEN, NONE LOCAL "'A.PY:7:X_LOCK', which they have not: upper-cased"},
        {"prod-a.py:7:x_lock", MECHANISM_VALUE_REWRITTEN,
         NONE LOCAL "'prod-a.py:7:x_lock', which they have not: 'prod-' put before it"},
        {"a.py:7:x-lock", MECHANISM_VALUE_REWRITTEN,
         "the ledger declares 'x_lock', upload has 'a.py:7:x-lock' in 100 samples "
         "(copies/upload/p.1.upload.1.pprof)" LOCAL "'a.py:7:x-lock', which they have not: '_' replaced by '-'"},
        {"a.py:7:x_lock!", MECHANISM_VALUE_REWRITTEN,
         "the ledger declares 'x_lock', upload has 'a.py:7:x_lock!' in 100 samples "
         "(copies/upload/p.1.upload.1.pprof)" LOCAL "'a.py:7:x_lock!', which they have not: '!' put behind it"},
        {"q.py:7:x_lock", MECHANISM_VALUE_REWRITTEN,
         NONE LOCAL "'q.py:7:x_lock', which they have not: 'a' replaced by 'q'"},
        {"q.py:8:x_lock", MECHANISM_SAMPLES_DROPPED, NONE},
        /* What a collector may have found, or not found, in another process. */
        {"a.py:7:lk", MECHANISM_ALIASED,
         "the ledger declares 'x_lock', upload has 'a.py:7:lk' in 100 samples (copies/upload/p.1.upload.1.pprof)"},
        {"a.py:7", MECHANISM_NEVER_NAMED,
         "the ledger declares 'x_lock', upload has 'a.py:7' in 100 samples (copies/upload/p.1.upload.1.pprof)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct paired p;
        start_upload(&p, cases[i].label, 100, OTHER, 50);
        expect_lost(build_judge(&p.b), p.x, STAGE_UPLOAD, cases[i].mechanism, cases[i].evidence);
        expect_kept(&p.b.result, p.other);
        build_end(&p.b);
    }
}

/* The other lock's value ends within its name, at as many bytes as this one's before its. */
static void test_a_name_cut_off_as_others_are(void **state)
{
    struct paired p;
    (void)state;
    start_upload(&p, "a.py:7", 100, "a.py:8", 50);
    build_judge(&p.b);
    assert_int_equal(p.b.result.locks[p.x].loss.mechanism, MECHANISM_NEVER_NAMED);
    build_end(&p.b);
    start(&p);
    size_t third = build_lock(&p.b, "third_lock", "aa.py:9", "exact");
    build_took(&p.b, p.local, third, 10);
    build_took(&p.b, p.upload, third, 10);
    build_saw(&p.b, 0, "aa.py:9:third_lock", 10);
    size_t copy = build_copy_saw(&p.b, STAGE_UPLOAD, p.upload, "a.py:7", 100);
    build_saw(&p.b, copy, OTHER, 50);
    build_saw(&p.b, copy, "aa.py:", 10);
    build_judge(&p.b);
    assert_int_equal(p.b.result.locks[p.x].loss.mechanism, MECHANISM_VALUE_TRUNCATED);
    build_end(&p.b);
}

/* Half of its samples: the name is still there, and the count tells that it lacks some. */
static void test_a_part_of_the_samples(void **state)
{
    struct paired p;
    (void)state;
    size_t copy = start_upload(&p, "a.py:7:x_lock", 60, OTHER, 50);
    build_saw(&p.b, copy, "a.py", 40);
    expect_lost(build_judge(&p.b), p.x, STAGE_UPLOAD, MECHANISM_VALUE_TRUNCATED,
                LEDGER "60 in 1 copy (copies/upload/p.1.upload.1.pprof)" LOCAL
                       "'a.py', which they have not: cut to 4 bytes");
    build_end(&p.b);
}

static void cover(struct paired *p, size_t copy, int64_t start_s, int64_t end_s)
{
    p->b.copies[copy].copy.start_ns = start_s * 1000000000;
    p->b.copies[copy].copy.end_ns = end_s * 1000000000;
    p->b.copies[copy].copy.runtime_id = "r-1";
}

static void test_names_that_changed_places(void **state)
{
    struct paired p;
    (void)state;
    start_upload(&p, "a.py:7:x_lock", 50, OTHER, 100);
    expect_lost(build_judge(&p.b), p.x, STAGE_UPLOAD, MECHANISM_NAMES_SWAPPED,
                LEDGER "50 in 1 copy (copies/upload/p.1.upload.1.pprof); other_lock has more than the ledger, and no "
                       "upload came twice");
    expect_lost(&p.b.result, p.other, STAGE_UPLOAD, MECHANISM_NAMES_SWAPPED,
                "the ledger has 50 acquires by p.1.upload, each of them sampled; upload has 100 in 1 copy "
                "(copies/upload/p.1.upload.1.pprof); x_lock has fewer than the ledger, and no upload came twice");
    build_end(&p.b);
    /* More of one, and no fewer of another; and an upload that came twice. */
    start_upload(&p, "a.py:7:x_lock", 150, OTHER, 50);
    build_judge(&p.b);
    assert_int_equal(p.b.result.locks[p.x].loss.mechanism, MECHANISM_DUPLICATED);
    build_end(&p.b);
    size_t twice = start_upload(&p, "a.py:7:x_lock", 60, OTHER, 20);
    cover(&p, twice, 10, 20);
    twice = build_copy_saw(&p.b, STAGE_UPLOAD, p.upload, "a.py:7:x_lock", 60);
    build_saw(&p.b, twice, OTHER, 20);
    cover(&p, twice, 10, 20);
    build_judge(&p.b);
    assert_int_equal(p.b.result.locks[p.x].loss.mechanism, MECHANISM_DUPLICATED);
    build_end(&p.b);
    /* Fewer of one, and no more of another: samples are gone. */
    start_upload(&p, "a.py:7:x_lock", 50, OTHER, 50);
    expect_lost(build_judge(&p.b), p.x, STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED,
                LEDGER "50 in 1 copy (copies/upload/p.1.upload.1.pprof)");
    expect_kept(&p.b.result, p.other);
    build_end(&p.b);
}

static void test_uploads_that_are_missing(void **state)
{
    struct paired p;
    (void)state;
    size_t copy = start_upload(&p, "a.py:7:x_lock", 50, OTHER, 50);
    build_copy(&p.b, STAGE_COLLECTOR, p.local);
    cover(&p, copy, 10, 20);
    expect_lost(build_judge(&p.b), p.x, STAGE_UPLOAD, MECHANISM_PROFILE_DROPPED,
                LEDGER "50 in 1 copy (copies/upload/p.1.upload.1.pprof); 1 upload, where the worker left 2 local "
                       "copies");
    build_end(&p.b);
    copy = start_upload(&p, "a.py:7:x_lock", 50, OTHER, 50);
    cover(&p, copy, 10, 20);
    cover(&p, build_copy(&p.b, STAGE_UPLOAD, p.upload), 30, 40);
    expect_lost(build_judge(&p.b), p.x, STAGE_UPLOAD, MECHANISM_PROFILE_DROPPED,
                LEDGER
                "50 in 2 copies (copies/upload/p.1.upload.1.pprof ...); 2 uploads, and between two of them a time "
                "that none covers");
    build_end(&p.b);
    copy = start_upload(&p, "a.py:7:x_lock", 50, OTHER, 50);
    cover(&p, copy, 10, 20);
    cover(&p, build_copy(&p.b, STAGE_UPLOAD, p.upload), 20, 30);
    build_judge(&p.b);
    assert_int_equal(p.b.result.locks[p.x].loss.mechanism, MECHANISM_SAMPLES_DROPPED);
    build_end(&p.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_that_no_local_copy_has), cmocka_unit_test(test_a_name_cut_off_as_others_are),
        cmocka_unit_test(test_a_part_of_the_samples),         cmocka_unit_test(test_names_that_changed_places),
        cmocka_unit_test(test_uploads_that_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
