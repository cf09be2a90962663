/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/capture_file.h"

#include "capture_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const unsigned char stack_bytes[24] = "stack stack stack stack";
static const unsigned char object_bytes[16] = "an object here.";
static const uint64_t pointer_word = 0x7000;

/* A file with one of everything. */
struct fixture {
    struct capture_build build;
    struct capture_file file;
    uint64_t snapshot, maps;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct capture_build *b = &f->build;
    struct err e;
    capture_build_init(b);
    struct capture_lane lane = {.tid = 1, .name = "a-name-of-15-ch"};
    struct capture_lock lock = {.address = 0x7008, .kind = KIND_MUTEX};
    struct capture_slot slot = {.live_lock = 0x7008, .acquires = 7, .lock = 0, .call = CALL_MUTEX_LOCK};
    const struct capture_build_block blocks[] = {
        {0x1000, stack_bytes, sizeof stack_bytes},
        {0x1018, object_bytes, sizeof object_bytes},
        {0x9000, &pointer_word, sizeof pointer_word},
    };
    f->maps = capture_build_maps(b, "1000-2000 r-xp 00000000 00:00 5 /x\n", NULL, 0);
    f->snapshot = capture_build_snapshot(b, (struct capture_snapshot){.lock = 0x7008, .call = CALL_MUTEX_LOCK}, blocks,
                                         sizeof blocks / sizeof blocks[0]);
    slot.snapshot = f->snapshot;
    capture_build_element(b, &b->header->lanes, &lane, sizeof lane);
    capture_build_element(b, &b->header->locks, &lock, sizeof lock);
    capture_build_element(b, &b->header->slots, &slot, sizeof slot);
    assert_int_equal(capture_file_of(&f->file, b->bytes, b->size, &e), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    capture_file_close(&f->file);
    capture_build_fini(&f->build);
    free(f);
    return 0;
}

static void test_elements_are_read(void **state)
{
    struct fixture *f = *state;
    struct capture_lock lock;
    struct capture_slot slot;
    char name[CAPTURE_NAME_MAX];
    assert_int_equal(capture_file_locks(&f->file), 1);
    assert_int_equal(capture_file_slots(&f->file), 1);
    assert_true(capture_file_lock(&f->file, 0, &lock));
    assert_int_equal(lock.address, 0x7008);
    assert_true(capture_file_slot(&f->file, 0, &slot));
    assert_int_equal(slot.acquires, 7);
    capture_file_lane_name(&f->file, 0, name);
    assert_string_equal(name, "a-name-of-15-ch");
    capture_file_lane_name(&f->file, 1, name);
    assert_string_equal(name, "");
    assert_false(capture_file_lock(&f->file, 1, &lock));
    assert_false(capture_file_slot(&f->file, 1, &slot));
    assert_non_null(capture_file_maps(&f->file, f->maps));
}

static void test_a_name_without_an_end_is_cut(void **state)
{
    struct fixture *f = *state;
    char name[CAPTURE_NAME_MAX];
    memset(f->build.bytes + f->build.header->lanes.offset + offsetof(struct capture_lane, name), 'x', CAPTURE_NAME_MAX);
    capture_file_lane_name(&f->file, 0, name);
    assert_string_equal(name, "xxxxxxxxxxxxxxx");
}

static void test_the_file_grows_under_its_reader(void **state)
{
    struct fixture *f = *state;
    struct capture_lock lock = {.address = 1, .kind = KIND_SPIN};
    capture_build_element(&f->build, &f->build.header->locks, &lock, sizeof lock);
    assert_int_equal(capture_file_locks(&f->file), 2);
    f->build.header->locks.used = UINT64_MAX;
    assert_int_equal(capture_file_locks(&f->file), CAPTURE_BUILD_LOCKS);
}

/* A target that writes over its own header moves nothing. */
static void test_sections_stay_where_they_were(void **state)
{
    struct fixture *f = *state;
    struct capture_slot slot;
    f->build.header->slots = (struct capture_section){UINT64_MAX, UINT64_MAX, UINT64_MAX};
    f->build.header->lanes.offset = UINT64_MAX - 3;
    assert_int_equal(capture_file_slots(&f->file), CAPTURE_BUILD_SLOTS);
    assert_true(capture_file_slot(&f->file, 0, &slot));
}

static void test_broken_elements_are_passed_over(void **state)
{
    static const struct {
        size_t offset;
        uint32_t value;
    } table[] = {
        {offsetof(struct capture_slot, lock), 1},         {offsetof(struct capture_slot, lock), UINT32_MAX},
        {offsetof(struct capture_slot, lane), 1},         {offsetof(struct capture_slot, lane), UINT32_MAX},
        {offsetof(struct capture_slot, call), CALL_NONE}, {offsetof(struct capture_slot, call), CALL_COUNT},
    };
    struct fixture *f = *state;
    unsigned char *at = f->build.bytes + f->build.header->slots.offset;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct capture_slot slot;
        uint32_t good;
        memcpy(&good, at + table[i].offset, sizeof good);
        memcpy(at + table[i].offset, &table[i].value, sizeof good);
        assert_false(capture_file_slot(&f->file, 0, &slot));
        memcpy(at + table[i].offset, &good, sizeof good);
        assert_true(capture_file_slot(&f->file, 0, &slot));
    }
    for (uint32_t kind = 0; kind <= KIND_COUNT; kind++) {
        struct capture_lock lock;
        memcpy(f->build.bytes + f->build.header->locks.offset + offsetof(struct capture_lock, kind), &kind,
               sizeof kind);
        assert_int_equal(capture_file_lock(&f->file, 0, &lock), kind > 0 && kind < KIND_COUNT);
    }
}

struct patch {
    size_t offset, size;
    uint64_t value;
    const char *text; /* of the error */
};

#define IN_HEADER(member) offsetof(struct capture_header, member), sizeof(((struct capture_header *)0)->member)

static void test_headers_that_are_refused(void **state)
{
    static const struct patch table[] = {
        {IN_HEADER(magic), 0, "capture in memory: offset 0: no header yet, its process was only about to start"},
        {IN_HEADER(magic), 1, "capture in memory: offset 0: not a capture file: it does not begin with LOCKCAP1"},
        {IN_HEADER(version), 2, "capture in memory: offset 8: format version 2, this program reads version 1"},
        {IN_HEADER(header_size), 8, "capture in memory: offset 12: header of 8 bytes instead of 504"},
        {IN_HEADER(lanes.offset), 8, "capture in memory: offset 80: section lanes can't begin at 8"},
        {IN_HEADER(locks.offset), 1001, "capture in memory: offset 104: section locks can't begin at 1001"},
        {IN_HEADER(slots.capacity), UINT64_MAX,
         "capture in memory: offset 128: section slots can't hold 18446744073709551615 elements"},
        {IN_HEADER(arena.offset), UINT64_MAX - 7,
         "capture in memory: offset 152: section arena can't hold 262144 elements"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct capture_file file = {.size = 77};
        struct err e = {0};
        uint64_t good;
        memcpy(&good, f->build.bytes + table[i].offset, table[i].size);
        memcpy(f->build.bytes + table[i].offset, &table[i].value, table[i].size);
        assert_int_equal(capture_file_of(&file, f->build.bytes, f->build.size, &e), -1);
        assert_int_equal(e.code, ERR_INPUT);
        assert_string_equal(e.text, table[i].text);
        assert_int_equal(file.size, 77);
        memcpy(f->build.bytes + table[i].offset, &good, table[i].size);
    }
}

/* Cut at every 8 bytes: either refused or read within what is there (the sanitizer sees to that). */
static void test_torn_files(void **state)
{
    struct fixture *f = *state;
    size_t whole = f->build.header->arena.offset + f->build.header->arena.used;
    for (size_t size = 0; size <= whole; size += 8) {
        struct capture_file file;
        struct err e;
        unsigned char *cut = malloc(size > 0 ? size : 1);
        memcpy(cut, f->build.bytes, size);
        int got = capture_file_of(&file, cut, size, &e);
        assert_int_equal(got, size < sizeof(struct capture_header) ? -1 : 0);
        if (got == 0) {
            struct capture_slot slot;
            struct capture_lock lock;
            char name[CAPTURE_NAME_MAX];
            bool has_slot = size >= file.slots.offset + sizeof slot;
            assert_int_equal(capture_file_slots(&file) > 0, has_slot);
            assert_int_equal(capture_file_slot(&file, 0, &slot), has_slot);
            assert_int_equal(capture_file_lock(&file, 0, &lock), size >= file.locks.offset + sizeof lock);
            capture_file_lane_name(&file, 0, name);
            assert_int_equal(capture_file_snapshot(&file, f->snapshot) != NULL, size >= whole);
        }
        free(cut);
    }
}

static void test_a_short_file_is_no_capture(void **state)
{
    struct fixture *f = *state;
    struct capture_file file;
    struct err e;
    assert_int_equal(capture_file_of(&file, f->build.bytes, 100, &e), -1);
    assert_string_equal(e.text, "capture in memory: not a capture file: 100 bytes, less than its header of 504");
}

static void test_records_that_are_not_whole(void **state)
{
    struct fixture *f = *state;
    unsigned char *arena = f->build.bytes + f->build.header->arena.offset;
    const struct patch table[] = {
        {offsetof(struct capture_record, type), 4, RECORD_MAPS, NULL},
        {offsetof(struct capture_record, size), 4, 8, NULL},
        {offsetof(struct capture_record, size), 4, sizeof(struct capture_snapshot), NULL},
        {offsetof(struct capture_record, size), 4, UINT32_MAX, NULL},
        {offsetof(struct capture_snapshot, blocks), 4, 5, NULL},
        {offsetof(struct capture_snapshot, blocks), 4, UINT32_MAX, NULL},
        {sizeof(struct capture_snapshot) + offsetof(struct capture_block, size), 4, UINT32_MAX, NULL},
        /* The last block. */
        {sizeof(struct capture_snapshot) + 3 * sizeof(struct capture_block) - 16 + sizeof stack_bytes +
             sizeof object_bytes + offsetof(struct capture_block, size),
         4, 32, NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t good = 0;
        memcpy(&good, arena + f->snapshot + table[i].offset, table[i].size);
        memcpy(arena + f->snapshot + table[i].offset, &table[i].value, table[i].size);
        assert_null(capture_file_snapshot(&f->file, f->snapshot));
        memcpy(arena + f->snapshot + table[i].offset, &good, table[i].size);
        assert_non_null(capture_file_snapshot(&f->file, f->snapshot));
    }
    const uint64_t offsets[] = {0,
                                8,
                                f->snapshot + 8,
                                f->maps,
                                f->build.header->arena.used,
                                UINT64_MAX - 15,
                                CAPTURE_BUILD_ARENA,
                                CAPTURE_BUILD_ARENA - 16};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        assert_null(capture_file_snapshot(&f->file, offsets[i]));
    }
    assert_null(capture_file_maps(&f->file, f->snapshot));
    /* A whole record, but not where one begins. */
    f->build.header->arena.used = 16384;
    memcpy(arena + 8192, arena + f->snapshot, 1024);
    assert_non_null(capture_file_snapshot(&f->file, 8192));
    memcpy(arena + 12288 + 8, arena + f->snapshot, 1024);
    assert_null(capture_file_snapshot(&f->file, 12288 + 8));
    uint32_t huge = UINT32_MAX;
    memcpy(arena + f->maps + offsetof(struct capture_maps, modules), &huge, sizeof huge);
    assert_null(capture_file_maps(&f->file, f->maps));
}

static void test_memory_of_a_snapshot(void **state)
{
    static const struct {
        uint64_t address;
        size_t size;
        bool there;
        const char *bytes;
    } table[] = {
        {0x1000, 5, true, "stack"},     {0x1006, 5, true, "stack"}, {0x1018, 2, true, "an"},
        {0x1012, 8, true, "stack\0an"}, {0x1027, 1, true, ""},      {0x1027, 2, false, NULL},
        {0xfff, 2, false, NULL},        {0x1028, 1, false, NULL},   {UINT64_MAX, 8, false, NULL},
        {0x8fff, 1, false, NULL},       {0x9001, 8, false, NULL},   {0x5000, 0, true, ""},
    };
    struct fixture *f = *state;
    const struct capture_snapshot *snapshot = capture_file_snapshot(&f->file, f->snapshot);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char got[16] = {0};
        assert_int_equal(capture_snapshot_read(snapshot, table[i].address, got, table[i].size), table[i].there);
        if (table[i].there) {
            assert_memory_equal(got, table[i].bytes, table[i].size);
        }
    }
}

static void test_pointers_to_the_lock(void **state)
{
    struct fixture *f = *state;
    const struct capture_snapshot *snapshot = capture_file_snapshot(&f->file, f->snapshot);
    uint64_t address = 0, value = 0;
    assert_true(capture_snapshot_pointer(snapshot, 0, &address, &value));
    assert_int_equal(address, 0x9000);
    assert_int_equal(value, 0x7000);
    assert_false(capture_snapshot_pointer(snapshot, 1, &address, &value));
}

static void test_ticks_become_nanoseconds(void **state)
{
    struct fixture *f = *state;
    struct capture_header *h = f->build.header;
    assert_int_equal(capture_file_ns(&f->file, 12345), 12345);
    h->flags = CAPTURE_TSC;
    h->start_ticks = 1000;
    h->start_monotonic_ns = 500;
    h->last_ticks = 1000 + 3000000000;
    h->last_monotonic_ns = 500 + 1000000000;
    assert_int_equal(capture_file_ns(&f->file, 3000), 1000);
    assert_int_equal(capture_file_ns(&f->file, 0), 0);
    /* Years of ticks don't overflow on the way. */
    assert_int_equal(capture_file_ns(&f->file, UINT64_C(300000000000000000)), UINT64_C(100000000000000000));
    h->last_monotonic_ns = UINT64_MAX;
    assert_true(capture_file_ns(&f->file, UINT64_MAX) == UINT64_MAX);
}

/* The first reading is too near to the start: the clocks of now are used, whose rate is 0.1 to 10 ticks a ns. */
static void test_ticks_of_a_young_file(void **state)
{
    struct fixture *f = *state;
    struct capture_header *h = f->build.header;
    h->flags = CAPTURE_TSC;
    h->start_ticks = h->last_ticks = 1;
    h->start_monotonic_ns = h->last_monotonic_ns = 1;
    uint64_t ns = capture_file_ns(&f->file, 1000000);
    assert_in_range(ns, 1000, 1000000000);
    h->start_ticks = UINT64_MAX;
    assert_int_equal(capture_file_ns(&f->file, 1000000), 0);
}

static void test_files_on_disk(void **state)
{
    struct fixture *f = *state;
    char directory[] = "/tmp/lockprof_capture_XXXXXX", path[64], text[256];
    struct capture_file file;
    struct capture_slot slot;
    struct err e = {0};
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/1.1.lockcap", directory);
    assert_int_equal(capture_file_open(&file, path, &e), -1);
    snprintf(text, sizeof text, "%s: can't read the capture file: No such file or directory", path);
    assert_string_equal(e.text, text);
    assert_int_equal(capture_file_open(&file, directory, &e), -1);
    FILE *out = fopen(path, "w");
    fwrite(f->build.bytes, 1, 10, out);
    fclose(out);
    assert_int_equal(capture_file_open(&file, path, &e), -1);
    snprintf(text, sizeof text, "%s: not a capture file: 10 bytes, less than its header of 504", path);
    assert_string_equal(e.text, text);
    out = fopen(path, "w");
    fwrite(f->build.bytes, 1, f->build.size, out);
    fclose(out);
    assert_int_equal(capture_file_open(&file, path, &e), 0);
    assert_string_equal(file.path, path);
    assert_true(capture_file_slot(&file, 0, &slot));
    capture_file_close(&file);
    assert_null(file.path);
    unlink(path);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_elements_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_without_an_end_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_file_grows_under_its_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sections_stay_where_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_elements_are_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torn_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_short_file_is_no_capture, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records_that_are_not_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory_of_a_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pointers_to_the_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ticks_become_nanoseconds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ticks_of_a_young_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_on_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
