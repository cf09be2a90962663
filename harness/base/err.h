/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: a code (also the exit code of a command) and one line of text with its context. */
#ifndef LOCKTRAIL_BASE_ERR_H
#define LOCKTRAIL_BASE_ERR_H

/* Longest text of an error. A path of 255 bytes, an excerpt and the advice fit; what is longer is cut and ends in
 * "...". */
#define ERR_TEXT_MAX 1024

/* The values are the exit codes of design.md. */
enum err_code {
    ERR_USAGE = 64,       /* the command line is wrong */
    ERR_INPUT = 65,       /* a file or a message is not what it should be */
    ERR_MISSING = 69,     /* a component is not there */
    ERR_INTERNAL = 70,    /* system calls and memory */
    ERR_WRITE = 73,       /* a file can't be written */
    ERR_INTERRUPTED = 130 /* the user stopped it */
};

struct err {
    enum err_code code;
    char text[ERR_TEXT_MAX];
};

/* Fills *e and gives -1, so that a function can end with `return err_set(...)`. `fmt` is one line without a final
 * newline or full stop: what failed, on which input, why, what to do. A macro, so that compilers and analyzers see the
 * -1. */
#define err_set(e, code, ...) (err_put((e), (code), __VA_ARGS__), err_failed())

/* Like err_set, and appends ": " and strerror(errnum). */
#define err_sys(e, code, errnum, ...) (err_put_sys((e), (code), (errnum), __VA_ARGS__), err_failed())

/* Puts "TEXT: " before what *e says; the code stays. Gives -1. */
#define err_wrap(e, ...) (err_put_wrap((e), __VA_ARGS__), err_failed())

void err_put(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void err_put_sys(struct err *e, enum err_code code, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void err_put_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline int err_failed(void)
{
    return -1;
}

#endif
