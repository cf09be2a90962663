/* SPDX-License-Identifier: Apache-2.0 */
/* Shards as one record: the same as one machine's, whatever their order; what does not belong together is refused. */
#include "engine/matrix_record.h"

#include "matrix_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define SHARDS 4

static char directory[64], names[SHARDS + 3][96];
static const char *parts[SHARDS + 3];

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/locktrail-merge-XXXXXX");
    if (!mkdtemp(directory)) {
        return -1;
    }
    for (size_t i = 0; i < SHARDS + 3; i++) {
        snprintf(names[i], sizeof names[i], "%s/%zu", directory, i);
        parts[i] = names[i];
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return directory_remove(directory);
}

static void make_shards(void)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        directory_make(names[i], matrix_base, i + 1, SHARDS, NULL, i % 2 ? -1 : 1);
    }
}

/* All that a report is made of, as text. */
static char *text_of(const struct matrix_record *r)
{
    struct buf out = {0};
    buf_printf(&out, "%s %s %u/%u %d plan %s\n", r->matrix->path, r->matrix->hash, r->shard, r->shards, r->interrupted,
               r->plan);
    for (size_t i = 0; i < r->missing_count; i++) {
        buf_printf(&out, "missing %u\n", r->missing[i]);
    }
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        buf_printf(&out, "%d%d\n", r->chosen[i], r->mine[i]);
        for (size_t j = 0; j < r->cells[i].attempt_count; j++) {
            matrix_attempt_write(&r->matrix->cells[i], &r->cells[i].attempts[j], &out);
        }
    }
    return buf_steal(&out);
}

static char *merged(const char *const *from, size_t count)
{
    struct matrix_record *r = NULL;
    struct err e;
    if (matrix_record_merge(from, count, &r, &e) < 0) {
        fail_msg("%s", e.text);
    }
    char *text = text_of(r);
    matrix_record_free(r);
    return text;
}

static void assert_refused(const char *const *from, size_t count, const char *expected)
{
    struct matrix_record *r = NULL;
    struct err e;
    assert_int_equal(matrix_record_merge(from, count, &r, &e), -1);
    assert_string_equal(e.text, expected);
    assert_int_equal(e.code, ERR_INPUT);
}

static void test_a_merge_of_all_is_the_whole(void **state)
{
    (void)state;
    make_shards();
    directory_make(names[SHARDS], matrix_base, 1, 1, NULL, 1);
    struct matrix_record *whole = NULL;
    struct err e;
    assert_int_equal(matrix_record_load(names[SHARDS], &whole, &e), 0);
    char *expected = text_of(whole), *got = merged(parts, SHARDS);
    assert_string_equal(got, expected);
    const char *const turned[SHARDS] = {parts[2], parts[0], parts[3], parts[1]};
    char *other = merged(turned, SHARDS);
    assert_string_equal(other, expected);
    free(expected);
    free(got);
    free(other);
    matrix_record_free(whole);
}

/* Machines may have the file in different places; the first shard's counts, whoever is named first. */
static void test_the_order_of_the_directories_decides_nothing(void **state)
{
    (void)state;
    make_shards();
    struct matrix_record *r = NULL;
    struct err e;
    assert_int_equal(matrix_record_load(names[0], &r, &e), 0);
    free(r->matrix->path);
    r->matrix->path = mem_strdup("elsewhere/matrix.yaml");
    assert_int_equal(matrix_record_write_head(r, names[0], &e), 0);
    matrix_record_free(r);
    const char *const turned[SHARDS] = {parts[2], parts[3], parts[1], parts[0]};
    char *one = merged(parts, SHARDS), *other = merged(turned, SHARDS);
    assert_memory_equal(one, "elsewhere/matrix.yaml ", 22);
    assert_string_equal(one, other);
    free(one);
    free(other);
}

static void test_missing_shards_are_named_and_may_come_later(void **state)
{
    (void)state;
    make_shards();
    struct matrix_record *some = NULL;
    struct err e;
    const char *const two[] = {parts[3], parts[1]};
    assert_int_equal(matrix_record_merge(two, 2, &some, &e), 0);
    assert_int_equal(some->shard, 0);
    assert_int_equal(some->shards, SHARDS);
    assert_int_equal(some->missing_count, 2);
    assert_int_equal(some->missing[0], 1);
    assert_int_equal(some->missing[1], 3);
    /* The merge is a directory of its own, and goes on with the rest. */
    assert_int_equal(matrix_record_write(some, parts[1], names[SHARDS], &e), 0);
    struct matrix_record *back = NULL;
    assert_int_equal(matrix_record_load(names[SHARDS], &back, &e), 0);
    char *a = text_of(some), *b = text_of(back);
    assert_string_equal(a, b);
    const char *const rest[] = {parts[0], parts[SHARDS], parts[2]};
    char *later = merged(rest, 3), *all = merged(parts, SHARDS);
    assert_string_equal(later, all);
    free(a);
    free(b);
    free(later);
    free(all);
    matrix_record_free(some);
    matrix_record_free(back);
}

static void test_a_whole_merge_reads_back_as_one_that_was_never_cut(void **state)
{
    (void)state;
    make_shards();
    struct matrix_record *r = NULL, *back = NULL;
    struct err e;
    assert_int_equal(matrix_record_merge(parts, SHARDS, &r, &e), 0);
    assert_int_equal(matrix_record_write(r, parts[0], names[SHARDS], &e), 0);
    assert_int_equal(matrix_record_load(names[SHARDS], &back, &e), 0);
    char *a = text_of(r), *b = text_of(back);
    assert_string_equal(a, b);
    free(a);
    free(b);
    matrix_record_free(r);
    matrix_record_free(back);
}

static void test_a_shard_twice(void **state)
{
    (void)state;
    make_shards();
    directory_make(names[4], matrix_base, 2, SHARDS, NULL, -1);
    char *once = merged(parts, SHARDS), *twice = merged(parts, SHARDS + 1);
    assert_string_equal(once, twice);
    free(once);
    free(twice);
    struct matrix_record *r = NULL;
    struct err e;
    struct buf line = {0};
    assert_int_equal(matrix_record_load(names[1], &r, &e), 0);
    size_t cell = 0;
    while (!r->mine[cell]) {
        cell++;
    }
    r->cells[cell].attempts[0].duration_ms++;
    matrix_attempt_write(&r->matrix->cells[cell], &r->cells[cell].attempts[0], &line);
    buf_add_char(&line, '\n');
    directory_file(names[4], "cells.jsonl", line.data);
    char *expected = mem_printf("%s and %s both have the cell %s (%s), with other results: leave one out", names[1],
                                names[4], r->matrix->cells[cell].id, r->matrix->cells[cell].key);
    assert_refused(parts, SHARDS + 1, expected);
    free(expected);
    buf_fini(&line);
    matrix_record_free(r);
}

static void test_what_does_not_belong_together_is_refused(void **state)
{
    (void)state;
    int64_t durations[12];
    for (size_t i = 0; i < 12; i++) {
        durations[i] = 1000 << i;
    }
    make_shards();
    directory_make(names[4], "name: m\nscenario: base.yaml\naxes: {threads: [2, 4]}\n", 2, 2, NULL, 1);
    directory_make(names[5], matrix_base, 1, 2, NULL, 1);
    directory_make(names[6], matrix_base, 2, SHARDS, durations, 1);
    const char *const others[] = {parts[0], parts[4]}, *const counts[] = {parts[0], parts[5]},
                      *const plans[] = {parts[0], parts[6]};
    char *expected = mem_printf("%s and %s are of different matrices: merge takes shards of one", names[0], names[4]);
    assert_refused(others, 2, expected);
    free(expected);
    expected = mem_printf("%s is one of 4 shards, %s one of 2: merge takes shards of one sharding", names[0], names[5]);
    assert_refused(counts, 2, expected);
    free(expected);
    expected = mem_printf("%s and %s were cut with different --durations, so cells are twice in them or not at all: "
                          "give all shards the same file",
                          names[0], names[6]);
    assert_refused(plans, 2, expected);
    free(expected);
    assert_refused(parts, 0, "there is no directory to merge");
}

static void test_choices_must_be_the_same(void **state)
{
    (void)state;
    make_shards();
    static const char *const only[] = {"build=g1"};
    struct matrix_record *r;
    struct err e;
    assert_int_equal(matrix_record_new(directory_matrix(matrix_base), only, 1, 2, SHARDS, NULL, &r, &e), 0);
    assert_int_equal(matrix_record_write_head(r, names[1], &e), 0);
    matrix_record_free(r);
    char *expected =
        mem_printf("%s and %s were run with different --only: merge takes shards of one choice", names[0], names[1]);
    assert_refused(parts, SHARDS, expected);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_merge_of_all_is_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_order_of_the_directories_decides_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_shards_are_named_and_may_come_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_whole_merge_reads_back_as_one_that_was_never_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_shard_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_does_not_belong_together_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_choices_must_be_the_same, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
