/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/words.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const STAGES[STAGE_COUNT] = {
    "declared", "control", "collector", "upload", "agent", "backend", "ui",
};

static const char *const STATES[STATE_COUNT] = {
    "exact", "mangled", "alias", "generic", "absent", "undersampled", "not_run",
};

static const char *const MECHANISMS[MECHANISM_COUNT] = {
    "never_named",     "never_sampled", "aliased",         "label_dropped",   "label_key_renamed", "value_truncated",
    "value_rewritten", "names_swapped", "samples_dropped", "profile_dropped", "profile_corrupt",   "duplicated",
};

static const char *const VERDICTS[VERDICT_COUNT] = {
    "success", "partial", "failure", "critical", "inconclusive", "error",
};

static const char *const ARMS[] = {"local", "upload", "tee", "control"};
#define ARM_COUNT (sizeof ARMS / sizeof ARMS[0])

/* design.md, "Exit codes"; an error of the run is the internal one. */
static const int EXIT_CODES[VERDICT_COUNT] = {0, 1, 2, 3, 4, 70};

static int find(const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *stage_name(enum stage stage)
{
    assert((size_t)stage < STAGE_COUNT);
    return STAGES[stage];
}

const char *lock_state_name(enum lock_state state)
{
    assert((size_t)state < STATE_COUNT);
    return STATES[state];
}

const char *mechanism_name(enum mechanism mechanism)
{
    assert((size_t)mechanism < MECHANISM_COUNT);
    return MECHANISMS[mechanism];
}

const char *verdict_name(enum verdict verdict)
{
    assert((size_t)verdict < VERDICT_COUNT);
    return VERDICTS[verdict];
}

const char *arm_name(enum arm arm)
{
    assert((size_t)arm < ARM_COUNT);
    return ARMS[arm];
}

bool stage_parse(const char *text, enum stage *out)
{
    int found = find(text, STAGES, STAGE_COUNT);
    if (found >= 0) {
        *out = (enum stage)found;
    }
    return found >= 0;
}

bool mechanism_parse(const char *text, enum mechanism *out)
{
    int found = find(text, MECHANISMS, MECHANISM_COUNT);
    if (found >= 0) {
        *out = (enum mechanism)found;
    }
    return found >= 0;
}

bool verdict_parse(const char *text, enum verdict *out)
{
    int found = find(text, VERDICTS, VERDICT_COUNT);
    if (found >= 0) {
        *out = (enum verdict)found;
    }
    return found >= 0;
}

bool arm_parse(const char *text, enum arm *out)
{
    int found = find(text, ARMS, ARM_COUNT);
    if (found >= 0) {
        *out = (enum arm)found;
    }
    return found >= 0;
}

bool rendering_parse(const char *text, enum rendering *out, const char **mangled)
{
    static const char prefix[] = "mangled:";
    const size_t size = sizeof prefix - 1;
    if (strcmp(text, "exact") == 0) {
        *out = RENDERING_EXACT;
        *mangled = NULL;
        return true;
    }
    if (strcmp(text, "generic") == 0) {
        *out = RENDERING_GENERIC;
        *mangled = NULL;
        return true;
    }
    if (strncmp(text, prefix, size) == 0 && text[size] != '\0') {
        *out = RENDERING_MANGLED;
        *mangled = text + size;
        return true;
    }
    return false;
}

int verdict_exit_code(enum verdict verdict)
{
    assert((size_t)verdict < VERDICT_COUNT);
    return EXIT_CODES[verdict];
}
