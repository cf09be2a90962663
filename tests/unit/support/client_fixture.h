/* SPDX-License-Identifier: Apache-2.0 */
/* http_fixture.h and a client in the same loop. */
#ifndef LOCKTRAIL_TEST_CLIENT_FIXTURE_H
#define LOCKTRAIL_TEST_CLIENT_FIXTURE_H

#include "http_fixture.h"

#include "io/http_client.h"

struct client_fixture {
    struct http_fixture http;
    struct http_client *client;
    struct http_call call; /* what call_now sends */
    /* of the last call */
    unsigned results;
    char *error; /* NULL where an answer came */
    enum err_code code;
    int status;
    struct buf body;
    void (*on_result)(struct client_fixture *f);
};

static inline void on_client_closed(void *data)
{
    struct client_fixture *f = data;
    f->client = NULL;
}

static inline void on_client_result(const struct http_result *result, void *data)
{
    struct client_fixture *f = data;
    f->results++;
    free(f->error);
    f->error = result->error ? mem_strdup(result->error->text) : NULL;
    f->code = result->error ? result->error->code : 0;
    f->status = result->status;
    buf_clear(&f->body);
    buf_add(&f->body, result->body->data, result->body->size);
    if (f->on_result != NULL) {
        f->on_result(f);
    }
}

static inline int client_setup(void **state)
{
    struct client_fixture *f = mem_calloc(1, sizeof *f);
    struct err e = {0};
    http_open(&f->http);
    f->client = http_client_new(&f->http.loop, &e);
    assert_non_null(f->client);
    f->call = (struct http_call){.method = "GET", .timeout_ms = 30000};
    *state = f;
    return 0;
}

static inline int client_teardown(void **state)
{
    struct client_fixture *f = *state;
    if (f->client != NULL) {
        http_client_close(f->client, on_client_closed, f);
    }
    WAIT(&f->http, f->client == NULL);
    http_close(&f->http);
    free(f->error);
    buf_fini(&f->body);
    free(f);
    return 0;
}

static inline void call_begin(struct client_fixture *f)
{
    http_client_send(f->client, &f->call, on_client_result, f);
}

static inline void call_now(struct client_fixture *f)
{
    unsigned before = f->results;
    call_begin(f);
    assert_int_equal(f->results, before); /* never from within */
    WAIT(&f->http, f->results > before);
    assert_int_equal(f->results, before + 1);
}

#endif
