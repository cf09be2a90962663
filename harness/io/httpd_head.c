/* SPDX-License-Identifier: Apache-2.0 */
/* What a complete head must not say: more than the limits, or two things at once about the body's length, since then
 * two readers of the same bytes would see different bodies (RFC 9112 section 6.3). */
#include "io/httpd_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t count_of(const struct http_headers *h, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < h->count; i++) {
        count += strcasecmp(h->items[i].name, name) == 0;
    }
    return count;
}

static int check_size(const struct http_request *r, struct buf *why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info == NULL || info->header_size <= r->server->options.max_header) {
        return 0;
    }
    buf_printf(why, "the request's head has %zu bytes, at most %zu are allowed", info->header_size,
               r->server->options.max_header);
    return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
}

static int check_framing(const struct http_headers *h, struct buf *why)
{
    const char *coding = http_headers_get(h, "Transfer-Encoding");
    size_t lengths = count_of(h, "Content-Length");
    if (coding != NULL && (strcasecmp(coding, "chunked") != 0 || count_of(h, "Transfer-Encoding") > 1)) {
        buf_add_str(why, "Transfer-Encoding is not chunked, the only one known here");
        return MHD_HTTP_NOT_IMPLEMENTED;
    }
    if (coding != NULL && lengths > 0) {
        buf_add_str(why, "both Content-Length and Transfer-Encoding");
        return MHD_HTTP_BAD_REQUEST;
    }
    if (lengths > 1) {
        buf_printf(why, "%zu headers Content-Length", lengths);
        return MHD_HTTP_BAD_REQUEST;
    }
    return 0;
}

static int check_length(const struct http_request *r, struct buf *why, bool *too_large)
{
    const char *text = http_headers_get(&r->headers, "Content-Length");
    char *end;
    if (text == NULL) {
        return 0;
    }
    errno = 0;
    unsigned long long length = strtoull(text, &end, 10);
    if (text[strspn(text, "0123456789")] != '\0' || end == text || errno != 0) {
        buf_add_str(why, "Content-Length is not a number of bytes");
        return MHD_HTTP_BAD_REQUEST;
    }
    if (length <= r->server->options.max_body) {
        return 0;
    }
    buf_printf(why, "the body has %llu bytes, at most %zu are allowed", length, r->server->options.max_body);
    *too_large = length <= HTTPD_DRAIN_MAX;
    return MHD_HTTP_CONTENT_TOO_LARGE;
}

int httpd_check_head(struct http_request *r, struct buf *why, bool *too_large)
{
    int status = check_size(r, why);
    if (status == 0) {
        status = check_framing(&r->headers, why);
    }
    return status != 0 ? status : check_length(r, why, too_large);
}
