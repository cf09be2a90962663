/* SPDX-License-Identifier: Apache-2.0 */
/* The faults of a plan act in their order on one upload: those of the profile on its bytes, one after the other, the
 * rest on what is done with the upload. The body is put together anew only where a profile was changed, with everything
 * around the profile as it came. */
#include "pipeline/fault.h"

#include "base/mem.h"
#include "io/hash.h"
#include "pipeline/fault_internal.h"
#include "pipeline/route.h"
#include "profile/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct planned {
    const struct scenario_fault *fault;
    size_t number; /* among all faults of the scenario */
};

struct fault_plan {
    struct planned *items;
    size_t count;
    uint64_t seed;
};

struct fault_plan *fault_plan_new(const struct scenario_fault *faults, size_t count, enum stage at, uint64_t seed)
{
    struct fault_plan *plan = mem_calloc(1, sizeof *plan);
    plan->seed = seed;
    plan->items = mem_calloc(count, sizeof *plan->items);
    for (size_t i = 0; i < count; i++) {
        if (faults[i].at == at) {
            plan->items[plan->count++] = (struct planned){&faults[i], i};
        }
    }
    if (plan->count == 0) {
        fault_plan_free(plan);
        return NULL;
    }
    return plan;
}

void fault_plan_free(struct fault_plan *plan)
{
    if (plan != NULL) {
        free(plan->items);
        free(plan);
    }
}

/* Anything else than an upload has nothing to lose. */
bool fault_plan_wants(const struct fault_plan *plan, const char *path)
{
    const struct route *route = route_find(path);
    return plan->count > 0 && route != NULL && route->accepted != 0;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static void describe_mechanism(const struct scenario_fault *fault, struct buf *out)
{
    static const char *const rules[] = {"lower", "upper", "replace", "prefix", "suffix", "other"};
    buf_add_str(out, mechanism_name(fault->mechanism));
    if (fault->mechanism == MECHANISM_LABEL_KEY_RENAMED) {
        buf_printf(out, " to '%s'", fault_key(fault));
    } else if (fault->mechanism == MECHANISM_VALUE_TRUNCATED) {
        buf_printf(out, " to %" PRIu64 " bytes", fault->length);
    } else if (fault->mechanism == MECHANISM_VALUE_REWRITTEN) {
        buf_printf(out, " (%s)", rules[fault->rule]);
    }
}

void fault_describe(const struct scenario_fault *fault, struct buf *out)
{
    if (fault->has_mechanism) {
        describe_mechanism(fault, out);
        return;
    }
    buf_add_str(out, fault_change_name(fault->change));
    switch (fault->change) {
    case CHANGE_STATUS:
        buf_printf(out, " %d", fault->status);
        break;
    case CHANGE_DELAY:
        buf_printf(out, " %" PRId64 " ms", fault->delay_ms);
        break;
    case CHANGE_CONTENT_LENGTH:
        buf_printf(out, ", %" PRIu64 " bytes too many", fault->length);
        break;
    case CHANGE_RECOMPRESSED:
        buf_printf(out, " with %s", profile_encoding_name((enum profile_encoding)fault->codec));
        break;
    default:
        break;
    }
}

static void begin_text(const struct scenario_fault *fault, struct buf *what)
{
    if (what->size > 0) {
        buf_add_str(what, "; ");
    }
    fault_describe(fault, what);
}

/* --- profiles ----------------------------------------------------------------------------------------------------- */

/* A profile of the upload on its way through the plan. */
struct passing {
    const struct upload_profile *came;
    char key[HASH_TEXT_SIZE]; /* of what came */
    struct buf bytes;         /* as it is now, where `changed` */
    bool changed;
};

struct passage {
    const struct fault_plan *plan;
    const struct upload *upload;
    struct passing *profiles;
    size_t count;
    char key[HASH_TEXT_SIZE]; /* of the upload: its first profile, or else the body */
    struct fault_effect *out;
};

/* What one fault did to all profiles of an upload. */
struct tally {
    uint64_t changed_samples, lock_samples;
    size_t changed_profiles;
};

static void run_on(struct passage *g, const struct planned *p, struct passing *profile, struct tally *tally)
{
    struct fault_choice choice = fault_choice_make(p->fault, g->plan->seed, p->number, profile->key);
    const void *bytes = profile->changed ? profile->bytes.data : profile->came->bytes;
    size_t size = profile->changed ? profile->bytes.size : profile->came->size;
    struct fault_profile made;
    struct err e;
    if (fault_edit(p->fault, &choice, bytes, size, &made, &e) < 0) {
        begin_text(p->fault, &g->out->what);
        buf_printf(&g->out->what, ": %s left as it is: %s", profile->came->name, e.text);
    } else if (made.changed) {
        buf_fini(&profile->bytes);
        profile->bytes = made.bytes;
        made.bytes = (struct buf){0};
        profile->changed = true;
        tally->changed_profiles++;
        tally->changed_samples += made.changed_samples;
        tally->lock_samples += made.lock_samples;
    }
    fault_profile_fini(&made);
}

static void run_on_profiles(struct passage *g, const struct planned *p)
{
    struct tally tally = {0};
    for (size_t i = 0; i < g->count; i++) {
        run_on(g, p, &g->profiles[i], &tally);
    }
    if (tally.changed_profiles == 0) {
        return;
    }
    begin_text(p->fault, &g->out->what);
    if (tally.changed_samples > 0) {
        buf_printf(&g->out->what, " in %" PRIu64 " of %" PRIu64 " lock samples", tally.changed_samples,
                   tally.lock_samples);
    }
}

/* --- the upload --------------------------------------------------------------------------------------------------- */

static void change_headers(struct passage *g)
{
    struct http_headers *h = &g->out->headers;
    bool agent = false;
    if (g->out->headers_changed) {
        return;
    }
    for (size_t i = 0; i < g->upload->headers->count; i++) {
        const struct http_header *came = &g->upload->headers->items[i];
        bool is_agent = strcasecmp(came->name, "User-Agent") == 0;
        agent = agent || is_agent;
        bool follows = strcasecmp(came->name, "Content-Length") == 0; /* from the body */
        if (!follows && !http_headers_one_hop(g->upload->headers, came->name)) {
            http_headers_add(h, came->name, is_agent ? "locktrail-fault" : came->value);
        }
    }
    if (!agent) {
        http_headers_add(h, "User-Agent", "locktrail-fault");
    }
    http_headers_add(h, "X-Locktrail-Fault", "headers");
    g->out->headers_changed = true;
}

static void run_change(struct passage *g, const struct scenario_fault *fault)
{
    struct fault_effect *out = g->out;
    switch (fault->change) {
    case CHANGE_STATUS:
        out->status = fault->status;
        break;
    case CHANGE_DELAY:
        out->delay_ms += fault->delay_ms;
        break;
    case CHANGE_RESET:
        out->reset = true;
        break;
    case CHANGE_CONTENT_LENGTH:
        out->content_length = (int64_t)fault->length; /* the body's size is added at the end */
        break;
    case CHANGE_HEADERS:
        change_headers(g);
        break;
    case CHANGE_UPLOADS_REORDERED:
        out->held = true;
        break;
    default:
        break;
    }
}

/* Whether a fault that is for some locks concerns the upload: one of its profiles has one of them. */
static bool concerns(const struct passage *g, const struct scenario_fault *fault)
{
    bool found = fault->lock_count == 0;
    struct err e;
    for (size_t i = 0; i < g->count && !found; i++) {
        const struct passing *at = &g->profiles[i];
        found = fault_holds_lock(fault, at->changed ? at->bytes.data : at->came->bytes,
                                 at->changed ? at->bytes.size : at->came->size, &e) > 0;
    }
    return found;
}

static void run_on_upload(struct passage *g, const struct planned *p)
{
    struct fault_choice choice = fault_choice_make(p->fault, g->plan->seed, p->number, g->key);
    if (!fault_choice_hits(&choice, FAULT_WHOLE_UPLOAD) || !concerns(g, p->fault)) {
        return;
    }
    if (!p->fault->has_mechanism) {
        run_change(g, p->fault);
    } else if (p->fault->mechanism == MECHANISM_PROFILE_DROPPED) {
        g->out->dropped = true;
    } else if (p->fault->mechanism == MECHANISM_DUPLICATED) {
        g->out->deliveries = 2;
    } else {
        return; /* what can't happen on the way; the scenario's check refuses it */
    }
    begin_text(p->fault, &g->out->what);
}

bool fault_is_of(const char *instance, const char *worker)
{
    size_t size = strlen(worker);
    return strncmp(instance, worker, size) == 0 && instance[size] == '.';
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void begin(struct passage *g)
{
    const struct upload *u = g->upload;
    g->count = u->profile_count; /* 0 where it can't be read */
    g->profiles = mem_calloc(g->count, sizeof *g->profiles);
    for (size_t i = 0; i < g->count; i++) {
        g->profiles[i].came = &u->profiles[i];
        hash_text(u->profiles[i].bytes, u->profiles[i].size, g->profiles[i].key);
    }
    if (g->count > 0) {
        memcpy(g->key, g->profiles[0].key, sizeof g->key);
    } else {
        hash_text(u->body->data != NULL ? u->body->data : "", u->body->size, g->key);
    }
}

/* Profiles stand in the body in the order of its parts. */
static void end(struct passage *g)
{
    const struct buf *came = g->upload->body;
    size_t at = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct passing *p = &g->profiles[i];
        if (p->changed) {
            buf_add(&g->out->body, came->data + at, p->came->offset - at);
            buf_add(&g->out->body, p->bytes.data, p->bytes.size);
            at = p->came->offset + p->came->size;
            g->out->changed = true;
        }
        buf_fini(&p->bytes);
    }
    if (g->out->changed) {
        buf_add(&g->out->body, came->data + at, came->size - at);
    }
    if (g->out->content_length >= 0) {
        g->out->content_length += (int64_t)(g->out->changed ? g->out->body.size : came->size);
    }
    free(g->profiles);
}

void fault_apply(const struct fault_plan *plan, const struct upload *upload, const char *instance,
                 struct fault_effect *out)
{
    struct passage g = {.plan = plan, .upload = upload, .out = out};
    *out = (struct fault_effect){.content_length = -1, .deliveries = 1};
    begin(&g);
    for (size_t i = 0; i < plan->count; i++) {
        const struct planned *p = &plan->items[i];
        if (p->fault->worker != NULL && !fault_is_of(instance, p->fault->worker)) {
            continue;
        }
        if (fault_is_for_profiles(p->fault)) {
            run_on_profiles(&g, p);
        } else {
            run_on_upload(&g, p);
        }
    }
    end(&g);
}

void fault_effect_fini(struct fault_effect *effect)
{
    buf_fini(&effect->body);
    http_headers_fini(&effect->headers);
    buf_fini(&effect->what);
    *effect = (struct fault_effect){0};
}
