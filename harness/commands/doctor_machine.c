/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/doctor_checks.h"

#include "base/mem.h"
#include "commands/probe.h"
#include "io/child.h"
#include "pipeline/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 3000
/* A virtual environment takes 200 MiB, a run of production.yaml some MiB. */
#define SPACE_MIN ((uint64_t)512 << 20)
#define SPACE_ENOUGH ((uint64_t)2 << 30)

void doctor_space(struct doctor *d)
{
    struct statvfs fs;
    if (statvfs(".", &fs) < 0) {
        doctor_say(d, FINDING_WARNING, "disk", "run locktrail in a directory that exists", "can't be asked: %s",
                   strerror(errno));
        return;
    }
    uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    enum finding level = left < SPACE_MIN ? FINDING_MISSING : left < SPACE_ENOUGH ? FINDING_WARNING : FINDING_OK;
    doctor_say(d, level, "disk", "make room, or run where there is more", "%.1f GiB are free in the working directory",
               (double)left / (1 << 30));
    if (access(".", W_OK) < 0)
        doctor_say(d, FINDING_WARNING, "disk", "work in another directory, or give --out",
                   "the working directory can't be written, so runs/ can't be made");
}

void doctor_descriptors(struct doctor *d, size_t processes)
{
    struct rlimit limit;
    rlim_t needed = child_descriptors_needed((unsigned)processes);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    /* The run raises its own soft limit to the hard one. */
    enum finding level = limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed ? FINDING_MISSING : FINDING_OK;
    doctor_say(d, level, "descriptors", "raise the hard limit (ulimit -Hn, /etc/security/limits.conf)",
               "up to %llu may be open, %llu are needed for %zu %s", (unsigned long long)limit.rlim_max,
               (unsigned long long)needed, processes, processes == 1 ? "process" : "processes");
}

void doctor_intake(struct doctor *d, const char *listen)
{
    struct err e;
    if (probe_listen(listen, &e) < 0)
        doctor_say(d, FINDING_MISSING, "intake", "end what listens there, or set intake.listen to 127.0.0.1:0", "%s",
                   e.text);
    else
        doctor_say(d, FINDING_OK, "intake", NULL, "can listen at %s", listen);
}

static void check_agent(struct doctor *d, const struct forward_target *target)
{
    static const char input_path[] = "/profiling/v1/input";
    struct buf answer = {0};
    struct err e;
    bool plain = target->unix_socket || strncmp(target->url, "http://", 7) == 0;
    int status = plain ? probe_get(target->url, target->unix_socket, "/info", ANSWER_TIMEOUT_MS, &answer, &e)
                       : probe_connect(target->url, NULL, ANSWER_TIMEOUT_MS, &e);
    if (status < 0)
        doctor_say(d, FINDING_MISSING, "forward",
                   "start the agent, or correct DD_TRACE_AGENT_URL, DD_AGENT_HOST and DD_TRACE_AGENT_PORT", "%s: %s",
                   target->described, e.text);
    else if (plain && !strstr(answer.data, input_path))
        doctor_say(d, FINDING_WARNING, "forward", "switch on profiling in the agent (apm_config.profiling_dd_url)",
                   "%s answers, and its /info does not name %s", target->described, input_path);
    else
        doctor_say(d, FINDING_OK, "forward", NULL, "%s answers", target->described);
    buf_fini(&answer);
}

static void check_site(struct doctor *d, const struct forward_target *target)
{
    struct err e;
    doctor_say(d, FINDING_OK, "API key", NULL, "DD_API_KEY has the form of a key");
    if (probe_connect(target->url, NULL, ANSWER_TIMEOUT_MS, &e) < 0)
        doctor_say(d, FINDING_MISSING, "forward", "correct DD_SITE, or let this machine reach the site", "%s: %s",
                   target->described, e.text);
    else
        doctor_say(d, FINDING_OK, "forward", NULL, "%s can be reached", target->described);
}

void doctor_forward(struct doctor *d, const struct scenario *s)
{
    struct forward_target target = {0};
    struct err e;
    if (files_resolve_forward(s, &target, &e) < 0) {
        doctor_say(d, FINDING_MISSING, "forward", "correct the variable, or unset it to keep uploads inside", "%s",
                   e.text);
        return;
    }
    if (target.to == FORWARD_TO_NOWHERE)
        doctor_say(d, FINDING_OK, "forward", NULL, "uploads stay inside");
    else if (target.to == FORWARD_TO_AGENT)
        check_agent(d, &target);
    else
        check_site(d, &target);
    forward_target_fini(&target);
}

static bool executable_from(const char *directory, const char *program)
{
    bool inside = directory && program[0] != '/';
    char *path = inside ? mem_printf("%s/%s", directory, program) : mem_strdup(program);
    bool found = access(path, X_OK) == 0;
    free(path);
    return found;
}

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    bool found = false;
    while (path && *path && !found) {
        size_t size = strcspn(path, ":");
        struct buf candidate = {0};
        buf_printf(&candidate, "%.*s/%s", size > 0 ? (int)size : 1, size > 0 ? path : ".", program);
        found = access(candidate.data, X_OK) == 0;
        buf_fini(&candidate);
        path += size + (path[size] == ':');
    }
    return found;
}

void doctor_program(struct doctor *d, const char *what, const char *program, const char *directory)
{
    if (strchr(program, '/') ? executable_from(directory, program) : in_path(program))
        doctor_say(d, FINDING_OK, what, NULL, "%s is there", program);
    else
        doctor_say(d, FINDING_MISSING, what, "install it, or correct the command in the scenario",
                   "%s is not there or can't be executed", program);
}
