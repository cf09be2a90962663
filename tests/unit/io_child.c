/* SPDX-License-Identifier: Apache-2.0 */
/* How a child starts, what it is given, what becomes of its lines and output, and how its end is told. */
#include "child_fixture.h"

#include <sys/resource.h>

/* --- exit --- */

static void exit_codes_are_told(void **state)
{
    static const struct {
        const char *script;
        int code;
    } cases[] = {{"exit 0", 0}, {"exit 7", 7}, {"exit 255", 255}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_sh(f, cases[i].script);
        assert_false(f->exit.signaled);
        assert_int_equal(f->exit.code, cases[i].code);
        assert_int_equal(f->exit.leftover, 0);
        assert_null(f->exit.output_error);
        assert_null(f->exit.guard_error);
        assert_null(f->exit.exec_step);
        assert_string_equal(f->events.data, "started closed finished");
    }
}

static void signals_are_told(void **state)
{
    static const struct {
        const char *script;
        int number;
    } cases[] = {{"kill -TERM $$", SIGTERM},
                 {"kill -KILL $$", SIGKILL},
                 {"ulimit -c 0; kill -SEGV $$", SIGSEGV},
                 {"kill -HUP $$", SIGHUP},
                 {"kill -PIPE $$", SIGPIPE}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_sh(f, cases[i].script);
        assert_true(f->exit.signaled);
        assert_int_equal(f->exit.code, cases[i].number);
        assert_false(f->exit.core);
        assert_false(f->exit.killed);
    }
}

static void a_core_is_told(void **state)
{
    struct fixture *f = *state;
    struct rlimit core;
    struct buf pattern = read_file("/proc/sys/kernel/core_pattern");
    bool to_a_file = pattern.data[0] != '|';
    buf_fini(&pattern);
    getrlimit(RLIMIT_CORE, &core);
    if (core.rlim_max != RLIM_INFINITY || !to_a_file) {
        skip();
    }
    f->options.directory = f->directory;
    run_sh(f, "ulimit -c unlimited; kill -QUIT $$");
    assert_int_equal(f->exit.code, SIGQUIT);
    assert_true(f->exit.core);
}

static void usage_is_told(void **state)
{
    struct fixture *f = *state;
    run_sh(f, "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done");
    assert_true(f->exit.user_ms + f->exit.system_ms > 0);
    assert_true(f->exit.max_rss > 100000);
}

/* --- what can't be executed --- */

static void check_not_executed(struct fixture *f, int errnum, const char *step)
{
    run_loop(f);
    assert_int_equal(f->exit.exec_errno, errnum);
    assert_string_equal(f->exit.exec_step, step);
    assert_null(f->exit.guard_error);
    assert_string_equal(f->events.data, "closed finished");
}

static void a_missing_program_is_told(void **state)
{
    const char *args[] = {"no-such-program", NULL};
    start_args(*state, args);
    check_not_executed(*state, ENOENT, "program");
}

static void a_file_without_x_is_told(void **state)
{
    struct fixture *f = *state;
    char *path = path_in(f, "plain");
    const char *args[] = {path, NULL};
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    start_args(f, args);
    check_not_executed(f, EACCES, "program");
    free(path);
}

static void a_missing_directory_is_told(void **state)
{
    struct fixture *f = *state;
    f->options.directory = "/no/such/directory";
    start_sh(f, "exit 0");
    check_not_executed(f, ENOENT, "directory");
}

static void a_file_as_directory_is_told(void **state)
{
    struct fixture *f = *state;
    f->options.directory = "/dev/null";
    start_sh(f, "exit 0");
    check_not_executed(f, ENOTDIR, "directory");
}

static void an_impossible_limit_is_told(void **state)
{
    struct fixture *f = *state;
    f->options.limits.files = (uint64_t)1 << 40; /* above fs.nr_open, whoever asks */
    start_sh(f, "exit 0");
    check_not_executed(f, EPERM, "limits");
}

static void check_not_started(struct fixture *f, enum err_code code, const char *text)
{
    const char *args[] = {"true", NULL};
    struct err e;
    f->options.args = args;
    assert_null(child_start(&f->loop, &f->options, on_event, f, &e));
    assert_int_equal(e.code, code);
    assert_string_equal(e.text, text);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->events.size, 0);
}

static void a_missing_guard_is_an_error(void **state)
{
    struct fixture *f = *state;
    f->options.guard = "/no/such/guard";
    check_not_started(f, ERR_MISSING, "worker true: cannot start /no/such/guard: no such file or directory");
}

static void an_output_file_that_cant_be_opened_is_an_error(void **state)
{
    struct fixture *f = *state;
    f->options.stdout_path = "/dev/null";
    f->options.stderr_path = "/dev/null/err";
    check_not_started(f, ERR_WRITE, "worker true: cannot write /dev/null/err: Not a directory");
}

static void a_guard_that_is_none_is_told(void **state)
{
    struct fixture *f = *state;
    f->options.guard = "/bin/false";
    run_sh(f, "exit 0");
    assert_string_equal(f->error.text, "its guard ended with exit status 1");
    assert_string_equal(f->events.data, "closed finished");
}

/* --- what it is given --- */

static void the_environment_is_exactly_what_was_given(void **state)
{
    static const char *const env[] = {"A=1", "=odd", "EMPTY=", "B=x:y=z", NULL};
    const char *args[] = {"/usr/bin/env", NULL};
    struct fixture *f = *state;
    f->options.env = env;
    start_args(f, args);
    run_loop(f);
    assert_string_equal(f->tail, "A=1\n=odd\nEMPTY=\nB=x:y=z\n");
}

static void the_program_is_looked_up_in_its_own_path(void **state)
{
    struct fixture *f = *state;
    char *path = path_in(f, "only-here"), *variable = mem_printf("PATH=%s:/bin", f->directory);
    const char *env[] = {variable, NULL}, *args[] = {"only-here", "x y", NULL};
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    assert_true(dprintf(fd, "#!/bin/sh\necho \"found $1\"\n") > 0);
    close(fd);
    f->options.env = env;
    start_args(f, args);
    run_loop(f);
    assert_string_equal(f->tail, "found x y\n");
    free(path);
    free(variable);
}

/* The loader complains once for each program that it starts with this variable: the worker, not the guard. */
static void the_environment_does_not_work_on_the_guard(void **state)
{
    static const char *const env[] = {"LD_PRELOAD=/no/such/library.so", NULL};
    const char *args[] = {"/bin/true", NULL};
    struct fixture *f = *state;
    char *path = path_in(f, "err");
    f->options.env = env;
    f->options.stderr_path = path;
    start_args(f, args);
    run_loop(f);
    struct buf text = read_file(path);
    const char *first = strstr(text.data, "/no/such/library.so");
    assert_non_null(first);
    assert_null(strstr(first + 1, "/no/such/library.so"));
    buf_fini(&text);
    free(path);
}

static void the_directory_is_where_it_runs(void **state)
{
    struct fixture *f = *state;
    f->options.directory = f->directory;
    run_sh(f, "/bin/pwd -P");
    f->tail[f->tail_size - 1] = '\0';
    assert_string_equal(f->tail, f->directory);
}

static void no_descriptor_of_the_coordinator_gets_in(void **state)
{
    struct fixture *f = *state;
    int leak = open("/dev/zero", O_RDONLY); /* without O_CLOEXEC */
    run_sh(f, "ls /proc/$$/fd; readlink /proc/$$/fd/0");
    assert_string_equal(f->tail, "0\n1\n2\n3\n/dev/null\n");
    f->options.channel = false;
    run_sh(f, "ls /proc/$$/fd; true");
    assert_string_equal(f->tail, "0\n1\n2\n");
    close(leak);
}

static void outputs_can_be_opened_again_by_name(void **state)
{
    struct fixture *f = *state;
    run_sh(f, "echo a >/dev/stdout; echo '{}' >/dev/fd/3; echo b >>/proc/self/fd/1");
    assert_string_equal(f->tail, "a\nb\n");
    assert_string_equal(f->events.data, "started line:{} closed finished");
}

/* Signals 32 and 33 are glibc's own: its posix_spawn (which make uses) leaves one ignored, and nobody may change them.
 */
#define GLIBC_SIGNALS ((unsigned long long)3 << 31)

static void no_signal_is_ignored_or_blocked(void **state)
{
    struct fixture *f = *state;
    unsigned long long blocked, ignored;
    run_sh(f, "grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f2");
    assert_int_equal(sscanf(f->tail, "%llx %llx", &blocked, &ignored), 2);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & ~GLIBC_SIGNALS, 0);
}

static void it_leads_a_group_and_is_in_no_session_of_ours(void **state)
{
    struct fixture *f = *state;
    int pid, group, session;
    run_sh(f, "echo $$ $(cut -d' ' -f5,6 /proc/$$/stat)");
    assert_int_equal(sscanf(f->tail, "%d %d %d", &pid, &group, &session), 3);
    assert_int_equal(pid, group);
    assert_int_not_equal(session, getsid(0));
    assert_int_not_equal(session, pid);
}

/* --- lines --- */

static void lines_come_in_order_and_the_last_needs_no_newline(void **state)
{
    run_sh(*state, "echo one >&3; echo >&3; printf 'two\\nthree' >&3");
    assert_string_equal(((struct fixture *)*state)->events.data,
                        "started line:one line: line:two line:three closed finished");
}

static void stop_politely(struct fixture *f)
{
    child_stop(f->child, 3600000);
}

/* It would run for ever if the end of its channel were not told while it runs. */
static void the_channel_may_end_before_the_child(void **state)
{
    struct fixture *f = *state;
    f->on_channel_closed = stop_politely;
    run_sh(f, "echo last >&3; exec 3>&-; exec sleep 1000");
    assert_string_equal(f->events.data, "started line:last closed finished");
    assert_int_equal(f->exit.code, SIGTERM);
}

static void a_line_that_is_too_long_is_skipped_and_told(void **state)
{
    struct fixture *f = *state;
    unsigned long length;
    run_sh(f, "echo a >&3; head -c 3000000 /dev/zero | tr '\\0' x >&3; echo >&3; echo b >&3");
    assert_int_equal(sscanf(f->events.data, "started line:a long:%lu", &length), 1);
    assert_true(length > CHILD_LINE_MAX);
    assert_non_null(strstr(f->events.data, " line:b closed finished"));
    assert_null(strstr(f->events.data, "x"));
}

static void garbage_on_the_channel_is_lines_too(void **state)
{
    struct fixture *f = *state;
    run_sh(f, "printf '\\377\\000\\n\\001' >&3");
    static const char expected[] = "started line:\377\0 line:\001 closed finished";
    assert_int_equal(f->events.size, sizeof expected - 1);
    assert_memory_equal(f->events.data, expected, sizeof expected);
}

static void without_a_channel_there_is_no_event_of_one(void **state)
{
    struct fixture *f = *state;
    f->options.channel = false;
    run_sh(f, "exit 0");
    assert_string_equal(f->events.data, "started finished");
}

/* --- output --- */

static void output_goes_to_its_files(void **state)
{
    struct fixture *f = *state;
    char *out = path_in(f, "out"), *err = path_in(f, "err");
    f->options.stdout_path = out;
    f->options.stderr_path = err;
    run_sh(f, "printf out; printf err >&2; printf out");
    struct buf a = read_file(out), b = read_file(err);
    assert_string_equal(a.data, "outout");
    assert_string_equal(b.data, "err");
    assert_int_equal(f->bytes, 6);
    assert_int_equal(f->dropped, 0);
    buf_fini(&a);
    buf_fini(&b);
    free(out);
    free(err);
}

static void a_flood_is_cut_in_the_file_and_its_end_is_kept(void **state)
{
    struct fixture *f = *state;
    char *out = path_in(f, "out");
    f->options.stdout_path = out;
    run_sh(f, "head -c 100000000 /dev/zero | tr '\\0' x; printf 'the end'");
    struct stat info;
    assert_int_equal(stat(out, &info), 0);
    assert_int_equal(info.st_size, 1 << 20);
    assert_int_equal(f->bytes, 100000007);
    assert_int_equal(f->dropped, 100000007 - (1 << 20));
    assert_int_equal(f->tail_size, CHILD_TAIL_MAX);
    assert_string_equal(f->tail + CHILD_TAIL_MAX - 9, "xxthe end");
    assert_null(f->exit.output_error);
    free(out);
}

static void the_tail_is_the_last_bytes_whatever_the_pieces(void **state)
{
    static const unsigned sizes[] = {0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 20000, 70000};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char script[128];
        snprintf(script, sizeof script, "seq 1 20000 | head -c %u | dd bs=1000 2>/dev/null", sizes[i]);
        run_sh(f, script);
        struct buf whole = {0};
        for (unsigned n = 1; whole.size < sizes[i]; n++) {
            buf_printf(&whole, "%u\n", n);
        }
        size_t kept = sizes[i] < CHILD_TAIL_MAX ? sizes[i] : CHILD_TAIL_MAX;
        assert_int_equal(f->tail_size, kept);
        if (kept > 0) {
            assert_memory_equal(f->tail, whole.data + sizes[i] - kept, kept);
        }
        assert_int_equal(f->dropped, 0);
        buf_fini(&whole);
    }
}

static void a_full_disk_is_told_and_the_child_runs_on(void **state)
{
    struct fixture *f = *state;
    f->options.stdout_path = "/dev/full";
    run_sh(f, "head -c 1000000 /dev/zero; printf end; exit 5");
    assert_string_equal(f->error.text, "cannot write /dev/full: no space left on device");
    assert_int_equal(f->exit.code, 5);
    assert_false(f->exit.signaled);
    assert_int_equal(f->bytes, 1000003);
    assert_int_equal(f->dropped, 1000003);
    assert_string_equal(f->tail + CHILD_TAIL_MAX - 3, "end");
}

static void a_file_that_fails_half_way_keeps_its_beginning(void **state)
{
    struct fixture *f = *state;
    char *out = path_in(f, "out");
    struct rlimit old, small;
    struct stat info;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100000;
    f->options.stdout_path = out;
    setrlimit(RLIMIT_FSIZE, &small);
    run_sh(f, "head -c 300000 /dev/zero");
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(stat(out, &info), 0);
    assert_int_equal(info.st_size, 100000);
    assert_int_equal(f->dropped, 200000);
    assert_memory_equal(f->error.text, "cannot write /tmp/", 18);
    assert_non_null(strstr(f->error.text, "/out: file too large"));
    free(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exit_codes_are_told),
        TEST(signals_are_told),
        TEST(a_core_is_told),
        TEST(usage_is_told),
        TEST(a_missing_program_is_told),
        TEST(a_file_without_x_is_told),
        TEST(a_missing_directory_is_told),
        TEST(a_file_as_directory_is_told),
        TEST(an_impossible_limit_is_told),
        TEST(a_missing_guard_is_an_error),
        TEST(an_output_file_that_cant_be_opened_is_an_error),
        TEST(a_guard_that_is_none_is_told),
        TEST(the_environment_is_exactly_what_was_given),
        TEST(the_program_is_looked_up_in_its_own_path),
        TEST(the_environment_does_not_work_on_the_guard),
        TEST(the_directory_is_where_it_runs),
        TEST(no_descriptor_of_the_coordinator_gets_in),
        TEST(outputs_can_be_opened_again_by_name),
        TEST(no_signal_is_ignored_or_blocked),
        TEST(it_leads_a_group_and_is_in_no_session_of_ours),
        TEST(lines_come_in_order_and_the_last_needs_no_newline),
        TEST(the_channel_may_end_before_the_child),
        TEST(a_line_that_is_too_long_is_skipped_and_told),
        TEST(garbage_on_the_channel_is_lines_too),
        TEST(without_a_channel_there_is_no_event_of_one),
        TEST(output_goes_to_its_files),
        TEST(a_flood_is_cut_in_the_file_and_its_end_is_kept),
        TEST(the_tail_is_the_last_bytes_whatever_the_pieces),
        TEST(a_full_disk_is_told_and_the_child_runs_on),
        TEST(a_file_that_fails_half_way_keeps_its_beginning),
    };
    return cmocka_run_group_tests_name("io_child", tests, warm_up, NULL);
}
