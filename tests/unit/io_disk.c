/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/disk.h"
#include "io/disk_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    uv_loop_t loop;
    char directory[64];
    int descriptors;
    struct disk *disk;
    bool quick;       /* puts are without fsync */
    struct buf told;  /* "name:status " for each callback, in order */
    struct err error; /* of the last failure that was told */
    bool closed;
};

struct note {
    struct fixture *f;
    const char *name;
};

static int count_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL) {
        count++;
    }
    closedir(d);
    return count;
}

/* The first loop makes libuv open what it never closes (a pipe for signals), which is no leak of ours. */
static int warm_up(void **state)
{
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    return uv_loop_close(&loop);
}

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    alarm(60);
    signal(SIGXFSZ, SIG_IGN);
    strcpy(f->directory, "/tmp/locktrail-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->descriptors = count_descriptors();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->disk = disk_new(&f->loop);
    *state = f;
    return 0;
}

static void on_closed(void *data)
{
    struct fixture *f = data;
    f->closed = true;
}

/* Writes what waits and closes; may be called once in a test, else tear-down does it. */
static void finish(struct fixture *f)
{
    if (f->disk != NULL) {
        disk_close(f->disk, on_closed, f);
        assert_false(f->closed);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        assert_true(f->closed);
        f->disk = NULL;
    }
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    finish(f);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(count_descriptors(), f->descriptors);
    assert_int_equal(system(command), 0);
    free(command);
    buf_fini(&f->told);
    free(f);
    alarm(0);
    return 0;
}

static void on_done(int status, const struct err *e, void *data)
{
    struct note *note = data;
    struct fixture *f = note->f;
    buf_printf(&f->told, "%s:%d ", note->name, status);
    assert_int_equal(status != 0, e != NULL);
    if (e != NULL) {
        f->error = *e;
    }
    free(note);
}

static struct note *note_new(struct fixture *f, const char *name)
{
    struct note *note = mem_calloc(1, sizeof *note);
    note->f = f;
    note->name = name;
    return note;
}

static char *path_in(const struct fixture *f, const char *name)
{
    return mem_printf("%s/%s", f->directory, name);
}

static void put(struct fixture *f, const char *name, const char *text)
{
    struct buf bytes = {0};
    char *path = path_in(f, name);
    buf_add_str(&bytes, text);
    (f->quick ? disk_put_quick : disk_put)(f->disk, path, &bytes, on_done, note_new(f, name));
    assert_null(bytes.data);
    assert_int_equal(bytes.size, 0);
    free(path);
}

static void append(struct fixture *f, const char *name, const char *text, bool told)
{
    char *path = path_in(f, name);
    disk_append(f->disk, path, text, strlen(text), false, told ? on_done : NULL, told ? note_new(f, name) : NULL);
    free(path);
}

static void check_file(const struct fixture *f, const char *name, const char *text)
{
    struct buf bytes = {0};
    struct err e = {0};
    char *path = path_in(f, name);
    assert_int_equal(disk_read_now(path, 1 << 24, &bytes, &e), 0);
    buf_add_str(&bytes, "");
    assert_int_equal(bytes.size, strlen(text));
    assert_memory_equal(bytes.size > 0 ? bytes.data : "", text, bytes.size);
    buf_fini(&bytes);
    free(path);
}

static unsigned count_files(const struct fixture *f)
{
    unsigned count = 0;
    DIR *d = opendir(f->directory);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(d);
    return count;
}

/* --- put --- */

static void a_file_is_put_whole(void **state)
{
    struct fixture *f = *state;
    put(f, "file", "hello");
    finish(f);
    check_file(f, "file", "hello");
    assert_string_equal(f->told.data, "file:0 ");
    assert_int_equal(count_files(f), 1);
}

static void an_empty_file_can_be_put(void **state)
{
    struct fixture *f = *state;
    put(f, "file", "");
    finish(f);
    check_file(f, "file", "");
}

static void missing_directories_are_made(void **state)
{
    struct fixture *f = *state;
    put(f, "a/b/c/file", "deep");
    append(f, "d/e/file", "deeper", true);
    finish(f);
    check_file(f, "a/b/c/file", "deep");
    check_file(f, "d/e/file", "deeper");
}

static void quick_puts_are_whole_too(void **state)
{
    struct fixture *f = *state;
    f->quick = true;
    put(f, "a/file", "a longer text");
    put(f, "a/file", "new");
    put(f, "a/file/below", "x");
    finish(f);
    check_file(f, "a/file", "new");
    assert_string_equal(f->told.data, "a/file:0 a/file:0 a/file/below:-1 ");
    assert_int_equal(count_files(f), 1);
}

static void the_last_of_several_puts_stays(void **state)
{
    struct fixture *f = *state;
    put(f, "file", "a longer text");
    put(f, "file", "new");
    finish(f);
    check_file(f, "file", "new");
    assert_string_equal(f->told.data, "file:0 file:0 ");
    assert_int_equal(count_files(f), 1);
}

static void a_put_that_fails_leaves_the_old_file(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, small;
    put(f, "file", "old");
    uv_run(&f->loop, UV_RUN_DEFAULT);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &small);
    put(f, "file", "more than ten bytes");
    put(f, "after", "ten bytes.");
    uv_run(&f->loop, UV_RUN_DEFAULT);
    setrlimit(RLIMIT_FSIZE, &old);
    char *text = mem_printf("cannot write %s/file: File too large", f->directory);
    assert_string_equal(f->error.text, text);
    assert_int_equal(f->error.code, ERR_WRITE);
    assert_string_equal(f->told.data, "file:0 file:-1 after:0 ");
    check_file(f, "file", "old");
    check_file(f, "after", "ten bytes.");
    assert_int_equal(count_files(f), 2); /* the temporary one is gone */
    assert_null(disk_error(f->disk));
    free(text);
}

static void a_path_below_a_file_is_an_error(void **state)
{
    struct fixture *f = *state;
    put(f, "file", "x");
    put(f, "file/below", "y");
    finish(f);
    char *text = mem_printf("cannot write %s/file/below: Not a directory", f->directory);
    assert_string_equal(f->error.text, text);
    assert_string_equal(f->told.data, "file:0 file/below:-1 ");
    free(text);
}

static void a_link_in_place_of_the_temporary_file_is_not_followed(void **state)
{
    struct fixture *f = *state;
    char *victim = path_in(f, "victim"), *temporary = mem_printf("%s/file.%d.tmp", f->directory, (int)getpid());
    assert_int_equal(symlink(victim, temporary), 0);
    put(f, "file", "x");
    finish(f);
    assert_string_equal(f->told.data, "file:-1 ");
    assert_int_equal(access(victim, F_OK), -1);
    free(victim);
    free(temporary);
}

/* --- remove --- */

static void remove_file(struct fixture *f, const char *name)
{
    char *path = path_in(f, name);
    disk_remove(f->disk, path, on_done, note_new(f, name));
    free(path);
}

static void a_file_is_removed_behind_its_write(void **state)
{
    struct fixture *f = *state;
    f->quick = true;
    put(f, "file", "hello");
    remove_file(f, "file");
    remove_file(f, "none");
    put(f, "other", "stays");
    finish(f);
    assert_string_equal(f->told.data, "file:0 file:0 none:0 other:0 ");
    assert_int_equal(count_files(f), 1);
    check_file(f, "other", "stays");
}

static void what_cannot_be_removed_is_told(void **state)
{
    struct fixture *f = *state;
    char *path = path_in(f, "directory"), *text = mem_printf("can't remove %s: Is a directory", path);
    assert_int_equal(mkdir(path, 0700), 0);
    remove_file(f, "directory");
    finish(f);
    assert_string_equal(f->told.data, "directory:-1 ");
    assert_int_equal(f->error.code, ERR_WRITE);
    assert_string_equal(f->error.text, text);
    free(text);
    free(path);
}

/* --- append --- */

static void appends_follow_one_another(void **state)
{
    struct fixture *f = *state;
    struct buf expected = {0};
    for (int i = 0; i < 1000; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %d\n", i);
        buf_add_str(&expected, line);
        append(f, "journal", line, i % 7 == 0);
        append(f, i % 3 == 0 ? "other" : "journal", "x\n", i % 5 == 0);
        buf_add_str(&expected, i % 3 == 0 ? "" : "x\n");
    }
    finish(f);
    check_file(f, "journal", expected.data);
    buf_fini(&expected);
}

static void appends_go_to_the_end_of_a_file_that_is_there(void **state)
{
    struct fixture *f = *state;
    put(f, "file", "old ");
    append(f, "file", "new", true);
    finish(f);
    check_file(f, "file", "old new");
    assert_string_equal(f->told.data, "file:0 file:0 ");
}

/* More files than are kept open, in turn. */
static void more_files_than_stay_open_are_all_written(void **state)
{
    struct fixture *f = *state;
    char name[32];
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < DISK_OPEN_MAX + 10; i++) {
            snprintf(name, sizeof name, "file.%d", i);
            append(f, name, turn == 0 ? "a" : turn == 1 ? "b" : "c", false);
        }
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(count_descriptors() <= f->descriptors + DISK_OPEN_MAX + 8);
    finish(f);
    for (int i = 0; i < DISK_OPEN_MAX + 10; i++) {
        snprintf(name, sizeof name, "file.%d", i);
        check_file(f, name, "abc");
    }
}

static void an_append_that_fails_half_way_is_taken_back(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, small;
    append(f, "journal", "12345\n", true);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &small);
    append(f, "journal", "too long a line\n", true);
    append(f, "journal", "abc\n", true);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_string_equal(f->told.data, "journal:0 journal:-1 journal:0 ");
    check_file(f, "journal", "12345\nabc\n");
}

/* --- errors without a callback --- */

static void the_first_failure_without_callback_is_kept(void **state)
{
    struct fixture *f = *state;
    assert_null(disk_error(f->disk));
    disk_append(f->disk, "/dev/full", "x", 1, false, NULL, NULL);
    disk_append(f->disk, "/dev/null/file", "x", 1, false, NULL, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_non_null(disk_error(f->disk));
    assert_string_equal(disk_error(f->disk)->text, "cannot write /dev/full: No space left on device");
    disk_flush(f->disk, on_done, note_new(f, "flush"));
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_string_equal(f->told.data, "flush:-1 ");
    assert_string_equal(f->error.text, "cannot write /dev/full: No space left on device");
}

/* --- order and bounds --- */

static void callbacks_come_in_the_order_of_the_orders(void **state)
{
    struct fixture *f = *state;
    put(f, "a", "1");
    append(f, "b", "2", true);
    disk_flush(f->disk, on_done, note_new(f, "flush"));
    put(f, "c", "3");
    assert_int_equal(f->told.size, 0);
    finish(f);
    assert_string_equal(f->told.data, "a:0 b:0 flush:0 c:0 ");
}

static void on_done_put_more(int status, const struct err *e, void *data)
{
    struct fixture *f = data;
    assert_int_equal(status, 0);
    assert_null(e);
    put(f, "second", "2");
    disk_flush(f->disk, on_done, note_new(f, "flush"));
}

static void orders_may_be_given_from_a_callback(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    char *path = path_in(f, "first");
    buf_add_str(&bytes, "1");
    disk_put(f->disk, path, &bytes, on_done_put_more, f);
    put(f, "third", "3");
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_string_equal(f->told.data, "third:0 second:0 flush:0 ");
    check_file(f, "second", "2");
    free(path);
}

static void what_waits_is_counted(void **state)
{
    struct fixture *f = *state;
    size_t piece = DISK_PENDING_MAX / 8;
    assert_int_equal(disk_pending(f->disk), 0);
    for (int i = 0; i < 8; i++) {
        struct buf bytes = {0};
        assert_false(disk_full(f->disk));
        buf_reserve(&bytes, piece);
        bytes.size = piece; /* never written: /dev/null/x can't be opened */
        memset(bytes.data, 0, 1);
        disk_put(f->disk, "/dev/null/x", &bytes, NULL, NULL);
        assert_int_equal(disk_pending(f->disk), (size_t)(i + 1) * piece);
    }
    assert_true(disk_full(f->disk));
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(disk_pending(f->disk), 0);
    assert_false(disk_full(f->disk));
    append(f, "file", "four", false);
    append(f, "file", "five!", false);
    append(f, "file", "six", false); /* is written with the one before it */
    assert_int_equal(disk_pending(f->disk), 12);
    finish(f);
    check_file(f, "file", "fourfive!six");
}

/* --- without a loop --- */

static void reading_is_bounded_and_names_the_file(void **state)
{
    struct fixture *f = *state;
    struct buf out = {0};
    struct err e;
    char *path = path_in(f, "file"), *text;
    assert_int_equal(disk_write_now(path, "12345", 5, &e), 0);
    assert_int_equal(disk_read_now(path, 5, &out, &e), 0);
    assert_string_equal(out.data, "12345");
    assert_int_equal(disk_read_now(path, 4, &out, &e), -1);
    text = mem_printf("cannot read %s: it has more than the 4 bytes allowed", path);
    assert_string_equal(e.text, text);
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(out.data, "12345");
    assert_int_equal(disk_read_now("/no/such/file", 4, &out, &e), -1);
    assert_string_equal(e.text, "cannot read /no/such/file: No such file or directory");
    assert_int_equal(e.code, ERR_MISSING);
    assert_int_equal(disk_read_now("/dev", 4, &out, &e), -1);
    assert_string_equal(e.text, "cannot read /dev: Is a directory");
    assert_int_equal(e.code, ERR_INPUT);
    assert_int_equal(disk_read_now("/dev/zero", 100000, &out, &e), -1);
    assert_string_equal(e.text, "cannot read /dev/zero: it has more than the 100000 bytes allowed");
    buf_fini(&out);
    free(text);
    free(path);
}

static void directories_are_made_with_their_parents(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct stat info;
    char *path = path_in(f, "a/b//c/");
    assert_int_equal(disk_make_dir(path, &e), 0);
    assert_int_equal(disk_make_dir(path, &e), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_int_equal(disk_make_dir("/dev/null/x", &e), -1);
    assert_string_equal(e.text, "cannot make the directory /dev/null/x: Not a directory");
    assert_int_equal(disk_make_dir("/dev/null", &e), -1);
    assert_string_equal(e.text, "cannot make the directory /dev/null: Not a directory");
    assert_int_equal(e.code, ERR_WRITE);
    assert_int_equal(disk_make_dir("", &e), -1);
    assert_string_equal(e.text, "cannot make the directory : No such file or directory");
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_put_whole),
        TEST(an_empty_file_can_be_put),
        TEST(missing_directories_are_made),
        TEST(quick_puts_are_whole_too),
        TEST(the_last_of_several_puts_stays),
        TEST(a_put_that_fails_leaves_the_old_file),
        TEST(a_path_below_a_file_is_an_error),
        TEST(a_link_in_place_of_the_temporary_file_is_not_followed),
        TEST(a_file_is_removed_behind_its_write),
        TEST(what_cannot_be_removed_is_told),
        TEST(appends_follow_one_another),
        TEST(appends_go_to_the_end_of_a_file_that_is_there),
        TEST(more_files_than_stay_open_are_all_written),
        TEST(an_append_that_fails_half_way_is_taken_back),
        TEST(the_first_failure_without_callback_is_kept),
        TEST(callbacks_come_in_the_order_of_the_orders),
        TEST(orders_may_be_given_from_a_callback),
        TEST(what_waits_is_counted),
        TEST(reading_is_bounded_and_names_the_file),
        TEST(directories_are_made_with_their_parents),
    };
    return cmocka_run_group_tests_name("io_disk", tests, warm_up, NULL);
}
