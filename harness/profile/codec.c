/* SPDX-License-Identifier: Apache-2.0 */
/* Each decoder is a step function: it takes input from `at`, adds output where there is room, and
 * says whether it stands between two frames. One loop drives them all, and holds the limit and the
 * truncation check once. */
#include "profile/codec.h"

#include <assert.h>
#include <lz4frame.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Room for the first output, and the least that is added later: two blocks of zstd, so that a block
 * fits at once. */
#define ROOM_MIN ((size_t)256 << 10)
/* Lock profiles shrink to a quarter and less; the first guess of the room, so that most need no
 * second one. */
#define RATIO_GUESS 8

static const unsigned char gzip_magic[] = {0x1F, 0x8B};
static const unsigned char zstd_magic[] = {0x28, 0xB5, 0x2F, 0xFD};
static const unsigned char lz4_magic[] = {0x04, 0x22, 0x4D, 0x18};
static const unsigned char skippable_tail[] = {0x2A, 0x4D, 0x18};

/* A run of one decoder over one input. */
struct decode {
    const unsigned char *bytes;
    size_t size, at; /* of the input */
    struct buf *out;
    size_t limit;       /* size of *out that must not be passed */
    bool between;       /* the decoder stands between two frames */
    size_t frame_start; /* where the current one began */
    struct err *e;
    union {
        z_stream gzip;
        ZSTD_DCtx *zstd;
        LZ4F_dctx *lz4;
    } u;
};

struct decoder {
    const char *name;
    const char *frame; /* what it calls its unit */
    int (*open)(struct decode *d);
    int (*step)(struct decode *d, size_t room); /* writes at most `room` bytes at the end of *out */
    void (*close)(struct decode *d);
};

static bool has_magic(const unsigned char *bytes, size_t size, const unsigned char *magic, size_t magic_size)
{
    return size >= magic_size && memcmp(bytes, magic, magic_size) == 0;
}

enum profile_encoding codec_detect(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    bool skipped = false;
    while (size >= 8 && (at[0] & 0xF0) == 0x50 && memcmp(at + 1, skippable_tail, sizeof skippable_tail) == 0) {
        size_t length = (size_t)at[4] | (size_t)at[5] << 8 | (size_t)at[6] << 16 | (size_t)at[7] << 24;
        skipped = true;
        if (length > size - 8) {
            return ENCODING_ZSTD;
        }
        at += 8 + length;
        size -= 8 + length;
    }
    if (has_magic(at, size, lz4_magic, sizeof lz4_magic)) {
        return ENCODING_LZ4;
    }
    if (skipped || has_magic(at, size, zstd_magic, sizeof zstd_magic)) {
        return ENCODING_ZSTD;
    }
    return has_magic(at, size, gzip_magic, sizeof gzip_magic) ? ENCODING_GZIP : ENCODING_NONE;
}

static int corrupt(struct decode *d, const char *name, const char *reason)
{
    return err_set(d->e, ERR_INPUT, "offset %zu: corrupt %s data: %s", d->at, name, reason);
}

static int gzip_open(struct decode *d)
{
    memset(&d->u.gzip, 0, sizeof d->u.gzip);
    if (inflateInit2(&d->u.gzip, 15 + 16) != Z_OK) { /* the largest window; a gzip header is wanted */
        return err_set(d->e, ERR_INTERNAL, "zlib can't begin");
    }
    return 0;
}

static unsigned at_most_uint(size_t size)
{
    return size < UINT32_MAX ? (unsigned)size : UINT32_MAX;
}

static int gzip_step(struct decode *d, size_t room)
{
    z_stream *z = &d->u.gzip;
    if (d->between && d->at > 0 && inflateReset(z) != Z_OK) {
        return err_set(d->e, ERR_INTERNAL, "zlib can't begin again");
    }
    unsigned input = at_most_uint(d->size - d->at), output = at_most_uint(room);
    z->next_in = (Bytef *)d->bytes + d->at;
    z->avail_in = input;
    z->next_out = (Bytef *)d->out->data + d->out->size;
    z->avail_out = output;
    int result = inflate(z, Z_NO_FLUSH);
    d->at += input - z->avail_in;
    d->out->size += output - z->avail_out;
    d->between = result == Z_STREAM_END;
    if (result == Z_STREAM_END || result == Z_OK || result == Z_BUF_ERROR) {
        return 0;
    }
    return corrupt(d, "gzip", z->msg != NULL ? z->msg : zError(result));
}

static void gzip_close(struct decode *d)
{
    inflateEnd(&d->u.gzip);
}

static int zstd_open(struct decode *d)
{
    d->u.zstd = ZSTD_createDCtx();
    return d->u.zstd != NULL ? 0 : err_set(d->e, ERR_INTERNAL, "zstd can't begin");
}

static int zstd_step(struct decode *d, size_t room)
{
    ZSTD_inBuffer in = {.src = d->bytes, .size = d->size, .pos = d->at};
    ZSTD_outBuffer out = {.dst = d->out->data + d->out->size, .size = room};
    size_t result = ZSTD_decompressStream(d->u.zstd, &out, &in);
    d->at = in.pos;
    d->out->size += out.pos;
    d->between = result == 0;
    return ZSTD_isError(result) ? corrupt(d, "zstd", ZSTD_getErrorName(result)) : 0;
}

static void zstd_close(struct decode *d)
{
    ZSTD_freeDCtx(d->u.zstd);
}

static int lz4_open(struct decode *d)
{
    if (LZ4F_isError(LZ4F_createDecompressionContext(&d->u.lz4, LZ4F_VERSION))) {
        return err_set(d->e, ERR_INTERNAL, "lz4 can't begin");
    }
    return 0;
}

static int lz4_step(struct decode *d, size_t room)
{
    size_t input = d->size - d->at, output = room;
    size_t result = LZ4F_decompress(d->u.lz4, d->out->data + d->out->size, &output, d->bytes + d->at, &input, NULL);
    if (LZ4F_isError(result)) {
        return corrupt(d, "lz4", LZ4F_getErrorName(result));
    }
    d->at += input;
    d->out->size += output;
    d->between = result == 0;
    return 0;
}

static void lz4_close(struct decode *d)
{
    LZ4F_freeDecompressionContext(d->u.lz4);
}

static const struct decoder decoders[] = {
    [ENCODING_GZIP] = {"gzip", "member", gzip_open, gzip_step, gzip_close},
    [ENCODING_ZSTD] = {"zstd", "frame", zstd_open, zstd_step, zstd_close},
    [ENCODING_LZ4] = {"lz4", "frame", lz4_open, lz4_step, lz4_close},
};

/* Room at the end of *out; never more than one byte above the limit. */
static size_t make_room(struct decode *d)
{
    size_t left = d->limit - d->out->size + 1;
    size_t room = d->out->capacity - d->out->size - 1;
    if (room < left && room < ROOM_MIN) {
        buf_reserve(d->out, left < ROOM_MIN ? left : ROOM_MIN);
        room = d->out->capacity - d->out->size - 1;
    }
    return room < left ? room : left;
}

static int run(struct decode *d, const struct decoder *decoder)
{
    d->between = true;
    while (d->at < d->size || !d->between) {
        size_t at = d->at, size = d->out->size;
        if (d->between) {
            d->frame_start = at;
        }
        if (decoder->step(d, make_room(d)) < 0) {
            return -1;
        }
        if (d->out->size > d->limit) {
            return err_set(d->e, ERR_INPUT, "offset %zu: more than %zu bytes after decompression, which is the limit",
                           d->at, d->limit);
        }
        if (d->at == at && d->out->size == size) {
            return err_set(d->e, ERR_INPUT, "offset %zu: truncated: the %s %s that begins at offset %zu has no end",
                           d->at, decoder->name, decoder->frame, d->frame_start);
        }
    }
    return 0;
}

/* How much will come out. A zstd frame may say it (and, given the room, is then decoded without a
 * copy). */
static size_t guess_size(const struct decode *d, enum profile_encoding encoding)
{
    if (encoding == ENCODING_ZSTD) {
        unsigned long long said = ZSTD_getFrameContentSize(d->bytes, d->size);
        if (said != ZSTD_CONTENTSIZE_UNKNOWN && said != ZSTD_CONTENTSIZE_ERROR && said <= d->limit) {
            return (size_t)said;
        }
    }
    return d->size < d->limit / RATIO_GUESS ? d->size * RATIO_GUESS : d->limit;
}

int codec_decode(enum profile_encoding encoding, const void *bytes, size_t size, size_t max_size, struct buf *out,
                 struct err *e)
{
    assert(encoding != ENCODING_NONE);
    const struct decoder *decoder = &decoders[encoding];
    struct decode d = {.bytes = bytes, .size = size, .out = out, .e = e};
    /* The buffer adds a zero byte, and the limit itself must be seen to be passed. */
    d.limit = max_size < SIZE_MAX / 4 ? max_size : SIZE_MAX / 4;
    if (decoder->open(&d) < 0) {
        return -1;
    }
    buf_reserve(out, guess_size(&d, encoding) + 1);
    d.limit += out->size;
    int result = run(&d, decoder);
    decoder->close(&d);
    if (result == 0) {
        out->data[out->size] = '\0';
    }
    return result;
}
