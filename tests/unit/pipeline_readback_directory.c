/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads read back from a directory into which somebody else puts them. */
#include "readback_fixture.h"

#include "io/hash.h"
#include "pprof_build.h"

#include <fcntl.h>

#define UPLOAD(instance, name, bytes) "upload " instance "    " name "=" bytes "\n"

static int setup(void **state)
{
    readback_setup(state);
    struct readback_fixture *f = *state;
    f->options.kind = READBACK_DIRECTORY;
    f->options.directory = f->store->directory;
    return 0;
}

static void put_bytes(struct readback_fixture *f, const char *name, const void *bytes, size_t size)
{
    struct err e;
    char *path = mem_printf("%s/%s", f->store->directory, name);
    assert_int_equal(disk_write_now(path, bytes, size, &e), 0);
    free(path);
}

static void put(struct readback_fixture *f, const char *name, const char *text)
{
    put_bytes(f, name, text, strlen(text));
}

static void want_two(struct readback_fixture *f, unsigned first, unsigned second)
{
    f->wanted[0].expected = first;
    f->wanted[1] = (struct readback_wanted){.instance = "python.2.upload", .expected = second};
    f->options.wanted_count = 2;
}

static void names_and_folders_say_whose_a_file_is(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "python.1.upload.1.pprof", "a");
    put(f, "python.2.upload.17.pprof", "b");
    put(f, "python.2.upload/anything.pprof", "c");
    put(f, "python.2.upload/python.1.upload.2.pprof", "d");
    put(f, "python.1.upload.1.json", "{}");
    put(f, ".python.1.upload.9.pprof", "in the making");
    put(f, "python.1.upload/deeper/x.pprof", "too deep");
    want_two(f, 2, 2);
    expect_read_back(f, UPLOAD("python.1.upload", "python.1.upload.1.pprof", "a")
                            UPLOAD("python.2.upload", "python.2.upload.17.pprof", "b")
                                UPLOAD("python.2.upload", "anything.pprof", "c")
                                    UPLOAD("python.1.upload", "python.1.upload.2.pprof", "d") "over 0 -\n");
}

static void the_content_goes_before_the_name(void **state)
{
    struct readback_fixture *f = *state;
    char first[HASH_TEXT_SIZE], both[HASH_TEXT_SIZE];
    hash_text("first", 5, first);
    hash_text("both", 4, both);
    const char *const hashes[] = {first, both};
    put(f, "download (1).pprof", "first");
    put(f, "python.2.upload.1.pprof", "both");
    put(f, "python.2.upload.2.pprof", "first");
    want_two(f, 2, 1);
    f->wanted[0].hashes = hashes;
    f->wanted[0].hash_count = 2;
    f->wanted[1].hashes = &hashes[1];
    f->wanted[1].hash_count = 1;
    f->options.deadline_ms = 600; /* "first" came twice, and so one is missing */
    expect_read_back(f, UPLOAD("python.1.upload", "download (1).pprof", "first")
                            UPLOAD("python.2.upload", "python.2.upload.1.pprof", "both")
                                UPLOAD("python.1.upload", "python.2.upload.2.pprof", "first") "over 1 -\n");
}

static void the_only_one_that_is_wanted_gets_all(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "x.pprof", "a");
    expect_read_back(f, UPLOAD("python.1.upload", "x.pprof", "a") "over 0 -\n");
}

static void archives_say_by_their_event_whose_they_are(void **state)
{
    struct readback_fixture *f = *state;
    static const char event[] = "{\"tags_profiler\":\"runtime-id:r,locktrail_worker:python.2.upload\",\"start\":"
                                "\"2026-11-25T16:23:31Z\",\"end\":\"2026-11-25T16:23:32Z\",\"family\":\"f\","
                                "\"version\":\"4\"}";
    static const struct zip_part parts[] = {{"event.json", event, sizeof event - 1}, {"x.pprof", "a", 1}};
    struct buf zip = {0};
    struct err e;
    assert_int_equal(zip_pack(parts, 2, &zip, &e), 0);
    put_bytes(f, "download.zip", zip.data, zip.size);
    want_two(f, 0, 1);
    expect_read_back(f, "upload python.2.upload r 2026-11-25T16:23:31Z 2026-11-25T16:23:32Z x.pprof=a\nover 0 -\n");
    buf_fini(&zip);
}

static void date(struct readback_fixture *f, const char *name, int64_t ms)
{
    char *path = mem_printf("%s/%s", f->store->directory, name);
    const struct timespec at = {.tv_sec = ms / 1000};
    const struct timespec times[] = {at, at};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    free(path);
}

/* What lies there since an earlier run is none of this run's uploads, also where it was put there again just now. */
static void files_of_an_earlier_run_are_not_taken(void **state)
{
    struct readback_fixture *f = *state;
    static const int64_t before = TEST_MINUTE_MS - 5000, within = TEST_MINUTE_MS + 5000;
    char known[HASH_TEXT_SIZE];
    hash_text("known", 5, known);
    const char *const hashes[] = {known};
    const int64_t starts[] = {before, within};
    for (int i = 0; i < 2; i++) {
        struct pprof_build *b = pprof_build_new();
        struct buf bytes = {0};
        b->profile.time_nanos = starts[i] * 1000000;
        b->profile.duration_nanos = 1000000000;
        pprof_build_bytes(b, ENCODING_NONE, &bytes);
        put_bytes(f, i ? "this.pprof" : "earlier.pprof", bytes.data, bytes.size);
        pprof_build_free(b);
        buf_fini(&bytes);
    }
    put(f, "left.pprof", "left");
    put(f, "moved.pprof", "known");
    date(f, "left.pprof", before);
    date(f, "moved.pprof", before);
    f->wanted[0].expected = 3;
    f->wanted[0].hashes = hashes;
    f->wanted[0].hash_count = 1;
    f->options.deadline_ms = 600;
    buf_clear(&f->said);
    readback_begin(f);
    readback_end(f);
    assert_non_null(strstr(f->said.data, "this.pprof="));
    assert_non_null(strstr(f->said.data, "moved.pprof=known"));
    assert_null(strstr(f->said.data, "left.pprof="));
    assert_null(strstr(f->said.data, "earlier.pprof="));
}

static void a_file_of_nobody_is_an_error_when_the_others_were_read(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "a.pprof", "a");
    put(f, "python.2.upload.1.pprof", "b");
    want_two(f, 1, 1);
    char *said =
        mem_printf(UPLOAD("python.2.upload", "python.2.upload.1.pprof",
                          "b") "over 1 %s/a.pprof: nobody can tell whose it is; expected the bytes of an upload, the "
                               "name INSTANCE.NUMBER.pprof (such as python.1.upload.1.pprof), or a folder INSTANCE\n",
                   f->store->directory);
    expect_read_back(f, said);
    assert_int_equal(f->code, ERR_INPUT);
    free(said);
}

static void a_broken_archive_is_an_error_that_names_it(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "python.1.upload.1.zip", "<html>");
    char *said =
        mem_printf("over 1 %s/python.1.upload.1.zip: zip: not an archive: Not a zip archive\n", f->store->directory);
    expect_read_back(f, said);
    free(said);
}

static void a_broken_profile_is_delivered_as_it_is(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "python.1.upload.1.pprof", "");
    expect_read_back(f, UPLOAD("python.1.upload", "python.1.upload.1.pprof", "") "over 0 -\n");
}

/* Grows the file at each of the first looks. */
static void grow(struct readback_fixture *f, const struct readback_event *event)
{
    if (event->kind == READBACK_PROGRESS && f->lists_asked < 2) {
        char *path = mem_printf("%s/python.1.upload.1.pprof", f->store->directory);
        int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "more", 4), 4);
        close(fd);
        free(path);
        f->lists_asked++;
    }
}

static void a_file_is_read_only_when_it_was_the_same_twice(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "python.1.upload.1.pprof", "half-");
    f->on_event = grow;
    expect_read_back(f, UPLOAD("python.1.upload", "python.1.upload.1.pprof", "half-moremore") "over 0 -\n");
}

static void a_file_is_read_only_when_it_was_the_same_twice_where_nothing_is_expected(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "python.1.upload.1.pprof", "half-");
    f->wanted[0].expected = 0;
    f->on_event = grow;
    expect_read_back(f, UPLOAD("python.1.upload", "python.1.upload.1.pprof", "half-moremore") "over 0 -\n");
    assert_non_null(strstr(f->progress.data, "files are still being written, asking again in 250 ms\n"));
}

static void an_empty_directory_misses_all_at_the_deadline(void **state)
{
    struct readback_fixture *f = *state;
    f->options.deadline_ms = 100;
    f->wanted[0].expected = 2;
    expect_read_back(f, "over 2 -\n");
}

static void a_directory_that_never_comes_is_an_error(void **state)
{
    struct readback_fixture *f = *state;
    f->options.directory = "/dev/shm/locktrail-is-not-there";
    f->options.deadline_ms = 100;
    expect_read_back(f, "over 1 cannot read /dev/shm/locktrail-is-not-there: No such file or directory\n");
    assert_int_equal(f->code, ERR_MISSING);
}

static void it_can_be_stopped_while_it_looks(void **state)
{
    struct readback_fixture *f = *state;
    put(f, "python.1.upload.1.pprof", "a");
    readback_begin(f);
    uv_run(&f->store->client->http.loop, UV_RUN_NOWAIT);
    readback_stop(f->readback);
    readback_end(f);
    assert_string_equal(f->said.data, "over 1 reading back was given up: it was interrupted\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, readback_teardown)
    const struct CMUnitTest tests[] = {
        TEST(names_and_folders_say_whose_a_file_is),
        TEST(the_content_goes_before_the_name),
        TEST(the_only_one_that_is_wanted_gets_all),
        TEST(files_of_an_earlier_run_are_not_taken),
        TEST(archives_say_by_their_event_whose_they_are),
        TEST(a_file_of_nobody_is_an_error_when_the_others_were_read),
        TEST(a_broken_archive_is_an_error_that_names_it),
        TEST(a_broken_profile_is_delivered_as_it_is),
        TEST(a_file_is_read_only_when_it_was_the_same_twice),
        TEST(a_file_is_read_only_when_it_was_the_same_twice_where_nothing_is_expected),
        TEST(an_empty_directory_misses_all_at_the_deadline),
        TEST(a_directory_that_never_comes_is_an_error),
        TEST(it_can_be_stopped_while_it_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
