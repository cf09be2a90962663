/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a program that serves the run (an agent, pprof's web page, a browser's driver): started under its guard,
 * asked until it answers, watched, stopped. Its output goes to services/NAME.out and .err of the run directory.
 *
 * Happy path: STARTING (asked every 50 ms) → READY → STOPPING → ENDED. Failure modes, each a text that names the
 * service and the cause, with its last output beside it: can't be executed; ends before it answers; no answer in
 * start_timeout; ends while it is needed; has to be killed. */
#ifndef LOCKTRAIL_ENGINE_SERVICE_H
#define LOCKTRAIL_ENGINE_SERVICE_H

#include "engine/host.h"

#include <stdbool.h>
#include <stdint.h>

struct service;

struct service_options {
    struct host *host;       /* borrowed */
    const char *name;        /* "trace-agent" */
    const char *const *args; /* NULL-terminated */
    const char *const *env;  /* complete; keys only here, never in `args` */
    const char *health_url;  /* GET, any 2xx is ready; NULL: ready when it is executed */
    const char *health_unix_socket;
    int health_status; /* the status that means ready; 0: any 2xx */
    int64_t start_timeout_ms, stop_timeout_ms;
};

enum service_event {
    SERVICE_READY,
    SERVICE_FAILED, /* one of the failure modes above, once: `text` says which. SERVICE_ENDED follows */
    SERVICE_ENDED   /* the last event; service_free may be called from it */
};
/* `text` is NULL but for SERVICE_FAILED; `output` the last bytes of what it wrote, any encoding. Never from within
 * service_start. */
struct service_message {
    enum service_event event;
    const char *text;
    const char *output;
    size_t output_size;
};
typedef void (*service_fn)(struct service *service, const struct service_message *message, void *data);

/* Writes `service_started`, `service_ready`, `service_ended` events. Everything in `options` is copied but the host. */
struct service *service_start(const struct service_options *options, service_fn fn, void *data);
/* SIGTERM, SIGKILL after stop_timeout_ms; again: at once. No effect on one that has ended. */
void service_stop(struct service *service);
/* SIGKILL at once, without having asked: no failure. */
void service_kill(struct service *service);
void service_free(struct service *service); /* only when ended */

#endif
