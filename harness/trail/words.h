/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of design.md as enums, and their names as they stand in YAML, JSON and reports. */
#ifndef LOCKTRAIL_TRAIL_WORDS_H
#define LOCKTRAIL_TRAIL_WORDS_H

#include <stdbool.h>

/* A place where a profile can be looked at, in the order in which a name passes them. */
enum stage {
    STAGE_DECLARED,
    STAGE_CONTROL,
    STAGE_COLLECTOR,
    STAGE_UPLOAD,
    STAGE_AGENT,
    STAGE_BACKEND,
    STAGE_UI,
    STAGE_COUNT
};

/* What became of one lock at one stage. */
enum lock_state {
    STATE_EXACT,        /* its declared name */
    STATE_MANGLED,      /* its declared name as the language mangles it */
    STATE_ALIAS,        /* another name at its site */
    STATE_GENERIC,      /* its site and no name */
    STATE_ABSENT,       /* no sample, and too many acquires for that to be chance */
    STATE_UNDERSAMPLED, /* no sampled acquire, and that may be chance */
    STATE_NOT_RUN,      /* the stage was not looked at */
    STATE_COUNT
};

/* How a name was lost. */
enum mechanism {
    MECHANISM_NEVER_NAMED,
    MECHANISM_NEVER_SAMPLED,
    MECHANISM_ALIASED,
    MECHANISM_LABEL_DROPPED,
    MECHANISM_LABEL_KEY_RENAMED,
    MECHANISM_VALUE_TRUNCATED,
    MECHANISM_VALUE_REWRITTEN,
    MECHANISM_NAMES_SWAPPED,
    MECHANISM_SAMPLES_DROPPED,
    MECHANISM_PROFILE_DROPPED,
    MECHANISM_PROFILE_CORRUPT,
    MECHANISM_DUPLICATED,
    MECHANISM_COUNT
};

enum verdict {
    VERDICT_SUCCESS,      /* each declared name at every stage that ran */
    VERDICT_PARTIAL,      /* named locally, lost on the way */
    VERDICT_FAILURE,      /* not named even locally */
    VERDICT_CRITICAL,     /* the control fails */
    VERDICT_INCONCLUSIVE, /* not enough evidence */
    VERDICT_ERROR,        /* locktrail or the workload could not do its job */
    VERDICT_COUNT
};

/* What a correct collector of the runtime shows for a lock. */
enum rendering { RENDERING_EXACT, RENDERING_MANGLED, RENDERING_GENERIC };

/* Which of the two copies a worker process gives. ARM_TEE: both. */
enum arm { ARM_LOCAL, ARM_UPLOAD, ARM_TEE, ARM_CONTROL };

/* Names as in design.md ("collector", "never_sampled", "success" ...). Static strings. */
const char *stage_name(enum stage stage);
const char *lock_state_name(enum lock_state state);
const char *mechanism_name(enum mechanism mechanism);
const char *verdict_name(enum verdict verdict);
const char *arm_name(enum arm arm);

/* The other way round; false, and *out untouched, where the text is none of them. */
bool stage_parse(const char *text, enum stage *out);
bool mechanism_parse(const char *text, enum mechanism *out);
bool verdict_parse(const char *text, enum verdict *out);
bool arm_parse(const char *text, enum arm *out);

/* `exact`, `generic`, or `mangled:_Session__lock`: for the last one *mangled points behind the colon. False where the
 * text is of another form (an empty mangled name too). */
bool rendering_parse(const char *text, enum rendering *out, const char **mangled);

/* Exit code of a verdict as design.md lists them (0-4; error is 70). */
int verdict_exit_code(enum verdict verdict);

#endif
