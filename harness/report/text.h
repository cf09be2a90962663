/* SPDX-License-Identifier: Apache-2.0 */
/* Text that fits a terminal's columns. Whatever is put out has been made harmless first: control characters, C1 and
 * bidirectional controls appear as \x1b and \u202e, bytes that are not UTF-8 as U+FFFD. Nothing here fails; any thread.
 */
#ifndef LOCKTRAIL_REPORT_TEXT_H
#define LOCKTRAIL_REPORT_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns that no line of a report exceeds (the paths and links that stand alone on a line excepted). */
#define TEXT_WIDTH 80

enum text_colour { TEXT_PLAIN, TEXT_GREEN, TEXT_YELLOW, TEXT_RED, TEXT_BOLD, TEXT_COLOUR_COUNT };

/* The text made harmless, on one line (line breaks and tabs become spaces). */
void text_add_clean(struct buf *out, const char *text);

/* Columns that the text takes after text_add_clean. Wide characters (East Asian, emoji) take two, combining ones none.
 */
size_t text_columns(const char *text);

/* At most `width` columns: what is too long loses its middle to an ellipsis, so that both ends can be read. */
void text_add_fitted(struct buf *out, const char *text, size_t width);

/* Exactly `width` columns, fitted and filled with blanks at the right (`right`: at the left), between the codes of
 * `colour` (TEXT_PLAIN: none). */
void text_add_cell(struct buf *out, const char *text, size_t width, bool right, enum text_colour colour);

/* Between the codes of `colour`; the text as it is. */
void text_add_coloured(struct buf *out, const char *text, enum text_colour colour);

/* A paragraph of lines of at most TEXT_WIDTH columns. What stands in *out since its last newline is the beginning of
 * the first line; the other lines begin with `indent` blanks. Words that are too long are broken; a newline in the text
 * begins a new line. Ends with a newline. */
void text_add_wrapped(struct buf *out, const char *text, size_t indent);

/* A count at the right of `width` columns: exact where it has room, else "1234.5M" (millions), "G", "T", "P", "E". */
void text_add_count(struct buf *out, uint64_t count, size_t width);

/* For people: "0", "812 ns", "4.5 ms", "12.3 s"; "512 B", "12.3 KiB". */
void text_add_ns(struct buf *out, uint64_t ns);
void text_add_bytes(struct buf *out, uint64_t bytes);

#endif
