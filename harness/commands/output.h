/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output and standard error: what they are, and how something is said there. */
#ifndef LOCKTRAIL_COMMANDS_OUTPUT_H
#define LOCKTRAIL_COMMANDS_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* One line `locktrail: TEXT` on standard error; returns the exit code that belongs to it. */
int output_error(const struct err *e);

/* Writes the text to standard output. Returns 0, or 73 (said on standard error) where that fails. */
int output_text(const struct buf *text);

/* Writes to standard error; a failure is nobody's to know. */
void output_note(const struct buf *text);

/* A terminal on which the cursor can be moved: not TERM=dumb. */
bool output_is_terminal(int fd);

/* Colours are wanted there: a terminal, and NO_COLOR (no-color.org) is unset or empty. */
bool output_has_colour(int fd);

/* 24 x 80 where it can't be told. */
void output_size(int fd, size_t *rows, size_t *columns);

#endif
