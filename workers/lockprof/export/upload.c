/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/upload.h"

#include "base/mem.h"
#include "lockprof/export/event.h"
#include "lockprof/export/post.h"
#include "lockprof/export/say.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct job {
    struct job *next;
    struct buf bytes;
    char *path; /* NULL: no file of its own */
    unsigned sequence;
    int64_t start_ns, end_ns;
};

struct uploader {
    struct uploader_options options;
    struct poster *poster;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct job *first, *last;
    size_t queued, queued_bytes;
    bool finishing;
    struct uploader_result result;
    atomic_llong deadline_ms; /* monotonic; LLONG_MAX until the end */
    unsigned seed;
};

static void job_free(struct job *job)
{
    buf_fini(&job->bytes);
    free(job->path);
    free(job);
}

/* --- what could not be sent --------------------------------------------------------------------------------------- */

/* Gives the profile a file. */
static int keep_new(struct uploader *u, struct job *job, bool *last_resort, struct err *e)
{
    const struct uploader_options *o = &u->options;
    *last_resort = false;
    if (!o->kept_prefix)
        return err_set(e, ERR_WRITE, "what is not sent is not kept");
    if (write_profile(o->kept_prefix, o->pid, &job->sequence, &job->bytes, &job->path, e) == 0)
        return 0;
    if (!o->last_resort)
        return -1;
    struct err second;
    char *prefix = mem_printf("%s/unsent", o->last_resort);
    *last_resort = write_profile(prefix, o->pid, &job->sequence, &job->bytes, &job->path, &second) == 0;
    free(prefix);
    return *last_resort ? 0 : -1;
}

static void keep(struct uploader *u, struct job *job, const char *why)
{
    struct err e;
    bool last_resort = false;
    bool kept = job->path || keep_new(u, job, &last_resort, &e) == 0;
    if (kept)
        say("not sent to %s: %s (%s)", u->options.endpoint.shown, why, job->path);
    else
        say("a profile is lost: not sent to %s: %s; and %s", u->options.endpoint.shown, why, e.text);
    pthread_mutex_lock(&u->mutex);
    u->result.kept += kept;
    u->result.last_resort += last_resort;
    u->result.lost += !kept;
    pthread_mutex_unlock(&u->mutex);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

/* Doubles from attempt to attempt; a half of it is random, so that many processes whose agent is back do not come at
 * the same moment. At the end there is no time for what the agent asks. */
static long long pause_ms(struct uploader *u, unsigned attempt, long asked_s, bool finishing)
{
    const struct uploader_options *o = &u->options;
    long long pause = attempt < 20 ? (long long)o->pause_first_ms << attempt : o->pause_max_ms;
    if (!finishing && asked_s > pause / 1000)
        pause = asked_s < o->pause_max_ms / 1000 ? asked_s * 1000LL : o->pause_max_ms;
    if (pause > o->pause_max_ms)
        pause = o->pause_max_ms;
    return pause / 2 + rand_r(&u->seed) % (pause / 2 + 1);
}

/* Before the next attempt; the beginning of the end breaks the pause off. False where a pause would outlast the end:
 * then there is no next attempt. */
static bool wait_before_next(struct uploader *u, unsigned attempt, long asked_s)
{
    pthread_mutex_lock(&u->mutex);
    bool finishing = u->finishing;
    long long until_ms = post_now_ms() + pause_ms(u, attempt, asked_s, finishing);
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    bool more = until_ms < atomic_load(&u->deadline_ms);
    while (more && u->finishing == finishing && post_now_ms() < until_ms)
        pthread_cond_timedwait(&u->changed, &u->mutex, &until);
    pthread_mutex_unlock(&u->mutex);
    return more;
}

static void send_job(struct uploader *u, struct job *job)
{
    struct buf event = {0};
    struct post_failure failure;
    struct post post = {&u->options.endpoint, u->options.api_key, NULL, &job->bytes, &u->deadline_ms};
    bool sent = false;
    unsigned attempt = 0;
    event_json(u->options.tags, job->start_ns, job->end_ns, &event);
    post.event = event.data;
    for (;;) {
        sent = poster_send(u->poster, &post, &failure) == 0;
        attempt++;
        if (sent || !failure.again || attempt == u->options.tries ||
            !wait_before_next(u, attempt - 1, failure.retry_after_s))
            break;
    }
    buf_fini(&event);
    if (sent) {
        pthread_mutex_lock(&u->mutex);
        u->result.sent++;
        pthread_mutex_unlock(&u->mutex);
        return;
    }
    if (attempt > 1)
        err_wrap(&failure.error, "%u attempts, the last", attempt);
    keep(u, job, failure.error.text);
}

/* The next profile; NULL at the end. */
static struct job *take(struct uploader *u)
{
    pthread_mutex_lock(&u->mutex);
    while (!u->first && !u->finishing)
        pthread_cond_wait(&u->changed, &u->mutex);
    struct job *job = u->first;
    if (job) {
        u->first = job->next;
        if (!u->first)
            u->last = NULL;
        u->queued--;
        u->queued_bytes -= job->bytes.size;
    }
    pthread_mutex_unlock(&u->mutex);
    return job;
}

static void *run(void *data)
{
    struct uploader *u = data;
    for (struct job *job; (job = take(u));) {
        if (post_now_ms() < atomic_load(&u->deadline_ms))
            send_job(u, job);
        else
            keep(u, job, "no time was left at the end");
        job_free(job);
    }
    return NULL;
}

/* --- from outside ------------------------------------------------------------------------------------------------- */

static int start_thread(struct uploader *u, struct err *e)
{
    pthread_condattr_t attributes;
    sigset_t all, before;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&u->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&u->mutex, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&u->thread, NULL, run, u);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? err_sys(e, ERR_INTERNAL, failed, "can't start the thread for uploads") : 0;
}

static void uploader_free(struct uploader *u)
{
    poster_free(u->poster);
    pthread_cond_destroy(&u->changed);
    pthread_mutex_destroy(&u->mutex);
    free(u);
}

int uploader_new(struct uploader **out, const struct uploader_options *options, struct err *e)
{
    struct uploader *u = mem_calloc(1, sizeof *u);
    u->options = *options;
    if (u->options.tries == 0)
        u->options.tries = UPLOAD_TRIES;
    if (u->options.pause_first_ms == 0)
        u->options.pause_first_ms = UPLOAD_PAUSE_FIRST_MS;
    if (u->options.pause_max_ms == 0)
        u->options.pause_max_ms = UPLOAD_PAUSE_MAX_MS;
    atomic_init(&u->deadline_ms, LLONG_MAX);
    u->seed = (unsigned)post_now_ms() ^ (unsigned)options->pid << 16;
    u->poster = poster_new();
    if (!u->poster) {
        free(u);
        return err_set(e, ERR_INTERNAL, "can't set up libcurl");
    }
    if (start_thread(u, e) != 0) {
        uploader_free(u);
        return -1;
    }
    *out = u;
    return 0;
}

static bool enqueue(struct uploader *u, struct job *job)
{
    pthread_mutex_lock(&u->mutex);
    bool room = u->queued < UPLOAD_QUEUE_MAX && u->queued_bytes + job->bytes.size <= UPLOAD_QUEUE_BYTES;
    if (room) {
        if (u->last)
            u->last->next = job;
        else
            u->first = job;
        u->last = job;
        u->queued++;
        u->queued_bytes += job->bytes.size;
        pthread_cond_broadcast(&u->changed);
    }
    pthread_mutex_unlock(&u->mutex);
    return room;
}

void uploader_send(struct uploader *u, struct buf *bytes, const char *path, unsigned sequence, int64_t start_ns,
                   int64_t end_ns)
{
    struct job *job = mem_calloc(1, sizeof *job);
    *job = (struct job){.bytes = *bytes,
                        .path = path ? mem_strdup(path) : NULL,
                        .sequence = sequence,
                        .start_ns = start_ns,
                        .end_ns = end_ns};
    *bytes = (struct buf){0};
    if (!enqueue(u, job)) {
        keep(u, job, "too many profiles wait to be sent");
        job_free(job);
    }
}

struct uploader_result uploader_finish(struct uploader *u, unsigned deadline_ms)
{
    atomic_store(&u->deadline_ms, post_now_ms() + (long long)deadline_ms);
    pthread_mutex_lock(&u->mutex);
    u->finishing = true;
    pthread_cond_broadcast(&u->changed);
    pthread_mutex_unlock(&u->mutex);
    pthread_join(u->thread, NULL);
    struct uploader_result result = u->result;
    uploader_free(u);
    return result;
}
