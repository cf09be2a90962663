/* SPDX-License-Identifier: Apache-2.0 */
#include "report/progress.h"

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
    struct progress *p;
    struct buf out;
};

static void begin(struct fixture *f, bool terminal, size_t rows)
{
    struct progress_options options = {.terminal = terminal, .rows = rows, .columns = 80};
    *f = (struct fixture){.p = progress_new(&options)};
}

static void end(struct fixture *f)
{
    progress_free(f->p);
    buf_fini(&f->out);
}

static void phase(struct fixture *f, double at, const char *who, const char *name, double done, uint64_t acquires)
{
    struct run_event event = {
        .kind = RUN_PHASE, .who = who, .phase = name, .done = done, .acquires = acquires, .elapsed_s = at};
    progress_event(f->p, &event, &f->out);
}

static void say(struct fixture *f, double at, enum run_event_kind kind, const char *who, const char *text)
{
    struct run_event event = {.kind = kind, .who = who, .text = text, .elapsed_s = at};
    progress_event(f->p, &event, &f->out);
}

static void expect(struct fixture *f, const char *text)
{
    assert_string_equal(f->out.data ? f->out.data : "", text);
    buf_clear(&f->out);
}

static void test_log_has_plain_lines(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, false, 24);
    say(&f, 0.5, RUN_PREPARING, "python", "virtual environment");
    say(&f, 1, RUN_CONTROL, "control", "");
    say(&f, 2, RUN_WORKER, "python.1.local", "started");
    phase(&f, 3, "python.1.local", "member", 0.25, 1500);
    say(&f, 4, RUN_PROBLEM, "python.1.local", "hung\x1b[2J");
    expect(&f, "    0.5 s  python: preparing: virtual environment\n"
               "    1.0 s  control: begins\n"
               "    2.0 s  python.1.local: started\n"
               "    3.0 s  python.1.local: member 25 %, 1500 acquires\n"
               "    4.0 s  python.1.local: problem: hung\\x1b[2J\n");
    end(&f);
}

/* One line for each worker in ten seconds, whatever it does. */
static void test_log_is_not_flooded(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, false, 24);
    for (int i = 0; i < 300; i++) {
        phase(&f, i / 10.0, "a", i % 2 ? "local" : "member", 0.5, 7);
        phase(&f, i / 10.0, "b", "member", 0.5, 7);
    }
    expect(&f, "    0.0 s  a: member 50 %, 7 acquires\n"
               "    0.0 s  b: member 50 %, 7 acquires\n"
               "   10.0 s  a: member 50 %, 7 acquires\n"
               "   10.0 s  b: member 50 %, 7 acquires\n"
               "   20.0 s  a: member 50 %, 7 acquires\n"
               "   20.0 s  b: member 50 %, 7 acquires\n");
    end(&f);
}

static void test_log_tells_the_end_of_each_phase_once(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, false, 24);
    phase(&f, 0, "a", "local", 0, 0);
    phase(&f, 1, "a", "local", 1, 40);
    phase(&f, 2, "a", "local", 1, 40);
    phase(&f, 3, "a", "member", 0.5, 60);
    phase(&f, 4, "a", "member", 1, 80);
    expect(&f, "    0.0 s  a: local 0 %, 0 acquires\n"
               "    1.0 s  a: local 100 %, 40 acquires\n"
               "    4.0 s  a: member 100 %, 80 acquires\n");
    end(&f);
}

static void test_terminal_redraws_in_place(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, true, 24);
    phase(&f, 1, "python.1.local", "member", 0.5, 1500);
    expect(&f, "\x1b[J"
               "python.1.local       member         [##########..........]  50 %  1500 acquires\n");
    phase(&f, 2, "python.1.local", "local", 0, 1600);
    expect(&f, "\x1b[1F\x1b[J"
               "python.1.local       member         [##########..........]  50 %  1500 acquires\n"
               "python.1.local       local          [....................]   0 %  1600 acquires\n");
    end(&f);
}

static void test_terminal_keeps_problems_above_the_block(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, true, 24);
    phase(&f, 1, "a", "member", 1, 5);
    buf_clear(&f.out);
    say(&f, 2, RUN_PROBLEM, "a", "hung");
    expect(&f, "\x1b[1F\x1b[J"
               "a: problem: hung\n"
               "\x1b[J"
               "a                    member         [####################] 100 %  5 acquires\n");
    end(&f);
}

/* Events that come faster than an eye follows are drawn later, and at the end for sure. */
static void test_terminal_draws_ten_times_a_second(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, true, 24);
    phase(&f, 1, "a", "member", 0.1, 1);
    buf_clear(&f.out);
    phase(&f, 1.05, "a", "member", 0.2, 2);
    expect(&f, "");
    progress_end(f.p, &f.out);
    expect(&f, "\x1b[1F\x1b[J"
               "a                    member         [####................]  20 %  2 acquires\n");
    end(&f);
}

/* However many workers there are, the block is lower than the terminal. */
static void test_terminal_is_never_full(void **state)
{
    (void)state;
    for (size_t rows = 1; rows < 12; rows++) {
        struct fixture f;
        begin(&f, true, rows);
        for (int i = 0; i < 300; i++) {
            char who[16];
            snprintf(who, sizeof who, "w%d", i % 20);
            if (i % 50 == 49)
                say(&f, i, RUN_OUTPUT, "python", "line");
            phase(&f, i, who, i < 150 ? "member" : "local", 0.5, 1);
            size_t lines = 0;
            char *last = strstr(f.out.data, "\x1b[J");
            for (char *next; (next = strstr(last + 1, "\x1b[J"));)
                last = next;
            for (const char *c = last; *c; c++)
                lines += *c == '\n';
            assert_true(lines <= (rows > 2 ? rows - 2 : 1));
            buf_clear(&f.out);
        }
        end(&f);
    }
}

static void test_terminal_says_how_many_are_hidden(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, true, 4);
    phase(&f, 1, "a", "member", 0, 0);
    phase(&f, 2, "b", "member", 0, 0);
    buf_clear(&f.out);
    phase(&f, 3, "c", "member", 0, 0);
    expect(&f, "\x1b[2F\x1b[J"
               "a                    member         [....................]   0 %  0 acquires\n"
               "and 2 more workers\n");
    end(&f);
}

/* pip's lines come and go below the block, and are gone when the run goes on. */
static void test_what_prepares_is_shown_in_one_line(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, true, 24);
    say(&f, 1, RUN_OUTPUT, "python", "Collecting ddtrace");
    say(&f, 2, RUN_OUTPUT, "python", "Installing");
    say(&f, 3, RUN_STATE, "run", "control");
    expect(&f, "\x1b[JCollecting ddtrace\n"
               "\x1b[1F\x1b[JInstalling\n"
               "\x1b[1F\x1b[Jrun: control\n\x1b[J");
    end(&f);
    begin(&f, false, 24);
    for (int i = 0; i < 30; i++)
        say(&f, i / 2.0, RUN_OUTPUT, "python", "Collecting ddtrace");
    expect(&f, "    0.0 s  python: Collecting ddtrace\n"
               "   10.0 s  python: Collecting ddtrace\n");
    end(&f);
}

/* Reading back asks every second or two; each answer takes the place of the one before. */
static void test_steps_of_a_state_are_shown_in_one_line(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, true, 24);
    say(&f, 1, RUN_STATE, "run", "reading back from store: 5 of 7 uploads");
    say(&f, 2, RUN_STATE, "run", "looking at the page of native.1.tee");
    say(&f, 3, RUN_STATE, "run", "closing");
    expect(&f, "\x1b[Jreading back from store: 5 of 7 uploads\n"
               "\x1b[1F\x1b[Jlooking at the page of native.1.tee\n"
               "\x1b[1F\x1b[Jrun: closing\n\x1b[J");
    end(&f);
    begin(&f, false, 24);
    say(&f, 1, RUN_STATE, "run", "reading back from store: 5 of 7 uploads");
    say(&f, 2, RUN_STATE, "run", "reading back from store: 5 of 7 uploads");
    say(&f, 3, RUN_STATE, "run", "reading back from store: 7 of 7 uploads");
    expect(&f, "    1.0 s  run: reading back from store: 5 of 7 uploads\n"
               "    3.0 s  run: reading back from store: 7 of 7 uploads\n");
    end(&f);
}

/* A worker that is left out is told of for good, though a colon is in it. */
static void test_other_states_stay(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, true, 24);
    say(&f, 1, RUN_STATE, "run", "python is left out: no index");
    expect(&f, "run: python is left out: no index\n\x1b[J");
    end(&f);
}

static void test_terminal_lines_are_cut(void **state)
{
    struct fixture f;
    char who[300];
    (void)state;
    memset(who, 'w', sizeof who - 1);
    who[sizeof who - 1] = '\0';
    begin(&f, true, 24);
    say(&f, 1, RUN_WORKER, who, who);
    char *line = strchr(f.out.data, 'w');
    line[strcspn(line, "\n")] = '\0';
    assert_int_equal(text_columns(line), 79);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_has_plain_lines),
        cmocka_unit_test(test_log_is_not_flooded),
        cmocka_unit_test(test_log_tells_the_end_of_each_phase_once),
        cmocka_unit_test(test_terminal_redraws_in_place),
        cmocka_unit_test(test_terminal_keeps_problems_above_the_block),
        cmocka_unit_test(test_terminal_draws_ten_times_a_second),
        cmocka_unit_test(test_terminal_is_never_full),
        cmocka_unit_test(test_terminal_says_how_many_are_hidden),
        cmocka_unit_test(test_what_prepares_is_shown_in_one_line),
        cmocka_unit_test(test_steps_of_a_state_are_shown_in_one_line),
        cmocka_unit_test(test_other_states_stay),
        cmocka_unit_test(test_terminal_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
