/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tap_table.h"

#include "base/mem.h"
#include "report/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct tapping_names names;
    struct tapping_counts counts;
    struct tap_view view;
    struct tap_screen screen;
    struct buf out;
};

static void begin(struct fixture *f, size_t rows, size_t columns)
{
    *f = (struct fixture){.screen = {.rows = rows, .columns = columns}};
    f->view = (struct tap_view){.listens = "http://127.0.0.1:8126",
                                .to = "http://127.0.0.1:8127",
                                .counts = &f->counts,
                                .names = &f->names,
                                .directory = "/tmp/tap",
                                .now_ms = 100000};
}

static void end(struct fixture *f)
{
    tapping_names_fini(&f->names);
    buf_fini(&f->out);
}

static void see(struct fixture *f, const char *label, uint64_t samples, int64_t now_ms)
{
    char text[512];
    snprintf(text, sizeof text, "%s", label);
    struct profile_name name = {.label = text, .samples = samples, .acquires = 2 * samples};
    struct profile p = {.names = &name, .name_count = 1};
    tapping_names_add(&f->names, &p, now_ms);
}

static void expect(struct fixture *f, const char *text)
{
    assert_string_equal(f->out.data ? f->out.data : "", text);
    buf_clear(&f->out);
}

static void test_table_is_redrawn_in_place(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 24, 80);
    f.counts = (struct tapping_counts){.uploads = 1, .profiles = 1, .read = 1, .kept = 1, .disk_bytes = 2048};
    see(&f, "app.py:2", 5, 99000);
    see(&f, "app.py:1:cart_lock", 700, 40000);
    see(&f, "app.py:2", 5, 99000);
    tap_table_draw(&f.screen, &f.view, &f.out);
    static const char block[] = "http://127.0.0.1:8126 \xE2\x86\x92 http://127.0.0.1:8127\n"
                                "1 upload; 1 of 1 profile read; 1 copy, 2.0 KiB\n"
                                "\n"
                                "LOCK NAME                                       SAMPLES ACQUIRES UPLOADS   SEEN\n"
                                "app.py:1:cart_lock                                  700     1400       1   60 s\n"
                                "app.py:2                                             10       20       2    now\n";
    char *first = mem_printf("\x1b[J%s", block), *second = mem_printf("\x1b[6F\x1b[J%s", block);
    expect(&f, first);
    tap_table_draw(&f.screen, &f.view, &f.out);
    expect(&f, second);
    free(first);
    free(second);
    end(&f);
}

/* However many names there are, and whatever the terminal, no line breaks and the block stays below its height. */
static void test_table_fits_any_terminal(void **state)
{
    (void)state;
    for (size_t rows = 1; rows < 40; rows += 3) {
        for (size_t columns = 1; columns < 120; columns += 7) {
            struct fixture f;
            begin(&f, rows, columns);
            f.view.note = "a note that is longer than some of the terminals";
            for (int i = 0; i < 60; i++) {
                char label[128];
                snprintf(label, sizeof label, "a_file_with_a_long_name.py:%d:a_lock_with_a_long_name_%d\x1b[2J", i, i);
                see(&f, label, (uint64_t)i * 1000000007u, 0);
            }
            tap_table_draw(&f.screen, &f.view, &f.out);
            size_t lines = 0;
            char *at = f.out.data ? strstr(f.out.data, "\x1b[J") : NULL;
            for (at = at ? at + 3 : NULL; at && *at; lines++) {
                size_t size = strcspn(at, "\n");
                char *line = mem_strndup(at, size);
                assert_true(text_columns(line) < columns);
                assert_null(strchr(line, '\x1b'));
                free(line);
                at += size + 1;
            }
            assert_true(lines <= 2 || lines < rows);
            end(&f);
        }
    }
}

static void test_table_says_how_many_are_hidden(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 12, 80);
    for (int i = 0; i < 10; i++) {
        char label[32];
        snprintf(label, sizeof label, "app.py:%d", i);
        see(&f, label, (uint64_t)i, 0);
    }
    tap_table_draw(&f.screen, &f.view, &f.out);
    assert_non_null(strstr(f.out.data, "\napp.py:9 "));
    assert_non_null(strstr(f.out.data, "\napp.py:7 "));
    assert_null(strstr(f.out.data, "\napp.py:6 "));
    assert_non_null(strstr(f.out.data, "\nand 7 more names\n"));
    end(&f);
}

/* A made-up ledger: a lock under two labels of its site, one that is right, one that was never seen. */
static void test_states_of_a_ledger(void **state)
{
    struct fixture f;
    struct err e;
    struct ledger ledger = {0};
    static const char *const ids[] = {"m/cart_lock", "m/order_lock", "m/far_lock"};
    (void)state;
    begin(&f, 24, 80);
    for (unsigned i = 0; i < 3; i++) {
        char file[] = "app.py", worker[] = "w", pattern[] = "m", id[32], name[32];
        snprintf(id, sizeof id, "%s", ids[i]);
        snprintf(name, sizeof name, "%s", ids[i] + 2);
        struct lock lock = {
            .worker = worker, .id = id, .name = name, .pattern = pattern, .file = file, .line = i + 1, .counted = true};
        assert_int_equal(ledger_add_lock(&ledger, &lock, &e), i);
    }
    char with[] = "app.py:1:cart_lock", without[] = "app.py:1", order[] = "app.py:2:order_lock",
         cart_name[] = "cart_lock", none[] = "", order_name[] = "order_lock";
    struct seen_as cart[] = {{.label = without, .name = none}, {.label = with, .name = cart_name}};
    struct seen_as right[] = {{.label = order, .name = order_name}};
    struct trail_lock locks[3] = {{.lock = 0, .lost = true}, {.lock = 1}, {.lock = 2}};
    locks[0].stages[STAGE_UPLOAD] = (struct stage_result){.state = STATE_GENERIC, .seen_as = cart, .seen_count = 2};
    locks[1].stages[STAGE_UPLOAD] = (struct stage_result){.state = STATE_EXACT, .seen_as = right, .seen_count = 1};
    locks[2].stages[STAGE_UPLOAD] = (struct stage_result){.state = STATE_UNDERSAMPLED};
    struct trail_result result = {.locks = locks, .lock_count = 3, .verdict = VERDICT_PARTIAL};
    f.view.result = &result;
    f.view.ledger = &ledger;
    see(&f, without, 9, 100000);
    see(&f, with, 8, 100000);
    see(&f, order, 7, 100000);
    see(&f, "threading.py:563:_lock", 6, 100000);
    tap_table_draw(&f.screen, &f.view, &f.out);
    assert_non_null(strstr(f.out.data,
                           "LOCK NAME                           SAMPLES ACQUIRES UPLOADS   SEEN  STATE\n"
                           "app.py:1                                  9       18       1    now  generic\n"
                           "app.py:1:cart_lock                        8       16       1    now  exact\n"
                           "app.py:2:order_lock                       7       14       1    now  exact\n"
                           "threading.py:563:_lock                    6       12       1    now  undeclared\n"
                           "not seen yet, 1: m/far_lock\n"));
    buf_clear(&f.out);
    tap_summary(&f.view, false, &f.out);
    assert_string_equal(f.out.data, "uploads    0 uploads; 0 of 0 profiles read; 0 copies, 0 B\n"
                                    "exact      m/order_lock\n"
                                    "generic    m/cart_lock\n"
                                    "not seen   m/far_lock\n"
                                    "\n"
                                    "VERDICT    partial\n"
                                    "1 of 3 locks is not rightly named when it comes here: in the program's collector\n"
                                    "or on the way to this tap. 1 of 3 was not seen: rarely taken, not sampled yet,\n"
                                    "or lost.\n"
                                    "directory  /tmp/tap\n");
    ledger_fini(&ledger);
    end(&f);
}

static void test_exit_codes(void **state)
{
    struct fixture f;
    struct trail_result result = {.verdict = VERDICT_INCONCLUSIVE};
    (void)state;
    begin(&f, 24, 80);
    assert_int_equal(tap_exit_code(&f.view), 0);
    f.counts.refused = 1;
    assert_int_equal(tap_exit_code(&f.view), 1);
    f.view.result = &result;
    assert_int_equal(tap_exit_code(&f.view), 4);
    result.verdict = VERDICT_SUCCESS;
    assert_int_equal(tap_exit_code(&f.view), 1);
    f.counts.refused = 0;
    assert_int_equal(tap_exit_code(&f.view), 0);
    f.counts.failed = 1;
    assert_int_equal(tap_exit_code(&f.view), 1);
    end(&f);
}

/* Names beyond the limit are counted, and those before it still grow. */
static void test_names_are_bounded(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 24, 80);
    for (int i = 0; i < TAPPING_NAMES_MAX + 5; i++) {
        char label[32];
        snprintf(label, sizeof label, "app.py:%d", i);
        see(&f, label, 1, 0);
    }
    see(&f, "app.py:0", 41, 0);
    assert_int_equal(f.names.count, TAPPING_NAMES_MAX);
    assert_int_equal(f.names.further, 5);
    assert_int_equal(f.names.items[0].samples, 42);
    tap_table_draw(&f.screen, &f.view, &f.out);
    assert_non_null(strstr(f.out.data, "and more than 9985 more names (TAPPING_NAMES_MAX)\n"));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_redrawn_in_place),
        cmocka_unit_test(test_table_fits_any_terminal),
        cmocka_unit_test(test_table_says_how_many_are_hidden),
        cmocka_unit_test(test_states_of_a_ledger),
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
