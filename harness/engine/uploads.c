/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/uploads.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/http_client.h"
#include "pipeline/forward.h"
#include "pipeline/intake.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of uploads that wait for the agent or site. As many may wait for the disk. */
#define FORWARD_PENDING_MAX DISK_PENDING_MAX

struct uploads {
    struct host *host;
    struct intake *intake;
    struct http_client *client; /* NULL where nothing is forwarded */
    struct recorder *recorder;  /* borrowed */
    size_t forwarding, forwarding_bytes;
    bool stopping, client_closing;
    void (*stopped)(void *data);
    void *data;
};

struct forwarding {
    struct uploads *uploads;
    char *instance;
    size_t size;
};

static void maybe_stopped(struct uploads *u);

/* `status` is 0 where there was no answer, and `error` says why. */
static void note_forward(struct uploads *u, const char *instance, int status, const char *error)
{
    bool good = !error && status >= 200 && status < 300;
    struct json_out out = journal_begin(&u->host->journal, "forward");
    json_put_string(&out, "instance", instance);
    json_put_bool(&out, "good", good);
    json_put_int(&out, "status", status);
    json_put_string(&out, "error", error ? error : "");
    journal_end(&u->host->journal, &out, false);
    char *why = error ? mem_strdup(error) : mem_printf("answered %d", status);
    char *text =
        mem_printf("%s %s: %s", good ? "forwarded to" : "not forwarded to", u->host->options->forward->described, why);
    host_notify(u->host, RUN_UPLOAD, instance, text);
    free(text);
    free(why);
}

static void on_forwarded(const struct http_result *result, void *data)
{
    struct forwarding *f = data;
    struct uploads *u = f->uploads;
    note_forward(u, f->instance, result->error ? 0 : result->status, result->error ? result->error->text : NULL);
    u->forwarding--;
    u->forwarding_bytes -= f->size;
    free(f->instance);
    free(f);
    maybe_stopped(u);
}

static void forward(struct uploads *u, const char *instance, const struct upload *upload)
{
    const struct run_options *options = u->host->options;
    size_t size = upload->body->size;
    if (!options->forward || options->forward->to == FORWARD_TO_NOWHERE)
        return;
    if (!u->client || u->client_closing) {
        note_forward(u, instance, 0, "the user has interrupted the run");
        return;
    }
    if (u->forwarding_bytes + size > FORWARD_PENDING_MAX) {
        note_forward(u, instance, 0, "too many uploads wait for it (FORWARD_PENDING_MAX)");
        return;
    }
    struct forwarding *f = mem_calloc(1, sizeof *f);
    *f = (struct forwarding){.uploads = u, .instance = mem_strdup(instance), .size = size};
    u->forwarding++;
    u->forwarding_bytes += size;
    forward_send(u->client, options->forward, upload->headers, upload->body, options->scenario->forward.timeout_ms,
                 on_forwarded, f);
}

static void on_upload(struct intake *intake, const struct upload *upload, void *data)
{
    struct uploads *u = data;
    (void)intake;
    struct recorded recorded = recorder_take(u->recorder, STAGE_UPLOAD, "", upload);
    if (!recorded.rejected)
        forward(u, recorded.instance, upload);
}

static void on_start_undone(void *data)
{
    free(data);
}

struct uploads *uploads_start(struct host *host, struct recorder *recorder, struct err *e)
{
    const struct scenario *s = host->options->scenario;
    char *listen = host_listen(host);
    struct intake_options options = {.listen = listen,
                                     .max_body = s->intake.max_body,
                                     .max_header = s->intake.max_header,
                                     .max_parts = s->intake.max_parts,
                                     .idle_timeout_ms = s->intake.idle_timeout_ms};
    struct uploads *u = mem_calloc(1, sizeof *u);
    u->host = host;
    u->recorder = recorder;
    bool forwards = host->options->forward && host->options->forward->to != FORWARD_TO_NOWHERE;
    if (forwards && !(u->client = http_client_new(host->loop, e))) {
        free(listen);
        free(u);
        return NULL;
    }
    u->intake = intake_start(host->loop, &options, on_upload, u, e);
    free(listen);
    if (!u->intake) {
        err_wrap(e, "can't start the intake");
        if (u->client)
            http_client_close(u->client, on_start_undone, u);
        else
            on_start_undone(u);
        return NULL;
    }
    host->intake_url = intake_url(u->intake);
    log_line(LOG_INFO, "intake", "listens on %s", host->intake_url);
    return u;
}

static void finish(void *data)
{
    struct uploads *u = data;
    u->stopped(u->data);
    free(u);
}

static void on_client_closed(void *data)
{
    struct uploads *u = data;
    u->client = NULL;
    u->client_closing = false;
    maybe_stopped(u);
}

static void close_client(struct uploads *u)
{
    u->client_closing = true;
    http_client_close(u->client, on_client_closed, u);
}

static void maybe_stopped(struct uploads *u)
{
    if (!u->stopping || u->forwarding > 0 || u->client_closing)
        return;
    if (u->client)
        close_client(u);
    else
        intake_stop(u->intake, finish, u);
}

void uploads_give_up(struct uploads *u)
{
    if (u->client && !u->client_closing)
        close_client(u);
}

void uploads_stop(struct uploads *u, void (*stopped)(void *data), void *data)
{
    u->stopped = stopped;
    u->data = data;
    u->stopping = true;
    maybe_stopped(u);
}
