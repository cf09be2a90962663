/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/pprof_write.h"

#include "base/mem.h"
#include "lockprof/export/compress.h"
#include "lockprof/export/totals.h"
#include "profile.pb-c.h"
#include "profile/profile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Tables with two modules, three functions, an inlined one among them, and four stacks. */
struct fixture {
    struct tables t;
    struct sample samples[4];
    struct interval interval;
    struct buf bytes;
    Pprof__Profile *profile;
};

static uint32_t add_mapping(struct tables *t, const char *path, const char *build_id, uint64_t limit, bool is_main)
{
    struct table_mapping mapping = {
        .path = tables_string(t, path), .build_id = tables_string(t, build_id), .limit = limit, .is_main = is_main};
    return tables_mapping(t, &mapping) + 1;
}

static struct table_line add_line(struct tables *t, const char *name, const char *system_name, const char *file,
                                  uint32_t line)
{
    struct table_function function = {.name = tables_string(t, name),
                                      .system_name = tables_string(t, system_name),
                                      .file = tables_string(t, file),
                                      .start_line = line > 0 ? line - 1 : 0};
    return (struct table_line){tables_function(t, &function), line};
}

/* The order in which tables grow and samples stand must not show in the bytes. */
static void fill(struct fixture *f, bool backwards)
{
    struct tables *t = &f->t;
    static const char *const remarks[] = {"first remark", "second remark"};
    tables_init(t);
    if (backwards)
        tables_string(t, "something else first");
    uint32_t library = backwards ? 0 : add_mapping(t, "/lib/libc.so.6", "beef", 0x2000, false);
    uint32_t program = add_mapping(t, "/usr/bin/shop", "00ff", 0x1000, true);
    library = library ? library : add_mapping(t, "/lib/libc.so.6", "beef", 0x2000, false);
    struct table_line inlined[] = {add_line(t, "add(int)", "_Z3addi", "a.cc", 7), add_line(t, "use", "use", "a.cc", 9)};
    struct table_line start = add_line(t, "start_thread", "start_thread", "", 0);
    uint32_t a = tables_location_add(t, program, 0x100, inlined, 2);
    uint32_t b = tables_location_add(t, library, 0x200, &start, 1);
    uint32_t c = tables_location_add(t, program, 0x300, NULL, 0);
    uint32_t nowhere = tables_location_add(t, 0, 0x7f0000001000, NULL, 0);
    uint32_t both[] = {a, b}, one[] = {c}, jit[] = {nowhere};
    uint32_t main_thread = tables_string(t, "main"), label = tables_string(t, "a.cc:3:s->user_session_lock");
    const struct sample samples[4] = {
        {.stack = tables_stack(t, both, 2), .label = label, .thread = main_thread, .values = {5, 600, 4, 300, 2}},
        {.stack = tables_stack(t, both, 2), .label = label, .thread = main_thread, .pid = 12, .values = {1}},
        {.stack = tables_stack(t, one, 1), .label = label, .values = {7, 0, 7, 0, 0}},
        {.stack = tables_stack(t, jit, 1), .label = tables_string(t, "z.c:1"), .values = {INT64_MAX}},
    };
    for (size_t i = 0; i < 4; i++)
        f->samples[i] = samples[backwards ? 3 - i : i];
    f->interval = (struct interval){.tables = t,
                                    .samples = f->samples,
                                    .count = 4,
                                    .rate = 10,
                                    .holds = true,
                                    .start_ns = 1700000000000000000,
                                    .end_ns = 1700000060000000000,
                                    .remarks = remarks,
                                    .remark_count = 2};
}

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    fill(f, false);
    pprof_write(&f->interval, &f->bytes);
    f->profile = pprof__profile__unpack(NULL, f->bytes.size, (const uint8_t *)f->bytes.data);
    assert_non_null(f->profile);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pprof__profile__free_unpacked(f->profile, NULL);
    tables_fini(&f->t);
    buf_fini(&f->bytes);
    free(f);
    return 0;
}

/* Valid until the next call but three. */
static const char *text(const Pprof__Profile *p, int64_t index)
{
    static char texts[4][256];
    static unsigned next;
    char *out = texts[next++ % 4];
    assert_true(index >= 0 && (size_t)index < p->n_string_table);
    const ProtobufCBinaryData *s = &p->string_table[index];
    assert_true(s->len < sizeof texts[0]);
    if (s->len > 0)
        memcpy(out, s->data, s->len);
    out[s->len] = '\0';
    return out;
}

static const Pprof__Location *location(const Pprof__Profile *p, uint64_t id)
{
    for (size_t i = 0; i < p->n_location; i++)
        if (p->location[i]->id == id)
            return p->location[i];
    fail_msg("no location %d", (int)id);
    return NULL;
}

static const Pprof__Function *function(const Pprof__Profile *p, uint64_t id)
{
    for (size_t i = 0; i < p->n_function; i++)
        if (p->function[i]->id == id)
            return p->function[i];
    fail_msg("no function %d", (int)id);
    return NULL;
}

static const Pprof__Mapping *mapping(const Pprof__Profile *p, uint64_t id)
{
    for (size_t i = 0; i < p->n_mapping; i++)
        if (p->mapping[i]->id == id)
            return p->mapping[i];
    fail_msg("no mapping %d", (int)id);
    return NULL;
}

/* --- the message -------------------------------------------------------------------------------------------------- */

static void sample_types_are_the_fields_ones(void **state)
{
    static const char *const expected[VALUE_TYPES][2] = {{"lock-acquire", "count"},
                                                         {"lock-acquire-wait", "nanoseconds"},
                                                         {"lock-release", "count"},
                                                         {"lock-release-hold", "nanoseconds"},
                                                         {"lock-contended", "count"}};
    const Pprof__Profile *p = ((struct fixture *)*state)->profile;
    assert_int_equal(p->n_sample_type, VALUE_TYPES);
    for (size_t i = 0; i < VALUE_TYPES; i++) {
        assert_string_equal(text(p, p->sample_type[i]->type), expected[i][0]);
        assert_string_equal(text(p, p->sample_type[i]->unit), expected[i][1]);
    }
    assert_string_equal(text(p, p->default_sample_type), "lock-acquire-wait");
    assert_string_equal(text(p, p->period_type->type), "lock-acquire");
    assert_string_equal(text(p, p->period_type->unit), "count");
    assert_int_equal(p->period, 10);
    assert_true(p->time_nanos == 1700000000000000000);
    assert_true(p->duration_nanos == 60000000000);
    assert_string_equal(text(p, 0), "");
}

static void samples_have_values_and_labels(void **state)
{
    const Pprof__Profile *p = ((struct fixture *)*state)->profile;
    assert_int_equal(p->n_sample, 4);
    const Pprof__Sample *s = p->sample[0], *with_pid = p->sample[1];
    static const int64_t values[VALUE_TYPES] = {5, 600, 4, 300, 2};
    assert_int_equal(s->n_value, VALUE_TYPES);
    assert_memory_equal(s->value, values, sizeof values);
    assert_int_equal(s->n_label, 2);
    assert_string_equal(text(p, s->label[0]->key), "lock name");
    assert_string_equal(text(p, s->label[0]->str), "a.cc:3:s->user_session_lock");
    assert_string_equal(text(p, s->label[1]->key), "thread name");
    assert_string_equal(text(p, s->label[1]->str), "main");
    assert_int_equal(with_pid->n_label, 3);
    assert_string_equal(text(p, with_pid->label[2]->key), "process id");
    assert_int_equal(with_pid->label[2]->num, 12);
    /* A thread without a name has no label. */
    assert_int_equal(p->sample[2]->n_label, 1);
    assert_true(p->sample[3]->value[0] == INT64_MAX);
}

static void stacks_have_functions_innermost_first(void **state)
{
    const Pprof__Profile *p = ((struct fixture *)*state)->profile;
    const Pprof__Sample *s = p->sample[0];
    assert_int_equal(s->n_location_id, 2);
    const Pprof__Location *inner = location(p, s->location_id[0]), *outer = location(p, s->location_id[1]);
    assert_int_equal(inner->n_line, 2);
    const Pprof__Function *add = function(p, inner->line[0]->function_id);
    assert_string_equal(text(p, add->name), "add(int)");
    assert_string_equal(text(p, add->system_name), "_Z3addi");
    assert_string_equal(text(p, add->filename), "a.cc");
    assert_int_equal(add->start_line, 6);
    assert_int_equal(inner->line[0]->line, 7);
    assert_string_equal(text(p, function(p, inner->line[1]->function_id)->name), "use");
    assert_string_equal(text(p, function(p, outer->line[0]->function_id)->name), "start_thread");
    assert_int_equal(inner->address, 0x100);
    /* Code of no module has an address only. */
    const Pprof__Location *jit = location(p, p->sample[3]->location_id[0]);
    assert_int_equal(jit->mapping_id, 0);
    assert_true(jit->address == 0x7f0000001000);
    assert_int_equal(jit->n_line, 0);
}

static void mappings_say_what_is_known_of_all_their_code(void **state)
{
    const Pprof__Profile *p = ((struct fixture *)*state)->profile;
    const Pprof__Mapping *program = mapping(p, location(p, p->sample[0]->location_id[0])->mapping_id);
    const Pprof__Mapping *library = mapping(p, location(p, p->sample[0]->location_id[1])->mapping_id);
    assert_int_equal(p->n_mapping, 2);
    assert_ptr_equal(p->mapping[0], program);
    assert_string_equal(text(p, program->filename), "/usr/bin/shop");
    assert_string_equal(text(p, program->build_id), "00ff");
    assert_int_equal(program->memory_limit, 0x1000);
    /* One of its locations has no function. */
    assert_false(program->has_functions);
    assert_false(program->has_line_numbers);
    assert_true(program->has_inline_frames);
    assert_true(library->has_functions);
    assert_false(library->has_filenames);
    assert_false(library->has_line_numbers);
    assert_false(library->has_inline_frames);
}

static void comments_are_kept(void **state)
{
    const Pprof__Profile *p = ((struct fixture *)*state)->profile;
    assert_int_equal(p->n_comment, 3);
    assert_string_equal(text(p, p->comment[0]), "lockprof 0.1.0: 1 acquire in 10 recorded, counts and times are "
                                                "estimates of all; hold times recorded");
    assert_string_equal(text(p, p->comment[1]), "first remark");
    assert_string_equal(text(p, p->comment[2]), "second remark");
}

static void equal_intervals_give_equal_bytes(void **state)
{
    struct fixture *f = *state, other = {0};
    fill(&other, true);
    pprof_write(&other.interval, &other.bytes);
    assert_int_equal(other.bytes.size, f->bytes.size);
    assert_memory_equal(other.bytes.data, f->bytes.data, f->bytes.size);
    tables_fini(&other.t);
    buf_fini(&other.bytes);
}

static void an_empty_interval_is_a_profile(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = {0};
    struct profile *p;
    struct err e;
    f->interval.count = 0;
    pprof_write(&f->interval, &bytes);
    assert_int_equal(profile_read(bytes.data, bytes.size, &profile_limits_default, &p, &e), 0);
    assert_int_equal(p->kind, PROFILE_EMPTY);
    profile_free(p);
    buf_fini(&bytes);
}

/* --- compressed, and read back ------------------------------------------------------------------------------------ */

static void locktrails_reader_reads_each_compression(void **state)
{
    static const struct {
        enum compression compression;
        enum profile_encoding encoding;
    } cases[] = {{COMPRESS_ZSTD, ENCODING_ZSTD}, {COMPRESS_GZIP, ENCODING_GZIP}, {COMPRESS_NONE, ENCODING_NONE}};
    struct fixture *f = *state;
    /* Sums of both locks' names must fit. */
    f->interval.count = 3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf bytes = {0}, again = {0};
        struct profile *p;
        struct err e;
        pprof_write(&f->interval, &bytes);
        pprof_write(&f->interval, &again);
        compress_bytes(cases[i].compression, &bytes);
        compress_bytes(cases[i].compression, &again);
        assert_int_equal(bytes.size, again.size);
        assert_memory_equal(bytes.data, again.data, bytes.size);
        if (profile_read(bytes.data, bytes.size, &profile_limits_default, &p, &e) != 0)
            fail_msg("%s", e.text);
        assert_int_equal(p->encoding, cases[i].encoding);
        assert_int_equal(p->kind, PROFILE_LOCKS);
        assert_int_equal(p->name_count, 1);
        assert_string_equal(p->names[0].label, "a.cc:3:s->user_session_lock");
        assert_string_equal(p->names[0].name, "s->user_session_lock");
        assert_int_equal(p->names[0].acquires, 13);
        assert_int_equal(p->names[0].wait_ns, 600);
        assert_int_equal(p->names[0].releases, 11);
        assert_int_equal(p->names[0].hold_ns, 300);
        profile_free(p);
        buf_fini(&bytes);
        buf_fini(&again);
    }
}

static void compressions_have_names(void **state)
{
    enum compression c = COMPRESS_NONE;
    (void)state;
    assert_true(compression_parse("zstd", &c) && c == COMPRESS_ZSTD);
    assert_true(compression_parse("gzip", &c) && c == COMPRESS_GZIP);
    assert_true(compression_parse("none", &c) && c == COMPRESS_NONE);
    assert_false(compression_parse("lz4", &c));
    assert_false(compression_parse("", &c));
}

/* --- totals ------------------------------------------------------------------------------------------------------- */

static char *write_bytes(const void *bytes, size_t size)
{
    char path[] = "/tmp/lockprof_pprof_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    return mem_strdup(path);
}

static void totals_add_up_files(void **state)
{
    struct fixture *f = *state;
    struct totals totals = {0};
    struct err e;
    struct buf packed = {0};
    f->interval.count = 3;
    pprof_write(&f->interval, &packed);
    compress_bytes(COMPRESS_ZSTD, &packed);
    char *plain = write_bytes(f->bytes.data, f->bytes.size), *zstd = write_bytes(packed.data, packed.size);
    assert_int_equal(totals_add_file(&totals, plain, &e), 0);
    assert_int_equal(totals_add_file(&totals, zstd, &e), 0);
    assert_int_equal(totals.count, 2);
    static const int64_t values[VALUE_TYPES] = {26, 1200, 22, 600, 4};
    assert_string_equal(totals.items[0].label, "a.cc:3:s->user_session_lock");
    assert_memory_equal(totals.items[0].values, values, sizeof values);
    for (size_t i = 0; i < VALUE_TYPES; i++)
        assert_true(totals.has[i]);
    totals_fini(&totals);
    unlink(plain);
    unlink(zstd);
    free(plain);
    free(zstd);
    buf_fini(&packed);
}

static void bad_files_are_told_apart(void **state)
{
    struct fixture *f = *state;
    Pprof__Profile foreign = PPROF__PROFILE__INIT, torn = *f->profile;
    ProtobufCBinaryData strings[] = {{0, NULL}, {3, (uint8_t *)(uintptr_t) "cpu"}};
    Pprof__ValueType type = {PROTOBUF_C_MESSAGE_INIT(&pprof__value_type__descriptor), 1, 1}, *types[] = {&type};
    uint8_t foreign_bytes[64], torn_bytes[8192];
    foreign.n_sample_type = 1;
    foreign.sample_type = types;
    foreign.n_string_table = 2;
    foreign.string_table = strings;
    size_t foreign_size = pprof__profile__pack(&foreign, foreign_bytes);
    f->profile->sample[1]->n_value = 3;
    assert_true(pprof__profile__get_packed_size(&torn) < sizeof torn_bytes);
    size_t torn_size = pprof__profile__pack(&torn, torn_bytes);
    f->profile->sample[1]->n_value = VALUE_TYPES;
    f->profile->sample[1]->label[0]->str = 100000;
    uint8_t label_bytes[8192];
    size_t label_size = pprof__profile__pack(&torn, label_bytes);
    const struct {
        const void *bytes;
        size_t size;
        const char *text;
    } cases[] = {
        {"", 0, "the file is empty"},
        {f->bytes.data, f->bytes.size - 5, "not a profile, or cut short"},
        {"\x28\xB5\x2F\xFDxxxx", 8, NULL},
        {foreign_bytes, foreign_size, "not a lock profile: it has none of the sample types lock-acquire ..."},
        {torn_bytes, torn_size, "sample 2 has 3 values for 5 sample types"},
        {label_bytes, label_size, "sample 2: a label's text is string 100000, and the string table has 26"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct totals totals = {0};
        struct err e;
        char *path = write_bytes(cases[i].bytes, cases[i].size);
        assert_int_equal(totals_add_file(&totals, path, &e), -1);
        assert_int_equal(e.code, ERR_INPUT);
        char *expected = mem_printf("%s: %s", path, cases[i].text ? cases[i].text : "");
        if (cases[i].text)
            assert_string_equal(e.text, expected);
        assert_int_equal(totals.count, 0);
        unlink(path);
        free(path);
        free(expected);
    }
    f->profile->sample[1]->label[0]->str = 0;
    struct totals none = {0};
    struct err e;
    assert_int_equal(totals_add_file(&none, "/nowhere/x.pprof", &e), -1);
    assert_int_equal(e.code, ERR_MISSING);
    assert_string_equal(e.text, "/nowhere/x.pprof: can't read it: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sample_types_are_the_fields_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_have_values_and_labels, setup, teardown),
        cmocka_unit_test_setup_teardown(stacks_have_functions_innermost_first, setup, teardown),
        cmocka_unit_test_setup_teardown(mappings_say_what_is_known_of_all_their_code, setup, teardown),
        cmocka_unit_test_setup_teardown(comments_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_intervals_give_equal_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_interval_is_a_profile, setup, teardown),
        cmocka_unit_test_setup_teardown(locktrails_reader_reads_each_compression, setup, teardown),
        cmocka_unit_test(compressions_have_names),
        cmocka_unit_test_setup_teardown(totals_add_up_files, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_files_are_told_apart, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
