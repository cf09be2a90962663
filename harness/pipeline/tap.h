/* SPDX-License-Identifier: Apache-2.0 */
/* A tap: a recording reverse proxy between two stages. It changes nothing unless a fault is asked for.
 *
 * Happy path: a request's head comes → the same head goes to the next hop → its body is passed on as it comes and kept
 * beside → complete → the next hop's answer goes back → TAP_UPLOAD (at the latest some ms behind the body's end, should
 * the answer take longer; before the answer where a fault may change the upload) → TAP_DONE.
 * Failure modes: the next hop can't be reached (502), does not answer in time (504, after `answer_timeout_ms`), cuts
 * the connection (502); the sender goes away (the next hop's request ends with it, what came is kept); a body over
 * `max_body` (413); an upload that can't be read is passed on all the same, and told with the reason. */
#ifndef LOCKTRAIL_PIPELINE_TAP_H
#define LOCKTRAIL_PIPELINE_TAP_H

#include "pipeline/fault.h"
#include "pipeline/intake.h"

struct tap;

/* The next hop. Strings are borrowed during tap_start. */
struct tap_target {
    const char *url;         /* "http://127.0.0.1:8126": the request's own path is kept; one with a path replaces it */
    const char *unix_socket; /* path, or NULL */
    const char *api_key; /* goes out as DD-API-KEY in place of the sender's; NULL: headers as they came. Never part of
                            a text */
};

/* Where a request with this path goes at a target with this `url`. The caller's. */
char *tap_target_url(const char *url, const char *path);

struct tap_options {
    const char *actor;  /* for logs: "tap upload" */
    const char *listen; /* as httpd_options.listen */
    struct tap_target to;
    size_t max_body, max_header;
    unsigned max_parts;
    int64_t idle_timeout_ms;
    int64_t answer_timeout_ms;    /* from the end of the request to the next hop's answer */
    const char *spool;            /* directory for bodies that are too large for memory; borrowed during tap_start */
    const struct fault_plan *in;  /* before the copy is recorded; NULL none; borrowed until the tap is closed */
    const struct fault_plan *out; /* after it */
    const char *(*instance_of)(const struct upload *upload, void *data); /* whose upload it is, for faults; or NULL */
};

/* One request and what became of it. Times are CLOCK_MONOTONIC, ns; 0: did not happen. */
struct tap_exchange {
    const char *method, *path;
    uint64_t received_ns; /* the head was there */
    uint64_t complete_ns; /* the whole body was */
    uint64_t sent_ns;     /* the next hop had all of it */
    uint64_t answered_ns; /* its answer was complete */
    uint64_t body_size, answer_size;
    int next_status;   /* of the next hop; 0: none came */
    unsigned taken;    /* how often the next hop has answered with 2xx: a fault may send it twice, or not at all */
    int status;        /* what the sender was told; 0: it was gone */
    const char *error; /* why the next hop has no status, or why the sender has none; NULL */
    const char *fault; /* what a fault did to it, for people and the journal; NULL */
};

enum tap_event_kind {
    TAP_UPLOAD, /* an upload is complete. `upload` is as in intake.h, with `status` 0 as nobody has answered yet */
    TAP_DONE    /* a request of any kind is over. Of an upload it comes after TAP_UPLOAD, except where the body never
                   became complete: then `upload` is there too, `rejected` says why, and no TAP_UPLOAD came */
};

struct tap_event {
    enum tap_event_kind kind;
    uint64_t number;                     /* of the exchange, from 1 */
    const struct upload *upload;         /* TAP_UPLOAD; its body may not be taken, only read */
    const struct tap_exchange *exchange; /* TAP_DONE */
};
/* Everything in the event is valid during the call. Not called after tap_stop but for open exchanges, which end with
 * TAP_DONE before `closed`. */
typedef void (*tap_fn)(struct tap *tap, const struct tap_event *event, void *data);

/* NULL and *e as httpd_start. Strings of `options` are copied. All on the loop's thread. */
struct tap *tap_start(uv_loop_t *loop, const struct tap_options *options, tap_fn fn, void *data, struct err *e);
const char *tap_url(const struct tap *tap);

/* Another next hop from the next request on: an agent's address is known only after it was started, and it wants to
 * know the address of the tap behind it first. */
void tap_set_target(struct tap *tap, const struct tap_target *to);

/* What a soak does to the uploads of a tap for a while. */
struct tap_disturbance {
    const char *worker; /* whose uploads, as instance_of says it in front of the first dot; NULL: all */
    int status;         /* answered in place of the next hop, and the upload is neither told nor passed on; 0: none */
    int64_t delay_ms;   /* before it is told and passed on; those of several add up */
};
/* From the next upload on, in place of what was said before; what is under way stays as it is. Copied. */
void tap_disturb(struct tap *tap, const struct tap_disturbance *items, size_t count);

/* Under way: without the one that a fault holds back until another comes, or the tap ends. */
unsigned tap_open_exchanges(const struct tap *tap);

/* Ends what is open, calls `closed` from the loop, frees. */
void tap_stop(struct tap *tap, void (*closed)(void *data), void *data);

#endif
