/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/compress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Of both: what their command-line tools take. A profile of 10,000 locks takes some 10 ms. */
#define ZSTD_LEVEL 3
#define GZIP_LEVEL 6
/* zlib.h, deflateInit2: 15 is the largest window, + 16 asks for a gzip member. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_MEMORY 8

bool compression_parse(const char *text, enum compression *out)
{
    static const char *const names[] = {"zstd", "gzip", "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum compression)i;
            return true;
        }
    }
    return false;
}

/* With room for the worst case and sane parameters the libraries fail only for want of memory (base/mem.h). */
static void out_of_memory(void)
{
    fputs("lockprof: out of memory while compressing\n", stderr);
    abort();
}

static void compress_zstd(const struct buf *in, struct buf *out)
{
    size_t room = ZSTD_compressBound(in->size);
    buf_reserve(out, room);
    size_t size = ZSTD_compress(out->data, room, in->data ? in->data : "", in->size, ZSTD_LEVEL);
    if (ZSTD_isError(size))
        out_of_memory();
    out->size = size;
}

static void compress_gzip(const struct buf *in, struct buf *out)
{
    z_stream z = {0};
    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        out_of_memory();
    size_t room = deflateBound(&z, in->size);
    buf_reserve(out, room);
    z.next_in = (Bytef *)in->data;
    z.avail_in = (uInt)in->size;
    z.next_out = (Bytef *)out->data;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        out_of_memory();
    out->size = z.total_out;
    deflateEnd(&z);
}

void compress_bytes(enum compression compression, struct buf *bytes)
{
    struct buf out = {0};
    if (compression == COMPRESS_NONE)
        return;
    if (compression == COMPRESS_ZSTD)
        compress_zstd(bytes, &out);
    else
        compress_gzip(bytes, &out);
    buf_fini(bytes);
    *bytes = out;
    buf_reserve(bytes, 1);
    bytes->data[bytes->size] = '\0';
}
