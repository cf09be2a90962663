/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/identity.h"

#include "base/mem.h"
#include "profile/codec.h"
#include "profile/content.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of proto/profile.proto. */
enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_STR = 2, LABEL_NUM = 3 };

enum { KEY_SHARED = 1, KEY_OWN = 2 };

uint64_t identities_string_hash(struct identities *f, uint64_t index)
{
    if (index >= f->reader.string_count) {
        return 1;
    }
    if (f->string_hashes[index] == 0) {
        struct string_ref s = reader_string(&f->reader, index);
        f->string_hashes[index] = content_hash(s.text, s.size);
    }
    return f->string_hashes[index];
}

static uint64_t string_hash(void *data, uint64_t index)
{
    return identities_string_hash(data, index);
}

static int unpack(struct identities *f, const void *bytes, size_t size, const struct profile_limits *limits,
                  struct err *e)
{
    enum profile_encoding encoding = codec_detect(bytes, size);
    size_t max = limits->max_raw_size < UINT32_MAX ? limits->max_raw_size : UINT32_MAX;
    f->reader.raw = bytes;
    f->reader.size = size;
    if (encoding == ENCODING_NONE) {
        return size <= max ? 0 : err_set(e, ERR_INPUT, "%zu bytes, and the limit is %zu", size, max);
    }
    if (codec_decode(encoding, bytes, size, max, &f->unpacked, e) < 0) {
        return -1;
    }
    f->reader.raw = (const unsigned char *)f->unpacked.data;
    f->reader.size = f->unpacked.size;
    return 0;
}

int identities_open(struct identities *f, const void *bytes, size_t size, const struct profile_limits *limits,
                    struct err *e)
{
    f->reader.limits = limits;
    f->reader.p = &f->profile;
    f->reader.e = e;
    if (unpack(f, bytes, size, limits, e) < 0 || reader_open(&f->reader) < 0) {
        return -1;
    }
    f->string_hashes = mem_calloc(f->reader.string_count, sizeof *f->string_hashes);
    f->key_shared = mem_calloc(f->reader.string_count, sizeof *f->key_shared);
    f->type_shared = mem_calloc(f->reader.type_count, sizeof *f->type_shared);
    f->stacks = (struct stacks){.string_hash = string_hash, .data = f};
    f->all = true;
    for (size_t i = 0; i < f->reader.type_count; i++) {
        f->all = f->all && f->reader.types[i].kind == VALUE_COUNT;
    }
    return stacks_read(&f->stacks, &f->reader);
}

/* --- what both files know ----------------------------------------------------------------------------------------- */

static bool same_string(struct string_ref a, struct string_ref b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

static bool other_knows(const struct identities *other, struct string_ref text)
{
    for (size_t i = 0; i < other->reader.string_count; i++) {
        if (same_string(reader_string(&other->reader, i), text)) {
            return true;
        }
    }
    return false;
}

/* Few strings are keys, so that each is looked for once. "" is in every table and the key of nothing: a label that has
 * it was stripped of its own. */
bool identities_key_is_shared(struct identities *f, const struct identities *other, uint32_t key)
{
    if (f->key_shared[key] == 0) {
        struct string_ref text = reader_string(&f->reader, key);
        f->key_shared[key] = text.size > 0 && other_knows(other, text) ? KEY_SHARED : KEY_OWN;
    }
    return f->key_shared[key] == KEY_SHARED;
}

static void share_types(struct identities *f, const struct identities *other)
{
    for (size_t i = 0; i < f->reader.type_count; i++) {
        struct string_ref name = reader_string(&f->reader, f->reader.types[i].type);
        for (size_t k = 0; k < other->reader.type_count && !f->type_shared[i]; k++) {
            f->type_shared[i] = same_string(name, reader_string(&other->reader, other->reader.types[k].type));
        }
    }
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

struct reading {
    struct identities *f;
    const struct identities *other;
    struct identity at;
    uint64_t column;
    bool lock;
};

static void take_value(struct reading *r, uint64_t value)
{
    struct identities *f = r->f;
    uint64_t column = r->column++;
    if (value == 0 || column >= f->reader.type_count) {
        return;
    }
    const struct sample_type *type = &f->reader.types[column];
    uint64_t name = f->type_shared[column] ? identities_string_hash(f, type->type) : 0;
    r->at.values += content_mix(name, value);
    r->lock = r->lock || type->kind != VALUE_COUNT;
    if (type->kind == VALUE_ACQUIRE) {
        r->at.acquires += value;
    }
    if (type->kind == VALUE_ACQUIRE || type->kind == VALUE_RELEASE) {
        r->at.events += value;
    }
}

static void take_location(struct reading *r, uint64_t id)
{
    r->at.stack = content_mix(r->at.stack + 1, stacks_location(&r->f->stacks, id));
}

/* A text of "" is a label that was not given, as in samples.c. */
static int take_label(struct reading *r, const struct wire_field *label)
{
    struct identities *f = r->f;
    struct wire w = {label->body.at, label->body.end, f->reader.raw};
    struct wire_field field;
    uint64_t n[LABEL_NUM + 1] = {0};
    int got;
    while ((got = wire_next(&w, &field, f->reader.e)) > 0) {
        if (field.number <= LABEL_NUM && field.type == WIRE_VARINT) {
            n[field.number] = field.value;
        }
    }
    size_t offset = reader_offset(&f->reader, label);
    if (got < 0 || reader_expect_string(&f->reader, n[LABEL_KEY], offset, "a label's key") < 0 ||
        reader_expect_string(&f->reader, n[LABEL_STR], offset, "a label's text") < 0) {
        return -1;
    }
    uint32_t key = (uint32_t)n[LABEL_KEY], text = (uint32_t)n[LABEL_STR];
    bool has_text = f->reader.strings[text].size > 0;
    if (f->reader.string_flags[key] & STRING_IS_LOCK_KEY) {
        r->at.label = has_text && r->at.label == 0 ? text : r->at.label;
        return 0;
    }
    if (has_text && r->at.rest_count < UINT16_MAX) {
        f->rest = mem_grow(f->rest, f->rest_count, &f->rest_capacity, sizeof *f->rest);
        f->rest[f->rest_count++] = (struct text_label){key, text};
        r->at.rest_count++;
    }
    if ((has_text || n[LABEL_NUM] != 0) && identities_key_is_shared(f, r->other, key)) {
        uint64_t value = has_text ? identities_string_hash(f, text) : content_mix(4, n[LABEL_NUM]);
        r->at.labels += content_mix(identities_string_hash(f, key), value);
    }
    return 0;
}

static int take_numbers(struct reading *r, const struct wire_field *field, void (*take)(struct reading *, uint64_t))
{
    if (field->type == WIRE_VARINT) {
        take(r, field->value);
        return 0;
    }
    struct wire w = {field->body.at, field->body.end, r->f->reader.raw};
    uint64_t value;
    while (field->type == WIRE_BYTES && w.at < w.end) {
        if (wire_varint(&w, &value, r->f->reader.e) < 0) {
            return -1;
        }
        take(r, value);
    }
    return 0;
}

static int take_field(struct reading *r, const struct wire_field *field)
{
    switch (field->number) {
    case SAMPLE_LOCATION:
        return take_numbers(r, field, take_location);
    case SAMPLE_VALUE:
        return take_numbers(r, field, take_value);
    case SAMPLE_LABEL:
        return field->type == WIRE_BYTES ? take_label(r, field)
                                         : reader_expect_type(&r->f->reader, field, WIRE_BYTES, "a label");
    default:
        return 0;
    }
}

static int read_sample(struct identities *f, const struct identities *other, const struct wire_field *sample)
{
    struct wire w = {sample->body.at, sample->body.end, f->reader.raw};
    struct wire_field field;
    struct reading r = {.f = f, .other = other, .at = {.rest = (uint32_t)f->rest_count}};
    int got;
    while ((got = wire_next(&w, &field, f->reader.e)) > 0) {
        if (take_field(&r, &field) < 0) {
            return -1;
        }
    }
    if (got < 0) {
        return -1;
    }
    if (r.at.label != 0 || !(r.lock || f->all)) {
        f->rest_count = r.at.rest; /* only those of samples without a name are asked for */
        r.at.rest_count = 0;
    }
    if (r.at.label != 0 || r.lock || f->all) {
        f->items = mem_grow(f->items, f->count, &f->capacity, sizeof *f->items);
        f->items[f->count++] = r.at;
    }
    return 0;
}

int identities_read(struct identities *f, const struct identities *other)
{
    struct wire w = {f->reader.raw + f->reader.samples_start, f->reader.raw + f->reader.samples_end, f->reader.raw};
    struct wire_field field;
    int got;
    share_types(f, other);
    while ((got = wire_next(&w, &field, f->reader.e)) > 0) {
        if (field.number == PROFILE_SAMPLE && field.type == WIRE_BYTES && read_sample(f, other, &field) < 0) {
            return -1;
        }
    }
    return got;
}

void identities_fini(struct identities *f)
{
    for (size_t i = 0; i < f->profile.sample_type_count; i++) {
        free(f->profile.sample_types[i]);
    }
    free(f->profile.sample_types);
    reader_fini(&f->reader);
    stacks_fini(&f->stacks);
    buf_fini(&f->unpacked);
    free(f->string_hashes);
    free(f->key_shared);
    free(f->type_shared);
    free(f->items);
    free(f->rest);
}
