/* SPDX-License-Identifier: Apache-2.0 */
/* Strings may stand behind the samples that use them, and mostly do. So the first pass goes over
 * the outermost fields only, notes where each string is, and jumps over the samples; the second
 * reads the samples. Nothing is allocated for a sample: a label's value is counted by its index in
 * the string table (names.h).
 *
 * What fails: bytes that are not of the wire format, an index beyond the string table, a sample
 * with more or fewer values than there are sample types, a lock value below zero, a sum above 64
 * bits, a limit. */
#include "profile/pprof.h"

#include "base/buf.h"
#include "base/mem.h"
#include "profile/label.h"
#include "profile/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of proto/profile.proto. */
enum { PROFILE_SAMPLE_TYPE = 1, PROFILE_STRING = 6, PROFILE_TIME = 9, PROFILE_DURATION = 10 };
enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT = 2 };

static const char *const lock_types[VALUE_COUNT] = {
    [VALUE_ACQUIRE] = "lock-acquire",
    [VALUE_ACQUIRE_WAIT] = "lock-acquire-wait",
    [VALUE_RELEASE] = "lock-release",
    [VALUE_RELEASE_HOLD] = "lock-release-hold",
};
static const char lock_name_key[] = "lock name";

static bool string_is(struct string_ref string, const char *text)
{
    return string.size == strlen(text) && memcmp(string.text, text, string.size) == 0;
}

int reader_expect_type(struct reader *r, const struct wire_field *f, enum wire_type type, const char *what)
{
    if (f->type == type) {
        return 0;
    }
    return err_set(r->e, ERR_INPUT, "offset %zu: %s is of wire type %u, expected %u", reader_offset(r, f), what,
                   f->type, type);
}

int reader_expect_string(struct reader *r, uint64_t index, size_t offset, const char *what)
{
    if (index < r->string_count) {
        return 0;
    }
    return err_set(r->e, ERR_INPUT, "offset %zu: %s is string %" PRId64 ", and the string table has %zu", offset, what,
                   (int64_t)index, r->string_count);
}

/* --- first pass --------------------------------------------------------------------------------------------------- */

static int add_string(struct reader *r, const struct wire_field *f)
{
    if (reader_expect_type(r, f, WIRE_BYTES, "a string of the table") < 0) {
        return -1;
    }
    if (r->string_count == PROFILE_STRINGS_MAX) {
        return err_set(r->e, ERR_INPUT, "offset %zu: more than %zu strings, which is the limit", reader_offset(r, f),
                       PROFILE_STRINGS_MAX);
    }
    size_t size = (size_t)(f->body.end - f->body.at);
    if (r->string_count == 0 && size > 0) {
        return err_set(r->e, ERR_INPUT, "offset %zu: the first string of the table is not empty", reader_offset(r, f));
    }
    r->strings = mem_grow(r->strings, r->string_count, &r->string_capacity, sizeof *r->strings);
    r->strings[r->string_count++] = (struct string_at){(uint32_t)wire_offset(&f->body), (uint32_t)size};
    return 0;
}

static int add_sample_type(struct reader *r, const struct wire_field *f)
{
    struct wire_field part;
    struct sample_type type = {.offset = reader_offset(r, f), .kind = VALUE_COUNT};
    int got;
    if (reader_expect_type(r, f, WIRE_BYTES, "a sample type") < 0) {
        return -1;
    }
    if (r->type_count == PROFILE_SAMPLE_TYPES_MAX) {
        return err_set(r->e, ERR_INPUT, "offset %zu: more than %d sample types, which is the limit", type.offset,
                       PROFILE_SAMPLE_TYPES_MAX);
    }
    struct wire w = f->body;
    while ((got = wire_next(&w, &part, r->e)) > 0) {
        if (part.number != VALUE_TYPE_TYPE && part.number != VALUE_TYPE_UNIT) {
            continue;
        }
        if (reader_expect_type(r, &part, WIRE_VARINT, "a sample type's string") < 0) {
            return -1;
        }
        *(part.number == VALUE_TYPE_TYPE ? &type.type : &type.unit) = part.value;
    }
    r->types = mem_grow(r->types, r->type_count, &r->type_capacity, sizeof *r->types);
    r->types[r->type_count++] = type;
    return got < 0 ? err_wrap(r->e, "sample type %zu", r->type_count) : 0;
}

static int scan_field(struct reader *r, const struct wire_field *f, const struct wire *behind)
{
    switch (f->number) {
    case PROFILE_SAMPLE_TYPE:
        return add_sample_type(r, f);
    case PROFILE_SAMPLE:
        if (r->p->samples++ == 0) {
            r->samples_start = reader_offset(r, f);
        }
        r->samples_end = wire_offset(behind);
        return reader_expect_type(r, f, WIRE_BYTES, "a sample");
    case PROFILE_STRING:
        return add_string(r, f);
    case PROFILE_TIME:
        r->p->time_ns = (int64_t)f->value;
        return reader_expect_type(r, f, WIRE_VARINT, "the time");
    case PROFILE_DURATION:
        r->p->duration_ns = (int64_t)f->value;
        return reader_expect_type(r, f, WIRE_VARINT, "the duration");
    default:
        return 0;
    }
}

/* Nobody who adds the two needs to look again. */
static void check_times(struct profile *p)
{
    int64_t end;
    if (__builtin_add_overflow(p->time_ns, p->duration_ns, &end)) {
        p->time_ns = p->duration_ns = 0;
    }
}

static int scan(struct reader *r)
{
    struct wire w = {r->raw, r->raw + r->size, r->raw};
    struct wire_field f = {0};
    int got;
    while ((got = wire_next(&w, &f, r->e)) > 0) {
        if (scan_field(r, &f, &w) < 0) {
            return -1;
        }
    }
    if (got == 0 && r->string_count == 0) {
        return err_set(r->e, ERR_INPUT, "offset %zu: the end, and no string table: truncated, or no pprof", r->size);
    }
    check_times(r->p);
    return got;
}

/* --- between ------------------------------------------------------------------------------------------------------ */

char *reader_copy_text(struct string_ref string)
{
    struct buf b = {0};
    const char *at = string.text, *end = string.text + string.size, *zero;
    while ((zero = memchr(at, '\0', (size_t)(end - at))) != NULL) {
        buf_add(&b, at, (size_t)(zero - at));
        buf_add_str(&b, "\xEF\xBF\xBD"); /* U+FFFD */
        at = zero + 1;
    }
    buf_add(&b, at, (size_t)(end - at));
    return buf_steal(&b);
}

static int resolve_sample_type(struct reader *r, struct sample_type *type)
{
    if (reader_expect_string(r, type->type, type->offset, "a sample type's name") < 0 ||
        reader_expect_string(r, type->unit, type->offset, "a sample type's unit") < 0) {
        return -1;
    }
    for (size_t kind = 0; kind < VALUE_COUNT; kind++) {
        if (string_is(reader_string(r, type->type), lock_types[kind])) {
            type->kind = (enum lock_value)kind;
        }
    }
    char *name = reader_copy_text(reader_string(r, type->type)), *unit = reader_copy_text(reader_string(r, type->unit));
    r->p->sample_types[r->p->sample_type_count++] = mem_printf("%s/%s", name, unit);
    free(name);
    free(unit);
    return 0;
}

/* With the string table known: which columns are ours, and which strings are the key. */
static int resolve(struct reader *r)
{
    r->p->sample_types = mem_calloc(r->type_count, sizeof(char *));
    r->string_flags = mem_calloc(r->string_count, 1);
    for (size_t i = 0; i < r->type_count; i++) {
        if (resolve_sample_type(r, &r->types[i]) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < r->string_count; i++) {
        if (string_is(reader_string(r, i), lock_name_key)) {
            r->string_flags[i] = STRING_IS_LOCK_KEY;
        }
    }
    names_init(&r->names, r->string_count, r->limits->max_names);
    names_init(&r->keys, r->string_count, PROFILE_KEYS_MAX);
    return 0;
}

/* --- the result --------------------------------------------------------------------------------------------------- */

static struct profile_name make_name(const struct names_entry *entry)
{
    struct label parts = {.file = "", .name = ""};
    label_parse(entry->string.text, entry->string.size, &parts);
    return (struct profile_name){
        .label = reader_copy_text(entry->string),
        .file = reader_copy_text((struct string_ref){parts.file, (uint32_t)parts.file_size}),
        .line = parts.line,
        .name = reader_copy_text((struct string_ref){parts.name, (uint32_t)parts.name_size}),
        .samples = entry->samples,
        .acquires = entry->values[VALUE_ACQUIRE],
        .wait_ns = entry->values[VALUE_ACQUIRE_WAIT],
        .releases = entry->values[VALUE_RELEASE],
        .hold_ns = entry->values[VALUE_RELEASE_HOLD],
    };
}

static void collect(struct reader *r)
{
    bool locks = false;
    for (size_t i = 0; i < r->type_count; i++) {
        locks = locks || r->types[i].kind != VALUE_COUNT;
    }
    r->p->kind = !locks ? PROFILE_FOREIGN : r->p->samples == 0 ? PROFILE_EMPTY : PROFILE_LOCKS;
    r->p->names = mem_calloc(r->names.count, sizeof *r->p->names);
    for (; r->p->name_count < r->names.count; r->p->name_count++) {
        r->p->names[r->p->name_count] = make_name(&r->names.entries[r->p->name_count]);
    }
    r->p->keys = mem_calloc(r->keys.count, sizeof *r->p->keys);
    for (; r->p->key_count < r->keys.count; r->p->key_count++) {
        const struct names_entry *entry = &r->keys.entries[r->p->key_count];
        r->p->keys[r->p->key_count] =
            (struct profile_key){.key = reader_copy_text(entry->string), .samples = entry->samples};
    }
}

int reader_open(struct reader *r)
{
    return scan(r) < 0 ? -1 : resolve(r);
}

void reader_fini(struct reader *r)
{
    names_fini(&r->names);
    names_fini(&r->keys);
    free(r->strings);
    free(r->string_flags);
    free(r->types);
    free(r->labels);
}

int pprof_read(const void *raw, size_t size, const struct profile_limits *limits, struct profile *p, struct err *e)
{
    struct reader r = {.raw = raw, .size = size, .limits = limits, .p = p, .e = e};
    int result = reader_open(&r);
    if (result == 0) {
        result = samples_read(&r);
    }
    if (result == 0) {
        collect(&r);
    }
    reader_fini(&r);
    return result;
}
