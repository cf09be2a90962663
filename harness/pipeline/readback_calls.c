/* SPDX-License-Identifier: Apache-2.0 */
/* The two calls of Datadog's API (unstable; docs/formats.md, "The store"): a list, and a download. */
#include "pipeline/readback_internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "pipeline/intake_time.h"
#include "pipeline/store_query.h"

#include <stdlib.h>
#include <string.h>

#define LIST_PATH "/api/unstable/profiles/list"
/* Largest list: 5,000 uploads with their tags. */
#define LIST_ANSWER_MAX ((size_t)64 << 20)

static void write_query(const struct readback *r, const char *worker, struct buf *out)
{
    const struct {
        const char *key, *value;
    } terms[] = {{"service", r->service}, {"env", r->env}, {"locktrail_run", r->run_id}, {"locktrail_worker", worker}};
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        if (terms[i].value != NULL && terms[i].value[0] != '\0') {
            buf_add_str(out, out->size > 0 ? " " : "");
            store_query_term(out, terms[i].key, terms[i].value);
        }
    }
}

static void write_request(const struct readback *r, const struct readback_page *page, struct buf *out)
{
    char from[INTAKE_TIME_TEXT_SIZE], to[INTAKE_TIME_TEXT_SIZE];
    struct intake_time from_time = intake_time_of_ms(page->from_ms);
    struct intake_time to_time = intake_time_of_ms(page->to_ms);
    struct buf query = {0};
    struct json_out j = json_begin(out, 0);
    intake_time_text(&from_time, from);
    intake_time_text(&to_time, to);
    write_query(r, page->worker, &query);
    json_object(&j);
    json_key(&j, "filter");
    json_object(&j);
    json_put_string(&j, "from", from);
    json_put_string(&j, "to", to);
    json_put_string(&j, "query", query.data);
    json_object_end(&j);
    json_key(&j, "sort");
    json_object(&j);
    json_put_string(&j, "order", "desc");
    json_put_string(&j, "field", "timestamp");
    json_object_end(&j);
    json_put_uint(&j, "limit", page->size);
    json_object_end(&j);
    buf_fini(&query);
}

char *readback_send_list(struct readback *r, const struct readback_page *page, struct buf *body, http_client_fn fn,
                         void *data)
{
    buf_clear(body);
    write_request(r, page, body);
    return readback_send(r, "POST", LIST_PATH, body, LIST_ANSWER_MAX, fn, data);
}

int readback_take_list(const struct readback *r, const char *what, const struct buf *body, struct readback_items *out,
                       struct err *e)
{
    if (readback_items_read(body->data != NULL ? body->data : "", body->size, out, e) == 0) {
        return 0;
    }
    struct err why = *e;
    err_set(e, ERR_INPUT, "%s: the answer has not the form that is known, expected " READBACK_LIST_FORM ": %s", what,
            why.text);
    readback_add_excerpt(r, body, e);
    return -1;
}

char *readback_send_download(struct readback *r, const struct readback_item *item, http_client_fn fn, void *data)
{
    struct buf path = {0};
    buf_add_str(&path, "/api/ui/profiling/profiles/");
    readback_url_encode(&path, item->profile_id);
    buf_add_str(&path, "/download?eventId=");
    readback_url_encode(&path, item->event_id);
    char *what = readback_send(r, "GET", path.data, NULL, READBACK_ARCHIVE_MAX, fn, data);
    buf_fini(&path);
    return what;
}

/* What the list says goes before what the archive says. */
static void prefer(char **text, char **of_list)
{
    if ((*of_list)[0] != '\0') {
        char *swapped = *text;
        *text = *of_list;
        *of_list = swapped;
    }
}

int readback_take_download(const struct readback *r, const char *what, struct readback_item *item,
                           const struct buf *body, struct readback_upload *out, struct err *e)
{
    if (readback_upload_read(body->data, body->size, out, e) != 0) {
        struct err why = *e;
        err_set(e, ERR_INPUT,
                "%s: the answer has not the form that is known, expected a zip of the profile's files: %s", what,
                why.text);
        readback_add_excerpt(r, body, e);
        return -1;
    }
    prefer(&out->start, &item->start);
    prefer(&out->end, &item->end);
    prefer(&out->runtime_id, &item->runtime_id);
    return 0;
}
