/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/channel.h"

#include "native/runtime/pacing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A coordinator reads at once; one that leaves a full pipe alone this long is hung. */
#define SEND_TIMEOUT_MS 10000

/* Something else of the starter's at number 3 (epoll, eventfd) has no type of file. */
static bool is_for_lines(int fd)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &st) < 0 || (flags & O_ACCMODE) == O_RDONLY)
        return false;
    return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISREG(st.st_mode) || S_ISCHR(st.st_mode);
}

bool channel_open(struct channel *channel)
{
    *channel = (struct channel){.fd = CHANNEL_FD};
    if (!is_for_lines(CHANNEL_FD))
        return false;
    fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    fcntl(CHANNEL_FD, F_SETFL, fcntl(CHANNEL_FD, F_GETFL) | O_NONBLOCK);
    return true;
}

void line_begin(struct line *line, const char *type)
{
    line->out = open_memstream(&line->text, &line->size);
    if (!line->out) {
        fputs("no memory for a protocol line\n", stderr);
        abort();
    }
    fprintf(line->out, "{\"type\":\"%s\"", type);
}

void line_text(struct line *line, const char *key, const char *text)
{
    fprintf(line->out, ",\"%s\":\"", key);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(line->out, "\\%c", *p);
        else if (*p < ' ' || *p > '~')
            fprintf(line->out, "\\u%04x", *p);
        else
            fputc(*p, line->out);
    }
    fputc('"', line->out);
}

static void give_up(struct channel *channel, const char *why)
{
    channel->gone = true;
    snprintf(channel->error, sizeof channel->error, "the reader of the protocol lines %s", why);
}

static void write_all(struct channel *channel, const char *text, size_t size)
{
    while (size > 0 && !channel->gone) {
        ssize_t written = write(channel->fd, text, size);
        if (written >= 0) {
            text += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd room = {.fd = channel->fd, .events = POLLOUT};
            /* A signal only says to stop: the rest of the line goes out in any case. */
            if (poll(&room, 1, SEND_TIMEOUT_MS) == 0)
                give_up(channel, "takes none for 10 s");
        } else if (errno != EINTR) {
            char why[CHANNEL_ERROR_MAX / 2];
            snprintf(why, sizeof why, "is gone: %s", strerror(errno));
            give_up(channel, why);
        }
    }
}

void line_send(struct line *line, struct channel *channel)
{
    fputs("}\n", line->out);
    if (fclose(line->out) != 0) {
        fputs("no memory for a protocol line\n", stderr);
        abort();
    }
    write_all(channel, line->text, line->size);
    free(line->text);
}
