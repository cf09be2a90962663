/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol lines to the coordinator (docs/formats.md): one JSON object a line on file descriptor 3. Only the main
 * thread sends, so lines never mix and no lock is needed. */
#ifndef NATIVE_RUNTIME_CHANNEL_H
#define NATIVE_RUNTIME_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CHANNEL_FD 3

/* Room for what went wrong, in words for people. */
#define CHANNEL_ERROR_MAX 160

struct channel {
    int fd;
    bool gone;                     /* nobody reads any more; what is sent is dropped */
    char error[CHANNEL_ERROR_MAX]; /* why */
};

/* False if descriptor 3 is not open for writing. */
bool channel_open(struct channel *channel);

/* A line under construction. */
struct line {
    FILE *out;
    char *text;
    size_t size;
};

/* Begins {"type":TYPE. */
void line_begin(struct line *line, const char *type);
/* Adds ,"KEY":TEXT with everything escaped. */
void line_text(struct line *line, const char *key, const char *text);
/* Ends the line and writes the whole of it; waits for a reader that is slow. */
void line_send(struct line *line, struct channel *channel);

#endif
