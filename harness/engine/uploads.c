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

/* Uploads of one process that are kept: at one each second this is more than a day. */
#define UPLOADS_KEPT_MAX COPIES_FILES_MAX
/* Rejected uploads that are put aside, and bytes of them: enough to see what is wrong. Further ones are only counted.
 */
#define REJECTED_KEPT_MAX 1000
#define REJECTED_BYTES_MAX ((uint64_t)256 << 20)
/* Bytes of uploads that wait for the agent or site. As many may wait for the disk. */
#define FORWARD_PENDING_MAX DISK_PENDING_MAX

struct uploads {
    struct host *host;
    struct intake *intake;
    struct http_client *client; /* NULL where nothing is forwarded */
    struct worker **workers;
    size_t worker_count;
    unsigned rejected;
    uint64_t rejected_bytes; /* put aside */
    size_t forwarding, forwarding_bytes;
    size_t storing, storing_bytes;
    bool stopping, client_closing;
    void (*stopped)(void *data);
    void *data;
};

struct forwarding {
    struct uploads *uploads;
    char *instance;
    size_t size;
};

struct storing {
    struct uploads *uploads;
    size_t size;
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
 * uploads needs no mark. A process of another run may have been left with an address that is ours
 * now. */
static struct worker *find_worker(const struct uploads *u, const struct upload *upload)
{
    const char *instance = find_tag(upload, TAG_WORKER);
    const char *run = find_tag(upload, TAG_RUN);
    if (run && strcmp(run, u->host->run_id) != 0)
        return NULL;
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
    if (++u->rejected > REJECTED_KEPT_MAX)
        return;
    char *text = mem_printf("rejected: %s", why);
    journal_upload(u, instance, upload, why);
    size_t size = upload->body ? upload->body->size : 0;
    if (!disk_full(u->host->disk) && u->rejected_bytes + size <= REJECTED_BYTES_MAX) {
        u->rejected_bytes += size;
        copies_store_rejected(u->host, u->rejected, upload);
    }
    host_notify(u->host, RUN_UPLOAD, instance[0] ? instance : "intake", text);
    log_line(LOG_INFO, "intake", "%s", text);
    free(text);
}

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

static void on_stored(bool good, void *data)
{
    struct storing *s = data;
    struct uploads *u = s->uploads;
    (void)good;
    u->storing--;
    u->storing_bytes -= s->size;
    free(s);
    maybe_stopped(u);
}

static void store(struct uploads *u, struct worker *worker, const struct upload *upload)
{
    struct storing *s = mem_calloc(1, sizeof *s);
    *s = (struct storing){.uploads = u, .size = upload->body->size};
    u->storing++;
    u->storing_bytes += s->size;
    copies_store_upload(u->host, worker_instance(worker), worker_upload_sequence(worker), upload, on_stored, s);
}

/* Why a good upload can't be kept, or NULL. */
static const char *refusal(const struct uploads *u, struct worker *worker)
{
    if (!worker)
        return "it comes from no worker of this run";
    if (disk_full(u->host->disk) || u->storing_bytes >= DISK_PENDING_MAX)
        return "the disk of the run directory is too far behind (DISK_PENDING_MAX)";
    if (*worker_upload_sequence(worker) >= UPLOADS_KEPT_MAX)
        return "its worker has sent too many (UPLOADS_KEPT_MAX)";
    return NULL;
}

static void on_upload(struct intake *intake, const struct upload *upload, void *data)
{
    struct uploads *u = data;
    (void)intake;
    struct worker *worker = find_worker(u, upload);
    const char *instance = worker ? worker_instance(worker) : "";
    const char *why = upload->rejected ? upload->rejected : refusal(u, worker);
    if (why) {
        reject(u, instance, upload, why);
        return;
    }
    journal_upload(u, instance, upload, "");
    store(u, worker, upload);
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

static void journal_further_rejected(struct uploads *u)
{
    if (u->rejected <= REJECTED_KEPT_MAX)
        return;
    struct json_out out = journal_begin(&u->host->journal, "upload");
    json_put_string(&out, "rejected", "further ones (REJECTED_KEPT_MAX)");
    json_put_uint(&out, "times", u->rejected - REJECTED_KEPT_MAX);
    journal_end(&u->host->journal, &out, true);
}

static void finish(void *data)
{
    struct uploads *u = data;
    journal_further_rejected(u);
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
    if (!u->stopping || u->forwarding > 0 || u->client_closing || u->storing > 0)
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
