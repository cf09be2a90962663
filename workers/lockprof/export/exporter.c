/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/exporter.h"

#include "base/mem.h"
#include "lockprof/export/interval.h"
#include "lockprof/export/post.h"
#include "lockprof/export/pprof_write.h"
#include "lockprof/export/say.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How often the directory is looked at for files of ended processes, and how many of them may lie there: a file takes
 * some 100 KiB. */
#define ABSORB_EVERY_MS 1000
#define ABSORB_ENOUGH 256

struct exporter {
    struct exporter_options options;
    struct collector *collector;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* of `stopping` */
    pthread_cond_t changed;
    bool stopping;
    unsigned sequence; /* of the next profile */
    unsigned profiles;
    size_t samples;
    bool failed;
    char *path;
};

int64_t exporter_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct exporter *exporter_new(const struct exporter_options *options)
{
    struct exporter *x = mem_calloc(1, sizeof *x);
    pthread_condattr_t attributes;
    x->options = *options;
    x->sequence = 1;
    x->collector = collector_new(options->directory, &x->options.modules);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&x->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&x->mutex, NULL);
    return x;
}

void exporter_free(struct exporter *x)
{
    if (!x)
        return;
    collector_free(x->collector);
    pthread_cond_destroy(&x->changed);
    pthread_mutex_destroy(&x->mutex);
    free(x->path);
    free(x);
}

void exporter_result(const struct exporter *x, struct exporter_result *out)
{
    *out = (struct exporter_result){.profiles = x->profiles,
                                    .samples = x->samples,
                                    .seen = collector_seen(x->collector),
                                    .failed = x->failed,
                                    .path = x->path ? mem_strdup(x->path) : NULL};
}

int exporter_count(struct exporter *x, size_t *count, struct err *e)
{
    return collector_count(x->collector, count, e);
}

size_t exporter_running(struct exporter *x, int32_t *pids, size_t max)
{
    return collector_running(x->collector, pids, max);
}

/* --- one profile -------------------------------------------------------------------------------------------------- */

static void say_problems(struct buf *problems)
{
    char *rest = problems->data;
    for (char *line; rest && (line = strsep(&rest, "\n"));)
        if (line[0])
            say("%s", line);
    buf_fini(problems);
}

/* To the disk and into the queue. The bytes are the uploader's afterwards, where there is one. */
static int give_on(struct exporter *x, struct buf *bytes, const struct interval *interval, struct err *e)
{
    const struct exporter_options *o = &x->options;
    bool written = false;
    free(x->path);
    x->path = NULL;
    if (o->output) {
        written = write_profile(o->output, o->pid, &x->sequence, bytes, &x->path, e) == 0;
        if (!written && !o->uploader)
            return -1;
        if (!written)
            say("%s", e->text);
    }
    if (o->uploader)
        uploader_send(o->uploader, bytes, x->path, x->sequence, interval->start_ns, interval->end_ns);
    x->sequence++;
    x->profiles++;
    return 0;
}

int exporter_export(struct exporter *x, int64_t end_ns, bool prune, struct err *e)
{
    struct buf problems = {0}, bytes = {0};
    int count = collector_update(x->collector, &problems, e);
    say_problems(&problems);
    x->failed = true;
    if (count < 0)
        return -1;
    struct interval interval = *collector_interval(x->collector);
    if (x->options.start_ns > 0)
        interval.start_ns = x->options.start_ns;
    if (end_ns > 0)
        interval.end_ns = end_ns;
    /* The clock may have been set back meanwhile. */
    if (interval.end_ns < interval.start_ns)
        interval.end_ns = interval.start_ns;
    if (x->options.pid == 0)
        x->options.pid = collector_first_pid(x->collector);
    pprof_write(&interval, &bytes);
    compress_bytes(x->options.compression, &bytes);
    int result = give_on(x, &bytes, &interval, e);
    buf_fini(&bytes);
    if (result != 0)
        return -1;
    x->failed = false;
    x->samples = (size_t)count;
    if (x->options.start_ns > 0)
        x->options.start_ns = interval.end_ns;
    if (prune) {
        collector_commit(x->collector, interval.end_ns);
        collector_prune(x->collector);
    }
    return 0;
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

/* False once it is to stop. */
static bool wait_until(struct exporter *x, long long until_ms)
{
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    pthread_mutex_lock(&x->mutex);
    while (!x->stopping && post_now_ms() < until_ms)
        pthread_cond_timedwait(&x->changed, &x->mutex, &until);
    bool stopping = x->stopping;
    pthread_mutex_unlock(&x->mutex);
    return !stopping;
}

static void absorb(struct exporter *x)
{
    struct err e;
    struct buf problems = {0};
    if (collector_absorb(x->collector, ABSORB_ENOUGH, &problems, &e) != 0)
        say("%s", e.text);
    say_problems(&problems);
}

static void *run(void *data)
{
    struct exporter *x = data;
    struct err e;
    long long next = post_now_ms() + x->options.interval_ms;
    for (;;) {
        long long look = post_now_ms() + ABSORB_EVERY_MS;
        if (!wait_until(x, look < next ? look : next))
            return NULL;
        if (post_now_ms() < next) {
            absorb(x);
            continue;
        }
        /* From the plan, not from now: intervals do not drift. One that was missed is not made up for. */
        while (next <= post_now_ms())
            next += x->options.interval_ms;
        if (exporter_export(x, exporter_now_ns(), true, &e) != 0)
            say("%s; its counts go into the next profile", e.text);
    }
}

int exporter_start(struct exporter *x, struct err *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&x->thread, NULL, run, x);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    x->started = failed == 0;
    return failed ? err_sys(e, ERR_INTERNAL, failed, "can't start the thread for profiles") : 0;
}

void exporter_stop(struct exporter *x)
{
    if (!x->started)
        return;
    pthread_mutex_lock(&x->mutex);
    x->stopping = true;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->mutex);
    pthread_join(x->thread, NULL);
    x->started = false;
}
