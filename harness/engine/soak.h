/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one soak: workers that stay up, whose uploads are judged as they arrive, for as long as was asked for. It
 * leaves a run directory with soak.json (soak_record.h); what is told of it is made from that alone. */
#ifndef LOCKTRAIL_ENGINE_SOAK_H
#define LOCKTRAIL_ENGINE_SOAK_H

#include "engine/run.h"
#include "engine/soak_record.h"

/* Bytes of a run directory below which there is no room for copies beside what any soak writes. */
#define SOAK_DISK_MIN ((uint64_t)64 << 20)

struct soak_options {
    const struct scenario *scenario; /* borrowed, like all below; upload intervals are as the soak is to have them */
    const char *directory;           /* new or empty; with `resume` an earlier soak's */
    struct soak_record *record;      /* `{0}`, or with `resume` what was left there; goes on while it is soaked */
    bool resume;
    const char *root, *build; /* as run_options */
    const struct site *site;  /* of the backend `datadog`, else NULL */
    int64_t for_ms;           /* of the soak's own time, what was there before a --resume counted */
    int64_t every_ms;         /* at least so often stock is taken */
    bool until_loss;
    uint64_t max_disk;   /* bytes of the run directory */
    uint64_t max_rss;    /* bytes of locktrail's own resident memory; 0: no limit */
    const char *metrics; /* "127.0.0.1:9464"; NULL: not served */
    /* The text of GET /metrics: OpenMetrics where `open`, else Prometheus' own. */
    void (*write_metrics)(const struct soak_record *record, bool open, struct buf *out);
    run_event_fn on_event;
    void (*taken)(const struct soak_record *record, void *data); /* stock was taken */
    void *data;
};

/* Whether this scenario can be soaked: what it asks for must be possible while workers go on for ever. ERR_INPUT, with
 * what to change. */
int soak_check(const struct scenario *s, struct err *e);
/* Whether its uploads pass the stages that the record has: else what was counted and what comes would be one number.
 * ERR_INPUT. */
int soak_check_resumed(const struct scenario *s, const struct soak_record *r, struct err *e);

/* As run_execute: blocks, handles SIGINT, SIGTERM, SIGHUP; *happened: the directory has a soak.json. */
int soak_execute(const struct soak_options *options, bool *happened, struct err *e);

#endif
