/* SPDX-License-Identifier: Apache-2.0 */
/* A judge of a soak with one worker or two, a clock that stands still, and uploads made by hand. */
#ifndef LOCKTRAIL_TESTS_SOAK_FIXTURE_H
#define LOCKTRAIL_TESTS_SOAK_FIXTURE_H

#include "base/mem.h"
#include "engine/soak_judge.h"
#include "pipeline/intake_time.h"
#include "pipeline/readback.h"
#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "python.1.upload"

struct soak_fixture {
    uv_loop_t loop;
    char directory[64];
    struct disk *disk;
    struct scenario *scenario;
    struct soak_record record;
    struct soak_keep *keep;
    struct soak_judge *judge;
    int64_t now_ms;   /* of the soak's clock */
    int64_t began_ns; /* wall clock of second 0 of the uploads */
    int64_t wall_ns;  /* wall clock now */
    int64_t back_ns;  /* that the wall clock was set back */
    unsigned told, told_through, told_good;
    bool disturbed, finished;
};

static inline int64_t soak_elapsed(void *data)
{
    return ((struct soak_fixture *)data)->now_ms;
}

static inline int64_t soak_wall(void *data)
{
    return ((struct soak_fixture *)data)->wall_ns;
}

static inline int64_t soak_steady(void *data)
{
    const struct soak_fixture *f = data;
    return f->wall_ns + f->back_ns;
}

static inline void soak_set_back(struct soak_fixture *f, double by_s)
{
    f->back_ns += (int64_t)(by_s * 1e9);
    f->wall_ns -= (int64_t)(by_s * 1e9);
}

/* The wall clock goes on to that second, not back. */
static inline void soak_wait_until(struct soak_fixture *f, double at_s)
{
    int64_t at_ns = f->began_ns + (int64_t)(at_s * 1e9);
    f->wall_ns = at_ns > f->wall_ns ? at_ns : f->wall_ns;
}

static inline bool soak_disturbed(const char *instance, int64_t start_ns, int64_t end_ns, void *data)
{
    (void)instance, (void)start_ns, (void)end_ns;
    return ((struct soak_fixture *)data)->disturbed;
}

static inline void soak_judged(const char *instance, bool through, bool good, int64_t start_ns, int64_t end_ns,
                               void *data)
{
    struct soak_fixture *f = data;
    (void)instance;
    assert_true(end_ns == 0 || end_ns >= start_ns);
    f->told++;
    f->told_through += through;
    f->told_good += good;
}

static inline void soak_add_process(struct soak_record *r, const char *name, const char *worker)
{
    r->processes = mem_realloc(r->processes, r->process_count + 1, sizeof *r->processes);
    r->processes[r->process_count++] = (struct soak_process){
        .name = mem_strdup(name), .worker = mem_strdup(worker), .runtime = mem_strdup(""), .version = mem_strdup("")};
}

static inline void soak_read_scenario(struct soak_fixture *f, const char *rate)
{
    struct diagnostics d = {0};
    char *yaml = mem_printf("name: soaked\nduration: 10s\nworkers:\n  python:\n    runtime: ddtrace\n"
                            "    capture_pct: %s\n  silent:\n    runtime: command\n    command: [x]\n"
                            "    locks:\n      - {id: cart, name: cart, site: 'shop.c:3'}\n"
                            "phases:\n  - pattern: member\n",
                            rate);
    if (scenario_read("s.yaml", yaml, strlen(yaml), NULL, 0, &f->scenario, &d) < 0)
        fail_msg("%s", d.items[0].text);
    diagnostics_fini(&d);
    free(yaml);
}

static inline void soak_start_judge(struct soak_fixture *f, enum stage last)
{
    struct soak_judge_options o = {.loop = &f->loop,
                                   .scenario = f->scenario,
                                   .record = &f->record,
                                   .keep = f->keep,
                                   .last = last,
                                   .deadline_ms = 5000,
                                   .elapsed_ms = soak_elapsed,
                                   .wall_ns = soak_wall,
                                   .steady_ns = soak_steady,
                                   .disturbed = soak_disturbed,
                                   .judged = soak_judged,
                                   .data = f};
    for (enum stage s = STAGE_UPLOAD; s <= last; s++)
        o.stages[s] = true;
    f->judge = soak_judge_new(&o);
}

static inline struct soak_fixture *soak_begin(const char *rate, enum stage last)
{
    struct soak_fixture *f = mem_calloc(1, sizeof *f);
    struct err e = {0};
    alarm(120);
    strcpy(f->directory, "/tmp/locktrail-soak-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->disk = disk_new(&f->loop);
    f->wall_ns = f->began_ns = INT64_C(1800000000000000000);
    soak_read_scenario(f, rate);
    soak_add_process(&f->record, "locktrail", "");
    soak_add_process(&f->record, NAME, "python");
    soak_add_process(&f->record, "silent.1.upload", "silent");
    f->keep = soak_keep_new(f->disk, f->directory, UINT64_C(1) << 26, &f->record, &e);
    assert_non_null(f->keep);
    soak_start_judge(f, last);
    soak_judge_life(f->judge, NAME);
    return f;
}

static inline void soak_on_done(void *data)
{
    *(bool *)data = true;
}

static inline void soak_finish(struct soak_fixture *f, bool now)
{
    soak_judge_finish(f->judge, now, soak_on_done, &f->finished);
    assert_false(f->finished);
    while (!f->finished) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        f->now_ms += 1000;
        soak_judge_tick(f->judge);
    }
}

static inline void soak_end(struct soak_fixture *f)
{
    bool closed = false;
    if (!f->finished)
        soak_finish(f, true);
    soak_judge_free(f->judge);
    soak_keep_free(f->keep);
    disk_close(f->disk, soak_on_done, &closed);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    soak_record_fini(&f->record);
    scenario_free(f->scenario);
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_int_equal(system(command), 0);
    free(command);
    free(f);
}

/* --- what a worker says ------------------------------------------------------------------------------------------- */

static inline void soak_say(struct soak_fixture *f, const char *instance, const char *line)
{
    struct message m;
    struct err e = {0};
    if (message_read(line, strlen(line), &m, &e) < 0)
        fail_msg("%s", e.text);
    soak_judge_line(f->judge, instance, &m);
    message_fini(&m);
}

/* "member/NAME" at member.py:LINE. */
static inline void soak_declare(struct soak_fixture *f, const char *instance, const char *name, unsigned line)
{
    char *text = mem_printf("{\"type\":\"lock\",\"id\":\"member/%s\",\"name\":\"%s\",\"pattern\":\"member\",\"site\":"
                            "\"member.py:%u\",\"rendering\":\"exact\"}",
                            name, name, line);
    soak_say(f, instance, text);
    free(text);
}

/* Counts of session and cache at a second. */
static inline void soak_count(struct soak_fixture *f, double at_s, unsigned session, unsigned cache)
{
    char *text = mem_printf("{\"type\":\"progress\",\"phase\":\"member\",\"done\":0.5,\"at\":%lld,\"acquires\":"
                            "{\"member/session\":%u,\"member/cache\":%u}}",
                            (long long)(f->began_ns + (int64_t)(at_s * 1e9)), session, cache);
    soak_wait_until(f, at_s + 0.001);
    soak_say(f, NAME, text);
    free(text);
}

/* --- uploads ------------------------------------------------------------------------------------------------------ */

/* A profile with "LABEL=ACQUIRES LABEL=ACQUIRES ..."; a label "-" is a sample without one. `mark` makes its bytes its
 * own. */
static inline void soak_profile(const char *samples, int64_t mark, struct buf *out)
{
    struct pprof_build *b = pprof_build_new();
    char *text = mem_strdup(samples), *save;
    pprof_build_lock_types(b);
    b->profile.time_nanos = mark;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        pprof_build_lock(b, strcmp(word, "-") == 0 ? NULL : word, atoi(equals + 1), 1000 + atoi(equals + 1), 0, 0);
    }
    pprof_build_bytes(b, ENCODING_NONE, out);
    pprof_build_free(b);
    free(text);
}

struct soak_upload {
    const char *instance, *runtime_id;
    double start_s, end_s;
    char *pid; /* tag process_id; NULL: none */
    struct buf bytes;
};

static inline struct soak_upload soak_make(double start_s, double end_s, const char *samples)
{
    struct soak_upload u = {.instance = NAME, .runtime_id = "r1", .start_s = start_s, .end_s = end_s};
    soak_profile(samples, (int64_t)(end_s * 1000) + 1, &u.bytes);
    return u;
}

static inline void soak_time_text(const struct soak_fixture *f, double at_s, char out[INTAKE_TIME_TEXT_SIZE])
{
    struct intake_time t = intake_time_of_ms(f->began_ns / 1000000 + (int64_t)(at_s * 1000));
    intake_time_text(&t, out);
}

static inline void soak_send_bytes(struct soak_fixture *f, enum stage stage, const struct soak_upload *u,
                                   const struct buf *bytes)
{
    char start[INTAKE_TIME_TEXT_SIZE], end[INTAKE_TIME_TEXT_SIZE];
    soak_time_text(f, u->start_s, start);
    soak_time_text(f, u->end_s, end);
    soak_wait_until(f, u->end_s + 0.002);
    if (stage == STAGE_BACKEND) {
        struct readback_profile p = {.name = "profile.pprof", .bytes = bytes->data, .size = bytes->size};
        struct readback_event event = {.kind = READBACK_UPLOAD,
                                       .instance = u->instance,
                                       .id = "17",
                                       .runtime_id = u->runtime_id,
                                       .start = start,
                                       .end = end,
                                       .profiles = &p,
                                       .profile_count = 1};
        soak_judge_read_back(f->judge, &event);
        return;
    }
    struct upload_profile p = {.name = "profile.pprof", .bytes = bytes->data, .size = bytes->size};
    struct http_headers headers = {0};
    static char key[] = "process_id";
    struct upload_tag tag = {.key = key, .value = u->pid};
    struct upload upload = {.headers = &headers,
                            .path = "/profiling/v1/input",
                            .status = 200,
                            .event = "{}",
                            .event_size = 2,
                            .start = start,
                            .end = end,
                            .tags = &tag,
                            .tag_count = u->pid ? 1 : 0,
                            .runtime_id = u->runtime_id,
                            .profiles = &p,
                            .profile_count = 1};
    soak_judge_upload(f->judge, stage, u->instance, &upload);
}

static inline void soak_send(struct soak_fixture *f, enum stage stage, const struct soak_upload *u)
{
    soak_send_bytes(f, stage, u, &u->bytes);
}

/* Until nothing is on the thread or at the disk. */
static inline void soak_settle(struct soak_fixture *f)
{
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

/* Comes to all stages up to `last`. */
static inline void soak_pass(struct soak_fixture *f, enum stage last, double start_s, double end_s, const char *samples)
{
    struct soak_upload u = soak_make(start_s, end_s, samples);
    for (enum stage s = STAGE_UPLOAD; s <= last; s++)
        soak_send(f, s, &u);
    buf_fini(&u.bytes);
    soak_settle(f);
}

static inline struct soak_process *soak_process(struct soak_fixture *f)
{
    return &f->record.processes[1];
}

/* The groups as "LOCK MECHANISM at STAGE in N" lines. */
static inline void soak_expect_groups(const struct soak_fixture *f, const char *expected)
{
    struct buf text = {0};
    buf_add_str(&text, "");
    for (size_t i = 0; i < f->record.group_count; i++) {
        const struct soak_group *g = &f->record.groups[i];
        buf_printf(&text, "%s%s %s at %s in %llu%s", i ? "\n" : "", g->lock, mechanism_name(g->mechanism),
                   stage_name(g->stage), (unsigned long long)g->uploads, g->disturbed ? " disturbed" : "");
    }
    char *is = buf_steal(&text);
    assert_string_equal(is, expected);
    free(is);
}

/* Every upload is accounted for. */
static inline void soak_expect_sums(struct soak_fixture *f)
{
    for (size_t i = 1; i < f->record.process_count; i++) {
        const struct soak_uploads *u = &f->record.processes[i].uploads;
        assert_int_equal(u->arrived[STAGE_UPLOAD], u->judged + u->unjudged + u->cut + u->pending);
        assert_int_equal(u->judged, u->good + u->with_loss);
    }
}

/* --- two locks at the last stage `upload` ------------------------------------------------------------------------- */

#define SOAK_CACHE "member.py:14:cache=50"
#define SOAK_BOTH "member.py:12:session=50 member.py:14:cache=50"

static inline struct soak_fixture *soak_begin_two(const char *rate)
{
    struct soak_fixture *f = soak_begin(rate, STAGE_UPLOAD);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    return f;
}

static inline void soak_say_done(struct soak_fixture *f)
{
    soak_say(f, NAME, "{\"type\":\"done\",\"at\":9000000000000000000,\"acquires\":{}}");
}

static inline void soak_end_life(struct soak_fixture *f, bool killed)
{
    if (!killed)
        soak_say_done(f);
    soak_judge_life_over(f->judge, NAME, killed);
    f->now_ms += 2000;
    soak_judge_tick(f->judge);
}

#endif
