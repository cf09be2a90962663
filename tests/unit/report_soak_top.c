/* SPDX-License-Identifier: Apache-2.0 */
/* The live view of a soak: whole screens as files below tests/data/soak/, and what must hold for any size. */
#include "report/soak_top.h"

#include "report/text.h"
#include "report_expected.h"
#include "soak_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define AGE_MS 4000
#define RANDOM_RECORDS 20

static struct buf draw(const struct soak_record *r, size_t rows, size_t columns, const char *note)
{
    struct soak_screen screen = {.rows = rows, .columns = columns};
    struct buf b = {0};
    soak_top_draw(&screen, r, r->taken_at_ms + AGE_MS, note, &b);
    if (rows == 0)
        assert_int_equal(screen.drawn, 0);
    return b;
}

static void test_whole_screens(void **state)
{
    static const struct {
        const char *name;
        size_t rows, columns;
    } cases[] = {{"top", 24, 80}, {"top-narrow", 14, 50}, {"top-once", 0, 120}};
    struct soak_record r;
    (void)state;
    soak_bad(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = draw(&r, cases[i].rows, cases[i].columns, NULL);
        expect_data("soak", cases[i].name, "txt", &b);
        buf_fini(&b);
    }
    soak_record_fini(&r);
}

static void check_fits(const struct buf *b, size_t rows, size_t columns)
{
    const char *line = b->data;
    size_t lines = 0;
    if (strncmp(line, "\x1b[J", 3) == 0)
        line += 3;
    for (; *line; lines++) {
        size_t size = strcspn(line, "\n");
        char *copy = mem_strndup(line, size);
        if (text_columns(copy) >= columns)
            fail_msg("%zu of %zu columns: %s", text_columns(copy), columns, copy);
        free(copy);
        line += size + 1;
    }
    if (lines >= rows)
        fail_msg("%zu lines on %zu", lines, rows);
}

static void test_any_record_fits_any_terminal(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_RECORDS; seed++) {
        uint64_t dice_state = seed * 0x9E3779B97F4A7C15ULL;
        struct soak_record r;
        soak_random(&dice_state, &r);
        if (r.taken_at_ms > INT64_MAX / 2)
            r.taken_at_ms /= 2;
        for (size_t rows = 1; rows < 40; rows += rows < 12 ? 1 : 9)
            for (size_t columns = 2; columns < 200; columns += columns < 40 ? 7 : 40) {
                struct buf b = draw(&r, rows, columns, seed % 2 ? "a note" : NULL);
                check_fits(&b, rows, columns);
                buf_fini(&b);
            }
        soak_record_fini(&r);
    }
}

static void test_the_next_screen_is_drawn_over_the_last(void **state)
{
    struct soak_screen screen = {.rows = 24, .columns = 80};
    struct soak_record r;
    struct buf b = {0};
    (void)state;
    soak_good(&r);
    soak_top_draw(&screen, &r, r.taken_at_ms, NULL, &b);
    size_t drawn = screen.drawn, lines = 0;
    for (const char *at = b.data; *at; at++)
        lines += *at == '\n';
    assert_int_equal(drawn, lines);
    buf_clear(&b);
    soak_top_draw(&screen, &r, r.taken_at_ms, NULL, &b);
    char *up = mem_printf("\x1b[%zuF\x1b[J", drawn);
    assert_int_equal(strncmp(b.data, up, strlen(up)), 0);
    free(up);
    buf_fini(&b);
    soak_record_fini(&r);
}

static void test_who_takes_no_stock_seems_dead(void **state)
{
    /* Three stocktakings and ten seconds. */
    static const struct {
        int64_t every_ms, age_ms;
        bool ended, dead;
    } cases[] = {
        {60000, 190000, false, false}, {60000, 190001, false, true},   {60000, 1000000, true, false},
        {100, 13000, false, false},    {100, 13001, false, true},      {600000, 190001, false, true},
        {60000, -5000, false, false},  {600000, 190000, false, false},
    };
    struct soak_record r;
    (void)state;
    soak_good(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r.every_ms = cases[i].every_ms;
        r.ended = cases[i].ended;
        assert_true(soak_top_seems_dead(&r, r.taken_at_ms + cases[i].age_ms) == cases[i].dead);
    }
    soak_record_fini(&r);
}

static void test_the_second_line_says_how_it_is(void **state)
{
    struct soak_record r;
    (void)state;
    soak_good(&r);
    struct buf b = {0};
    struct soak_screen screen = {.columns = 80};
    soak_top_draw(&screen, &r, r.taken_at_ms + 300000, NULL, &b);
    assert_non_null(
        strstr(b.data, "\nNO NEWS for 00:05:00: it seems to be dead (locktrail soak --resume RUN goes on)\n"));
    buf_clear(&b);
    r.ended = r.interrupted = true;
    free(r.why_ended);
    r.why_ended = mem_strdup("SIGTERM");
    soak_top_draw(&screen, &r, r.taken_at_ms + 300000, "soak.json: gone", &b);
    assert_non_null(strstr(b.data, "\nENDED (interrupted): SIGTERM\n"));
    assert_non_null(strstr(b.data, "\nsoak.json: gone\n"));
    buf_fini(&b);
    soak_record_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_screens),
        cmocka_unit_test(test_any_record_fits_any_terminal),
        cmocka_unit_test(test_the_next_screen_is_drawn_over_the_last),
        cmocka_unit_test(test_who_takes_no_stock_seems_dead),
        cmocka_unit_test(test_the_second_line_says_how_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
