/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of ddtrace and builds of C programs that are known to cost names. Sources: ddtrace's documentation of the
 * DD_PROFILING_ variables, and what was measured with 3.17.0 and 4.16.0 (docs/troubleshooting.md). */
#include "base/mem.h"
#include "engine/evidence_internal.h"

#include <string.h>
#include <strings.h>

static const char *variable(const struct scenario_worker *w, const char *name)
{
    for (size_t i = 0; i < w->environment_count; i++)
        if (strcmp(w->environment[i].name, name) == 0)
            return w->environment[i].value;
    return NULL;
}

/* ddtrace takes these words for true and everything else for false. */
static bool is_off(const char *value)
{
    static const char *const on[] = {"1", "true", "yes", "on"};
    for (size_t i = 0; value && i < sizeof on / sizeof *on; i++)
        if (strcasecmp(value, on[i]) == 0)
            return false;
    return value != NULL;
}

static const char *const inspect_dir_advice =
    "set it to true (the default): without it the profiler does not look into objects for the "
    "lock's name";

static size_t ddtrace_suspects(const struct scenario_worker *w, struct trail_suspect *out)
{
    const char *excluded = variable(w, "DD_PROFILING_LOCK_EXCLUDE_MODULES");
    size_t count = 0;
    if (!w->inspect_dir || is_off(variable(w, "DD_PROFILING_LOCK_NAME_INSPECT_DIR"))) {
        out[count++] =
            (struct trail_suspect){w->name, MECHANISM_NEVER_NAMED,
                                   mem_strdup("DD_PROFILING_LOCK_NAME_INSPECT_DIR=false"), inspect_dir_advice, false};
        out[count++] =
            (struct trail_suspect){w->name, MECHANISM_ALIASED, mem_strdup("DD_PROFILING_LOCK_NAME_INSPECT_DIR=false"),
                                   inspect_dir_advice, false};
    }
    if (w->capture_pct < 100)
        out[count++] = (struct trail_suspect){
            w->name, MECHANISM_NEVER_SAMPLED, mem_printf("DD_PROFILING_CAPTURE_PCT=%.10g", w->capture_pct),
            "the profiler counts acquires instead of drawing them, so a program that keeps "
            "step with it can "
            "leave a lock without a sample for ever: try another percentage",
            true};
    if (excluded && excluded[0])
        out[count++] = (struct trail_suspect){
            w->name, MECHANISM_NEVER_SAMPLED, mem_printf("DD_PROFILING_LOCK_EXCLUDE_MODULES=%.80s", excluded),
            "locks of these modules are not profiled: take the module out of the list", false};
    if (is_off(variable(w, "DD_PROFILING_LOCK_ENABLED")))
        out[count++] =
            (struct trail_suspect){w->name, MECHANISM_NEVER_SAMPLED, mem_strdup("DD_PROFILING_LOCK_ENABLED=false"),
                                   "the lock collector is switched off: set it to true", false};
    return count;
}

/* What a build lacks to be named, and what helps; NULL: nothing that its debug information lacks. */
static const char *build_advice(enum build build)
{
    static const char *const advice[] = {
        [BUILD_G1] = "line tables alone (-g1) name no variable: build with -g",
        [BUILD_NODEBUG] = "without debug information only ELF symbols are names: build with -g",
        [BUILD_STRIPPED] =
            "nothing in the program says a name: keep its debug information beside it (debuglink, build-id "
            "directory)",
        [BUILD_SPLIT] =
            "its debug information is in .dwo files (-gsplit-dwarf): they must be where they were made, or in "
            "a .dwp beside the program",
        [BUILD_CLANG_O2G] = NULL,
    };
    return advice[build];
}

static size_t native_suspects(const struct scenario_worker *w, struct trail_suspect *out)
{
    static const enum mechanism losses[] = {MECHANISM_NEVER_NAMED, MECHANISM_ALIASED, MECHANISM_NEVER_SAMPLED};
    const char *advice = build_advice(w->build);
    size_t count = 0;
    for (size_t i = 0; advice && i < sizeof losses / sizeof *losses; i++)
        out[count++] = (struct trail_suspect){w->name, losses[i],
                                              mem_printf("build: %s", scenario_build_name(w->build)), advice, false};
    return count;
}

size_t evidence_suspects(const struct scenario *s, struct trail_suspect *out)
{
    size_t count = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        const struct scenario_worker *w = &s->workers[i];
        count += w->runtime == RUNTIME_NATIVE ? native_suspects(w, out + count) : ddtrace_suspects(w, out + count);
    }
    return count;
}
