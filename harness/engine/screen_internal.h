/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `ui` while it runs: what its parts share.
 *
 * Happy path: the browser's driver is started, and beside it the first process's copies are decompressed; pprof serves
 * them twice (flame graph, top table); the browser is opened; its pages are looked at step by step; pictures and names
 * are written; pprof ends; the next process. In the end the session is deleted, the driver stopped, the workspace
 * removed.
 * Failure modes: a program is missing or ends; a copy can't be read (it is left out, and told); pprof does not take the
 * copies; a page is none of pprof's or not there in time; the disk is full; the user stops the run. The next process is
 * looked at all the same, but where the browser itself is gone. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_INTERNAL_H
#define LOCKTRAIL_ENGINE_SCREEN_INTERNAL_H

#include "engine/screen.h"
#include "engine/screen_driver.h"
#include "engine/screen_files.h"
#include "engine/screen_programs.h"
#include "engine/screen_record.h"
#include "engine/service.h"

#include <stdbool.h>

enum { PAGE_FLAMEGRAPH, PAGE_TOP, PAGE_COUNT };

enum browser_state { BROWSER_STARTING, BROWSER_OPENING, BROWSER_OPEN, BROWSER_CLOSING, BROWSER_GONE };

enum subject_state {
    SUBJECT_NONE,
    SUBJECT_DECODING,
    SUBJECT_SERVING, /* pprof starts */
    SUBJECT_SERVED,  /* waits for the browser */
    SUBJECT_LOOKING,
    SUBJECT_WRITING,
    SUBJECT_LEAVING /* pprof ends */
};

/* A pprof that serves one of the two pages. */
struct screen_page {
    struct screen *screen;
    struct service *service; /* NULL: none runs */
    char *url;               /* "http://127.0.0.1:40123/ui/top" */
    bool ready, stopped;
    struct buf picture;
};

struct screen_copies {
    char *instance;
    char **files;
    size_t count;
};

struct screen {
    struct host *host; /* borrowed */
    struct screen_copies *subjects;
    size_t subject_count, index;
    screen_fn fn;
    void *data;
    uv_timer_t begin;
    char *directory; /* workspace: services/ui */
    char *temporary; /* the browser's; NULL: none was made. Short, since a socket's path has 108 bytes */
    struct screen_programs programs;
    int64_t timeout_ms;

    enum browser_state browser;
    struct service *driver_service; /* NULL: none runs */
    bool driver_stopped;
    struct screen_driver driver; /* client NULL: closed */
    char *how;                   /* NULL until the session is open */

    /* of the process that is looked at */
    enum subject_state subject;
    struct screen_files files;
    struct screen_page pages[PAGE_COUNT];
    struct screen_record record;
    size_t step;            /* of screen_look.c */
    unsigned width, height; /* of the window */
    bool calling;           /* the driver is at it */
    bool given_up;
    unsigned writes; /* under way */

    bool begun, stopping, broken, over;
    size_t failures;
    struct err error; /* the gravest of the first */
    unsigned open;    /* services, clients, writes and work that have not ended */
};

/* --- screen.c --- */

/* Keeps what went wrong; a copy that can't be read (ERR_INPUT) is the least of it. */
void screen_failed(struct screen *s, const struct err *e);
/* The process is looked at, or has been given up: ends what serves it, then comes the next. */
void screen_leave(struct screen *s);
/* Something of `open` has ended. */
void screen_closed_one(void *data);

/* --- screen_serve.c: the services --- */

int screen_start_driver(struct screen *s, struct err *e);
/* Two pprofs for s->files. */
int screen_serve(struct screen *s, struct err *e);
/* Ends those that run; `now`: also those that are told to already. */
void screen_stop_pages(struct screen *s, bool now);
void screen_stop_driver(struct screen *s, bool now);
bool screen_has_pages(const struct screen *s);

/* The driver's service is ready; it failed; it has ended. The pages are all ready; one failed; all have ended. */
void screen_on_driver_ready(struct screen *s);
void screen_on_driver_failed(struct screen *s, const struct err *e);
void screen_on_driver_ended(struct screen *s);
void screen_on_pages_ready(struct screen *s);
void screen_on_page_failed(struct screen *s, const struct err *e);
void screen_on_pages_ended(struct screen *s);

/* --- screen_look.c --- */

/* From the pages to the names and pictures, and these onto the disk; then screen_leave. */
void screen_look(struct screen *s);

#endif
