/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker_exit.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    struct child_exit child;
    struct worker_exit exit; /* `child` is filled in */
    const char *text, *advice;
    bool good;
} cases[] = {
    {{.code = 0}, {0}, "exit 0", "look at its output", true},
    {{.code = 3}, {0}, "exit 3", "look at its output", false},
    {{.signaled = true, .code = SIGSEGV, .core = true},
     {0},
     "signal 11 (Segmentation fault), core dumped",
     "look at its output",
     false},
    {{.signaled = true, .code = SIGKILL},
     {0},
     "signal 9 (Killed)",
     "somebody else killed it: the kernel's out-of-memory killer, perhaps (dmesg)",
     false},
    {{.signaled = true, .code = SIGXFSZ},
     {0},
     "signal 25 (File size limit exceeded)",
     "it wrote a file above limits.disk",
     false},
    /* stopped by locktrail */
    {{.signaled = true, .code = SIGTERM}, {.stopped = true}, "signal 15 (Terminated)", "look at its output", true},
    {{.code = 143}, {.stopped = true}, "exit 143", "look at its output", true},
    {{.code = 1}, {.stopped = true}, "exit 1", "look at its output", false},
    {{.signaled = true, .code = SIGKILL, .killed = true},
     {.stopped = true},
     "signal 9 (Killed), killed because it did not follow SIGTERM",
     "look at its output",
     false},
    /* interrupted by the user */
    {{.code = 1}, {.interrupted = true}, "exit 1", "look at its output", true},
    {{.signaled = true, .code = SIGKILL, .killed = true},
     {.interrupted = true, .killed_at_once = true},
     "signal 9 (Killed), killed at the second interruption",
     "what it had not written yet is lost: interrupt once, and it has stop_timeout to write it",
     false},
    /* never ran */
    {{.exec_errno = ENOENT, .exec_step = "program"},
     {.program = "./server"},
     "could not be started (program ./server): No such file or directory",
     "check the path, its permissions and that its interpreter is there",
     false},
    {{.exec_errno = ENOENT, .exec_step = "directory"},
     {.directory = "/srv"},
     "could not be started (directory /srv): No such file or directory",
     "check the path, its permissions and that its interpreter is there",
     false},
    {{0},
     {.start_error = "cannot start locktrail-guard"},
     "cannot start locktrail-guard",
     "check the path, its permissions and that its interpreter is there",
     false},
    {{.guard_error = "its guard ended"}, {.interrupted = true}, "its guard ended", "look at its output", false},
};

static void test_each_end_is_described_judged_and_advised(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct worker_exit exit = cases[i].exit;
        exit.child = &cases[i].child;
        char *text = worker_exit_describe(&exit);
        assert_string_equal(text, cases[i].text);
        free(text);
        if (worker_exit_is_good(&exit) != cases[i].good)
            fail_msg("%s is judged wrongly", cases[i].text);
        assert_string_equal(worker_exit_advice(&exit), cases[i].advice);
        assert_int_equal(worker_exit_before_start(&exit), exit.start_error || exit.child->exec_errno);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_end_is_described_judged_and_advised)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
