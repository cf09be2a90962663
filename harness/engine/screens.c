/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screens.h"

#include "base/mem.h"
#include "engine/screen.h"

#include <stdlib.h>

struct screens {
    struct host *host;
    struct screen *screen;
    void (*done)(void *data);
    void *data;
};

static void on_looked(struct screen *screen, const struct err *e, void *data)
{
    struct screens *s = data;
    void (*done)(void *data) = s->done;
    void *done_data = s->data;
    /* A copy that can't be read was told of at the stage before; all else of it was shown. */
    if (!e || e->code == ERR_INPUT)
        host_stage_ran(s->host, STAGE_UI);
    else if (e->code != ERR_INTERRUPTED)
        host_problem(s->host, "ui", "the logs of pprof and the browser's driver lie in services/ of the run", NULL, 0,
                     "the page could not be looked at: %s", e->text);
    screen_free(screen);
    free(s);
    done(done_data);
}

static char **files_of(const struct host *host, const struct recorder_lane *lane)
{
    char **files = mem_calloc(lane->sequence, sizeof *files);
    for (unsigned i = 0; i < lane->sequence; i++)
        files[i] = mem_printf("%s/copies/%s/%s.%u.pprof", host->options->directory, stage_name(lane->stage),
                              lane->instance, i + 1);
    return files;
}

static void free_subject(struct screen_subject *subject)
{
    for (size_t i = 0; i < subject->file_count; i++)
        free((char *)subject->files[i]);
    free((void *)subject->files);
}

struct screens *screens_start(struct host *host, const struct recorder *recorder, void (*done)(void *data), void *data)
{
    size_t lane_count, count = 0;
    const struct recorder_lane *lanes = recorder_lanes(recorder, &lane_count);
    struct screen_subject *subjects = mem_calloc(lane_count, sizeof *subjects);
    for (size_t i = 0; i < lane_count; i++)
        if (lanes[i].stage == STAGE_BACKEND && lanes[i].sequence > 0)
            subjects[count++] = (struct screen_subject){.instance = lanes[i].instance,
                                                        .files = (const char *const *)files_of(host, &lanes[i]),
                                                        .file_count = lanes[i].sequence};
    struct screens *s = mem_calloc(1, sizeof *s);
    *s = (struct screens){.host = host, .done = done, .data = data};
    s->screen = screen_start(host, subjects, count, on_looked, s);
    for (size_t i = 0; i < count; i++)
        free_subject(&subjects[i]);
    free(subjects);
    return s;
}

void screens_stop(struct screens *s, bool now)
{
    screen_stop(s->screen, now);
}
