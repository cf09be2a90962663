/* SPDX-License-Identifier: Apache-2.0 */
/* A file is first read by the reader that everything else uses, so that both take and refuse the same; then it is
 * unpacked into an arena with a limit, since a message in memory is many times as large as on the wire. Fields that
 * proto/profile.proto does not have are kept by protobuf-c and written again. */
#include "profile/edit.h"

#include "base/mem.h"
#include "profile/codec.h"
#include "profile/edit_internal.h"
#include "profile/foreign.h"
#include "profile/pprof.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* Some hundred samples; a larger object gets a block of its own. */
#define BLOCK_SIZE ((size_t)64 << 10)
/* What protobuf-c stores needs no more (pointers and 64-bit numbers). */
#define ALIGNMENT 16

struct edit_block {
    struct edit_block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

static void *arena_alloc(struct edit_arena *a, size_t size)
{
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct edit_block *block = a->blocks;
    a->used += size;
    if (block == NULL || size > block->size - block->used) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = mem_calloc(1, sizeof *block + room);
        block->size = room;
        block->next = a->blocks;
        a->blocks = block;
    }
    block->used += size;
    return block->bytes + block->used - size;
}

static void arena_fini(struct edit_arena *a)
{
    while (a->blocks != NULL) {
        struct edit_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

/* protobuf-c's allocator: NULL ends the unpacking. */
static void *unpack_alloc(void *data, size_t size)
{
    struct edit_arena *a = data;
    a->full = a->full || size > a->max - a->used;
    return a->full ? NULL : arena_alloc(a, size);
}

static void unpack_free(void *data, void *memory)
{
    (void)data;
    (void)memory;
}

void *edit_alloc(struct profile_edit *edit, size_t size)
{
    return arena_alloc(&edit->arena, size);
}

void *edit_copy(struct profile_edit *edit, const void *from, size_t size, size_t more)
{
    char *copy = edit_alloc(edit, size + more);
    if (size > 0) {
        memcpy(copy, from, size);
    }
    return copy;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* Refuses what profile_read refuses, with its words. */
static int check(const void *raw, size_t size, const struct profile_limits *limits, struct err *e)
{
    struct buf what = {0};
    bool jfr = foreign_is_jfr(raw, size, &what);
    if (jfr) {
        err_set(e, ERR_INPUT, "%s can't be edited", what.data);
    }
    buf_fini(&what);
    if (jfr) {
        return -1;
    }
    struct profile *p = mem_calloc(1, sizeof *p);
    int result = pprof_read(raw, size, limits, p, e);
    profile_free(p);
    return result;
}

static int unpack(struct profile_edit *edit, const void *raw, size_t size, struct err *e)
{
    ProtobufCAllocator allocator = {.alloc = unpack_alloc, .free = unpack_free, .allocator_data = &edit->arena};
    edit->message = pprof__profile__unpack(&allocator, size, raw);
    if (edit->message == NULL) {
        return edit->arena.full ? err_set(e, ERR_INPUT, "more than %zu bytes of memory to edit it, which is the limit",
                                          edit->arena.max)
                                : err_set(e, ERR_INPUT, "a field is not of its type, it can't be edited");
    }
    edit->string_capacity = edit->message->n_string_table;
    if (edit->string_capacity > EDIT_STRINGS_MAX) {
        return err_set(e, ERR_INPUT, "more than %zu strings, which is the limit for an edit", EDIT_STRINGS_MAX);
    }
    return 0;
}

static int open_raw(struct profile_edit *edit, const void *raw, size_t size, const struct profile_limits *limits,
                    struct err *e)
{
    if (size == 0) {
        return err_set(e, ERR_INPUT, "nothing in it after decompression");
    }
    return check(raw, size, limits, e) < 0 ? -1 : unpack(edit, raw, size, e);
}

static int open_encoded(struct profile_edit *edit, const void *bytes, size_t size, const struct profile_limits *limits,
                        struct err *e)
{
    size_t max_size = limits->max_raw_size < UINT32_MAX ? limits->max_raw_size : UINT32_MAX;
    struct buf raw = {0};
    edit->arena.max = max_size * EDIT_MEMORY_RATIO;
    edit->encoding = codec_detect(bytes, size);
    if (edit->encoding == ENCODING_NONE) {
        return size <= max_size ? open_raw(edit, bytes, size, limits, e)
                                : err_set(e, ERR_INPUT, "%zu bytes, and the limit is %zu", size, max_size);
    }
    int result = codec_decode(edit->encoding, bytes, size, max_size, &raw, e);
    if (result == 0) {
        result = open_raw(edit, raw.data, raw.size, limits, e);
    }
    buf_fini(&raw);
    return result;
}

int profile_edit_open(const void *bytes, size_t size, const struct profile_limits *limits, struct profile_edit **out,
                      struct err *e)
{
    if (size == 0) {
        return err_set(e, ERR_INPUT, "the file is empty");
    }
    struct profile_edit *edit = mem_calloc(1, sizeof *edit);
    if (open_encoded(edit, bytes, size, limits, e) < 0) {
        profile_edit_free(edit);
        return -1;
    }
    *out = edit;
    return 0;
}

void profile_edit_free(struct profile_edit *edit)
{
    if (edit == NULL) {
        return;
    }
    arena_fini(&edit->arena);
    free(edit);
}

enum profile_encoding profile_edit_encoding(const struct profile_edit *edit)
{
    return edit->encoding;
}

void profile_edit_write(struct profile_edit *edit, enum profile_encoding encoding, struct buf *out)
{
    struct buf raw = {0};
    buf_reserve(&raw, pprof__profile__get_packed_size(edit->message));
    raw.size = pprof__profile__pack(edit->message, (uint8_t *)raw.data);
    codec_encode(encoding, raw.data, raw.size, out);
    buf_fini(&raw);
}

/* --- the string table --------------------------------------------------------------------------------------------- */

bool edit_string_is(const struct profile_edit *edit, int64_t index, const char *text)
{
    if (index < 0 || (uint64_t)index >= edit->message->n_string_table) {
        return false;
    }
    const ProtobufCBinaryData *string = &edit->message->string_table[index];
    return string->len == strlen(text) && memcmp(string->data, text, string->len) == 0;
}

int64_t edit_add_string(struct profile_edit *edit, const void *text, size_t size)
{
    Pprof__Profile *p = edit->message;
    if (p->n_string_table == PROFILE_STRINGS_MAX) {
        return -1;
    }
    if (p->n_string_table == edit->string_capacity) {
        edit->string_capacity = edit->string_capacity * 2;
        size_t table_size = p->n_string_table * sizeof *p->string_table;
        p->string_table = edit_copy(edit, p->string_table, table_size, table_size);
    }
    ProtobufCBinaryData *string = &p->string_table[p->n_string_table];
    string->len = size;
    string->data = edit_copy(edit, text, size, 1);
    return (int64_t)p->n_string_table++;
}

static void each_of_type(Pprof__ValueType *t, void (*fn)(int64_t *index, void *data), void *data)
{
    fn(&t->type, data);
    fn(&t->unit, data);
}

static void each_of_tables(Pprof__Profile *p, void (*fn)(int64_t *index, void *data), void *data)
{
    for (size_t i = 0; i < p->n_mapping; i++) {
        fn(&p->mapping[i]->filename, data);
        fn(&p->mapping[i]->build_id, data);
    }
    for (size_t i = 0; i < p->n_function; i++) {
        fn(&p->function[i]->name, data);
        fn(&p->function[i]->system_name, data);
        fn(&p->function[i]->filename, data);
    }
}

void edit_each_reference(struct profile_edit *edit, void (*fn)(int64_t *index, void *data), void *data)
{
    Pprof__Profile *p = edit->message;
    for (size_t i = 0; i < p->n_sample_type; i++) {
        each_of_type(p->sample_type[i], fn, data);
    }
    for (size_t i = 0; i < p->n_sample; i++) {
        for (size_t k = 0; k < p->sample[i]->n_label; k++) {
            fn(&p->sample[i]->label[k]->key, data);
            fn(&p->sample[i]->label[k]->str, data);
            fn(&p->sample[i]->label[k]->num_unit, data);
        }
    }
    each_of_tables(p, fn, data);
    if (p->period_type != NULL) {
        each_of_type(p->period_type, fn, data);
    }
    for (size_t i = 0; i < p->n_comment; i++) {
        fn(&p->comment[i], data);
    }
    fn(&p->drop_frames, data);
    fn(&p->keep_frames, data);
    fn(&p->default_sample_type, data);
    fn(&p->doc_url, data);
}
