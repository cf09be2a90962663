/* SPDX-License-Identifier: Apache-2.0 */
/* The read-back's client against the real store, and against servers that don't do as they should. */
#include "readback_fixture.h"

#define TAGS(worker, more) "service:shop,env:test,locktrail_run:run-1,locktrail_worker:" worker ",runtime-id:" more
#define UPLOAD(instance, runtime, second, end, bytes)                                                                  \
    "upload " instance " " runtime " 2026-11-25T16:23:" second ".500Z 2026-11-25T16:23:" end                           \
    ".500Z profile.pprof=" bytes "\n"

static void open_store(struct readback_fixture *f)
{
    store_open(f->store);
    f->options.url = store_url(f->store->store);
}

static void put(struct readback_fixture *f, const char *tags, int start, const char *profile)
{
    store_upload(f->store, tags, start, profile, strlen(profile));
}

/* --- against the store --- */

static void what_the_store_has_of_each_instance_comes(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    put(f, TAGS("python.2.upload", "r-2"), 11, "two");
    put(f, TAGS("python.1.upload", "r-1"), 12, "three");
    put(f, "service:shop,env:test,locktrail_run:run-2,locktrail_worker:python.1.upload", 13, "of another run");
    put(f, "service:other,env:test,locktrail_run:run-1,locktrail_worker:python.1.upload", 13, "of another service");
    f->wanted[0].expected = 2;
    f->wanted[1] = (struct readback_wanted){.instance = "python.2.upload", .expected = 1};
    f->options.wanted_count = 2;
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one")
                            UPLOAD("python.1.upload", "r-1", "12", "13", "three")
                                UPLOAD("python.2.upload", "r-2", "11", "12", "two") "over 0 -\n");
    assert_int_equal(f->progress.size, 0);
}

static void values_with_spaces_and_quotes_are_found(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, "service:my \\\"shop\\\",env:a\\\\b,locktrail_run:run-1,locktrail_worker:python.1.upload,runtime-id:r", 10,
        "one");
    f->options.service = "my \"shop\"";
    f->options.env = "a\\b";
    f->options.timeout_ms = 3000;
    expect_read_back(f, UPLOAD("python.1.upload", "r", "10", "11", "one") "over 0 -\n");
}

static void put_the_second(struct readback_fixture *f, const struct readback_event *event)
{
    if (event->kind == READBACK_PROGRESS && f->store->uploads == 1) {
        f->on_event = NULL;
        struct buf body = make_upload(TAGS("python.1.upload", "r-1"), 20, 21, "late", 4);
        struct http_headers h = {0};
        char *url = mem_printf("%s/api/v2/profile", store_url(f->store->store));
        http_headers_add(&h, "Content-Type", STORE_TYPE);
        call_now(f->store->client); /* the last one again, so that `call` may be changed */
        f->store->client->call = (struct http_call){.method = "POST",
                                                    .url = url,
                                                    .headers = &h,
                                                    .body = body.data,
                                                    .body_size = body.size,
                                                    .timeout_ms = 30000};
        call_now(f->store->client);
        http_headers_fini(&h);
        free(url);
        buf_fini(&body);
    }
}

static void what_is_not_there_yet_is_waited_for(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    f->wanted[0].expected = 2;
    f->on_event = put_the_second;
    f->store->client->call = (struct http_call){.method = "GET", .url = f->options.url, .timeout_ms = 30000};
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one")
                            UPLOAD("python.1.upload", "r-1", "20", "21", "late") "over 0 -\n");
    assert_string_equal(f->progress.data, "1 of 2 uploads are there, asking again in 250 ms\n");
}

static void what_is_missing_at_the_deadline_is_counted_and_no_error(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    f->wanted[0].expected = 3;
    f->wanted[1] = (struct readback_wanted){.instance = "python.2.upload", .expected = 1};
    f->options.wanted_count = 2;
    f->options.deadline_ms = 300;
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one") "over 3 -\n");
}

static void a_doubled_upload_comes_twice_and_hides_no_missing_one(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    f->wanted[0].expected = 2;
    f->options.deadline_ms = 300;
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one")
                            UPLOAD("python.1.upload", "r-1", "10", "11", "one") "over 1 -\n");
}

static void an_upload_that_passed_twice_is_waited_for_twice(void **state)
{
    static const char *const hashes[] = {"a", "b", "a"};
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    f->wanted[0] =
        (struct readback_wanted){.instance = "python.1.upload", .expected = 3, .hashes = hashes, .hash_count = 3};
    f->options.deadline_ms = 300;
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one")
                            UPLOAD("python.1.upload", "r-1", "10", "11", "one") "over 1 -\n");
    put(f, TAGS("python.1.upload", "r-1"), 12, "two");
    buf_clear(&f->progress);
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one")
                            UPLOAD("python.1.upload", "r-1", "10", "11", "one")
                                UPLOAD("python.1.upload", "r-1", "12", "13", "two") "over 0 -\n");
    assert_int_equal(f->progress.size, 0);
}

static void where_nothing_is_known_one_pass_is_made(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    f->wanted[0].expected = 0;
    f->wanted[1] = (struct readback_wanted){.instance = "python.2.upload"};
    f->options.wanted_count = 2;
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one") "over 0 -\n");
    assert_int_equal(f->progress.size, 0);
}

static void a_mirror_is_asked_for_by_the_worker_whose_uploads_it_has(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    f->wanted[0].instance = "python.1.upload+serverless-compat";
    expect_read_back(f, UPLOAD("python.1.upload+serverless-compat", "r-1", "10", "11", "one") "over 0 -\n");
}

static void keys_are_sent_and_never_told(void **state)
{
    struct readback_fixture *f = *state;
    f->store->options.api_key = "0123456789abcdef0123456789abcdef";
    f->store->options.application_key = "application-key-of-forty-characters-----";
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    f->options.api_key = f->store->options.api_key;
    f->options.application_key = f->store->options.application_key;
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11", "one") "over 0 -\n");
}

static void wrong_keys_are_told_by_their_variables(void **state)
{
    struct readback_fixture *f = *state;
    static const struct {
        const char *api, *application, *why;
    } cases[] = {
        {NULL, NULL,
         "answered 401, DD_API_KEY and DD_APP_KEY are not set; the answer begins with "
         "'{\"error\":\"DD-API-KEY is missing\"}'"},
        {"wrong", "secret-2",
         "answered 403, the key in DD_API_KEY is not accepted; the answer begins with "
         "'{\"error\":\"DD-API-KEY is not the key of this store\"}'"},
        {"secret-1", NULL,
         "answered 401, DD_APP_KEY is not set; the answer begins with "
         "'{\"error\":\"DD-APPLICATION-KEY is missing\"}'"},
        {"secret-1", "wrong",
         "answered 403, the key in DD_APP_KEY is not accepted; the answer begins with "
         "'{\"error\":\"DD-APPLICATION-KEY is not the key of this store\"}'"},
    };
    f->store->options.api_key = "secret-1";
    f->store->options.application_key = "secret-2";
    open_store(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->options.api_key = cases[i].api;
        f->options.application_key = cases[i].application;
        char *said = mem_printf("over 1 POST %s" LIST_PATH ": %s\n", f->options.url, cases[i].why);
        expect_read_back(f, said);
        assert_int_equal(f->code, ERR_USAGE);
        free(said);
    }
}

/* More than one page, and more than a page in one millisecond. */
static void long_lists_are_read_page_by_page(void **state)
{
    struct readback_fixture *f = *state;
    struct buf body = make_upload(TAGS("python.1.upload", "r-1"), 10, 11, "same", 4);
    size_t uploads = 0;
    open_store(f);
    for (int i = 0; i < 1300; i++) {
        /* 600 of them at second 10, then 350 at each of 20 and 30. */
        char *second = memmem(body.data, body.size, "16:23:", 6);
        memcpy(second + 6, i < 600 ? "10" : i < 950 ? "20" : "30", 2);
        char *end = memmem(second + 6, body.size - (size_t)(second + 6 - body.data), "16:23:", 6);
        memcpy(end + 6, "31", 2);
        store_call(f->store, "POST", "/api/v2/profile", STORE_TYPE, body.data, body.size);
        assert_int_equal(f->store->client->status, 202);
    }
    f->wanted[0].expected = 0;
    readback_begin(f);
    readback_end(f);
    for (const char *at = f->said.data; (at = strstr(at, "upload python")) != NULL; at++) {
        uploads++;
    }
    assert_int_equal(uploads, 1300);
    assert_non_null(strstr(f->said.data, "over 0 -\n"));
    buf_fini(&body);
}

/* --- against others --- */

#define ITEM(event, second)                                                                                            \
    "{\"id\":\"" event                                                                                                 \
    "\",\"type\":\"profile\",\"attributes\":{\"id\":\"P/1\",\"timestamp\":\"2026-11-25T16:23:" second "Z\"}}"
#define LIST(items) "{\"data\":[" items "]}"
#define EVENT                                                                                                          \
    "{\"attachments\":[\"profile.pprof\"],\"tags_profiler\":\"runtime-id:r-9\",\"start\":\"2026-11-25T16:23:10Z\","    \
    "\"end\":\"2026-11-25T16:23:11Z\",\"family\":\"python\",\"version\":\"4\"}"
#define DELIVERED "upload python.1.upload r-9 2026-11-25T16:23:10Z 2026-11-25T16:23:11Z profile.pprof=bytes\n"

static const struct answer no_download[] = {{500, NULL, NULL, "not asked for", 0}};

/* What a site's download gives. For the caller to free. */
static struct buf make_zip(void)
{
    static const struct zip_part parts[] = {{"event.json", EVENT, sizeof EVENT - 1},
                                            {"code-provenance.json", "{}", 2},
                                            {"metrics.json", "[]", 2},
                                            {"a/b/profile.pprof", "bytes", 5}};
    struct buf zip = {0};
    struct err e;
    assert_int_equal(zip_pack(parts, 4, &zip, &e), 0);
    return zip;
}

static void it_waits_as_long_as_a_rate_limit_says(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {{429, "X-RateLimit-Reset", "1", "{}", 0},
                                          {200, NULL, NULL, LIST(ITEM("e", "10")), 0}};
    const struct answer downloads[] = {{429, "X-RateLimit-Reset", "1", "{}", 0}, {200, NULL, NULL, zip.data, zip.size}};
    SERVE(f, lists, downloads);
    uint64_t before = uv_hrtime();
    expect_read_back(f, DELIVERED "over 0 -\n");
    assert_true(uv_hrtime() - before >= 2 * UINT64_C(1000000000));
    char *progress = mem_printf("POST %s" LIST_PATH ": answered 429, too many requests; asking again in 1 s\nGET %s"
                                "/api/ui/profiling/profiles/P%%2F1/download: answered 429, too many requests; asking "
                                "again in 1 s\n",
                                f->options.url, f->options.url);
    assert_string_equal(f->progress.data, progress);
    assert_int_equal(f->downloads_asked, 2);
    free(progress);
    buf_fini(&zip);
}

static void a_rate_limit_beyond_the_deadline_is_an_error_at_the_deadline(void **state)
{
    struct readback_fixture *f = *state;
    static const struct answer lists[] = {{429, "X-RateLimit-Reset", "3600", "{}", 0}};
    SERVE(f, lists, no_download);
    f->options.deadline_ms = 300;
    char *said = mem_printf("over 1 POST %s" LIST_PATH ": answered 429, too many requests\n", f->options.url);
    expect_read_back(f, said);
    assert_int_equal(f->lists_asked, 2); /* once more at the deadline */
    free(said);
}

static void a_list_that_is_empty_at_first_is_asked_for_again(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {
        {200, NULL, NULL, LIST(""), 0}, {503, NULL, NULL, "try later", 0}, {200, NULL, NULL, LIST(ITEM("e", "10")), 0}};
    const struct answer downloads[] = {{404, NULL, NULL, "{}", 0}, {200, NULL, NULL, zip.data, zip.size}};
    SERVE(f, lists, downloads);
    expect_read_back(f, DELIVERED "over 0 -\n");
    buf_fini(&zip);
}

static void a_late_double_is_met_by_the_pass_after_the_last(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {{200, NULL, NULL, LIST(ITEM("e", "10")), 0},
                                          {200, NULL, NULL, LIST(ITEM("d", "10") "," ITEM("e", "10")), 0}};
    const struct answer downloads[] = {{200, NULL, NULL, zip.data, zip.size}};
    SERVE(f, lists, downloads);
    expect_read_back(f, DELIVERED DELIVERED "over 0 -\n");
    assert_int_equal(f->downloads_asked, 2);
    buf_fini(&zip);
}

static void a_site_that_gives_less_than_was_asked_for_is_asked_for_the_rest(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {{200, NULL, NULL, LIST(ITEM("a", "30") "," ITEM("b", "20")), 0},
                                          {200, NULL, NULL, LIST(ITEM("b", "20") "," ITEM("c", "10")), 0}};
    const struct answer downloads[] = {{200, NULL, NULL, zip.data, zip.size}};
    SERVE(f, lists, downloads);
    f->wanted[0].expected = 3;
    f->options.deadline_ms = 100;
    expect_read_back(f, DELIVERED DELIVERED DELIVERED "over 2 -\n"); /* of the same bytes, thus doubled */
    assert_non_null(strstr(f->store->client->http.seen[0].body.data, "\"to\":\"2026-11-25T16:25:00.000Z\""));
    assert_non_null(strstr(f->store->client->http.seen[1].body.data, "\"to\":\"2026-11-25T16:23:20.001Z\""));
    buf_fini(&zip);
}

static void the_request_is_the_one_that_is_known(void **state)
{
    struct readback_fixture *f = *state;
    static const struct answer lists[] = {{200, NULL, NULL, LIST(""), 0}};
    SERVE(f, lists, no_download);
    f->wanted[0].expected = 0;
    f->options.api_key = "k1";
    f->options.application_key = "k2";
    char *with_slash = mem_printf("%s/", f->options.url);
    f->options.url = with_slash;
    expect_read_back(f, "over 0 -\n");
    const struct seen *s = &f->store->client->http.seen[0];
    assert_string_equal(s->method, "POST");
    assert_string_equal(s->path, LIST_PATH);
    assert_string_equal(http_headers_get(&s->headers, "DD-API-KEY"), "k1");
    assert_string_equal(http_headers_get(&s->headers, "DD-APPLICATION-KEY"), "k2");
    assert_string_equal(s->body.data,
                        "{\"filter\":{\"from\":\"2026-11-25T16:22:00.000Z\",\"to\":\"2026-11-25T16:25:00.000Z\","
                        "\"query\":\"service:shop env:test locktrail_run:run-1 locktrail_worker:python.1.upload\"},"
                        "\"sort\":{\"order\":\"desc\",\"field\":\"timestamp\"},\"limit\":500}");
    free(with_slash);
}

/* Answers to the list that end it all at once. */
static void changed_answers_are_errors_with_what_was_expected(void **state)
{
    struct readback_fixture *f = *state;
#define FORM                                                                                                           \
    "the answer has not the form that is known, expected {\"data\": [{\"id\": ..., \"attributes\": {\"id\": ...}}]}: "
    static const struct {
        struct answer answer;
        const char *why;
    } cases[] = {
        {{200, NULL, NULL, "<html>Sign in, secret-key</html>", 0},
         FORM "offset 0: expected a value, found '<'; the answer begins with '<html>Sign in, [redacted]</html>'"},
        {{200, NULL, NULL, "{\"profiles\":[]}", 0},
         FORM "there is no list \"data\"; the answer begins with '{\"profiles\":[]}'"},
        {{200, NULL, NULL, "{\"data\":[{\"id\":7}]}", 0},
         FORM "data[0].id is no text of 1 to 256 bytes; the answer begins with '{\"data\":[{\"id\":7}]}'"},
        {{200, NULL, NULL, "{\"data\":[{\"id\":\"e\",\"attributes\":{}}]}", 0},
         FORM
         "data[0].attributes: neither \"id\" nor \"profile-id\" is a text of 1 to 256 bytes; the answer begins with "
         "'{\"data\":[{\"id\":\"e\",\"attributes\":{}}]}'"},
        {{302, "Location", "https://elsewhere/", "moved", 0},
         "answered 302, expected 200; the answer begins with 'moved'"},
        {{404, NULL, NULL, "", 0}, "answered 404, expected 200; the answer is empty"},
        {{400, NULL, NULL, "bad \x01 query", 0}, "answered 400, expected 200; the answer begins with 'bad . query'"},
    };
    f->options.api_key = "secret-key";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->lists_asked = 0;
        f->lists = &cases[i].answer;
        f->list_count = 1;
        serve_by_hand(f);
        char *said = mem_printf("over 1 POST %s" LIST_PATH ": %s\n", f->options.url, cases[i].why);
        expect_read_back(f, said);
        assert_int_equal(f->lists_asked, 1);
        free(said);
        stop_server(&f->store->client->http);
    }
}

static void a_download_that_is_no_whole_archive_is_an_error(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {{200, NULL, NULL, LIST(ITEM("e", "10")), 0}};
    const struct answer downloads[] = {{200, NULL, NULL, zip.data, zip.size - 1}};
    SERVE(f, lists, downloads);
    readback_begin(f);
    readback_end(f);
    assert_int_equal(f->code, ERR_INPUT);
    assert_non_null(strstr(f->said.data, "/download: the answer has not the form that is known, expected a zip of the "
                                         "profile's files: zip: not an archive: "));
    assert_non_null(strstr(f->said.data, "; the answer begins with 'PK"));
    buf_fini(&zip);
}

static void a_list_that_never_gets_better_is_an_error_at_the_deadline(void **state)
{
    struct readback_fixture *f = *state;
    static const struct answer lists[] = {{500, NULL, NULL, "oops", 0}};
    SERVE(f, lists, no_download);
    f->options.deadline_ms = 300;
    char *said = mem_printf("over 1 POST %s" LIST_PATH ": answered 500, expected 200; the answer begins with 'oops'\n",
                            f->options.url);
    expect_read_back(f, said);
    assert_true(f->lists_asked >= 2);
    free(said);
}

static void a_backend_that_is_not_there_is_an_error_at_the_deadline(void **state)
{
    struct readback_fixture *f = *state;
    f->options.url = "http://127.0.0.1:1";
    f->options.deadline_ms = 300;
    expect_read_back(f, "over 1 POST http://127.0.0.1:1" LIST_PATH ": can't connect: Connection refused\n");
    assert_int_equal(f->code, ERR_MISSING);
    assert_non_null(strstr(f->progress.data, "can't connect: Connection refused; asking again in 250 ms\n"));
}

static void addresses_that_cannot_be_are_refused(void **state)
{
    struct readback_fixture *f = *state;
    static const struct {
        const char *url, *text;
    } cases[] = {
        {NULL, "reading back needs the backend's address, expected http://HOST or https://HOST"},
        {"ftp://x", "reading back needs the backend's address, expected http://HOST or https://HOST"},
        {"http://u:p@x", "the backend's address must not have a user, a password or a query"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        f->options.url = cases[i].url;
        assert_null(readback_start(&f->store->client->http.loop, &f->options, on_readback, f, &e));
        assert_string_equal(e.text, cases[i].text);
    }
}

/* --- its end --- */

static void stop_at_once(struct readback_fixture *f, const struct readback_event *event)
{
    if (event->kind != READBACK_OVER) {
        readback_stop(f->readback);
        readback_stop(f->readback);
    }
}

static void it_can_be_stopped_from_within_an_event(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    put(f, TAGS("python.1.upload", "r-1"), 12, "two");
    f->wanted[0].expected = 2;
    f->on_event = stop_at_once;
    expect_read_back(f, UPLOAD("python.1.upload", "r-1", "10", "11",
                               "one") "over 1 reading back was given up: it was interrupted\n");
    assert_int_equal(f->code, ERR_INTERRUPTED);
}

static void it_can_be_stopped_while_nobody_answers(void **state)
{
    struct readback_fixture *f = *state;
    f->store->client->http.hold = true;
    start_server(&f->store->client->http);
    f->options.url = httpd_url(f->store->client->http.server);
    readback_begin(f);
    WAIT(&f->store->client->http, f->store->client->http.seen_count == 1);
    readback_stop(f->readback);
    readback_end(f);
    assert_string_equal(f->said.data, "over 1 reading back was given up: it was interrupted\n");
}

static void free_when_over(struct readback_fixture *f, const struct readback_event *event)
{
    if (event->kind == READBACK_OVER) {
        readback_free(f->readback, on_readback_freed, f);
    }
}

static void it_can_be_freed_from_within_its_last_event(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    f->wanted[0].expected = 0;
    f->on_event = free_when_over;
    readback_begin(f);
    WAIT(&f->store->client->http, f->freed == 1);
    assert_string_equal(f->said.data, "over 0 -\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, readback_setup, readback_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_the_store_has_of_each_instance_comes),
        TEST(values_with_spaces_and_quotes_are_found),
        TEST(what_is_not_there_yet_is_waited_for),
        TEST(what_is_missing_at_the_deadline_is_counted_and_no_error),
        TEST(a_doubled_upload_comes_twice_and_hides_no_missing_one),
        TEST(an_upload_that_passed_twice_is_waited_for_twice),
        TEST(where_nothing_is_known_one_pass_is_made),
        TEST(a_mirror_is_asked_for_by_the_worker_whose_uploads_it_has),
        TEST(keys_are_sent_and_never_told),
        TEST(wrong_keys_are_told_by_their_variables),
        TEST(long_lists_are_read_page_by_page),
        TEST(it_waits_as_long_as_a_rate_limit_says),
        TEST(a_rate_limit_beyond_the_deadline_is_an_error_at_the_deadline),
        TEST(a_list_that_is_empty_at_first_is_asked_for_again),
        TEST(a_late_double_is_met_by_the_pass_after_the_last),
        TEST(a_site_that_gives_less_than_was_asked_for_is_asked_for_the_rest),
        TEST(the_request_is_the_one_that_is_known),
        TEST(changed_answers_are_errors_with_what_was_expected),
        TEST(a_download_that_is_no_whole_archive_is_an_error),
        TEST(a_list_that_never_gets_better_is_an_error_at_the_deadline),
        TEST(a_backend_that_is_not_there_is_an_error_at_the_deadline),
        TEST(addresses_that_cannot_be_are_refused),
        TEST(it_can_be_stopped_from_within_an_event),
        TEST(it_can_be_stopped_while_nobody_answers),
        TEST(it_can_be_freed_from_within_its_last_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
