/* SPDX-License-Identifier: Apache-2.0 */
/* How children are ended: by order, with what they leave behind, under limits, many at once, and when the coordinator
 * or the guard is killed. */
#include "child_fixture.h"

#include <sys/resource.h>

#define HOUR_MS 3600000

/* --- child_stop --- */

static void stop_politely(struct fixture *f)
{
    child_stop(f->child, HOUR_MS);
}

static void stop_soon(struct fixture *f)
{
    child_stop(f->child, 50);
}

static void stop_now(struct fixture *f)
{
    child_stop(f->child, 0);
}

static void stop_a_stopped_one(struct fixture *f)
{
    wait_for_state(child_pid(f->child), "T");
    child_stop(f->child, HOUR_MS);
}

static void stop_twice(struct fixture *f)
{
    child_stop(f->child, HOUR_MS);
    child_stop(f->child, 50);
    child_stop(f->child, HOUR_MS);
}

#define DEAF "trap '' TERM; echo ready >&3; while :; do sleep 100; done"

static void stopping_ends_it_by_sigterm_and_if_need_be_by_sigkill(void **state)
{
    static const struct {
        const char *script;
        void (*stop)(struct fixture *f);
        bool signaled;
        int code;
        bool killed;
    } cases[] = {
        {"echo ready >&3; exec sleep 1000", stop_politely, true, SIGTERM, false},
        {"trap 'exit 3' TERM; echo ready >&3; while :; do sleep 0.01; done", stop_politely, false, 3, false},
        {DEAF, stop_soon, true, SIGKILL, true},
        {DEAF, stop_twice, true, SIGKILL, true},
        {"echo ready >&3; exec sleep 1000", stop_now, true, SIGKILL, true},
        /* A stopped process follows SIGTERM when it is made to run. */
        {"echo ready >&3; kill -STOP $$; sleep 1000", stop_a_stopped_one, true, SIGTERM, false},
        /* The whole group is told: the one that waits, and the one that is waited for. */
        {"echo ready >&3; sleep 1000; exit 9", stop_politely, true, SIGTERM, false},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->on_line = cases[i].stop;
        run_sh(f, cases[i].script);
        assert_int_equal(f->exit.signaled, cases[i].signaled);
        assert_int_equal(f->exit.code, cases[i].code);
        assert_int_equal(f->exit.killed, cases[i].killed);
        assert_int_equal(f->exit.leftover, 0);
        assert_null(f->exit.guard_error);
        assert_string_equal(f->events.data, "started line:ready closed finished");
    }
}

/* The order may overtake the start; it is kept until the program runs. */
static void stopping_before_it_runs_works(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        start_sh(f, "exec sleep 1000");
        child_stop(f->child, HOUR_MS);
        run_loop(f);
        assert_true(f->exit.signaled);
        assert_int_equal(f->exit.code, SIGTERM);
        start_sh(f, "exec sleep 1000");
        child_stop(f->child, 0);
        run_loop(f);
        assert_int_equal(f->exit.code, SIGKILL);
        assert_true(f->exit.killed);
    }
}

static void stopping_one_that_has_ended_does_nothing(void **state)
{
    struct fixture *f = *state;
    start_sh(f, "exit 6");
    while (f->events.size == 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
    }
    child_stop(f->child, HOUR_MS);
    run_loop(f);
    assert_true(f->exit.signaled ? f->exit.code == SIGTERM : f->exit.code == 6);
}

/* --- what is left behind --- */

/* The worker ends when what it leaves behind is there. */
#define THEN_END " & until [ -e ready ]; do :; done; rm ready"

static void what_is_left_behind_is_ended_and_counted(void **state)
{
    static const struct {
        const char *script;
        unsigned leftover;
    } cases[] = {
        {"sleep 1000 & echo $! >&3", 1},
        {"setsid sleep 1000 & echo $! >&3", 1},
        {"setsid sh -c 'sleep 1000 & echo $! >&3; >ready; wait'" THEN_END, 2},
        {"setsid sh -c 'setsid sleep 1000 & echo $! >&3; >ready'" THEN_END, 1},
        {"sh -c 'kill -STOP $$' & echo $! >&3", 1},
        {"for i in 1 2 3 4 5 6 7 8 9 10; do setsid sleep 1000 & echo $! >&3; done", 10},
    };
    struct fixture *f = *state;
    f->options.directory = f->directory;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_sh(f, cases[i].script);
        assert_false(f->exit.signaled);
        assert_int_equal(f->exit.code, 0);
        assert_int_equal(f->exit.leftover, cases[i].leftover);
        assert_false(f->exit.killed);
        assert_null(f->exit.guard_error);
        assert_null(f->exit.output_error);
        assert_true(is_gone(atoi(f->line.data)));
    }
}

static void what_is_left_behind_and_deaf_is_ended_too(void **state)
{
    struct fixture *f = *state;
    f->options.directory = f->directory;
    run_sh(f, "setsid sh -c \"trap '' TERM; echo \\$\\$ >&3; >ready; while :; do sleep 1; done\"" THEN_END);
    assert_int_equal(f->exit.code, 0);
    assert_true(f->exit.leftover >= 1); /* each `sleep 1` that began meanwhile counts too */
    assert_true(is_gone(atoi(f->line.data)));
}

/* The other end of a pipe that the worker held. */
static void what_ends_with_the_worker_is_not_counted(void **state)
{
    struct fixture *f = *state;
    f->options.directory = f->directory;
    run_sh(f, "mkfifo pipe; cat pipe & exec 9>pipe; echo through >&9; exit 0");
    assert_string_equal(f->tail, "through\n");
    assert_int_equal(f->exit.leftover, 0);
}

/* One that left the group is not told by SIGTERM to the group, and ends all the same. */
static void stopping_reaches_what_left_the_group(void **state)
{
    struct fixture *f = *state;
    f->on_line = stop_politely;
    run_sh(f, "setsid sh -c 'echo $$ >&3; exec sleep 1000' & wait");
    assert_int_equal(f->exit.code, SIGTERM);
    assert_int_equal(f->exit.leftover, 1);
    assert_true(is_gone(atoi(f->line.data)));
}

static void a_deaf_one_behind_a_dead_worker_is_killed_with_the_grace(void **state)
{
    struct fixture *f = *state;
    f->on_line = stop_soon;
    run_sh(f, "sh -c \"trap '' TERM; echo \\$\\$ >&3; while :; do sleep 100; done\" & wait");
    assert_int_equal(f->exit.code, SIGTERM);
    assert_true(f->exit.leftover >= 1);
    assert_true(is_gone(atoi(f->line.data)));
}

/* A process that keeps forking and leaving, so that its number is never old. */
static void role_hopper(void)
{
    struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; i < 20000; i++) {
        if (fork() != 0) {
            _exit(0);
        }
        signal(SIGTERM, SIG_IGN);
        setsid();
        nanosleep(&pause, NULL);
    }
    _exit(0);
}

static void a_process_that_keeps_forking_is_caught(void **state)
{
    struct fixture *f = *state;
    const char *args[] = {"/proc/self/exe", "hopper", NULL};
    char self[4096] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    args[0] = self;
    start_args(f, args);
    run_loop(f);
    assert_true(f->exit.leftover > 0);
    assert_null(f->exit.guard_error);
}

/* --- limits --- */

static void limits_are_set(void **state)
{
    struct fixture *f = *state;
    f->options.limits = (struct child_limits){.memory = 100 << 20, .files = 64, .disk = (uint64_t)2 << 20};
    run_sh(f, "ulimit -v; ulimit -n; ulimit -Hn; ulimit -f");
    assert_string_equal(f->tail, "102400\n64\n64\n4096\n");
}

static void the_memory_limit_works(void **state)
{
    struct fixture *f = *state;
    run_sh(f, "dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null");
    assert_int_equal(f->exit.code, 0);
    f->options.limits.memory = 100 << 20;
    run_sh(f, "dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null");
    assert_int_equal(f->exit.code, 1);
}

static void the_file_limit_works(void **state)
{
    struct fixture *f = *state;
    f->options.limits.files = 6;
    run_sh(f, "exec 4</dev/null 5</dev/null; cat </dev/null 6</dev/null");
    assert_int_not_equal(f->exit.code, 0);
}

static void the_disk_limit_works(void **state)
{
    struct fixture *f = *state;
    f->options.directory = f->directory;
    f->options.limits.disk = 1000;
    run_sh(f, "exec head -c 5000 /dev/zero >file");
    assert_true(f->exit.signaled);
    assert_int_equal(f->exit.code, SIGXFSZ);
}

static void raising_the_descriptors_leaves_the_children_theirs(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, now;
    struct err e;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    now = old;
    now.rlim_cur = 300;
    setrlimit(RLIMIT_NOFILE, &now);
    assert_int_equal(child_raise_descriptors(256, &e), 0);
    getrlimit(RLIMIT_NOFILE, &now);
    assert_int_equal(now.rlim_cur, 256 * 6 + 1024);
    run_sh(f, "ulimit -n");
    assert_string_equal(f->tail, "300\n");
    setrlimit(RLIMIT_NOFILE, &old);
}

/* In a process of its own: a hard limit can't be raised again by everybody. */
static void role_descriptors(void)
{
    struct rlimit limit = {.rlim_cur = 500, .rlim_max = 2000};
    struct err e = {0};
    setrlimit(RLIMIT_NOFILE, &limit);
    int result = child_raise_descriptors(256, &e);
    getrlimit(RLIMIT_NOFILE, &limit);
    printf("%d %d %d %s", result, (int)limit.rlim_cur, (int)e.code, e.text);
}

static void a_hard_limit_that_is_too_low_is_an_error(void **state)
{
    struct fixture *f = *state;
    char self[4096] = "";
    const char *args[] = {self, "descriptors", NULL};
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    start_args(f, args);
    run_loop(f);
    assert_string_equal(f->tail, "-1 2000 69 256 workers at once need 2560 open descriptors and the hard "
                                 "limit is 2000: raise it (ulimit -Hn) or run fewer workers");
}

/* --- many --- */

#define MANY 256

struct many {
    struct child *children[MANY];
    unsigned started, ready, finished, wrong;
};

static void on_many(struct child *child, const struct child_message *m, void *data)
{
    struct many *many = data;
    if (m->event == CHILD_STARTED) {
        many->children[many->started++] = child;
    } else if (m->event == CHILD_LINE && ++many->ready == MANY) {
        for (int i = 0; i < MANY; i++) {
            child_stop(many->children[i], HOUR_MS);
        }
    } else if (m->event == CHILD_FINISHED) {
        many->finished++;
        many->wrong += !m->exit->signaled || m->exit->code != SIGTERM || m->exit->leftover != 0 ||
                       m->exit->guard_error != NULL || m->exit->output_error != NULL;
        child_free(child);
    }
}

/* None is stopped before all have said that they run. */
static void many_children_run_at_once(void **state)
{
    struct fixture *f = *state;
    struct many many = {0};
    struct rlimit old;
    struct err e;
    const char *args[] = {"sh", "-c", "echo out; echo err >&2; echo ready >&3; exec sleep 1000", NULL};
    char *out = path_in(f, "out"), *err = path_in(f, "err");
    getrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(child_raise_descriptors(MANY, &e), 0);
    f->options.args = args;
    f->options.stdout_path = out;
    f->options.stderr_path = err;
    for (int i = 0; i < MANY; i++) {
        assert_non_null(child_start(&f->loop, &f->options, on_many, &many, &e));
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(many.ready, MANY);
    assert_int_equal(many.finished, MANY);
    assert_int_equal(many.wrong, 0);
    setrlimit(RLIMIT_NOFILE, &old);
    free(out);
    free(err);
}

/* --- killed from outside --- */

static void kill_guard(struct fixture *f)
{
    int guard = 0;
    sscanf(f->line.data, "%d", &guard);
    kill(guard, SIGKILL);
}

static void a_killed_guard_takes_the_worker_with_it(void **state)
{
    struct fixture *f = *state;
    int guard, worker, helper;
    f->on_line = kill_guard;
    run_sh(f, "trap '' TERM; sleep 1000 & echo $PPID $$ $! >&3; wait");
    assert_int_equal(sscanf(f->line.data, "%d %d %d", &guard, &worker, &helper), 3);
    assert_string_equal(f->error.text, "its guard ended with signal 9");
    assert_true(f->exit.signaled);
    assert_int_equal(f->exit.code, SIGKILL);
    assert_false(f->exit.killed);
    wait_until_gone(worker);
    wait_until_gone(helper);
}

/* Nothing reaches such a process any more, but nobody waits for it either. */
static void output_held_open_from_beyond_reach_is_cut_off(void **state)
{
    struct fixture *f = *state;
    int guard, helper;
    f->on_line = kill_guard;
    run_sh(f, "setsid sh -c \"echo $PPID \\$\\$ >&3; exec sleep 1000\" & wait");
    assert_int_equal(sscanf(f->line.data, "%d %d", &guard, &helper), 2);
    assert_string_equal(f->exit.guard_error != NULL ? f->error.text : "", "its guard ended with signal 9");
    assert_non_null(f->exit.output_error);
    assert_string_equal(f->events.data + f->events.size - 16, " closed finished");
    kill(helper, SIGKILL);
    wait_until_gone(helper);
}

static void say_line(struct fixture *f)
{
    printf("%s\n", f->line.data);
    fflush(stdout);
}

static void role_coordinator(const char *script)
{
    struct fixture f = {0};
    warm_up(NULL);
    uv_loop_init(&f.loop);
    f.options = (struct child_options){.guard = find_guard(), .env = test_env, .channel = true};
    f.on_line = say_line;
    start_sh(&f, script);
    uv_run(&f.loop, UV_RUN_DEFAULT);
}

/* Starts this program as a coordinator and waits until its worker has said three processes' numbers. */
static pid_t start_coordinator(const char *script, int pids[3])
{
    int ends[2];
    char text[128] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t coordinator = fork();
    if (coordinator == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl("/proc/self/exe", "coordinator", "coordinator", script, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    assert_true(size > 0);
    assert_int_equal(sscanf(text, "%d %d %d", &pids[0], &pids[1], &pids[2]), 3);
    return coordinator;
}

static void kill_coordinator(pid_t coordinator)
{
    kill(coordinator, SIGKILL);
    assert_int_equal(waitpid(coordinator, NULL, 0), coordinator);
}

static void everything_ends_when_the_coordinator_is_killed(void **state)
{
    static const char *const scripts[] = {
        "setsid sleep 1000 & echo $PPID $$ $! >&3; wait",
        "trap '' TERM; setsid sleep 1000 & echo $PPID $$ $! >&3; while :; do sleep 100; done",
        /* The worker is dead already, and what it left behind is deaf. */
        "setsid sh -c \"trap '' TERM; kill -KILL $$; echo $PPID $$ \\$\\$ >&3; while :; do sleep 100; done\" & wait",
    };
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        int pids[3];
        kill_coordinator(start_coordinator(scripts[i], pids));
        for (int p = 2; p >= 0; p--) {
            wait_until_gone(pids[p]);
        }
    }
}

/* The coordinator hangs, so nobody but the kernel can end the worker. */
static void a_killed_guard_takes_the_worker_with_it_by_itself(void **state)
{
    int pids[3];
    pid_t coordinator = start_coordinator("echo $PPID $$ $$ >&3; exec sleep 1000", pids);
    (void)state;
    kill(coordinator, SIGSTOP);
    wait_for_state(coordinator, "T");
    kill(pids[0], SIGKILL);
    wait_until_gone(pids[1]);
    kill_coordinator(coordinator);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(stopping_ends_it_by_sigterm_and_if_need_be_by_sigkill),
        TEST(stopping_before_it_runs_works),
        TEST(stopping_one_that_has_ended_does_nothing),
        TEST(what_is_left_behind_is_ended_and_counted),
        TEST(what_is_left_behind_and_deaf_is_ended_too),
        TEST(what_ends_with_the_worker_is_not_counted),
        TEST(stopping_reaches_what_left_the_group),
        TEST(a_deaf_one_behind_a_dead_worker_is_killed_with_the_grace),
        TEST(a_process_that_keeps_forking_is_caught),
        TEST(limits_are_set),
        TEST(the_memory_limit_works),
        TEST(the_file_limit_works),
        TEST(the_disk_limit_works),
        TEST(raising_the_descriptors_leaves_the_children_theirs),
        TEST(a_hard_limit_that_is_too_low_is_an_error),
        TEST(many_children_run_at_once),
        TEST(a_killed_guard_takes_the_worker_with_it),
        TEST(output_held_open_from_beyond_reach_is_cut_off),
        TEST(everything_ends_when_the_coordinator_is_killed),
        TEST(a_killed_guard_takes_the_worker_with_it_by_itself),
    };
    if (argc > 1 && strcmp(argv[1], "hopper") == 0) {
        role_hopper();
    }
    if (argc > 1 && strcmp(argv[1], "descriptors") == 0) {
        role_descriptors();
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "coordinator") == 0) {
        role_coordinator(argv[2]);
        return 0;
    }
    return cmocka_run_group_tests_name("io_child_end", tests, warm_up, NULL);
}
