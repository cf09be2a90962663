/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen of a matrix while it runs: bytes for a log and for a terminal. */
#include "commands/matrix_progress.h"

#include "matrix_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const char two_cells[] = "name: m\nscenario: base.yaml\naxes: {threads: [2, 4]}\nretries: 1\n";

struct fixture {
    struct matrix_record *record;
    struct matrix_progress progress;
    struct buf out;
};

static void begin(struct fixture *f, bool terminal, size_t columns)
{
    struct err e;
    *f = (struct fixture){.progress = {.terminal = terminal, .columns = columns}};
    assert_int_equal(matrix_record_new(directory_matrix(two_cells), NULL, 0, 1, 1, NULL, &f->record, &e), 0);
}

static void end(struct fixture *f)
{
    matrix_record_free(f->record);
    buf_fini(&f->out);
}

static void expect(struct fixture *f, const char *bytes)
{
    assert_string_equal(f->out.data ? f->out.data : "", bytes);
    buf_clear(&f->out);
}

/* An attempt of the first or second cell ends and is recorded. */
static void ended(struct fixture *f, size_t cell, enum verdict verdict, const char *conclusion, size_t running,
                  size_t left)
{
    struct matrix_cell_record *c = &f->record->cells[cell];
    c->attempts = mem_grow(c->attempts, c->attempt_count, &c->attempt_capacity, sizeof *c->attempts);
    struct matrix_attempt *a = &c->attempts[c->attempt_count++];
    *a = (struct matrix_attempt){.number = (unsigned)c->attempt_count,
                                 .verdict = verdict,
                                 .duration_ms = 1234,
                                 .conclusion = mem_strdup(conclusion)};
    matrix_progress_event(&f->progress, f->record, cell, a, running, left, &f->out);
}

static void test_a_log_has_a_line_for_each_attempt(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, false, 80);
    matrix_progress_begin(&f.progress, f.record);
    matrix_progress_event(&f.progress, f.record, 0, NULL, 1, 1, &f.out);
    expect(&f, "");
    matrix_progress_note(&f.progress, "makes an environment\x1B[2J", &f.out);
    expect(&f, "makes an environment\\x1b[2J\n");
    ended(&f, 0, VERDICT_SUCCESS, "All is well.", 1, 0);
    expect(&f, "1/2 success threads=2 seed=1 (1.2 s)\n");
    ended(&f, 1, VERDICT_FAILURE, "No\nname.", 0, 0);
    expect(&f, "1/2 failure threads=4 seed=1 (1.2 s): No name.\n");
    ended(&f, 1, VERDICT_SUCCESS, "All is well.", 0, 0);
    expect(&f, "2/2 success threads=4 seed=1 (1.2 s, attempt 2)\n");
    matrix_progress_end(&f.progress, &f.out);
    expect(&f, "");
    end(&f);
}

static void test_a_terminal_has_a_last_line_that_moves(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, true, 80);
    matrix_progress_begin(&f.progress, f.record);
    matrix_progress_event(&f.progress, f.record, 0, NULL, 1, 1, &f.out);
    expect(&f, "0 of 2 cells, 1 running, 1 waiting");
    ended(&f, 0, VERDICT_SUCCESS, "", 0, 1);
    expect(&f, "\r\x1B[K1/2 success threads=2 seed=1 (1.2 s)\n1 of 2 cells, 0 running, 1 waiting");
    ended(&f, 1, VERDICT_ERROR, "", 0, 0);
    buf_clear(&f.out);
    ended(&f, 1, VERDICT_ERROR, "", 0, 0);
    expect(
        &f,
        "\r\x1B[K2/2 error threads=4 seed=1 (1.2 s, attempt 2)\n2 of 2 cells, 1 not a success, 0 running, 0 waiting");
    matrix_progress_end(&f.progress, &f.out);
    expect(&f, "\r\x1B[K");
    end(&f);
}

static void test_the_last_line_is_cut_to_the_terminal(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, true, 12);
    matrix_progress_begin(&f.progress, f.record);
    matrix_progress_event(&f.progress, f.record, 0, NULL, 1, 1, &f.out);
    expect(&f, "0 of 2 cell");
    end(&f);
}

static void test_what_had_ended_is_counted(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, true, 80);
    ended(&f, 0, VERDICT_FAILURE, "", 0, 0);
    ended(&f, 0, VERDICT_FAILURE, "", 0, 0);
    f.progress = (struct matrix_progress){.terminal = true, .columns = 80};
    buf_clear(&f.out);
    matrix_progress_begin(&f.progress, f.record);
    matrix_progress_event(&f.progress, f.record, 1, NULL, 1, 0, &f.out);
    expect(&f, "1 of 2 cells, 1 not a success, 1 running, 0 waiting");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_log_has_a_line_for_each_attempt),
        cmocka_unit_test(test_a_terminal_has_a_last_line_that_moves),
        cmocka_unit_test(test_the_last_line_is_cut_to_the_terminal),
        cmocka_unit_test(test_what_had_ended_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
