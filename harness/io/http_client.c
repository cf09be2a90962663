/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: send (the transfer is added) → libcurl asks for sockets and a timer to be watched → their events drive it
 * → finished transfers are handed to their callbacks. Failure modes: a request that can't be set up (told from the
 * timer, never from within send), a transfer that fails, the client closed under open calls: each call is told once. */
#include "io/http_client.h"

#include "base/mem.h"
#include "io/http_call.h"

#include <assert.h>
#include <stdlib.h>

struct http_client {
    CURLM *multi;
    uv_loop_t *loop;
    uv_timer_t timer; /* libcurl's; it says only once when it wants to be called, so nobody else sets it */
    uv_timer_t soon;  /* for what is broken, and what has ended outside of libcurl's own events */
    unsigned open_handles;
    struct http_call_state *calls;  /* that libcurl has */
    struct http_call_state *broken; /* that it never got */
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

/* A socket of libcurl's that is watched. */
struct socket_watch {
    uv_poll_t poll;
    struct http_client *client;
    curl_socket_t fd;
    int events; /* of libuv, that libcurl waits for */
};

static void link_call(struct http_call_state **list, struct http_call_state *c)
{
    c->next = *list;
    c->link = list;
    if (c->next != NULL) {
        c->next->link = &c->next;
    }
    *list = c;
}

static void unlink_call(struct http_call_state *c)
{
    *c->link = c->next;
    if (c->next != NULL) {
        c->next->link = c->link;
    }
}

static void finish(struct http_call_state *c, const struct http_result *result)
{
    unlink_call(c);
    c->fn(result, c->data);
    http_call_fini(c);
    free(c);
}

static void finish_transfer(struct http_client *client, CURL *easy, CURLcode code)
{
    struct http_call_state *c = NULL;
    struct http_result result = {0};
    struct err e;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&c);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(client->multi, easy);
    result.status = (int)status;
    result.body = &c->answer;
    result.headers = &c->answer_headers;
    result.cut = c->cut;
    if (code != CURLE_OK) {
        http_call_explain(c, code, &e);
        result.error = &e;
    }
    finish(c, &result);
}

/* The analyzer does not see that finish takes a call out of its list, through `link`. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void finish_broken(struct http_client *client)
{
    while (client->broken != NULL && !client->closing) {
        struct http_call_state *c = client->broken;
        struct http_result result = {.error = &c->error, .body = &c->answer, .headers = &c->answer_headers};
        finish(c, &result);
    }
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

/* A callback may send further requests, or close the client: what is left is then ended by that. */
static void check_finished(struct http_client *client)
{
    CURLMsg *message;
    int left;
    while (!client->closing && (message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            finish_transfer(client, message->easy_handle, message->data.result);
        }
    }
}

static void on_handle_closed(uv_handle_t *handle);

static void on_socket_event(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *watch = poll->data;
    struct http_client *client = watch->client;
    int running, flags = 0;
    if (status < 0) {
        /* An answer may lie before the error, and whoever reads and writes learns what error it is. */
        flags = CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
    }
    flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    curl_multi_socket_action(client->multi, watch->fd, flags, &running);
    if (status < 0 && !uv_is_closing((uv_handle_t *)poll)) {
        uv_poll_start(poll, watch->events, on_socket_event); /* libuv has stopped it */
    }
    check_finished(client);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct socket_watch *watch = handle->data;
    struct http_client *client = watch->client;
    handle->data = client;
    on_handle_closed(handle);
    free(watch);
}

static struct socket_watch *watch_new(struct http_client *client, curl_socket_t fd)
{
    struct socket_watch *watch = mem_calloc(1, sizeof *watch);
    if (uv_poll_init_socket(client->loop, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->client = client;
    watch->fd = fd;
    client->open_handles++;
    return watch;
}

/* Whose socket it is at present. libcurl's own handle, which closes idle ones, is nobody's. */
static void note_socket(CURL *easy, curl_socket_t fd, int what)
{
    struct http_call_state *c = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&c);
    if (c != NULL && what != CURL_POLL_REMOVE) {
        c->fd = fd;
    } else if (c != NULL && c->fd == fd) {
        c->fd = CURL_SOCKET_BAD;
    }
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *socket_data)
{
    struct http_client *client = data;
    struct socket_watch *watch = socket_data;
    note_socket(easy, fd, what);
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            curl_multi_assign(client->multi, fd, NULL);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = watch_new(client, fd);
        if (watch == NULL) {
            return -1; /* libcurl fails the transfer */
        }
        curl_multi_assign(client->multi, fd, watch);
    }
    watch->events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, watch->events, on_socket_event);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct http_client *client = timer->data;
    int running;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    check_finished(client);
}

static void on_soon(uv_timer_t *timer)
{
    finish_broken(timer->data);
    check_finished(timer->data);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *data)
{
    struct http_client *client = data;
    (void)multi;
    if (client->closing) {
        return 0;
    }
    if (timeout_ms < 0) {
        uv_timer_stop(&client->timer);
    } else {
        uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

struct http_client *http_client_new(uv_loop_t *loop, struct err *e)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        err_set(e, ERR_MISSING, "libcurl does not start");
        return NULL;
    }
    CURLM *multi = curl_multi_init();
    if (multi == NULL) {
        curl_global_cleanup();
        err_set(e, ERR_MISSING, "libcurl does not start");
        return NULL;
    }
    struct http_client *client = mem_calloc(1, sizeof *client);
    client->multi = multi;
    client->loop = loop;
    uv_timer_init(loop, &client->timer);
    client->timer.data = client;
    uv_timer_init(loop, &client->soon);
    client->soon.data = client;
    client->open_handles = 2;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    return client;
}

struct http_call_state *http_client_send(struct http_client *client, const struct http_call *call, http_client_fn fn,
                                         void *data)
{
    assert(!client->closing);
    struct http_call_state *c = mem_calloc(1, sizeof *c);
    c->fn = fn;
    c->data = data;
    http_call_init(c, call);
    if (!c->failed) {
        link_call(&client->calls, c);
        CURLMcode code = curl_multi_add_handle(client->multi, c->easy);
        if (code == CURLM_OK) {
            return c;
        }
        unlink_call(c);
        err_set(&c->error, ERR_INTERNAL, "%s: %s", c->label, curl_multi_strerror(code));
    }
    link_call(&client->broken, c);
    uv_timer_start(&client->soon, on_soon, 0, 0);
    return c;
}

/* libcurl would go on in the loop's next turn. Going on at once lets the next hop have each piece while the one behind
 * it is received. What comes to its end thereby is told from the loop, as always. */
void http_client_resume(struct http_client *client, struct http_call_state *c)
{
    int running;
    if (c->failed) {
        return;
    }
    if (c->waiting) {
        c->waiting = false;
        curl_easy_pause(c->easy, CURLPAUSE_CONT);
        curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    } else if (c->fd != CURL_SOCKET_BAD) {
        curl_multi_socket_action(client->multi, c->fd, CURL_CSELECT_OUT, &running);
    }
    uv_timer_start(&client->soon, on_soon, 0, 0);
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc): as for finish_broken. */
void http_client_cancel(struct http_client *client, struct http_call_state *c)
{
    unlink_call(c);
    if (!c->failed) {
        curl_multi_remove_handle(client->multi, c->easy);
    }
    http_call_fini(c);
    free(c);
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

/* As for finish_broken. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void end_all(struct http_call_state **list)
{
    while (*list != NULL) {
        struct http_call_state *c = *list;
        struct http_result result = {.error = &c->error, .body = &c->answer, .headers = &c->answer_headers};
        err_set(&c->error, ERR_INTERRUPTED, "%s: given up, the client is being closed", c->label);
        finish(c, &result);
    }
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

static void on_handle_closed(uv_handle_t *handle)
{
    struct http_client *client = handle->data;
    if (--client->open_handles > 0 || !client->closing) {
        return;
    }
    end_all(&client->calls);
    end_all(&client->broken);
    client->closed(client->closed_data);
    free(client);
    curl_global_cleanup();
}

void http_client_close(struct http_client *client, void (*closed)(void *data), void *data)
{
    assert(!client->closing);
    client->closing = true;
    client->closed = closed;
    client->closed_data = data;
    uv_close((uv_handle_t *)&client->timer, on_handle_closed);
    uv_close((uv_handle_t *)&client->soon, on_handle_closed);
    for (struct http_call_state *c = client->calls; c != NULL; c = c->next) {
        curl_multi_remove_handle(client->multi, c->easy);
    }
    curl_multi_cleanup(client->multi);
}
