/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A worker's last words may be part of a line; what is longer belongs into a file of the run
 * directory. */
#define LOG_LINE_MAX 2048

static enum log_level highest = LOG_WARN;

void log_set_level(enum log_level level)
{
    highest = level;
}

enum log_level log_get_level(void)
{
    return highest;
}

/* Control characters would break the line or the terminal. */
static void add_printable(struct buf *line, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F) {
            buf_printf(line, "\\x%02x", c);
        } else {
            buf_add_char(line, *text);
        }
    }
}

void log_line(enum log_level level, const char *actor, const char *fmt, ...)
{
    static const char *const names[] = {"ERROR", "WARN", "INFO", "DEBUG"};
    if (level > highest) {
        return;
    }
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);

    char text[LOG_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    int full = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    struct buf line = {0};
    buf_printf(&line, "%02d:%02d:%02d.%03ld %-5s ", local.tm_hour, local.tm_min, local.tm_sec, now.tv_nsec / 1000000,
               names[level]);
    add_printable(&line, actor);
    buf_add_char(&line, ' ');
    add_printable(&line, text);
    buf_add_str(&line, full >= LOG_LINE_MAX ? "...\n" : "\n");

    /* One write, so that lines of several threads don't mix; a closed standard error is nobody's
     * failure. */
    ssize_t ignored = write(STDERR_FILENO, line.data, line.size);
    (void)ignored;
    buf_fini(&line);
}
