/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of taps: a tap in the loop of http_fixture.h, whose server is the next hop; what the tap tells is kept. */
#ifndef LOCKTRAIL_TEST_TAP_FIXTURE_H
#define LOCKTRAIL_TEST_TAP_FIXTURE_H

#include "http_fixture.h"

#include "pipeline/tap.h"

/* One exchange as it was told. */
struct told {
    unsigned uploads, dones; /* how often */
    struct buf body;         /* of TAP_UPLOAD, or of TAP_DONE's upload */
    char *length;            /* Content-Length of TAP_UPLOAD */
    char *event, *rejected, *error, *fault, *method, *path;
    int status, next_status, rejected_status;
    unsigned taken;
    uint64_t body_size, answer_size, received_ns, complete_ns, sent_ns, answered_ns;
    unsigned order; /* of its first TAP_UPLOAD */
};
#define TOLD_MAX 1024

struct tap_fixture {
    struct http_fixture http; /* its server: the next hop */
    struct tap_options options;
    struct tap *tap;
    struct told told[TOLD_MAX]; /* by number - 1 */
    unsigned uploads, dones;
    bool keep_bodies;
    void (*on_event)(struct tap_fixture *f, const struct tap_event *event);
};

static inline char *tap_copy(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static inline void tap_keep(struct tap_fixture *f, struct told *t, const struct upload *u)
{
    buf_clear(&t->body);
    if (f->keep_bodies && u->body->size > 0) {
        buf_add(&t->body, u->body->data, u->body->size);
    }
    free(t->length);
    free(t->event);
    free(t->rejected);
    t->length = tap_copy(http_headers_get(u->headers, "Content-Length"));
    t->event = u->event != NULL ? mem_strndup(u->event, u->event_size) : NULL;
    t->rejected = tap_copy(u->rejected);
    t->rejected_status = u->status;
}

static inline void on_tap_event(struct tap *tap, const struct tap_event *event, void *data)
{
    struct tap_fixture *f = data;
    assert_true(event->number >= 1 && event->number <= TOLD_MAX);
    struct told *t = &f->told[event->number - 1];
    (void)tap;
    assert_int_equal(t->dones, 0); /* nothing comes behind TAP_DONE */
    if (event->kind == TAP_UPLOAD) {
        assert_null(event->exchange);
        assert_int_equal(event->upload->status, 0);
        t->order = t->uploads == 0 ? f->uploads : t->order;
        t->uploads++;
        f->uploads++;
        tap_keep(f, t, event->upload);
    } else {
        const struct tap_exchange *x = event->exchange;
        if (event->upload != NULL) {
            assert_int_equal(t->uploads, 0);
            assert_non_null(event->upload->rejected);
            tap_keep(f, t, event->upload);
        }
        *t = (struct told){.uploads = t->uploads,
                           .dones = 1,
                           .body = t->body,
                           .length = t->length,
                           .event = t->event,
                           .rejected = t->rejected,
                           .rejected_status = t->rejected_status,
                           .error = tap_copy(x->error),
                           .fault = tap_copy(x->fault),
                           .method = mem_strdup(x->method),
                           .path = mem_strdup(x->path),
                           .status = x->status,
                           .next_status = x->next_status,
                           .taken = x->taken,
                           .body_size = x->body_size,
                           .answer_size = x->answer_size,
                           .received_ns = x->received_ns,
                           .complete_ns = x->complete_ns,
                           .sent_ns = x->sent_ns,
                           .answered_ns = x->answered_ns,
                           .order = t->order};
        f->dones++;
    }
    if (f->on_event != NULL) {
        f->on_event(f, event);
    }
}

static inline void start_tap(struct tap_fixture *f)
{
    struct err e = {0};
    if (f->http.server != NULL && f->options.to.url == NULL) {
        f->options.to.url = httpd_url(f->http.server);
    }
    f->tap = tap_start(&f->http.loop, &f->options, on_tap_event, f, &e);
    assert_string_equal(e.text, "");
    assert_non_null(f->tap);
}

/* The next hop and the tap. */
static inline void start_both(struct tap_fixture *f)
{
    start_server(&f->http);
    start_tap(f);
}

static inline void on_tap_closed(void *data)
{
    struct tap_fixture *f = data;
    f->tap = NULL;
}

static inline void stop_tap(struct tap_fixture *f)
{
    tap_stop(f->tap, on_tap_closed, f);
    WAIT(&f->http, f->tap == NULL);
}

static inline int tap_setup(void **state)
{
    struct tap_fixture *f = mem_calloc(1, sizeof *f);
    http_open(&f->http);
    f->http.options.max_body = (size_t)1 << 30;
    f->http.options.max_header = 16384;
    f->http.options.max_connections = 300;
    f->keep_bodies = true;
    f->options = (struct tap_options){.actor = "tap test",
                                      .listen = "127.0.0.1:0",
                                      .max_body = (size_t)256 << 20,
                                      .max_header = 16384,
                                      .max_parts = 10,
                                      .idle_timeout_ms = 30000,
                                      .answer_timeout_ms = 30000,
                                      .spool = f->http.directory};
    *state = f;
    return 0;
}

/* Files of the spool that are still mapped. */
static inline int count_mapped(void)
{
    char line[512];
    int count = 0;
    FILE *file = fopen("/proc/self/maps", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        count += strstr(line, "/spool-") != NULL;
    }
    fclose(file);
    return count;
}

static inline int tap_teardown(void **state)
{
    struct tap_fixture *f = *state;
    if (f->tap != NULL) {
        stop_tap(f);
    }
    http_close(&f->http);
    assert_int_equal(count_mapped(), 0);
    for (size_t i = 0; i < TOLD_MAX; i++) {
        struct told *t = &f->told[i];
        assert_true(t->uploads == 0 || t->dones == 1);
        buf_fini(&t->body);
        free(t->length);
        free(t->event);
        free(t->rejected);
        free(t->error);
        free(t->fault);
        free(t->method);
        free(t->path);
    }
    free(f);
    return 0;
}

/* --- senders ---------------------------------------------------------------------------------------------------- */

#define INPUT "/profiling/v1/input"
#define EVENT                                                                                                          \
    "{\"version\":\"4\",\"family\":\"python\",\"start\":\"2026-11-25T16:23:31.7Z\",\"end\":\"2026-11-25T16:23:32."     \
    "4Z\","                                                                                                            \
    "\"attachments\":[\"profile.pprof\"],\"tags_profiler\":\"runtime-id:r-1\"}"
#define BOUNDARY "multipart/form-data; boundary=BB"

/* An upload whose profile has these bytes. */
static inline void make_upload(struct buf *out, const void *profile, size_t size)
{
    buf_add_str(out, "--BB\r\nContent-Disposition: form-data; name=\"event\"; filename=\"event.json\"\r\n\r\n" EVENT
                     "\r\n--BB\r\nContent-Disposition: form-data; name=\"profile.pprof\"; "
                     "filename=\"profile.pprof\"\r\n\r\n");
    buf_add(out, profile, size);
    buf_add_str(out, "\r\n--BB--\r\n");
}

/* Bytes that look random, the same for each seed. */
static inline void make_bytes(struct buf *out, size_t size, uint64_t seed)
{
    uint64_t x = seed * 2654435761u + 88172645463325252u;
    buf_reserve(out, size);
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        buf_add_char(out, (char)(x >> 32));
    }
}

static inline int tap_connect(struct tap_fixture *f)
{
    return raw_connect(tap_url(f->tap));
}

/* The head of an upload of this size. */
static inline void say_head(struct tap_fixture *f, int fd, const char *path, size_t size)
{
    char *head =
        mem_printf("POST %s HTTP/1.1\r\nHost: agent:8126\r\nContent-Type: " BOUNDARY "\r\nContent-Length: %zu\r\n\r\n",
                   path, size);
    raw_say(&f->http, fd, head);
    free(head);
}

/* Reads one whole answer with a Content-Length, or without a body; its status. `answer` may be NULL. */
static inline int read_answer(struct tap_fixture *f, int fd, struct buf *answer)
{
    struct buf own = {0}, *out = answer != NULL ? answer : &own;
    buf_clear(out);
    raw_read(&f->http, fd, "\r\n\r\n", out);
    int status = status_of(out);
    const char *end = out->data != NULL ? strstr(out->data, "\r\n\r\n") : NULL;
    const char *length = out->data != NULL ? strcasestr(out->data, "\r\nContent-Length:") : NULL;
    if (end != NULL && length != NULL) {
        size_t whole = (size_t)(end + 4 - out->data) + strtoul(length + 17, NULL, 10);
        char bytes[65536];
        ssize_t size = 1;
        while (out->size < whole && size > 0) {
            size_t room = whole - out->size;
            WAIT(&f->http, (size = recv(fd, bytes, room < sizeof bytes ? room : sizeof bytes, MSG_DONTWAIT)) >= 0 ||
                               errno != EAGAIN);
            buf_add(out, bytes, size > 0 ? (size_t)size : 0);
        }
    }
    buf_fini(&own);
    return status;
}

/* Sends one upload on a connection of its own and reads the answer's status. */
static inline int send_upload(struct tap_fixture *f, const struct buf *body, const char *path)
{
    int fd = tap_connect(f);
    say_head(f, fd, path, body->size);
    raw_send(&f->http, fd, body->data, body->size);
    int status = read_answer(f, fd, NULL);
    close(fd);
    return status;
}

/* --- a next hop without manners --------------------------------------------------------------------------------- */

/* A bare socket in the next hop's place; the tap's target from now on. */
struct peer {
    int listener, fd; /* -1: nobody has connected */
    char *url;
};

static inline struct peer peer_open(struct tap_fixture *f)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct peer p = {.fd = -1, .listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(p.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p.listener, 10), 0);
    getsockname(p.listener, (struct sockaddr *)&at, &size);
    p.url = mem_printf("http://127.0.0.1:%d", ntohs(at.sin_port));
    struct tap_target to = {.url = p.url};
    if (f->tap == NULL) {
        f->options.to = to;
        start_tap(f);
    } else {
        tap_set_target(f->tap, &to);
    }
    return p;
}

static inline void peer_accept(struct tap_fixture *f, struct peer *p)
{
    WAIT(&f->http, (p->fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
}

/* Closes by RST. */
static inline void peer_reset(struct peer *p)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(p->fd);
    p->fd = -1;
}

static inline void peer_close(struct peer *p)
{
    if (p->fd >= 0) {
        close(p->fd);
    }
    close(p->listener);
    free(p->url);
}

#endif
