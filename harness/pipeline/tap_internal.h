/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a tap among one another: the server's side and the tap's own life (tap.c), an exchange
 * (tap_exchange.c), the next hop (tap_deliver.c), what faults (tap_fault.c) and disturbances (tap_disturb.c) do. All on
 * the loop's thread. */
#ifndef LOCKTRAIL_PIPELINE_TAP_INTERNAL_H
#define LOCKTRAIL_PIPELINE_TAP_INTERNAL_H

#include "io/http_client.h"
#include "io/spool.h"
#include "pipeline/intake_upload.h"
#include "pipeline/tap.h"

/* Senders at once: as many workers as one coordinator is asked to run, each with one connection. */
#define TAP_CONNECTIONS_MAX 256
/* A complete upload is read when its next hop has answered, or after so long: reading 1 MB takes some 0.3 ms, in which
 * that answer would lie there. */
#define TAP_LOOK_MS 5
/* Largest answer that is passed back. Agents answer with some KiB; above it the sender is told 502. */
#define TAP_ANSWER_MAX ((size_t)4 << 20)

struct tap_disturbing {
    char *worker;
    int status;
    int64_t delay_ms;
};

/* What is to be done with a complete upload that is held back, behind a delay or another upload. */
enum tap_step {
    TAP_STEP_RECORD, /* hand it out, then what `out` asks for */
    TAP_STEP_DELIVER /* pass it on */
};

struct tap_exchange_state {
    struct tap *tap;
    struct tap_exchange_state *next, **link; /* the tap's open ones */
    struct http_request *request;            /* NULL once it is gone */
    struct tap_exchange told;                /* `method`, `path`, `error` and `fault` point into what follows */
    uint64_t number;
    char *method, *path, *error;
    struct buf fault;
    struct http_headers headers; /* as they came, or as a fault `in` made them */
    int accepted;                /* status of a good upload at this path; 0: it is none */
    bool disturbable;            /* its head came while the tap was disturbed */
    int64_t disturb_delay_ms;
    bool held_back;   /* a fault may change it: nothing is passed on before it is complete */
    uv_timer_t timer; /* delays; how long the next hop takes */

    struct spool *record;
    bool paused;   /* the sender waits */
    bool complete; /* the body came whole */
    bool broken;   /* it never will */
    bool due;      /* complete, and to be looked at from the loop */
    bool taken;    /* the upload, if it is one, was handed out or never will be */
    bool over;     /* nothing more goes to the next hop */
    bool finished; /* TAP_DONE was told */

    struct buf body; /* the whole, borrowed from the record or from `in` */
    struct intake_upload upload;
    bool parsed; /* `upload` is there */
    struct fault_effect in, out;
    enum tap_step step; /* behind the delay or the upload that it waits for */
    bool delayed, held;

    struct http_call_state *call; /* NULL: none is open */
    int64_t size;                 /* of the sender's body, as http_stream.size */
    uint64_t sent;                /* bytes of a held-back body that the next hop has of this delivery */
    uint64_t progress_ns;         /* when it took some */
    unsigned deliveries;          /* still to come */

    bool ready, answered; /* the answer is known; it is given */
    int status;           /* of the answer */
    struct http_headers answer_headers;
    struct buf answer;
};

struct tap {
    uv_loop_t *loop;
    struct httpd *server; /* NULL once it is closed */
    struct http_client *client;
    uv_timer_t soon; /* exchanges that are due, and the stop, are looked at from the loop and never from a callback */
    struct tap_options options; /* strings are own, but for `to`, which is not kept */
    char *actor, *spool;
    char *url, *unix_socket, *api_key; /* of the next hop */
    tap_fn fn;
    void *data;
    struct tap_exchange_state *exchanges; /* open ones */
    struct tap_exchange_state *held;      /* waits for the next upload */
    struct tap_disturbing *disturbances;
    size_t disturbance_count;
    unsigned open;         /* exchanges */
    unsigned alive;        /* exchanges and records that still have something open */
    size_t memory;         /* of all records */
    uint64_t count;        /* exchanges so far */
    bool stopping, ending; /* asked for; under way */
    void (*closed)(void *data);
    void *closed_data;
};

/* --- tap.c --- */

/* Looks at exchanges that are due in the next turn of the loop. */
void tap_look_soon(struct tap *tap);
void tap_look_later(struct tap *tap); /* within TAP_LOOK_MS */
/* Something of the tap was given back: the last one ends a tap that is being stopped. */
void tap_released(struct tap *tap);

/* --- tap_exchange.c --- */

/* Begins one whose head is there. */
struct tap_exchange_state *exchange_new(struct tap *tap, struct http_request *request,
                                        const struct http_request_info *info);
/* Of a request whose head never became good: TAP_DONE at once. */
void exchange_refused(struct tap *tap, const struct http_request_info *info);
void exchange_body(struct tap_exchange_state *x, const void *bytes, size_t size);
void exchange_end(struct tap_exchange_state *x);
void exchange_failed(struct tap_exchange_state *x, const char *why, int status);
void exchange_gone(struct tap_exchange_state *x, bool answered);
/* A complete one whose body is settled: reads it. */
void exchange_look(struct tap_exchange_state *x);
/* Tells TAP_UPLOAD. */
void exchange_hand_out(struct tap_exchange_state *x);
/* Reads `body` as an upload (again). */
void exchange_read(struct tap_exchange_state *x);
/* Lets the sender go on where there is room. */
void exchange_continue(struct tap_exchange_state *x);
/* The sender's answer, once: of locktrail itself ({"error": ...}, or {} where `error` is NULL). */
void exchange_reply(struct tap_exchange_state *x, int status, const char *error);
/* Keeps the first reason. */
void exchange_error(struct tap_exchange_state *x, const char *error);
/* Answers and ends it where that is due. The last thing in every callback. */
void exchange_check(struct tap_exchange_state *x);
/* Ends it now: the tap is being stopped. */
void exchange_stop(struct tap_exchange_state *x);

/* --- tap_deliver.c --- */

/* Sends it to the next hop: with its body as it comes, or (`held_back`) with the one that faults have left. */
void deliver(struct tap_exchange_state *x);
/* The body has grown, or is complete. */
void deliver_more(struct tap_exchange_state *x);
/* Gives up what is open. */
void deliver_cancel(struct tap_exchange_state *x);
/* Begins to count the time that the next hop takes. */
void deliver_watch(struct tap_exchange_state *x);

/* --- tap_fault.c --- */

/* A complete upload that is held back: what `in` asks for, and everything behind it. */
void fault_begin(struct tap_exchange_state *x);
/* Lets the upload that is held, if any, go its way. */
void fault_release(struct tap *tap);
/* Whether it must be seen to its end although the tap is being stopped: its sender was told that all is well. */
bool fault_is_promised(const struct tap_exchange_state *x);

/* --- tap_disturb.c --- */

/* What the tap's disturbances make of an upload of this instance: a status to be answered, or 0 and its delay. */
int disturb_begin(struct tap_exchange_state *x, const char *instance);
void disturb_fini(struct tap *tap);

#endif
