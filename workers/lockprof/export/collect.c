/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/collect.h"

#include "base/mem.h"
#include "lockprof/export/in_use.h"
#include "lockprof/export/remarks.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Processes whose samples are told apart in one profile. A shell script or a fork loop has any number of them, and
 * each would have samples of its own for every lock. */
#define PIDS_MAX 256

struct collector {
    const char *directory;
    struct tables tables;
    struct images images;
    struct source *sources; /* sorted by pid and sequence */
    size_t count, capacity;
    struct samples absorbed; /* of files that were removed since the last commit */
    struct samples samples;  /* of the last update */
    struct remarks remarks;
    struct interval interval;
    struct capture_dropped gone; /* of files that were removed */
    int32_t first_pid;           /* 0: none yet */
    bool many_pids;              /* capture files of more than one process were seen */
    bool committed;              /* start_ns is that of a commit */
    size_t pids, pids_merged;    /* since the last commit */
    size_t seen;
    int32_t oldest_pid; /* 0: none was read */
    uint64_t oldest_start;
    uint32_t rate;
    bool holds;
    int64_t start_ns, last_ns; /* wall clock; 0: not known yet */
};

struct collector *collector_new(const char *directory, const struct modules_options *options)
{
    struct collector *c = mem_calloc(1, sizeof *c);
    c->directory = directory;
    c->images.options = options;
    c->rate = 1;
    tables_init(&c->tables);
    return c;
}

void collector_free(struct collector *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        source_fini(&c->sources[i]);
    free(c->sources);
    images_fini(&c->images);
    tables_fini(&c->tables);
    samples_fini(&c->absorbed);
    samples_fini(&c->samples);
    remarks_fini(&c->remarks);
    free(c);
}

/* --- the directory ------------------------------------------------------------------------------------------------ */

/* PID.SEQUENCE.lockcap */
static bool parse_name(const char *name, int32_t *pid, unsigned long *sequence)
{
    char *end;
    errno = 0;
    long number = strtol(name, &end, 10);
    if (end == name || *end != '.' || number <= 0 || number > INT32_MAX || errno)
        return false;
    const char *second = end + 1;
    *sequence = strtoul(second, &end, 10);
    *pid = (int32_t)number;
    return end != second && errno == 0 && strcmp(end, CAPTURE_SUFFIX) == 0;
}

static struct source *find_source(struct collector *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->sources[i].name, name) == 0)
            return &c->sources[i];
    return NULL;
}

static void add_source(struct collector *c, const char *name, size_t known)
{
    int32_t pid;
    unsigned long sequence;
    if (!parse_name(name, &pid, &sequence))
        return;
    /* What is behind `known` was found in this very listing, where each name comes once. */
    size_t count = c->count;
    c->count = known;
    struct source *source = find_source(c, name);
    c->count = count;
    if (!source) {
        c->sources = mem_grow(c->sources, c->count, &c->capacity, sizeof *c->sources);
        source = &c->sources[c->count++];
        *source = (struct source){.name = mem_strdup(name),
                                  .path = mem_printf("%s/%s", c->directory, name),
                                  .pid = pid,
                                  .sequence = sequence,
                                  .in_use = true};
        c->seen++;
    }
    source->listed = true;
}

static int compare_sources(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    if (x->sequence != y->sequence)
        return x->sequence < y->sequence ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void forget(struct collector *c, size_t index)
{
    dropped_add(&c->gone, &c->sources[index].dropped);
    source_fini(&c->sources[index]);
    c->count--;
    memmove(&c->sources[index], &c->sources[index + 1], (c->count - index) * sizeof *c->sources);
}

static int list_directory(struct collector *c, struct err *e)
{
    DIR *directory = opendir(c->directory);
    size_t known = c->count;
    if (!directory)
        return err_sys(e, ERR_INPUT, errno, "%s: can't read the directory of capture files", c->directory);
    for (size_t i = 0; i < known; i++)
        c->sources[i].listed = false;
    for (const struct dirent *entry; (entry = readdir(directory));)
        add_source(c, entry->d_name, known);
    closedir(directory);
    for (size_t i = c->count; i-- > 0;)
        if (!c->sources[i].listed)
            forget(c, i);
    if (c->count > 0)
        qsort(c->sources, c->count, sizeof *c->sources, compare_sources);
    return 0;
}

static void remove_file(struct collector *c, size_t index)
{
    unlink(c->sources[index].path);
    exported_remove(c->sources[index].path);
    forget(c, index);
}

/* --- one update --------------------------------------------------------------------------------------------------- */

static void count_pids(struct collector *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->first_pid == 0)
            c->first_pid = c->sources[i].pid;
        c->many_pids = c->many_pids || c->sources[i].pid != c->first_pid;
    }
}

static void note_times(struct collector *c, const struct source *s)
{
    if (!s->opened)
        return;
    if (c->oldest_pid == 0 || s->process_start < c->oldest_start) {
        c->oldest_pid = s->pid;
        c->oldest_start = s->process_start;
    }
    if (!c->committed && (c->start_ns == 0 || s->start_ns < c->start_ns))
        c->start_ns = s->start_ns;
    if (s->last_ns > c->last_ns)
        c->last_ns = s->last_ns;
    c->rate = s->rate;
    c->holds = c->holds || s->holds;
}

static void read_source(struct collector *c, struct source *s, struct samples *out, struct buf *problems)
{
    bool with_pid = c->many_pids && c->pids < PIDS_MAX;
    struct reading reading = {&c->tables, &c->images, out, problems, with_pid};
    size_t before = out->index.count;
    source_read(s, &reading);
    note_times(c, s);
    c->pids += out->index.count > before && with_pid;
    c->pids_merged += c->many_pids && !with_pid;
}

static void add_remarks(struct collector *c)
{
    struct capture_dropped dropped = c->gone;
    for (size_t i = 0; i < c->count; i++)
        dropped_add(&dropped, &c->sources[i].dropped);
    remarks_clear(&c->remarks);
    remarks_unseen(&c->remarks);
    remarks_dropped(&c->remarks, &dropped);
    remarks_tables(&c->remarks, &c->tables);
    if (c->pids_merged > 0)
        remarks_add(&c->remarks, "%zu processes beyond the %d that are told apart have no \"process id\"",
                    c->pids_merged, PIDS_MAX);
}

int collector_update(struct collector *c, struct buf *problems, struct err *e)
{
    size_t pids = c->pids, pids_merged = c->pids_merged;
    if (list_directory(c, e) != 0)
        return -1;
    count_pids(c);
    samples_clear(&c->samples);
    for (size_t i = 0; i < c->absorbed.index.count; i++)
        samples_add(&c->samples, &c->absorbed.items[i]);
    for (size_t i = 0; i < c->count; i++)
        read_source(c, &c->sources[i], &c->samples, problems);
    add_remarks(c);
    /* The next update before a commit begins from what was absorbed. */
    c->pids = pids;
    c->pids_merged = pids_merged;
    return (int)c->samples.index.count;
}

int collector_absorb(struct collector *c, size_t enough, struct buf *problems, struct err *e)
{
    if (list_directory(c, e) != 0)
        return -1;
    if (c->count <= enough)
        return 0;
    count_pids(c);
    for (size_t i = c->count; i-- > 0;) {
        struct source *s = &c->sources[i];
        if (capture_in_use(s->path, s->pid, s->process_start))
            continue;
        read_source(c, s, &c->absorbed, problems);
        if (s->ended && (s->opened || s->empty))
            remove_file(c, i);
    }
    return 0;
}

const struct interval *collector_interval(struct collector *c)
{
    c->interval = (struct interval){.tables = &c->tables,
                                    .samples = c->samples.items,
                                    .count = c->samples.index.count,
                                    .rate = c->rate,
                                    .holds = c->holds,
                                    .start_ns = c->start_ns,
                                    .end_ns = c->last_ns > c->start_ns ? c->last_ns : c->start_ns,
                                    .remarks = (const char *const *)c->remarks.lines,
                                    .remark_count = c->remarks.count};
    return &c->interval;
}

void collector_commit(struct collector *c, int64_t end_ns)
{
    samples_clear(&c->absorbed);
    c->pids = c->pids_merged = 0;
    c->start_ns = end_ns;
    c->committed = true;
    for (size_t i = 0; i < c->count; i++)
        source_commit(&c->sources[i], end_ns);
}

int collector_count(struct collector *c, size_t *count, struct err *e)
{
    if (list_directory(c, e) != 0)
        return -1;
    *count = c->count;
    return 0;
}

size_t collector_running(struct collector *c, int32_t *pids, size_t max)
{
    struct err ignored; /* nothing runs that writes into a directory that is gone */
    size_t count = 0;
    int32_t last = 0;
    if (list_directory(c, &ignored) != 0)
        return 0;
    for (size_t i = 0; i < c->count; i++) {
        struct source *s = &c->sources[i];
        s->in_use = capture_in_use(s->path, s->pid, s->process_start);
        if (!s->in_use || s->pid == last)
            continue;
        if (count < max)
            pids[count] = s->pid;
        last = s->pid;
        count++;
    }
    return count;
}

int32_t collector_first_pid(const struct collector *c)
{
    return c->oldest_pid;
}

size_t collector_seen(const struct collector *c)
{
    return c->seen;
}

void collector_prune(struct collector *c)
{
    for (size_t i = c->count; i-- > 0;)
        if (c->sources[i].ended && (c->sources[i].opened || c->sources[i].empty))
            remove_file(c, i);
}
