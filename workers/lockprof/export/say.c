/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/say.h"

#include "base/buf.h"

#include <stdbool.h>
#include <unistd.h>

static bool quiet;

void say_quiet(void)
{
    quiet = true;
}

void say(const char *fmt, ...)
{
    struct buf line = {0};
    va_list args;
    if (quiet)
        return;
    buf_add_str(&line, "lockprof: ");
    va_start(args, fmt);
    buf_vprintf(&line, fmt, args);
    va_end(args);
    for (size_t i = 0; i < line.size; i++)
        if ((unsigned char)line.data[i] < ' ' || line.data[i] == 0x7F)
            line.data[i] = '?';
    buf_add_char(&line, '\n');
    ssize_t ignored = write(STDERR_FILENO, line.data, line.size);
    (void)ignored;
    buf_fini(&line);
}
