/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/store_query.h"

#include "base/json.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_FORM "key:value terms, joined by spaces, a value with other characters in quotes"

void store_query_fini(struct store_query *q)
{
    for (size_t i = 0; i < q->term_count; i++) {
        free(q->terms[i].key);
        free(q->terms[i].value);
    }
    free(q->terms);
    *q = (struct store_query){0};
}

/* A member that is not known is one that would be passed over. */
static int check_members(const char *where, const struct json *j, const char *const *known, struct err *e)
{
    if (j->type != JSON_OBJECT) {
        return err_set(e, ERR_INPUT, "%s: expected an object", where);
    }
    for (size_t i = 0; i < j->size; i++) {
        size_t k = 0;
        while (known[k] != NULL && strcmp(known[k], j->keys[i]) != 0) {
            k++;
        }
        if (known[k] == NULL) {
            struct buf names = {0};
            for (k = 0; known[k] != NULL; k++) {
                buf_printf(&names, "%s%s", k > 0 ? ", " : "", known[k]);
            }
            err_set(e, ERR_INPUT, "%s: \"%.40s\" is not known, expected %s", where, j->keys[i], names.data);
            buf_fini(&names);
            return -1;
        }
    }
    return 0;
}

static int read_time(const char *where, const struct json *j, bool *has, struct intake_time *out, struct err *e)
{
    if (j == NULL) {
        return 0;
    }
    *has = true;
    if (j->type == JSON_NUMBER && j->is_integer) {
        *out = intake_time_of_ms(j->integer);
        return 0;
    }
    if (j->type == JSON_STRING && strlen(j->string) == j->size && intake_time_read(j->string, out) == 0) {
        return 0;
    }
    return err_set(e, ERR_INPUT, "%s: expected a time such as \"2026-11-25T16:23:31.757Z\", or milliseconds since 1970",
                   where);
}

/* --- the query --- */

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("_.-/", c) != NULL);
}

/* What may stand in a value without quotes when it is read: also the colons of URLs, and what is not ASCII. */
static bool is_bare(char c)
{
    return is_plain(c) || c == ':' || c == '+' || c == '@' || (unsigned char)c >= 0x80;
}

static const char *read_quoted(const char *at, struct buf *out)
{
    for (at++; *at != '"' && *at != '\0'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\')) {
            at++;
        }
        buf_add_char(out, *at);
    }
    return *at == '"' ? at + 1 : NULL;
}

/* The end of the term at `at`, or NULL. */
static const char *read_term(const char *at, struct buf *key, struct buf *value)
{
    while (is_plain(*at)) {
        buf_add_char(key, *at++);
    }
    if (key->size == 0 || key->data[0] == '-' || *at++ != ':') {
        return NULL;
    }
    if (*at == '"') {
        at = read_quoted(at, value);
    } else {
        while (is_bare(*at)) {
            buf_add_char(value, *at++);
        }
        at = value->size > 0 ? at : NULL;
    }
    return at != NULL && (*at == ' ' || *at == '\0') ? at : NULL;
}

static int read_terms(const char *text, struct store_query *out, struct err *e)
{
    size_t capacity = 0;
    const char *at = text + strspn(text, " ");
    while (*at != '\0') {
        struct buf key = {0}, value = {0};
        const char *end = out->term_count < STORE_TERMS_MAX ? read_term(at, &key, &value) : NULL;
        if (end == NULL) {
            buf_fini(&key);
            buf_fini(&value);
            return err_set(e, ERR_INPUT, "filter.query: expected at most %d " QUERY_FORM ", found '%.40s'",
                           STORE_TERMS_MAX, at);
        }
        out->terms = mem_grow(out->terms, out->term_count, &capacity, sizeof *out->terms);
        out->terms[out->term_count++] = (struct upload_tag){.key = buf_steal(&key), .value = buf_steal(&value)};
        at = end + strspn(end, " ");
    }
    return 0;
}

static int read_filter(const struct json *j, struct store_query *out, struct err *e)
{
    static const char *const known[] = {"from", "to", "query", NULL};
    if (j == NULL) {
        return 0;
    }
    if (check_members("filter", j, known, e) != 0 ||
        read_time("filter.from", json_get(j, "from"), &out->has_from, &out->from, e) != 0 ||
        read_time("filter.to", json_get(j, "to"), &out->has_to, &out->to, e) != 0) {
        return -1;
    }
    const struct json *query = json_get(j, "query");
    if (query == NULL) {
        return 0;
    }
    if (query->type != JSON_STRING || strlen(query->string) != query->size) {
        return err_set(e, ERR_INPUT, "filter.query: expected a text of " QUERY_FORM);
    }
    return read_terms(query->string, out, e);
}

static int read_sort(const struct json *j, struct store_query *out, struct err *e)
{
    static const char *const known[] = {"order", "field", NULL};
    if (j == NULL) {
        return 0;
    }
    if (check_members("sort", j, known, e) != 0) {
        return -1;
    }
    const struct json *order = json_get(j, "order"), *field = json_get(j, "field");
    const char *order_text = order == NULL ? "desc" : json_get_string(j, "order", "");
    if (strcmp(order_text, "asc") != 0 && strcmp(order_text, "desc") != 0) {
        return err_set(e, ERR_INPUT, "sort.order: expected \"asc\" or \"desc\"");
    }
    if (field != NULL && strcmp(json_get_string(j, "field", ""), "timestamp") != 0) {
        return err_set(e, ERR_INPUT, "sort.field: expected \"timestamp\"");
    }
    out->ascending = strcmp(order_text, "asc") == 0;
    return 0;
}

static int read_limit(const struct json *j, struct store_query *out, struct err *e)
{
    out->limit = STORE_LIST_DEFAULT;
    if (j == NULL) {
        return 0;
    }
    if (j->type != JSON_NUMBER || !j->is_integer || j->integer < 1 || j->integer > STORE_LIST_MAX) {
        return err_set(e, ERR_INPUT, "limit: expected a whole number from 1 to %d", STORE_LIST_MAX);
    }
    out->limit = (size_t)j->integer;
    return 0;
}

static int read_request(const struct json *j, struct store_query *out, struct err *e)
{
    static const char *const known[] = {"filter", "sort", "limit", NULL};
    if (check_members("the request", j, known, e) != 0 || read_filter(json_get(j, "filter"), out, e) != 0 ||
        read_sort(json_get(j, "sort"), out, e) != 0) {
        return -1;
    }
    return read_limit(json_get(j, "limit"), out, e);
}

int store_query_read(const char *text, size_t size, struct store_query *out, struct err *e)
{
    struct json *j = NULL;
    *out = (struct store_query){0};
    if (json_read(text, size, &j, e) != 0) {
        return err_wrap(e, "the request");
    }
    int result = read_request(j, out, e);
    json_free(j);
    if (result != 0) {
        store_query_fini(out);
    }
    return result;
}

bool store_query_fits(const struct store_query *q, const struct intake_time *at, const struct upload_tag *tags,
                      size_t tag_count)
{
    if ((q->has_from && intake_time_compare(at, &q->from) < 0) || (q->has_to && intake_time_compare(at, &q->to) > 0)) {
        return false;
    }
    for (size_t i = 0; i < q->term_count; i++) {
        size_t k = 0;
        while (k < tag_count &&
               (strcmp(tags[k].key, q->terms[i].key) != 0 || strcmp(tags[k].value, q->terms[i].value) != 0)) {
            k++;
        }
        if (k == tag_count) {
            return false;
        }
    }
    return true;
}

void store_query_term(struct buf *out, const char *key, const char *value)
{
    const char *at = value;
    while (is_plain(*at)) {
        at++;
    }
    buf_printf(out, "%s:", key);
    if (*at == '\0' && value[0] != '\0') {
        buf_add_str(out, value);
        return;
    }
    buf_add_char(out, '"');
    for (at = value; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, *at);
    }
    buf_add_char(out, '"');
}
