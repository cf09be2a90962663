/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker_exit.h"

#include "base/mem.h"

#include <signal.h>
#include <string.h>

/* What the step that failed was about: the directory or the program. */
static const char *exec_subject(const struct worker_exit *x)
{
    if (strcmp(x->child->exec_step, "directory") == 0)
        return x->directory ? x->directory : "";
    return strcmp(x->child->exec_step, "program") == 0 ? x->program : "";
}

static const char *describe_kill(const struct worker_exit *x)
{
    if (!x->child->killed)
        return "";
    if (x->disturbed)
        return ", killed by a disturbance";
    return x->killed_at_once ? ", killed at the second interruption" : ", killed because it did not follow SIGTERM";
}

char *worker_exit_describe(const struct worker_exit *x)
{
    const struct child_exit *child = x->child;
    if (x->start_error)
        return mem_strdup(x->start_error);
    if (child->exec_errno)
        return mem_printf("could not be started (%s %s): %s", child->exec_step, exec_subject(x),
                          strerror(child->exec_errno));
    if (child->guard_error)
        return mem_strdup(child->guard_error);
    if (child->signaled)
        return mem_printf("signal %d (%s)%s%s", child->code, strsignal(child->code), child->core ? ", core dumped" : "",
                          describe_kill(x));
    return mem_printf("exit %d", child->code);
}

bool worker_exit_before_start(const struct worker_exit *x)
{
    return x->start_error || x->child->exec_errno;
}

/* As programs end on SIGTERM. */
static bool followed_term(const struct child_exit *child)
{
    return child->signaled ? child->code == SIGTERM : child->code == 0 || child->code == 128 + SIGTERM;
}

bool worker_exit_is_good(const struct worker_exit *x)
{
    if (worker_exit_before_start(x) || x->child->guard_error)
        return false;
    if (x->disturbed)
        return true;
    if (x->interrupted)
        return !x->child->killed;
    if (!x->child->signaled && x->child->code == 0)
        return true;
    return x->stopped && !x->child->killed && followed_term(x->child);
}

const char *worker_exit_advice(const struct worker_exit *x)
{
    const struct child_exit *child = x->child;
    if (worker_exit_before_start(x))
        return "check the path, its permissions and that its interpreter is there";
    if (child->killed && x->killed_at_once)
        return "what it had not written yet is lost: interrupt once, and it has stop_timeout to write it";
    if (child->signaled && child->code == SIGXFSZ)
        return "it wrote a file above limits.disk";
    if (child->signaled && child->code == SIGKILL && !child->killed)
        return "somebody else killed it: the kernel's out-of-memory killer, perhaps (dmesg)";
    return "look at its output";
}
