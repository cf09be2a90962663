/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of `locktrail tap` that are not redrawn: lines, JSON lines, the end. */
#include "report/tap_table.h"

#include "base/json.h"
#include "base/mem.h"
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* "   12.3 s  " stands before each line. */
#define TIME_SIZE 11
/* Locks of one kind that are named at the end. */
#define LOCKS_MAX 50

static void add_profile(struct buf *out, const struct tapping_profile *p)
{
    if (p->unreadable)
        buf_printf(out, "; unreadable: %s", p->unreadable);
    else if (p->profile && p->profile->kind == PROFILE_FOREIGN)
        buf_printf(out, "; %s", p->profile->what);
    else if (p->profile)
        buf_printf(out, "; %zu %s in %" PRIu64 " lock samples", p->profile->name_count,
                   p->profile->name_count == 1 ? "name" : "names", p->profile->lock_samples);
    else
        buf_add_str(out, "; not read");
    if (p->copy[0])
        buf_printf(out, "%s%s", p->equal ? ", the same as " : ", ", p->copy);
}

static void add_judged(struct buf *out, const struct tapping_judged *judged)
{
    static const char *const states[STATE_COUNT] = {"exact",  "mangled",  "alias",  "generic",
                                                    "absent", "not seen", "not run"};
    const char *before = " ";
    buf_printf(out, "%s: %s:", judged->worker, verdict_name(judged->verdict));
    for (int state = 0; state < STATE_COUNT; state++) {
        if (judged->states[state] == 0)
            continue;
        buf_printf(out, "%s%zu %s", before, judged->states[state], states[state]);
        before = ", ";
    }
    if (judged->lost[0])
        buf_printf(out, "; %s", judged->lost);
}

/* Each on a line of its own whatever its length: a log is searched, not read at 80 columns. */
static void end_text(struct buf *out, struct buf *text)
{
    text_add_clean(out, text->data);
    buf_add_char(out, '\n');
    buf_clear(text);
}

void tap_upload_line(const struct tapping_upload *u, double elapsed_s, struct buf *out)
{
    struct buf text = {0};
    buf_printf(&text, "%*.1f s  %" PRIu64 ": ", TIME_SIZE - 4, elapsed_s, u->number);
    if (u->error)
        buf_printf(&text, "NOT PASSED ON: %s; its sender was told %d", u->error, u->status);
    else
        buf_printf(&text, "%d", u->next_status ? u->next_status : u->status);
    buf_add_str(&text, ", ");
    text_add_bytes(&text, u->size);
    if (u->service[0])
        buf_printf(&text, ", %s", u->service);
    if (u->rejected)
        buf_printf(&text, "; not an upload that can be read: %s", u->rejected);
    for (size_t i = 0; i < u->profile_count; i++)
        add_profile(&text, &u->profiles[i]);
    end_text(out, &text);
    for (size_t i = 0; i < u->profile_count; i++) {
        if (!u->profiles[i].judged)
            continue;
        buf_printf(&text, "%*s", TIME_SIZE, "");
        add_judged(&text, u->profiles[i].judged);
        end_text(out, &text);
    }
    buf_fini(&text);
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static void put_names(struct json_out *j, const struct profile *p)
{
    json_put_string(j, "what", p->what);
    json_key(j, "names");
    json_array(j);
    for (size_t i = 0; i < p->name_count; i++) {
        json_object(j);
        json_put_string(j, "label", p->names[i].label);
        json_put_uint(j, "samples", p->names[i].samples);
        json_put_uint(j, "acquires", p->names[i].acquires);
        json_object_end(j);
    }
    json_array_end(j);
}

static void put_judged(struct json_out *j, const struct tapping_judged *judged)
{
    json_key(j, "judged");
    json_object(j);
    json_put_string(j, "worker", judged->worker);
    json_put_string(j, "verdict", verdict_name(judged->verdict));
    json_key(j, "states");
    json_object(j);
    for (int state = 0; state < STATE_COUNT; state++)
        json_put_uint(j, lock_state_name((enum lock_state)state), judged->states[state]);
    json_object_end(j);
    json_put_string(j, "lost", judged->lost);
    json_object_end(j);
}

static void put_profile(struct json_out *j, const struct tapping_profile *p)
{
    json_object(j);
    json_put_string(j, "name", p->name);
    json_put_uint(j, "size", p->size);
    json_put_string(j, "sha256", p->hash);
    json_put_string(j, "copy", p->copy);
    json_put_bool(j, "equal", p->equal);
    json_put_bool(j, "read", p->profile != NULL);
    json_put_string(j, "unreadable", p->unreadable);
    if (p->profile)
        put_names(j, p->profile);
    if (p->judged)
        put_judged(j, p->judged);
    json_object_end(j);
}

void tap_upload_json(const struct tapping_upload *u, struct buf *out)
{
    struct json_out writer = json_begin(out, 0), *j = &writer;
    json_object(j);
    json_put_string(j, "schema", TAP_SCHEMA);
    json_put_string(j, "event", "upload");
    json_put_uint(j, "number", u->number);
    json_put_string(j, "method", u->method);
    json_put_string(j, "path", u->path);
    json_put_uint(j, "size", u->size);
    json_put_int(j, "status", u->status);
    json_put_int(j, "next_status", u->next_status);
    json_put_string(j, "error", u->error);
    json_put_string(j, "rejected", u->rejected);
    json_put_double(j, "ms", u->ms);
    json_put_string(j, "runtime_id", u->runtime_id);
    json_put_string(j, "service", u->service);
    json_put_string(j, "start", u->start);
    json_put_string(j, "end", u->end);
    json_key(j, "profiles");
    json_array(j);
    for (size_t i = 0; i < u->profile_count; i++)
        put_profile(j, &u->profiles[i]);
    json_array_end(j);
    json_object_end(j);
    buf_add_char(out, '\n');
}

/* The trail's own sentences tell the collector from the way, of which one place alone knows nothing. */
static void add_conclusion(const struct tap_view *view, struct buf *out)
{
    size_t wrong = 0, unseen = 0, limits = 0, count = view->result->lock_count;
    for (size_t i = 0; i < count; i++) {
        const struct trail_lock *lock = &view->result->locks[i];
        wrong += lock->lost;
        limits += lock->known_limit;
        unseen += !lock->lost && lock->stages[STAGE_UPLOAD].seen_count == 0;
    }
    if (unseen == count) {
        buf_add_str(out, "No upload has shown a lock of the ledger.");
        return;
    }
    if (wrong > 0)
        buf_printf(
            out, "%zu of %zu %s not rightly named when %s here: in the program's collector or on the way to this tap.",
            wrong, count, wrong == 1 ? "locks is" : "locks are", wrong == 1 ? "it comes" : "they come");
    else
        buf_printf(out, "Each lock that came had its name%s.",
                   limits > 0 ? ", or what its runtime can show of it" : "");
    if (unseen > 0)
        buf_printf(out, " %zu of %zu %s not seen: rarely taken, not sampled yet, or lost.", unseen, count,
                   unseen == 1 ? "was" : "were");
}

static uint64_t stuck(const struct tap_view *view)
{
    return view->counts->failed + view->counts->refused;
}

/* Names that were right and did not get on are lost on the way. */
static enum verdict verdict_of(const struct tap_view *view)
{
    enum verdict verdict = view->result->verdict;
    return verdict == VERDICT_SUCCESS && stuck(view) > 0 ? VERDICT_PARTIAL : verdict;
}

static void put_counts(struct json_out *j, const struct tapping_counts *c)
{
    json_put_uint(j, "requests", c->requests);
    json_put_uint(j, "uploads", c->uploads);
    json_put_uint(j, "failed", c->failed);
    json_put_uint(j, "refused", c->refused);
    json_put_uint(j, "profiles", c->profiles);
    json_put_uint(j, "read", c->read);
    json_put_uint(j, "unread", c->unread);
    json_put_uint(j, "unreadable", c->unreadable);
    json_put_uint(j, "kept", c->kept);
    json_put_uint(j, "equal", c->equal);
    json_put_uint(j, "not_kept", c->not_kept);
    json_put_uint(j, "removed", c->removed);
    json_put_uint(j, "disk_bytes", c->disk_bytes);
}

static void put_locks(struct json_out *j, const struct tap_view *view)
{
    json_key(j, "locks");
    json_array(j);
    for (size_t i = 0; i < view->result->lock_count; i++) {
        const struct trail_lock *lock = &view->result->locks[i];
        const struct stage_result *r = &lock->stages[STAGE_UPLOAD];
        json_object(j);
        json_put_string(j, "worker", view->ledger->locks[lock->lock].worker);
        json_put_string(j, "id", view->ledger->locks[lock->lock].id);
        json_put_string(j, "state", lock_state_name(r->state));
        json_put_string(j, "mechanism", lock->lost ? mechanism_name(lock->loss.mechanism) : NULL);
        json_put_uint(j, "samples", r->samples);
        json_key(j, "seen_as");
        json_array(j);
        for (size_t s = 0; s < r->seen_count; s++)
            json_string(j, r->seen_as[s].label);
        json_array_end(j);
        json_object_end(j);
    }
    json_array_end(j);
}

void tap_summary_json(const struct tap_view *view, int exit_code, struct buf *out)
{
    struct json_out writer = json_begin(out, 0), *j = &writer;
    json_object(j);
    json_put_string(j, "schema", TAP_SCHEMA);
    json_put_string(j, "event", "end");
    put_counts(j, view->counts);
    json_put_uint(j, "names", view->names->count);
    if (view->result) {
        json_put_string(j, "verdict", verdict_name(verdict_of(view)));
        struct buf conclusion = {0};
        add_conclusion(view, &conclusion);
        json_put_string(j, "conclusion", conclusion.data);
        buf_fini(&conclusion);
        put_locks(j, view);
    }
    json_put_int(j, "exit_code", exit_code);
    json_put_string(j, "directory", view->directory);
    json_object_end(j);
    buf_add_char(out, '\n');
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

/* "generic, without a name: a, b and 3 more". */
static void add_state(const struct tap_view *view, enum lock_state state, const char *what, struct buf *out)
{
    struct buf text = {0};
    size_t count = 0;
    for (size_t i = 0; i < view->result->lock_count; i++) {
        const struct trail_lock *lock = &view->result->locks[i];
        if (lock->stages[STAGE_UPLOAD].state != state)
            continue;
        if (count++ < LOCKS_MAX)
            buf_printf(&text, "%s%s", count > 1 ? ", " : "", view->ledger->locks[lock->lock].id);
    }
    if (count > LOCKS_MAX)
        buf_printf(&text, " and %zu more", count - LOCKS_MAX);
    if (count > 0) {
        buf_printf(out, "%-10s ", what);
        text_add_wrapped(out, text.data, 11);
    }
    buf_fini(&text);
}

static void add_verdict_line(const struct tap_view *view, bool colour, struct buf *out)
{
    static const enum text_colour colours[VERDICT_COUNT] = {TEXT_GREEN, TEXT_YELLOW, TEXT_RED,
                                                            TEXT_RED,   TEXT_YELLOW, TEXT_RED};
    buf_add_str(out, "VERDICT    ");
    enum verdict verdict = verdict_of(view);
    text_add_coloured(out, verdict_name(verdict), colour ? colours[verdict] : TEXT_PLAIN);
    buf_add_char(out, '\n');
}

static void add_verdict(const struct tap_view *view, bool colour, struct buf *out)
{
    static const char *const words[STATE_COUNT] = {"exact", "mangled", "alias", "generic", "absent", "not seen", NULL};
    for (int state = 0; state < STATE_COUNT; state++)
        if (words[state])
            add_state(view, (enum lock_state)state, words[state], out);
    buf_add_char(out, '\n');
    add_verdict_line(view, colour, out);
    struct buf text = {0};
    add_conclusion(view, &text);
    if (stuck(view) > 0)
        buf_printf(&text, " %" PRIu64 " of %" PRIu64 " uploads did not get on.", stuck(view), view->counts->uploads);
    text_add_wrapped(out, text.data, 0);
    buf_fini(&text);
}

static void add_directory(const struct tap_view *view, struct buf *out)
{
    buf_add_str(out, "directory  ");
    text_add_clean(out, view->directory);
    buf_add_char(out, '\n');
}

void tap_summary_quiet(const struct tap_view *view, bool colour, struct buf *out)
{
    if (view->result)
        add_verdict_line(view, colour, out);
    add_directory(view, out);
}

void tap_summary(const struct tap_view *view, bool colour, struct buf *out)
{
    struct buf text = {0};
    tap_counts(view, &text);
    buf_add_str(out, "uploads    ");
    text_add_wrapped(out, text.data, 11);
    if (view->result)
        add_verdict(view, colour, out);
    add_directory(view, out);
    buf_fini(&text);
}

int tap_exit_code(const struct tap_view *view)
{
    if (view->result)
        return verdict_exit_code(verdict_of(view));
    return stuck(view) > 0 ? verdict_exit_code(VERDICT_PARTIAL) : 0;
}
