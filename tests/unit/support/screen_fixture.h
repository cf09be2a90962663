/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the stage `ui`: a host in a directory of its own, copies to be shown, and what the stage said in the
 * end. Tear-down fails on live handles, open descriptors, children that nobody waited for, and a workspace that was
 * left. */
#ifndef LOCKTRAIL_TESTS_SCREEN_FIXTURE_H
#define LOCKTRAIL_TESTS_SCREEN_FIXTURE_H

#include "child_fixture.h"
#include "engine/screen.h"
#include "io/disk.h"
#include "pprof_build.h"

/* For one page. Longer than any test. */
#define LONG_MS 60000
#define SUBJECTS_MAX 4

struct shown {
    uv_loop_t loop;
    char directory[64];
    int descriptors;
    char *path; /* PATH as it was */
    struct scenario scenario;
    struct run_options run;
    struct host host;
    struct screen_subject subjects[SUBJECTS_MAX];
    const char *files[SUBJECTS_MAX][4];
    char *owned[SUBJECTS_MAX * 4];
    size_t subject_count, owned_count;
    struct screen *screen;
    bool over;
    char *error; /* NULL: all was looked at */
    enum err_code code;
    unsigned closed;
};

static inline int shown_set_up(void **state)
{
    struct shown *f = mem_calloc(1, sizeof *f);
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-screen-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_loop_init(&f->loop), 0); /* libuv keeps descriptors of its own from the first loop on */
    uv_loop_close(&f->loop);
    f->descriptors = count_descriptors();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->path = mem_strdup(getenv("PATH"));
    f->scenario.ui.kind = UI_PPROF;
    f->scenario.ui.timeout_ms = LONG_MS;
    f->run.scenario = &f->scenario;
    f->run.directory = f->run.root = f->run.build = f->directory;
    f->host = (struct host){.loop = &f->loop, .options = &f->run, .guard = mem_strdup(find_guard())};
    f->host.disk = disk_new(&f->loop);
    journal_init(&f->host.journal, f->host.disk, f->directory);
    *state = f;
    return 0;
}

static inline char *shown_read(const struct shown *f, const char *name)
{
    char *path = mem_printf("%s/%s", f->directory, name);
    struct buf text = {0};
    struct err e = {0};
    if (disk_read_now(path, (size_t)16 << 20, &text, &e) < 0)
        text.size = 0;
    free(path);
    return buf_steal(&text);
}

static inline bool shown_has(const struct shown *f, const char *name)
{
    char *path = mem_printf("%s/%s", f->directory, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static inline void shown_put(struct shown *f, const char *name, const void *bytes, size_t size, mode_t mode)
{
    struct err e;
    char *path = mem_printf("%s/%s", f->directory, name), *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(disk_make_dir(path, &e), 0);
    *slash = '/';
    assert_int_equal(disk_write_now(path, bytes, size, &e), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

/* A further copy of the last subject. */
static inline void shown_file(struct shown *f, const void *bytes, size_t size)
{
    struct screen_subject *s = &f->subjects[f->subject_count - 1];
    char *name = mem_printf("copies/backend/%s.%zu.pprof", s->instance, s->file_count + 1);
    shown_put(f, name, bytes, size, 0644);
    f->owned[f->owned_count] = mem_printf("%s/%s", f->directory, name);
    f->files[f->subject_count - 1][s->file_count++] = f->owned[f->owned_count++];
    free(name);
}

static inline void shown_subject(struct shown *f, const char *instance)
{
    struct screen_subject *s = &f->subjects[f->subject_count];
    *s = (struct screen_subject){.instance = instance, .files = f->files[f->subject_count]};
    f->subject_count++;
}

/* A copy with these labels ("" a sample without one), each with more acquires than the next. */
static inline void shown_copy(struct shown *f, const char *const *labels, enum profile_encoding encoding)
{
    struct pprof_build *b = pprof_build_new();
    struct buf bytes = {0};
    size_t count = 0;
    while (labels[count])
        count++;
    pprof_build_lock_types(b);
    for (size_t i = 0; i < count; i++)
        pprof_build_lock(b, labels[i][0] ? labels[i] : NULL, (int64_t)(1000 + count - i), 1000, 1, 2000);
    pprof_build_bytes(b, encoding, &bytes);
    shown_file(f, bytes.data, bytes.size);
    buf_fini(&bytes);
    pprof_build_free(b);
}

static inline void on_shown(struct screen *screen, const struct err *e, void *data)
{
    struct shown *f = data;
    assert_ptr_equal(screen, f->screen);
    assert_false(f->over);
    f->over = true;
    f->error = e ? mem_strdup(e->text) : NULL;
    f->code = e ? e->code : 0;
}

static inline void shown_start(struct shown *f)
{
    f->screen = screen_start(&f->host, f->subjects, f->subject_count, on_shown, f);
    assert_false(f->over);
}

static inline void on_shown_closed(void *data)
{
    struct shown *f = data;
    f->closed++;
}

/* Until it is over; then all that it had the disk do is done. The alarm ends a test that waits in vain. */
static inline void shown_wait(struct shown *f)
{
    while (!f->over)
        uv_run(&f->loop, UV_RUN_ONCE);
    screen_free(f->screen);
    disk_close(f->host.disk, on_shown_closed, f);
    while (f->closed == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static inline int shown_tear_down(void **state)
{
    struct shown *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    bool left = shown_has(f, "services/ui");
    setenv("PATH", f->path, 1);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->closed, 1);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(count_descriptors(), f->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(system(command), 0);
    assert_false(left);
    journal_fini(&f->host.journal);
    for (size_t i = 0; i < f->owned_count; i++)
        free(f->owned[i]);
    free(command);
    free(f->path);
    free(f->error);
    free(f->host.guard);
    free(f);
    alarm(0);
    return 0;
}

#endif
