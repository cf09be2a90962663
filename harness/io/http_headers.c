/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/httpd.h"

#include <stdlib.h>
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
