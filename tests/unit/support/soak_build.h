/* SPDX-License-Identifier: Apache-2.0 */
/* Records of soaks for tests: one of random values in all members, and one that a person could have. */
#ifndef LOCKTRAIL_TESTS_SOAK_BUILD_H
#define LOCKTRAIL_TESTS_SOAK_BUILD_H

#include "engine/soak_record.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- random ----------------------------------------------------------------------------------------------------- */

static inline uint64_t dice(uint64_t *state)
{
    /* xorshift64, Marsaglia 2003 */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline uint64_t dice_count(uint64_t *state)
{
    return dice(state) >> (1 + dice(state) % 63);
}

static inline int64_t dice_time(uint64_t *state)
{
    return (int64_t)dice_count(state);
}

static inline bool dice_flag(uint64_t *state)
{
    return dice(state) % 2;
}

static inline double dice_number(uint64_t *state)
{
    return ((double)dice(state) / 1e19 - 0.5) * (double)(dice(state) % 1000000);
}

static inline char *dice_text(uint64_t *state)
{
    static const char *const texts[] = {"", "member/user_lock", "a\"b\\c\n\t", "\x01", "naïve 錠 🔒", "x.1.upload"};
    return mem_printf("%s%llu", texts[dice(state) % 6], (unsigned long long)(dice(state) % 100));
}

static inline void dice_stages(uint64_t *state, uint64_t *counts)
{
    for (int s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++)
        counts[s] = dice_count(state);
}

static inline void dice_series(uint64_t *state, struct series *s)
{
    int64_t at = 0;
    s->count = dice(state) % (SERIES_POINTS_MAX + 1);
    for (size_t i = 0; i < s->count; i++)
        s->points[i] = (struct series_point){at += (int64_t)(dice(state) % 1000), dice_number(state)};
    s->stride = (uint32_t)dice(state);
    s->pending = (uint32_t)dice(state);
    s->pending_at_ms = dice_number(state);
    s->pending_value = dice_number(state);
    s->samples = dice_count(state);
    s->least = dice_number(state);
    s->most = dice_number(state);
    s->last = dice_number(state);
}

static inline void dice_uploads(uint64_t *state, struct soak_uploads *u)
{
    dice_stages(state, u->arrived);
    dice_stages(state, u->missing);
    dice_stages(state, u->doubled);
    uint64_t *const counts[] = {&u->judged,  &u->good,     &u->with_loss, &u->unreadable,
                                &u->unknown, &u->unjudged, &u->cut,       &u->pending};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = dice_count(state);
}

static inline void dice_times(uint64_t *state, struct soak_times *t)
{
    t->count = dice_count(state);
    t->least = dice_number(state);
    t->most = dice_number(state);
    t->sum = dice_number(state);
    dice_series(state, &t->median);
}

static inline void dice_process(uint64_t *state, struct soak_process *p)
{
    char **const texts[] = {&p->name, &p->worker, &p->runtime, &p->version};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = dice_text(state);
    uint64_t *const counts[] = {&p->lives,        &p->planned_ends,     &p->kills,
                                &p->failures,     &p->acquires,         &p->seen,
                                &p->gap_acquires, &p->doubled_acquires, &p->cut_acquires};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = dice_count(state);
    p->pid = dice_time(state);
    dice_uploads(state, &p->uploads);
    dice_times(state, &p->interval);
    dice_times(state, &p->latency);
    for (size_t i = 0; i < WATCH_COUNT; i++) {
        struct soak_watch *w = &p->watches[i];
        dice_series(state, &w->series);
        w->trend = (struct trend){.known = dice_flag(state),
                                  .per_hour = dice_number(state),
                                  .low = dice_number(state),
                                  .high = dice_number(state),
                                  .growing = dice_flag(state),
                                  .since_ms = dice_time(state),
                                  .from = dice_number(state),
                                  .to = dice_number(state)};
        w->found_at_ms = dice_flag(state) ? -1 : dice_time(state);
    }
}

static inline void dice_lists(uint64_t *state, struct soak_record *r)
{
    r->lock_count = dice(state) % 5;
    r->locks = mem_calloc(r->lock_count + 1, sizeof *r->locks);
    for (size_t i = 0; i < r->lock_count; i++) {
        r->locks[i] = (struct soak_lock){.worker = dice_text(state), .id = dice_text(state), .name = dice_text(state)};
        for (size_t k = dice(state) % 6; k > 0; k--)
            r->locks[i].states[dice(state) % STAGE_COUNT][dice(state) % STATE_COUNT] = dice_count(state);
    }
    for (size_t i = dice(state) % 4; i > 0; i--) {
        r->groups = mem_grow(r->groups, r->group_count, &r->group_capacity, sizeof *r->groups);
        r->groups[r->group_count++] = (struct soak_group){.worker = dice_text(state),
                                                          .lock = dice_text(state),
                                                          .stage = (enum stage)(dice(state) % STAGE_COUNT),
                                                          .mechanism = (enum mechanism)(dice(state) % MECHANISM_COUNT),
                                                          .uploads = dice_count(state),
                                                          .first_ms = dice_time(state),
                                                          .last_ms = dice_time(state),
                                                          .disturbed = dice_flag(state)};
    }
    for (size_t i = dice(state) % 4; i > 0; i--) {
        r->losses = mem_grow(r->losses, r->loss_count, &r->loss_capacity, sizeof *r->losses);
        struct soak_loss *l = &r->losses[r->loss_count++];
        *l = (struct soak_loss){.at_ms = dice_time(state),
                                .instance = dice_text(state),
                                .lock = dice_text(state),
                                .stage = (enum stage)(dice(state) % STAGE_COUNT),
                                .mechanism = (enum mechanism)(dice(state) % MECHANISM_COUNT),
                                .evidence = dice_text(state),
                                .runtime_id = dice_text(state),
                                .start = dice_text(state),
                                .end = dice_text(state),
                                .disturbed = dice_flag(state)};
        l->copies[STAGE_UPLOAD] = dice_text(state);
        l->copies[STAGE_BACKEND] = dice_flag(state) ? dice_text(state) : NULL;
    }
    for (size_t i = dice(state) % 4; i > 0; i--) {
        r->disturbances =
            mem_grow(r->disturbances, r->disturbance_count, &r->disturbance_capacity, sizeof *r->disturbances);
        r->disturbances[r->disturbance_count++] =
            (struct soak_disturbance){.at_ms = dice_time(state),
                                      .until_ms = dice_flag(state) ? -1 : dice_time(state),
                                      .what = dice_text(state),
                                      .recovered_ms = dice_flag(state) ? -1 : dice_time(state),
                                      .lost_uploads = dice_count(state),
                                      .lost_acquires = dice_count(state)};
    }
}

/* All members; the same state, the same record. */
static inline void soak_random(uint64_t *state, struct soak_record *r)
{
    *r = (struct soak_record){0};
    char **const texts[] = {&r->scenario, &r->run_id, &r->started_at, &r->why_ended, &r->conclusion};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = dice_text(state);
    int64_t *const times[] = {&r->for_ms, &r->every_ms, &r->elapsed_ms, &r->taken_at_ms};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        *times[i] = dice_time(state);
    uint64_t *const counts[] = {&r->max_disk,           &r->max_rss,          &r->resumed,
                                &r->groups_dropped,     &r->losses_dropped,   &r->disturbances_dropped,
                                &r->copies.bytes,       &r->problems_dropped, &r->copies.removed,
                                &r->copies.kept_losses, &r->copies.every,     &r->copies.kept_samples,
                                &r->copies.not_kept};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = dice_count(state);
    bool *const flags[] = {&r->until_loss, &r->ended, &r->interrupted, &r->stage_ran[STAGE_UPLOAD],
                           &r->stage_ran[STAGE_AGENT]};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        *flags[i] = dice_flag(state);
    r->verdict = (enum verdict)(dice(state) % VERDICT_COUNT);
    dice_uploads(state, &r->uploads);
    r->process_count = 1 + dice(state) % 3;
    r->processes = mem_calloc(r->process_count, sizeof *r->processes);
    for (size_t i = 0; i < r->process_count; i++)
        dice_process(state, &r->processes[i]);
    dice_lists(state, r);
    for (size_t i = dice(state) % 4; i > 0; i--) {
        char *text = mem_printf("problem %zu", i);
        soak_record_problem(r, dice_time(state), "somebody", text, "do something");
        free(text);
    }
}

/* --- one that a person could have ------------------------------------------------------------------------------- */

static inline void plot(struct series *s, size_t count, int64_t step_ms, double first, double per_point, double noise)
{
    uint64_t state = 88172645463325252ULL;
    s->count = count;
    s->stride = 1;
    s->samples = count;
    s->least = s->most = first;
    for (size_t i = 0; i < count; i++) {
        double value = first + per_point * (double)i + noise * ((double)(dice(&state) % 2000) / 1000 - 1);
        s->points[i] = (struct series_point){(int64_t)i * step_ms, value};
        s->least = value < s->least ? value : s->least;
        s->most = value > s->most ? value : s->most;
        s->last = value;
    }
}

static inline void fill_process(struct soak_process *p, const char *name, const char *worker, double rss)
{
    p->name = mem_strdup(name);
    p->worker = mem_strdup(worker);
    p->runtime = mem_strdup(worker[0] ? "native" : "");
    p->version = mem_strdup(worker[0] ? "O2g" : "");
    p->pid = 4711;
    p->lives = 1;
    plot(&p->watches[WATCH_RSS].series, 60, 200000, rss, 0, rss / 100);
    plot(&p->watches[WATCH_DESCRIPTORS].series, 60, 200000, 24, 0, 0);
    plot(&p->watches[WATCH_THREADS].series, 60, 200000, 9, 0, 0);
    plot(&p->watches[WATCH_CPU].series, 60, 200000, 0.4, 0, 0.1);
    for (size_t i = 0; i < WATCH_COUNT; i++) {
        p->watches[i].found_at_ms = -1;
        p->watches[i].trend.known = p->watches[i].series.count > 0;
    }
}

static inline void fill_upload_process(struct soak_process *p, uint64_t uploads)
{
    struct soak_uploads *u = &p->uploads;
    u->arrived[STAGE_UPLOAD] = u->arrived[STAGE_AGENT] = u->arrived[STAGE_BACKEND] = uploads;
    u->judged = u->good = uploads;
    p->acquires = p->seen = 1000 * uploads;
    p->interval = (struct soak_times){.count = uploads - 1, .least = 59000, .most = 61234, .sum = 60000.0 * uploads};
    p->latency = (struct soak_times){.count = uploads, .least = 41, .most = 2310, .sum = 80.0 * uploads};
    plot(&p->interval.median, 60, 200000, 60000, 0, 500);
    plot(&p->latency.median, 60, 200000, 80, 0, 20);
}

/* Two processes beside locktrail, three stages, 3:20:00 of 8 hours, all well. */
static inline void soak_good(struct soak_record *r)
{
    *r = (struct soak_record){.scenario = mem_strdup("soak"),
                              .run_id = mem_strdup("2026-11-26T02-00-00Z-soak"),
                              .started_at = mem_strdup("2026-11-26T02:00:00Z"),
                              .for_ms = 28800000,
                              .every_ms = 60000,
                              .elapsed_ms = 12000000,
                              .max_disk = (uint64_t)2 << 30,
                              .taken_at_ms = 1795665600000,
                              .why_ended = mem_strdup(""),
                              .process_count = 3,
                              .lock_count = 2,
                              .copies = {.kept_samples = 60, .bytes = 7340032, .removed = 20, .every = 4}};
    r->stage_ran[STAGE_UPLOAD] = r->stage_ran[STAGE_AGENT] = r->stage_ran[STAGE_BACKEND] = true;
    r->processes = mem_calloc(r->process_count, sizeof *r->processes);
    fill_process(&r->processes[0], "locktrail", "", 2.5e7);
    plot(&r->processes[0].watches[WATCH_DISK].series, 60, 200000, 7e6, 0, 1e6);
    r->processes[0].watches[WATCH_DISK].trend.known = true;
    fill_process(&r->processes[1], "native.1.upload", "native", 1.1e7);
    fill_process(&r->processes[2], "native.2.upload", "native", 1.2e7);
    fill_upload_process(&r->processes[1], 200);
    fill_upload_process(&r->processes[2], 199);
    r->locks = mem_calloc(r->lock_count, sizeof *r->locks);
    for (size_t i = 0; i < r->lock_count; i++) {
        struct soak_lock *l = &r->locks[i];
        *l = (struct soak_lock){.worker = mem_strdup("native"),
                                .id = mem_strdup(i ? "member/order_lock" : "member/user_lock"),
                                .name = mem_strdup(i ? "order_lock" : "user_lock")};
        for (int s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++)
            l->states[s][STATE_EXACT] = 399;
    }
    soak_record_conclude(r);
}

static inline struct soak_group *add_group_to(struct soak_record *r, const char *lock, enum stage stage,
                                              enum mechanism mechanism, uint64_t uploads)
{
    r->groups = mem_grow(r->groups, r->group_count, &r->group_capacity, sizeof *r->groups);
    struct soak_group *g = &r->groups[r->group_count++];
    *g = (struct soak_group){.worker = mem_strdup("native"),
                             .lock = mem_strdup(lock),
                             .stage = stage,
                             .mechanism = mechanism,
                             .uploads = uploads,
                             .first_ms = 3600000,
                             .last_ms = 7200000};
    return g;
}

/* The same with one of everything that can go wrong. */
static inline void soak_bad(struct soak_record *r)
{
    soak_good(r);
    struct soak_uploads *u = &r->processes[1].uploads;
    u->arrived[STAGE_BACKEND] = 198;
    u->missing[STAGE_BACKEND] = 2;
    u->doubled[STAGE_AGENT] = 1;
    u->good = 196;
    u->with_loss = 2;
    u->unreadable = 1;
    u->unjudged = 1;
    u->cut = 3;
    r->uploads.unknown = 1;
    r->processes[1].lives = 4;
    r->processes[1].kills = 2;
    r->processes[1].failures = 1;
    r->processes[1].cut_acquires = 812;
    r->processes[1].gap_acquires = 17;
    struct soak_watch *rss = &r->processes[2].watches[WATCH_RSS];
    plot(&rss->series, 60, 200000, 4.3e7, 3.3e6, 2e5);
    rss->trend = (struct trend){.known = true,
                                .per_hour = 6.1e7,
                                .low = 5.8e7,
                                .high = 6.3e7,
                                .growing = true,
                                .since_ms = 250000,
                                .from = 4.3e7,
                                .to = 2.4e8};
    rss->found_at_ms = 780000;
    add_group_to(r, "member/user_lock", STAGE_AGENT, MECHANISM_LABEL_DROPPED, 2);
    add_group_to(r, "", STAGE_BACKEND, MECHANISM_PROFILE_DROPPED, 2)->disturbed = true;
    r->locks[0].states[STAGE_AGENT][STATE_EXACT] = 397;
    r->locks[0].states[STAGE_AGENT][STATE_GENERIC] = 2;
    r->losses = mem_calloc(1, sizeof *r->losses);
    r->loss_count = r->loss_capacity = 1;
    r->losses[0] =
        (struct soak_loss){.at_ms = 3600000,
                           .instance = mem_strdup("native.1.upload"),
                           .lock = mem_strdup("member/user_lock"),
                           .stage = STAGE_AGENT,
                           .mechanism = MECHANISM_LABEL_DROPPED,
                           .evidence = mem_strdup("12 samples had the label at upload, none has it at agent"),
                           .runtime_id = mem_strdup("8a3c6e1e-70a0-4c3c-a2bb-6d1a1b0f2c11"),
                           .start = mem_strdup("2026-11-26T02:59:00.000Z"),
                           .end = mem_strdup("2026-11-26T03:00:00.000Z")};
    r->losses[0].copies[STAGE_UPLOAD] = mem_strdup("copies/upload/native.1.upload.60.pprof");
    r->losses[0].copies[STAGE_AGENT] = mem_strdup("copies/agent/native.1.upload.60.pprof");
    r->disturbances = mem_calloc(2, sizeof *r->disturbances);
    r->disturbance_count = r->disturbance_capacity = 2;
    r->disturbances[0] = (struct soak_disturbance){.at_ms = 5000000,
                                                   .until_ms = 5000000,
                                                   .what = mem_strdup("kill native.1.upload"),
                                                   .recovered_ms = 61200,
                                                   .lost_uploads = 2,
                                                   .lost_acquires = 812};
    r->disturbances[1] = (struct soak_disturbance){
        .at_ms = 11990000, .until_ms = -1, .what = mem_strdup("refuse at upload for 30 s"), .recovered_ms = -1};
    soak_record_problem(r, 6000000, "native.1.upload", "ended by signal 11 (SIGSEGV)", "look at its output");
    r->problems[0].times = 3;
    soak_record_conclude(r);
}

#endif
