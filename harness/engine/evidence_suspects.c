/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of ddtrace that are known to cost names. Sources: its documentation of the DD_PROFILING_
 * variables, and what was measured with 3.17.0 and 4.16.0 (docs/troubleshooting.md). */
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

size_t evidence_suspects(const struct scenario *s, struct trail_suspect *out)
{
    size_t count = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        const struct scenario_worker *w = &s->workers[i];
        const char *excluded = variable(w, "DD_PROFILING_LOCK_EXCLUDE_MODULES");
        if (!w->inspect_dir || is_off(variable(w, "DD_PROFILING_LOCK_NAME_INSPECT_DIR"))) {
            out[count++] = (struct trail_suspect){w->name, MECHANISM_NEVER_NAMED,
                                                  mem_strdup("DD_PROFILING_LOCK_NAME_INSPECT_DIR=false"),
                                                  inspect_dir_advice, false};
            out[count++] = (struct trail_suspect){w->name, MECHANISM_ALIASED,
                                                  mem_strdup("DD_PROFILING_LOCK_NAME_INSPECT_DIR=false"),
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
    }
    return count;
}
