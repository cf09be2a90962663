/* SPDX-License-Identifier: Apache-2.0 */
#include "report/json.h"

#include "base/json.h"
#include "report/json_way.h"
#include "report/version.h"
#include "report/view.h"

#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
    size_t size = strlen(path);
    while (size > 0 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    return path + size;
}

static void put_string_list(struct json_out *j, const char *key, char *const *items, size_t count)
{
    json_key(j, key);
    json_array(j);
    for (size_t i = 0; i < count; i++)
        json_string(j, items[i]);
    json_array_end(j);
}

static void put_known_uint(struct json_out *j, const char *key, bool known, uint64_t value)
{
    json_key(j, key);
    if (known)
        json_uint(j, value);
    else
        json_null(j);
}

static void put_control(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "control");
    json_object(j);
    json_put_string(j, "outcome", view_control(ev));
    json_put_string(j, "why", ev->control_why ? ev->control_why : "");
    json_put_int(j, "exit", ev->control_exit);
    json_put_string(j, "output", ev->control_output ? ev->control_output : "");
    json_object_end(j);
}

static void put_stages(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "stages");
    json_array(j);
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        json_object(j);
        json_put_string(j, "name", stage_name(stage));
        json_put_bool(j, "ran", view_stage_ran(ev, stage));
        json_put_uint(j, "copies", view_stage_copies(ev, stage));
        json_put_uint(j, "uploads", stage == STAGE_UPLOAD ? ev->uploads.stored : 0);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_names(struct json_out *j, const struct stage_result *r)
{
    json_key(j, "seen_as");
    json_array(j);
    for (size_t i = 0; i < r->seen_count; i++)
        json_string(j, r->seen_as[i].label);
    json_array_end(j);
    json_key(j, "names");
    json_array(j);
    for (size_t i = 0; i < r->seen_count; i++) {
        json_object(j);
        json_put_string(j, "label", r->seen_as[i].label);
        json_put_string(j, "name", r->seen_as[i].name);
        json_put_uint(j, "samples", r->seen_as[i].samples);
        json_put_uint(j, "acquires", r->seen_as[i].acquires);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_state(struct json_out *j, enum stage stage, const struct stage_result *r)
{
    json_key(j, stage_name(stage));
    json_object(j);
    json_put_string(j, "state", lock_state_name(r->state));
    put_names(j, r);
    json_put_uint(j, "samples", r->samples);
    json_put_uint(j, "acquires", r->acquires);
    json_put_uint(j, "wait_ns", r->wait_ns);
    json_put_uint(j, "releases", r->releases);
    json_put_uint(j, "hold_ns", r->hold_ns);
    json_put_uint(j, "true_acquires", r->true_acquires);
    json_put_bool(j, "count_checked", r->count_checked);
    json_put_bool(j, "count_equal", r->count_equal);
    put_known_uint(j, "needed_ms", r->needed_ms > 0, (uint64_t)r->needed_ms);
    json_object_end(j);
}

/* The stage whose copy still had the name; null where the collector itself lost it. */
static void put_loss_from(struct json_out *j, const struct evidence *ev, const struct loss *loss)
{
    enum stage before = loss->stage > STAGE_COLLECTOR ? view_stage_before(ev, loss->stage) : STAGE_DECLARED;
    json_put_string(j, "from", before == STAGE_DECLARED || loss->by_collector ? NULL : stage_name(before));
}

static void put_further(struct json_out *j, const struct loss *loss)
{
    json_key(j, "further");
    json_array(j);
    for (int m = 0; m < MECHANISM_COUNT; m++)
        if (m != (int)loss->mechanism && loss->mechanisms & LOSS_MECHANISM(m))
            json_string(j, mechanism_name((enum mechanism)m));
    json_array_end(j);
    json_key(j, "later");
    json_array(j);
    for (size_t i = 0; i < loss->later_count; i++) {
        json_object(j);
        json_put_string(j, "stage", stage_name(loss->later[i].stage));
        json_put_string(j, "mechanism", mechanism_name(loss->later[i].mechanism));
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_loss(struct json_out *j, const struct evidence *ev, const struct trail_lock *lock)
{
    json_key(j, "loss");
    if (!lock->lost) {
        json_null(j);
        return;
    }
    json_object(j);
    json_put_string(j, "stage", stage_name(lock->loss.stage));
    json_put_string(j, "mechanism", mechanism_name(lock->loss.mechanism));
    json_put_string(j, "evidence", lock->loss.evidence);
    put_loss_from(j, ev, &lock->loss);
    json_put_bool(j, "by_collector", lock->loss.by_collector);
    put_further(j, &lock->loss);
    json_object_end(j);
}

static void put_rendering(struct json_out *j, const struct lock *lock)
{
    char *text = NULL;
    static const char *const names[] = {[RENDERING_EXACT] = "exact", [RENDERING_GENERIC] = "generic"};
    if (lock->rendering == RENDERING_MANGLED) {
        struct buf b = {0};
        buf_printf(&b, "mangled:%s", lock->mangled);
        text = buf_steal(&b);
    }
    json_put_string(j, "rendering", text ? text : names[lock->rendering]);
    free(text);
}

static void put_lock(struct json_out *j, const struct evidence *ev, const struct trail_lock *t)
{
    const struct lock *lock = &ev->ledger.locks[t->lock];
    struct lock_count truth = view_truth(ev, t->lock);
    struct buf site = {0};
    buf_add_str(&site, lock->file);
    if (lock->line > 0)
        buf_printf(&site, ":%u", lock->line);
    json_object(j);
    json_put_string(j, "id", lock->id);
    json_put_string(j, "worker", lock->worker);
    json_put_string(j, "name", lock->name);
    json_put_string(j, "pattern", lock->pattern);
    json_put_string(j, "site", site.size > 0 ? site.data : "");
    put_rendering(j, lock);
    json_put_bool(j, "qualified", lock->qualified);
    put_string_list(j, "sites", lock->sites, lock->site_count);
    put_known_uint(j, "acquires", truth.known, truth.acquires);
    put_known_uint(j, "waits", truth.known, truth.waits);
    put_known_uint(j, "wait_ns", truth.known, truth.wait_ns);
    put_known_uint(j, "depth", truth.known, truth.depth);
    json_key(j, "states");
    json_object(j);
    for (int stage = STAGE_CONTROL; stage < STAGE_COUNT; stage++)
        put_state(j, stage, &t->stages[stage]);
    json_object_end(j);
    put_loss(j, ev, t);
    json_put_bool(j, "known_limit", t->known_limit);
    json_object_end(j);
    buf_fini(&site);
}

static void put_undeclared(struct json_out *j, const struct undeclared *u)
{
    json_object(j);
    json_put_string(j, "label", u->label);
    json_put_string(j, "file", u->file);
    json_put_uint(j, "line", u->line);
    json_put_string(j, "name", u->name);
    json_key(j, "stages");
    json_object(j);
    for (int stage = STAGE_CONTROL; stage < STAGE_COUNT; stage++) {
        if (u->copies[stage] == 0)
            continue;
        json_key(j, stage_name(stage));
        json_object(j);
        json_put_uint(j, "copies", u->copies[stage]);
        json_put_uint(j, "samples", u->samples[stage]);
        json_put_uint(j, "acquires", u->acquires[stage]);
        json_object_end(j);
    }
    json_object_end(j);
    json_object_end(j);
}

static void put_worker(struct json_out *j, const struct worker_outcome *w)
{
    json_object(j);
    json_put_string(j, "name", w->name);
    json_put_string(j, "worker", w->worker);
    json_put_string(j, "arm", arm_name(w->arm));
    json_put_int(j, "pid", w->pid);
    json_put_bool(j, "started", w->started);
    json_put_bool(j, "ended", w->ended);
    json_put_bool(j, "good", w->good);
    json_put_string(j, "cause", w->cause);
    json_put_string(j, "runtime", w->runtime);
    json_put_string(j, "version", w->version);
    json_put_int(j, "wall_ms", w->wall_ms);
    json_put_int(j, "cpu_ms", w->cpu_ms);
    json_put_int(j, "max_rss", w->max_rss);
    json_put_uint(j, "output_dropped", w->output_dropped);
    json_object_end(j);
}

static void put_left_out(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "left_out");
    json_array(j);
    for (size_t i = 0; i < ev->left_out_count; i++) {
        json_object(j);
        json_put_string(j, "worker", ev->left_out[i].worker);
        json_put_string(j, "why", ev->left_out[i].why);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_uploads(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "uploads");
    json_object(j);
    json_put_uint(j, "received", ev->uploads.received);
    json_put_uint(j, "stored", ev->uploads.stored);
    json_put_uint(j, "rejected", ev->uploads.rejected);
    json_put_uint(j, "forwarded", ev->uploads.forwarded);
    json_put_uint(j, "forward_failed", ev->uploads.forward_failed);
    json_put_string(j, "forwarded_to", ev->forward_described);
    json_put_string(j, "profiles_url", ev->profiles_url);
    json_object_end(j);
}

static void put_run(struct json_out *j, const struct evidence *ev)
{
    json_put_string(j, "schema", REPORT_SCHEMA);
    json_put_string(j, "locktrail", LOCKTRAIL_VERSION);
    json_put_string(j, "scenario", ev->scenario->name);
    json_put_string(j, "run_id", ev->run_id);
    json_put_string(j, "directory", base_name(ev->directory));
    json_put_string(j, "started_at", ev->started_at);
    json_put_int(j, "wall_ms", ev->wall_ms);
    json_put_bool(j, "complete", ev->complete);
    json_put_bool(j, "interrupted", ev->interrupted);
}

static void put_verdict(struct json_out *j, const struct evidence *ev)
{
    const struct trail_result *t = &ev->trail;
    json_put_string(j, "verdict", verdict_name(t->verdict));
    json_put_int(j, "exit_code", evidence_exit_code(ev));
    json_put_string(j, "conclusion", t->conclusion);
    put_string_list(j, "next_steps", t->next_steps, t->next_step_count);
    put_string_list(j, "notes", t->notes, t->note_count);
}

static void put_problems(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "problems");
    json_array(j);
    for (size_t i = 0; i < ev->problem_count; i++) {
        json_object(j);
        json_put_string(j, "who", ev->problems[i].who);
        json_put_string(j, "text", ev->problems[i].text);
        json_put_string(j, "advice", ev->problems[i].advice);
        json_put_string(j, "output", ev->problems[i].output);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_known_limits(struct json_out *j, const struct evidence *ev)
{
    json_key(j, "known_limits");
    json_array(j);
    for (size_t i = 0; i < ev->trail.lock_count; i++) {
        if (!ev->trail.locks[i].known_limit)
            continue;
        char *label = view_lock_label(ev, ev->trail.locks[i].lock);
        json_string(j, label);
        free(label);
    }
    json_array_end(j);
}

void report_json(const struct evidence *ev, struct buf *out)
{
    struct json_out writer = json_begin(out, 2), *j = &writer;
    json_object(j);
    put_run(j, ev);
    put_verdict(j, ev);
    put_control(j, ev);
    put_stages(j, ev);
    json_key(j, "locks");
    json_array(j);
    for (size_t i = 0; i < ev->trail.lock_count; i++)
        put_lock(j, ev, &ev->trail.locks[i]);
    json_array_end(j);
    put_known_limits(j, ev);
    json_key(j, "undeclared");
    json_array(j);
    for (size_t i = 0; i < ev->trail.undeclared_count; i++)
        put_undeclared(j, &ev->trail.undeclared[i]);
    json_array_end(j);
    json_key(j, "workers");
    json_array(j);
    for (size_t i = 0; i < ev->worker_count; i++)
        put_worker(j, &ev->workers[i]);
    json_array_end(j);
    put_left_out(j, ev);
    put_uploads(j, ev);
    json_way(j, ev);
    put_problems(j, ev);
    json_object_end(j);
    buf_add_char(out, '\n');
}
