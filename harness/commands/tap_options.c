/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/tap_options.h"

#include "base/mem.h"
#include "scenario/units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where an agent listens. */
#define LISTEN_DEFAULT "127.0.0.1:8126"
#define MAX_DISK_DEFAULT ((uint64_t)1 << 30)
/* Below it not even one copy of a busy service would be there. */
#define MAX_DISK_MIN ((uint64_t)1 << 20)
/* A thousand TiB: what is larger is a slip. */
#define MAX_DISK_MAX ((uint64_t)1 << 50)
/* A day of an upload each four seconds; an index of them takes some MiB. */
#define KEEP_DEFAULT 20000
#define KEEP_MAX 1000000
/* Above the 50 MB that an agent takes. */
#define MAX_BODY_DEFAULT ((uint64_t)256 << 20)
#define MAX_BODY_MAX ((uint64_t)1 << 30)
/* Clients of an agent give up after ten seconds. */
#define ANSWER_TIMEOUT_DEFAULT_MS 10000

const struct option tap_option_table[TAP_OPTION_COUNT] = {
    {"--listen", "ADDRESS", false,
     "Where uploads come in: HOST:PORT of loopback (port 0: any that is free), or unix:PATH. Default: 127.0.0.1:8126."},
    {"--to", "URL", false,
     "Where they go on to: http://HOST:PORT, https://HOST, or unix:///PATH. Without it this is the end of the way: "
     "uploads are answered and kept, and can be listed and downloaded as from a site."},
    {"--out", "DIR", false, "Where copies and exchanges.jsonl go; new or empty. Has to be given."},
    {"--ledger", "FILE", false,
     "Locks that the program declares, as lines of the worker protocol or a run's ledger.jsonl: each upload is held "
     "against them."},
    {"--max-disk", "SIZE", false, "Room for all that is kept; the oldest copies are removed. Default: 1GiB."},
    {"--keep", "N", false, "Most copies that are kept. Default: 20000. Not at the end of the way."},
    {"--max-body", "SIZE", false, "Largest request; a larger one is answered 413. Default: 256MiB."},
    {"--answer-timeout", "D", false,
     "How long the next hop may take to answer; then its sender is told 504. Default: 10s."},
    {"--json", NULL, false, "One JSON line for each upload on standard output, and one at the end."},
    {"--quiet", NULL, false, "Nothing until the end."},
};

static int read_size(const struct command_line *line, const char *name, uint64_t least, uint64_t most, uint64_t *out,
                     struct err *e)
{
    const char *text = command_line_value(line, name);
    uint64_t size;
    if (!text)
        return 0;
    if (!units_parse_size(text, &size))
        return err_set(e, ERR_USAGE, "tap: %s %s is not a size, as in %s 256MiB", name, text, name);
    if (size < least || size > most) {
        struct buf range = {0};
        units_print_size(&range, least);
        buf_add_str(&range, " to ");
        units_print_size(&range, most);
        err_set(e, ERR_USAGE, "tap: %s %s is out of range, expected %s", name, text, range.data);
        buf_fini(&range);
        return -1;
    }
    *out = size;
    return 0;
}

static int read_keep(const struct command_line *line, uint64_t *out, struct err *e)
{
    const char *text = command_line_value(line, "--keep");
    char *end;
    if (!text)
        return 0;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || number < 1 || number > KEEP_MAX)
        return err_set(e, ERR_USAGE, "tap: --keep %s is not a number of copies, expected 1 to %d", text, KEEP_MAX);
    *out = number;
    return 0;
}

static int read_timeout(const struct command_line *line, int64_t *out, struct err *e)
{
    const char *text = command_line_value(line, "--answer-timeout");
    int64_t ms;
    if (!text)
        return 0;
    if (!units_parse_duration(text, &ms) || ms < 1)
        return err_set(e, ERR_USAGE, "tap: --answer-timeout %s is not a duration, as in --answer-timeout 10s", text);
    *out = ms;
    return 0;
}

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* A password in it would stand in the shell's history and in what is printed. */
static int check_url(const char *text, struct err *e)
{
    const char *host = strstr(text, "://");
    bool known = begins(text, "http://") || begins(text, "https://");
    if (!known || !host || host[3] == '\0' || host[3] == '/' || host[3] == ':')
        return err_set(e, ERR_USAGE, "tap: --to %s is not http://HOST:PORT, https://HOST or unix:///PATH", text);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == '@' || *c == '?' || *c == '#')
            return err_set(e, ERR_USAGE, "tap: --to has a character that an address can't have: '%c'", *c);
    return 0;
}

static int read_to(const struct command_line *line, struct tap_target *to, char **url, struct err *e)
{
    static const char socket_url[] = "unix://";
    const char *text = command_line_value(line, "--to");
    if (!text)
        return 0;
    if (begins(text, socket_url) && text[sizeof socket_url - 1] == '/') {
        to->unix_socket = text + sizeof socket_url - 1;
        *url = mem_strdup("http://localhost");
    } else if (check_url(text, e) < 0) {
        return -1;
    } else {
        *url = mem_strdup(text);
        size_t size = strlen(*url);
        if ((*url)[size - 1] == '/')
            (*url)[size - 1] = '\0'; /* no path of its own: requests keep theirs */
    }
    to->url = *url;
    return 0;
}

/* The port of "HOST:PORT" where that is this machine's loopback, else NULL. */
static const char *loopback_port(const char *authority)
{
    static const char *const hosts[] = {"127.0.0.1:", "localhost:", "[::1]:"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (begins(authority, hosts[i]))
            return authority + strlen(hosts[i]);
    return NULL;
}

/* A tap that sends to itself would pass one upload round and round. */
static bool sends_to_itself(const struct tapping_options *o)
{
    static const char http[] = "http://", unix_socket[] = "unix:";
    if (o->to.unix_socket)
        return begins(o->listen, unix_socket) && strcmp(o->listen + sizeof unix_socket - 1, o->to.unix_socket) == 0;
    const char *own = loopback_port(o->listen);
    const char *to = o->to.url && begins(o->to.url, http) ? loopback_port(o->to.url + sizeof http - 1) : NULL;
    size_t size = to ? strspn(to, "0123456789") : 0;
    return own && size > 0 && strlen(own) == size && strncmp(own, to, size) == 0;
}

/* What has no effect at the end of the way is refused rather than passed over. */
static int check_end(const struct command_line *line, struct err *e)
{
    static const char *const needing[] = {"--keep", "--answer-timeout"};
    for (size_t i = 0; i < sizeof needing / sizeof *needing; i++)
        if (command_line_has(line, needing[i]))
            return err_set(e, ERR_USAGE, "tap: %s has no effect without --to", needing[i]);
    return 0;
}

int tap_options_read(const struct command_line *line, struct tapping_options *out, char **url, struct err *e)
{
    uint64_t max_body = MAX_BODY_DEFAULT;
    const char *listen = command_line_value(line, "--listen");
    *out = (struct tapping_options){.listen = listen ? listen : LISTEN_DEFAULT,
                                    .directory = command_line_value(line, "--out"),
                                    .ledger = command_line_value(line, "--ledger"),
                                    .max_disk = MAX_DISK_DEFAULT,
                                    .keep = KEEP_DEFAULT,
                                    .answer_timeout_ms = ANSWER_TIMEOUT_DEFAULT_MS};
    if (!out->directory)
        return err_set(e, ERR_USAGE, "tap: say with --out DIR where copies go");
    if (command_line_has(line, "--json") && command_line_has(line, "--quiet"))
        return err_set(e, ERR_USAGE, "tap: --json and --quiet exclude one another");
    if (read_to(line, &out->to, url, e) < 0 || (!out->to.url && check_end(line, e) < 0) ||
        read_size(line, "--max-disk", MAX_DISK_MIN, MAX_DISK_MAX, &out->max_disk, e) < 0 ||
        read_keep(line, &out->keep, e) < 0 || read_size(line, "--max-body", 1, MAX_BODY_MAX, &max_body, e) < 0 ||
        read_timeout(line, &out->answer_timeout_ms, e) < 0)
        return -1;
    out->max_body = (size_t)max_body;
    if (sends_to_itself(out))
        return err_set(e, ERR_USAGE, "tap: --to %s is where this tap itself listens: let the agent listen elsewhere",
                       command_line_value(line, "--to"));
    return 0;
}
