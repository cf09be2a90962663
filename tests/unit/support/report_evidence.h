/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of which evidence is built by hand. Everything is taken from an arena and freed at once by evidence_drop.
 */
#ifndef LOCKTRAIL_TESTS_REPORT_EVIDENCE_H
#define LOCKTRAIL_TESTS_REPORT_EVIDENCE_H

#include "base/mem.h"
#include "engine/evidence.h"
#include "report/terminal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena {
    void *items[8192];
    size_t count;
};
static struct arena arena;

#define LOCKS_MAX 64
#define WORKERS_MAX 16

static inline void *take(size_t count, size_t size)
{
    assert(arena.count < sizeof arena.items / sizeof *arena.items);
    return arena.items[arena.count++] = mem_calloc(count, size);
}

static inline char *text(const char *literal)
{
    char *copy = take(strlen(literal) + 1, 1);
    return strcpy(copy, literal);
}

static inline void evidence_drop(void)
{
    while (arena.count > 0)
        free(arena.items[--arena.count]);
}

enum { INSTANCE_LOCAL, INSTANCE_UPLOAD, INSTANCE_CONTROL, INSTANCES };

static inline void add_worker_def(struct evidence *ev, const char *name)
{
    struct scenario_worker *w = &ev->scenario->workers[ev->scenario->worker_count++];
    *w = (struct scenario_worker){.name = text(name),
                                  .runtime = RUNTIME_DDTRACE,
                                  .count = 1,
                                  .capture_pct = 100,
                                  .version = text("4.16.0"),
                                  .inspect_dir = true};
}

static inline void add_instance(struct evidence *ev, const char *name, const char *worker, enum arm arm)
{
    ev->ledger.instances[ev->ledger.instance_count++] =
        (struct instance){.name = text(name),
                          .worker = text(worker),
                          .arm = arm,
                          .capture_rate = 1,
                          .counts = take(LOCKS_MAX, sizeof(struct lock_count))};
    ev->workers[ev->worker_count++] = (struct worker_outcome){.name = text(name),
                                                              .worker = text(worker),
                                                              .arm = arm,
                                                              .pid = 4711 + (int64_t)ev->worker_count,
                                                              .started = true,
                                                              .ended = true,
                                                              .good = true,
                                                              .cause = text("exit 0"),
                                                              .runtime = text("ddtrace"),
                                                              .version = text("4.16.0"),
                                                              .wall_ms = 30250,
                                                              .cpu_ms = 9100,
                                                              .max_rss = 68157440};
}

/* A paired run of one ddtrace worker that saw nothing yet. */
static inline struct evidence *evidence_begin(const char *name)
{
    struct evidence *ev = take(1, sizeof *ev);
    ev->directory = text("/srv/team/runs/2026-11-23T12-00-00Z-smoke");
    ev->scenario = take(1, sizeof *ev->scenario);
    ev->scenario->name = text(name);
    ev->scenario->workers = take(WORKERS_MAX, sizeof *ev->scenario->workers);
    ev->ledger.locks = take(LOCKS_MAX, sizeof *ev->ledger.locks);
    ev->ledger.instances = take(WORKERS_MAX + INSTANCES, sizeof *ev->ledger.instances);
    ev->workers = take(WORKERS_MAX + INSTANCES, sizeof *ev->workers);
    ev->copies = take(16, sizeof *ev->copies);
    ev->problems = take(8, sizeof *ev->problems);
    ev->trail.locks = take(LOCKS_MAX, sizeof *ev->trail.locks);
    ev->trail.undeclared = take(32, sizeof *ev->trail.undeclared);
    ev->trail.next_steps = take(8, sizeof *ev->trail.next_steps);
    ev->trail.notes = take(8, sizeof *ev->trail.notes);
    ev->trail.conclusion = text("");
    ev->run_id = text("3f2a91c0d4e5b6a7");
    ev->started_at = text("2026-11-23T12:00:00.000Z");
    ev->wall_ms = 31240;
    ev->complete = true;
    ev->control = CONTROL_PASSED;
    ev->control_why = text("");
    ev->control_output = text("");
    ev->forward_described = text("");
    ev->profiles_url = text("");
    ev->faults = text("");
    ev->uploads = (struct upload_counts){.received = 3, .stored = 3};
    for (int stage = STAGE_DECLARED; stage <= STAGE_UPLOAD; stage++)
        ev->stage_ran[stage] = true;
    add_worker_def(ev, "python");
    add_instance(ev, "python.1.local", "python", ARM_LOCAL);
    add_instance(ev, "python.1.upload", "python", ARM_UPLOAD);
    add_instance(ev, "python.control", "python", ARM_CONTROL);
    return ev;
}

/* Declares a lock; `states` are those at control, collector, upload and so on (not run where it ends), one letter each:
 * e m a g - (absent) f (undersampled) n (not run). */
static inline struct trail_lock *add_lock(struct evidence *ev, const char *worker, const char *id, const char *name,
                                          const char *site_file, unsigned line, uint64_t acquires, const char *states)
{
    static const char letters[] = "emag-fn";
    size_t index = ev->ledger.lock_count++;
    char *pattern = text(id);
    pattern[strcspn(pattern, "/")] = '\0';
    ev->ledger.locks[index] = (struct lock){.worker = text(worker),
                                            .id = text(id),
                                            .name = text(name),
                                            .pattern = pattern,
                                            .file = text(site_file),
                                            .line = line,
                                            .rendering = RENDERING_EXACT,
                                            .contends = true,
                                            .counted = true};
    for (size_t i = 0; i < ev->ledger.instance_count; i++)
        if (strcmp(ev->ledger.instances[i].worker, worker) == 0)
            ev->ledger.instances[i].counts[index] = (struct lock_count){
                .acquires = acquires, .waits = acquires / 4, .wait_ns = acquires * 2000, .depth = 1, .known = true};
    struct trail_lock *t = &ev->trail.locks[ev->trail.lock_count++];
    t->lock = index;
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        t->stages[stage].state = STATE_NOT_RUN;
    for (size_t i = 0; states[i] && STAGE_CONTROL + i < STAGE_COUNT; i++)
        t->stages[STAGE_CONTROL + i].state = (enum lock_state)(strchr(letters, states[i]) - letters);
    return t;
}

/* One more name under which the lock was seen at a stage. */
static inline void add_seen(struct trail_lock *t, enum stage stage, const char *label, const char *name,
                            uint64_t samples)
{
    struct stage_result *r = &t->stages[stage];
    if (!r->seen_as)
        r->seen_as = take(4, sizeof *r->seen_as);
    r->seen_as[r->seen_count++] =
        (struct seen_as){.label = text(label), .name = text(name), .samples = samples, .acquires = samples};
    r->samples += samples;
    r->acquires += samples;
    r->wait_ns += samples * 2000;
    r->true_acquires = samples;
}

static inline void lose(struct trail_lock *t, enum stage stage, enum mechanism mechanism, const char *evidence)
{
    t->lost = true;
    t->loss = (struct loss){.stage = stage,
                            .mechanism = mechanism,
                            .evidence = text(evidence),
                            .group = t->lock,
                            .own = text(""),
                            .common = text(evidence)};
}

/* Lost as another lock was, but for `own`. */
static inline void lose_like(struct trail_lock *t, const struct trail_lock *other, const char *own)
{
    t->lost = true;
    t->loss = other->loss;
    t->loss.own = text(own);
}

static inline void judge_by_hand(struct evidence *ev, enum verdict verdict, const char *conclusion)
{
    ev->trail.verdict = verdict;
    ev->trail.conclusion = text(conclusion);
}

static inline void add_step(struct evidence *ev, const char *step)
{
    ev->trail.next_steps[ev->trail.next_step_count++] = text(step);
}

static inline void add_note(struct evidence *ev, const char *note)
{
    ev->trail.notes[ev->trail.note_count++] = text(note);
}

static inline void add_problem(struct evidence *ev, const char *who, const char *what, const char *advice,
                               const char *output)
{
    ev->problems[ev->problem_count++] =
        (struct problem){.who = text(who), .text = text(what), .advice = text(advice), .output = text(output)};
}

static inline void add_undeclared(struct evidence *ev, const char *label, const char *file, unsigned line,
                                  const char *name, uint64_t samples)
{
    struct undeclared *u = &ev->trail.undeclared[ev->trail.undeclared_count++];
    *u = (struct undeclared){.label = text(label), .file = text(file), .line = line, .name = text(name)};
    for (int stage = STAGE_COLLECTOR; stage <= STAGE_UPLOAD; stage++) {
        u->copies[stage] = 1;
        u->samples[stage] = samples;
        u->acquires[stage] = samples;
    }
}

/* A copy with one name in it. */
static inline void add_copy(struct evidence *ev, enum stage stage, size_t instance, const char *path, const char *label,
                            uint64_t samples)
{
    struct profile *p = take(1, sizeof *p);
    p->encoding = ENCODING_ZSTD;
    p->what = text("pprof with lock names");
    p->names = take(1, sizeof *p->names);
    p->name_count = 1;
    p->names[0] = (struct profile_name){.label = text(label),
                                        .file = text(""),
                                        .name = text(""),
                                        .samples = samples,
                                        .acquires = samples,
                                        .wait_ns = samples * 2000};
    ev->copies[ev->copy_count++] = (struct evidence_copy){.stage = stage,
                                                          .instance = instance,
                                                          .sequence = 1,
                                                          .path = text(path),
                                                          .hash = text("00"),
                                                          .size = 1234,
                                                          .start = text(""),
                                                          .end = text(""),
                                                          .runtime_id = text(""),
                                                          .profile = p};
}

#endif
