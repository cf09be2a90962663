/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix files: which cells they have, what each sets, and which are chosen. */
#include "matrix_text.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD "name: m\nscenario: base.yaml\n"

static struct matrix *good(const char *text)
{
    struct buf said = {0};
    struct matrix *m = read_matrix(text, strlen(text), matrix_scenario, &said);
    if (m == NULL) {
        fail_msg("%s", said.data);
    }
    buf_fini(&said);
    return m;
}

/* Every cell as "KEY\n" and its overrides as "  PATH=VALUE\n". */
static void assert_cells(const char *text, const char *expected)
{
    struct matrix *m = good(text);
    struct buf got = {0};
    for (size_t i = 0; i < m->cell_count; i++) {
        size_t count;
        struct scenario_override *overrides = matrix_cell_overrides(m, &m->cells[i], &count);
        buf_printf(&got, "%s\n", m->cells[i].key);
        for (size_t j = 0; j < count; j++) {
            buf_printf(&got, "  %s=%s\n", overrides[j].path, overrides[j].value);
        }
        free(overrides);
    }
    assert_string_equal(got.data, expected);
    buf_fini(&got);
    matrix_free(m);
}

static void test_what_axes_stand_for(void **state)
{
    (void)state;
    static const struct {
        const char *axes, *cells;
    } cases[] = {
        {"{}", "seed=1\n"},
        {"{threads: [4]}", "threads=4 seed=1\n  threads=4\n"},
        {"{ddtrace: [4.16.0]}", "ddtrace=4.16.0 seed=1\n  workers.py.version=4.16.0\n  workers.old.version=4.16.0\n"},
        {"{build: [g1]}", "build=g1 seed=1\n  workers.c.build=g1\n"},
        {"{capture_pct: [50]}", "capture_pct=50 seed=1\n  workers.c.capture_pct=50\n  workers.py.capture_pct=50\n"
                                "  workers.old.capture_pct=50\n"},
        {"{inspect_dir: [false]}",
         "inspect_dir=false seed=1\n  workers.py.inspect_dir=false\n  workers.old.inspect_dir=false\n"},
        {"{packages: [[requests, flask]]}", "packages=requests,flask seed=1\n  workers.py.packages=[requests, flask]\n"
                                            "  workers.old.packages=[requests, flask]\n"},
        {"{packages: [[]]}", "packages=none seed=1\n  workers.py.packages=[]\n  workers.old.packages=[]\n"},
        {"{agent: [trace-agent]}", "agent=trace-agent seed=1\n  agents=[trace-agent]\n"},
        {"{agent: [none]}", "agent=none seed=1\n  agents=[]\n"},
        {"{fault: [none]}", "fault=none seed=1\n  faults=[]\n"},
        {"{backend: [store]}", "backend=store seed=1\n  backend=store\n"},
        {"{workers.py.environment.A: [\"1\", x y]}", "workers.py.environment.A=1 seed=1\n"
                                                     "  workers.py.environment.A=\"1\"\n"
                                                     "workers.py.environment.A=\"x y\" seed=1\n"
                                                     "  workers.py.environment.A=\"x y\"\n"},
        {"{cores: {path: workers.c.count, values: [2]}}", "cores=2 seed=1\n  workers.c.count=2\n"},
        {"{lang: {path: workers.py.environment.LANG, values: [german: de_DE.UTF-8]}}",
         "lang=german seed=1\n  workers.py.environment.LANG=de_DE.UTF-8\n"},
        {"{setup: [plain, wild: {threads: 3, workers.c.build: g1}]}",
         "setup=plain seed=1\nsetup=wild seed=1\n  threads=3\n  workers.c.build=g1\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0};
        buf_printf(&text, HEAD "axes: %s\n", cases[i].axes);
        assert_cells(text.data, cases[i].cells);
        buf_fini(&text);
    }
}

static void test_a_fault_stands_in_a_list(void **state)
{
    (void)state;
    assert_cells(HEAD "axes:\n  backend: [store]\n"
                      "  fault: [drop: {mechanism: label_dropped, at: upload, locks: [a, \"b c\"]}]\n",
                 "backend=store fault=drop seed=1\n  backend=store\n"
                 "  faults=[{mechanism: label_dropped, at: upload, locks: [a, \"b c\"]}]\n");
}

static void test_the_last_axis_is_the_fastest_and_includes_come_last(void **state)
{
    (void)state;
    assert_cells(HEAD "axes: {threads: [2, 4], build: [O2g, g1]}\nexclude: [{threads: 4, build: g*}]\n"
                      "include: [{build: stripped}, {threads: 8, build: g1}]\nrepeat: 2\nseed: 7\n",
                 "threads=2 build=O2g seed=7\n  threads=2\n  workers.c.build=O2g\n"
                 "threads=2 build=O2g seed=8\n  threads=2\n  workers.c.build=O2g\n"
                 "threads=2 build=g1 seed=7\n  threads=2\n  workers.c.build=g1\n"
                 "threads=2 build=g1 seed=8\n  threads=2\n  workers.c.build=g1\n"
                 "threads=4 build=O2g seed=7\n  threads=4\n  workers.c.build=O2g\n"
                 "threads=4 build=O2g seed=8\n  threads=4\n  workers.c.build=O2g\n"
                 "build=stripped seed=7\n  workers.c.build=stripped\n"
                 "build=stripped seed=8\n  workers.c.build=stripped\n"
                 "threads=8 build=g1 seed=7\n  threads=8\n  workers.c.build=g1\n"
                 "threads=8 build=g1 seed=8\n  threads=8\n  workers.c.build=g1\n");
}

static void test_values_are_ordered_by_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *axes, *labels;
        enum axis_order order;
    } cases[] = {
        {"{ddtrace: [4.16.0, 3.9.1, 4.0.0rc1, 3.17.3]}", "3.9.1 3.17.3 4.0.0rc1 4.16.0 ", AXIS_VERSIONS},
        {"{capture_pct: [100, 1, 10]}", "1 10 100 ", AXIS_NUMBERS},
        {"{duration: [1m, 2s, 90s]}", "2s 1m 90s ", AXIS_NUMBERS},
        {"{intake.max_body: [1MiB, 64KiB]}", "64KiB 1MiB ", AXIS_NUMBERS},
        {"{build: [stripped, O2g, g1]}", "stripped O2g g1 ", AXIS_WORDS},
        {"{x: {path: threads, order: words, values: [8, 2]}}", "8 2 ", AXIS_WORDS},
        {"{x: {path: workers.py.interpreter, order: versions, values: [\"3.12\": python3.12, \"3.9\": python3.9]}}",
         "3.9 3.12 ", AXIS_VERSIONS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0}, labels = {0};
        buf_printf(&text, HEAD "axes: %s\n", cases[i].axes);
        struct matrix *m = good(text.data);
        for (size_t j = 0; j < m->axes[0].value_count; j++) {
            buf_printf(&labels, "%s ", m->axes[0].values[j].label);
        }
        assert_string_equal(labels.data, cases[i].labels);
        assert_int_equal(m->axes[0].order, cases[i].order);
        matrix_free(m);
        buf_fini(&text);
        buf_fini(&labels);
    }
}

static void test_keys_of_the_file_are_taken(void **state)
{
    (void)state;
    struct matrix *m = good(HEAD "description: why\naxes: {}\nretries: 5\ncpus: 0.5\nmemory: 2GiB\ntimeout: 3m\n");
    assert_string_equal(m->name, "m");
    assert_string_equal(m->description, "why");
    assert_string_equal(m->scenario, "base.yaml");
    assert_int_equal(m->retries, 5);
    assert_true(m->cpus == 0.5);
    assert_int_equal(m->memory, 2147483648);
    assert_int_equal(m->timeout_ms, 180000);
    matrix_free(m);
}

static void test_a_value_may_be_wrong_alone_and_right_beside_another(void **state)
{
    (void)state;
    struct matrix *m = good(HEAD "axes:\n  backend: [none, store]\n"
                                 "  fault: [none, drop: {mechanism: label_dropped, at: upload}]\n"
                                 "exclude: [{backend: none, fault: drop}]\n");
    assert_int_equal(m->cell_count, 3);
    matrix_free(m);
}

/* --- ids and hashes --------------------------------------------------------------------------------------------- */

/* The cell of `m` with this id, or NULL. */
static const struct matrix_cell *find_id(const struct matrix *m, const char *id)
{
    for (size_t i = 0; i < m->cell_count; i++) {
        if (strcmp(m->cells[i].id, id) == 0) {
            return &m->cells[i];
        }
    }
    return NULL;
}

static void test_ids_stay_when_axes_and_values_change_places(void **state)
{
    (void)state;
    struct matrix *a = good(HEAD "axes: {threads: [2, 4, 8], build: [O2g, g1], launcher: [auto]}\nrepeat: 3\n");
    struct matrix *b =
        good("name: other\nscenario: base.yaml\naxes: {launcher: [ddtrace-run, auto], build: [split, g1, O2g], "
             "threads: [8, 4, 2, 16]}\nrepeat: 5\n");
    assert_int_equal(a->cell_count, 18);
    for (size_t i = 0; i < a->cell_count; i++) {
        assert_int_equal(strlen(a->cells[i].id), MATRIX_ID_DIGITS);
        assert_non_null(find_id(b, a->cells[i].id));
        assert_ptr_equal(find_id(a, a->cells[i].id), &a->cells[i]);
    }
    matrix_free(a);
    matrix_free(b);
}

static void test_the_hash_is_of_what_decides_the_cells(void **state)
{
    (void)state;
    static const char base[] = HEAD "axes: {threads: [2, 4]}\n";
    static const struct {
        const char *text;
        bool same;
    } cases[] = {
        {"# a comment\n" HEAD "axes:\n  threads:\n    - 4\n    - 2\n", true},
        {HEAD "description: x\naxes: {threads: [2, 4]}\ncpus: 2\nmemory: 1GiB\ntimeout: 1m\n", true},
        {HEAD "axes: {threads: [2, 5]}\n", false},
        {HEAD "axes: {threads: [2, 4]}\nseed: 2\n", false},
        {HEAD "axes: {threads: [2, 4]}\nrepeat: 2\n", false},
        {HEAD "axes: {threads: [2, 4]}\nretries: 1\n", false},
        {HEAD "axes: {t: {path: threads, values: [2, 4]}}\n", false},
        {HEAD "axes: {threads: [2, 4: 8]}\n", false},
    };
    struct matrix *a = good(base);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct matrix *b = good(cases[i].text);
        assert_int_equal(strcmp(a->hash, b->hash) == 0, cases[i].same);
        matrix_free(b);
    }
    struct buf said = {0};
    struct matrix *c =
        read_matrix(base, strlen(base), "name: base\nworkers: {c: {runtime: native}}\nphases: [global]\n", &said);
    assert_non_null(c);
    assert_string_not_equal(a->hash, c->hash);
    matrix_free(c);
    matrix_free(a);
}

/* Random axes over environment variables: as many cells as the product says, each once. */
static void test_the_product_is_complete(void **state)
{
    (void)state;
    uint64_t dice = 0x9E3779B97F4A7C15u;
    for (int round = 0; round < 30; round++) {
        struct buf text = {0};
        size_t product = 1, axes = 1 + (size_t)(dice >> 60) % 4;
        buf_add_str(&text, HEAD "axes:\n");
        for (size_t i = 0; i < axes; i++) {
            size_t values = 1 + (size_t)((dice = dice * 6364136223846793005u + 1442695040888963407u) >> 40) % 6;
            product *= values;
            buf_printf(&text, "  workers.c.environment.V%zu: [", i);
            for (size_t j = 0; j < values; j++) {
                buf_printf(&text, "%sv%zu", j ? ", " : "", j);
            }
            buf_add_str(&text, "]\n");
        }
        struct matrix *m = good(text.data);
        assert_int_equal(m->cell_count, product);
        for (size_t i = 0; i < m->cell_count; i++) {
            assert_ptr_equal(find_id(m, m->cells[i].id), &m->cells[i]);
        }
        matrix_free(m);
        buf_fini(&text);
    }
}

/* --- filters ---------------------------------------------------------------------------------------------------- */

#define FILTERED HEAD "axes: {ddtrace: [3.17.3, 4.0.0, 4.16.0], build: [O2g, g1]}\nrepeat: 2\n"

static void test_filters_choose_cells(void **state)
{
    (void)state;
    static const struct {
        const char *filters[4];
        size_t chosen;
    } cases[] = {
        {{0}, 12},
        {{"ddtrace=4.*"}, 8},
        {{"ddtrace=4.*", "build=g1"}, 4},
        {{"ddtrace=3.17.3", "ddtrace=4.0.0"}, 8},
        {{"seed=2"}, 6},
        {{"seed=2", "build=[Og]*", "ddtrace=4.16.0"}, 2},
    };
    struct matrix *m = good(FILTERED);
    bool chosen[12];
    struct err e;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = 0, got = 0;
        while (cases[i].filters[count]) {
            count++;
        }
        assert_int_equal(matrix_filter(m, cases[i].filters, count, chosen, &e), 0);
        for (size_t j = 0; j < m->cell_count; j++) {
            got += chosen[j];
        }
        assert_int_equal(got, cases[i].chosen);
    }
    char *id = NULL;
    assert_true(asprintf(&id, "id=%s", m->cells[5].id) > 0);
    assert_int_equal(matrix_filter(m, (const char *const[]){id}, 1, chosen, &e), 0);
    for (size_t j = 0; j < m->cell_count; j++) {
        assert_int_equal(chosen[j], j == 5);
    }
    free(id);
    matrix_free(m);
}

static void test_wrong_filters_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *text;
    } cases[] = {
        {"ddtrace", "ddtrace is not of the form AXIS=GLOB, as in ddtrace=4.*"},
        {"=4", "=4 is not of the form AXIS=GLOB, as in ddtrace=4.*"},
        {"ddtrce=4.*", "matrix.yaml has no axis ddtrce, did you mean ddtrace?"},
        {"x=4.*", "matrix.yaml has no axis x, expected ddtrace, build, seed or id"},
        {"ddtrace=5.*", "no cell of matrix.yaml has ddtrace=5.*"},
    };
    struct matrix *m = good(FILTERED);
    bool chosen[12];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e;
        assert_int_equal(matrix_filter(m, &cases[i].filter, 1, chosen, &e), -1);
        assert_int_equal(e.code, ERR_USAGE);
        assert_string_equal(e.text, cases[i].text);
    }
    matrix_free(m);
}

static void test_the_keys_are_described(void **state)
{
    (void)state;
    struct buf out = {0};
    matrix_describe_keys(&out);
    assert_non_null(strstr(out.data,
                           "retries                         a whole number from 0 to 100; default 2; how often a "
                           "cell that is no success is run again, to see whether it is flaky\n"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_axes_stand_for),
        cmocka_unit_test(test_a_fault_stands_in_a_list),
        cmocka_unit_test(test_the_last_axis_is_the_fastest_and_includes_come_last),
        cmocka_unit_test(test_values_are_ordered_by_what_they_are),
        cmocka_unit_test(test_keys_of_the_file_are_taken),
        cmocka_unit_test(test_a_value_may_be_wrong_alone_and_right_beside_another),
        cmocka_unit_test(test_ids_stay_when_axes_and_values_change_places),
        cmocka_unit_test(test_the_hash_is_of_what_decides_the_cells),
        cmocka_unit_test(test_the_product_is_complete),
        cmocka_unit_test(test_filters_choose_cells),
        cmocka_unit_test(test_wrong_filters_are_refused),
        cmocka_unit_test(test_the_keys_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
