/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/output.h"

#include "base/write.h"
#include "report/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int output_error(const struct err *e)
{
    struct buf line = {0};
    buf_add_str(&line, "locktrail: ");
    text_add_clean(&line, e->text);
    buf_add_char(&line, '\n');
    output_note(&line);
    buf_fini(&line);
    return (int)e->code;
}

int output_text(const struct buf *text)
{
    struct err e;
    if (write_all(STDOUT_FILENO, text->data, text->size) == 0)
        return 0;
    err_sys(&e, ERR_WRITE, errno, "can't write to standard output");
    return output_error(&e);
}

void output_note(const struct buf *text)
{
    int ignored = write_all(STDERR_FILENO, text->data, text->size);
    (void)ignored;
}

bool output_is_terminal(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term && term[0] && strcmp(term, "dumb") != 0;
}

bool output_has_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    return output_is_terminal(fd) && !(no_color && no_color[0]);
}

void output_size(int fd, size_t *rows, size_t *columns)
{
    struct winsize size;
    *rows = 24;
    *columns = 80;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return;
    if (size.ws_row > 0)
        *rows = size.ws_row;
    if (size.ws_col > 0)
        *columns = size.ws_col;
}
