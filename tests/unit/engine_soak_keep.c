/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_keep.h"

#include "base/json.h"
#include "base/mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    uv_loop_t loop;
    char directory[64];
    struct disk *disk;
    struct soak_record record;
    struct soak_keep *keep;
    char *paths[STAGE_COUNT];
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    alarm(60);
    strcpy(f->directory, "/tmp/locktrail-keep-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->disk = disk_new(&f->loop);
    *state = f;
    return 0;
}

static void begin(struct fixture *f, uint64_t quota)
{
    struct err e = {0};
    f->keep = soak_keep_new(f->disk, f->directory, quota, &f->record, &e);
    assert_string_equal(e.text, "");
    assert_non_null(f->keep);
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void on_flushed(int status, const struct err *e, void *data)
{
    (void)status, (void)e;
    *(bool *)data = true;
}

static void flush(struct fixture *f)
{
    bool done = false;
    disk_flush(f->disk, on_flushed, &done);
    while (!done)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static void free_paths(struct fixture *f)
{
    for (size_t s = 0; s < STAGE_COUNT; s++) {
        free(f->paths[s]);
        f->paths[s] = NULL;
    }
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bool closed = false;
    soak_keep_free(f->keep);
    disk_close(f->disk, on_closed, &closed);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    soak_record_fini(&f->record);
    free_paths(f);
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_int_equal(system(command), 0);
    free(command);
    free(f);
    return 0;
}

/* Descriptions of 20 bytes and profiles of `size` at upload and, where `agent`, at the agent. */
static struct soak_copy_set make_set(const char *instance, size_t size, bool agent)
{
    static char bytes[1 << 16];
    struct soak_copy_set set = {.instance = instance};
    memset(bytes, 'x', sizeof bytes);
    assert_true(size <= sizeof bytes);
    for (enum stage s = STAGE_UPLOAD; s <= (agent ? STAGE_AGENT : STAGE_UPLOAD); s++) {
        set.stages[s].bytes = bytes;
        set.stages[s].size = size;
        set.stages[s].description = "{\n  \"size\": \"good\"\n}\n";
    }
    return set;
}

static void keep_loss(struct fixture *f, const char *instance, size_t size)
{
    struct soak_copy_set set = make_set(instance, size, true);
    set.number = soak_keep_last(f->keep, instance) + 1;
    free_paths(f);
    soak_keep_loss(f->keep, &set, f->paths);
}

static void keep_sample(struct fixture *f, const char *instance, size_t size)
{
    struct soak_copy_set set = make_set(instance, size, true);
    set.number = soak_keep_last(f->keep, instance) + 1;
    soak_keep_sample(f->keep, &set);
}

/* Files below copies/STAGE and their bytes. */
static size_t count_files(const struct fixture *f, enum stage stage, uint64_t *bytes)
{
    char *path = mem_printf("%s/copies/%s", f->directory, stage_name(stage));
    DIR *d = opendir(path);
    size_t count = 0;
    struct dirent *entry;
    struct stat status;
    while (d && (entry = readdir(d))) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        assert_int_equal(fstatat(dirfd(d), entry->d_name, &status, 0), 0);
        *bytes += (uint64_t)status.st_size;
    }
    if (d)
        closedir(d);
    free(path);
    return count;
}

/* With the rest of their last blocks. */
static uint64_t bytes_on_disk(struct fixture *f)
{
    uint64_t bytes = 0;
    flush(f);
    size_t files = count_files(f, STAGE_UPLOAD, &bytes) + count_files(f, STAGE_AGENT, &bytes);
    return bytes + files * SOAK_COPY_BLOCK;
}

/* What the record says is what lies there. */
static void expect_on_disk(struct fixture *f)
{
    uint64_t bytes = 0;
    flush(f);
    size_t files = count_files(f, STAGE_UPLOAD, &bytes) + count_files(f, STAGE_AGENT, &bytes);
    assert_int_equal(files, 2 * (f->record.copies.kept_losses + f->record.copies.kept_samples));
    assert_int_equal(bytes, f->record.copies.bytes);
}

static char *read_file(const struct fixture *f, const char *name)
{
    struct buf text = {0};
    struct err e = {0};
    char *path = mem_printf("%s/%s", f->directory, name);
    disk_read_now(path, 1 << 20, &text, &e);
    assert_string_equal(e.text, "");
    free(path);
    return buf_steal(&text);
}

static void a_loss_is_kept_at_all_its_stages(void **state)
{
    struct fixture *f = *state;
    begin(f, 1 << 20);
    keep_loss(f, "python.1.upload", 10);
    assert_string_equal(f->paths[STAGE_UPLOAD], "copies/upload/python.1.upload.1.pprof");
    assert_string_equal(f->paths[STAGE_AGENT], "copies/agent/python.1.upload.1.pprof");
    assert_null(f->paths[STAGE_BACKEND]);
    flush(f);
    char *bytes = read_file(f, "copies/agent/python.1.upload.1.pprof");
    char *json = read_file(f, "copies/agent/python.1.upload.1.json");
    assert_string_equal(bytes, "xxxxxxxxxx");
    assert_string_equal(json, "{\n  \"sequence\": 1,\n  \"kept\": \"loss\",\n  \"size\": \"good\"\n}\n");
    free(bytes);
    free(json);
    assert_int_equal(f->record.copies.kept_losses, 2);
    expect_on_disk(f);
}

static void an_empty_description_and_none_are_json_too(void **state)
{
    struct fixture *f = *state;
    begin(f, 1 << 20);
    struct soak_copy_set set = {.instance = "a", .number = 1};
    set.stages[STAGE_UPLOAD].bytes = "";
    set.stages[STAGE_AGENT].bytes = "";
    set.stages[STAGE_AGENT].description = "{}\n";
    soak_keep_loss(f->keep, &set, f->paths);
    flush(f);
    for (enum stage s = STAGE_UPLOAD; s <= STAGE_AGENT; s++) {
        struct json *tree;
        struct err e;
        char *name = mem_printf("copies/%s/a.1.json", stage_name(s)), *text = read_file(f, name);
        assert_int_equal(json_read(text, strlen(text), &tree, &e), 0);
        assert_int_equal(json_get_int(tree, "sequence", 0), 1);
        json_free(tree);
        free(text);
        free(name);
    }
}

static void samples_get_thinner_and_stay_spread(void **state)
{
    struct fixture *f = *state;
    size_t quarters[4] = {0};
    begin(f, UINT64_C(1) << 30);
    for (int i = 0; i < 4000; i++) {
        keep_sample(f, i % 2 ? "a.1.upload" : "b.1.upload", 100);
        if (i % 500 == 0)
            flush(f);
        assert_true(f->record.copies.kept_samples < 2 * SOAK_SAMPLES_MAX);
    }
    assert_true(f->record.copies.every >= 4000 / SOAK_SAMPLES_MAX);
    assert_true(f->record.copies.kept_samples >= SOAK_SAMPLES_MAX / 2);
    expect_on_disk(f);
    char *path = mem_printf("%s/copies/upload", f->directory);
    DIR *d = opendir(path);
    size_t of_a = 0, of_b = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        unsigned sequence;
        if (sscanf(entry->d_name, "%*[ab].1.upload.%u.pprof", &sequence) != 1 || !strstr(entry->d_name, ".pprof"))
            continue;
        quarters[(sequence - 1) / 500]++;
        *(entry->d_name[0] == 'a' ? &of_a : &of_b) += 1;
    }
    closedir(d);
    free(path);
    for (int i = 0; i < 4; i++) /* 16 are to be expected in each */
        assert_in_range(quarters[i], 4, 40);
    assert_in_range(of_a, 10, 100);
    assert_in_range(of_b, 10, 100);
}

static void losses_take_the_room_of_samples(void **state)
{
    struct fixture *f = *state;
    begin(f, 260000);
    for (int i = 0; i < 20; i++)
        keep_sample(f, "a", 1000);
    uint64_t samples = f->record.copies.kept_samples;
    assert_in_range(samples, 20, 28); /* of two files in two blocks, until the quota is full */
    assert_true(bytes_on_disk(f) <= 260000);
    for (int i = 0; i < 10; i++)
        keep_loss(f, "a", 1000);
    assert_int_equal(f->record.copies.kept_losses, 20);
    assert_true(f->record.copies.kept_samples < samples);
    assert_int_equal(f->record.copies.kept_samples + f->record.copies.removed, samples);
    assert_int_equal(f->record.copies.not_kept, 0);
    flush(f);
    bool old = false; /* not simply the oldest have gone */
    for (int i = 1; i <= 6; i++) {
        char *path = mem_printf("%s/copies/upload/a.%d.pprof", f->directory, i);
        old = old || access(path, F_OK) == 0;
        free(path);
    }
    assert_true(old);
    for (int i = 0; i < 10; i++)
        keep_loss(f, "a", 1000);
    assert_int_equal(f->record.copies.kept_samples, 0);
    assert_int_equal(f->record.copies.kept_losses / 2 + f->record.copies.not_kept, 20);
    assert_true(f->record.copies.not_kept > 0);
    assert_null(f->paths[STAGE_UPLOAD]);
    expect_on_disk(f);
    assert_true(bytes_on_disk(f) <= 260000);
}

static void a_filler_takes_room_away_until_it_goes(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct stat status;
    begin(f, 100000);
    assert_int_equal(soak_keep_fill(f->keep, 99000, &e), 0);
    char *path = mem_printf("%s/filler", f->directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 99000);
    keep_loss(f, "a", 1000);
    assert_int_equal(f->record.copies.not_kept, 1);
    assert_int_equal(soak_keep_fill(f->keep, 0, &e), 0);
    assert_int_equal(stat(path, &status), -1);
    keep_loss(f, "a", 1000);
    assert_int_equal(f->record.copies.kept_losses, 2);
    assert_string_equal(f->paths[STAGE_UPLOAD], "copies/upload/a.2.pprof");
    free(path);
}

/* Uploads are judged when they come through or are given up, in whatever order. */
static void copies_have_the_number_of_their_upload(void **state)
{
    struct fixture *f = *state;
    struct soak_copy_set set = make_set("a", 100, true);
    begin(f, 1 << 20);
    set.number = 33;
    soak_keep_sample(f->keep, &set);
    set.number = 17;
    soak_keep_loss(f->keep, &set, f->paths);
    assert_string_equal(f->paths[STAGE_UPLOAD], "copies/upload/a.17.pprof");
    assert_int_equal(soak_keep_last(f->keep, "a"), 33);
    assert_int_equal(soak_keep_last(f->keep, "b"), 0);
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    struct err e = {0};
    char *path = mem_printf("%s/%s", f->directory, name);
    assert_int_equal(disk_write_now(path, text, strlen(text), &e), 0);
    free(path);
}

static void what_an_earlier_one_left_is_taken_up(void **state)
{
    struct fixture *f = *state;
    struct err e;
    begin(f, 1 << 20);
    keep_loss(f, "a", 100);
    for (int i = 0; i < 10; i++)
        keep_sample(f, "b", 100);
    soak_keep_fill(f->keep, 4096, &e);
    flush(f);
    struct soak_copies before = f->record.copies;
    write_file(f, "copies/upload/a.2.json", "{}");           /* killed between the two */
    write_file(f, "copies/upload/a.3.pprof.99.tmp", "half"); /* in mid-write */
    write_file(f, "copies/upload/c.7.pprof", "no description");
    soak_keep_free(f->keep);
    f->record.copies = (struct soak_copies){.removed = 3, .every = 1};
    begin(f, 1 << 20);
    assert_int_equal(f->record.copies.bytes, before.bytes);
    assert_int_equal(f->record.copies.kept_losses, 2);
    assert_int_equal(f->record.copies.kept_samples, 20);
    assert_int_equal(f->record.copies.removed, 3);
    expect_on_disk(f);
    keep_loss(f, "b", 100);
    assert_string_equal(f->paths[STAGE_UPLOAD], "copies/upload/b.11.pprof");
    char *path = mem_printf("%s/filler", f->directory);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

static void samples_of_an_earlier_one_go_first_too(void **state)
{
    struct fixture *f = *state;
    begin(f, 60000);
    for (int i = 0; i < 3; i++)
        keep_sample(f, "a", 1000);
    assert_int_equal(f->record.copies.kept_samples, 6);
    flush(f);
    soak_keep_free(f->keep);
    begin(f, 60000);
    keep_loss(f, "a", 2000);
    assert_int_equal(f->record.copies.kept_losses, 2);
    assert_in_range(f->record.copies.kept_samples, 1, 4);
    expect_on_disk(f);
}

static void a_write_that_fails_is_a_problem_once(void **state)
{
    struct fixture *f = *state;
    begin(f, 1 << 20);
    write_file(f, "copies", "a file in the way");
    keep_loss(f, "a", 100);
    keep_loss(f, "a", 100);
    flush(f);
    assert_int_equal(f->record.problem_count, 1);
    assert_string_equal(f->record.problems[0].who, "locktrail");
    assert_non_null(strstr(f->record.problems[0].text, "copies"));
    assert_int_equal(f->record.problems[0].times, 1);
    keep_loss(f, "a", 100);
    assert_int_equal(f->record.copies.not_kept, 1);
}

static void it_may_be_freed_while_files_are_written(void **state)
{
    struct fixture *f = *state;
    begin(f, 1 << 20);
    keep_loss(f, "a", 100);
    soak_keep_free(f->keep);
    f->keep = NULL;
    expect_on_disk(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_loss_is_kept_at_all_its_stages, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_description_and_none_are_json_too, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_get_thinner_and_stay_spread, setup, teardown),
        cmocka_unit_test_setup_teardown(losses_take_the_room_of_samples, setup, teardown),
        cmocka_unit_test_setup_teardown(a_filler_takes_room_away_until_it_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_have_the_number_of_their_upload, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_earlier_one_left_is_taken_up, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_of_an_earlier_one_go_first_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_that_fails_is_a_problem_once, setup, teardown),
        cmocka_unit_test_setup_teardown(it_may_be_freed_while_files_are_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
