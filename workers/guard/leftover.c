/* SPDX-License-Identifier: Apache-2.0 */
#include "leftover.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct process {
    pid_t parent, group;
    char state;
};

/* proc(5), /proc/PID/stat: the name in parentheses may hold anything, so the fields are counted
 * from the last one. */
static bool read_process(const char *pid, struct process *p)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    const char *after = strrchr(text, ')');
    return after != NULL && sscanf(after + 1, " %c %d %d", &p->state, &p->parent, &p->group) == 3;
}

/* A child of the caller keeps its number until the caller reaps it, so this can hit no stranger. */
static void end_process(struct leftover *l, pid_t pid, bool told, bool now)
{
    unsigned at = 0;
    l->remaining++;
    while (at < l->count && l->told[at] != pid) {
        at++;
    }
    if (at == l->count && !told) {
        if (l->count < LEFTOVER_MAX) {
            l->told[l->count++] = pid;
        }
        kill(pid, SIGTERM);
        kill(pid, SIGCONT); /* a stopped process dies only when it runs */
    }
    if (now) {
        kill(pid, SIGKILL);
    }
}

static void end_child(struct leftover *l, const char *name, pid_t group, bool now)
{
    struct process p;
    pid_t pid = (pid_t)atoi(name);
    if (pid > 0 && read_process(name, &p) && p.parent == getpid() && p.state != 'Z' && p.state != 'X') {
        end_process(l, pid, group != 0 && p.group == group, now);
    }
}

/* Kernels with CONFIG_PROC_CHILDREN list the children of a thread; false where there is no such
 * file. */
static bool end_listed(struct leftover *l, pid_t group, bool now)
{
    char path[64], name[24];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *list = fopen(path, "re");
    if (list == NULL) {
        return false;
    }
    while (fscanf(list, "%23s", name) == 1) {
        end_child(l, name, group, now);
    }
    fclose(list);
    return true;
}

static void end_scanned(struct leftover *l, pid_t group, bool now)
{
    DIR *all = opendir("/proc");
    if (all == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
        end_child(l, entry->d_name, group, now);
    }
    closedir(all);
}

void leftover_end(struct leftover *l, pid_t group, bool now)
{
    l->remaining = 0;
    if (!end_listed(l, group, now)) {
        end_scanned(l, group, now);
    }
}
