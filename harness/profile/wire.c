/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/wire.h"

#include <inttypes.h>
#include <string.h>

/* 64 bits in groups of seven. */
#define VARINT_BYTES_MAX 10
/* Field numbers have 29 bits. */
#define FIELD_NUMBER_MAX ((UINT64_C(1) << 29) - 1)

/* Of eight bytes, the bits that say that a number goes on. Words are read little-endian: the first byte is the lowest.
 */
#define TOP_BITS UINT64_C(0x8080808080808080)

static int varint_by_bytes(struct wire *w, uint64_t *out, struct err *e)
{
    uint64_t value = 0;
    const unsigned char *at = w->at;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        if (at == w->end) {
            return err_set(e, ERR_INPUT, "offset %zu: truncated inside a number", wire_offset(w));
        }
        unsigned char byte = *at++;
        if (i == VARINT_BYTES_MAX - 1 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            w->at = at;
            *out = value;
            return 0;
        }
    }
    return err_set(e, ERR_INPUT, "offset %zu: a number of more than 64 bits", wire_offset(w));
}

/* Eight groups of seven bits, each in a byte of its own, to 56 bits: the gaps are closed pair by pair. */
static uint64_t join_groups(uint64_t word)
{
    word = (word & UINT64_C(0x007F007F007F007F)) | (word & UINT64_C(0x7F007F007F007F00)) >> 1;
    word = (word & UINT64_C(0x00003FFF00003FFF)) | (word & UINT64_C(0x3FFF00003FFF0000)) >> 2;
    return (word & UINT64_C(0x000000000FFFFFFF)) | (word & UINT64_C(0x0FFFFFFF00000000)) >> 4;
}

int wire_varint_long(struct wire *w, uint64_t *out, struct err *e)
{
    uint64_t word;
    if (w->end - w->at < (ptrdiff_t)sizeof word) {
        return varint_by_bytes(w, out, e);
    }
    memcpy(&word, w->at, sizeof word);
    uint64_t ends = ~word & TOP_BITS;
    if (ends != 0) {
        w->at += __builtin_ctzll(ends) / 8 + 1;
        *out = join_groups(word & (ends ^ (ends - 1)));
        return 0;
    }
    /* Nine bytes: the time of day in nanoseconds, which is in every sample of a timeline. */
    if (w->end - w->at > (ptrdiff_t)sizeof word && w->at[8] < 0x80) {
        *out = join_groups(word) | (uint64_t)w->at[8] << 56;
        w->at += 9;
        return 0;
    }
    return varint_by_bytes(w, out, e);
}

/* Bytes that go on have their top bit set; more than nine of them in a row are too many. Eight at a time: of a word
 * only the run at its start, which belongs to the one before, and the run at its end are of interest (little-endian:
 * the first byte is the lowest). */
int wire_skip_varints(const struct wire *w, struct err *e)
{
    const unsigned char *at = w->at;
    unsigned run = 0;
    while (at < w->end && run < VARINT_BYTES_MAX) {
        uint64_t word;
        if (w->end - at >= (ptrdiff_t)sizeof word) {
            memcpy(&word, at, sizeof word);
            uint64_t ends = ~word & TOP_BITS;
            if (ends == 0) {
                run += sizeof word;
            } else if (run + (unsigned)__builtin_ctzll(ends) / 8 >= VARINT_BYTES_MAX) {
                run = VARINT_BYTES_MAX;
            } else {
                run = (unsigned)__builtin_clzll(ends) / 8;
            }
            at += sizeof word;
        } else {
            run = *at++ >= 0x80 ? run + 1 : 0;
        }
    }
    if (run >= VARINT_BYTES_MAX) {
        return err_set(e, ERR_INPUT, "offset %zu: among its numbers is one of more than 64 bits", wire_offset(w));
    }
    return run == 0 ? 0
                    : err_set(e, ERR_INPUT, "offset %zu: truncated inside a number", (size_t)(w->end - w->base) - run);
}

/* Behind a tag. */
static int read_payload(struct wire *w, struct wire_field *f, struct err *e)
{
    size_t start = wire_offset(w);
    uint64_t size;
    if (f->type == WIRE_VARINT) {
        return wire_varint(w, &f->value, e);
    }
    if (f->type != WIRE_BYTES) {
        size = f->type == WIRE_FIXED64 ? 8 : 4;
    } else if (wire_varint(w, &size, e) < 0) {
        return -1;
    }
    size_t left = (size_t)(w->end - w->at);
    if (size > left) {
        return err_set(e, ERR_INPUT, "offset %zu: truncated: field %u has %" PRIu64 " bytes, and %zu are left", start,
                       f->number, size, left);
    }
    f->body = (struct wire){w->at, w->at + size, w->base};
    w->at += size;
    return 0;
}

static int read_field(struct wire *w, struct wire_field *f, struct err *e)
{
    size_t start = wire_offset(w);
    uint64_t tag;
    if (wire_varint(w, &tag, e) < 0) {
        return -1;
    }
    unsigned type = (unsigned)(tag & 7);
    if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX) {
        return err_set(e, ERR_INPUT, "offset %zu: there is no field number %" PRIu64, start, tag >> 3);
    }
    if (type != WIRE_VARINT && type != WIRE_FIXED64 && type != WIRE_BYTES && type != WIRE_FIXED32) {
        return err_set(e, ERR_INPUT, "offset %zu: field %" PRIu64 " is of wire type %u, which pprof does not use",
                       start, tag >> 3, type);
    }
    f->number = (unsigned)(tag >> 3);
    f->type = (enum wire_type)type;
    return read_payload(w, f, e);
}

int wire_field_long(struct wire *w, struct wire_field *f, struct err *e)
{
    const unsigned char *start = w->at;
    if (read_field(w, f, e) < 0) {
        w->at = start;
        return -1;
    }
    return 1;
}
