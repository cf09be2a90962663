/* SPDX-License-Identifier: Apache-2.0 */
/* What backends answer, taken apart. */
#include "pipeline/readback_answer.h"

#include "base/mem.h"
#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "EVENT PROFILE START END RUNTIME TIME;" of each, or the error. For the caller to free. */
static char *read_list(const char *text)
{
    struct readback_items items;
    struct buf out = {0};
    struct err e;
    if (readback_items_read(text, strlen(text), &items, &e) != 0) {
        assert_int_equal(e.code, ERR_INPUT);
        assert_null(items.items);
        return mem_strdup(e.text);
    }
    buf_add_str(&out, "");
    for (size_t i = 0; i < items.count; i++) {
        const struct readback_item *item = &items.items[i];
        buf_printf(&out, "%s|%s|%s|%s|%s|%lld;", item->event_id, item->profile_id, item->start, item->end,
                   item->runtime_id, item->has_time ? (long long)item->time_ms : -1LL);
    }
    readback_items_fini(&items);
    return buf_steal(&out);
}

#define ATTRIBUTES(text) "{\"data\":[{\"id\":\"e\",\"attributes\":{" text "}}]}"
#define NO_ID "data[0].attributes: neither \"id\" nor \"profile-id\" is a text of 1 to 256 bytes"

static void lists_are_read_in_the_forms_that_were_seen(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"data\":[]}", ""},
        {"{\"data\":[],\"meta\":{\"page\":1},\"links\":null}", ""},
        {ATTRIBUTES("\"id\":\"p\""), "e|p||||-1;"},
        {ATTRIBUTES("\"profile-id\":\"p\""), "e|p||||-1;"},
        {ATTRIBUTES("\"id\":\"p\",\"profile-id\":\"q\",\"timestamp\":1795623820501"), "e|p||||1795623820501;"},
        {ATTRIBUTES("\"id\":\"p\",\"timestamp\":9223372036854775807"), "e|p||||-1;"},
        {ATTRIBUTES("\"id\":\"p\",\"timestamp\":-1"), "e|p||||-1;"},
        {ATTRIBUTES("\"id\":\"p\",\"timestamp\":\"1970-01-01T00:00:01.5Z\",\"start\":\"S\",\"end\":\"E\",\"tags\":["
                    "\"host:x\",7,\"runtime-id:r\"]"),
         "e|p|S|E|r|1500;"},
        {ATTRIBUTES("\"id\":\"p\",\"timestamp\":\"yesterday\",\"start\":5,\"tags\":\"runtime-id:r\""), "e|p||||-1;"},
        {"", "offset 0: expected a value, found the end"},
        {"[]", "there is no list \"data\""},
        {"{\"data\":{}}", "there is no list \"data\""},
        {"{\"data\":[1]}", "data[0].id is no text of 1 to 256 bytes"},
        {"{\"data\":[{\"id\":\"\"}]}", "data[0].id is no text of 1 to 256 bytes"},
        {"{\"data\":[{\"id\":\"a\\u0000b\"}]}", "data[0].id is no text of 1 to 256 bytes"},
        {"{\"data\":[{\"id\":\"e\"}]}", NO_ID},
        {ATTRIBUTES("\"id\":7"), NO_ID},
        {"{\"data\":[{\"id\":\"e\",\"attributes\":[]}]}", NO_ID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *found = read_list(cases[i].text);
        assert_string_equal(found, cases[i].expected);
        free(found);
    }
}

static void profiles_of_an_archive_are_told_by_what_they_are(void **state)
{
    static const char event[] = "{\"attachments\":[\"code-provenance.json\",\"main.jfr\"],\"tags_profiler\":"
                                "\"runtime-id:r,locktrail_worker:w\",\"start\":\"2026-11-25T16:23:31Z\","
                                "\"end\":\"2026-11-25T16:23:32Z\",\"family\":\"f\",\"version\":\"4\"}";
    struct pprof_build *b = pprof_build_new();
    struct buf pprof = {0}, zip = {0};
    struct readback_upload upload;
    struct err e;
    (void)state;
    pprof_build_lock_types(b);
    pprof_build_lock(b, "w.py:1:lock", 1, 1, 1, 1);
    pprof_build_bytes(b, ENCODING_GZIP, &pprof);
    const struct zip_part parts[] = {{"x/event.json", event, sizeof event - 1},
                                     {"x/code-provenance.json", "{}", 2},
                                     {"x/main.jfr", "broken", 6},
                                     {"x/broken.pprof", "broken", 6},
                                     {"x/metrics.json", "[]", 2},
                                     {"x/unnamed", pprof.data, pprof.size},
                                     {"x/y/", "", 0}};
    assert_int_equal(zip_pack(parts, 7, &zip, &e), 0);
    assert_int_equal(readback_upload_read(zip.data, zip.size, &upload, &e), 0);
    assert_int_equal(upload.profile_count, 3);
    assert_string_equal(upload.profiles[0].name, "main.jfr");
    assert_string_equal(upload.profiles[1].name, "broken.pprof");
    assert_string_equal(upload.profiles[2].name, "unnamed");
    assert_string_equal(upload.start, "2026-11-25T16:23:31Z");
    assert_string_equal(upload.end, "2026-11-25T16:23:32Z");
    assert_string_equal(upload.runtime_id, "r");
    assert_string_equal(upload.worker, "w");
    readback_upload_fini(&upload);
    buf_fini(&zip);
    buf_fini(&pprof);
    pprof_build_free(b);
}

static void an_archive_without_a_profile_is_no_upload(void **state)
{
    static const struct zip_part parts[] = {{"event.json", "{}", 2}};
    (void)state;
    for (size_t count = 0; count < 2; count++) {
        struct buf zip = {0};
        struct readback_upload upload;
        struct err e;
        assert_int_equal(zip_pack(parts, count, &zip, &e), 0);
        assert_int_equal(readback_upload_read(zip.data, zip.size, &upload, &e), -1);
        assert_string_equal(e.text, count ? "there is no profile among the 1 files in it"
                                          : "there is no profile among the 0 files in it");
        buf_fini(&zip);
    }
}

static void an_event_that_cannot_be_read_tells_nothing(void **state)
{
    static const struct zip_part parts[] = {{"event.json", "{\"version\":\"5\"}", 15}, {"a.pprof", "x", 1}};
    struct buf zip = {0};
    struct readback_upload upload;
    struct err e;
    (void)state;
    assert_int_equal(zip_pack(parts, 2, &zip, &e), 0);
    assert_int_equal(readback_upload_read(zip.data, zip.size, &upload, &e), 0);
    assert_int_equal(upload.profile_count, 1);
    assert_string_equal(upload.start, "");
    assert_string_equal(upload.runtime_id, "");
    readback_upload_fini(&upload);
    buf_fini(&zip);
}

static void excerpts_are_one_line_without_secrets(void **state)
{
    static const char *const secrets[] = {"key-1", "key-22", NULL};
    struct buf out = {0}, many = {0};
    (void)state;
    readback_excerpt("a key-1\nkey-22\xff.key-2", 21, secrets, &out);
    assert_string_equal(out.data, "a [redacted].[redacted]..key-2");
    buf_clear(&out);
    for (int i = 0; i < 200; i++) {
        buf_add_char(&many, 'x');
    }
    readback_excerpt(many.data, many.size, secrets, &out);
    assert_int_equal(out.size, READBACK_EXCERPT_MAX + 3);
    assert_string_equal(out.data + READBACK_EXCERPT_MAX, "...");
    buf_fini(&out);
    buf_fini(&many);
}

static void ids_are_encoded_for_paths(void **state)
{
    struct buf out = {0};
    (void)state;
    readback_url_encode(&out, "aZ9-._~/?&= %\xC3\xA4");
    assert_string_equal(out.data, "aZ9-._~%2F%3F%26%3D%20%25%C3%A4");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read_in_the_forms_that_were_seen),
        cmocka_unit_test(profiles_of_an_archive_are_told_by_what_they_are),
        cmocka_unit_test(an_archive_without_a_profile_is_no_upload),
        cmocka_unit_test(an_event_that_cannot_be_read_tells_nothing),
        cmocka_unit_test(excerpts_are_one_line_without_secrets),
        cmocka_unit_test(ids_are_encoded_for_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
