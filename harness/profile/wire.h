/* SPDX-License-Identifier: Apache-2.0 */
/* The protobuf wire format: tags, varints, lengths (protobuf.dev, "Encoding"). Reads only inside
 * its bounds. The frequent cases are inline; everything that can fail ends in wire.c. */
#ifndef LOCKTRAIL_PROFILE_WIRE_H
#define LOCKTRAIL_PROFILE_WIRE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Unread bytes of one message, borrowed. `base` is where offsets in errors count from. */
struct wire {
    const unsigned char *at, *end, *base;
};

/* One field: `value` for WIRE_VARINT, `body` for WIRE_BYTES; fixed numbers are passed over. */
struct wire_field {
    const unsigned char *start; /* of its tag */
    unsigned number;
    enum wire_type type;
    uint64_t value;
    struct wire body;
};

static inline size_t wire_offset(const struct wire *w)
{
    return (size_t)(w->at - w->base);
}

/* A varint of any length; the reader does not move on failure: cut short, or above 64 bits. */
int wire_varint_long(struct wire *w, uint64_t *out, struct err *e);

static inline int wire_varint(struct wire *w, uint64_t *out, struct err *e)
{
    if (w->at < w->end && *w->at < 0x80) {
        *out = *w->at++;
        return 0;
    }
    return wire_varint_long(w, out, e);
}

/* Whether bytes divide into varints of at most ten bytes, without decoding them: packed numbers that nobody asks for.
 */
int wire_skip_varints(const struct wire *w, struct err *e);

/* The field at the reader's place, whatever it is. */
int wire_field_long(struct wire *w, struct wire_field *f, struct err *e);

/* 1 and the next field, 0 at the end, -1 where the bytes are not of the format: a group, an unknown
 * wire type, field number 0, a length that goes beyond the message. The reader does not move on
 * failure. */
static inline int wire_next(struct wire *w, struct wire_field *f, struct err *e)
{
    /* A body is only read after its type was checked, in another file than the analyzer looks at. */
    if (w->at == w->end) { /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult) */
        return 0;
    }
    f->start = w->at;
    /* Short fields with a number below 16, and numbers of any length: nearly all of a profile. */
    if (w->end - w->at >= 2 && w->at[0] < 0x80 && w->at[0] >= 8) {
        unsigned type = w->at[0] & 7;
        f->number = w->at[0] >> 3;
        f->type = (enum wire_type)type;
        if (type == WIRE_BYTES && w->at[1] < 0x80 && w->end - w->at - 2 >= w->at[1]) {
            f->body = (struct wire){w->at + 2, w->at + 2 + w->at[1], w->base};
            w->at = f->body.end;
            return 1;
        }
        if (type == WIRE_VARINT) {
            struct wire number = {w->at + 1, w->end, w->base};
            if (wire_varint(&number, &f->value, e) < 0) {
                return -1;
            }
            w->at = number.at;
            return 1;
        }
    }
    return wire_field_long(w, f, e);
}

#endif
