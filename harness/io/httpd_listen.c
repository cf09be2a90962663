/* SPDX-License-Identifier: Apache-2.0 */
/* The server's listening socket: loopback TCP or a unix socket, and nothing else. */
#include "io/httpd_internal.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that wait while the server is at its limit; the kernel cuts it to net.core.somaxconn. */
#define HTTPD_BACKLOG 1024

#define FORMS "127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:/PATH"

static int parse_port(const char *text, in_port_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return -1;
    }
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || port > 65535) {
        return -1;
    }
    *out = htons((in_port_t)port);
    return 0;
}

/* The part before the last ':', without brackets. */
static char *parse_host(const char *address, const char *colon)
{
    size_t size = (size_t)(colon - address);
    if (size >= 2 && address[0] == '[' && address[size - 1] == ']') {
        return mem_strndup(address + 1, size - 2);
    }
    return mem_strndup(address, size);
}

static socklen_t loopback_v4(const char *host, in_port_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    const char *number = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, number, &in->sin_addr) != 1 || (ntohl(in->sin_addr.s_addr) >> 24) != 127) {
        return 0;
    }
    return sizeof *in;
}

static socklen_t loopback_v6(const char *host, in_port_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
    *in = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1 || !IN6_IS_ADDR_LOOPBACK(&in->sin6_addr)) {
        return 0;
    }
    return sizeof *in;
}

static int parse_tcp(const char *address, struct sockaddr_storage *out, socklen_t *size, struct err *e)
{
    const char *colon = strrchr(address, ':');
    in_port_t port;
    if (colon == NULL || parse_port(colon + 1, &port) != 0) {
        return err_set(e, ERR_INPUT, "can't listen on '%s': expected " FORMS, address);
    }
    char *host = parse_host(address, colon);
    *size = address[0] == '[' ? loopback_v6(host, port, out) : loopback_v4(host, port, out);
    free(host);
    if (*size == 0) {
        return err_set(e, ERR_INPUT, "can't listen on '%s': only loopback is allowed, expected " FORMS, address);
    }
    return 0;
}

static int open_socket(const char *address, const struct sockaddr_storage *at, socklen_t size, struct err *e)
{
    int one = 1;
    int fd = socket(at->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_sys(e, ERR_INTERNAL, errno, "can't listen on %s", address);
    }
    if (at->ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    }
    if (bind(fd, (const struct sockaddr *)at, size) == 0 && listen(fd, HTTPD_BACKLOG) == 0) {
        return fd;
    }
    int errnum = errno;
    close(fd);
    err_sys(e, ERR_INTERNAL, errnum, "can't listen on %s", address);
    if (errnum == EADDRINUSE && at->ss_family != AF_UNIX) {
        size_t length = strlen(e->text);
        snprintf(e->text + length, sizeof e->text - length, " (port 0 picks a free one; ss -ltnp shows who has it)");
    }
    return -1;
}

static int url_of(int fd, struct httpd_socket *out, struct err *e)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at = {0};
    socklen_t size = sizeof at;
    char host[INET6_ADDRSTRLEN];
    if (getsockname(fd, &at.any, &size) != 0) {
        return err_sys(e, ERR_INTERNAL, errno, "getsockname");
    }
    if (at.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &at.v6.sin6_addr, host, sizeof host);
        out->url = mem_printf("http://[%s]:%d", host, ntohs(at.v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &at.v4.sin_addr, host, sizeof host);
        out->url = mem_printf("http://%s:%d", host, ntohs(at.v4.sin_port));
    }
    return 0;
}

static int listen_tcp(const char *address, struct httpd_socket *out, struct err *e)
{
    struct sockaddr_storage at = {0};
    socklen_t size;
    if (parse_tcp(address, &at, &size, e) != 0) {
        return -1;
    }
    out->fd = open_socket(address, &at, size, e);
    if (out->fd < 0) {
        return -1;
    }
    if (url_of(out->fd, out, e) != 0) {
        close(out->fd);
        return err_wrap(e, "can't listen on %s", address);
    }
    return 0;
}

/* Whether somebody answers on the socket file. One whose backlog is full is alive as well. */
static bool is_alive(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true;
    }
    bool dead = connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno == ECONNREFUSED;
    close(fd);
    return !dead;
}

/* Makes the path free where a dead socket lies there, and nothing but one. */
static int clear_path(const struct sockaddr_un *at, struct err *e)
{
    struct stat st;
    if (lstat(at->sun_path, &st) != 0) {
        return 0; /* whatever else is wrong with the path, bind says it better */
    }
    if (!S_ISSOCK(st.st_mode)) {
        return err_set(e, ERR_INPUT, "can't listen on unix:%s: there is already something that is no socket",
                       at->sun_path);
    }
    if (is_alive(at)) {
        return err_set(e, ERR_INPUT, "can't listen on unix:%s: another process listens there (ss -lxp shows it)",
                       at->sun_path);
    }
    if (unlink(at->sun_path) != 0) {
        return err_sys(e, ERR_INTERNAL, errno, "can't remove the dead socket %s", at->sun_path);
    }
    return 0;
}

static char *absolute(const char *path)
{
    char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *result = cwd != NULL ? mem_printf("%s/%s", cwd, path) : mem_strdup(path);
    free(cwd);
    return result;
}

static int listen_unix(const char *path, struct httpd_socket *out, struct err *e)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_un *at = (struct sockaddr_un *)&storage;
    struct stat st;
    if (path[0] == '\0') {
        return err_set(e, ERR_INPUT, "can't listen on 'unix:': expected " FORMS);
    }
    if (strlen(path) >= sizeof at->sun_path) {
        return err_set(e, ERR_INPUT, "can't listen on unix:%s: the path has %zu bytes, a socket's at most %zu", path,
                       strlen(path), sizeof at->sun_path - 1);
    }
    at->sun_family = AF_UNIX;
    memcpy(at->sun_path, path, strlen(path));
    if (clear_path(at, e) != 0) {
        return -1;
    }
    char *name = mem_printf("unix:%s", path);
    out->fd = open_socket(name, &storage, sizeof *at, e);
    free(name);
    if (out->fd < 0) {
        return -1;
    }
    if (lstat(path, &st) == 0) {
        out->device = st.st_dev;
        out->inode = st.st_ino;
    }
    out->path = absolute(path);
    out->url = mem_printf("unix://%s", out->path);
    return 0;
}

int httpd_check_address(const char *address, struct err *e)
{
    struct sockaddr_storage at;
    socklen_t size;
    return strncmp(address, "unix:", 5) == 0 ? 0 : parse_tcp(address, &at, &size, e);
}

int httpd_listen(const char *address, struct httpd_socket *out, struct err *e)
{
    *out = (struct httpd_socket){.fd = -1};
    if (strncmp(address, "unix:", 5) != 0) {
        return listen_tcp(address, out, e);
    }
    /* DD_TRACE_AGENT_URL's own form has two slashes more. */
    return listen_unix(strncmp(address, "unix://", 7) == 0 ? address + 7 : address + 5, out, e);
}

void httpd_socket_fini(struct httpd_socket *s)
{
    struct stat st;
    if (s->path != NULL && lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode) {
        unlink(s->path);
    }
    free(s->path);
    free(s->url);
    *s = (struct httpd_socket){.fd = -1};
}
