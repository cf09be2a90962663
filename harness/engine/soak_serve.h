/* SPDX-License-Identifier: Apache-2.0 */
/* `--metrics`: GET /metrics over HTTP on loopback. */
#ifndef LOCKTRAIL_ENGINE_SOAK_SERVE_H
#define LOCKTRAIL_ENGINE_SOAK_SERVE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <uv.h>

/* OpenMetrics 1.0.0, section "Protocol Negotiation": who does not ask for it gets Prometheus' own form of text. */
#define SOAK_METRICS_OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define SOAK_METRICS_TEXT "text/plain; version=0.0.4; charset=utf-8"

struct soak_serve;

/* Appends the text of /metrics, `open`: as OpenMetrics, else in Prometheus' form; on the loop, at each request. */
typedef void (*soak_metrics_fn)(bool open, struct buf *out, void *data);

/* `address`: "127.0.0.1:9464" (port 0: any that is free), "[::1]:PORT", "localhost:PORT" or "unix:/PATH". NULL and *e
 * where it is not loopback or can't be had (httpd.h). On the loop's thread, like all here. */
struct soak_serve *soak_serve_start(uv_loop_t *loop, const char *address, soak_metrics_fn write, void *data,
                                    struct err *e);

/* "http://127.0.0.1:9464/metrics". Borrowed. */
const char *soak_serve_url(const struct soak_serve *s);

/* `closed` from the loop; freed then. */
void soak_serve_stop(struct soak_serve *s, void (*closed)(void *data), void *data);

#endif
