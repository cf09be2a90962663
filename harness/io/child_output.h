/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to io/child.c: one output of a child, from its pipe to its file.
 *
 * One piece of at most CHUNK_MAX bytes at a time: the pipe is not read while a piece is being
 * written, so that neither a flood nor a slow disk fills the memory. Above `max` bytes, or after a
 * failed write, what comes is counted and dropped, and the pipe is still read: the child never
 * waits for ever. */
#ifndef LOCKTRAIL_IO_CHILD_OUTPUT_H
#define LOCKTRAIL_IO_CHILD_OUTPUT_H

#include "base/err.h"
#include "io/child.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct child_output {
    uv_pipe_t pipe;
    uv_fs_t request; /* the write or close under way */
    uv_file file;    /* -1: none */
    char *path;
    const char *name;              /* "standard output" */
    uint64_t max;                  /* bytes that are written to the file */
    uint64_t total, kept, dropped; /* of the child's bytes; dropped only where there is a file */
    char *chunk;
    size_t chunk_size, chunk_done; /* what is to be written of the chunk, and what is */
    char tail[2 * CHILD_TAIL_MAX];
    size_t tail_size;
    bool writing, eof;
    bool done;   /* end of file, and the file is closed */
    bool failed; /* `error` is valid */
    struct err error;
    void (*on_progress)(void *data); /* bytes were read or written */
    void (*on_done)(void *data);     /* `done` has become true */
    void *data;
};

/* Opens the file (NULL: none), the two ends of a pipe, and gives the handle its reading end;
 * *write_end is the caller's. The pipe handle must be initialised. On failure nothing is left open
 * but the handle. Code ERR_WRITE or ERR_INTERNAL. */
int child_output_open(struct child_output *o, const char *path, uint64_t max, int *write_end, struct err *e);

void child_output_read(struct child_output *o);

/* Takes no more bytes, as if the end of file had come, and notes why. */
void child_output_cut(struct child_output *o, const char *reason);

/* Gives back what child_output_open took, for a child that was not started. The handle stays. */
void child_output_abandon(struct child_output *o);

const char *child_tail_get(const struct child_output *o, size_t *size);

void child_output_fini(struct child_output *o);

/* Opens a pipe whose reading end does not block and belongs to `pipe` afterwards. */
int child_pipe_open(uv_pipe_t *pipe, int *write_end, struct err *e);

#endif
