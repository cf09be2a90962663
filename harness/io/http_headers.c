/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/httpd.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_headers_fini(struct http_headers *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->items[i].name);
        free(h->items[i].value);
    }
    free(h->items);
    *h = (struct http_headers){0};
}

void http_headers_add(struct http_headers *h, const char *name, const char *value)
{
    h->items = mem_grow(h->items, h->count, &h->capacity, sizeof *h->items);
    h->items[h->count++] = (struct http_header){.name = mem_strdup(name), .value = mem_strdup(value)};
}

const char *http_headers_get(const struct http_headers *h, const char *name)
{
    for (size_t i = 0; i < h->count; i++) {
        if (strcasecmp(h->items[i].name, name) == 0) {
            return h->items[i].value;
        }
    }
    return NULL;
}

/* Whether a list of names, separated by commas, has this one. */
static bool names(const char *list, const char *name)
{
    size_t size = strlen(name);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t item = strcspn(list, ", \t");
        if (item == size && strncasecmp(list, name, size) == 0) {
            return true;
        }
        list += item;
    }
    return false;
}

bool http_headers_one_hop(const struct http_headers *h, const char *name)
{
    static const char *const fields[] = {
        "Connection", "Proxy-Connection",   "Keep-Alive",          "TE",    "Trailer", "Transfer-Encoding",
        "Upgrade",    "Proxy-Authenticate", "Proxy-Authorization", "Expect"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcasecmp(name, fields[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < h->count; i++) {
        if (strcasecmp(h->items[i].name, "Connection") == 0 && names(h->items[i].value, name)) {
            return true;
        }
    }
    return false;
}

/* --- paths ------------------------------------------------------------------------------------------------------- */

/* "api_key", "dd-application-key", "access_token": any name that has one of these in it. */
static bool is_secret(const char *name, size_t size)
{
    static const char *const words[] = {"key", "token", "secret", "password", "auth", "signature"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t word = strlen(words[i]);
        for (size_t at = 0; at + word <= size; at++) {
            if (strncasecmp(name + at, words[i], word) == 0) {
                return true;
            }
        }
    }
    return false;
}

char *http_path_shown(const char *path)
{
    struct buf out = {0};
    size_t size = strcspn(path, "?");
    buf_add(&out, path, size);
    for (path += size; *path != '\0'; path += size) {
        buf_add_char(&out, *path++); /* '?', then '&' */
        size = strcspn(path, "&");
        size_t name = strcspn(path, "=&");
        if (name < size && is_secret(path, name)) {
            buf_add(&out, path, name + 1);
            buf_add_str(&out, "[redacted]");
        } else {
            buf_add(&out, path, size);
        }
    }
    return buf_steal(&out);
}
