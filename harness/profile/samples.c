/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass. A sample is read whole before it is counted, because its values and its labels
 * come in any order. */
#include "base/mem.h"
#include "base/utf8.h"
#include "profile/reader.h"

#include <inttypes.h>

/* Field numbers of proto/profile.proto. */
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_STR = 2, LABEL_NUM_UNIT = 4 };

/* A sample while it is read. Its labels are in r->labels. */
struct sample {
    uint64_t values[VALUE_COUNT];
    uint64_t value_count;
};

/* --- values ------------------------------------------------------------------------------------------------------- */

static int add_to(struct reader *r, uint64_t *sum, uint64_t value, enum lock_value kind)
{
    static const char *const what[VALUE_COUNT] = {"acquires", "wait time", "releases", "hold time"};
    if (__builtin_add_overflow(*sum, value, sum)) {
        return err_set(r->e, ERR_INPUT, "the sum of the %s has more than 64 bits", what[kind]);
    }
    return 0;
}

static int add_value(struct reader *r, struct sample *s, uint64_t value, const unsigned char *at)
{
    uint64_t column = s->value_count++;
    if (column >= r->type_count || r->types[column].kind == VALUE_COUNT) {
        return 0;
    }
    if ((int64_t)value < 0) {
        return err_set(r->e, ERR_INPUT, "offset %zu: the value of %s is below zero: %" PRId64, (size_t)(at - r->raw),
                       r->p->sample_types[column], (int64_t)value);
    }
    return add_to(r, &s->values[r->types[column].kind], value, r->types[column].kind);
}

static int read_packed_values(struct reader *r, struct sample *s, const struct wire *body)
{
    struct wire w = {body->at, body->end, r->raw};
    while (w.at < w.end) {
        uint64_t value;
        /* Eight zeros at once: a sample is of one kind, and all other columns are zero. */
        if (w.end - w.at >= (ptrdiff_t)sizeof value) {
            memcpy(&value, w.at, sizeof value);
            if (value == 0) {
                w.at += sizeof value;
                s->value_count += sizeof value;
                continue;
            }
        }
        const unsigned char *at = w.at;
        if (wire_varint(&w, &value, r->e) < 0 || add_value(r, s, value, at) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- labels ------------------------------------------------------------------------------------------------------- */

static int label_error(struct reader *r, const struct wire_field *label, uint64_t key, uint64_t str, uint64_t unit)
{
    size_t at = reader_offset(r, label);
    return reader_expect_string(r, key, at, "a label's key") < 0 ||
                   reader_expect_string(r, str, at, "a label's text") < 0
               ? -1
               : reader_expect_string(r, unit, at, "a label's unit");
}

static int read_label(struct reader *r, const struct wire_field *label)
{
    struct wire w = {label->body.at, label->body.end, r->raw};
    struct wire_field f;
    uint64_t key = 0, str = 0, unit = 0;
    int got;
    while ((got = wire_next(&w, &f, r->e)) > 0) {
        if (f.number <= LABEL_NUM_UNIT && f.type != WIRE_VARINT) {
            return reader_expect_type(r, &f, WIRE_VARINT, "a number of a label");
        }
        key = f.number == LABEL_KEY ? f.value : key;
        str = f.number == LABEL_STR ? f.value : str;
        unit = f.number == LABEL_NUM_UNIT ? f.value : unit;
    }
    if (got < 0) {
        return -1;
    }
    if (key >= r->string_count || str >= r->string_count || unit >= r->string_count) {
        return label_error(r, label, key, str, unit);
    }
    /* A text of "" is a label that was not given: proto3 writes both alike. */
    if (r->strings[str].size > 0) {
        if (r->label_count == r->label_capacity) {
            r->labels = mem_grow(r->labels, r->label_count, &r->label_capacity, sizeof *r->labels);
        }
        r->labels[r->label_count++] = (struct text_label){(uint32_t)key, (uint32_t)str};
    }
    return 0;
}

static bool is_lock_name(const struct reader *r, size_t label)
{
    return r->string_flags[r->labels[label].key] & STRING_IS_LOCK_KEY;
}

static int count_name(struct reader *r, const struct sample *s, uint32_t str, uint64_t number)
{
    struct names_entry *name = names_find(&r->names, str, reader_string(r, str));
    if (name == NULL) {
        return err_set(r->e, ERR_INPUT, "more than %zu lock names, which is the limit", r->names.max);
    }
    if (name->last_sample == number) {
        return 0;
    }
    name->last_sample = number;
    name->samples++;
    for (size_t kind = 0; kind < VALUE_COUNT; kind++) {
        if (add_to(r, &name->values[kind], s->values[kind], (enum lock_value)kind) < 0) {
            return -1;
        }
    }
    return 0;
}

static int count_label(struct reader *r, const struct sample *s, size_t label, uint64_t number)
{
    struct text_label at = r->labels[label];
    struct names_entry *key = names_find(&r->keys, at.key, reader_string(r, at.key));
    if (key == NULL) {
        return err_set(r->e, ERR_INPUT, "more than %d keys of labels, which is the limit", PROFILE_KEYS_MAX);
    }
    if (key->last_sample != number) {
        key->last_sample = number;
        key->samples++;
    }
    if (!(r->string_flags[at.str] & STRING_UTF8_CHECKED)) {
        struct string_ref text = reader_string(r, at.str);
        r->string_flags[at.str] |= STRING_UTF8_CHECKED;
        r->p->invalid_utf8 += utf8_valid(text.text, text.size) < text.size;
    }
    return is_lock_name(r, label) ? count_name(r, s, at.str, number) : 0;
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

/* A sample with two lock names counts for both, so that neither of them is hidden. */
static int count_sample(struct reader *r, const struct sample *s, uint64_t number)
{
    bool named = false, lock = false;
    for (size_t i = 0; i < r->label_count && !named; i++) {
        named = is_lock_name(r, i);
    }
    for (size_t kind = 0; kind < VALUE_COUNT; kind++) {
        lock = lock || s->values[kind] != 0;
    }
    if (!lock && !named) {
        return 0;
    }
    r->p->lock_samples++;
    r->p->unlabelled += !named;
    for (size_t i = 0; i < r->label_count; i++) {
        if (count_label(r, s, i, number) < 0) {
            return -1;
        }
    }
    return 0;
}

static int read_sample_field(struct reader *r, struct sample *s, const struct wire_field *f)
{
    switch (f->number) {
    case SAMPLE_LOCATION:
        /* Not ours, but a sample whose stack is broken is broken. */
        return f->type == WIRE_BYTES ? wire_skip_varints(&f->body, r->e)
                                     : reader_expect_type(r, f, WIRE_VARINT, "a location");
    case SAMPLE_VALUE:
        if (f->type == WIRE_BYTES) {
            return read_packed_values(r, s, &f->body);
        }
        return reader_expect_type(r, f, WIRE_VARINT, "a value") < 0 ? -1 : add_value(r, s, f->value, f->start);
    case SAMPLE_LABEL:
        return reader_expect_type(r, f, WIRE_BYTES, "a label") < 0 ? -1 : read_label(r, f);
    default:
        return 0;
    }
}

static int read_sample(struct reader *r, const struct wire_field *sample, uint64_t number)
{
    struct wire w = {sample->body.at, sample->body.end, r->raw};
    struct wire_field f;
    struct sample s = {0};
    int got;
    r->label_count = 0;
    while ((got = wire_next(&w, &f, r->e)) > 0) {
        if (read_sample_field(r, &s, &f) < 0) {
            return -1;
        }
    }
    if (got < 0) {
        return -1;
    }
    if (s.value_count != r->type_count) {
        return err_set(r->e, ERR_INPUT, "offset %zu: %" PRIu64 " values, and %zu sample types",
                       reader_offset(r, sample), s.value_count, r->type_count);
    }
    return count_sample(r, &s, number);
}

int samples_read(struct reader *r)
{
    struct wire w = {r->raw + r->samples_start, r->raw + r->samples_end, r->raw};
    struct wire_field f;
    uint64_t number = 0;
    int got;
    while ((got = wire_next(&w, &f, r->e)) > 0) {
        if (f.number == PROFILE_SAMPLE && read_sample(r, &f, ++number) < 0) {
            return err_wrap(r->e, "sample %" PRIu64, number);
        }
    }
    return got;
}
