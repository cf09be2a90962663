/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an answer of a backend, by their first byte: a list, requests of the test agent, a list request to the
 * store. Read or refused with a reason, and what the store's client writes is read as it was meant. */
#include "pipeline/readback_answer.h"
#include "pipeline/readback_test_agent.h"
#include "pipeline/store_query.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const char *text, size_t size)
{
    struct readback_items items;
    struct err e = {0};
    if (readback_items_read(text, size, &items, &e) != 0) {
        if (items.items != NULL || e.text[0] == '\0') {
            abort();
        }
        return;
    }
    for (size_t i = 0; i < items.count; i++) {
        if (items.items[i].event_id[0] == '\0' || strlen(items.items[i].profile_id) > READBACK_ID_MAX) {
            abort();
        }
    }
    readback_items_fini(&items);
}

static int count(const struct upload *upload, void *data, struct err *e)
{
    (void)e;
    *(size_t *)data += upload->profile_count;
    return 0;
}

static void check_requests(const char *text, size_t size)
{
    size_t profiles = 0;
    struct err e = {0};
    if (readback_requests_read(text, size, count, &profiles, &e) != 0 && e.text[0] == '\0') {
        abort();
    }
}

/* A query that was read is written again and read as the same. */
static void check_query(const char *text, size_t size)
{
    struct store_query q, again;
    struct buf query = {0}, request = {0};
    struct err e = {0};
    if (store_query_read(text, size, &q, &e) != 0) {
        if (q.terms != NULL || e.text[0] == '\0') {
            abort();
        }
        return;
    }
    for (size_t i = 0; i < q.term_count; i++) {
        buf_add_str(&query, i > 0 ? " " : "");
        store_query_term(&query, q.terms[i].key, q.terms[i].value);
    }
    struct json_out j = json_begin(&request, 0);
    json_object(&j);
    json_key(&j, "filter");
    json_object(&j);
    json_put_string(&j, "query", query.data != NULL ? query.data : "");
    json_object_end(&j);
    json_object_end(&j);
    if (store_query_read(request.data, request.size, &again, &e) != 0 || again.term_count != q.term_count) {
        abort();
    }
    for (size_t i = 0; i < q.term_count; i++) {
        if (strcmp(q.terms[i].key, again.terms[i].key) != 0 || strcmp(q.terms[i].value, again.terms[i].value) != 0) {
            abort();
        }
    }
    store_query_fini(&q);
    store_query_fini(&again);
    buf_fini(&query);
    buf_fini(&request);
}

static void check_excerpt(const char *text, size_t size)
{
    static const char *const secrets[] = {"id", "data", NULL};
    struct buf out = {0};
    readback_excerpt(text, size, secrets, &out);
    if (out.size > READBACK_EXCERPT_MAX + 16 || (out.data != NULL && strstr(out.data, "data") != NULL)) {
        abort();
    }
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    switch (data[0] % 3) {
    case 0:
        check_list(text, size - 1);
        break;
    case 1:
        check_requests(text, size - 1);
        break;
    default:
        check_query(text, size - 1);
        break;
    }
    check_excerpt(text, size - 1);
    return 0;
}
