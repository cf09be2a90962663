/* SPDX-License-Identifier: Apache-2.0 */
/* Edits of labels and samples, read back with profile_read. profile_edit_form.c has the changes that mean nothing. */
#include "profile/edit.h"

#include "edit_fixture.h"
#include "profile/codec.h"

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

static struct profile_edit *open_sample(void)
{
    struct buf bytes = {0};
    edit_build_bytes(ENCODING_NONE, &bytes);
    struct profile_edit *edit = open_bytes(&bytes);
    buf_fini(&bytes);
    return edit;
}

/* Writes, compares, frees. */
static void expect(struct profile_edit *edit, const char *wanted)
{
    struct buf bytes = {0};
    profile_edit_write(edit, ENCODING_NONE, &bytes);
    edit_expect(&bytes, wanted);
    buf_fini(&bytes);
    profile_edit_free(edit);
}

static bool all(const struct edit_sample *sample, void *data)
{
    (void)sample;
    (void)data;
    return true;
}

static bool first(const struct edit_sample *sample, void *data)
{
    (void)data;
    return sample->index == 0;
}

/* Writes down what it is asked. */
static bool listing(const struct edit_sample *sample, void *data)
{
    buf_printf(data, "%zu=%s ", sample->index, sample->label != NULL ? sample->label : "-");
    return false;
}

static void list_acquires(const struct edit_sample *sample, void *data)
{
    buf_printf(data, "%u ", (unsigned)sample->acquires);
}

static void list(const struct edit_sample *sample, void *data)
{
    listing(sample, data);
}

static char *shout(const char *label, void *data)
{
    (void)data;
    return strcmp(label, "a.c:1:alpha") == 0 ? mem_strdup("A.C:1:ALPHA") : NULL;
}

static char *nothing(const char *label, void *data)
{
    (void)label;
    (void)data;
    return mem_strdup("");
}

static char *same(const char *label, void *data)
{
    (void)data;
    return mem_strdup(label);
}

static void test_written_again_it_says_the_same(void **state)
{
    static const enum profile_encoding encodings[] = {ENCODING_NONE, ENCODING_GZIP, ENCODING_ZSTD, ENCODING_LZ4};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct buf bytes = {0}, out = {0};
        edit_build_bytes(encodings[i], &bytes);
        struct profile_edit *edit = open_bytes(&bytes);
        assert_int_equal(profile_edit_encoding(edit), encodings[i]);
        profile_edit_write(edit, encodings[i], &out);
        assert_int_equal(codec_detect(out.data, out.size), encodings[i]);
        edit_expect(&out, EDIT_AS_IT_CAME);
        buf_fini(&bytes);
        buf_fini(&out);
        profile_edit_free(edit);
    }
}

static void test_each_lock_sample_is_shown(void **state)
{
    struct buf said = {0};
    struct profile_edit *edit = open_sample();
    (void)state;
    assert_int_equal(profile_edit_each(edit, list, &said), 5);
    assert_string_equal(said.data, "0=a.c:1:alpha 1=a.c:2:beta 2=- 3=a.c:1:alpha 5=a.c:3 ");
    buf_clear(&said);
    profile_edit_each(edit, list_acquires, &said);
    assert_string_equal(said.data, "1 2 4 0 16 ");
    buf_fini(&said);
    profile_edit_free(edit);
}

/* Only samples that would be changed. */
static void test_who_is_asked(void **state)
{
    struct buf said = {0};
    struct profile_edit *edit = open_sample();
    (void)state;
    assert_int_equal(profile_edit_drop_label(edit, listing, &said), 0);
    buf_add_char(&said, '|');
    assert_int_equal(profile_edit_drop_samples(edit, listing, &said), 0);
    buf_add_char(&said, '|');
    assert_int_equal(profile_edit_values(edit, shout, listing, &said), 0);
    buf_add_char(&said, '|');
    assert_int_equal(profile_edit_values(edit, same, listing, &said), 0);
    assert_string_equal(said.data, "0=a.c:1:alpha 1=a.c:2:beta 3=a.c:1:alpha 5=a.c:3 |"
                                   "0=a.c:1:alpha 1=a.c:2:beta 2=- 3=a.c:1:alpha 5=a.c:3 |"
                                   "0=a.c:1:alpha 3=a.c:1:alpha |");
    buf_fini(&said);
    expect(edit, EDIT_AS_IT_CAME);
}

static void test_labels_dropped(void **state)
{
    struct profile_edit *edit = open_sample();
    (void)state;
    assert_int_equal(profile_edit_drop_label(edit, first, NULL), 1);
    expect(edit, "a.c:1:alpha 1 0/8; a.c:2:beta 1 2/0; a.c:3 1 16/0; | 5 of 6, 2 unlabelled | thread name 1; ");
    edit = open_sample();
    assert_int_equal(profile_edit_drop_label(edit, all, NULL), 4);
    expect(edit, "| 5 of 6, 5 unlabelled | thread name 1; ");
}

static void test_keys_renamed(void **state)
{
    struct profile_edit *edit = open_sample();
    (void)state;
    assert_int_equal(profile_edit_rename_key(edit, "lock_name", all, NULL), 4);
    expect(edit, "| 5 of 6, 5 unlabelled | lock_name 4; thread name 1; ");
    edit = open_sample();
    assert_int_equal(profile_edit_rename_key(edit, "", first, NULL), 1);
    expect(edit, "a.c:1:alpha 1 0/8; a.c:2:beta 1 2/0; a.c:3 1 16/0; | 5 of 6, 2 unlabelled |  1; thread name 1; ");
    edit = open_sample();
    assert_int_equal(profile_edit_rename_key(edit, "lock name", all, NULL), 0);
    expect(edit, EDIT_AS_IT_CAME);
}

/* The samples of a label share a string; the one that was not chosen keeps it. */
static void test_values_changed(void **state)
{
    struct profile_edit *edit = open_sample();
    (void)state;
    assert_int_equal(profile_edit_values(edit, shout, all, NULL), 2);
    expect(edit, "A.C:1:ALPHA 2 1/8; a.c:2:beta 1 2/0; a.c:3 1 16/0; | 5 of 6, 1 unlabelled | thread name 1; ");
    edit = open_sample();
    assert_int_equal(profile_edit_values(edit, shout, first, NULL), 1);
    expect(edit,
           "A.C:1:ALPHA 1 1/0; a.c:1:alpha 1 0/8; a.c:2:beta 1 2/0; a.c:3 1 16/0; | 5 of 6, 1 unlabelled | thread "
           "name 1; ");
    edit = open_sample();
    assert_int_equal(profile_edit_values(edit, nothing, first, NULL), 1);
    expect(edit, "a.c:1:alpha 1 0/8; a.c:2:beta 1 2/0; a.c:3 1 16/0; | 5 of 6, 2 unlabelled | thread name 1; ");
}

static void test_samples_dropped(void **state)
{
    struct profile_edit *edit = open_sample();
    (void)state;
    assert_int_equal(profile_edit_drop_samples(edit, first, NULL), 1);
    expect(edit, "a.c:1:alpha 1 0/8; a.c:2:beta 1 2/0; a.c:3 1 16/0; | 4 of 5, 1 unlabelled | ");
    edit = open_sample();
    assert_int_equal(profile_edit_drop_samples(edit, all, NULL), 5);
    expect(edit, "| 0 of 1, 0 unlabelled | ");
}

static void test_edits_follow_one_another(void **state)
{
    struct profile_edit *edit = open_sample();
    (void)state;
    profile_edit_values(edit, shout, all, NULL);
    assert_int_equal(profile_edit_values(edit, shout, all, NULL), 0);
    assert_int_equal(profile_edit_drop_samples(edit, first, NULL), 1);
    assert_int_equal(profile_edit_rename_key(edit, "k", first, NULL), 1);
    expect(edit, "A.C:1:ALPHA 1 0/8; a.c:3 1 16/0; | 4 of 5, 2 unlabelled | k 1; ");
}

/* A reader counts a sample with two lock names for both. */
static void test_two_names_on_one_sample(void **state)
{
    struct pprof_build *b = edit_build();
    struct buf bytes = {0};
    (void)state;
    pprof_build_lock(b, "a.c:1:alpha", 1, 0, 0, 0);
    pprof_build_label(b, "lock name", "a.c:2:beta");
    pprof_build_bytes(b, ENCODING_NONE, &bytes);
    struct profile_edit *edit = open_bytes(&bytes);
    assert_int_equal(profile_edit_values(edit, shout, all, NULL), 3);
    expect(edit, "A.C:1:ALPHA 3 2/8; a.c:2:beta 2 3/0; a.c:3 1 16/0; | 6 of 7, 1 unlabelled | thread name 1; ");
    edit = open_bytes(&bytes);
    assert_int_equal(profile_edit_drop_label(edit, all, NULL), 5);
    expect(edit, "| 6 of 7, 6 unlabelled | thread name 1; ");
    buf_fini(&bytes);
    pprof_build_free(b);
}

static void test_a_zero_byte_in_a_name(void **state)
{
    struct pprof_build *b = edit_build();
    struct buf bytes = {0}, said = {0};
    (void)state;
    pprof_build_lock(b, NULL, 1, 0, 0, 0);
    pprof_build_label_index(b, pprof_build_string(b, "lock name"), pprof_build_new_string(b, "x\0y", 3));
    pprof_build_bytes(b, ENCODING_NONE, &bytes);
    struct profile_edit *edit = open_bytes(&bytes);
    profile_edit_drop_samples(edit, first, NULL);
    profile_edit_drop_samples(edit, listing, &said);
    assert_non_null(strstr(said.data, "5=x\xEF\xBF\xBDy "));
    buf_fini(&bytes);
    buf_fini(&said);
    pprof_build_free(b);
    profile_edit_free(edit);
}

/* Field 99 of the profile and of a sample: what a later version of the format adds. */
static void test_unknown_fields_stay(void **state)
{
    struct buf sample = {0}, bytes = {0}, out = {0};
    (void)state;
    edit_build_bytes(ENCODING_NONE, &bytes);
    pprof_build_field(&sample, 2, "\x00\x01\x00\x00\x00", 5);
    pprof_build_field(&sample, 99, "inner later", 11);
    pprof_build_field(&bytes, 2, sample.data, sample.size);
    pprof_build_field(&bytes, 99, "outer later", 11);
    struct profile_edit *edit = open_bytes(&bytes);
    profile_edit_drop_label(edit, all, NULL);
    profile_edit_reorder_samples(edit, 1);
    profile_edit_reorder_strings(edit, 1);
    profile_edit_write(edit, ENCODING_NONE, &out);
    assert_non_null(memmem(out.data, out.size, "inner later", 11));
    assert_non_null(memmem(out.data, out.size, "outer later", 11));
    buf_fini(&sample);
    buf_fini(&bytes);
    buf_fini(&out);
    profile_edit_free(edit);
}

static void expect_refused(const void *bytes, size_t size, const struct profile_limits *limits, const char *wanted)
{
    struct profile_edit *edit = NULL;
    struct err e;
    assert_int_equal(profile_edit_open(bytes, size, limits, &edit, &e), -1);
    assert_null(edit);
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, wanted);
}

static void test_what_is_refused(void **state)
{
    static const struct profile_limits few = {.max_raw_size = 200, .max_names = 10};
    struct buf bytes = {0};
    (void)state;
    expect_refused("", 0, &profile_limits_default, "the file is empty");
    expect_refused("\x48\x01", 2, &profile_limits_default,
                   "offset 2: the end, and no string table: truncated, or no pprof");
    expect_refused("FLR\0\0\x02\0\x01", 8, &profile_limits_default, "Java Flight Recorder 2.1 can't be edited");
    expect_refused("\x1F\x8B\x08", 3, &profile_limits_default,
                   "offset 3: truncated: the gzip member that begins at offset 0 has no end");
    /* A mapping that is a number: profile_read does not look at it. */
    expect_refused("\x32\x00\x18\x01", 4, &profile_limits_default, "a field is not of its type, it can't be edited");
    edit_build_bytes(ENCODING_NONE, &bytes);
    char *wanted = mem_printf("%zu bytes, and the limit is 200", bytes.size);
    expect_refused(bytes.data, bytes.size, &few, wanted);
    free(wanted);
    buf_fini(&bytes);
}

/* Empty samples: two bytes each, and some eighty in memory. */
static void test_memory_is_bounded(void **state)
{
    static const struct profile_limits limits = {.max_raw_size = 100000, .max_names = 10};
    struct buf bytes = {0};
    (void)state;
    pprof_build_field(&bytes, 6, "", 0);
    while (bytes.size < 60000) {
        pprof_build_field(&bytes, 2, "", 0);
    }
    expect_refused(bytes.data, bytes.size, &limits, "more than 400000 bytes of memory to edit it, which is the limit");
    buf_fini(&bytes);
}

static void test_encoders(void **state)
{
    static const enum profile_encoding encodings[] = {ENCODING_GZIP, ENCODING_ZSTD, ENCODING_LZ4};
    static const size_t sizes[] = {0, 1, 1000, 300000};
    (void)state;
    for (size_t i = 0; i < 12; i++) {
        struct buf text = {0}, packed = {0}, again = {0}, out = {0};
        struct err e;
        while (text.size < sizes[i % 4]) {
            buf_printf(&text, "%zx", text.size * text.size % 1000003);
        }
        buf_add_str(&packed, "front");
        codec_encode(encodings[i / 4], text.data != NULL ? text.data : "", text.size, &packed);
        codec_encode(encodings[i / 4], text.data != NULL ? text.data : "", text.size, &again);
        assert_int_equal(again.size + 5, packed.size);
        assert_memory_equal(again.data, packed.data + 5, again.size);
        assert_int_equal(packed.data[packed.size], 0);
        assert_int_equal(codec_detect(again.data, again.size), encodings[i / 4]);
        assert_int_equal(codec_decode(encodings[i / 4], again.data, again.size, 1 << 20, &out, &e), 0);
        assert_int_equal(out.size, text.size);
        assert_true(text.size == 0 || memcmp(out.data, text.data, text.size) == 0);
        buf_fini(&text);
        buf_fini(&packed);
        buf_fini(&again);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_again_it_says_the_same),
        cmocka_unit_test(test_each_lock_sample_is_shown),
        cmocka_unit_test(test_who_is_asked),
        cmocka_unit_test(test_labels_dropped),
        cmocka_unit_test(test_keys_renamed),
        cmocka_unit_test(test_values_changed),
        cmocka_unit_test(test_samples_dropped),
        cmocka_unit_test(test_edits_follow_one_another),
        cmocka_unit_test(test_two_names_on_one_sample),
        cmocka_unit_test(test_a_zero_byte_in_a_name),
        cmocka_unit_test(test_unknown_fields_stay),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
