/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/codec.h"

#include "base/mem.h"
#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

enum { LIMIT = 1 << 20 };

static const enum profile_encoding compressed[] = {ENCODING_GZIP, ENCODING_ZSTD, ENCODING_LZ4};
enum { COMPRESSED = sizeof compressed / sizeof compressed[0] };

/* Text that shrinks, but not to nothing. */
static void add_text(struct buf *b, size_t size)
{
    uint64_t random = 5;
    while (b->size < size) {
        random = random * UINT64_C(6364136223846793005) + 1;
        buf_printf(b, "%u:user_session_lock ", (unsigned)(random >> 50));
    }
}

/* Decodes a copy without a byte to spare behind it. */
static int decode(enum profile_encoding encoding, const void *bytes, size_t size, struct buf *out, struct err *e)
{
    char *exact = mem_calloc(size, 1);
    memcpy(exact, bytes, size);
    int result = codec_decode(encoding, exact, size, LIMIT, out, e);
    free(exact);
    return result;
}

static void test_magic_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum profile_encoding encoding;
    } cases[] = {
        {"", 0, ENCODING_NONE},
        {"\x1F", 1, ENCODING_NONE},
        {"\x1F\x8B", 2, ENCODING_GZIP},
        {"\x28\xB5\x2F\xFD", 4, ENCODING_ZSTD},
        {"\x28\xB5\x2F", 3, ENCODING_NONE},
        {"\x04\x22\x4D\x18", 4, ENCODING_LZ4},
        {"\x0A\x04\x08\x01", 4, ENCODING_NONE},
        {"\x50\x2A\x4D\x18\x00\x00\x00\x00", 8, ENCODING_ZSTD},
        {"\x5F\x2A\x4D\x18\x01\x00\x00\x00x\x04\x22\x4D\x18", 13, ENCODING_LZ4},
        {"\x5F\x2A\x4D\x18\x01\x00\x00\x00x\x28\xB5\x2F\xFD", 13, ENCODING_ZSTD},
        {"\x5F\x2A\x4D\x18\xFF\xFF\xFF\xFFx\x04\x22\x4D\x18", 13, ENCODING_ZSTD},
        {"\x5F\x2A\x4D\x18\x01\x00\x00", 7, ENCODING_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(codec_detect(cases[i].bytes, cases[i].size), cases[i].encoding);
    }
}

static void test_round_trip_at_each_size(void **state)
{
    static const size_t sizes[] = {1, 100, 65536, 300000, LIMIT - 100};
    (void)state;
    for (size_t c = 0; c < COMPRESSED; c++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct buf text = {0}, packed = {0}, out = {0};
            struct err e;
            add_text(&text, sizes[i]);
            pprof_build_encode(text.data, text.size, compressed[c], &packed);
            assert_int_equal(codec_detect(packed.data, packed.size), compressed[c]);
            assert_int_equal(decode(compressed[c], packed.data, packed.size, &out, &e), 0);
            assert_int_equal(out.size, text.size);
            assert_memory_equal(out.data, text.data, text.size + 1);
            buf_fini(&text);
            buf_fini(&packed);
            buf_fini(&out);
        }
    }
}

static void test_members_and_frames_one_behind_the_other(void **state)
{
    static const char skippable[] = "\x53\x2A\x4D\x18\x03\x00\x00\x00xyz";
    (void)state;
    for (size_t c = 0; c < COMPRESSED; c++) {
        struct buf packed = {0}, out = {0};
        struct err e;
        bool skips = compressed[c] != ENCODING_GZIP;
        for (int i = 0; i < 3; i++) {
            buf_add(&packed, skippable, skips ? sizeof skippable - 1 : 0);
            pprof_build_encode("part ", i == 1 ? 0 : 5, compressed[c], &packed);
        }
        buf_add(&packed, skippable, skips ? sizeof skippable - 1 : 0);
        assert_int_equal(codec_detect(packed.data, packed.size), compressed[c]);
        assert_int_equal(decode(compressed[c], packed.data, packed.size, &out, &e), 0);
        assert_string_equal(out.data, "part part ");
        buf_fini(&packed);
        buf_fini(&out);
    }
}

/* A stream that does not say its size, as ddtrace writes it. */
static void test_zstd_of_unknown_size(void **state)
{
    struct buf text = {0}, packed = {0}, out = {0};
    struct err e;
    (void)state;
    add_text(&text, 700000);
    buf_reserve(&packed, text.size);
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_inBuffer from = {.src = text.data, .size = text.size};
    ZSTD_outBuffer to = {.dst = packed.data, .size = text.size};
    ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 0);
    assert_int_equal(ZSTD_compressStream2(z, &to, &from, ZSTD_e_end), 0);
    ZSTD_freeCCtx(z);
    assert_true(ZSTD_getFrameContentSize(packed.data, to.pos) == ZSTD_CONTENTSIZE_UNKNOWN);
    assert_int_equal(decode(ENCODING_ZSTD, packed.data, to.pos, &out, &e), 0);
    assert_int_equal(out.size, text.size);
    assert_memory_equal(out.data, text.data, text.size);
    buf_fini(&text);
    buf_fini(&packed);
    buf_fini(&out);
}

static void test_every_truncation_says_so(void **state)
{
    static const char *const wanted[COMPRESSED] = {
        "truncated: the gzip member that begins at offset ",
        "truncated: the zstd frame that begins at offset ",
        "truncated: the lz4 frame that begins at offset ",
    };
    (void)state;
    for (size_t c = 0; c < COMPRESSED; c++) {
        struct buf text = {0}, packed = {0};
        add_text(&text, 3000);
        pprof_build_encode(text.data, 1000, compressed[c], &packed);
        size_t first = packed.size;
        pprof_build_encode(text.data, text.size, compressed[c], &packed);
        for (size_t size = 1; size < packed.size; size++) {
            struct buf out = {0};
            struct err e = {0};
            int result = decode(compressed[c], packed.data, size, &out, &e);
            assert_int_equal(result, size == first ? 0 : -1);
            if (size != first) {
                char whole[200];
                snprintf(whole, sizeof whole, "offset %zu: %s%zu has no end", size, wanted[c],
                         size < first ? 0 : first);
                assert_string_equal(e.text, whole);
                assert_int_equal(e.code, ERR_INPUT);
            }
            buf_fini(&out);
        }
        buf_fini(&text);
        buf_fini(&packed);
    }
}

static void test_corruption_is_found(void **state)
{
    static const char *const wanted[COMPRESSED] = {
        "offset 27: corrupt gzip data: incorrect header check",
        "offset 14: corrupt zstd data: Unknown frame descriptor",
        "offset 24: corrupt lz4 data: ERROR_frameType_unknown",
    };
    (void)state;
    for (size_t c = 0; c < COMPRESSED; c++) {
        struct buf packed = {0}, out = {0};
        struct err e = {0};
        pprof_build_encode("hello", 5, compressed[c], &packed);
        buf_add_str(&packed, "what is this?");
        assert_int_equal(decode(compressed[c], packed.data, packed.size, &out, &e), -1);
        assert_string_equal(e.text, wanted[c]);
        buf_fini(&packed);
        buf_fini(&out);
    }
}

/* gzip and lz4 have checksums, so no flipped bit of the data goes unseen. */
static void test_flipped_bits_are_found_or_harmless(void **state)
{
    (void)state;
    for (size_t c = 0; c < COMPRESSED; c++) {
        struct buf text = {0}, packed = {0};
        add_text(&text, 300);
        pprof_build_encode(text.data, text.size, compressed[c], &packed);
        for (size_t bit = 0; bit < packed.size * 8; bit++) {
            struct buf out = {0};
            struct err e = {0};
            packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
            int result = decode(compressed[c], packed.data, packed.size, &out, &e);
            assert_true(result < 0 || compressed[c] == ENCODING_ZSTD ||
                        (out.size == text.size && memcmp(out.data, text.data, out.size) == 0));
            packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
            buf_fini(&out);
        }
        buf_fini(&text);
        buf_fini(&packed);
    }
}

static void test_the_limit_is_reached_exactly(void **state)
{
    char *zeros = mem_calloc(LIMIT + 1, 1);
    (void)state;
    for (size_t c = 0; c < COMPRESSED; c++) {
        for (size_t over = 0; over <= 1; over++) {
            struct buf packed = {0}, out = {0};
            struct err e;
            pprof_build_encode(zeros, LIMIT + over, compressed[c], &packed);
            assert_int_equal(decode(compressed[c], packed.data, packed.size, &out, &e), over ? -1 : 0);
            if (over == 0) {
                assert_int_equal(out.size, LIMIT);
            } else {
                assert_non_null(strstr(e.text, ": more than 1048576 bytes after decompression, which is the limit"));
            }
            buf_fini(&packed);
            buf_fini(&out);
        }
    }
    free(zeros);
}

/* 256 MiB of zeros, and many small frames of them: no more than the limit is ever kept. */
static void test_a_bomb_hits_the_limit(void **state)
{
    size_t size = (size_t)256 << 20;
    char *zeros = mem_calloc(size, 1);
    (void)state;
    for (size_t c = 0; c < 2 * COMPRESSED; c++) {
        struct buf packed = {0}, out = {0};
        struct err e;
        if (c < COMPRESSED) {
            pprof_build_encode(zeros, size, compressed[c], &packed);
        }
        for (size_t i = 0; c >= COMPRESSED && i < 5000; i++) {
            pprof_build_encode(zeros, 1000, compressed[c - COMPRESSED], &packed);
        }
        assert_int_equal(decode(compressed[c % COMPRESSED], packed.data, packed.size, &out, &e), -1);
        assert_non_null(strstr(e.text, ": more than 1048576 bytes after decompression, which is the limit"));
        assert_true(out.size <= LIMIT + 1);
        assert_true(out.capacity <= 3 * LIMIT);
        buf_fini(&packed);
        buf_fini(&out);
    }
    free(zeros);
}

/* A frame that says it has 16 EiB gets no more memory for that. */
static void test_a_frame_that_lies_about_its_size(void **state)
{
    static const char frame[] = "\x28\xB5\x2F\xFD\xE0\xFE\xFF\xFF\xFF\xFF\xFF\xFF\x00\x01\x00\x00";
    struct buf out = {0};
    struct err e = {0};
    (void)state;
    assert_int_equal(decode(ENCODING_ZSTD, frame, sizeof frame - 1, &out, &e), -1);
    assert_true(out.capacity <= 2 * LIMIT);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_magic_bytes),
        cmocka_unit_test(test_round_trip_at_each_size),
        cmocka_unit_test(test_members_and_frames_one_behind_the_other),
        cmocka_unit_test(test_zstd_of_unknown_size),
        cmocka_unit_test(test_every_truncation_says_so),
        cmocka_unit_test(test_corruption_is_found),
        cmocka_unit_test(test_flipped_bits_are_found_or_harmless),
        cmocka_unit_test(test_the_limit_is_reached_exactly),
        cmocka_unit_test(test_a_bomb_hits_the_limit),
        cmocka_unit_test(test_a_frame_that_lies_about_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
