/* SPDX-License-Identifier: Apache-2.0 */
/* Archives in memory: what is packed comes back, and what is broken or too large does not. */
#include "pipeline/zip.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static const struct zip_limits limits = {.max_entries = 3, .max_entry = 1000, .max_total = 1500};

static struct buf pack(const struct zip_part *parts, size_t count)
{
    struct buf out = {0};
    struct err e = {0};
    assert_int_equal(zip_pack(parts, count, &out, &e), 0);
    return out;
}

static void expect_refused(const struct buf *archive, const char *text)
{
    struct zip_content content;
    struct err e = {0};
    assert_int_equal(zip_unpack(archive->data, archive->size, &limits, &content, &e), -1);
    assert_string_equal(e.text, text);
    assert_int_equal(e.code, ERR_INPUT);
    assert_null(content.files);
    assert_int_equal(content.count, 0);
}

static void what_is_packed_comes_back(void **state)
{
    static const struct zip_part parts[] = {{"event.json", "{}", 2}, {"profile.pprof", "a\0b", 3}, {"empty", NULL, 0}};
    struct buf archive = pack(parts, 3), again = pack(parts, 3);
    struct zip_content content;
    struct err e = {0};
    (void)state;
    assert_int_equal(archive.size, again.size);
    assert_memory_equal(archive.data, again.data, archive.size);
    assert_int_equal(zip_unpack(archive.data, archive.size, &limits, &content, &e), 0);
    assert_int_equal(content.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(content.files[i].name, parts[i].name);
        assert_int_equal(content.files[i].bytes.size, parts[i].size);
        if (parts[i].size > 0) {
            assert_memory_equal(content.files[i].bytes.data, parts[i].bytes, parts[i].size);
        }
    }
    zip_content_fini(&content);
    buf_fini(&archive);
    buf_fini(&again);
}

static void an_archive_of_nothing_is_one(void **state)
{
    struct buf archive = pack(NULL, 0);
    struct zip_content content;
    struct err e = {0};
    (void)state;
    assert_int_equal(zip_unpack(archive.data, archive.size, &limits, &content, &e), 0);
    assert_int_equal(content.count, 0);
    zip_content_fini(&content);
    buf_fini(&archive);
}

static void names_that_cannot_be_are_refused(void **state)
{
    static const struct zip_part twice[] = {{"a", "1", 1}, {"b", "2", 1}, {"a", "3", 1}};
    static const struct zip_part unnamed[] = {{"a", "1", 1}, {"", "2", 1}};
    struct buf out = {0};
    struct err e;
    (void)state;
    assert_int_equal(zip_pack(twice, 3, &out, &e), -1);
    assert_string_equal(e.text, "zip: two files have the name \"a\"");
    assert_int_equal(zip_pack(unnamed, 2, &out, &e), -1);
    assert_string_equal(e.text, "zip: a file's name must have 1 to 255 bytes, file 2 has 0");
    assert_int_equal(out.size, 0);
}

static void what_is_no_archive_is_told(void **state)
{
    static const struct zip_part part = {"profile.pprof", "0123456789", 10};
    struct buf archive = pack(&part, 1), html = {0}, empty = {0};
    (void)state;
    buf_add_str(&html, "<html><body>Sign in</body></html>");
    expect_refused(&html, "zip: not an archive: Not a zip archive");
    expect_refused(&empty, "zip: not an archive: it is empty");
    /* The directory is at the end: none of the beginnings is an archive. */
    while (archive.size > 1) {
        archive.size--;
        struct zip_content content;
        struct err e = {0};
        assert_int_equal(zip_unpack(archive.data, archive.size, &limits, &content, &e), -1);
        assert_null(content.files);
    }
    buf_fini(&html);
    buf_fini(&archive);
}

static void changed_bytes_are_found(void **state)
{
    static const struct zip_part part = {"profile.pprof", "0123456789", 10};
    struct buf archive = pack(&part, 1);
    char *at = memmem(archive.data, archive.size, "0123456789", 10);
    (void)state;
    assert_non_null(at);
    at[3] ^= 1;
    expect_refused(&archive, "zip: \"profile.pprof\" is corrupt: CRC error");
    buf_fini(&archive);
}

static void limits_are_told_with_their_value(void **state)
{
    static const char bytes[1001] = "";
    static const struct zip_part many[] = {{"a", "", 0}, {"b", "", 0}, {"c", "", 0}, {"d", "", 0}};
    static const struct zip_part large = {"a", bytes, 1001};
    static const struct zip_part together[] = {{"a", bytes, 800}, {"b", bytes, 800}};
    struct buf a = pack(many, 4), b = pack(&large, 1), c = pack(together, 2);
    (void)state;
    expect_refused(&a, "zip: it has 4 files, more than the 3 allowed");
    expect_refused(&b, "zip: \"a\" has more than the 1000 bytes allowed");
    expect_refused(&c, "zip: its files have more than the 1500 bytes allowed together");
    buf_fini(&a);
    buf_fini(&b);
    buf_fini(&c);
}

static void put16(struct buf *b, unsigned value)
{
    buf_add_char(b, (char)(value & 255));
    buf_add_char(b, (char)(value >> 8 & 255));
}

static void put32(struct buf *b, uint32_t value)
{
    put16(b, value & 65535);
    put16(b, value >> 16);
}

/* What local header and directory have in common (APPNOTE 4.3.7, 4.3.12). */
static void put_common(struct buf *b, unsigned flags, unsigned method, uint32_t crc, uint32_t packed, uint32_t size)
{
    put16(b, 20);
    put16(b, flags);
    put16(b, method);
    put32(b, 0x00210000); /* 1980-01-01 */
    put32(b, crc);
    put32(b, packed);
    put32(b, size);
    put16(b, 1); /* the name's size */
    put16(b, 0);
}

/* One entry "x" by hand, with what the directory says of it. */
static struct buf make_archive(unsigned flags, unsigned method, const void *bytes, size_t packed, uint32_t crc,
                               uint32_t said_size)
{
    struct buf b = {0};
    put32(&b, 0x04034b50);
    put_common(&b, flags, method, crc, (uint32_t)packed, said_size);
    buf_add_char(&b, 'x');
    buf_add(&b, bytes, packed);
    uint32_t directory = (uint32_t)b.size;
    put32(&b, 0x02014b50);
    put16(&b, 20);
    put_common(&b, flags, method, crc, (uint32_t)packed, said_size);
    for (int i = 0; i < 7; i++) {
        put16(&b, 0); /* comment, disk, attributes, offset 0 */
    }
    buf_add_char(&b, 'x');
    uint32_t size = (uint32_t)b.size - directory;
    put32(&b, 0x06054b50);
    put32(&b, 0);
    put16(&b, 1);
    put16(&b, 1);
    put32(&b, size);
    put32(&b, directory);
    put16(&b, 0);
    return b;
}

/* Raw deflate, as zip has it. */
static size_t deflate_zeros(size_t size, void *out, size_t room)
{
    z_stream z = {0};
    char *zeros = mem_calloc(size, 1);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)zeros;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    free(zeros);
    return room - z.avail_out;
}

static void a_bomb_is_not_unpacked_whatever_it_says_of_its_size(void **state)
{
    char packed[20000];
    size_t size = deflate_zeros((size_t)8 << 20, packed, sizeof packed);
    struct buf honest = make_archive(0, 8, packed, size, 0, 8 << 20);
    struct buf lying = make_archive(0, 8, packed, size, 0, 10);
    (void)state;
    expect_refused(&honest, "zip: \"x\" has more than the 1000 bytes allowed");
    expect_refused(&lying, "zip: \"x\" has more than the 1000 bytes allowed");
    buf_fini(&honest);
    buf_fini(&lying);
}

static void what_is_read_counts_and_not_what_is_said(void **state)
{
    static const struct zip_limits small_total = {.max_entries = 3, .max_entry = 5000, .max_total = 1000};
    char packed[1000];
    size_t size = deflate_zeros(1400, packed, sizeof packed);
    struct buf lying = make_archive(0, 8, packed, size, 0, 10);
    struct zip_content content;
    struct err e = {0};
    (void)state;
    assert_int_equal(zip_unpack(lying.data, lying.size, &small_total, &content, &e), -1);
    assert_string_equal(e.text, "zip: its files have more than the 1000 bytes allowed together");
    buf_fini(&lying);
}

static void a_compressed_entry_is_read(void **state)
{
    char packed[1000];
    unsigned char zeros[900] = "";
    size_t size = deflate_zeros(sizeof zeros, packed, sizeof packed);
    struct buf archive = make_archive(0, 8, packed, size, (uint32_t)crc32(0, zeros, sizeof zeros), sizeof zeros);
    struct zip_content content;
    struct err e = {0};
    (void)state;
    assert_int_equal(zip_unpack(archive.data, archive.size, &limits, &content, &e), 0);
    assert_int_equal(content.files[0].bytes.size, sizeof zeros);
    assert_memory_equal(content.files[0].bytes.data, zeros, sizeof zeros);
    zip_content_fini(&content);
    buf_fini(&archive);
}

static void what_cannot_be_read_is_told(void **state)
{
    struct buf locked = make_archive(1, 0, "0123456789ABCDEF", 16, 0, 4);
    struct buf foreign = make_archive(0, 77, "0123", 4, 0, 4);
    (void)state;
    expect_refused(&locked, "zip: \"x\" is encrypted");
    expect_refused(&foreign, "zip: \"x\" can't be read: Compression method not supported");
    buf_fini(&locked);
    buf_fini(&foreign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(an_archive_of_nothing_is_one),
        cmocka_unit_test(names_that_cannot_be_are_refused),
        cmocka_unit_test(what_is_no_archive_is_told),
        cmocka_unit_test(changed_bytes_are_found),
        cmocka_unit_test(limits_are_told_with_their_value),
        cmocka_unit_test(a_bomb_is_not_unpacked_whatever_it_says_of_its_size),
        cmocka_unit_test(what_is_read_counts_and_not_what_is_said),
        cmocka_unit_test(a_compressed_entry_is_read),
        cmocka_unit_test(what_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
