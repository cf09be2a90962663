/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/doctor_checks.h"

#include "base/mem.h"
#include "commands/probe.h"
#include "engine/native.h"

#include <stdlib.h>
#include <unistd.h>

#define RUN_TIMEOUT_MS 10000

static void say_missing(struct doctor *d, const char *what, const char *path)
{
    doctor_say(d, FINDING_MISSING, what, "make", "%s is not there", path);
}

static void check_file(struct doctor *d, const char *what, const char *path, int mode)
{
    if (access(path, mode) < 0)
        say_missing(d, what, path);
    else
        doctor_say(d, FINDING_OK, what, NULL, "%s", path);
}

/* A program whose libraries (libdw, libcurl, libprotobuf-c ...) are not all there does not come to its first line. */
static void check_profiler(struct doctor *d, const char *path)
{
    const char *version[] = {path, "version", NULL};
    struct buf out = {0};
    struct err e;
    if (access(path, X_OK) < 0)
        say_missing(d, "lockprof", path);
    else if (probe_run(version, RUN_TIMEOUT_MS, &out, &e) < 0)
        doctor_say(d, FINDING_MISSING, "lockprof",
                   "apt-get install libdw1 libcurl4 libprotobuf-c1 libzstd1 zlib1g, or make deps", "%s", e.text);
    else
        doctor_say(d, FINDING_OK, "lockprof", NULL, "%s", path);
    buf_fini(&out);
}

static void check_workload(struct doctor *d, const char *build, enum build variant)
{
    char *path = native_workload(build, variant);
    char *what = mem_printf("build %s", scenario_build_name(variant));
    check_file(d, what, path, X_OK);
    free(what);
    free(path);
}

void doctor_native(struct doctor *d, const struct scenario_worker *worker, bool control, const char *build)
{
    char *profiler = native_profiler(build), *library = native_library(build);
    if (!d->profiler_checked) {
        check_profiler(d, profiler);
        check_file(d, "liblockprof", library, R_OK);
        if (control && worker->build != NATIVE_CONTROL_BUILD)
            check_workload(d, build, NATIVE_CONTROL_BUILD);
    }
    d->profiler_checked = true;
    check_workload(d, build, worker->build);
    free(profiler);
    free(library);
}
