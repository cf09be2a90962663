/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `ui`: what a person is shown. google/pprof serves the read-back copies of one process as its web page, a
 * headless Chromium opens flame graph and top table, the names are read from what it rendered, and pictures are kept.
 *
 * Files: copies/ui/INSTANCE.SEQ.json (names, page, time), copies/ui/INSTANCE.SEQ.flamegraph.png, .top.png. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_H
#define LOCKTRAIL_ENGINE_SCREEN_H

#include "engine/host.h"

struct screen;

/* One process and its copies (paths of profile files in any encoding). */
struct screen_subject {
    const char *instance;
    const char *const *files;
    size_t file_count;
};

/* The stage is over: *e is NULL, or why (some of) it could not be looked at: ERR_MISSING a program, with the command
 * that gets it. A page that fails is an error, never a loss. */
typedef void (*screen_fn)(struct screen *screen, const struct err *e, void *data);

/* One after the other. Strings are copied. `fn` never comes from within. */
struct screen *screen_start(struct host *host, const struct screen_subject *subjects, size_t count, screen_fn fn,
                            void *data);
void screen_stop(struct screen *screen, bool now);
void screen_free(struct screen *screen);

/* Whether pprof, Chromium and its driver are there; ERR_MISSING with the command that gets what is not. `root` and
 * `build` as in struct run_options. */
int screen_check(const struct scenario *s, const char *root, const char *build, struct err *e);

#endif
