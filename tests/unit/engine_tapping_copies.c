/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_copies.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    uv_loop_t loop;
    char directory[64];
    struct disk *disk;
    struct tapping_counts counts;
    struct tapping_copies *copies;
    unsigned notes;
};

static void on_note(const char *text, void *data)
{
    struct fixture *f = data;
    (void)text;
    f->notes++;
}

static void begin(struct fixture *f, uint64_t max_disk, uint64_t keep)
{
    *f = (struct fixture){.directory = "/tmp/locktrail-copies-XXXXXX"};
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->disk = disk_new(&f->loop);
    struct tapping_copies_options options = {.loop = &f->loop,
                                             .disk = f->disk,
                                             .directory = f->directory,
                                             .max_disk = max_disk,
                                             .keep = keep,
                                             .counts = &f->counts,
                                             .note = on_note,
                                             .data = f};
    f->copies = tapping_copies_new(&options);
}

static void on_closed(void *data)
{
    (void)data;
}

static void end(struct fixture *f)
{
    disk_close(f->disk, on_closed, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(tapping_copies_pending(f->copies), 0);
    tapping_copies_free(f->copies);
    char *command = mem_printf("rm -r %s", f->directory);
    assert_int_equal(system(command), 0);
    free(command);
}

static uint64_t put(struct fixture *f, unsigned content, size_t size)
{
    char hash[HASH_TEXT_SIZE];
    struct buf bytes = {0};
    buf_reserve(&bytes, size);
    for (size_t i = 0; i < size; i++)
        buf_add_char(&bytes, 'x');
    snprintf(hash, sizeof hash, "%064x", content * 2654435761u);
    uint64_t number = tapping_copies_find(f->copies, hash);
    if (number == 0)
        number = tapping_copies_put(f->copies, hash, &bytes);
    buf_fini(&bytes);
    return number;
}

static bool there(struct fixture *f, uint64_t number, const char *kind)
{
    char *path = mem_printf("%s/copies/%llu.%s", f->directory, (unsigned long long)number, kind);
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

static void work(struct fixture *f)
{
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

/* More than the index has room for at first, with hashes that share their buckets. */
static void test_content_is_found_again(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 1 << 20, 1000);
    for (unsigned i = 1; i <= 300; i++)
        assert_int_equal(put(&f, i, 10), i);
    for (unsigned i = 1; i <= 300; i++)
        assert_int_equal(put(&f, i, 10), i);
    work(&f);
    assert_int_equal(f.counts.kept, 300);
    assert_int_equal(f.counts.disk_bytes, 3000);
    assert_true(there(&f, 1, "pprof") && there(&f, 300, "pprof"));
    end(&f);
}

static void test_what_was_removed_is_kept_anew(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 1 << 20, 100);
    for (unsigned i = 1; i <= 250; i++) {
        put(&f, i, 10);
        work(&f);
    }
    assert_int_equal(f.counts.kept, 100);
    assert_int_equal(f.counts.removed, 150);
    assert_int_equal(f.counts.disk_bytes, 1000);
    assert_int_equal(f.notes, 1);
    assert_false(there(&f, 150, "pprof"));
    assert_true(there(&f, 151, "pprof"));
    assert_int_equal(put(&f, 151, 10), 151);
    assert_int_equal(put(&f, 150, 10), 251);
    end(&f);
}

/* The last one stays even where it is larger than all the room. */
static void test_room(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 1000, 100);
    put(&f, 1, 400);
    put(&f, 2, 400);
    work(&f);
    assert_int_equal(f.counts.removed, 0);
    struct buf text = {0};
    buf_add_str(&text, "{}\n");
    tapping_copies_describe(f.copies, 1, &text);
    work(&f);
    assert_int_equal(f.counts.disk_bytes, 803);
    assert_true(there(&f, 1, "json"));
    put(&f, 3, 5000);
    work(&f);
    assert_false(there(&f, 1, "pprof") || there(&f, 1, "json") || there(&f, 2, "pprof"));
    assert_true(there(&f, 3, "pprof"));
    assert_int_equal(f.counts.disk_bytes, 5000);
    buf_add_str(&text, "{}\n");
    tapping_copies_describe(f.copies, 1, &text); /* comes too late, and leaves nothing */
    work(&f);
    assert_false(there(&f, 1, "json"));
    end(&f);
}

/* A copy that can't be written is no copy: the same content is tried again. */
static void test_what_can_not_be_written(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 1 << 20, 100);
    char *path = mem_printf("%s/copies", f.directory);
    fclose(fopen(path, "w")); /* a file where the folder should be */
    assert_int_equal(put(&f, 1, 10), 1);
    work(&f);
    assert_int_equal(f.counts.kept, 0);
    assert_int_equal(f.counts.not_kept, 1);
    assert_int_equal(f.counts.disk_bytes, 0);
    assert_non_null(tapping_copies_error(f.copies));
    unlink(path);
    assert_int_equal(put(&f, 1, 10), 2);
    work(&f);
    assert_int_equal(f.counts.kept, 1);
    assert_int_equal(f.notes, 2);
    free(path);
    end(&f);
}

static void test_lines_begin_anew(void **state)
{
    struct fixture f;
    struct buf line = {0};
    (void)state;
    begin(&f, 1, 100); /* a MiB of lines is the least, in two files */
    buf_reserve(&line, 1 << 17);
    for (size_t i = 0; i < (1 << 17); i++)
        buf_add_char(&line, i + 1 < (1 << 17) ? 'x' : '\n');
    for (int i = 0; i < 10; i++) {
        tapping_copies_line(f.copies, &line);
        work(&f);
    }
    static const struct {
        const char *name;
        bool there;
    } files[] = {{"exchanges.jsonl", false}, {"exchanges.2.jsonl", true}, {"exchanges.3.jsonl", true}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = mem_printf("%s/%s", f.directory, files[i].name);
        assert_int_equal(access(path, F_OK) == 0, files[i].there);
        free(path);
    }
    assert_int_equal(f.counts.disk_bytes, 6 << 17);
    buf_fini(&line);
    end(&f);
}

/* The copy of a body of 100 MB waits for the disk; the line about it must not be missing for that. */
static void test_a_large_copy_keeps_no_line_out(void **state)
{
    struct fixture f;
    struct buf line = {0};
    (void)state;
    begin(&f, (uint64_t)1 << 30, 100);
    put(&f, 1, 3 * TAPPING_PENDING_MAX);
    buf_add_str(&line, "{}\n");
    tapping_copies_line(f.copies, &line);
    work(&f);
    char *path = mem_printf("%s/exchanges.jsonl", f.directory);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(f.notes, 0);
    free(path);
    buf_fini(&line);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_is_found_again),
        cmocka_unit_test(test_what_was_removed_is_kept_anew),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_what_can_not_be_written),
        cmocka_unit_test(test_lines_begin_anew),
        cmocka_unit_test(test_a_large_copy_keeps_no_line_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
