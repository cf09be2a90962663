/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/child.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/* As we were started: what the program is to find again. */
struct inherited {
    sigset_t mask;
    struct sigaction on_child, on_pipe;
};

static void block_signals(struct inherited *before)
{
    struct sigaction normal = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(&set, passed_on[i]);
    sigprocmask(SIG_BLOCK, &set, &before->mask);
    /* Ignored by whoever started us, a child would vanish without a status. */
    sigaction(SIGCHLD, &normal, &before->on_child);
    /* A reader of our messages or an agent that goes away must not end us before the profile is written. */
    sigaction(SIGPIPE, &ignored, &before->on_pipe);
}

/* AddressSanitizer refuses to start behind a preloaded library; it works there all the same, since the library asks for
 * the functions behind it by name. The last of two equal options counts: the user's stay behind ours. */
static int set_sanitizer(void)
{
    const char *options = getenv("ASAN_OPTIONS");
    char *all = options && options[0] ? mem_printf("verify_asan_link_order=0:%s", options)
                                      : mem_strdup("verify_asan_link_order=0");
    int result = setenv("ASAN_OPTIONS", all, 1);
    free(all);
    return result;
}

static int set_variables(const struct child_environment *environment)
{
    const char *preload = getenv("LD_PRELOAD");
    char *libraries =
        preload && preload[0] ? mem_printf("%s:%s", environment->library, preload) : mem_strdup(environment->library);
    char *rate = mem_printf("%llu", (unsigned long long)environment->rate);
    int result = setenv("LD_PRELOAD", libraries, 1) | setenv("LOCKPROF_DIR", environment->directory, 1) |
                 set_sanitizer() | setenv("LOCKPROF_RATE", rate, 1) |
                 setenv("LOCKPROF_HOLD", environment->hold ? "1" : "0", 1);
    free(libraries);
    free(rate);
    return result;
}

/* In the child: ends in exec, or tells the parent the error. */
static void become(char **argv, const struct child_environment *environment, const struct inherited *inherited,
                   int tell)
{
    if (set_variables(environment) == 0) {
        sigaction(SIGCHLD, &inherited->on_child, NULL);
        sigaction(SIGPIPE, &inherited->on_pipe, NULL);
        sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
        execvp(argv[0], argv);
    }
    int error = errno;
    ssize_t ignored = write(tell, &error, sizeof error);
    (void)ignored;
    _exit(STATUS_NOT_FOUND);
}

int child_start(struct child *child, char **argv, const struct child_environment *environment, int *status,
                struct err *e)
{
    struct inherited inherited;
    int pipes[2], error = 0;
    *status = ERR_INTERNAL;
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return err_sys(e, ERR_INTERNAL, errno, "can't start %s", argv[0]);
    block_signals(&inherited);
    pid_t pid = fork();
    if (pid == 0)
        become(argv, environment, &inherited, pipes[1]);
    int fork_error = errno;
    close(pipes[1]);
    ssize_t got = pid > 0 ? read(pipes[0], &error, sizeof error) : 0;
    close(pipes[0]);
    if (pid < 0)
        return err_sys(e, ERR_INTERNAL, fork_error, "can't start %s", argv[0]);
    if (got == (ssize_t)sizeof error) {
        waitpid(pid, NULL, 0);
        *status = error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
        return err_sys(e, ERR_MISSING, error, "can't start %s", argv[0]);
    }
    *child = (struct child){.pid = pid};
    return 0;
}

static void reap(struct child *child)
{
    int status;
    if (child->ended || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    child->ended = true;
    child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void pass_on(const struct child *child, const siginfo_t *info)
{
    /* A key of the terminal went to the whole foreground group, the program included. */
    if (!child->ended && info->si_code != SI_KERNEL)
        kill(child->pid, info->si_signo);
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool child_wait(struct child *child, int timeout_ms)
{
    long long until = now_ms() + timeout_ms;
    bool asked = false, had_ended = child->ended;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(&set, passed_on[i]);
    for (;;) {
        reap(child);
        long long left = until - now_ms();
        if ((child->ended && !had_ended) || left <= 0 || (had_ended && asked))
            return asked;
        struct timespec wait = {left / 1000, left % 1000 * 1000000};
        siginfo_t info;
        int signal = sigtimedwait(&set, &info, &wait);
        if (signal <= 0 || signal == SIGCHLD)
            continue;
        pass_on(child, &info);
        asked = asked || signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
    }
}
