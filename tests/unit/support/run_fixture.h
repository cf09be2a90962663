/* SPDX-License-Identifier: Apache-2.0 */
/* A run directory made by hand, loaded and removed. */
#ifndef LOCKTRAIL_TESTS_RUN_FIXTURE_H
#define LOCKTRAIL_TESTS_RUN_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "engine/evidence.h"
#include "io/disk.h"
#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SCENARIO(control)                                                                                              \
    "name: made-by-hand\n"                                                                                             \
    "duration: 10s\n"                                                                                                  \
    "control: " control "\n"                                                                                           \
    "workers:\n"                                                                                                       \
    "  python:\n"                                                                                                      \
    "    runtime: ddtrace\n"                                                                                           \
    "phases:\n"                                                                                                        \
    "  - pattern: member\n"

/* Lines of the two journals of a run that went well. */
#define STARTED                                                                                                        \
    "{\"event\":\"run_started\",\"time\":\"2026-11-23T12:00:00.000Z\",\"elapsed_ms\":0,\"run_id\":\"00ff\"}\n"         \
    "{\"event\":\"worker_started\",\"elapsed_ms\":10,\"instance\":\"python.1.local\",\"pid\":11}\n"                    \
    "{\"event\":\"worker_started\",\"elapsed_ms\":10,\"instance\":\"python.1.upload\",\"pid\":12}\n"
#define ENDED                                                                                                          \
    "{\"event\":\"upload\",\"elapsed_ms\":9000,\"instance\":\"python.1.upload\",\"rejected\":\"\"}\n"                  \
    "{\"event\":\"copy\",\"stage\":\"upload\",\"instance\":\"python.1.upload\",\"sequence\":1}\n"                      \
    "{\"event\":\"stored\",\"instance\":\"python.1.upload\",\"copies\":1}\n"                                           \
    "{\"event\":\"worker_ended\",\"elapsed_ms\":10100,\"instance\":\"python.1.local\",\"good\":true,"                  \
    "\"cause\":\"exit 0\",\"wall_ms\":10090}\n"                                                                        \
    "{\"event\":\"worker_ended\",\"elapsed_ms\":10200,\"instance\":\"python.1.upload\",\"good\":true,"                 \
    "\"cause\":\"exit 0\",\"wall_ms\":10190}\n"
#define CLOSED "{\"event\":\"run_ended\",\"elapsed_ms\":10300,\"interrupted\":false,\"failed\":\"\"}\n"
#define HELLO "{\"type\":\"hello\",\"runtime\":\"ddtrace\",\"version\":\"4.16.0\",\"pid\":1,\"protocol\":1}"
#define LOCK                                                                                                           \
    "{\"type\":\"lock\",\"id\":\"member/user_session_lock\",\"name\":\"user_session_lock\",\"pattern\":\"member\","    \
    "\"site\":\"member.py:12\",\"rendering\":\"exact\"}"
#define DONE                                                                                                           \
    "{\"type\":\"done\",\"acquires\":{\"member/user_session_lock\":100},\"waits\":{\"member/user_session_lock\":5},"   \
    "\"phases\":[{\"phase\":\"member\",\"planned_ms\":10000,\"took_ms\":10050}]}"
#define SAID(instance, line) "{\"instance\":\"" instance "\",\"line\":" line "}\n"
#define LEDGER_BEGINS                                                                                                  \
    SAID("python.1.local", HELLO)                                                                                      \
    SAID("python.1.local", LOCK) SAID("python.1.upload", HELLO) SAID("python.1.upload", LOCK)
#define LEDGER                                                                                                         \
    SAID("python.1.local", HELLO)                                                                                      \
    SAID("python.1.local", LOCK)                                                                                       \
    SAID("python.1.local", DONE)                                                                                       \
    SAID("python.1.upload", HELLO) SAID("python.1.upload", LOCK) SAID("python.1.upload", DONE)

struct fixture {
    char directory[32];
    struct evidence *evidence;
};

static inline void put(const struct fixture *f, const char *name, const void *bytes, size_t size)
{
    struct err e;
    char *path = mem_printf("%s/%s", f->directory, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(disk_make_dir(path, &e), 0);
    *slash = '/';
    assert_int_equal(disk_write_now(path, bytes, size, &e), 0);
    free(path);
}

static inline void put_text(const struct fixture *f, const char *name, const char *text)
{
    put(f, name, text, strlen(text));
}

/* A copy with one name, `acquires` times. */
static inline void put_copy(const struct fixture *f, const char *name, const char *label, int64_t acquires)
{
    struct pprof_build *b = pprof_build_new();
    struct buf bytes = {0};
    pprof_build_lock_types(b);
    pprof_build_lock(b, label, acquires, 1000, acquires, 2000);
    pprof_build_bytes(b, ENCODING_ZSTD, &bytes);
    char *pprof = mem_printf("copies/%s.pprof", name), *json = mem_printf("copies/%s.json", name);
    put(f, pprof, bytes.data, bytes.size);
    put_text(f, json, "{\"start\":\"2026-11-23T12:00:00Z\",\"end\":\"2026-11-23T12:00:10Z\",\"runtime_id\":\"r\"}");
    free(pprof);
    free(json);
    buf_fini(&bytes);
    pprof_build_free(b);
}

/* A copy that covers these seconds of a minute. */
static inline void put_timed(const struct fixture *f, unsigned number, int start, int end)
{
    char *name = mem_printf("upload/python.1.upload.%u", number), *json = mem_printf("copies/%s.json", name);
    char *meta = mem_printf(
        "{\"start\":\"2026-11-23T12:00:%02d.5Z\",\"end\":\"2026-11-23T12:00:%02dZ\",\"runtime_id\":\"r\"}", start, end);
    put_copy(f, name, "member.py:12:user_session_lock", 100 + (int64_t)number);
    put_text(f, json, meta);
    free(name);
    free(json);
    free(meta);
}

static inline void put_good_run(const struct fixture *f)
{
    put_text(f, "scenario.yaml", SCENARIO("none"));
    put_text(f, "events.jsonl", STARTED ENDED CLOSED);
    put_text(f, "ledger.jsonl", LEDGER);
    put_copy(f, "collector/python.1.local.1", "member.py:12:user_session_lock", 100);
    put_copy(f, "upload/python.1.upload.1", "member.py:12:user_session_lock", 100);
}

static inline void load(struct fixture *f)
{
    struct err e = {0};
    if (evidence_load(f->directory, &f->evidence, &e) < 0)
        fail_msg("%s", e.text);
}

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->directory, "/tmp/locktrail-test-XXXXXX");
    *state = f;
    return mkdtemp(f->directory) ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    int status = system(command);
    free(command);
    evidence_free(f->evidence);
    free(f);
    return status;
}

static inline enum lock_state state_at(const struct fixture *f, enum stage stage)
{
    assert_int_equal(f->evidence->trail.lock_count, 1);
    return f->evidence->trail.locks[0].stages[stage].state;
}

static inline bool has_note(const struct fixture *f, const char *text)
{
    for (size_t i = 0; i < f->evidence->trail.note_count; i++)
        if (strcmp(f->evidence->trail.notes[i], text) == 0)
            return true;
    return false;
}

/* Loaded once more, for tests with several cases. */
static inline void unload(struct fixture *f)
{
    evidence_free(f->evidence);
    f->evidence = NULL;
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
