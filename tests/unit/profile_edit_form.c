/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of form: other bytes, and the reader finds what it found before. */
#include "profile/edit.h"

#include "edit_fixture.h"

#include <stdio.h>

static struct profile_edit *open_bytes(const struct buf *bytes)
{
    struct profile_edit *edit = NULL;
    struct err e;
    if (profile_edit_open(bytes->data, bytes->size, &profile_limits_default, &edit, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return edit;
}

typedef void (*change_fn)(struct profile_edit *edit, uint64_t seed);

static void add_type(struct profile_edit *edit, uint64_t seed)
{
    (void)seed;
    profile_edit_add_type(edit, "added", "count");
}

/* The sample, changed once. */
static void make(change_fn change, uint64_t seed, struct buf *out)
{
    struct buf bytes = {0};
    edit_build_bytes(ENCODING_NONE, &bytes);
    struct profile_edit *edit = open_bytes(&bytes);
    if (change != NULL) {
        change(edit, seed);
    }
    profile_edit_write(edit, ENCODING_NONE, out);
    profile_edit_free(edit);
    buf_fini(&bytes);
}

static bool equal(const struct buf *a, const struct buf *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void test_other_bytes_that_say_the_same(void **state)
{
    static const struct {
        change_fn change;
        bool by_seed;
    } cases[] = {
        {profile_edit_reorder_strings, true},
        {profile_edit_duplicate_strings, true},
        {profile_edit_reorder_samples, true},
        {add_type, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf plain = {0}, once = {0}, again = {0}, other = {0};
        make(NULL, 0, &plain);
        make(cases[i].change, 1, &once);
        make(cases[i].change, 1, &again);
        make(cases[i].change, 2, &other);
        edit_expect(&once, EDIT_AS_IT_CAME);
        edit_expect(&other, EDIT_AS_IT_CAME);
        assert_false(equal(&plain, &once));
        assert_true(equal(&once, &again));
        assert_int_equal(equal(&once, &other), !cases[i].by_seed);
        buf_fini(&plain);
        buf_fini(&once);
        buf_fini(&again);
        buf_fini(&other);
    }
}

static Pprof__Profile *unpack(const struct buf *bytes)
{
    Pprof__Profile *p = pprof__profile__unpack(NULL, bytes->size, (const uint8_t *)bytes->data);
    assert_non_null(p);
    return p;
}

static void expect_text(const Pprof__Profile *p, int64_t index, const char *wanted)
{
    assert_in_range(index, 0, p->n_string_table - 1);
    assert_int_equal(p->string_table[index].len, strlen(wanted));
    assert_memory_equal(p->string_table[index].data, wanted, strlen(wanted));
}

/* A profile with a string in each field that has one, and one whose number is beyond the table. */
static void build_full(struct buf *out)
{
    struct pprof_build *b = edit_build();
    Pprof__Mapping mapping = PPROF__MAPPING__INIT, *mappings[] = {&mapping};
    Pprof__Function function = PPROF__FUNCTION__INIT, *functions[] = {&function};
    Pprof__ValueType period = PPROF__VALUE_TYPE__INIT;
    int64_t comments[] = {pprof_build_string(b, "comment"), 1000};
    mapping.filename = pprof_build_string(b, "/bin/x");
    mapping.build_id = pprof_build_string(b, "id");
    function.name = pprof_build_string(b, "f");
    function.system_name = pprof_build_string(b, "_f");
    function.filename = pprof_build_string(b, "f.c");
    period.type = pprof_build_string(b, "period");
    period.unit = pprof_build_string(b, "unit");
    b->profile.mapping = mappings;
    b->profile.n_mapping = 1;
    b->profile.function = functions;
    b->profile.n_function = 1;
    b->profile.period_type = &period;
    b->profile.comment = comments;
    b->profile.n_comment = 2;
    b->profile.drop_frames = pprof_build_string(b, "drop");
    b->profile.keep_frames = pprof_build_string(b, "keep");
    b->profile.default_sample_type = pprof_build_string(b, "lock-acquire");
    b->profile.doc_url = pprof_build_string(b, "url");
    pprof_build_bytes(b, ENCODING_NONE, out);
    pprof_build_free(b);
}

static void expect_full(const struct buf *bytes)
{
    Pprof__Profile *p = unpack(bytes);
    expect_text(p, 0, "");
    expect_text(p, p->mapping[0]->filename, "/bin/x");
    expect_text(p, p->mapping[0]->build_id, "id");
    expect_text(p, p->function[0]->name, "f");
    expect_text(p, p->function[0]->system_name, "_f");
    expect_text(p, p->function[0]->filename, "f.c");
    expect_text(p, p->period_type->type, "period");
    expect_text(p, p->period_type->unit, "unit");
    expect_text(p, p->comment[0], "comment");
    assert_int_equal(p->comment[1], 1000);
    expect_text(p, p->drop_frames, "drop");
    expect_text(p, p->keep_frames, "keep");
    expect_text(p, p->default_sample_type, "lock-acquire");
    expect_text(p, p->doc_url, "url");
    expect_text(p, p->sample[0]->label[1]->key, "thread name");
    expect_text(p, p->sample[0]->label[1]->str, "t-1");
    expect_text(p, p->sample[0]->label[2]->key, "thread id");
    expect_text(p, p->sample[0]->label[2]->num_unit, "number");
    expect_text(p, p->sample_type[1]->type, "lock-acquire");
    expect_text(p, p->sample_type[1]->unit, "count");
    pprof__profile__free_unpacked(p, NULL);
}

static void test_every_string_keeps_its_meaning(void **state)
{
    struct buf bytes = {0};
    (void)state;
    build_full(&bytes);
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct buf out = {0};
        struct profile_edit *edit = open_bytes(&bytes);
        profile_edit_reorder_strings(edit, seed);
        profile_edit_duplicate_strings(edit, seed);
        profile_edit_reorder_strings(edit, seed + 1);
        profile_edit_write(edit, ENCODING_NONE, &out);
        expect_full(&out);
        buf_fini(&out);
        profile_edit_free(edit);
    }
    buf_fini(&bytes);
}

static bool all(const struct edit_sample *sample, void *data)
{
    (void)sample;
    (void)data;
    return true;
}

/* The key stands twice in the table, and samples use both. */
static void test_labels_are_found_under_doubled_keys(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct buf bytes = {0}, out = {0};
        make(profile_edit_duplicate_strings, seed, &bytes);
        struct profile_edit *edit = open_bytes(&bytes);
        assert_int_equal(profile_edit_drop_label(edit, all, NULL), 4);
        profile_edit_write(edit, ENCODING_NONE, &out);
        edit_expect(&out, "| 5 of 6, 5 unlabelled | thread name 1; ");
        buf_fini(&bytes);
        buf_fini(&out);
        profile_edit_free(edit);
    }
}

static void test_an_added_type_has_zeros(void **state)
{
    struct buf out = {0};
    (void)state;
    make(add_type, 0, &out);
    Pprof__Profile *p = unpack(&out);
    assert_int_equal(p->n_sample_type, 6);
    expect_text(p, p->sample_type[5]->type, "added");
    expect_text(p, p->sample_type[5]->unit, "count");
    for (size_t i = 0; i < p->n_sample; i++) {
        assert_int_equal(p->sample[i]->n_value, 6);
        assert_int_equal(p->sample[i]->value[5], 0);
    }
    pprof__profile__free_unpacked(p, NULL);
    buf_fini(&out);
}

static void test_types_renamed(void **state)
{
    struct buf bytes = {0}, out = {0};
    (void)state;
    edit_build_bytes(ENCODING_NONE, &bytes);
    struct profile_edit *edit = open_bytes(&bytes);
    assert_int_equal(profile_edit_rename_types(edit, '-', '_'), 5);
    assert_int_equal(profile_edit_rename_types(edit, '-', '_'), 0);
    profile_edit_write(edit, ENCODING_NONE, &out);
    Pprof__Profile *p = unpack(&out);
    expect_text(p, p->sample_type[0]->type, "cpu_samples");
    expect_text(p, p->sample_type[2]->type, "lock_acquire_wait");
    expect_text(p, p->sample_type[2]->unit, "nanoseconds");
    pprof__profile__free_unpacked(p, NULL);
    /* Without lock types a lock sample is one with a name. */
    edit_expect(&out, "a.c:1:alpha 2 0/0; a.c:2:beta 1 0/0; a.c:3 1 0/0; | 4 of 6, 0 unlabelled | thread name 1; ");
    buf_fini(&bytes);
    buf_fini(&out);
    profile_edit_free(edit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_bytes_that_say_the_same),
        cmocka_unit_test(test_every_string_keeps_its_meaning),
        cmocka_unit_test(test_labels_are_found_under_doubled_keys),
        cmocka_unit_test(test_an_added_type_has_zeros),
        cmocka_unit_test(test_types_renamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
