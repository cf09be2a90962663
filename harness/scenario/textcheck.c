/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/textcheck.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* RFC 1035, section 2.3.4. */
#define HOST_NAME_MAX_BYTES 253
/* A variable's name is printed as a YAML key, and libyaml reads keys up to 1024 characters. */
#define VARIABLE_NAME_MAX 255

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool consists_of(const char *text, const char *allowed)
{
    return *text != '\0' && text[strspn(text, allowed)] == '\0';
}

bool check_file_name(const char *text, struct buf *why)
{
    (void)why;
    return consists_of(text, LETTERS DIGITS "._-") && text[0] != '.' && text[0] != '-' &&
           strlen(text) <= NAME_LENGTH_MAX;
}

bool check_worker_name(const char *text)
{
    return check_file_name(text, NULL) && strchr(text, '.') == NULL;
}

bool check_identifier(const char *text, struct buf *why)
{
    (void)why;
    return consists_of(text, LETTERS DIGITS "_") && strspn(text, DIGITS) == 0 && strlen(text) <= NAME_LENGTH_MAX;
}

bool check_one_line(const char *text, struct buf *why)
{
    (void)why;
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) {
            return false;
        }
    }
    return true;
}

bool check_place(const char *text, struct buf *why)
{
    return text[0] != '\0' && check_one_line(text, why);
}

/* PEP 440 without epochs and local versions: numbers with dots, then perhaps a1, b1, rc1, .post1 or .dev1. */
bool check_release(const char *text, struct buf *why)
{
    static const char *const suffixes[] = {"a", "b", "rc", ".post", ".dev"};
    (void)why;
    if (strlen(text) > NAME_LENGTH_MAX) {
        return false;
    }
    for (;;) {
        size_t digits = strspn(text, DIGITS);
        text += digits;
        if (digits == 0) {
            return false;
        }
        if (text[0] != '.' || strspn(text + 1, DIGITS) == 0) {
            break;
        }
        text++;
    }
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t size = strlen(suffixes[i]);
        if (strncmp(text, suffixes[i], size) == 0) {
            return consists_of(text + size, DIGITS);
        }
    }
    return *text == '\0';
}

bool check_package(const char *text, struct buf *why)
{
    if (!consists_of(text, LETTERS DIGITS "._-[],=<>!~+*") || strspn(text, LETTERS DIGITS) == 0 || strlen(text) > 255) {
        return false;
    }
    if (strncasecmp(text, "ddtrace", 7) == 0 && strspn(text + 7, LETTERS DIGITS "._-") == 0) {
        buf_printf(why, "`%s` found, expected the profiler's release under `version`", text);
        return false;
    }
    return true;
}

bool check_program(const char *text, struct buf *why)
{
    return *text != '\0' && *text != '-' && check_one_line(text, why);
}

static bool socket_path_fits(const char *path, struct buf *why)
{
    if (strlen(path) <= SOCKET_PATH_MAX) {
        return true;
    }
    buf_printf(why, "the socket's path has %zu bytes, expected at most %d", strlen(path), SOCKET_PATH_MAX);
    return false;
}

static bool is_port(const char *text)
{
    return consists_of(text, DIGITS) && strlen(text) <= 5 && strtoul(text, NULL, 10) <= 65535;
}

/* Four numbers up to 255. */
static bool is_ipv4(const char *text, size_t size)
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        size_t digits = strspn(text + at, DIGITS);
        if (digits == 0 || digits > 3 || strtoul(text + at, NULL, 10) > 255) {
            return false;
        }
        at += digits;
        if (part < 3 && text[at++] != '.') {
            return false;
        }
    }
    return at == size;
}

bool check_listen(const char *text, struct buf *why)
{
    if (strncmp(text, "unix:", 5) == 0) {
        const char *path = text + 5;
        return (*path == '\0' || *path == '/') && check_one_line(path, why) && socket_path_fits(path, why);
    }
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !is_port(colon + 1)) {
        return false;
    }
    size_t size = (size_t)(colon - text);
    bool loopback = (is_ipv4(text, size) && strncmp(text, "127.", 4) == 0) ||
                    (size == 5 && memcmp(text, "[::1]", 5) == 0) || (size == 9 && memcmp(text, "localhost", 9) == 0);
    if (!loopback) {
        buf_printf(why, "`%.*s` is not a loopback address, expected 127.0.0.1, [::1], localhost or a unix socket",
                   size > 60 ? 60 : (int)size, text);
    }
    return loopback;
}

static bool is_host(const char *text, size_t size)
{
    if (size == 0 || size > HOST_NAME_MAX_BYTES || text[0] == '-' || text[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        bool dots = text[i] == '.' && i + 1 < size && text[i + 1] == '.';
        if (strchr(LETTERS DIGITS ".-", text[i]) == NULL || dots) {
            return false;
        }
    }
    return text[size - 1] != '.' && text[size - 1] != '-';
}

bool check_site(const char *text, struct buf *why)
{
    (void)why;
    return is_host(text, strlen(text)) && strchr(text, '.') != NULL;
}

/* HOST, HOST:PORT, [IPv6] or [IPv6]:PORT, then nothing or a path. */
static bool is_authority(const char *text)
{
    size_t size = strcspn(text, "/"), host;
    if (text[0] == '[') {
        host = strspn(text + 1, DIGITS "abcdefABCDEF:.") + 2;
        if (host <= 2 || host > size || text[host - 1] != ']') {
            return false;
        }
    } else {
        host = strcspn(text, ":/");
        if (!is_host(text, host)) {
            return false;
        }
    }
    if (host == size) {
        return true;
    }
    size_t digits = strspn(text + host + 1, DIGITS);
    return text[host] == ':' && digits > 0 && digits <= 5 && host + 1 + digits == size &&
           strtoul(text + host + 1, NULL, 10) <= 65535 && strtoul(text + host + 1, NULL, 10) > 0;
}

bool check_agent_url(const char *text, struct buf *why)
{
    if (!check_one_line(text, why) || strchr(text, ' ') != NULL) {
        return false;
    }
    if (strncmp(text, "unix://", 7) == 0) {
        return text[7] == '/' && text[8] != '\0' && socket_path_fits(text + 7, why);
    }
    size_t scheme = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0) {
        return false;
    }
    if (strpbrk(text, "@?#") != NULL) {
        buf_add_str(why, "a URL with a user, a query or a fragment, expected only host, port and path: keys "
                         "and passwords never stand in files");
        return false;
    }
    return is_authority(text + scheme);
}

bool check_web_url(const char *text, struct buf *why)
{
    return strncmp(text, "unix:", 5) != 0 && check_agent_url(text, why);
}

bool check_link(const char *text, struct buf *why)
{
    size_t scheme = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;
    return scheme > 0 && text[scheme] != '\0' && check_one_line(text, why) && strchr(text, ' ') == NULL;
}

/* Variables that locktrail sets itself, and what to use instead. */
static const struct {
    const char *name, *instead;
} reserved[] = {
    {"DD_PROFILING_OUTPUT_PPROF", "`arms` says which worker writes locally and which uploads"},
    {"DD_PROFILING_ENABLED", "every worker is profiled"},
    {"DD_PROFILING_CAPTURE_PCT", "expected it as the key `capture_pct`"},
    {"DD_PROFILING_UPLOAD_INTERVAL", "expected it as the key `upload_interval`"},
    {"DD_TRACE_AGENT_URL",
     "uploads go to the run itself; where they go on is under `agents`, `backend` or `forward`, or in the shell"},
    {"DD_AGENT_HOST",
     "uploads go to the run itself; where they go on is under `agents`, `backend` or `forward`, or in the shell"},
    {"DD_TRACE_AGENT_PORT",
     "uploads go to the run itself; where they go on is under `agents`, `backend` or `forward`, or in the shell"},
    {"DD_SITE", "expected it as `backend.site` or `forward.site`, or in the shell"},
    {"DD_SERVICE", "expected it as the key `service` of the scenario"},
    {"DD_ENV", "expected it as the key `env` of the scenario"},
    {"DD_VERSION", "expected it as the key `version` of the scenario"},
    {"LOCKPROF_DIR", "`lockprof run` makes the directory"},
    {"LOCKPROF_RATE", "expected it as the key `capture_pct`"},
};

static const char *const secrets[] = {"DD_API_KEY", "DD_APP_KEY", "DD_APPLICATION_KEY"};

bool check_variable_name(const char *text, struct buf *why)
{
    if (!consists_of(text, LETTERS DIGITS "_") || strspn(text, DIGITS) > 0 || strlen(text) > VARIABLE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (strcmp(text, secrets[i]) == 0) {
            buf_printf(why, "keys never stand in files, set it in the shell: export %s=...", text);
            return false;
        }
    }
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(text, reserved[i].name) == 0) {
            buf_printf(why, "locktrail sets this variable: %s", reserved[i].instead);
            return false;
        }
    }
    if (strncmp(text, "LOCKTRAIL_", 10) == 0) {
        buf_add_str(why, "variables that begin with LOCKTRAIL_ are the run's own, expected another name");
        return false;
    }
    return true;
}

bool split_site(const char *text, const char **file, size_t *size, unsigned *line)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !consists_of(colon + 1, DIGITS) || strlen(colon + 1) > 9 || !check_one_line(text, NULL)) {
        return false;
    }
    const char *base = text;
    for (const char *at = text; at < colon; at++) {
        base = *at == '/' ? at + 1 : base;
    }
    *file = base;
    *size = (size_t)(colon - base);
    *line = (unsigned)strtoul(colon + 1, NULL, 10);
    return *size > 0 && *line > 0;
}
