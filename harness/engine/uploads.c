/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/uploads.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/copies.h"
#include "engine/orders.h"
#include "io/http_client.h"
#include "pipeline/forward.h"
#include "pipeline/intake.h"

#include <stdlib.h>
#include <string.h>

struct uploads {
    struct host *host;
    struct intake *intake;
    struct http_client *client; /* NULL where nothing is forwarded */
    struct worker **workers;
    size_t worker_count;
    unsigned rejected;
    size_t forwarding;
    bool stopping, client_closing;
    void (*stopped)(void *data);
    void *data;
};

struct forwarding {
    struct uploads *uploads;
    char *instance;
};

static const char *find_tag(const struct upload *upload, const char *key)
{
    for (size_t i = 0; i < upload->tag_count; i++)
        if (strcmp(upload->tags[i].key, key) == 0)
            return upload->tags[i].value;
    return NULL;
}

static bool uploads_from(const struct worker *worker)
{
    return worker_arm(worker) == ARM_UPLOAD || worker_arm(worker) == ARM_TEE;
}

/* By our own tag; a program that drops DD_TAGS is known by its process id, and the only one that
 * uploads needs no mark. */
static struct worker *find_worker(const struct uploads *u, const struct upload *upload)
{
    const char *instance = find_tag(upload, TAG_WORKER);
    const char *pid = find_tag(upload, "process_id");
    struct worker *only = NULL;
    size_t uploading = 0;
    for (size_t i = 0; i < u->worker_count; i++) {
        struct worker *w = u->workers[i];
        if (!uploads_from(w))
            continue;
        if (instance && strcmp(instance, worker_instance(w)) == 0)
            return w;
        if (!instance && pid && worker_pid(w) > 0 && atol(pid) == worker_pid(w))
            return w;
        only = w;
        uploading++;
    }
    return !instance && uploading == 1 ? only : NULL;
}

static void journal_upload(struct uploads *u, const char *instance, const struct upload *upload, const char *rejected)
{
    struct json_out out = journal_begin(&u->host->journal, "upload");
    json_put_string(&out, "instance", instance);
    json_put_int(&out, "status", upload->status);
    json_put_string(&out, "rejected", rejected);
    json_put_uint(&out, "profiles", upload->profile_count);
    json_put_string(&out, "runtime_id", upload->runtime_id);
    json_put_string(&out, "start", upload->start);
    json_put_string(&out, "end", upload->end);
    journal_end(&u->host->journal, &out, true);
}

static void reject(struct uploads *u, const char *instance, const struct upload *upload, const char *why)
{
    char *text = mem_printf("rejected: %s", why);
    journal_upload(u, instance, upload, why);
    u->rejected++;
    if (!disk_full(u->host->disk))
        copies_store_rejected(u->host, u->rejected, upload);
    host_notify(u->host, RUN_UPLOAD, instance[0] ? instance : "intake", text);
    log_line(LOG_INFO, "intake", "%s", text);
    free(text);
}

static void maybe_stopped(struct uploads *u);

static void on_forwarded(const struct http_result *result, void *data)
{
    struct forwarding *f = data;
    struct uploads *u = f->uploads;
    bool good = !result->error && result->status >= 200 && result->status < 300;
    char *why = result->error ? mem_strdup(result->error->text) : mem_printf("answered %d", result->status);
    struct json_out out = journal_begin(&u->host->journal, "forward");
    json_put_string(&out, "instance", f->instance);
    json_put_bool(&out, "good", good);
    json_put_int(&out, "status", result->error ? 0 : result->status);
    json_put_string(&out, "error", result->error ? result->error->text : "");
    journal_end(&u->host->journal, &out, false);
    char *text =
        mem_printf("%s %s: %s", good ? "forwarded to" : "not forwarded to", u->host->options->forward->described, why);
    host_notify(u->host, RUN_UPLOAD, f->instance, text);
    free(text);
    free(why);
    free(f->instance);
    free(f);
    u->forwarding--;
    maybe_stopped(u);
}

static void forward(struct uploads *u, const char *instance, const struct upload *upload)
{
    const struct run_options *options = u->host->options;
    if (!u->client || u->client_closing)
        return;
    struct forwarding *f = mem_calloc(1, sizeof *f);
    *f = (struct forwarding){.uploads = u, .instance = mem_strdup(instance)};
    u->forwarding++;
    forward_send(u->client, options->forward, upload->headers, upload->body, options->scenario->forward.timeout_ms,
                 on_forwarded, f);
}

static void on_upload(struct intake *intake, const struct upload *upload, void *data)
{
    struct uploads *u = data;
    (void)intake;
    struct worker *worker = find_worker(u, upload);
    const char *instance = worker ? worker_instance(worker) : "";
    if (upload->rejected) {
        reject(u, instance, upload, upload->rejected);
        return;
    }
    if (!worker) {
        reject(u, instance, upload, "it comes from no worker of this run");
        return;
    }
    if (disk_full(u->host->disk)) {
        reject(u, instance, upload, "the disk of the run directory is too far behind (DISK_PENDING_MAX)");
        return;
    }
    journal_upload(u, instance, upload, "");
    copies_store_upload(u->host, instance, worker_upload_sequence(worker), upload);
    char *text = mem_printf("upload %u stored", *worker_upload_sequence(worker));
    host_notify(u->host, RUN_UPLOAD, instance, text);
    free(text);
    forward(u, instance, upload);
}

static void on_start_undone(void *data)
{
    free(data);
}

struct uploads *uploads_start(struct host *host, struct err *e)
{
    const struct scenario *s = host->options->scenario;
    char *listen = strcmp(s->intake.listen, "unix:") == 0 ? mem_printf("unix:%s/intake.sock", host->options->directory)
                                                          : mem_strdup(s->intake.listen);
    struct intake_options options = {.listen = listen,
                                     .max_body = s->intake.max_body,
                                     .max_header = s->intake.max_header,
                                     .max_parts = s->intake.max_parts,
                                     .idle_timeout_ms = s->intake.idle_timeout_ms};
    struct uploads *u = mem_calloc(1, sizeof *u);
    u->host = host;
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

void uploads_set_workers(struct uploads *u, struct worker **workers, size_t count)
{
    u->workers = workers;
    u->worker_count = count;
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
