/* SPDX-License-Identifier: Apache-2.0 */
/* One fault on one profile. pipeline_fault_upload.c has plans and whole uploads. */
#include "fault_fixture.h"
#include "profile/codec.h"

#include <stdio.h>

static char alpha[] = "global/alpha", gamma_id[] = "private/__gamma", full[] = "m.py:2:beta_lock", absent[] = "delta";
static char underscore[] = "_", dash[] = "-", prod[] = "prod-", empty[] = "", other[] = "other", key[] = "lock_name";

struct outcome {
    struct fault_profile made;
    char *said; /* of the new bytes */
    char *hits; /* "LABEL=SAMPLES ..." */
};

static struct outcome apply_to(const struct scenario_fault *fault, uint64_t seed, const struct buf *bytes)
{
    struct outcome o = {0};
    struct buf hits = {0};
    struct err e;
    if (fault_apply_profile(fault, seed, "key", bytes->data, bytes->size, &o.made, &e) < 0) {
        fail_msg("%s", e.text);
    }
    for (size_t i = 0; i < o.made.hit_count; i++) {
        buf_printf(&hits, "%s=%u ", o.made.hits[i].label, (unsigned)o.made.hits[i].samples);
    }
    o.hits = buf_steal(&hits);
    o.said = edit_say(o.made.bytes.data, o.made.bytes.size);
    return o;
}

static struct outcome apply(const struct scenario_fault *fault, uint64_t seed)
{
    struct buf bytes = {0};
    fault_build_many(ENCODING_ZSTD, &bytes);
    struct outcome o = apply_to(fault, seed, &bytes);
    buf_fini(&bytes);
    return o;
}

static void outcome_fini(struct outcome *o)
{
    fault_profile_fini(&o->made);
    free(o->said);
    free(o->hits);
}

#define ALL_HIT "m.c:4:s->alpha=100 m.py:1:alpha=100 m.py:2:beta_lock=100 m.py:3:_S__gamma=100 "
#define AS_IT_CAME                                                                                                     \
    "m.c:4:s->alpha 100 100/0; m.py:1:alpha 100 100/0; m.py:2:beta_lock 100 100/0; m.py:3:_S__gamma 100 100/0; | 410 " \
    "of 410, 10 unlabelled | "

static void test_each_mechanism(void **state)
{
    static const struct {
        struct scenario_fault fault;
        const char *said, *hits;
    } cases[] = {
        {{.mechanism = MECHANISM_LABEL_DROPPED}, "| 410 of 410, 410 unlabelled | ", ALL_HIT},
        {{.mechanism = MECHANISM_LABEL_KEY_RENAMED, .to = key},
         "| 410 of 410, 410 unlabelled | lock_name 400; ",
         ALL_HIT},
        {{.mechanism = MECHANISM_LABEL_KEY_RENAMED}, "| 410 of 410, 410 unlabelled | lock_name 400; ", ALL_HIT},
        {{.mechanism = MECHANISM_LABEL_KEY_RENAMED, .to = empty}, "| 410 of 410, 410 unlabelled |  400; ", ALL_HIT},
        {{.mechanism = MECHANISM_VALUE_TRUNCATED, .length = 12},
         "m.c:4:s->alp 100 100/0; m.py:1:alpha 100 100/0; m.py:2:beta_ 100 100/0; m.py:3:_S__g 100 100/0; | 410 of "
         "410, 10 unlabelled | ",
         "m.c:4:s->alpha=100 m.py:2:beta_lock=100 m.py:3:_S__gamma=100 "},
        {{.mechanism = MECHANISM_VALUE_REWRITTEN, .rule = RULE_LOWER},
         "m.c:4:s->alpha 100 100/0; m.py:1:alpha 100 100/0; m.py:2:beta_lock 100 100/0; m.py:3:_s__gamma 100 100/0; | "
         "410 of 410, 10 unlabelled | ",
         "m.py:3:_S__gamma=100 "},
        {{.mechanism = MECHANISM_VALUE_REWRITTEN, .rule = RULE_UPPER},
         "M.C:4:S->ALPHA 100 100/0; M.PY:1:ALPHA 100 100/0; M.PY:2:BETA_LOCK 100 100/0; M.PY:3:_S__GAMMA 100 100/0; | "
         "410 of 410, 10 unlabelled | ",
         ALL_HIT},
        {{.mechanism = MECHANISM_VALUE_REWRITTEN, .rule = RULE_REPLACE, .from = underscore, .to = dash},
         "m.c:4:s->alpha 100 100/0; m.py:1:alpha 100 100/0; m.py:2:beta-lock 100 100/0; m.py:3:-S--gamma 100 100/0; | "
         "410 of 410, 10 unlabelled | ",
         "m.py:2:beta_lock=100 m.py:3:_S__gamma=100 "},
        {{.mechanism = MECHANISM_VALUE_REWRITTEN, .rule = RULE_PREFIX, .to = prod},
         "prod-m.c:4:s->alpha 100 100/0; prod-m.py:1:alpha 100 100/0; prod-m.py:2:beta_lock 100 100/0; "
         "prod-m.py:3:_S__gamma 100 100/0; | 410 of 410, 10 unlabelled | ",
         ALL_HIT},
        {{.mechanism = MECHANISM_VALUE_REWRITTEN, .rule = RULE_SUFFIX, .to = prod},
         "m.c:4:s->alphaprod- 100 100/0; m.py:1:alphaprod- 100 100/0; m.py:2:beta_lockprod- 100 100/0; "
         "m.py:3:_S__gammaprod- 100 100/0; | 410 of 410, 10 unlabelled | ",
         ALL_HIT},
        {{.mechanism = MECHANISM_VALUE_REWRITTEN, .rule = RULE_OTHER, .to = other},
         "m.c:4:other 100 100/0; m.py:1:other 100 100/0; m.py:2:other 100 100/0; m.py:3:other 100 100/0; | 410 of "
         "410, 10 unlabelled | ",
         ALL_HIT},
        /* The names in order: _S__gamma, alpha, beta_lock, s->alpha; each gets the next one's label. */
        {{.mechanism = MECHANISM_NAMES_SWAPPED}, AS_IT_CAME, ALL_HIT},
        {{.mechanism = MECHANISM_SAMPLES_DROPPED}, "| 0 of 0, 0 unlabelled | ", ALL_HIT},
        {{.mechanism = MECHANISM_PROFILE_DROPPED}, AS_IT_CAME, ""},
        {{.mechanism = MECHANISM_DUPLICATED}, AS_IT_CAME, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scenario_fault fault = cases[i].fault;
        fault.has_mechanism = true;
        fault.rate = 1;
        struct outcome o = apply(&fault, i);
        assert_string_equal(o.said, cases[i].said);
        assert_string_equal(o.hits, cases[i].hits);
        assert_int_equal(o.made.dropped, fault.mechanism == MECHANISM_PROFILE_DROPPED);
        assert_int_equal(o.made.deliveries, fault.mechanism == MECHANISM_DUPLICATED ? 2 : 1);
        assert_int_equal(o.made.changed, cases[i].hits[0] != '\0');
        assert_int_equal(codec_detect(o.made.bytes.data, o.made.bytes.size), ENCODING_ZSTD);
        outcome_fini(&o);
    }
}

/* A name of its own for each label, the same for each copy. */
static void test_a_made_up_name(void **state)
{
    struct scenario_fault fault = fault_of(MECHANISM_VALUE_REWRITTEN);
    (void)state;
    fault.rule = RULE_OTHER;
    struct outcome once = apply(&fault, 1), other_seed = apply(&fault, 2);
    assert_string_equal(once.said, other_seed.said);
    assert_non_null(strstr(once.said, "m.py:1:other_"));
    assert_null(strstr(once.said, "alpha"));
    outcome_fini(&once);
    outcome_fini(&other_seed);
}

static void test_which_locks(void **state)
{
    static const struct {
        const char *lock;
        const char *hits;
    } cases[] = {
        {alpha, "m.c:4:s->alpha=100 m.py:1:alpha=100 "},
        {"alpha", "m.c:4:s->alpha=100 m.py:1:alpha=100 "},
        {gamma_id, "m.py:3:_S__gamma=100 "},
        {full, "m.py:2:beta_lock=100 "},
        {"lock", ""}, /* the end of a name is no name */
        {"lpha", ""},
        {absent, ""},
        {"global/", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *lock = mem_strdup(cases[i].lock);
        struct scenario_fault fault = fault_of(MECHANISM_LABEL_DROPPED);
        fault.locks = &lock;
        fault.lock_count = 1;
        struct outcome o = apply(&fault, 1);
        assert_string_equal(o.hits, cases[i].hits);
        outcome_fini(&o);
        free(lock);
    }
}

static void test_samples_without_a_label_go_only_with_all(void **state)
{
    char *locks[] = {alpha, gamma_id, full};
    struct scenario_fault fault = fault_of(MECHANISM_SAMPLES_DROPPED);
    (void)state;
    fault.locks = locks;
    fault.lock_count = 3;
    struct outcome o = apply(&fault, 1);
    assert_string_equal(o.said, "| 10 of 10, 10 unlabelled | ");
    assert_int_equal(o.made.changed_samples, 400);
    assert_int_equal(o.made.lock_samples, 410);
    outcome_fini(&o);
}

static void test_rate_seed_and_key(void **state)
{
    struct scenario_fault fault = fault_of(MECHANISM_SAMPLES_DROPPED);
    struct buf bytes = {0};
    struct fault_profile keyed;
    struct err e;
    (void)state;
    fault.rate = 0.5;
    struct outcome once = apply(&fault, 7), again = apply(&fault, 7), seeded = apply(&fault, 8);
    assert_in_range(once.made.changed_samples, 150, 260);
    assert_string_equal(once.hits, again.hits);
    assert_int_equal(once.made.bytes.size, again.made.bytes.size);
    assert_memory_equal(once.made.bytes.data, again.made.bytes.data, once.made.bytes.size);
    assert_string_not_equal(once.said, seeded.said);
    fault_build_many(ENCODING_ZSTD, &bytes);
    assert_int_equal(fault_apply_profile(&fault, 7, "another", bytes.data, bytes.size, &keyed, &e), 0);
    assert_false(keyed.bytes.size == once.made.bytes.size &&
                 memcmp(keyed.bytes.data, once.made.bytes.data, keyed.bytes.size) == 0);
    fault_profile_fini(&keyed);
    outcome_fini(&once);
    outcome_fini(&again);
    outcome_fini(&seeded);
    buf_fini(&bytes);
}

/* Nothing hit: the bytes are those that came, however they were packed. */
static void test_what_is_not_hit_keeps_its_bytes(void **state)
{
    struct scenario_fault faults[] = {fault_of(MECHANISM_LABEL_DROPPED), fault_of(MECHANISM_NAMES_SWAPPED),
                                      fault_of(MECHANISM_PROFILE_CORRUPT), fault_change_of(CHANGE_STRINGS_REORDERED)};
    struct buf bytes = {0};
    (void)state;
    fault_build_many(ENCODING_GZIP, &bytes);
    buf_add(&bytes, "\x1F\x8B\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0", 20); /* an empty member: we write none */
    for (size_t i = 0; i < 4; i++) {
        faults[i].rate = 1e-9;
        struct outcome o = apply_to(&faults[i], 1, &bytes);
        assert_false(o.made.changed);
        assert_int_equal(o.made.bytes.size, bytes.size);
        assert_memory_equal(o.made.bytes.data, bytes.data, bytes.size);
        outcome_fini(&o);
    }
    buf_fini(&bytes);
}

static size_t samples_of(const char *said, const char *label)
{
    const char *at = strstr(said, label);
    return at != NULL ? strtoul(at + strlen(label), NULL, 10) : 0;
}

/* Different numbers of samples show who has whose label. */
static void build_uneven(struct buf *out)
{
    static const char *const labels[] = {"m.py:1:alpha", "m.py:2:beta", "m.py:3:gamma", "m.py:4:alpha", "m.py:5"};
    struct pprof_build *b = pprof_build_new();
    pprof_build_lock_types(b);
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k <= i; k++) {
            pprof_build_lock(b, labels[i], 1, 0, 0, 0);
        }
    }
    pprof_build_bytes(b, ENCODING_NONE, out);
    pprof_build_free(b);
}

static void test_names_swapped(void **state)
{
    char beta_name[] = "beta", gamma_name[] = "m.py:3:gamma";
    char *locks[] = {beta_name, gamma_name};
    struct scenario_fault fault = fault_of(MECHANISM_NAMES_SWAPPED);
    struct buf bytes = {0};
    (void)state;
    build_uneven(&bytes);
    /* alpha has two of four labels: each gets the one that is two places on. */
    struct outcome o = apply_to(&fault, 1, &bytes);
    assert_int_equal(samples_of(o.said, "m.py:1:alpha "), 2);
    assert_int_equal(samples_of(o.said, "m.py:4:alpha "), 3);
    assert_int_equal(samples_of(o.said, "m.py:2:beta "), 1);
    assert_int_equal(samples_of(o.said, "m.py:3:gamma "), 4);
    assert_int_equal(samples_of(o.said, "m.py:5 "), 5);
    assert_string_equal(o.hits, "m.py:1:alpha=1 m.py:2:beta=2 m.py:3:gamma=3 m.py:4:alpha=4 ");
    assert_int_equal(o.made.hits[2].acquires, 3);
    outcome_fini(&o);
    fault.locks = locks;
    fault.lock_count = 2;
    o = apply_to(&fault, 1, &bytes);
    assert_int_equal(samples_of(o.said, "m.py:2:beta "), 3);
    assert_int_equal(samples_of(o.said, "m.py:3:gamma "), 2);
    assert_string_equal(o.hits, "m.py:2:beta=2 m.py:3:gamma=3 ");
    outcome_fini(&o);
    fault.lock_count = 1; /* one alone can't be swapped: all are meant */
    o = apply_to(&fault, 1, &bytes);
    assert_int_equal(o.made.hit_count, 4);
    outcome_fini(&o);
    buf_fini(&bytes);
}

static void test_corrupt_is_unreadable(void **state)
{
    static const enum profile_encoding encodings[] = {ENCODING_NONE, ENCODING_GZIP, ENCODING_ZSTD, ENCODING_LZ4};
    struct scenario_fault fault = fault_of(MECHANISM_PROFILE_CORRUPT);
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct buf bytes = {0};
        fault_build_many(encodings[i], &bytes);
        for (uint64_t seed = 0; seed < 50; seed++) {
            struct outcome o = apply_to(&fault, seed, &bytes);
            assert_true(o.made.corrupt && o.made.changed);
            assert_memory_equal(o.said, "unreadable: ", 12);
            outcome_fini(&o);
        }
        buf_fini(&bytes);
    }
    /* Short ones, and one byte alone. */
    for (size_t size = 1; size < 8; size++) {
        struct buf bytes = {0};
        buf_add(&bytes, "\x32\x00\x32\x00\x32\x00\x32", size);
        struct outcome o = apply_to(&fault, 1, &bytes);
        assert_memory_equal(o.said, "unreadable: ", 12);
        outcome_fini(&o);
        buf_fini(&bytes);
    }
}

/* Half of it is a field that nobody reads, where other bytes are no damage, half of it short fields, between which a
 * cut is none: sometimes neither helps, and all is overwritten. */
static void test_corrupt_where_little_is_read(void **state)
{
    struct scenario_fault fault = fault_of(MECHANISM_PROFILE_CORRUPT);
    struct buf bytes = {0}, blob = {0};
    size_t overwritten = 0;
    (void)state;
    pprof_build_field(&bytes, 6, "", 0);
    buf_reserve(&blob, 600);
    memset(blob.data, 'x', 600);
    pprof_build_field(&bytes, 99, blob.data, 600);
    for (int i = 0; i < 200; i++) {
        pprof_build_field(&bytes, 99, "", 0);
    }
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct outcome o = apply_to(&fault, seed, &bytes);
        assert_memory_equal(o.said, "unreadable: ", 12);
        overwritten += (unsigned char)o.made.bytes.data[0] == 0xFF;
        outcome_fini(&o);
    }
    assert_in_range(overwritten, 1, 400);
    buf_fini(&bytes);
    buf_fini(&blob);
}

static void test_changes_that_mean_nothing(void **state)
{
    static const enum fault_change changes[] = {CHANGE_STRINGS_REORDERED, CHANGE_STRINGS_DUPLICATED,
                                                CHANGE_SAMPLES_REORDERED, CHANGE_TYPE_ADDED, CHANGE_RECOMPRESSED};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct scenario_fault fault = fault_change_of(changes[i]);
        fault.codec = CODEC_LZ4;
        struct outcome o = apply(&fault, 3);
        assert_string_equal(o.said, AS_IT_CAME);
        assert_true(o.made.changed);
        assert_int_equal(codec_detect(o.made.bytes.data, o.made.bytes.size),
                         changes[i] == CHANGE_RECOMPRESSED ? ENCODING_LZ4 : ENCODING_ZSTD);
        outcome_fini(&o);
    }
}

static void test_what_cannot_be_read_is_an_error(void **state)
{
    struct scenario_fault fault = fault_of(MECHANISM_LABEL_DROPPED);
    struct fault_profile made;
    struct err e;
    (void)state;
    assert_int_equal(fault_apply_profile(&fault, 1, "k", "\x48\x01", 2, &made, &e), -1);
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, "offset 2: the end, and no string table: truncated, or no pprof");
    assert_null(made.bytes.data);
    assert_null(made.hits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mechanism),
        cmocka_unit_test(test_a_made_up_name),
        cmocka_unit_test(test_which_locks),
        cmocka_unit_test(test_samples_without_a_label_go_only_with_all),
        cmocka_unit_test(test_rate_seed_and_key),
        cmocka_unit_test(test_what_is_not_hit_keeps_its_bytes),
        cmocka_unit_test(test_names_swapped),
        cmocka_unit_test(test_corrupt_is_unreadable),
        cmocka_unit_test(test_corrupt_where_little_is_read),
        cmocka_unit_test(test_changes_that_mean_nothing),
        cmocka_unit_test(test_what_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
