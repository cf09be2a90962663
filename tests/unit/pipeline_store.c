/* SPDX-License-Identifier: Apache-2.0 */
/* The store over real sockets: uploads are kept, listed and given back. */
#include "store_fixture.h"

#define TAGS "service:shop,env:test,runtime-id:r-1,locktrail_worker:python.1.upload"

/* Names of what is in a directory, sorted: "a b c". For the caller to free. */
static char *names_in(const char *path)
{
    struct dirent **entries;
    struct buf out = {0};
    int count = scandir(path, &entries, NULL, alphasort);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            buf_printf(&out, "%s%s", out.size > 0 ? " " : "", entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return buf_steal(&out);
}

/* Asks for a list, checks the status. The tree is the caller's. */
static struct json *list(struct store_fixture *f, const char *request, int status)
{
    store_call(f, "POST", LIST_PATH, "application/json", request, strlen(request));
    assert_int_equal(f->client->status, status);
    return answer_tree(f);
}

/* "SECOND SECOND" of what is listed, then "/MATCHED". */
static void expect_listed(struct store_fixture *f, const char *request, const char *expected)
{
    struct json *j = list(f, request, 200);
    const struct json *data = json_get(j, "data");
    struct buf out = {0};
    for (size_t i = 0; i < data->size; i++) {
        const char *at = json_get_string(json_get(&data->items[i], "attributes"), "timestamp", "");
        buf_printf(&out, "%.2s ", at + strlen("2026-11-25T16:23:"));
    }
    buf_printf(&out, "/%d", (int)json_get_int(json_get(j, "meta"), "matched", -1));
    assert_string_equal(out.data, expected);
    buf_fini(&out);
    json_free(j);
}

static char *download_path(const struct json *item)
{
    return mem_printf("/api/ui/profiling/profiles/%s/download?eventId=%s",
                      json_get_string(json_get(item, "attributes"), "id", "?"), json_get_string(item, "id", "?"));
}

static void an_upload_is_listed_and_given_back(void **state)
{
    static const char profile[] = "\x28\xB5\x2F\xFD\0 bytes";
    static const struct zip_limits limits = {10, 1000, 10000};
    struct store_fixture *f = *state;
    struct zip_content zip;
    struct err e = {0};
    store_open(f);
    store_upload(f, TAGS, 10, profile, sizeof profile);
    struct json *j = list(f, "{}", 200);
    const struct json *item = &json_get(j, "data")->items[0], *attributes = json_get(item, "attributes");
    assert_string_equal(json_get_string(item, "type", ""), "profile");
    assert_string_equal(json_get_string(attributes, "service", ""), "shop");
    assert_string_equal(json_get_string(attributes, "start", ""), "2026-11-25T16:23:10.500Z");
    assert_string_equal(json_get_string(attributes, "end", ""), "2026-11-25T16:23:11.500Z");
    assert_int_equal(json_get(attributes, "tags")->size, 4);
    assert_string_equal(json_get(attributes, "tags")->items[2].string, "runtime-id:r-1");
    char *told = mem_printf("%s|r-1|200 -\n", json_get_string(item, "id", ""));
    assert_string_equal(f->told.data, told);

    char *path = download_path(item);
    store_call(f, "GET", path, NULL, NULL, 0);
    assert_int_equal(f->client->status, 200);
    assert_int_equal(zip_unpack(f->client->body.data, f->client->body.size, &limits, &zip, &e), 0);
    assert_int_equal(zip.count, 3);
    assert_string_equal(zip.files[0].name, "event.json");
    assert_string_equal(zip.files[1].name, "code-provenance.json");
    assert_string_equal(zip.files[2].name, "profile.pprof");
    assert_int_equal(zip.files[2].bytes.size, sizeof profile);
    assert_memory_equal(zip.files[2].bytes.data, profile, sizeof profile);
    zip_content_fini(&zip);
    free(path);
    free(told);
    json_free(j);
}

static void it_lies_in_one_file_as_it_came(void **state)
{
    struct store_fixture *f = *state;
    struct buf body = make_upload(TAGS, 10, 11, "x", 1), found = {0};
    struct err e;
    store_open(f);
    store_upload(f, TAGS, 10, "x", 1);
    *strchr(f->told.data, '|') = '\0';
    char *expected = mem_printf("%s.body", f->told.data), *names = names_in(f->directory);
    char *path = mem_printf("%s/%s", f->directory, expected);
    assert_string_equal(names, expected);
    assert_int_equal(disk_read_now(path, 10000, &found, &e), 0);
    assert_string_equal(found.data, body.data);
    free(expected);
    free(names);
    free(path);
    buf_fini(&body);
    buf_fini(&found);
}

static void both_paths_take_uploads_and_info_counts_them(void **state)
{
    struct store_fixture *f = *state;
    struct buf body = make_upload(TAGS, 1, 2, "x", 1);
    store_open(f);
    store_call(f, "POST", "/profiling/v1/input", STORE_TYPE, body.data, body.size);
    assert_int_equal(f->client->status, 200);
    store_call(f, "POST", "/api/v2/profile", STORE_TYPE, body.data, body.size);
    assert_int_equal(f->client->status, 202);
    store_call(f, "GET", "/info", NULL, NULL, 0);
    struct json *j = answer_tree(f);
    assert_int_equal(json_get(j, "endpoints")->size, 5);
    assert_int_equal(json_get_int(json_get(j, "store"), "uploads", -1), 2);
    assert_int_equal(json_get_int(json_get(j, "store"), "dropped", -1), 0);
    json_free(j);
    buf_fini(&body);
}

static void a_name_of_a_part_is_never_a_path(void **state)
{
    struct store_fixture *f = *state;
    static const char *const names[] = {"event.json", "_._.._evil", "_.__.._evil", "2-_.__.._evil", "_hidden"};
    static const struct zip_limits limits = {10, 1000, 10000};
    struct buf body = {0};
    struct zip_content zip;
    struct err e;
    static const char event[] = "{\"attachments\":[\"../../evil\",\"..__.._evil\",\".hidden\"],\"start\":"
                                "\"2026-11-25T16:23:31Z\",\"end\":\"2026-11-25T16:23:31Z\",\"family\":\"f\","
                                "\"version\":\"4\"}";
    body_part(&body, "event", event, sizeof event - 1);
    body_part(&body, "../../evil", "1", 1);
    body_part(&body, "_.__.._evil", "2", 1);
    body_part(&body, "..__.._evil", "3", 1);
    body_part(&body, ".hidden", "4", 1);
    buf_add_str(&body, "--b--\r\n");
    store_open(f);
    store_call(f, "POST", "/api/v2/profile", STORE_TYPE, body.data, body.size);
    assert_int_equal(f->client->status, 202);
    struct json *j = list(f, "{}", 200);
    char *path = download_path(&json_get(j, "data")->items[0]);
    store_call(f, "GET", path, NULL, NULL, 0);
    assert_int_equal(zip_unpack(f->client->body.data, f->client->body.size, &limits, &zip, &e), 0);
    assert_int_equal(zip.count, sizeof names / sizeof *names);
    for (size_t i = 0; i < zip.count; i++) {
        assert_string_equal(zip.files[i].name, names[i]);
        assert_memory_equal(zip.files[i].bytes.data, i == 0 ? "{" : &"01234"[i], 1);
    }
    zip_content_fini(&zip);
    free(path);
    json_free(j);
    buf_fini(&body);
}

static void what_is_asked_for_is_listed_in_order(void **state)
{
    struct store_fixture *f = *state;
    static const int starts[] = {30, 10, 40, 20};
    store_open(f);
    for (size_t i = 0; i < 4; i++) {
        store_upload(f, i == 2 ? "service:other" : "service:shop,note:two words", starts[i], "x", 1);
    }
    expect_listed(f, "{}", "40 30 20 10 /4");
    expect_listed(f, "{\"sort\":{\"order\":\"asc\",\"field\":\"timestamp\"}}", "10 20 30 40 /4");
    expect_listed(f, "{\"limit\":2}", "40 30 /4");
    expect_listed(f, "{\"filter\":{\"query\":\"service:shop\"}}", "30 20 10 /3");
    expect_listed(f, "{\"filter\":{\"query\":\"service:shop note:\\\"two words\\\"\"},\"limit\":1}", "30 /3");
    expect_listed(f, "{\"filter\":{\"query\":\"service:shop note:two\"}}", "/0");
    expect_listed(f, "{\"filter\":{\"from\":\"2026-11-25T16:23:20.500Z\",\"to\":\"2026-11-25T17:23:30.5+01:00\"}}",
                  "30 20 /2");
    expect_listed(f, "{\"filter\":{\"from\":1764087800501}}", "40 30 20 10 /4");
    expect_listed(f, "{\"filter\":{\"from\":1795623820501,\"to\":1795623900000}}", "/0");
}

static void wrong_requests_are_told_what_was_expected(void **state)
{
    struct store_fixture *f = *state;
    store_open(f);
    struct json *j = list(f, "{\"limit\":0}", 400);
    assert_string_equal(json_get_string(j, "error", ""), "limit: expected a whole number from 1 to 5000");
    json_free(j);
    store_call(f, "GET", LIST_PATH, NULL, NULL, 0);
    assert_int_equal(f->client->status, 405);
    store_call(f, "GET", "/api/ui/profiling/profiles/p/download", NULL, NULL, 0);
    assert_int_equal(f->client->status, 400);
    store_call(f, "GET", "/api/ui/profiling/profiles/p/download?eventId=../../etc/passwd", NULL, NULL, 0);
    assert_int_equal(f->client->status, 404);
    assert_string_equal(f->client->body.data, "{\"error\":\"there is no such profile\"}");
    store_call(f, "GET", "/api/ui/profiling/profiles/download", NULL, NULL, 0);
    assert_int_equal(f->client->status, 404);
}

static void another_profile_s_id_gives_nothing(void **state)
{
    struct store_fixture *f = *state;
    store_open(f);
    store_upload(f, TAGS, 10, "x", 1);
    store_upload(f, TAGS, 11, "x", 1);
    struct json *j = list(f, "{}", 200);
    const struct json *data = json_get(j, "data");
    char *path = mem_printf("/api/ui/profiling/profiles/%s/download?x=1&eventId=%s",
                            json_get_string(json_get(&data->items[0], "attributes"), "id", ""),
                            json_get_string(&data->items[1], "id", ""));
    store_call(f, "GET", path, NULL, NULL, 0);
    assert_int_equal(f->client->status, 404);
    free(path);
    json_free(j);
}

static void rejected_uploads_are_told_and_not_kept(void **state)
{
    struct store_fixture *f = *state;
    store_open(f);
    store_call(f, "POST", "/api/v2/profile", STORE_TYPE, "nonsense", 8);
    assert_int_equal(f->client->status, 400);
    assert_non_null(strstr(f->told.data, "||400 multipart body: "));
    expect_listed(f, "{}", "/0");
}

static void keys_are_wanted_where_there_are_some(void **state)
{
    struct store_fixture *f = *state;
    static const struct {
        const char *api, *application;
        int status;
        const char *answer;
    } cases[] = {
        {NULL, NULL, 401, "{\"error\":\"DD-API-KEY is missing\"}"},
        {"wrong", "app", 403, "{\"error\":\"DD-API-KEY is not the key of this store\"}"},
        {"api", NULL, 401, "{\"error\":\"DD-APPLICATION-KEY is missing\"}"},
        {"api", "api", 403, "{\"error\":\"DD-APPLICATION-KEY is not the key of this store\"}"},
        {"api", "app", 200, "{\"data\":[],\"meta\":{\"matched\":0}}"},
    };
    f->options.api_key = "api";
    f->options.application_key = "app";
    store_open(f);
    char *url = mem_printf("%s%s", store_url(f->store), LIST_PATH);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_headers h = {0};
        if (cases[i].api != NULL) {
            http_headers_add(&h, "DD-API-KEY", cases[i].api);
        }
        if (cases[i].application != NULL) {
            http_headers_add(&h, "DD-APPLICATION-KEY", cases[i].application);
        }
        f->client->call = (struct http_call){
            .method = "POST", .url = url, .headers = &h, .body = "{}", .body_size = 2, .timeout_ms = 30000};
        call_now(f->client);
        assert_int_equal(f->client->status, cases[i].status);
        assert_string_equal(f->client->body.data, cases[i].answer);
        http_headers_fini(&h);
    }
    free(url);
    store_call(f, "GET", "/api/ui/profiling/profiles/p/download?eventId=e", NULL, NULL, 0);
    assert_int_equal(f->client->status, 401);
}

static bool has_two_files(const struct store_fixture *f)
{
    char *names = names_in(f->directory), *space = strchr(names, ' ');
    bool two = space != NULL && strchr(space + 1, ' ') == NULL;
    free(names);
    return two;
}

static void the_oldest_are_dropped_above_the_limit(void **state)
{
    struct store_fixture *f = *state;
    char profile[3000] = "";
    f->options.max_bytes = 8000;
    store_open(f);
    for (int i = 10; i < 14; i++) {
        store_upload(f, TAGS, i, profile, sizeof profile);
    }
    expect_listed(f, "{}", "13 12 /2");
    WAIT(&f->client->http, has_two_files(f));
    store_call(f, "GET", "/info", NULL, NULL, 0);
    struct json *j = answer_tree(f);
    assert_int_equal(json_get_int(json_get(j, "store"), "dropped", -1), 2);
    assert_true(json_get_int(json_get(j, "store"), "bytes", -1) <= 8000);
    json_free(j);
}

static void the_oldest_are_dropped_above_the_number(void **state)
{
    struct store_fixture *f = *state;
    f->options.max_uploads = 2;
    store_open(f);
    for (int i = 10; i < 15; i++) {
        store_upload(f, TAGS, i, "x", 1);
    }
    expect_listed(f, "{}", "14 13 /2");
    WAIT(&f->client->http, has_two_files(f));
}

static void touch(const struct store_fixture *f, const char *name)
{
    struct err e;
    char *path = mem_printf("%s/%s", f->directory, name);
    assert_int_equal(disk_write_now(path, "x", 1, &e), 0);
    free(path);
}

/* A soak that is taken up again has the directory of the one that was killed. */
static void a_passing_store_removes_what_is_left_of_another(void **state)
{
    struct store_fixture *f = *state;
    touch(f, "1234-1.body");
    touch(f, "1234-2.body");
    touch(f, "other");
    f->options.passing = true;
    store_open(f);
    char *names = names_in(f->directory);
    assert_string_equal(names, "other");
    free(names);
}

static void a_passing_store_says_once_what_it_drops_unread(void **state)
{
    struct store_fixture *f = *state;
    f->options.passing = true;
    f->options.max_uploads = 2;
    store_open(f);
    store_upload(f, TAGS, 10, "x", 1);
    struct json *j = list(f, "{}", 200);
    char *path = download_path(&json_get(j, "data")->items[0]);
    store_call(f, "GET", path, NULL, NULL, 0);
    assert_int_equal(f->client->status, 200);
    store_upload(f, TAGS, 11, "x", 1);
    store_upload(f, TAGS, 12, "x", 1);
    assert_null(strstr(f->told.data, "was dropped")); /* it was fetched */
    store_upload(f, TAGS, 13, "x", 1);
    store_upload(f, TAGS, 14, "x", 1);
    char *told = strstr(f->told.data, " was dropped, the oldest of more than 0 bytes or 2 uploads\n");
    assert_non_null(told);
    assert_null(strstr(told + 10, "was dropped"));
    free(path);
    json_free(j);
}

static void what_cannot_be_written_is_answered_500(void **state)
{
    struct store_fixture *f = *state;
    struct buf body = make_upload(TAGS, 1, 2, "x", 1);
    f->options.directory = "/dev/null/store";
    store_open(f);
    store_call(f, "POST", "/profiling/v1/input", STORE_TYPE, body.data, body.size);
    assert_int_equal(f->client->status, 500);
    assert_non_null(strstr(f->told.data, "|r-1|500 cannot write /dev/null/store/"));
    expect_listed(f, "{}", "/0");
    buf_fini(&body);
}

static void a_file_that_is_gone_is_answered_404_and_a_changed_one_500(void **state)
{
    struct store_fixture *f = *state;
    store_open(f);
    store_upload(f, TAGS, 10, "x", 1);
    struct json *j = list(f, "{}", 200);
    char *path = download_path(&json_get(j, "data")->items[0]);
    char *part = mem_printf("%s/%s.body", f->directory, json_get_string(&json_get(j, "data")->items[0], "id", ""));
    assert_int_equal(truncate(part, 10), 0);
    store_call(f, "GET", path, NULL, NULL, 0);
    assert_int_equal(f->client->status, 500);
    assert_int_equal(unlink(part), 0);
    store_call(f, "GET", path, NULL, NULL, 0);
    assert_int_equal(f->client->status, 404);
    free(path);
    free(part);
    json_free(j);
}

static void it_stops_in_the_middle_of_an_upload_and_a_download(void **state)
{
    struct store_fixture *f = *state;
    struct buf body = make_upload(TAGS, 1, 2, "x", 1);
    struct http_headers h = {0};
    store_open(f);
    store_upload(f, TAGS, 10, "x", 1);
    struct json *j = list(f, "{}", 200);
    char *path = download_path(&json_get(j, "data")->items[0]);
    char *download = mem_printf("%s%s", store_url(f->store), path);
    char *input = mem_printf("%s/profiling/v1/input", store_url(f->store));
    http_headers_add(&h, "Content-Type", STORE_TYPE);
    unsigned before = f->client->results;
    f->client->call = (struct http_call){.method = "GET", .url = download, .timeout_ms = 30000};
    call_begin(f->client);
    f->client->call = (struct http_call){
        .method = "POST", .url = input, .headers = &h, .body = body.data, .body_size = body.size, .timeout_ms = 30000};
    call_begin(f->client);
    for (int i = 0; i < 3; i++) {
        uv_run(&f->client->http.loop, UV_RUN_NOWAIT);
    }
    store_close(f);
    WAIT(&f->client->http, f->client->results == before + 2);
    http_headers_fini(&h);
    buf_fini(&body);
    free(path);
    free(download);
    free(input);
    json_free(j);
}

static void count_profiles(const struct upload *upload, void *data)
{
    size_t *count = data;
    *count += upload->profile_count;
    assert_int_equal(upload->profiles[0].size, 1);
}

/* A file that a store has left says by itself where its parts begin. */
static void a_body_is_read_again(void **state)
{
    static const struct {
        const char *before;
        bool cut;
        size_t profiles;
        const char *error;
    } cases[] = {
        {"", false, 1, ""},
        {"a preamble\r\n\r\n", false, 1, ""},
        {"", true, 0, "it is no upload: no line has a boundary"},
        {"--other\r\n", false, 0,
         "it is no upload: multipart body: offset 13, part 1: expected a header 'Name: value'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf body = {0}, upload = make_upload(TAGS, 1, 2, "x", 1);
        struct err e = {0};
        size_t count = 0;
        buf_add_str(&body, cases[i].before);
        buf_add(&body, upload.data, cases[i].cut ? 3 : upload.size);
        assert_int_equal(store_read_body(&body, count_profiles, &count, &e), cases[i].error[0] != '\0' ? -1 : 0);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(count, cases[i].profiles);
        buf_fini(&body);
        buf_fini(&upload);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_upload_is_listed_and_given_back),
        TEST(it_lies_in_one_file_as_it_came),
        TEST(both_paths_take_uploads_and_info_counts_them),
        TEST(a_name_of_a_part_is_never_a_path),
        TEST(what_is_asked_for_is_listed_in_order),
        TEST(wrong_requests_are_told_what_was_expected),
        TEST(another_profile_s_id_gives_nothing),
        TEST(rejected_uploads_are_told_and_not_kept),
        TEST(keys_are_wanted_where_there_are_some),
        TEST(the_oldest_are_dropped_above_the_limit),
        TEST(the_oldest_are_dropped_above_the_number),
        TEST(a_passing_store_removes_what_is_left_of_another),
        TEST(a_passing_store_says_once_what_it_drops_unread),
        TEST(what_cannot_be_written_is_answered_500),
        TEST(a_file_that_is_gone_is_answered_404_and_a_changed_one_500),
        TEST(it_stops_in_the_middle_of_an_upload_and_a_download),
        cmocka_unit_test(a_body_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
