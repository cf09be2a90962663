/* SPDX-License-Identifier: Apache-2.0 */
#include "pprof_build.h"

#include "base/mem.h"

#include <assert.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct pprof_build *pprof_build_new(void)
{
    struct pprof_build *b = mem_calloc(1, sizeof *b);
    pprof__profile__init(&b->profile);
    pprof_build_new_string(b, "", 0);
    return b;
}

void pprof_build_free(struct pprof_build *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->type_count; i++) {
        pprof__value_type__free_unpacked(b->types[i], NULL);
    }
    for (size_t i = 0; i < b->sample_count; i++) {
        pprof__sample__free_unpacked(b->samples[i], NULL);
    }
    for (size_t i = 0; i < b->string_count; i++) {
        free(b->strings[i].data);
    }
    free(b->types);
    free(b->samples);
    free(b->strings);
    free(b);
}

int64_t pprof_build_new_string(struct pprof_build *b, const void *bytes, size_t size)
{
    b->strings = mem_grow(b->strings, b->string_count, &b->string_capacity, sizeof *b->strings);
    ProtobufCBinaryData *string = &b->strings[b->string_count];
    string->len = size;
    string->data = mem_calloc(size, 1);
    memcpy(string->data, bytes, size);
    return (int64_t)b->string_count++;
}

int64_t pprof_build_string(struct pprof_build *b, const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < b->string_count; i++) {
        if (b->strings[i].len == size && memcmp(b->strings[i].data, text, size) == 0) {
            return (int64_t)i;
        }
    }
    return pprof_build_new_string(b, text, size);
}

void pprof_build_type(struct pprof_build *b, const char *type, const char *unit)
{
    assert(b->sample_count == 0);
    Pprof__ValueType *t = mem_calloc(1, sizeof *t);
    pprof__value_type__init(t);
    t->type = pprof_build_string(b, type);
    t->unit = pprof_build_string(b, unit);
    b->types = mem_grow(b->types, b->type_count, &b->type_capacity, sizeof(Pprof__ValueType *));
    b->types[b->type_count++] = t;
}

void pprof_build_lock_types(struct pprof_build *b)
{
    pprof_build_type(b, "lock-acquire", "count");
    pprof_build_type(b, "lock-acquire-wait", "nanoseconds");
    pprof_build_type(b, "lock-release", "count");
    pprof_build_type(b, "lock-release-hold", "nanoseconds");
}

void pprof_build_sample(struct pprof_build *b)
{
    Pprof__Sample *s = mem_calloc(1, sizeof *s);
    pprof__sample__init(s);
    s->n_value = b->type_count;
    s->value = mem_calloc(b->type_count, sizeof *s->value);
    b->samples = mem_grow(b->samples, b->sample_count, &b->sample_capacity, sizeof(Pprof__Sample *));
    b->samples[b->sample_count++] = s;
}

static Pprof__Sample *last_sample(struct pprof_build *b)
{
    assert(b->sample_count > 0);
    return b->samples[b->sample_count - 1];
}

void pprof_build_value(struct pprof_build *b, const char *type, int64_t value)
{
    int64_t name = pprof_build_string(b, type);
    for (size_t i = 0; i < b->type_count; i++) {
        if (b->types[i]->type == name) {
            last_sample(b)->value[i] = value;
            return;
        }
    }
    assert(!"a sample type that the profile does not have");
}

static Pprof__Label *add_label(struct pprof_build *b)
{
    Pprof__Sample *s = last_sample(b);
    Pprof__Label *label = mem_calloc(1, sizeof *label);
    pprof__label__init(label);
    s->label = mem_realloc(s->label, s->n_label + 1, sizeof(Pprof__Label *));
    s->label[s->n_label++] = label;
    return label;
}

void pprof_build_label_index(struct pprof_build *b, int64_t key, int64_t str)
{
    Pprof__Label *label = add_label(b);
    label->key = key;
    label->str = str;
}

void pprof_build_label(struct pprof_build *b, const char *key, const char *value)
{
    pprof_build_label_index(b, pprof_build_string(b, key), pprof_build_string(b, value));
}

void pprof_build_num_label(struct pprof_build *b, const char *key, int64_t value, const char *unit)
{
    Pprof__Label *label = add_label(b);
    label->key = pprof_build_string(b, key);
    label->num = value;
    label->num_unit = pprof_build_string(b, unit);
}

void pprof_build_location(struct pprof_build *b, uint64_t id)
{
    Pprof__Sample *s = last_sample(b);
    s->location_id = mem_realloc(s->location_id, s->n_location_id + 1, sizeof *s->location_id);
    s->location_id[s->n_location_id++] = id;
}

void pprof_build_lock(struct pprof_build *b, const char *label, int64_t acquires, int64_t wait_ns, int64_t releases,
                      int64_t hold_ns)
{
    pprof_build_sample(b);
    pprof_build_value(b, "lock-acquire", acquires);
    pprof_build_value(b, "lock-acquire-wait", wait_ns);
    pprof_build_value(b, "lock-release", releases);
    pprof_build_value(b, "lock-release-hold", hold_ns);
    if (label != NULL) {
        pprof_build_label(b, "lock name", label);
    }
}

void pprof_build_varint(struct buf *out, uint64_t value)
{
    while (value >= 0x80) {
        buf_add_char(out, (char)(value | 0x80));
        value >>= 7;
    }
    buf_add_char(out, (char)value);
}

void pprof_build_field(struct buf *out, unsigned field, const void *bytes, size_t size)
{
    pprof_build_varint(out, (uint64_t)field << 3 | 2);
    pprof_build_varint(out, size);
    buf_add(out, bytes, size);
}

static void pack(const Pprof__Profile *profile, struct buf *out)
{
    size_t size = pprof__profile__get_packed_size(profile);
    buf_reserve(out, size);
    out->size += pprof__profile__pack(profile, (uint8_t *)out->data + out->size);
    out->data[out->size] = '\0';
}

/* protobuf-c packs what proto3 packs, so the numbers are written by hand. */
static void add_unpacked_sample(const Pprof__Sample *s, struct buf *out)
{
    struct buf body = {0};
    for (size_t i = 0; i < s->n_location_id; i++) {
        pprof_build_varint(&body, 1 << 3);
        pprof_build_varint(&body, s->location_id[i]);
    }
    for (size_t i = 0; i < s->n_value; i++) {
        pprof_build_varint(&body, 2 << 3);
        pprof_build_varint(&body, (uint64_t)s->value[i]);
    }
    for (size_t i = 0; i < s->n_label; i++) {
        size_t size = pprof__label__get_packed_size(s->label[i]);
        uint8_t *label = mem_calloc(size, 1);
        pprof__label__pack(s->label[i], label);
        pprof_build_field(&body, 3, label, size);
        free(label);
    }
    pprof_build_field(out, 2, body.data, body.size);
    buf_fini(&body);
}

static void add_samples(const struct pprof_build *b, struct buf *out)
{
    for (size_t i = 0; b->unpacked && i < b->sample_count; i++) {
        add_unpacked_sample(b->samples[i], out);
    }
    if (!b->unpacked) {
        Pprof__Profile part = PPROF__PROFILE__INIT;
        part.sample = b->samples;
        part.n_sample = b->sample_count;
        pack(&part, out);
    }
}

/* Messages that are written one behind the other are one message to a reader, so each part is
 * packed by itself. */
static void add_profile(const struct pprof_build *b, struct buf *out)
{
    Pprof__Profile types = PPROF__PROFILE__INIT, strings = PPROF__PROFILE__INIT;
    types.sample_type = b->types;
    types.n_sample_type = b->type_count;
    strings.string_table = b->strings;
    strings.n_string_table = b->string_count;
    if (!b->types_last) {
        pack(&types, out);
    }
    if (b->strings_first) {
        pack(&strings, out);
    }
    add_samples(b, out);
    pack(&b->profile, out);
    if (!b->strings_first) {
        pack(&strings, out);
    }
    if (b->types_last) {
        pack(&types, out);
    }
}

static void add_gzip(const void *bytes, size_t size, struct buf *out)
{
    z_stream z = {0};
    int result = deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    assert(result == Z_OK);
    size_t room = deflateBound(&z, size);
    buf_reserve(out, room);
    z.next_in = (Bytef *)bytes;
    z.avail_in = (uInt)size;
    z.next_out = (Bytef *)out->data + out->size;
    z.avail_out = (uInt)room;
    result = deflate(&z, Z_FINISH);
    assert(result == Z_STREAM_END);
    out->size += z.total_out;
    deflateEnd(&z);
}

static void add_zstd(const void *bytes, size_t size, struct buf *out)
{
    size_t room = ZSTD_compressBound(size);
    buf_reserve(out, room);
    size_t written = ZSTD_compress(out->data + out->size, room, bytes, size, 3);
    assert(!ZSTD_isError(written));
    out->size += written;
}

static void add_lz4(const void *bytes, size_t size, struct buf *out)
{
    LZ4F_preferences_t preferences = {.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled}};
    size_t room = LZ4F_compressFrameBound(size, &preferences);
    buf_reserve(out, room);
    size_t written = LZ4F_compressFrame(out->data + out->size, room, bytes, size, &preferences);
    assert(!LZ4F_isError(written));
    out->size += written;
}

void pprof_build_encode(const void *bytes, size_t size, enum profile_encoding encoding, struct buf *out)
{
    switch (encoding) {
    case ENCODING_NONE:
        buf_add(out, bytes, size);
        return;
    case ENCODING_GZIP:
        add_gzip(bytes, size, out);
        break;
    case ENCODING_ZSTD:
        add_zstd(bytes, size, out);
        break;
    case ENCODING_LZ4:
        add_lz4(bytes, size, out);
        break;
    }
    out->data[out->size] = '\0';
}

void pprof_build_bytes(const struct pprof_build *b, enum profile_encoding encoding, struct buf *out)
{
    struct buf raw = {0};
    add_profile(b, &raw);
    pprof_build_encode(raw.data, raw.size, encoding, out);
    buf_fini(&raw);
}
