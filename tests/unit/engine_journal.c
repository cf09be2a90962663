/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that must not grow with time. */
#include "base/mem.h"
#include "engine/journal.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

struct fixture {
    uv_loop_t loop;
    char directory[64];
    struct disk *disk;
    struct journal journal;
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    strcpy(f->directory, "/tmp/locktrail-journal-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->disk = disk_new(&f->loop);
    journal_init(&f->journal, f->disk, f->directory);
    *state = f;
    return 0;
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bool closed = false;
    journal_fini(&f->journal);
    disk_close(f->disk, on_closed, &closed);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_int_equal(system(command), 0);
    free(command);
    free(f);
    return 0;
}

/* Events of some 120 bytes. */
static void write_events(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        struct json_out out = journal_begin(&f->journal, "tried");
        json_put_int(&out, "number", i);
        journal_end(&f->journal, &out, false);
        uv_run(&f->loop, UV_RUN_DEFAULT);
    }
}

/* How many files there are, and their bytes. */
static unsigned count_files(const struct fixture *f, uint64_t *bytes)
{
    DIR *listing = opendir(f->directory);
    unsigned count = 0;
    struct stat status;
    *bytes = 0;
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        assert_int_equal(fstatat(dirfd(listing), entry->d_name, &status, 0), 0);
        *bytes += (uint64_t)status.st_size;
    }
    closedir(listing);
    return count;
}

static void a_bounded_journal_keeps_to_its_bytes(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes;
    journal_bound(&f->journal, 8192);
    write_events(f, 20);
    assert_int_equal(count_files(f, &bytes), 1);
    write_events(f, 400);
    assert_int_equal(count_files(f, &bytes), 2);
    assert_in_range(bytes, 4096, 8192 + 512); /* a file ends with the line that fills it */
}

static void one_that_goes_on_takes_up_the_last_file(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes;
    journal_bound(&f->journal, 8192);
    write_events(f, 400);
    unsigned segment = f->journal.segment;
    assert_true(segment > 2);
    journal_fini(&f->journal);
    journal_init(&f->journal, f->disk, f->directory);
    journal_bound(&f->journal, 8192);
    assert_int_equal(f->journal.segment, segment);
    write_events(f, 400);
    assert_int_equal(count_files(f, &bytes), 2);
    assert_in_range(bytes, 4096, 8192 + 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bounded_journal_keeps_to_its_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_goes_on_takes_up_the_last_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
