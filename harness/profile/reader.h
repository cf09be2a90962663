/* SPDX-License-Identifier: Apache-2.0 */
/* What the passes over a pprof message share. Private to the folder. */
#ifndef LOCKTRAIL_PROFILE_READER_H
#define LOCKTRAIL_PROFILE_READER_H

#include "profile/names.h"
#include "profile/profile.h"
#include "profile/wire.h"

#include <string.h>

/* The field of struct profile's message that both passes read. */
#define PROFILE_SAMPLE 2

/* What is known of a string of the table. */
enum { STRING_IS_LOCK_KEY = 1, STRING_UTF8_CHECKED = 2 };

struct string_at {
    uint32_t offset, size;
};

struct sample_type {
    uint64_t type, unit;  /* strings */
    size_t offset;        /* of the message, for errors */
    enum lock_value kind; /* VALUE_COUNT: none of ours */
};

/* A label with a text. */
struct text_label {
    uint32_t key, str;
};

struct reader {
    const unsigned char *raw;
    size_t size;
    const struct profile_limits *limits;
    struct profile *p;
    struct err *e;
    struct string_at *strings;
    size_t string_count, string_capacity;
    unsigned char *string_flags;
    struct sample_type *types;
    size_t type_count, type_capacity;
    size_t samples_start, samples_end; /* offsets: all samples are between */
    struct names names, keys;
    struct text_label *labels; /* of the sample that is being read */
    size_t label_count, label_capacity;
};

/* The first pass, for a reader with `raw`, `size`, `limits`, `p` and `e`: string table, sample types and where the
 * samples are. reader_fini frees what it holds, after a failure too. */
int reader_open(struct reader *r);
void reader_fini(struct reader *r);

/* A string of the table for a person and for a C string: a zero byte becomes U+FFFD. The caller frees it. */
char *reader_copy_text(struct string_ref string);

/* Reads all samples into r->names, r->keys and the counts of r->p. The string table and the sample
 * types are known. */
int samples_read(struct reader *r);

/* The string at a checked index. */
static inline struct string_ref reader_string(const struct reader *r, size_t index)
{
    struct string_at at = r->strings[index];
    return (struct string_ref){(const char *)r->raw + at.offset, at.size};
}

/* Errors where a field is not of its wire type, and where an index is beyond the string table. */
int reader_expect_type(struct reader *r, const struct wire_field *f, enum wire_type type, const char *what);
int reader_expect_string(struct reader *r, uint64_t index, size_t offset, const char *what);

static inline size_t reader_offset(const struct reader *r, const struct wire_field *f)
{
    return (size_t)(f->start - r->raw);
}

#endif
