/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of io/child.c: a loop, a directory, and children whose events are written down. Tear-down fails on live
 * handles, open descriptors and children that nobody waited for. */
#ifndef LOCKTRAIL_TEST_CHILD_FIXTURE_H
#define LOCKTRAIL_TEST_CHILD_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "io/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A test that hangs is ended by SIGALRM after so many seconds. */
#define TEST_DEADLINE_S 120

struct fixture {
    uv_loop_t loop;
    char directory[64];
    int descriptors;
    struct child_options options;
    struct child *child;
    struct buf events; /* "started line:a closed finished" */
    struct buf line;   /* the last one on the channel */
    struct child_exit exit;
    struct err error; /* output_error or guard_error of the exit, copied */
    char tail[CHILD_TAIL_MAX + 1];
    size_t tail_size;
    uint64_t bytes, dropped; /* of standard output */
    void (*on_line)(struct fixture *f);
    void (*on_channel_closed)(struct fixture *f);
    unsigned finished;
};

static const char *const test_env[] = {"PATH=/usr/bin:/bin", NULL};

static inline int count_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL) {
        count++;
    }
    closedir(d);
    return count;
}

/* The guard that was built with this test: BUILD/unit/TEST and BUILD/locktrail-guard. */
static inline const char *find_guard(void)
{
    static char path[4096];
    const char *given = getenv("LOCKTRAIL_GUARD");
    if (given != NULL) {
        return given;
    }
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 32);
    assert_true(size > 0);
    path[size] = '\0';
    strcpy(strrchr(path, '/'), "/../locktrail-guard");
    return path;
}

static inline char *path_in(const struct fixture *f, const char *name)
{
    return mem_printf("%s/%s", f->directory, name);
}

static inline struct buf read_file(const char *path)
{
    struct buf text = {0};
    char piece[4096];
    ssize_t size;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    while ((size = read(fd, piece, sizeof piece)) > 0) {
        buf_add(&text, piece, (size_t)size);
    }
    close(fd);
    buf_add_str(&text, "");
    return text;
}

/* The letter of proc(5): T stopped, Z dead but not reaped; X where there is no such process. */
static inline char process_state(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 'X';
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size > 0 ? size : 0] = '\0';
    const char *after = strrchr(text, ')');
    return after != NULL ? after[2] : 'X';
}

/* Gone is what /proc says: where process 1 does not reap, the dead stay as zombies. */
static inline bool is_gone(pid_t pid)
{
    return strchr("ZX", process_state(pid)) != NULL;
}

static inline void wait_for_state(pid_t pid, const char *states)
{
    struct timespec pause = {.tv_nsec = 2000000};
    assert_true(pid > 0);
    for (int i = 0; i < 15000 && strchr(states, process_state(pid)) == NULL; i++) {
        nanosleep(&pause, NULL);
    }
    assert_non_null(strchr(states, process_state(pid)));
}

static inline void wait_until_gone(pid_t pid)
{
    wait_for_state(pid, "ZX");
}

static inline int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->descriptors = count_descriptors();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->options = (struct child_options){.guard = find_guard(), .env = test_env, .output_max = 1 << 20, .channel = true};
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(count_descriptors(), f->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(system(command), 0);
    free(command);
    buf_fini(&f->events);
    buf_fini(&f->line);
    free(f);
    alarm(0);
    return 0;
}

static inline void on_finished(struct fixture *f, struct child *child, const struct child_exit *e)
{
    f->finished++;
    f->exit = *e;
    const char *error = e->guard_error != NULL ? e->guard_error : e->output_error;
    snprintf(f->error.text, sizeof f->error.text, "%s", error != NULL ? error : "");
    const char *tail = child_output_tail(child, 1, &f->tail_size);
    memcpy(f->tail, tail, f->tail_size);
    f->tail[f->tail_size] = '\0';
    f->bytes = child_output_bytes(child, 1);
    f->dropped = child_output_dropped(child, 1);
    child_free(child);
}

static inline void on_event(struct child *child, const struct child_message *m, void *data)
{
    static const char *const names[] = {"started", "line:", "long:", "closed", "finished"};
    struct fixture *f = data;
    f->child = child;
    if (f->events.size > 0) {
        buf_add_char(&f->events, ' ');
    }
    buf_add_str(&f->events, names[m->event]);
    if (m->event == CHILD_LINE) {
        buf_add(&f->events, m->line, m->size);
        buf_clear(&f->line);
        buf_add_str(&f->line, m->line);
        if (f->on_line != NULL) {
            f->on_line(f);
        }
    } else if (m->event == CHILD_LONG_LINE) {
        buf_printf(&f->events, "%zu", m->size);
    } else if (m->event == CHILD_CHANNEL_CLOSED && f->on_channel_closed != NULL) {
        f->on_channel_closed(f);
    } else if (m->event == CHILD_FINISHED) {
        on_finished(f, child, m->exit);
    }
}

static inline void start_args(struct fixture *f, const char *const *args)
{
    struct err e = {0};
    f->options.args = args;
    buf_clear(&f->events);
    f->child = child_start(&f->loop, &f->options, on_event, f, &e);
    assert_string_equal(e.text, "");
    assert_non_null(f->child);
    assert_int_equal(child_pid(f->child), 0);
}

static inline void start_sh(struct fixture *f, const char *script)
{
    const char *args[] = {"sh", "-c", script, NULL};
    start_args(f, args);
}

static inline void run_loop(struct fixture *f)
{
    f->finished = 0;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->finished, 1);
}

static inline void run_sh(struct fixture *f, const char *script)
{
    start_sh(f, script);
    run_loop(f);
}

/* The first child makes libuv open what it never closes (a pipe for signals), which is no leak of ours. */
static inline int warm_up(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    uv_loop_t loop;
    uv_fs_t request;
    assert_int_equal(uv_loop_init(&loop), 0);
    uv_process_t process;
    char program[] = "true", *args[] = {program, NULL};
    uv_process_options_t options = {.file = program, .args = args};
    assert_int_equal(uv_spawn(&loop, &process, &options), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&process, NULL);
    uv_fs_stat(&loop, &request, "/", NULL);
    uv_fs_req_cleanup(&request);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    (void)state;
    return 0;
}

#endif
