/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_readback.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/readback.h"

#include <stdlib.h>
#include <string.h>

/* How often the backend is asked for new uploads: the store is in this process, a site counts requests. */
#define STORE_POLL_MS 200
#define SITE_POLL_MS 10000
/* After a backend could not be read: an outage passes, and the next try costs a request. */
#define AGAIN_MS 5000

struct soak_readback {
    struct host *host;
    struct soak_judge *judge;
    const struct way *way;
    struct readback_wanted *wanted;
    size_t wanted_count;
    struct readback *readback; /* NULL between two tries */
    uv_timer_t again;
    bool told;    /* that it can't be read */
    bool freeing; /* one is over, and its handles are being closed */
    bool closing;
    void (*closed)(void *data);
    void *data;
};

static void on_over(void *data);
static void on_again(uv_timer_t *timer);

/* From the oldest upload that is waited for on; a moment before now where none is. */
static int64_t since_ms(const struct soak_readback *r)
{
    int64_t oldest = soak_judge_oldest_ns(r->judge);
    return oldest > 0 ? oldest / 1000000 : clock_wall_ms();
}

/* An upload began an interval before it comes. */
static int64_t longest_interval_ms(const struct scenario *s)
{
    int64_t longest = 0;
    for (size_t i = 0; i < s->worker_count; i++)
        longest = s->workers[i].upload_interval_ms > longest ? s->workers[i].upload_interval_ms : longest;
    return longest;
}

static void on_readback(struct readback *readback, const struct readback_event *event, void *data)
{
    struct soak_readback *r = data;
    switch (event->kind) {
    case READBACK_UPLOAD:
        r->told = false;
        soak_judge_read_back(r->judge, event);
        break;
    case READBACK_PROGRESS:
        host_notify(r->host, RUN_STATE, "backend", event->text);
        break;
    case READBACK_OVER:
        if (event->error && event->error->code != ERR_INTERRUPTED && !r->told) {
            r->told = true;
            host_problem(r->host, "backend",
                         "it is asked again; what it does not give back until its deadline counts as lost", NULL, 0,
                         "the uploads can't be read back: %s", event->error->text);
        }
        r->readback = NULL;
        r->freeing = true;
        readback_free(readback, on_over, r);
        break;
    }
}

static void start(struct soak_readback *r)
{
    const struct scenario *s = r->host->options->scenario;
    const struct site *site = r->host->options->site;
    struct readback_options o = {.kind = READBACK_PROFILES_API,
                                 .url = site ? site->url : way_store_url(r->way, 0),
                                 .api_key = site ? site->api_key : NULL,
                                 .application_key = site ? site->application_key : NULL,
                                 .service = s->service,
                                 .env = s->env,
                                 .run_id = r->host->run_id,
                                 .from_ms = since_ms(r),
                                 .wanted = r->wanted,
                                 .wanted_count = r->wanted_count,
                                 .follow = true,
                                 .poll_ms = site ? SITE_POLL_MS : STORE_POLL_MS,
                                 .late_ms = 2 * longest_interval_ms(s),
                                 .timeout_ms = s->backend.timeout_ms};
    struct err e;
    r->readback = readback_start(r->host->loop, &o, on_readback, r, &e);
    if (!r->readback) {
        host_problem(r->host, "backend", "the soak goes on without it", NULL, 0, "the uploads can't be read back: %s",
                     e.text);
        uv_timer_start(&r->again, on_again, AGAIN_MS, 0);
    }
}

static void on_again(uv_timer_t *timer)
{
    start(timer->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct soak_readback *r = handle->data;
    void (*closed)(void *data) = r->closed;
    void *data = r->data;
    free(r->wanted);
    free(r);
    closed(data);
}

static void on_over(void *data)
{
    struct soak_readback *r = data;
    r->freeing = false;
    if (r->closing)
        uv_close((uv_handle_t *)&r->again, on_timer_closed);
    else
        uv_timer_start(&r->again, on_again, AGAIN_MS, 0);
}

struct soak_readback *soak_readback_start(struct host *host, struct soak_judge *judge, const struct way *way,
                                          const struct soak_record *record)
{
    struct soak_readback *r = mem_calloc(1, sizeof *r);
    *r = (struct soak_readback){.host = host, .judge = judge, .way = way};
    r->wanted = mem_calloc(record->process_count, sizeof *r->wanted);
    for (size_t i = 1; i < record->process_count; i++)
        r->wanted[r->wanted_count++] = (struct readback_wanted){.instance = record->processes[i].name};
    uv_timer_init(host->loop, &r->again);
    r->again.data = r;
    start(r);
    return r;
}

void soak_readback_tick(struct soak_readback *r)
{
    if (r->readback)
        readback_since(r->readback, since_ms(r));
}

void soak_readback_close(struct soak_readback *r, void (*closed)(void *data), void *data)
{
    r->closing = true;
    r->closed = closed;
    r->data = data;
    uv_timer_stop(&r->again);
    if (r->readback)
        readback_stop(r->readback);
    else if (!r->freeing)
        uv_close((uv_handle_t *)&r->again, on_timer_closed);
}
