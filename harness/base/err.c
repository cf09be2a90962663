/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Cuts `text` (of `full` bytes before it was cut to the array) so that it ends in "..." and in no
 * half character. */
static void mark_cut(char *text, size_t full)
{
    if (full < ERR_TEXT_MAX) {
        return;
    }
    size_t at = ERR_TEXT_MAX - 1 - 3;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80) {
        at--;
    }
    memcpy(text + at, "...", 4);
}

__attribute__((format(printf, 2, 0))) static void set_text(struct err *e, const char *fmt, va_list args)
{
    int full = vsnprintf(e->text, sizeof e->text, fmt, args);
    mark_cut(e->text, full < 0 ? 0 : (size_t)full);
}

/* Appends to a text that may already be as long as it can get. */
static void append(struct err *e, const char *more)
{
    size_t at = strlen(e->text);
    int added = snprintf(e->text + at, sizeof e->text - at, "%s", more);
    mark_cut(e->text, at + (size_t)added);
}

void err_put(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    e->code = code;
    set_text(e, fmt, args);
    va_end(args);
}

void err_put_sys(struct err *e, enum err_code code, int errnum, const char *fmt, ...)
{
    char reason[128];
    va_list args;
    va_start(args, fmt);
    e->code = code;
    set_text(e, fmt, args);
    va_end(args);
    append(e, ": ");
    append(e, strerror_r(errnum, reason, sizeof reason));
}

void err_put_wrap(struct err *e, const char *fmt, ...)
{
    char inner[ERR_TEXT_MAX];
    va_list args;
    memcpy(inner, e->text, sizeof inner);
    va_start(args, fmt);
    set_text(e, fmt, args);
    va_end(args);
    append(e, ": ");
    append(e, inner);
}
