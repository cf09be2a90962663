/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_call.h"

#include "base/mem.h"
#include "io/header_param.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* What is asked for of a streamed body at a time. */
#define UPLOAD_BUFFER_SIZE ((long)256 << 10)

/* The URL as it may be shown: "user:password@" and the query, where keys are sent now and then, are cut out. */
static char *label_of(const char *method, const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme != NULL ? scheme + 3 : url;
    size_t size = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', size);
    const char *shown = at != NULL ? at + 1 : host;
    return mem_printf("%s %.*s%.*s", method, (int)(host - url), url, (int)strcspn(shown, "?#"), shown);
}

static size_t on_answer(char *bytes, size_t one, size_t size, void *data)
{
    struct http_call_state *c = data;
    size_t room = c->answer_max - c->answer.size;
    (void)one;
    c->cut = c->cut || size > room;
    buf_add(&c->answer, bytes, size < room ? size : room);
    return size;
}

/* One line at a time, complete (CURLOPT_HEADERFUNCTION). */
static size_t on_header(char *bytes, size_t one, size_t size, void *data)
{
    struct http_call_state *c = data;
    const char *colon = memchr(bytes, ':', size);
    (void)one;
    if (size >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        http_headers_fini(&c->answer_headers); /* those of a 100 Continue are not the answer's */
    } else if (colon != NULL && c->answer_headers.count < HTTP_ANSWER_HEADERS_MAX) {
        const char *value = colon + 1, *end = bytes + size;
        while (value < end && (*value == ' ' || *value == '\t')) {
            value++;
        }
        while (end > value && strchr(" \t\r\n", end[-1]) != NULL) {
            end--;
        }
        char *name = mem_strndup(bytes, (size_t)(colon - bytes));
        char *text = mem_strndup(value, (size_t)(end - value));
        http_headers_add(&c->answer_headers, name, text);
        free(name);
        free(text);
    }
    return size;
}

/* A connection that is closed now is closed by RST. */
static void close_hard(struct http_call_state *c)
{
    struct linger now = {.l_onoff = 1};
    if (c->fd != CURL_SOCKET_BAD) {
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
}

static size_t on_read(char *out, size_t one, size_t room, void *data)
{
    struct http_call_state *c = data;
    ssize_t size = c->stream.read(out, one * room, c->data);
    if (size == HTTP_READ_LATER) {
        c->waiting = true;
        return CURL_READFUNC_PAUSE;
    }
    if (size == HTTP_READ_RESET) {
        close_hard(c);
        return CURL_READFUNC_ABORT;
    }
    return (size_t)size;
}

/* Framing and addressing are the client's own: what goes out in place of such a header (for the caller to free), or
 * NULL. With a stream they keep their place and their name's case. */
static char *own_line(const struct http_call_state *c, const struct http_header *h)
{
    const struct http_stream *s = &c->stream;
    if (s->read == NULL) {
        return NULL;
    }
    if (strcasecmp(h->name, "Host") == 0 && s->keep_host) {
        return mem_printf("%s: %s", h->name, h->value);
    }
    if (strcasecmp(h->name, "Content-Length") == 0 && s->size >= 0) {
        return mem_printf("%s: %lld", h->name, (long long)(s->told_size >= 0 ? s->told_size : s->size));
    }
    if (strcasecmp(h->name, "Transfer-Encoding") == 0 && s->size == HTTP_SIZE_UNKNOWN) {
        return mem_printf("%s: chunked", h->name);
    }
    return NULL;
}

static bool is_own(const char *name)
{
    return strcasecmp(name, "Host") == 0 || strcasecmp(name, "Content-Length") == 0 ||
           strcasecmp(name, "Transfer-Encoding") == 0;
}

/* Refuses what would end the header's line early, or is no name: it must not get on the wire. */
static int check_header(struct http_call_state *c, const struct http_header *h)
{
    const char *at = h->name;
    while (header_is_token(*at)) {
        at++;
    }
    if (at == h->name || *at != '\0') {
        return err_set(&c->error, ERR_INPUT, "%s: a header with a malformed name can't be sent", c->label);
    }
    if (strpbrk(h->value, "\r\n") != NULL) {
        return err_set(&c->error, ERR_INPUT, "%s: header %s can't be sent: its value has a line break", c->label,
                       h->name);
    }
    return 0;
}

static void add_line(struct http_call_state *c, char *line)
{
    struct curl_slist *more = curl_slist_append(c->headers, line);
    free(line);
    if (more != NULL) {
        c->headers = more;
    } else if (!c->failed) {
        c->failed = true;
        err_set(&c->error, ERR_INTERNAL, "%s: no memory for the headers", c->label);
    }
}

static void add_headers(struct http_call_state *c, const struct http_headers *h)
{
    for (size_t i = 0; h != NULL && i < h->count; i++) {
        const struct http_header *item = &h->items[i];
        if (check_header(c, item) != 0) {
            c->failed = true;
            return;
        }
        if (is_own(item->name)) {
            char *line = own_line(c, item);
            if (line != NULL) {
                add_line(c, line);
            }
            continue;
        }
        /* libcurl's way to say a header without a value. */
        add_line(c, item->value[0] != '\0' ? mem_printf("%s: %s", item->name, item->value)
                                           : mem_printf("%s;", item->name));
    }
}

/* The framing that a stream needs and nobody has asked for. */
static void add_framing(struct http_call_state *c, const struct http_headers *h)
{
    const struct http_stream *s = &c->stream;
    if (s->read == NULL) {
        return;
    }
    if (s->size == HTTP_SIZE_UNKNOWN && http_headers_get(h, "Transfer-Encoding") == NULL) {
        add_line(c, mem_strdup("Transfer-Encoding: chunked"));
    }
    if (s->size >= 0 && s->told_size >= 0 && http_headers_get(h, "Content-Length") == NULL) {
        add_line(c, mem_printf("Content-Length: %lld", (long long)s->told_size));
    }
}

/* What libcurl would add by itself. */
static void drop_defaults(struct http_call_state *c, const struct http_headers *h)
{
    static const char *const names[] = {"Accept", "Content-Type", "Expect", "User-Agent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (h == NULL || http_headers_get(h, names[i]) == NULL) {
            add_line(c, mem_printf("%s:", names[i]));
        }
    }
}

/* Keeps the first refusal of an option. */
#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        if (code == CURLE_OK) {                                                                                        \
            code = curl_easy_setopt(c->easy, option, value);                                                           \
        }                                                                                                              \
    } while (0)

static CURLcode set_method(struct http_call_state *c, const struct http_call *call)
{
    CURLcode code = CURLE_OK;
    if (strcmp(call->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(call->method, "GET") != 0 || call->body_size > 0) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
        SET(CURLOPT_POSTFIELDS, call->body_size > 0 ? call->body : "");
        SET(CURLOPT_CUSTOMREQUEST, call->method);
    }
    return code;
}

static CURLcode set_stream(struct http_call_state *c, const struct http_call *call)
{
    const struct http_stream *s = &c->stream;
    CURLcode code = CURLE_OK;
    if (strcmp(call->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (s->size == HTTP_SIZE_NONE) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->size);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, c);
        SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_SIZE);
    }
    SET(CURLOPT_CUSTOMREQUEST, call->method);
    SET(CURLOPT_REQUEST_TARGET, s->target);
    SET(CURLOPT_MAXAGE_CONN, (long)HTTP_IDLE_MAX_S);
    /* Where the length is a lie, whatever comes next on the connection would be taken for the rest. */
    SET(CURLOPT_FORBID_REUSE, s->told_size >= 0 ? 1L : 0L);
    return code;
}

static CURLcode set_options(struct http_call_state *c, const struct http_call *call)
{
    CURLcode code = c->stream.read != NULL ? set_stream(c, call) : set_method(c, call);
    SET(CURLOPT_PRIVATE, c);
    SET(CURLOPT_ERRORBUFFER, c->reason);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_UNIX_SOCKET_PATH, call->unix_socket);
    SET(CURLOPT_HTTPHEADER, c->headers);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_WRITEFUNCTION, on_answer);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    /* A name that is still being looked up must not hold up the loop when the request is given up. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    return code;
}

void http_call_init(struct http_call_state *c, const struct http_call *call)
{
    c->label = label_of(call->method, call->url);
    c->timeout_ms = call->timeout_ms;
    c->fd = CURL_SOCKET_BAD;
    c->stream = call->stream != NULL ? *call->stream : (struct http_stream){0};
    c->answer_max = call->answer_max > 0 ? call->answer_max : HTTP_ANSWER_MAX;
    c->easy = curl_easy_init();
    add_headers(c, call->headers);
    add_framing(c, call->headers);
    drop_defaults(c, call->headers);
    CURLcode code = c->easy != NULL ? set_options(c, call) : CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK && !c->failed) {
        c->failed = true;
        err_set(&c->error, ERR_INTERNAL, "%s: %s", c->label, curl_easy_strerror(code));
    }
}

void http_call_fini(struct http_call_state *c)
{
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_fini(&c->answer);
    http_headers_fini(&c->answer_headers);
    free(c->label);
}

static void explain_connect(struct http_call_state *c, struct err *e)
{
    long errnum = 0;
    curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &errnum);
    if (errnum != 0) {
        err_sys(e, ERR_MISSING, (int)errnum, "%s: can't connect", c->label);
    } else {
        err_set(e, ERR_MISSING, "%s: can't connect: %s", c->label, c->reason);
    }
}

/* libcurl has one code for a foreign URL and for an answer that is none. */
static void explain_protocol(struct http_call_state *c, struct err *e)
{
    long connections = 0;
    curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &connections);
    if (connections > 0) {
        err_set(e, ERR_MISSING, "%s: the answer is not HTTP", c->label);
    } else {
        err_set(e, ERR_INPUT, "%s: not an http or https URL", c->label);
    }
}

void http_call_explain(struct http_call_state *c, CURLcode code, struct err *e)
{
    const char *reason = c->reason[0] != '\0' ? c->reason : curl_easy_strerror(code);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        explain_connect(c, e);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        err_set(e, ERR_MISSING, "%s: no complete answer within %lld ms", c->label, (long long)c->timeout_ms);
        break;
    case CURLE_COULDNT_RESOLVE_HOST:
        err_set(e, ERR_MISSING, "%s: the host's name is not known: %s", c->label, reason);
        break;
    case CURLE_GOT_NOTHING:
        err_set(e, ERR_MISSING, "%s: the connection was closed without an answer", c->label);
        break;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
        err_set(e, ERR_MISSING, "%s: the connection broke off: %s", c->label, reason);
        break;
    case CURLE_ABORTED_BY_CALLBACK:
        err_set(e, ERR_INTERRUPTED, "%s: the connection was reset in the middle of the body", c->label);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        err_set(e, ERR_MISSING, "%s: the server's certificate is not trusted: %s", c->label, reason);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        explain_protocol(c, e);
        break;
    default:
        err_set(e, ERR_MISSING, "%s: %s", c->label, reason);
        break;
    }
}
