/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/host.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void host_ignore_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static int make_run_id(char out[RUN_ID_SIZE], struct err *e)
{
    unsigned char bytes[(RUN_ID_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return err_sys(e, ERR_INTERNAL, errno, "can't make a run id");
    for (size_t i = 0; i < sizeof bytes; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
    return 0;
}

int host_open(struct host *host, const struct run_options *options, uv_loop_t *loop, struct err *e)
{
    if (make_run_id(host->run_id, e) < 0)
        return -1;
    host->loop = loop;
    host->options = options;
    host->guard = mem_printf("%s/locktrail-guard", options->build);
    host->disk = disk_new(loop);
    journal_init(&host->journal, host->disk, options->directory);
    host->left_out = mem_calloc(options->scenario->worker_count, sizeof *host->left_out);
    return 0;
}

void host_fini(struct host *host)
{
    journal_fini(&host->journal);
    free(host->left_out);
    free(host->guard);
}

static void notify(struct host *host, struct run_event *event)
{
    event->elapsed_s = (double)journal_elapsed_ms(&host->journal) / 1000;
    if (host->options->on_event)
        host->options->on_event(event, host->options->data);
}

void host_notify(struct host *host, enum run_event_kind kind, const char *who, const char *text)
{
    struct run_event event = {.kind = kind, .who = who, .text = text ? text : ""};
    notify(host, &event);
}

void host_notify_phase(struct host *host, const char *who, const char *phase, double done, uint64_t acquires)
{
    struct run_event event = {
        .kind = RUN_PHASE, .who = who, .text = "", .phase = phase, .done = done, .acquires = acquires};
    notify(host, &event);
}

void host_problem(struct host *host, const char *who, const char *advice, const char *output, size_t output_size,
                  const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);

    struct json_out out = journal_begin(&host->journal, "problem");
    json_put_string(&out, "who", who);
    json_put_string(&out, "text", text.data);
    json_put_string(&out, "advice", advice);
    json_key(&out, "output");
    json_string_n(&out, output ? output : "", output ? output_size : 0);
    journal_end(&host->journal, &out, true);

    if (host->soak)
        host->soak->problem(who, text.data, advice, host->soak->data);
    host_notify(host, RUN_PROBLEM, who, text.data);
    log_line(LOG_INFO, who, "problem: %s", text.data);
    buf_fini(&text);
}

void host_stage_ran(struct host *host, enum stage stage)
{
    struct json_out out = journal_begin(&host->journal, "stage");
    json_put_string(&out, "stage", stage_name(stage));
    journal_end(&host->journal, &out, true);
}

char *host_listen(const struct host *host)
{
    const char *listen = host->options->scenario->intake.listen;
    return strcmp(listen, "unix:") == 0 ? mem_printf("unix:%s/intake.sock", host->options->directory)
                                        : mem_strdup(listen);
}

void host_write_failed(struct host *host, const struct err *e)
{
    if (host->unwritten)
        return;
    host->unwritten = true;
    host->write_error = *e;
    log_line(LOG_INFO, "run", "not written: %s", e->text);
}
