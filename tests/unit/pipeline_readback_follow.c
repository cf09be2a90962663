/* SPDX-License-Identifier: Apache-2.0 */
/* Following a run that goes on: against the real store, and against servers that don't do as they should. */
#include "readback_fixture.h"

#define LIST_PATH "/api/unstable/profiles/list"
#define TAGS(worker, more) "service:shop,env:test,locktrail_run:run-1,locktrail_worker:" worker ",runtime-id:" more
#define UPLOAD(instance, runtime, second, end, bytes)                                                                  \
    "upload " instance " " runtime " 2026-11-25T16:23:" second ".500Z 2026-11-25T16:23:" end                           \
    ".500Z profile.pprof=" bytes "\n"

static int follow_setup(void **state)
{
    readback_setup(state);
    struct readback_fixture *f = *state;
    f->options.follow = true;
    f->options.poll_ms = 10;
    f->options.wanted_count = 0;
    return 0;
}

static void open_store(struct readback_fixture *f)
{
    store_open(f->store);
    f->options.url = store_url(f->store->store);
}

static void put(struct readback_fixture *f, const char *tags, int start, const char *profile)
{
    store_upload(f->store, tags, start, profile, strlen(profile));
}

static size_t uploads_said(const struct readback_fixture *f)
{
    size_t count = 0;
    for (const char *at = f->said.data; at != NULL && (at = strstr(at, "upload ")) != NULL; at++) {
        count += at == f->said.data || at[-1] == '\n';
    }
    return count;
}

static void wait_for(struct readback_fixture *f, size_t uploads)
{
    WAIT(&f->store->client->http, uploads_said(f) >= uploads || f->over);
}

static void end_in_order(struct readback_fixture *f)
{
    readback_stop(f->readback);
    readback_end(f);
    assert_int_equal(f->code, 0);
}

static void uploads_come_as_they_are_there_and_once(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    put(f, TAGS("python.1.upload", "r-1"), 12, "two");
    put(f, "service:shop,env:test,locktrail_run:run-2,locktrail_worker:python.1.upload", 13, "of another run");
    readback_begin(f);
    wait_for(f, 2);
    put(f, TAGS("python.2.upload", "r-2"), 14, "of one that came later");
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    wait_for(f, 4);
    end_in_order(f);
    /* The last two came in this order or in one pass, from the oldest on. */
    static const char first[] =
        UPLOAD("python.1.upload", "r-1", "10", "11", "one") UPLOAD("python.1.upload", "r-1", "12", "13", "two");
    assert_memory_equal(f->said.data, first, strlen(first));
    assert_non_null(strstr(f->said.data, UPLOAD("python.2.upload", "r-2", "14", "15", "of one that came later")));
    assert_int_equal(uploads_said(f), 4);
    assert_non_null(strstr(f->said.data, "over 0 -\n"));
    assert_int_equal(f->progress.size, 0);
}

static void one_that_comes_after_younger_ones_is_found(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    for (int i = 0; i < 250; i++) {
        put(f, TAGS("python.1.upload", "r-1"), 40, "young");
    }
    readback_begin(f);
    wait_for(f, 250);
    put(f, TAGS("python.1.upload", "r-1"), 10, "late");
    wait_for(f, 251);
    end_in_order(f);
    assert_int_equal(uploads_said(f), 251);
    assert_non_null(strstr(f->said.data, UPLOAD("python.1.upload", "r-1", "10", "11", "late")));
}

static void more_than_a_page_in_one_moment_is_read(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    for (int i = 0; i < 700; i++) {
        put(f, TAGS("python.1.upload", "r-1"), i < 450 ? 40 : 20, "same");
    }
    readback_begin(f);
    wait_for(f, 700);
    end_in_order(f);
    assert_int_equal(uploads_said(f), 700);
}

static void what_is_older_than_the_beginning_is_not_looked_for(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    readback_begin(f);
    readback_since(f->readback, TEST_MINUTE_MS + 40000);
    put(f, TAGS("python.1.upload", "r-1"), 20, "old");
    put(f, TAGS("python.1.upload", "r-1"), 50, "new");
    wait_for(f, 1);
    assert_string_equal(f->said.data, UPLOAD("python.1.upload", "r-1", "50", "51", "new"));
    /* One that comes now had begun long before. */
    readback_since(f->readback, TEST_MINUTE_MS + 20000);
    wait_for(f, 2);
    end_in_order(f);
    assert_string_equal(f->said.data, UPLOAD("python.1.upload", "r-1", "50", "51", "new")
                                          UPLOAD("python.1.upload", "r-1", "20", "21", "old") "over 0 -\n");
}

/* --- against others --- */

#define ITEM(event, second)                                                                                            \
    "{\"id\":\"" event                                                                                                 \
    "\",\"type\":\"profile\",\"attributes\":{\"id\":\"P/1\",\"timestamp\":\"2026-11-25T16:23:" second "Z\"}}"
#define LIST(items) "{\"data\":[" items "]}"
#define EVENT                                                                                                          \
    "{\"attachments\":[\"profile.pprof\"],\"tags_profiler\":\"runtime-id:r-9,locktrail_worker:python.1.upload\","      \
    "\"start\":\"2026-11-25T16:23:10Z\",\"end\":\"2026-11-25T16:23:11Z\",\"family\":\"python\",\"version\":\"4\"}"
#define DELIVERED "upload python.1.upload r-9 2026-11-25T16:23:10Z 2026-11-25T16:23:11Z profile.pprof=bytes\n"

static const struct answer no_download[] = {{500, NULL, NULL, "not asked for", 0}};

static struct buf make_zip(void)
{
    static const struct zip_part parts[] = {{"event.json", EVENT, sizeof EVENT - 1}, {"profile.pprof", "bytes", 5}};
    struct buf zip = {0};
    struct err e;
    assert_int_equal(zip_pack(parts, 2, &zip, &e), 0);
    return zip;
}

static void what_passes_is_told_once_and_tried_again(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {
        {503, NULL, NULL, "later", 0}, {503, NULL, NULL, "later", 0}, {200, NULL, NULL, LIST(ITEM("e", "10")), 0}};
    const struct answer downloads[] = {
        {404, NULL, NULL, "{}", 0}, {500, NULL, NULL, "oops", 0}, {200, NULL, NULL, zip.data, zip.size}};
    SERVE(f, lists, downloads);
    readback_begin(f);
    WAIT(&f->store->client->http, f->progress.size > 0 && strstr(f->progress.data, "goes on") != NULL);
    end_in_order(f);
    assert_string_equal(f->said.data, DELIVERED "over 0 -\n");
    char *progress = mem_printf(
        "POST %s" LIST_PATH ": answered 503, expected 200; the answer begins with 'later'; it is tried again\n"
        "GET %s/api/ui/profiling/profiles/P%%2F1/download: answered 404, expected 200; the answer begins with '{}'; it "
        "is tried again\n"
        "GET %s/api/ui/profiling/profiles/P%%2F1/download: answered 500, expected 200; the answer begins with 'oops'; "
        "it is tried again\n"
        "reading back goes on\n",
        f->options.url, f->options.url, f->options.url);
    assert_string_equal(f->progress.data, progress);
    assert_int_equal(f->downloads_asked, 3);
    free(progress);
    buf_fini(&zip);
}

static void a_rate_limit_is_obeyed(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {{429, "X-RateLimit-Reset", "1", "{}", 0},
                                          {200, NULL, NULL, LIST(ITEM("e", "10")), 0}};
    const struct answer downloads[] = {{200, NULL, NULL, zip.data, zip.size}};
    SERVE(f, lists, downloads);
    uint64_t before = uv_hrtime();
    readback_begin(f);
    wait_for(f, 1);
    assert_true(uv_hrtime() - before >= UINT64_C(1000000000));
    end_in_order(f);
    buf_fini(&zip);
}

static void one_that_restarts_is_asked_until_it_is_there_again(void **state)
{
    struct readback_fixture *f = *state;
    f->options.url = "http://127.0.0.1:1";
    readback_begin(f);
    WAIT(&f->store->client->http, f->progress.size > 0);
    end_in_order(f);
    assert_string_equal(f->said.data, "over 0 -\n");
    assert_string_equal(f->progress.data,
                        "POST http://127.0.0.1:1" LIST_PATH ": can't connect: Connection refused; it is tried again\n");
}

static void an_api_that_has_changed_ends_it(void **state)
{
    struct readback_fixture *f = *state;
    static const struct {
        struct answer answer;
        const char *why;
    } cases[] = {
        {{200, NULL, NULL, "{\"profiles\":[]}", 0},
         "the answer has not the form that is known, expected {\"data\": [{\"id\": ..., \"attributes\": {\"id\": "
         "...}}]}: "
         "there is no list \"data\"; the answer begins with '{\"profiles\":[]}'"},
        {{200, NULL, NULL, LIST("{\"id\":\"e\",\"attributes\":{\"id\":\"p\"}}"), 0},
         "expected attributes.timestamp of each profile, and there is one without it"},
        {{403, NULL, NULL, "{}", 0},
         "answered 403, DD_API_KEY and DD_APP_KEY are not set; the answer begins with '{}'"},
        {{404, NULL, NULL, "", 0}, "answered 404, expected 200; the answer is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->lists_asked = 0;
        f->lists = &cases[i].answer;
        f->list_count = 1;
        f->downloads = no_download;
        f->download_count = 1;
        serve_by_hand(f);
        char *said = mem_printf("over 0 POST %s" LIST_PATH ": %s\n", f->options.url, cases[i].why);
        expect_read_back(f, said);
        assert_int_equal(f->lists_asked, 1);
        free(said);
        stop_server(&f->store->client->http);
    }
}

/* A site that gives fewer than are asked for. */
static void short_pages_are_followed_as_long_as_all_is_new(void **state)
{
    struct readback_fixture *f = *state;
    struct buf zip = make_zip();
    static const struct answer lists[] = {{200, NULL, NULL, LIST(ITEM("a", "30") "," ITEM("b", "20")), 0},
                                          {200, NULL, NULL, LIST(ITEM("b", "20") "," ITEM("c", "10")), 0},
                                          {200, NULL, NULL, LIST(ITEM("c", "10")), 0}};
    const struct answer downloads[] = {{200, NULL, NULL, zip.data, zip.size}};
    SERVE(f, lists, downloads);
    readback_begin(f);
    wait_for(f, 3);
    end_in_order(f);
    assert_int_equal(uploads_said(f), 3);
    buf_fini(&zip);
}

static void stop_at_once(struct readback_fixture *f, const struct readback_event *event)
{
    if (event->kind == READBACK_UPLOAD) {
        readback_stop(f->readback);
    } else if (event->kind == READBACK_OVER) {
        readback_free(f->readback, on_readback_freed, f);
    }
}

static void it_can_be_stopped_and_freed_from_within_events(void **state)
{
    struct readback_fixture *f = *state;
    open_store(f);
    put(f, TAGS("python.1.upload", "r-1"), 10, "one");
    put(f, TAGS("python.1.upload", "r-1"), 12, "two");
    f->on_event = stop_at_once;
    readback_begin(f);
    WAIT(&f->store->client->http, f->freed == 1);
    assert_string_equal(f->said.data, UPLOAD("python.1.upload", "r-1", "10", "11", "one") "over 0 -\n");
}

static void it_can_be_stopped_while_nobody_answers(void **state)
{
    struct readback_fixture *f = *state;
    f->store->client->http.hold = true;
    start_server(&f->store->client->http);
    f->options.url = httpd_url(f->store->client->http.server);
    readback_begin(f);
    WAIT(&f->store->client->http, f->store->client->http.seen_count == 1);
    end_in_order(f);
    assert_string_equal(f->said.data, "over 0 -\n");
}

static void only_an_api_can_be_followed(void **state)
{
    struct readback_fixture *f = *state;
    struct err e;
    f->options.kind = READBACK_DIRECTORY;
    f->options.directory = "/tmp";
    assert_null(readback_start(&f->store->client->http.loop, &f->options, on_readback, f, &e));
    assert_string_equal(e.text, "only the profiles of an API can be read back while a run goes on");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, follow_setup, readback_teardown)
    const struct CMUnitTest tests[] = {
        TEST(uploads_come_as_they_are_there_and_once),
        TEST(one_that_comes_after_younger_ones_is_found),
        TEST(more_than_a_page_in_one_moment_is_read),
        TEST(what_is_older_than_the_beginning_is_not_looked_for),
        TEST(what_passes_is_told_once_and_tried_again),
        TEST(a_rate_limit_is_obeyed),
        TEST(one_that_restarts_is_asked_until_it_is_there_again),
        TEST(an_api_that_has_changed_ends_it),
        TEST(short_pages_are_followed_as_long_as_all_is_new),
        TEST(it_can_be_stopped_and_freed_from_within_events),
        TEST(it_can_be_stopped_while_nobody_answers),
        TEST(only_an_api_can_be_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
