/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/clock.h"
#include "base/mem.h"
#include "commands/output.h"
#include "engine/soak_record.h"
#include "report/soak_top.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* A record is not taken more often. */
#define DRAW_MS 1000

static const struct option options[] = {
    {"--once", NULL, false, "Show it once and end; so it is also where standard output is no terminal."},
};

struct top {
    const char *directory;
    char *path; /* of soak.json */
    struct soak_record record;
    struct stat read; /* of the file that was read last */
    struct err error; /* why it can't be read now; text "" where it can */
    struct soak_screen screen;
};

/* Set by a signal. */
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

/* Only wakes the wait for a key: the size is asked for at each drawing. */
static void on_resize(int number)
{
    (void)number;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A file that has not changed is not read again. After a failure the record is what it was. */
static int take(struct top *t)
{
    struct soak_record record;
    struct stat file;
    bool known = stat(t->path, &file) == 0;
    if (known && same_file(&file, &t->read))
        return 0;
    if (soak_record_load(t->directory, &record, &t->error) < 0)
        return -1;
    soak_record_fini(&t->record);
    t->record = record;
    t->error.text[0] = '\0';
    if (known)
        t->read = file;
    return 0;
}

static int draw(struct top *t)
{
    struct buf text = {0};
    if (t->screen.rows > 0)
        output_size(STDOUT_FILENO, &t->screen.rows, &t->screen.columns);
    soak_top_draw(&t->screen, &t->record, clock_wall_ms(), t->error.text[0] ? t->error.text : NULL, &text);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

/* Waits for the next drawing, or for a key; false: the view is to end. */
static bool wait_for_key(bool keys)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    if (poll(&in, keys ? 1 : 0, DRAW_MS) > 0)
        return read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
    return true;
}

static int watch(struct top *t)
{
    struct sigaction stop = {.sa_handler = on_signal}, resize = {.sa_handler = on_resize};
    struct termios before, raw;
    bool keys = tcgetattr(STDIN_FILENO, &before) == 0;
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    int code = 0;
    stopped = 0;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &stop, NULL);
    sigaction(SIGWINCH, &resize, NULL);
    if (keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    do {
        /* What can't be read now is told in the view, with what was read last. */
        (void)take(t);
        code = draw(t);
    } while (code == 0 && !stopped && wait_for_key(keys) && !stopped);
    if (keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    return code;
}

static int run(const struct command_line *line)
{
    bool live = output_is_terminal(STDOUT_FILENO) && !command_line_has(line, "--once");
    struct top top = {.directory = line->operands[0],
                      .screen = {.columns = 80, .colour = output_has_colour(STDOUT_FILENO)}},
               *t = &top;
    size_t rows;
    int code;
    output_size(STDOUT_FILENO, &rows, &t->screen.columns);
    t->screen.rows = live ? rows : 0;
    t->path = mem_printf("%s/soak.json", t->directory);
    if (take(t) < 0) {
        if (t->error.code == ERR_MISSING)
            t->error.code = ERR_INPUT;
        code = output_error(&t->error);
    } else {
        code = live ? watch(t) : draw(t);
    }
    soak_record_fini(&t->record);
    free(t->path);
    return code;
}

const struct command command_top = {
    .name = "top",
    .operands = "RUN",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Watches a soak: its uploads, processes and findings, redrawn as they change.",
    .details = "RUN is the soak's directory. Only its soak.json is read, so a soak on another terminal, one that has "
               "ended and one that was killed can be looked at alike; which of them it is stands in the second line. q "
               "or Ctrl-C ends the view, and nothing else. Exits with 0, whatever the verdict is.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
