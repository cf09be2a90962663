/* SPDX-License-Identifier: Apache-2.0 */
/* What a list request asks for, and what is wrong with one. */
#include "pipeline/store_index.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIME "expected a time such as \"2026-11-25T16:23:31.757Z\", or milliseconds since 1970"
#define QUERY                                                                                                          \
    "filter.query: expected at most 64 key:value terms, joined by spaces, a value with other characters in quotes, "   \
    "found "

static void wrong_requests_say_what_was_expected(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "the request: offset 0: expected a value, found the end"},
        {"[]", "the request: expected an object"},
        {"{\"page\":1}", "the request: \"page\" is not known, expected filter, sort, limit"},
        {"{\"filter\":[]}", "filter: expected an object"},
        {"{\"filter\":{\"service\":\"x\"}}", "filter: \"service\" is not known, expected from, to, query"},
        {"{\"filter\":{\"from\":\"now-1h\"}}", "filter.from: " TIME},
        {"{\"filter\":{\"to\":1.5}}", "filter.to: " TIME},
        {"{\"filter\":{\"query\":3}}", "filter.query: expected a text of key:value terms, joined by spaces, a value "
                                       "with other characters in quotes"},
        {"{\"filter\":{\"query\":\"shop\"}}", QUERY "'shop'"},
        {"{\"filter\":{\"query\":\"a:b service:\"}}", QUERY "'service:'"},
        {"{\"filter\":{\"query\":\"-a:b\"}}", QUERY "'-a:b'"},
        {"{\"filter\":{\"query\":\"a:(b OR c)\"}}", QUERY "'a:(b OR c)'"},
        {"{\"filter\":{\"query\":\"a:b* c:d\"}}", QUERY "'a:b* c:d'"},
        {"{\"filter\":{\"query\":\"a:\\\"b\"}}", QUERY "'a:\"b'"},
        {"{\"filter\":{\"query\":\"a:\\\"b\\\"c\"}}", QUERY "'a:\"b\"c'"},
        {"{\"sort\":{\"order\":\"up\"}}", "sort.order: expected \"asc\" or \"desc\""},
        {"{\"sort\":{\"order\":1}}", "sort.order: expected \"asc\" or \"desc\""},
        {"{\"sort\":{\"field\":\"service\"}}", "sort.field: expected \"timestamp\""},
        {"{\"limit\":\"5\"}", "limit: expected a whole number from 1 to 5000"},
        {"{\"limit\":5001}", "limit: expected a whole number from 1 to 5000"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store_query q;
        struct err e = {0};
        assert_int_equal(store_query_read(cases[i].text, strlen(cases[i].text), &q, &e), -1);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(e.code, ERR_INPUT);
        assert_null(q.terms);
    }
}

static void terms_are_read_as_they_are_written(void **state)
{
    static const char *const values[] = {
        "shop",         "two words",      "",     "a\"b",       "back\\slash", "http://x:1",
        "l\xC3\xA4nge", "python.1.tee+b", "\\\"", "a b:c \"d\""};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf query = {0}, request = {0};
        struct store_query q;
        struct err e = {0};
        store_query_term(&query, "locktrail_worker", values[i]);
        buf_add_str(&request, "{\"filter\":{\"query\":\" env:test  ");
        for (const char *at = query.data; *at != '\0'; at++) {
            buf_printf(&request, "%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
        }
        buf_add_str(&request, " \"},\"limit\":7}");
        assert_int_equal(store_query_read(request.data, request.size, &q, &e), 0);
        assert_int_equal(q.term_count, 2);
        assert_string_equal(q.terms[0].key, "env");
        assert_string_equal(q.terms[1].key, "locktrail_worker");
        assert_string_equal(q.terms[1].value, values[i]);
        assert_int_equal(q.limit, 7);
        store_query_fini(&q);
        buf_fini(&query);
        buf_fini(&request);
    }
}

static void a_plain_value_has_no_quotes(void **state)
{
    struct buf query = {0};
    (void)state;
    store_query_term(&query, "service", "shop-1.a/b_c");
    buf_add_char(&query, ' ');
    store_query_term(&query, "env", "a b");
    assert_string_equal(query.data, "service:shop-1.a/b_c env:\"a b\"");
    buf_fini(&query);
}

static void all_terms_and_both_times_must_hold(void **state)
{
    static char texts[][8] = {"service", "shop", "a", "1", "2"};
    const struct upload_tag tags[] = {{texts[0], texts[1]}, {texts[2], texts[3]}, {texts[2], texts[4]}};
    struct intake_time at = {.s = 100, .ns = 5};
    static const struct {
        const char *filter;
        bool fits;
    } cases[] = {
        {"\"query\":\"service:shop a:1\"", true},
        {"\"query\":\"a:2 a:1\"", true},
        {"\"query\":\"a:2 a:3\"", false},
        {"\"query\":\"service:SHOP\"", false},
        {"\"query\":\"shop:service\"", false},
        {"\"query\":\"\"", true},
        {"\"from\":100000", true},
        {"\"from\":100001", false},
        {"\"to\":100000", false},
        {"\"to\":100001", true},
        {"\"from\":-9223372036854775808", true},
        {"\"to\":\"1970-01-01T00:01:40.000000005Z\"", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = mem_printf("{\"filter\":{%s}}", cases[i].filter);
        struct store_query q;
        struct err e = {0};
        assert_int_equal(store_query_read(text, strlen(text), &q, &e), 0);
        assert_int_equal(store_query_fits(&q, &at, tags, 3), cases[i].fits);
        store_query_fini(&q);
        free(text);
    }
}

static struct store_item *make_item(uint64_t number)
{
    struct store_item *item = mem_calloc(1, sizeof *item);
    item->number = number;
    item->id = mem_printf("x-%d", (int)number);
    item->bytes = 10;
    item->at.s = (int64_t)number;
    return item;
}

static void the_index_finds_what_is_left_after_dropping(void **state)
{
    struct store_index index = {0};
    (void)state;
    for (uint64_t number = 1; number <= 1000; number++) {
        store_index_add(&index, make_item(number * 2));
        for (struct store_item *item; (item = store_index_drop(&index, 100, STORE_UPLOADS_MAX)) != NULL;) {
            store_item_free(item);
        }
    }
    assert_int_equal(index.count, 10);
    assert_int_equal(index.bytes, 100);
    assert_int_equal(index.dropped, 990);
    assert_true(index.capacity <= 64);
    assert_non_null(store_index_find(&index, 2000, "x-2000"));
    assert_non_null(store_index_find(&index, 1982, "x-1982"));
    assert_null(store_index_find(&index, 1980, "x-1980"));
    assert_null(store_index_find(&index, 1983, "x-1983"));
    assert_null(store_index_find(&index, 2002, "x-2002"));
    assert_null(store_index_find(&index, 2000, "y-2000"));
    store_index_fini(&index);
}

static void equal_tags_are_kept_once(void **state)
{
    static char texts[][8] = {"service", "shop", "other"};
    const struct upload_tag shop = {texts[0], texts[1]}, other = {texts[0], texts[2]};
    struct store_index index = {0};
    (void)state;
    for (uint64_t number = 1; number <= 4; number++) {
        struct store_item *item = make_item(number);
        item->tags = store_index_tags(&index, number == 2 ? &other : &shop, 1);
        store_index_add(&index, item);
    }
    assert_ptr_equal(index.items[0]->tags, index.items[3]->tags);
    assert_ptr_not_equal(index.items[0]->tags, index.items[1]->tags);
    assert_int_equal(index.items[0]->tags->refs, 3);
    store_item_free(store_index_drop(&index, 35, STORE_UPLOADS_MAX));
    assert_string_equal(store_item_tag(index.items[index.first + 2], "service"), "shop");
    assert_string_equal(store_item_tag(index.items[index.first], "service"), "other");
    store_index_fini(&index);
}

static void the_last_upload_stays_whatever_its_size(void **state)
{
    struct store_index index = {0};
    (void)state;
    store_index_add(&index, make_item(1));
    assert_null(store_index_drop(&index, 5, 0));
    assert_null(store_index_drop(&index, 0, 0));
    store_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_requests_say_what_was_expected),
        cmocka_unit_test(terms_are_read_as_they_are_written),
        cmocka_unit_test(a_plain_value_has_no_quotes),
        cmocka_unit_test(all_terms_and_both_times_must_hold),
        cmocka_unit_test(the_index_finds_what_is_left_after_dropping),
        cmocka_unit_test(equal_tags_are_kept_once),
        cmocka_unit_test(the_last_upload_stays_whatever_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
