/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_budget.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/disk.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* The files below /proc and /sys that are read have some lines; meminfo has 60. */
#define FILE_MAX_BYTES ((size_t)64 << 10)
/* Control groups nest a few levels; a pod's has some eight. */
#define GROUPS_MAX 64
#define CGROUPS "/sys/fs/cgroup"

static bool read_small(const char *root, const char *directory, const char *name, struct buf *out)
{
    struct err e;
    char *path = mem_printf("%s%s/%s", root, directory, name);
    buf_clear(out);
    bool there = disk_read_now(path, FILE_MAX_BYTES, out, &e) == 0 && out->size > 0;
    free(path);
    return there;
}

/* The directory of this process's group, for the caller to free; NULL without control groups of version 2. */
static char *own_group(const char *root)
{
    struct buf text = {0};
    char *path = NULL;
    if (read_small(root, "/proc/self", "cgroup", &text)) {
        for (char *line = text.data; line && !path; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
            if (strncmp(line, "0::/", 4) == 0)
                path = mem_printf(CGROUPS "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    }
    buf_fini(&text);
    return path;
}

/* To the group above; false at the topmost. */
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (strcmp(path, CGROUPS) == 0 || !slash)
        return false;
    *slash = '\0';
    return strlen(path) >= strlen(CGROUPS);
}

/* "200000 100000": two processors; "max 100000": no limit, 0. */
static double read_quota(const char *text)
{
    char *end;
    double quota = strtod(text, &end);
    double period = end == text ? 0 : strtod(end, NULL);
    return period > 0 ? quota / period : 0;
}

double matrix_budget_cpus(const char *root)
{
    double cpus = uv_available_parallelism();
    struct buf text = {0};
    char *path = own_group(root);
    for (int i = 0; path && i < GROUPS_MAX; i++) {
        double quota = read_small(root, path, "cpu.max", &text) ? read_quota(text.data) : 0;
        if (quota > 0 && quota < cpus)
            cpus = quota;
        if (!go_up(path))
            break;
    }
    free(path);
    buf_fini(&text);
    return cpus < 0.01 ? 0.01 : cpus;
}

static uint64_t available_memory(const char *root)
{
    struct buf text = {0};
    unsigned long long kib = 0;
    if (read_small(root, "/proc", "meminfo", &text)) {
        const char *line = strstr(text.data, "MemAvailable:");
        if (line)
            kib = strtoull(line + strlen("MemAvailable:"), NULL, 10);
    }
    buf_fini(&text);
    return kib * 1024;
}

/* What the group leaves; UINT64_MAX without a limit ("max"). */
static uint64_t group_memory(const char *root, const char *path)
{
    struct buf limit = {0}, used = {0};
    uint64_t left = UINT64_MAX;
    if (read_small(root, path, "memory.max", &limit) && strncmp(limit.data, "max", 3) != 0 &&
        read_small(root, path, "memory.current", &used)) {
        unsigned long long most = strtoull(limit.data, NULL, 10), now = strtoull(used.data, NULL, 10);
        left = most > now ? most - now : 0;
    }
    buf_fini(&limit);
    buf_fini(&used);
    return left;
}

uint64_t matrix_budget_memory(const char *root)
{
    uint64_t memory = available_memory(root);
    char *path = own_group(root);
    for (int i = 0; path && i < GROUPS_MAX; i++) {
        uint64_t left = group_memory(root, path);
        if (left < memory)
            memory = left;
        if (!go_up(path))
            break;
    }
    free(path);
    return memory;
}

static unsigned lower(unsigned most, double fit)
{
    return fit < most ? (unsigned)fit : most;
}

unsigned matrix_budget_at_once(const struct matrix_budget *b)
{
    unsigned most = b->jobs > 0 ? b->jobs : UINT_MAX;
    most = lower(most, b->cpus / b->cell_cpus + 1e-9);
    if (b->cell_memory > 0 && b->memory > 0)
        most = lower(most, (double)b->memory / (double)b->cell_memory);
    return most > 0 ? most : 1;
}
