/* SPDX-License-Identifier: Apache-2.0 */
/* Random profiles, read by profile_read and by the code that protobuf-c generated; both must see the same. Then the
 * same with a few bytes changed, where both must agree on what is still a profile. */
#include "profile/profile.h"

#include "base/mem.h"
#include "pprof_build.h"
#include "profile/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PROFILES = 400, MUTATIONS = 60000 };

static const char *const lock_types[] = {"lock-acquire", "lock-acquire-wait", "lock-release", "lock-release-hold"};

static unsigned roll(uint64_t *random, unsigned sides)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*random >> 33) % sides;
}

/* --- the oracle --------------------------------------------------------------------------------------------------- */

struct oracle_name {
    ProtobufCBinaryData text;
    uint64_t samples, values[4];
};

struct oracle {
    Pprof__Profile *message;
    bool readable; /* every rule of the format is kept */
    struct oracle_name *names;
    size_t name_count, name_capacity;
    uint64_t lock_samples, unlabelled;
};

/* protobuf-c has no address for an empty text. */
static bool is_same_text(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static bool is_text(ProtobufCBinaryData a, const char *text)
{
    return is_same_text(a, (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text});
}

static bool indexes_are_good(const Pprof__Profile *m)
{
    bool good = m->n_string_table > 0 && m->string_table[0].len == 0;
#define INDEX(x) good = good && (uint64_t)(x) < m->n_string_table
    for (size_t i = 0; i < m->n_sample_type; i++) {
        INDEX(m->sample_type[i]->type);
        INDEX(m->sample_type[i]->unit);
    }
    for (size_t i = 0; i < m->n_sample; i++) {
        good = good && m->sample[i]->n_value == m->n_sample_type;
        for (size_t k = 0; k < m->sample[i]->n_label; k++) {
            INDEX(m->sample[i]->label[k]->key);
            INDEX(m->sample[i]->label[k]->str);
            INDEX(m->sample[i]->label[k]->num_unit);
        }
    }
#undef INDEX
    return good;
}

/* The sums of one sample; false where a value is below zero. */
static bool oracle_values(const Pprof__Profile *m, const Pprof__Sample *s, uint64_t values[4])
{
    for (size_t i = 0; i < s->n_value; i++) {
        for (size_t k = 0; k < 4; k++) {
            if (is_text(m->string_table[m->sample_type[i]->type], lock_types[k])) {
                if (s->value[i] < 0 || __builtin_add_overflow(values[k], (uint64_t)s->value[i], &values[k])) {
                    return false;
                }
            }
        }
    }
    return true;
}

static struct oracle_name *oracle_find(struct oracle *o, ProtobufCBinaryData text)
{
    for (size_t i = 0; i < o->name_count; i++) {
        if (o->names[i].text.len == text.len && memcmp(o->names[i].text.data, text.data, text.len) == 0) {
            return &o->names[i];
        }
    }
    o->names = mem_grow(o->names, o->name_count, &o->name_capacity, sizeof *o->names);
    o->names[o->name_count] = (struct oracle_name){.text = text};
    return &o->names[o->name_count++];
}

/* The text of label `at` if it is a lock name that no label before it has given, else of size 0. */
static ProtobufCBinaryData lock_name_at(const Pprof__Profile *m, const Pprof__Sample *s, size_t at)
{
    ProtobufCBinaryData none = {0}, text = m->string_table[s->label[at]->str];
    if (!is_text(m->string_table[s->label[at]->key], "lock name")) {
        return none;
    }
    for (size_t i = 0; i < at; i++) {
        if (is_text(m->string_table[s->label[i]->key], "lock name") &&
            is_same_text(m->string_table[s->label[i]->str], text)) {
            return none;
        }
    }
    return text;
}

static bool oracle_sample(struct oracle *o, const Pprof__Sample *s)
{
    uint64_t values[4] = {0};
    bool named = false;
    if (!oracle_values(o->message, s, values)) {
        return false;
    }
    for (size_t i = 0; i < s->n_label; i++) {
        ProtobufCBinaryData text = lock_name_at(o->message, s, i);
        if (text.len > 0) {
            struct oracle_name *name = oracle_find(o, text);
            named = true;
            name->samples++;
            for (size_t k = 0; k < 4; k++) {
                if (__builtin_add_overflow(name->values[k], values[k], &name->values[k])) {
                    return false;
                }
            }
        }
    }
    bool lock = named || values[0] || values[1] || values[2] || values[3];
    o->lock_samples += lock;
    o->unlabelled += lock && !named;
    return true;
}

/* Copies what profile_read looks into: not mappings, locations, functions, the period and comments. Bytes that don't
 * even divide into fields are copied whole, for the oracle to refuse. */
static void copy_our_fields(const void *bytes, size_t size, struct buf *out)
{
    const unsigned char *at = bytes;
    struct wire w = {at, at + size, at};
    struct wire_field f;
    struct err e;
    int got;
    while ((got = wire_next(&w, &f, &e)) > 0) {
        if (f.number == 1 || f.number == 2 || f.number == 6 || f.number == 9 || f.number == 10) {
            buf_add(out, f.start, (size_t)(w.at - f.start));
        }
    }
    if (got < 0) {
        buf_clear(out);
        buf_add(out, bytes, size);
    }
}

static void oracle_read(struct oracle *o, const void *bytes, size_t size)
{
    struct buf ours = {0};
    copy_our_fields(bytes, size, &ours);
    *o = (struct oracle){.message = pprof__profile__unpack(NULL, ours.size, (const uint8_t *)ours.data)};
    buf_fini(&ours);
    o->readable = o->message != NULL && indexes_are_good(o->message);
    for (size_t i = 0; o->readable && i < o->message->n_sample; i++) {
        o->readable = oracle_sample(o, o->message->sample[i]);
    }
}

static void oracle_fini(struct oracle *o)
{
    if (o->message != NULL) {
        pprof__profile__free_unpacked(o->message, NULL);
    }
    free(o->names);
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static bool is_same_name(const struct profile_name *a, const struct oracle_name *b)
{
    /* Zero bytes are changed in the first, so texts with them are compared by their counts only. */
    bool zero = memchr(b->text.data, '\0', b->text.len) != NULL;
    return (zero || (strlen(a->label) == b->text.len && memcmp(a->label, b->text.data, b->text.len) == 0)) &&
           a->samples == b->samples && a->acquires == b->values[0] && a->wait_ns == b->values[1] &&
           a->releases == b->values[2] && a->hold_ns == b->values[3];
}

static void expect_same(const struct profile *p, const struct oracle *o)
{
    assert_int_equal(p->samples, o->message->n_sample);
    assert_int_equal(p->sample_type_count, o->message->n_sample_type);
    assert_int_equal(p->time_ns, o->message->time_nanos);
    assert_int_equal(p->duration_ns, o->message->duration_nanos);
    assert_int_equal(p->lock_samples, o->lock_samples);
    assert_int_equal(p->unlabelled, o->unlabelled);
    assert_int_equal(p->name_count, o->name_count);
    for (size_t i = 0; i < p->name_count; i++) {
        assert_true(is_same_name(&p->names[i], &o->names[i]));
    }
}

/* --- random profiles ---------------------------------------------------------------------------------------------- */

static void add_random_types(struct pprof_build *b, uint64_t *random)
{
    static const char *const others[] = {"cpu-time", "lock-acquired", "", "heap-space"};
    for (unsigned i = roll(random, 12); i > 0; i--) {
        pprof_build_type(b, roll(random, 2) ? lock_types[roll(random, 4)] : others[roll(random, 4)], "count");
    }
}

static void add_random_label(struct pprof_build *b, uint64_t *random)
{
    static const char *const keys[] = {"lock name", "lock name", "thread name", "end_timestamp_ns", ""};
    char text[64];
    unsigned lock = roll(random, 20);
    snprintf(text, sizeof text, "w%u.py:%u%s", lock % 3, lock, lock % 4 ? ":user_session_lock" : "");
    const char *key = keys[roll(random, 5)];
    switch (roll(random, 6)) {
    case 0:
        pprof_build_num_label(b, key, (int64_t)*random, "");
        break;
    case 1:
        pprof_build_label(b, key, "");
        break;
    case 2:
        pprof_build_label_index(b, pprof_build_string(b, key), pprof_build_new_string(b, text, strlen(text)));
        break;
    default:
        pprof_build_label(b, key, text);
    }
}

static struct pprof_build *new_random(uint64_t *random)
{
    struct pprof_build *b = pprof_build_new();
    b->unpacked = roll(random, 2);
    b->strings_first = roll(random, 2);
    b->types_last = roll(random, 2);
    b->profile.time_nanos = (int64_t)*random;
    b->profile.duration_nanos = roll(random, 2) ? 60000000000 : 0;
    add_random_types(b, random);
    for (unsigned i = roll(random, 60); i > 0; i--) {
        pprof_build_sample(b);
        for (size_t k = 0; k < b->type_count; k++) {
            b->samples[b->sample_count - 1]->value[k] =
                roll(random, 3) ? 0 : (int64_t)(*random >> (8 + roll(random, 56)));
        }
        for (unsigned k = roll(random, 6); k > 0; k--) {
            pprof_build_location(b, *random >> roll(random, 64));
        }
        for (unsigned k = roll(random, 5); k > 0; k--) {
            add_random_label(b, random);
        }
    }
    return b;
}

static void test_random_profiles_read_alike(void **state)
{
    uint64_t random = 11, named = 0;
    (void)state;
    for (int i = 0; i < PROFILES; i++) {
        struct pprof_build *b = new_random(&random);
        struct buf raw = {0}, packed = {0};
        struct oracle o;
        struct profile *p = NULL;
        struct err e;
        pprof_build_bytes(b, ENCODING_NONE, &raw);
        pprof_build_bytes(b, (enum profile_encoding)(i & 3), &packed);
        oracle_read(&o, raw.data, raw.size);
        assert_true(o.readable);
        if (profile_read(packed.data, packed.size, &profile_limits_default, &p, &e) < 0) {
            fail_msg("profile %d: %s", i, e.text);
        }
        expect_same(p, &o);
        named += p->name_count;
        profile_free(p);
        oracle_fini(&o);
        buf_fini(&raw);
        buf_fini(&packed);
        pprof_build_free(b);
    }
    assert_true(named > PROFILES);
}

/* What we read, protobuf-c reads with the same result. The other way round it takes more: numbers of more than 64 bits,
 * field numbers that can't be, and fields of a wire type that it did not expect. */
static void test_changed_bytes_read_alike(void **state)
{
    uint64_t random = 5;
    size_t both = 0, neither = 0, alone = 0;
    struct pprof_build *b = NULL;
    struct buf raw = {0};
    (void)state;
    for (int i = 0; i < MUTATIONS; i++) {
        if (i % 200 == 0) {
            pprof_build_free(b);
            b = new_random(&random);
            buf_clear(&raw);
            pprof_build_bytes(b, ENCODING_NONE, &raw);
        }
        char *bytes = mem_calloc(raw.size, 1);
        memcpy(bytes, raw.data, raw.size);
        for (unsigned k = 1 + roll(&random, 3); k > 0; k--) {
            unsigned at = roll(&random, (unsigned)raw.size);
            bytes[at] =
                (char)(roll(&random, 2) ? roll(&random, 256) : (unsigned char)bytes[at] ^ 1u << roll(&random, 8));
        }
        struct oracle o;
        struct profile *p = NULL;
        struct err e;
        oracle_read(&o, bytes, raw.size);
        if (profile_read(bytes, raw.size, &profile_limits_default, &p, &e) == 0) {
            assert_true(o.readable);
            expect_same(p, &o);
            both++;
        } else {
            neither += !o.readable;
            alone += o.readable;
            assert_true(!o.readable || strstr(e.text, "more than 64 bits") != NULL ||
                        strstr(e.text, "wire type") != NULL || strstr(e.text, "no field number") != NULL);
        }
        profile_free(p);
        oracle_fini(&o);
        free(bytes);
    }
    pprof_build_free(b);
    buf_fini(&raw);
    print_message("%d changed profiles: %zu read by both, %zu refused by both, %zu refused only by ours\n", MUTATIONS,
                  both, neither, alone);
    assert_true(both > MUTATIONS / 20 && neither > MUTATIONS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_profiles_read_alike),
        cmocka_unit_test(test_changed_bytes_read_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
