/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fetch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/readback.h"

#include <stdlib.h>
#include <string.h>

/* Where one reading goes. */
struct source {
    enum readback_kind kind;
    enum stage stage;
    const char *url; /* borrowed */
    const char *name;
    size_t lane;
};

struct fetch {
    struct host *host;
    struct recorder *recorder;
    const struct way *way;
    struct source *sources;
    size_t source_count, at;
    struct readback *readback;
    struct readback_wanted *wanted; /* of the source that is being read */
    size_t wanted_count;
    bool stopping;
    bool told_unkept; /* that an upload that was read back could not be kept */
    uv_timer_t turn;  /* begins from the loop, never from within fetch_start */
    void (*done)(void *data);
    void *data;
};

static void next(struct fetch *f);

static const struct scenario *scenario_of(const struct fetch *f)
{
    return f->host->options->scenario;
}

/* --- which uploads are wanted ------------------------------------------------------------------------------------- */

static const struct recorder_lane *find_lane(const struct fetch *f, enum stage stage, const char *instance)
{
    size_t count;
    const struct recorder_lane *lanes = recorder_lanes(f->recorder, &count);
    for (size_t i = 0; i < count; i++)
        if (lanes[i].stage == stage && strcmp(lanes[i].instance, instance) == 0)
            return &lanes[i];
    return NULL;
}

/* What passed the last tap on this lane is what can be there. */
static void want_one(struct fetch *f, const struct source *source, const struct recorder_lane *upload)
{
    char *there = way_instance(scenario_of(f), source->lane, upload->instance);
    const struct recorder_lane *last = source->stage == STAGE_BACKEND ? find_lane(f, STAGE_AGENT, there) : NULL;
    if (!last)
        last = upload;
    f->wanted[f->wanted_count++] = (struct readback_wanted){.instance = upload->instance,
                                                            .expected = way_passed(f->way, there),
                                                            .hashes = (const char *const *)last->hashes,
                                                            .hash_count = last->hash_count};
    free(there);
}

/* Every process that has uploaded. */
static void want(struct fetch *f, const struct source *source)
{
    size_t count;
    const struct recorder_lane *lanes = recorder_lanes(f->recorder, &count);
    f->wanted = mem_calloc(count, sizeof *f->wanted);
    for (size_t i = 0; i < count; i++)
        if (lanes[i].stage == STAGE_UPLOAD)
            want_one(f, source, &lanes[i]);
}

static void unwant(struct fetch *f)
{
    free(f->wanted);
    f->wanted = NULL;
    f->wanted_count = 0;
}

/* --- one reading -------------------------------------------------------------------------------------------------- */

static void take(struct fetch *f, const struct readback_event *event)
{
    const struct source *source = &f->sources[f->at];
    struct upload upload;
    struct upload_profile *profiles = readback_as_upload(event, &upload);
    char *instance = way_instance(scenario_of(f), source->lane, event->instance);
    struct recorded recorded = recorder_take_for(f->recorder, source->stage, instance, &upload);
    if (recorded.rejected && !f->told_unkept) {
        /* It is there, and would be missed. */
        f->told_unkept = true;
        host_problem(f->host, source->name, "let fewer or smaller uploads come, or give the run a faster disk", NULL, 0,
                     "an upload of %s was read back and could not be kept: %s", instance, recorded.rejected);
    }
    free(instance);
    free(profiles);
}

static void on_closed(void *data)
{
    struct fetch *f = data;
    f->readback = NULL;
    unwant(f);
    f->at++;
    next(f);
}

static void conclude(struct fetch *f, const struct readback_event *event)
{
    const struct source *source = &f->sources[f->at];
    struct json_out out = journal_begin(&f->host->journal, "read_back");
    json_put_string(&out, "stage", stage_name(source->stage));
    json_put_string(&out, "from", source->name);
    json_put_uint(&out, "missing", event->missing);
    json_put_string(&out, "error", event->error ? event->error->text : "");
    journal_end(&f->host->journal, &out, true);
    if (!event->error)
        host_stage_ran(f->host, source->stage);
    else if (event->error->code != ERR_INTERRUPTED)
        host_problem(f->host, source->name, "what it was asked and answered stands in events.jsonl", NULL, 0,
                     "the uploads could not be read back: %s", event->error->text);
}

static void on_readback(struct readback *readback, const struct readback_event *event, void *data)
{
    struct fetch *f = data;
    switch (event->kind) {
    case READBACK_UPLOAD:
        take(f, event);
        break;
    case READBACK_PROGRESS: {
        char *text = mem_printf("reading back from %s: %s", f->sources[f->at].name, event->text);
        host_notify(f->host, RUN_STATE, "run", text);
        free(text);
        break;
    }
    case READBACK_OVER:
        conclude(f, event);
        readback_free(readback, on_closed, f);
        break;
    }
}

static int start(struct fetch *f, struct err *e)
{
    const struct scenario *s = scenario_of(f);
    const struct source *source = &f->sources[f->at];
    const struct site *site = source->stage == STAGE_BACKEND ? f->host->options->site : NULL;
    want(f, source);
    struct readback_options o = {.kind = source->kind,
                                 .url = source->url,
                                 .api_key = site ? site->api_key : NULL,
                                 .application_key = site ? site->application_key : NULL,
                                 .directory = source->kind == READBACK_DIRECTORY ? s->backend.directory : NULL,
                                 .service = s->service,
                                 .env = s->env,
                                 .run_id = f->host->run_id,
                                 .from_ms = clock_wall_ms() - journal_elapsed_ms(&f->host->journal),
                                 .to_ms = clock_wall_ms(),
                                 .wanted = f->wanted,
                                 .wanted_count = f->wanted_count,
                                 .deadline_ms = s->backend.deadline_ms,
                                 .timeout_ms = s->backend.timeout_ms};
    f->readback = readback_start(f->host->loop, &o, on_readback, f, e);
    return f->readback ? 0 : -1;
}

static void on_turn_closed(uv_handle_t *handle)
{
    struct fetch *f = handle->data;
    void (*done)(void *data) = f->done;
    void *data = f->data;
    free(f->sources);
    free(f);
    done(data);
}

static void next(struct fetch *f)
{
    struct err e;
    while (f->at < f->source_count && !f->stopping) {
        char *text = mem_printf("reading back from %s", f->sources[f->at].name);
        host_notify(f->host, RUN_STATE, "run", text);
        free(text);
        if (start(f, &e) == 0)
            return;
        struct readback_event over = {.kind = READBACK_OVER, .error = &e};
        conclude(f, &over);
        unwant(f);
        f->at++;
    }
    uv_close((uv_handle_t *)&f->turn, on_turn_closed);
}

/* --- where from --------------------------------------------------------------------------------------------------- */

static void add_source(struct fetch *f, struct source source)
{
    f->sources[f->source_count++] = source;
}

/* Only stores can be had for each lane; a site can't tell which agent an upload came through. */
static void add_backend(struct fetch *f)
{
    const struct scenario *s = scenario_of(f);
    struct source source = {.stage = STAGE_BACKEND, .name = scenario_backend_name(s->backend.kind)};
    switch (s->backend.kind) {
    case BACKEND_NONE:
        return;
    case BACKEND_STORE:
        source.kind = READBACK_PROFILES_API;
        for (; source.lane < way_lanes(f->way); source.lane++) {
            source.url = way_store_url(f->way, source.lane);
            if (source.url)
                add_source(f, source);
        }
        return;
    case BACKEND_DATADOG:
        source.kind = READBACK_PROFILES_API;
        source.url = f->host->options->site->url;
        break;
    case BACKEND_DIRECTORY:
        source.kind = READBACK_DIRECTORY;
        break;
    }
    add_source(f, source);
}

static void find_sources(struct fetch *f)
{
    size_t lanes = way_lanes(f->way);
    f->sources = mem_calloc(2 * lanes + 1, sizeof *f->sources);
    for (size_t i = 0; i < lanes; i++) {
        const struct scenario_agent *agent = way_agent(f->way, i);
        if (agent && agent->kind == AGENT_TEST_AGENT)
            add_source(f, (struct source){.kind = READBACK_TEST_AGENT,
                                          .stage = STAGE_AGENT,
                                          .url = way_agent_url(f->way, i),
                                          .name = scenario_agent_name(agent->kind),
                                          .lane = i});
    }
    add_backend(f);
}

static void on_turn(uv_timer_t *turn)
{
    next(turn->data);
}

struct fetch *fetch_start(struct host *host, struct recorder *recorder, const struct way *way, void (*done)(void *data),
                          void *data)
{
    struct fetch *f = mem_calloc(1, sizeof *f);
    *f = (struct fetch){.host = host, .recorder = recorder, .way = way, .done = done, .data = data};
    find_sources(f);
    uv_timer_init(host->loop, &f->turn);
    f->turn.data = f;
    uv_timer_start(&f->turn, on_turn, 0, 0);
    return f;
}

void fetch_stop(struct fetch *f)
{
    f->stopping = true;
    if (f->readback)
        readback_stop(f->readback);
}
