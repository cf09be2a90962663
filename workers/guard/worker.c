/* SPDX-License-Identifier: Apache-2.0 */
/* Only async-signal-safe calls. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static _Noreturn void fail(int status, enum worker_step step)
{
    struct worker_failure f = {.step = step, .errnum = errno};
    ssize_t written = write(status, &f, sizeof f);
    (void)written;
    _exit(127);
}

static int set_limit(int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit limit;
    if (soft == 0 && hard == 0) {
        return 0;
    }
    if (getrlimit(resource, &limit) != 0) {
        return -1;
    }
    limit.rlim_max = hard != 0 ? hard : limit.rlim_max;
    limit.rlim_cur = soft != 0 && soft < limit.rlim_max ? soft : limit.rlim_max;
    return setrlimit(resource, &limit);
}

static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < NSIG; number++) {
        sigaction(number, &action, NULL); /* fails for the two that can't be changed */
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void worker_become(const struct worker_orders *o, pid_t guard, int status)
{
    setpgid(0, 0);
    reset_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard) {
        _exit(127); /* the guard died before it could be noticed */
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, WORKER_CONTROL) < 0) {
        fail(status, WORKER_STDIN);
    }
    if (o->directory[0] != '\0' && chdir(o->directory) != 0) {
        fail(status, WORKER_DIRECTORY);
    }
    if (set_limit(RLIMIT_NOFILE, o->files_soft, o->files_hard) != 0 || set_limit(RLIMIT_FSIZE, o->disk, o->disk) != 0 ||
        set_limit(RLIMIT_AS, o->memory, o->memory) != 0) {
        fail(status, WORKER_LIMITS);
    }
    for (char **variable = environ; *variable != NULL; variable++) {
        *variable += **variable == ':';
    }
    execvp(o->args[0], o->args);
    fail(status, WORKER_PROGRAM);
}
