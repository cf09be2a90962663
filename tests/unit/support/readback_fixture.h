/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture.h with a read-back in the same loop: what it says as text, line by line. */
#ifndef LOCKTRAIL_TEST_READBACK_FIXTURE_H
#define LOCKTRAIL_TEST_READBACK_FIXTURE_H

#include "store_fixture.h"

#include "pipeline/readback.h"

/* A clock's moment within the minute of make_upload's times: 2026-11-25T16:23:00Z. */
#define TEST_MINUTE_MS INT64_C(1795623780000)

/* What a hand-made server says, one after the other; the last for ever. */
struct answer {
    int status;
    const char *header, *value; /* one more header, or NULL */
    const void *body;
    size_t size; /* 0: of the text `body` */
};

struct readback_fixture {
    struct store_fixture *store;
    struct readback *readback;
    struct readback_options options;
    struct readback_wanted wanted[3];
    struct buf said;     /* "upload INSTANCE RUNTIME_ID START END name=bytes", "over MISSING ERROR" */
    struct buf progress; /* its texts, a line each */
    bool over;
    enum err_code code;
    unsigned freed;
    void (*on_event)(struct readback_fixture *f, const struct readback_event *event);
    const struct answer *lists, *downloads; /* of the hand-made server */
    size_t list_count, download_count;
    size_t lists_asked, downloads_asked;
};

/* The hand-made server's callback knows only its own fixture. */
static struct readback_fixture *current_readback;

static inline void on_readback(struct readback *r, const struct readback_event *event, void *data)
{
    struct readback_fixture *f = data;
    assert_ptr_equal(r, f->readback);
    assert_false(f->over);
    if (event->kind == READBACK_UPLOAD) {
        buf_printf(&f->said, "upload %s %s %s %s", event->instance, event->runtime_id, event->start, event->end);
        for (size_t i = 0; i < event->profile_count; i++) {
            buf_printf(&f->said, " %s=%.*s", event->profiles[i].name, (int)event->profiles[i].size,
                       (const char *)event->profiles[i].bytes);
        }
        buf_add_char(&f->said, '\n');
    } else if (event->kind == READBACK_PROGRESS) {
        buf_printf(&f->progress, "%s\n", event->text);
    } else {
        f->over = true;
        f->code = event->error != NULL ? event->error->code : 0;
        buf_printf(&f->said, "over %u %s\n", event->missing, event->error != NULL ? event->error->text : "-");
    }
    if (f->on_event != NULL) {
        f->on_event(f, event);
    }
}

static inline int readback_setup(void **state)
{
    void *store;
    struct readback_fixture *f = mem_calloc(1, sizeof *f);
    store_setup(&store);
    f->store = store;
    f->wanted[0] = (struct readback_wanted){.instance = "python.1.upload", .expected = 1};
    f->options = (struct readback_options){.kind = READBACK_PROFILES_API,
                                           .service = "shop",
                                           .env = "test",
                                           .run_id = "run-1",
                                           .from_ms = TEST_MINUTE_MS,
                                           .to_ms = TEST_MINUTE_MS + 60000,
                                           .wanted = f->wanted,
                                           .wanted_count = 1,
                                           .deadline_ms = 30000,
                                           .timeout_ms = 20000};
    current_readback = f;
    *state = f;
    return 0;
}

static inline void on_readback_freed(void *data)
{
    struct readback_fixture *f = data;
    f->readback = NULL;
    f->freed++;
}

static inline void readback_begin(struct readback_fixture *f)
{
    struct err e = {0};
    f->over = false;
    f->readback = readback_start(&f->store->client->http.loop, &f->options, on_readback, f, &e);
    assert_string_equal(e.text, "");
    assert_non_null(f->readback);
    assert_false(f->over); /* nothing from within */
}

static inline void readback_end(struct readback_fixture *f)
{
    WAIT(&f->store->client->http, f->over);
    if (f->readback != NULL) {
        readback_free(f->readback, on_readback_freed, f);
        WAIT(&f->store->client->http, f->readback == NULL);
    }
}

/* The whole of it; what it said is compared. */
static inline void expect_read_back(struct readback_fixture *f, const char *said)
{
    buf_clear(&f->said);
    readback_begin(f);
    readback_end(f);
    assert_string_equal(f->said.data, said);
}

static inline int readback_teardown(void **state)
{
    struct readback_fixture *f = *state;
    void *store = f->store;
    assert_null(f->readback);
    store_teardown(&store);
    buf_fini(&f->said);
    buf_fini(&f->progress);
    free(f);
    return 0;
}

/* --- a hand-made server ------------------------------------------------------------------------------------------ */

static inline void answer_as_made(struct http_fixture *http, struct seen *s)
{
    struct readback_fixture *f = current_readback;
    bool list = strstr(s->path, "/download") == NULL;
    const struct answer *answers = list ? f->lists : f->downloads;
    size_t count = list ? f->list_count : f->download_count;
    size_t *asked = list ? &f->lists_asked : &f->downloads_asked;
    assert_true(count > 0);
    const struct answer *a = &answers[*asked < count ? *asked : count - 1];
    ++*asked;
    if (a->header != NULL) {
        http_answer_header(s->request, a->header, a->value);
    }
    http_answer(s->request, a->status, "application/json", a->body, a->size > 0 ? a->size : strlen(a->body));
    s->request = NULL;
    http->answered++;
}

static inline void serve_by_hand(struct readback_fixture *f)
{
    f->store->client->http.on_request = answer_as_made;
    start_server(&f->store->client->http);
    f->options.url = httpd_url(f->store->client->http.server);
}

#define SERVE(f, list_answers, download_answers)                                                                       \
    do {                                                                                                               \
        (f)->lists = (list_answers);                                                                                   \
        (f)->list_count = sizeof(list_answers) / sizeof *(list_answers);                                               \
        (f)->downloads = (download_answers);                                                                           \
        (f)->download_count = sizeof(download_answers) / sizeof *(download_answers);                                   \
        serve_by_hand(f);                                                                                              \
    } while (0)

#endif
