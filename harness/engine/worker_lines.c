/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker says on descriptor 3: checked, kept in the ledger, and acted upon. */
#include "base/log.h"
#include "base/mem.h"
#include "engine/protocol.h"
#include "engine/worker_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A progress line is kept in the ledger at most so often, and the longer a run has lasted the more
 * rarely; the last one of a phase and before an end always is. All of them would be 20 GB from 256
 * workers in a day; so each keeps some thousand, and what a kill takes is a thousandth of the run. */
#define LEDGER_PROGRESS_MS 2000
#define LEDGER_PROGRESS_PART 1000
/* Bytes of one process's lines in the ledger: above 100,000 declared locks. */
#define LEDGER_WORKER_MAX ((uint64_t)64 << 20)
/* Bytes that are kept of an error that a worker tells of. */
#define ERROR_SHOWN_MAX 1000

static void on_hello(struct worker *w, const struct message *m)
{
    if (w->said_hello) {
        worker_problem(w, "a worker says hello once", "said hello a second time");
        return;
    }
    w->said_hello = true;
    log_line(LOG_INFO, w->instance, "hello from %s %s", m->runtime, m->version);
    if (w->state == WORKER_STARTING)
        worker_begin_work(w);
}

static void keep_line(struct worker *w, const char *line, size_t size)
{
    if (w->ledger_full)
        return;
    if (w->ledger_bytes + size > LEDGER_WORKER_MAX || journal_ledger_full(&w->host->journal)) {
        w->ledger_full = true;
        worker_problem(w, "declare each lock once, and say fewer lines",
                       "said more than the ledger holds (LEDGER_WORKER_MAX, JOURNAL_LEDGER_MAX): the rest was dropped");
        return;
    }
    w->ledger_bytes += size;
    journal_ledger(&w->host->journal, w->instance, line, size);
}

void worker_keep_progress(struct worker *w)
{
    if (w->last_progress.size > 0)
        keep_line(w, w->last_progress.data, w->last_progress.size);
    buf_clear(&w->last_progress);
}

static void on_progress(struct worker *w, const struct message *m, const char *line, size_t size)
{
    int64_t now = journal_elapsed_ms(&w->host->journal);
    host_notify_phase(w->host, w->instance, m->phase, m->done, m->total_acquires);
    if (w->host->soak)
        return;
    if (!w->phase || strcmp(w->phase, m->phase) != 0) {
        worker_keep_progress(w); /* the last counts of the phase before */
        free(w->phase);
        w->phase = mem_strdup(m->phase);
    }
    buf_clear(&w->last_progress);
    buf_add(&w->last_progress, line, size);
    int64_t since_kept = now - w->progress_kept_ms;
    if (since_kept >= LEDGER_PROGRESS_MS && since_kept >= now / LEDGER_PROGRESS_PART) {
        worker_keep_progress(w);
        w->progress_kept_ms = now;
    }
}

static void on_done(struct worker *w)
{
    buf_clear(&w->last_progress);
    w->said_done = true;
    if (w->state == WORKER_WORKING)
        worker_leave(w);
}

void worker_bad_line(struct worker *w, const char *why)
{
    if (w->bad_lines++ == 0)
        worker_problem_text(w, "only protocol lines go to file descriptor 3; docs/formats.md has their form",
                            mem_printf("line %" PRIu64 " on descriptor 3: %s", w->lines, why));
}

/* Its local profiles are collected from its own directory when it has ended; one that lies
 * elsewhere would be missed. */
static void on_profile(struct worker *w, const struct message *m)
{
    size_t size = strlen(w->directory);
    if (strncmp(m->path, w->directory, size) != 0 || m->path[size] != '/')
        worker_problem_text(w, "write local profiles with the prefix in DD_PROFILING_OUTPUT_PPROF",
                            mem_printf("wrote a local profile outside its directory: %.*s", ERROR_SHOWN_MAX, m->path));
}

void worker_take_line(struct worker *w, const char *line, size_t size)
{
    struct message m;
    struct err e;
    w->lines++;
    if (message_read(line, size, &m, &e) < 0) {
        worker_bad_line(w, e.text);
        return;
    }
    if (m.type != MESSAGE_HELLO && !w->said_hello) {
        worker_bad_line(w, "came before the worker said hello");
        message_fini(&m);
        return;
    }
    if (w->host->soak)
        w->host->soak->line(w->instance, &m, w->host->soak->data);
    else if (m.type != MESSAGE_PROGRESS)
        keep_line(w, line, size);
    switch (m.type) {
    case MESSAGE_HELLO:
        on_hello(w, &m);
        break;
    case MESSAGE_PROGRESS:
        on_progress(w, &m, line, size);
        break;
    case MESSAGE_DONE:
        on_done(w);
        break;
    case MESSAGE_ERROR:
        worker_problem_text(w, "the workload is broken: its own output says where",
                            m.phase[0] ? mem_printf("thread %.100s died in phase %.100s: %.*s",
                                                    m.thread[0] ? m.thread : "?", m.phase, ERROR_SHOWN_MAX, m.error)
                                       : mem_printf("%.*s", ERROR_SHOWN_MAX, m.error));
        break;
    case MESSAGE_PROFILE:
        on_profile(w, &m);
        break;
    case MESSAGE_LOCK:
    case MESSAGE_SITE:
        break;
    }
    message_fini(&m);
    if (w->state == WORKER_WORKING)
        worker_arm_working(w);
}
