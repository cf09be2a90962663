/* SPDX-License-Identifier: Apache-2.0 */
/* locktrail-guard: the process between the coordinator and one worker, so that whatever the worker
 * starts has an end.
 *
 *   locktrail-guard CHANNEL MEMORY FILES_SOFT FILES_HARD DISK DIRECTORY PROGRAM [ARGUMENT...]
 *
 * CHANNEL is 1 where the worker gets fd 3, else 0; the limits are bytes or counts, 0 leaves what is
 * there; DIRECTORY may be empty. Each variable of the worker's environment comes with a colon
 * before its name, so that none of them (LD_PRELOAD) works on the guard. fd 0 is the control
 * socket, 1 and 2 are the worker's output. The worker's own standard input is /dev/null.
 *
 * Happy path, as lines on the control socket:
 *   started PID                                     executed
 *   exited CODE SIGNAL CORE USER_MS SYSTEM_MS RSS   the worker is dead (RSS in KiB)
 *   gone LEFTOVER REMAINING                         nothing is left below the guard, which exits
 * now Failure modes: failed ERRNO STEP    not executed; STEP is stdin, directory, limits or
 * program. `gone 0 0` follows processes left behind when the worker ended: SIGTERM, a grace,
 * SIGKILL; LEFTOVER counts them the coordinator is gone, seen as the end of file on the control
 * socket: SIGTERM to the group, a grace, SIGKILL to all the guard itself is killed: the worker has
 * SIGKILL as its parent-death signal something can't be killed (it hangs in the kernel): REMAINING
 * counts it, and the guard exits Orders are single bytes: `t` SIGTERM to the worker's group, `k`
 * SIGKILL to all. */
#include "leftover.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    /* What is on its way out when the worker ends (the other side of a pipe) is not held against
       it. */
    SETTLE_MS = 250,
    /* For what was left behind to follow SIGTERM. */
    LEFTOVER_GRACE_MS = 1000,
    /* For the worker to write its last profile when the coordinator is gone; nobody waits for it
       any more. */
    ORPHAN_GRACE_MS = 2000,
    /* SIGKILL has an effect within milliseconds, or, on a process that hangs in the kernel, not at
       all. */
    GIVE_UP_MS = 10000,
    /* How often new children are looked for while they are being ended: a process whose parent was
     * no child of the guard is reparented without a signal. */
    TICK_MS = 20
};

static const char *const step_names[] = {[WORKER_STDIN] = "stdin",
                                         [WORKER_DIRECTORY] = "directory",
                                         [WORKER_LIMITS] = "limits",
                                         [WORKER_PROGRAM] = "program"};

struct guard {
    pid_t worker;
    int signals; /* signalfd: SIGCHLD */
    int status;  /* end of file when the worker has executed its program; -1 afterwards */
    bool control_open;
    bool failed;       /* the program could not be executed */
    bool ended;        /* the worker is dead and reaped */
    bool term_wanted;  /* SIGTERM is due as soon as the program is executed */
    bool group_termed; /* the group has had SIGTERM */
    bool killing;
    bool group_killed;  /* the group has had SIGKILL */
    int64_t settle_at;  /* from here on, what is left gets SIGTERM */
    int64_t kill_at;    /* from here on, SIGKILL; -1 none */
    int64_t give_up_at; /* from here on, what is left stays; set when killing begins */
    struct leftover leftover;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    char line[128];
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    /* A coordinator that is gone does not hear it; its end of file is what counts. */
    ssize_t written = write(WORKER_CONTROL, line, (size_t)size);
    (void)written;
}

/* --- events --- */

static void term_group(struct guard *g)
{
    if (g->status >= 0) {
        /* Before it is executed, the guard's own dispositions may still hold. */
        g->term_wanted = true;
        return;
    }
    if (!g->ended) {
        kill(-g->worker, SIGTERM);
        kill(-g->worker, SIGCONT); /* a stopped process dies only when it runs */
        g->group_termed = true;
    }
}

static void kill_all(struct guard *g)
{
    if (!g->killing) {
        g->killing = true;
        g->give_up_at = now_ms() + GIVE_UP_MS;
    }
    if (!g->ended) {
        kill(-g->worker, SIGKILL);
        g->group_killed = true;
    }
}

/* End of file: the program runs. Bytes: it does not. */
static void on_status(struct guard *g)
{
    struct worker_failure f;
    ssize_t size;
    do {
        size = read(g->status, &f, sizeof f);
    } while (size < 0 && errno == EINTR);
    close(g->status);
    g->status = -1;
    if (size == sizeof f) {
        say("failed %d %s\n", f.errnum, step_names[f.step]);
        g->failed = true;
        return;
    }
    say("started %d\n", (int)g->worker);
    if (g->term_wanted) {
        term_group(g);
    }
}

static int64_t timeval_ms(const struct timeval *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_usec / 1000;
}

static void on_worker_dead(struct guard *g, int status, const struct rusage *used)
{
    if (g->status >= 0) {
        on_status(g);
    }
    g->ended = true;
    g->settle_at = now_ms() + SETTLE_MS;
    if (g->kill_at < 0 && !g->group_termed) {
        g->kill_at = g->settle_at + LEFTOVER_GRACE_MS;
    }
    if (!g->failed) {
        say("exited %d %d %d %lld %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 0,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFSIGNALED(status) && WCOREDUMP(status) ? 1 : 0,
            (long long)timeval_ms(&used->ru_utime), (long long)timeval_ms(&used->ru_stime), used->ru_maxrss);
    }
}

/* Reaps what is dead; false when the guard has no child at all any more. */
static bool reap(struct guard *g)
{
    for (;;) {
        int status;
        struct rusage used;
        pid_t pid = wait4(-1, &status, WNOHANG, &used);
        if (pid == g->worker && !g->ended) {
            on_worker_dead(g, status, &used);
        } else if (pid <= 0) {
            return pid == 0 || errno != ECHILD;
        }
    }
}

static void on_control(struct guard *g)
{
    char order[64];
    ssize_t size = read(WORKER_CONTROL, order, sizeof order);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        if (order[i] == 't') {
            term_group(g);
        } else if (order[i] == 'k') {
            kill_all(g);
        }
    }
    if (size <= 0) {
        int64_t kill_at = now_ms() + ORPHAN_GRACE_MS;
        g->control_open = false;
        g->kill_at = g->kill_at < 0 || kill_at < g->kill_at ? kill_at : g->kill_at;
        term_group(g);
    }
}

static int next_timeout(const struct guard *g)
{
    if (g->ended || g->killing) {
        return TICK_MS;
    }
    int64_t left = g->kill_at - now_ms();
    return g->kill_at < 0 ? -1 : left < 0 ? 0 : (int)left;
}

static void wait_for_event(struct guard *g)
{
    struct signalfd_siginfo ignored[8];
    struct pollfd fds[] = {{.fd = g->signals, .events = POLLIN},
                           {.fd = g->status, .events = POLLIN},
                           {.fd = g->control_open ? WORKER_CONTROL : -1, .events = POLLIN}};
    if (poll(fds, 3, next_timeout(g)) <= 0) {
        return;
    }
    if (fds[0].revents != 0 && read(g->signals, ignored, sizeof ignored) < 0) {
        return;
    }
    if (fds[1].revents != 0) {
        on_status(g);
    }
    if (fds[2].revents != 0) {
        on_control(g);
    }
}

/* Returns how many processes could not be ended. */
static unsigned guard_run(struct guard *g)
{
    while (reap(g)) {
        int64_t now = now_ms();
        if (g->killing && now >= g->give_up_at) {
            return g->leftover.remaining + !g->ended;
        }
        if (g->killing || (g->kill_at >= 0 && now >= g->kill_at)) {
            kill_all(g);
        }
        if (g->ended && (g->killing || now >= g->settle_at)) {
            bool told = g->killing ? g->group_killed : g->group_termed;
            leftover_end(&g->leftover, told ? g->worker : 0, g->killing);
        }
        wait_for_event(g);
    }
    return 0;
}

/* --- start --- */

static int open_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};
    sigset_t child;
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        signal(ignored[i], SIG_IGN);
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* The pipes must end when the worker's processes do, so the guard keeps none of them. */
static void drop_output(const struct worker_orders *o)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0) {
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
    }
    if (o->channel) {
        close(WORKER_CHANNEL);
    }
}

int main(int argc, char **argv)
{
    if (argc < 8) {
        dprintf(STDERR_FILENO, "locktrail-guard is started by locktrail, not by hand\n");
        return 64;
    }
    struct worker_orders orders = {.channel = argv[1][0] == '1',
                                   .memory = strtoull(argv[2], NULL, 10),
                                   .files_soft = strtoull(argv[3], NULL, 10),
                                   .files_hard = strtoull(argv[4], NULL, 10),
                                   .disk = strtoull(argv[5], NULL, 10),
                                   .directory = argv[6],
                                   .args = argv + 7};
    struct guard guard = {.control_open = true, .kill_at = -1};
    int status[2];
    close_range(orders.channel ? WORKER_CHANNEL + 1 : WORKER_CHANNEL, ~0U, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    guard.signals = open_signals();
    if (guard.signals < 0 || pipe2(status, O_CLOEXEC) != 0) {
        return 70;
    }
    pid_t self = getpid();
    guard.worker = fork();
    if (guard.worker == 0) {
        worker_become(&orders, self, status[1]);
    }
    if (guard.worker < 0) {
        say("failed %d program\ngone 0 0\n", errno);
        return 0;
    }
    /* On both sides of the fork: no order may find the group missing. */
    setpgid(guard.worker, guard.worker);
    guard.status = status[0];
    close(status[1]);
    drop_output(&orders);
    unsigned remaining = guard_run(&guard);
    say("gone %u %u\n", guard.leftover.count, remaining);
    return 0;
}
