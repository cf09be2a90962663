/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int spawn(const char *const *args, int out, int err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    /* A group of its own, so that what it started can be ended with it. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int status = posix_spawnp(pid, args[0], &actions, &attributes, (char *const *)args, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

/* Takes what is there; false at the end. */
static bool drain(int fd, struct buf *into)
{
    char chunk[4096];
    ssize_t size = read(fd, chunk, sizeof chunk);
    if (size < 0)
        return errno == EINTR || errno == EAGAIN;
    if (size > 0 && into->size < PROBE_ANSWER_MAX)
        buf_add(into, chunk, (size_t)size);
    return size > 0;
}

/* Reads both until they end; false where the time is over before. */
static bool drain_both(int out, int err, int64_t deadline_ms, struct buf *out_bytes, struct buf *err_bytes)
{
    struct pollfd both[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    while (both[0].fd >= 0 || both[1].fd >= 0) {
        int64_t left = deadline_ms - now_ms();
        if (left <= 0)
            return false;
        if (poll(both, 2, (int)left) < 0 && errno != EINTR)
            return false;
        if (both[0].revents && !drain(out, out_bytes))
            both[0].fd = -1;
        if (both[1].revents && !drain(err, err_bytes))
            both[1].fd = -1;
    }
    return true;
}

static const char *last_line(struct buf *b)
{
    while (b->size > 0 && strchr("\r\n ", b->data[b->size - 1]))
        b->data[--b->size] = '\0';
    const char *line = b->size > 0 ? strrchr(b->data, '\n') : NULL;
    return line ? line + 1 : b->size > 0 ? b->data : "no message";
}

static int judge(const char *name, bool in_time, int status, int timeout_ms, struct buf *err_bytes, struct err *e)
{
    if (!in_time)
        return err_set(e, ERR_MISSING, "%s did not end in %.1f s", name, timeout_ms / 1000.0);
    if (WIFSIGNALED(status))
        return err_set(e, ERR_MISSING, "%s was ended by signal %d", name, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_set(e, ERR_MISSING, "%s: %s", name, last_line(err_bytes));
    return 0;
}

int probe_run(const char *const *args, int timeout_ms, struct buf *out, struct err *e)
{
    int out_pipe[2], err_pipe[2], status = 0;
    pid_t pid;
    struct buf err_bytes = {0};
    if (pipe2(out_pipe, O_CLOEXEC) < 0)
        return err_sys(e, ERR_INTERNAL, errno, "can't make a pipe");
    if (pipe2(err_pipe, O_CLOEXEC) < 0) {
        err_sys(e, ERR_INTERNAL, errno, "can't make a pipe");
        close(out_pipe[0]);
        close(out_pipe[1]);
        return -1;
    }
    int failed = spawn(args, out_pipe[1], err_pipe[1], &pid);
    close(out_pipe[1]);
    close(err_pipe[1]);
    int result = 0;
    if (failed) {
        result = err_sys(e, ERR_MISSING, failed, "can't run %s", args[0]);
    } else {
        bool in_time = drain_both(out_pipe[0], err_pipe[0], now_ms() + timeout_ms, out, &err_bytes);
        if (!in_time)
            kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        result = judge(args[0], in_time, status, timeout_ms, &err_bytes, e);
    }
    close(out_pipe[0]);
    close(err_pipe[0]);
    buf_fini(&err_bytes);
    return result;
}
