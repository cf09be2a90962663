/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual environments that the cells of a matrix need: each is made once, before any cell runs. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_ENVS_H
#define LOCKTRAIL_ENGINE_MATRIX_ENVS_H

#include "base/err.h"
#include "scenario/scenario.h"

#include <uv.h>

struct matrix_envs;

struct matrix_envs_options {
    uv_loop_t *loop;
    const char *directory; /* of the matrix: pip's output goes to environments/N/ in it */
    const char *root, *build;
    void (*on_preparing)(const char *text, void *data); /* what is being made, and pip's last line; may be NULL */
    void (*done)(void *data); /* all have been tried. Not from within matrix_envs_prepare, unless there is none */
    void *data;
};

/* Strings of `options` are borrowed. */
struct matrix_envs *matrix_envs_new(const struct matrix_envs_options *options);
/* Adds what the ddtrace workers of a scenario need and is not there yet. Takes *s from the caller. */
void matrix_envs_add(struct matrix_envs *envs, struct scenario *s);
void matrix_envs_prepare(struct matrix_envs *envs);
/* The user wants an end; `now` without letting pip tidy up. `done` still comes; the rest is not made. */
void matrix_envs_stop(struct matrix_envs *envs, bool now);

/* Why this scenario can't be run, or NULL: an environment that a worker needs, and that is not optional, can't be made.
 * Borrowed. */
const struct err *matrix_envs_failure(const struct matrix_envs *envs, const struct scenario *s);

/* Not while something is being made. */
void matrix_envs_free(struct matrix_envs *envs);

#endif
