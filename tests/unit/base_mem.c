/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_nothing_is_an_allocation_too(void **state)
{
    void *none = mem_calloc(0, 0), *grown = mem_realloc(NULL, 0, 8);
    (void)state;
    assert_non_null(none);
    assert_non_null(grown);
    grown = mem_realloc(grown, 0, 8);
    assert_non_null(grown);
    free(none);
    free(grown);
}

static void test_strings_are_copied(void **state)
{
    char *whole = mem_strdup("lock"), *part = mem_strndup("lock", 2), *over = mem_strndup("a", 9);
    char *printed = mem_printf("%s:%d", "w.py", 3);
    (void)state;
    assert_string_equal(whole, "lock");
    assert_string_equal(part, "lo");
    assert_string_equal(over, "a");
    assert_string_equal(printed, "w.py:3");
    assert_null(mem_strdup_null(NULL));
    char *copy = mem_strdup_null(whole);
    assert_string_equal(copy, "lock");
    mem_free_secret(copy);
    mem_free_secret(NULL);
    free(whole);
    free(part);
    free(over);
    free(printed);
}

static void test_grow_keeps_what_is_there(void **state)
{
    size_t *array = NULL, capacity = 0, allocations = 0;
    (void)state;
    for (size_t i = 0; i < 10000; i++) {
        size_t before = capacity;
        array = mem_grow(array, i, &capacity, sizeof *array);
        assert_true(capacity > i);
        allocations += capacity != before;
        array[i] = i;
    }
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(array[i], i);
    }
    assert_in_range(allocations, 1, 16); /* doubling, not one by one */
    free(array);
}

static void overflow_realloc(void)
{
    mem_realloc(NULL, SIZE_MAX / 2, 3);
}

static void overflow_calloc(void)
{
    mem_calloc(SIZE_MAX / 2, 3);
}

static void overflow_buffer(void)
{
    struct buf b = {0};
    buf_add_char(&b, 'x');
    buf_reserve(&b, SIZE_MAX - 1);
}

/* Runs `f` in a child; its standard error into `text`. Returns the wait status. */
static int run_dying(void (*f)(void), char *text, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        f();
        _exit(0);
    }
    close(ends[1]);
    size_t have = 0;
    for (ssize_t got; have < size - 1 && (got = read(ends[0], text + have, size - 1 - have)) > 0;) {
        have += (size_t)got;
    }
    text[have] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_out_of_memory_ends_with_a_message(void **state)
{
    static void (*const cases[])(void) = {overflow_realloc, overflow_calloc, overflow_buffer};
    char text[4096];
    (void)state;
    /* A sanitizer's allocator ends the program before we do, with a text of its own. */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = run_dying(cases[i], text, sizeof text);
        assert_true(status != 0);
        assert_true(strstr(text, "out of memory") != NULL || strstr(text, "Sanitizer") != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_an_allocation_too),
        cmocka_unit_test(test_strings_are_copied),
        cmocka_unit_test(test_grow_keeps_what_is_there),
        cmocka_unit_test(test_out_of_memory_ends_with_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
