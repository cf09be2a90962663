/* SPDX-License-Identifier: Apache-2.0 */
/* One gzip member, zstd frame or lz4 frame of all the bytes. Nothing of time or machine goes in, so that the same bytes
 * always give the same file. */
#include "profile/codec.h"

#include <assert.h>
#include <lz4frame.h>
#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

/* What the profilers use: speed before size. */
enum { GZIP_LEVEL = 6, ZSTD_LEVEL = 3 };

/* zlib counts its pieces in 32 bits. */
#define GZIP_PIECE_MAX ((size_t)1 << 30)

static void encode_gzip(const unsigned char *bytes, size_t size, struct buf *out)
{
    z_stream z = {0};
    int result = deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    assert(result == Z_OK);
    do {
        if (z.avail_in == 0) {
            size_t piece = size < GZIP_PIECE_MAX ? size : GZIP_PIECE_MAX;
            z.next_in = (Bytef *)bytes;
            z.avail_in = (uInt)piece;
            bytes += piece;
            size -= piece;
        }
        size_t room = deflateBound(&z, z.avail_in);
        buf_reserve(out, room);
        z.next_out = (Bytef *)out->data + out->size;
        z.avail_out = (uInt)room;
        result = deflate(&z, size > 0 ? Z_NO_FLUSH : Z_FINISH);
        assert(result == Z_OK || result == Z_STREAM_END);
        out->size += room - z.avail_out;
    } while (result != Z_STREAM_END);
    deflateEnd(&z);
}

static void encode_zstd(const void *bytes, size_t size, struct buf *out)
{
    size_t room = ZSTD_compressBound(size);
    buf_reserve(out, room);
    size_t written = ZSTD_compress(out->data + out->size, room, bytes, size, ZSTD_LEVEL);
    assert(!ZSTD_isError(written));
    out->size += written;
}

static void encode_lz4(const void *bytes, size_t size, struct buf *out)
{
    LZ4F_preferences_t preferences = {.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled}};
    size_t room = LZ4F_compressFrameBound(size, &preferences);
    buf_reserve(out, room);
    size_t written = LZ4F_compressFrame(out->data + out->size, room, bytes, size, &preferences);
    assert(!LZ4F_isError(written));
    out->size += written;
}

void codec_encode(enum profile_encoding encoding, const void *bytes, size_t size, struct buf *out)
{
    switch (encoding) {
    case ENCODING_NONE:
        buf_add(out, bytes, size);
        return;
    case ENCODING_GZIP:
        encode_gzip(bytes, size, out);
        break;
    case ENCODING_ZSTD:
        encode_zstd(bytes, size, out);
        break;
    case ENCODING_LZ4:
        encode_lz4(bytes, size, out);
        break;
    }
    out->data[out->size] = '\0';
}
