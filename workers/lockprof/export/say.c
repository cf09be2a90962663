/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/say.h"

#include "base/buf.h"
#include "base/write.h"

#include <stdbool.h>
#include <unistd.h>

static bool quiet;

void say_quiet(void)
{
    quiet = true;
}

void say(const char *fmt, ...)
{
    struct buf text = {0};
    va_list args;
    if (quiet)
        return;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    say_error(text.data);
    buf_fini(&text);
}

void say_error(const char *text)
{
    struct buf line = {0};
    buf_printf(&line, "lockprof: %s", text);
    for (size_t i = 0; i < line.size; i++)
        if ((unsigned char)line.data[i] < ' ' || line.data[i] == 0x7F)
            line.data[i] = '?';
    buf_add_char(&line, '\n');
    int ignored = write_all(STDERR_FILENO, line.data, line.size);
    (void)ignored;
    buf_fini(&line);
}
