/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_watch.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Above what the kernel gives a container by default (32768). Processes beyond it are not looked at. */
#define PROCESSES_MAX 65536
/* A parent of a parent ...: nobody's program starts a deeper chain; what is deeper is not counted with the first. */
#define DEPTH_MAX 32
/* Files and directories below the run directory, and how deep: copies/STAGE/FILE is three. A directory with more has
 * no sample of the disk. */
#define WALK_FILES_MAX 100000
#define WALK_DEPTH_MAX 8
/* A walk that took a millisecond is not done again for so many: a fiftieth of one processor at most. */
#define WALK_REST 50
/* "/proc/PID/stat" is some 350 bytes; the name in it has 15 at most. */
#define STAT_MAX 1024

static const struct trend_rule RULES[WATCH_COUNT] = {
    /* 2 MB an hour are 50 MB a day, and 4 MB are what allocators and caches of a steady program move within a day. */
    [WATCH_RSS] = {.least_per_hour = 2e6, .least_rise = 4e6},
    /* Pools of connections and threads fill slowly too, up to a handful. */
    [WATCH_DESCRIPTORS] = {.least_per_hour = 1, .least_rise = 8},
    [WATCH_THREADS] = {.least_per_hour = 1, .least_rise = 8},
    /* The journal's two files (8 MiB each) and the sample of copies that are kept fill up first. */
    [WATCH_DISK] = {.least_per_hour = 16e6, .least_rise = 64e6},
};

/* One process as /proc has it. */
struct entry {
    int64_t pid, parent;
    bool zombie;
    uint64_t rss_pages, threads, ticks, reaped_ticks;
};

struct cost {
    bool there, descriptors_known;
    double rss, threads, descriptors;
    uint64_t ticks;
};

/* Processor time of a process at its last sample. */
struct spent {
    int64_t pid, at_ns;
    uint64_t ticks;
};

struct soak_watcher {
    struct entry *entries; /* by pid */
    size_t count, capacity;
    struct cost *costs; /* as the record's processes */
    struct spent *spent;
    size_t process_count;
    int64_t walk_again_ns;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct soak_watcher *soak_watcher_new(void)
{
    return mem_calloc(1, sizeof(struct soak_watcher));
}

void soak_watcher_free(struct soak_watcher *w)
{
    if (w != NULL) {
        free(w->entries);
        free(w->costs);
        free(w->spent);
        free(w);
    }
}

/* --- /proc -------------------------------------------------------------------------------------------------------- */

/* Fields by their numbers in proc(5): 3 state, 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime, 20 num_threads,
 * 24 rss. The name before them may contain anything but ends with the last parenthesis. */
static bool parse_stat(const char *text, struct entry *e)
{
    const char *behind = strrchr(text, ')');
    char state;
    uint64_t user, system;
    int64_t reaped_user, reaped_system;
    if (behind == NULL ||
        sscanf(behind + 1,
               " %c %" SCNd64 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64
               " %*s %*s %" SCNu64 " %*s %*s %*s %" SCNu64,
               &state, &e->parent, &user, &system, &reaped_user, &reaped_system, &e->threads, &e->rss_pages) != 8) {
        return false;
    }
    e->zombie = state == 'Z' || state == 'X';
    e->ticks = user + system;
    e->reaped_ticks = (uint64_t)(reaped_user + reaped_system);
    return true;
}

static bool read_stat(int proc, const char *name, struct entry *e)
{
    char path[64], text[STAT_MAX];
    snprintf(path, sizeof path, "%.20s/stat", name);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    e->pid = strtoll(name, NULL, 10);
    return parse_stat(text, e);
}

static int by_pid(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static void scan(struct soak_watcher *w)
{
    DIR *proc = opendir("/proc");
    const struct dirent *d;
    w->count = 0;
    while (proc != NULL && w->count < PROCESSES_MAX && (d = readdir(proc)) != NULL) {
        if (d->d_name[0] < '1' || d->d_name[0] > '9') {
            continue;
        }
        w->entries = mem_grow(w->entries, w->count, &w->capacity, sizeof w->entries[0]);
        w->count += read_stat(dirfd(proc), d->d_name, &w->entries[w->count]);
    }
    if (proc != NULL) {
        closedir(proc);
    }
    if (w->count > 0) {
        qsort(w->entries, w->count, sizeof w->entries[0], by_pid);
    }
}

static const struct entry *find(const struct soak_watcher *w, int64_t pid)
{
    struct entry key = {.pid = pid};
    return w->count == 0 ? NULL : bsearch(&key, w->entries, w->count, sizeof key, by_pid);
}

/* -1: they can't be read; the process is gone (0), or not ours. */
static int64_t count_descriptors(int64_t pid)
{
    char path[64];
    int64_t count = 0;
    const struct dirent *d;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/fd", pid);
    DIR *fds = opendir(path);
    if (fds == NULL) {
        return errno == ENOENT ? 0 : -1;
    }
    while ((d = readdir(fds)) != NULL) {
        count += d->d_name[0] != '.';
    }
    closedir(fds);
    return count - (pid == getpid()); /* the one that looks */
}

static bool is_locktrail(const struct soak_process *p)
{
    return p->worker == NULL || p->worker[0] == '\0';
}

/* The process of the record that an entry belongs to: itself, or the nearest that has started it. */
static size_t find_owner(const struct soak_watcher *w, const struct soak_record *record, const struct entry *e)
{
    int64_t pid = e->pid;
    for (unsigned depth = 0; depth < DEPTH_MAX && pid > 1; depth++) {
        for (size_t i = 0; i < record->process_count; i++) {
            if (record->processes[i].pid == pid) {
                return depth == 0 || !is_locktrail(&record->processes[i]) ? i : record->process_count;
            }
        }
        const struct entry *above = find(w, pid);
        pid = above == NULL ? 0 : above->parent;
    }
    return record->process_count;
}

static void add_cost(struct cost *cost, const struct entry *e, bool alone)
{
    int64_t descriptors = e->zombie ? 0 : count_descriptors(e->pid);
    cost->descriptors_known = cost->descriptors_known && descriptors >= 0;
    cost->descriptors += (double)descriptors;
    cost->threads += e->zombie ? 0 : (double)e->threads;
    cost->rss += (double)e->rss_pages * (double)sysconf(_SC_PAGESIZE);
    cost->ticks += e->ticks + (alone ? 0 : e->reaped_ticks);
}

static void add_costs(struct soak_watcher *w, const struct soak_record *record)
{
    if (w->process_count != record->process_count) {
        w->costs = mem_realloc(w->costs, record->process_count, sizeof w->costs[0]);
        w->spent = mem_realloc(w->spent, record->process_count, sizeof w->spent[0]);
        memset(w->spent, 0, record->process_count * sizeof w->spent[0]);
        w->process_count = record->process_count;
    }
    for (size_t i = 0; i < record->process_count; i++) {
        int64_t pid = record->processes[i].pid;
        const struct entry *e = pid > 0 ? find(w, pid) : NULL;
        w->costs[i] = (struct cost){.there = e != NULL && !e->zombie, .descriptors_known = true};
    }
    for (size_t i = 0; i < w->count; i++) {
        size_t owner = find_owner(w, record, &w->entries[i]);
        if (owner < record->process_count && w->costs[owner].there) {
            add_cost(&w->costs[owner], &w->entries[i], is_locktrail(&record->processes[owner]));
        }
    }
}

/* --- the directory ------------------------------------------------------------------------------------------------ */

/* False: too many, or too deep. Takes `fd`. */
static bool walk(int fd, unsigned depth, size_t *files, double *bytes)
{
    struct stat st;
    const struct dirent *d;
    bool whole = true;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return true; /* removed meanwhile */
    }
    while (whole && (d = readdir(dir)) != NULL) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        *bytes += (double)st.st_blocks * 512; /* stat(2): of 512 bytes, whatever the file system's are */
        whole = ++*files < WALK_FILES_MAX && depth < WALK_DEPTH_MAX;
        if (whole && S_ISDIR(st.st_mode)) {
            whole =
                walk(openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), depth + 1, files, bytes);
        }
    }
    closedir(dir);
    return whole;
}

/* False: no sample now. */
static bool measure_disk(struct soak_watcher *w, const char *directory, double *bytes)
{
    int64_t begin = now_ns();
    size_t files = 0;
    if (directory == NULL || begin < w->walk_again_ns) {
        return false;
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *bytes = 0;
    bool whole = fd >= 0 && walk(fd, 0, &files, bytes);
    int64_t end = now_ns();
    w->walk_again_ns = end + (end - begin) * WALK_REST;
    return whole;
}

/* --- samples and trends ------------------------------------------------------------------------------------------- */

/* Whether it grows for the first time. */
static bool sample(struct soak_watch *watch, enum soak_watch_kind kind, int64_t at_ms, double value)
{
    series_add(&watch->series, at_ms, value);
    if (kind == WATCH_CPU || watch->series.pending > 0) {
        return false; /* the points are the same as before */
    }
    trend_judge(&watch->series, &RULES[kind], &watch->trend);
    if (!watch->trend.growing || watch->found_at_ms >= 0) {
        return false;
    }
    watch->found_at_ms = at_ms;
    return true;
}

/* Of one processor since the last sample; false: it is the first one of this life. */
static bool measure_cpu(struct spent *spent, int64_t pid, uint64_t ticks, double *cores)
{
    struct spent before = *spent;
    *spent = (struct spent){.pid = pid, .at_ns = now_ns(), .ticks = ticks};
    if (before.pid != pid || spent->at_ns <= before.at_ns) {
        return false;
    }
    /* A child that nobody waited for takes its time with it. */
    uint64_t more = ticks > before.ticks ? ticks - before.ticks : 0;
    *cores = (double)more / (double)sysconf(_SC_CLK_TCK) / ((double)(spent->at_ns - before.at_ns) / 1e9);
    return true;
}

void soak_watcher_take(struct soak_watcher *w, struct soak_record *record, const char *directory, int64_t at_ms,
                       void (*found)(const struct soak_process *process, enum soak_watch_kind kind, void *data),
                       void *data)
{
    scan(w);
    add_costs(w, record);
    for (size_t i = 0; i < record->process_count; i++) {
        struct soak_process *p = &record->processes[i];
        const struct cost *cost = &w->costs[i];
        double values[WATCH_COUNT] = {cost->rss, cost->descriptors, cost->threads};
        if (!cost->there) {
            continue;
        }
        const bool measured[WATCH_COUNT] = {
            [WATCH_RSS] = true,
            [WATCH_DESCRIPTORS] = cost->descriptors_known,
            [WATCH_THREADS] = true,
            [WATCH_CPU] = measure_cpu(&w->spent[i], p->pid, cost->ticks, &values[WATCH_CPU]),
            [WATCH_DISK] = is_locktrail(p) && measure_disk(w, directory, &values[WATCH_DISK]),
        };
        for (enum soak_watch_kind kind = 0; kind < WATCH_COUNT; kind++) {
            if (measured[kind] && sample(&p->watches[kind], kind, at_ms, values[kind]) && found != NULL) {
                found(p, kind, data);
            }
        }
    }
}

void soak_watcher_life(struct soak_watcher *w, struct soak_process *process)
{
    (void)w; /* the processor time of a new life is known by its pid */
    for (enum soak_watch_kind kind = 0; kind < WATCH_COUNT; kind++) {
        process->watches[kind].series = (struct series){0};
        process->watches[kind].trend = (struct trend){0};
    }
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static void put_number(char *out, size_t size, enum soak_watch_kind kind, double value)
{
    value /= kind == WATCH_RSS || kind == WATCH_DISK ? 1e6 : 1;
    snprintf(out, size, "%.*f", fabs(value) < 9.95 ? 1 : 0, fabs(value) < 0.05 ? 0.0 : value);
}

char *soak_trend_describe(enum soak_watch_kind kind, const struct trend *trend)
{
    static const char *const UNITS[WATCH_COUNT] = {" MB", " descriptors", " threads", " cores", " MB"};
    const char *unit = kind == WATCH_RSS || kind == WATCH_DISK ? UNITS[kind] : "";
    char rate[32], low[32], high[32], from[32], to[32];
    int64_t s = trend->since_ms / 1000;
    if (!trend->known) {
        return mem_strdup("too few samples for a trend");
    }
    put_number(rate, sizeof rate, kind, trend->per_hour);
    put_number(low, sizeof low, kind, trend->low);
    put_number(high, sizeof high, kind, trend->high);
    put_number(from, sizeof from, kind, trend->from);
    put_number(to, sizeof to, kind, trend->to);
    if (!trend->growing) {
        return mem_printf("does not grow (%s%s an hour, 95 %%: %s to %s)", rate, UNITS[kind], low, high);
    }
    return mem_printf("grows by %s%s an hour (95 %%: %s to %s) since %02" PRId64 ":%02" PRId64 ":%02" PRId64
                      ", from %s%s to %s%s",
                      rate, UNITS[kind], low, high, s / 3600, s / 60 % 60, s % 60, from, unit, to, unit);
}
