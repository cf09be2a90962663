/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads read back from what ddapm-test-agent says of the requests that it got. */
#include "readback_fixture.h"

#include "pipeline/readback_test_agent.h"

#define REQUESTS "/test/session/requests"

static void add_base64(struct buf *out, const struct buf *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes->size; i += 3) {
        unsigned group = 0;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (i + k < bytes->size ? (unsigned char)bytes->data[i + k] : 0);
        }
        for (size_t k = 0; k < 4; k++) {
            buf_add_char(out, i + k <= bytes->size ? digits[group >> (18 - 6 * k) & 63] : '=');
        }
    }
}

/* As 1.69.1 writes it. */
static void add_request(struct buf *out, const char *url, const char *tags, int start, const char *profile)
{
    struct buf body = make_upload(tags, start, start + 1, profile, strlen(profile));
    buf_printf(
        out,
        "%s{\"headers\": {\"Host\": \"127.0.0.1:8126\", \"Content-Length\": \"%zu\", \"Content-Type\": \"" STORE_TYPE
        "\"}, \"body\": \"",
        out->size > 0 ? ", " : "[", body.size);
    add_base64(out, &body);
    buf_printf(out, "\", \"url\": \"http://127.0.0.1:8126%s\", \"method\": \"POST\"}", url);
    buf_fini(&body);
}

#define INPUT "/profiling/v1/input"
#define TAGS(run, worker) "service:s,locktrail_run:" run ",locktrail_worker:" worker ",runtime-id:r"
#define UPLOAD(instance, second, end, bytes)                                                                           \
    "upload " instance " r 2026-11-25T16:23:" second ".500Z 2026-11-25T16:23:" end ".500Z profile.pprof=" bytes "\n"

static int setup(void **state)
{
    readback_setup(state);
    struct readback_fixture *f = *state;
    f->options.kind = READBACK_TEST_AGENT;
    return 0;
}

static void uploads_of_the_run_come_by_their_worker(void **state)
{
    struct readback_fixture *f = *state;
    struct buf requests = {0};
    add_request(&requests, INPUT, TAGS("run-1", "python.1.upload"), 10, "one");
    add_request(&requests, "/v0.4/traces", TAGS("run-1", "python.1.upload"), 11, "traces");
    add_request(&requests, INPUT, TAGS("run-2", "python.1.upload"), 12, "other run");
    add_request(&requests, INPUT "?x", TAGS("run-1", "python.2.upload"), 13, "two");
    add_request(&requests, INPUT, TAGS("run-1", "python.3.upload"), 14, "of nobody who is wanted");
    buf_add_char(&requests, ']');
    const struct answer answers[] = {{200, NULL, NULL, "[]", 0}, {200, NULL, NULL, requests.data, 0}};
    SERVE(f, answers, answers);
    f->wanted[1] = (struct readback_wanted){.instance = "python.2.upload", .expected = 1};
    f->options.wanted_count = 2;
    expect_read_back(f, UPLOAD("python.1.upload", "10", "11", "one")
                            UPLOAD("python.2.upload", "13", "14", "two") "over 0 -\n");
    assert_string_equal(f->progress.data, "0 of 2 uploads are there, asking again in 250 ms\n");
    assert_string_equal(f->store->client->http.seen[0].path, REQUESTS);
    assert_string_equal(f->store->client->http.seen[0].method, "GET");
    buf_fini(&requests);
}

static void a_doubled_upload_comes_twice_and_only_twice(void **state)
{
    struct readback_fixture *f = *state;
    struct buf requests = {0};
    add_request(&requests, INPUT, TAGS("run-1", "python.1.upload"), 10, "one");
    add_request(&requests, INPUT, TAGS("run-1", "python.1.upload"), 10, "one");
    add_request(&requests, INPUT, TAGS("run-1", "python.1.upload"), 11, "two");
    buf_add_char(&requests, ']');
    const struct answer answers[] = {{200, NULL, NULL, requests.data, 0}};
    SERVE(f, answers, answers);
    f->wanted[0].expected = 2;
    expect_read_back(f, UPLOAD("python.1.upload", "10", "11", "one") UPLOAD("python.1.upload", "10", "11", "one")
                            UPLOAD("python.1.upload", "11", "12", "two") "over 0 -\n");
    assert_int_equal(f->lists_asked, 2); /* one pass more than needed */
    buf_fini(&requests);
}

static void another_form_is_an_error(void **state)
{
    struct readback_fixture *f = *state;
#define POST(members) "[{\"url\":\"http://x" INPUT "\",\"method\":\"POST\"" members "}]"
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{}", "it is no list"},
        {"[7]", "[0] is no object with a text \"url\""},
        {"[{}]", "[0] is no object with a text \"url\""},
        {POST(""), "[0].headers is no object"},
        {POST(",\"headers\":{}"), "[0].body is not base64"},
        {POST(",\"headers\":{},\"body\":\"***=\""), "[0].body is not base64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct answer answers[] = {{200, NULL, NULL, cases[i].text, 0}};
        f->lists_asked = 0;
        SERVE(f, answers, answers);
        char *said =
            mem_printf("over 1 GET %s" REQUESTS ": the answer has not the form that is known, expected "
                       "[{\"method\": ..., \"url\": ..., \"headers\": {...}, \"body\": BASE64}]: %s; the answer "
                       "begins with '%s'\n",
                       f->options.url, cases[i].why, cases[i].text);
        expect_read_back(f, said);
        free(said);
        stop_server(&f->store->client->http);
    }
}

static void what_is_no_upload_is_passed_over(void **state)
{
    struct readback_fixture *f = *state;
    static const struct answer answers[] = {
        {200, NULL, NULL, POST(",\"headers\":{\"Content-Type\":\"text/plain\"},\"body\":\"Zm9v\""), 0}};
    SERVE(f, answers, answers);
    f->wanted[0].expected = 0;
    expect_read_back(f, "over 0 -\n");
}

static void a_path_that_is_not_there_is_an_error(void **state)
{
    struct readback_fixture *f = *state;
    static const struct answer answers[] = {{404, NULL, NULL, "no", 0}};
    SERVE(f, answers, answers);
    char *said = mem_printf("over 1 GET %s" REQUESTS ": answered 404, expected 200; the answer begins with 'no'\n",
                            f->options.url);
    expect_read_back(f, said);
    free(said);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, readback_teardown)
    const struct CMUnitTest tests[] = {
        TEST(uploads_of_the_run_come_by_their_worker),
        TEST(a_doubled_upload_comes_twice_and_only_twice),
        TEST(another_form_is_an_error),
        TEST(what_is_no_upload_is_passed_over),
        TEST(a_path_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
