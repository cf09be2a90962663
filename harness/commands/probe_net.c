/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/probe.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t size;
};

static int unix_address(const char *path, struct address *out, struct err *e)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    *out = (struct address){.size = sizeof *un};
    un->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof un->sun_path)
        return err_set(e, ERR_INPUT, "the path %s has %zu bytes, a socket's at most %zu", path, strlen(path),
                       sizeof un->sun_path - 1);
    memcpy(un->sun_path, path, strlen(path) + 1);
    return 0;
}

static int resolve(const char *host, const char *port, struct address *out, struct err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0)
        return err_set(e, ERR_MISSING, "%s is not known: %s", host, gai_strerror(status));
    *out = (struct address){.size = found->ai_addrlen};
    memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

/* Splits HOST:PORT, [HOST]:PORT or HOST before the first '/'; the port is `port` where there is none. */
static int host_address(const char *text, const char *port, struct address *out, struct err *e)
{
    char *host = mem_strndup(text, strcspn(text, "/")), *begin = host;
    char *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');
    if (colon && (!bracket || colon > bracket)) {
        *colon = '\0';
        port = colon + 1;
    }
    if (bracket && host[0] == '[') {
        *bracket = '\0';
        begin = host + 1;
    }
    int result = resolve(begin, port, out, e);
    free(host);
    return result;
}

static int url_address(const char *url, const char *unix_socket, struct address *out, struct err *e)
{
    if (unix_socket)
        return unix_address(unix_socket, out, e);
    if (strncmp(url, "https://", 8) == 0)
        return host_address(url + 8, "443", out, e);
    if (strncmp(url, "http://", 7) == 0)
        return host_address(url + 7, "80", out, e);
    return err_set(e, ERR_INPUT, "%s is no http or https URL", url);
}

static int wait_for(int fd, short events, int timeout_ms, struct err *e)
{
    struct pollfd one = {.fd = fd, .events = events};
    int ready;
    do
        ready = poll(&one, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return err_sys(e, ERR_INTERNAL, errno, "can't wait for a connection");
    if (ready == 0)
        return err_set(e, ERR_MISSING, "no answer in %.1f s", timeout_ms / 1000.0);
    return 0;
}

/* A connected non-blocking socket, or -1. */
static int connect_to(const struct address *address, int timeout_ms, struct err *e)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, ERR_INTERNAL, errno, "can't make a socket");
    int error = 0;
    socklen_t size = sizeof error;
    if (connect(fd, (const struct sockaddr *)&address->storage, address->size) < 0) {
        error = errno;
        if (error == EINPROGRESS) {
            if (wait_for(fd, POLLOUT, timeout_ms, e) < 0) {
                close(fd);
                return -1;
            }
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    if (error == 0)
        return fd;
    close(fd);
    return err_sys(e, ERR_MISSING, error, "can't connect");
}

int probe_connect(const char *url, const char *unix_socket, int timeout_ms, struct err *e)
{
    struct address address;
    if (url_address(url, unix_socket, &address, e) < 0)
        return -1;
    int fd = connect_to(&address, timeout_ms, e);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int read_answer(int fd, int timeout_ms, struct buf *answer, struct err *e)
{
    while (answer->size < PROBE_ANSWER_MAX) {
        char chunk[4096];
        if (wait_for(fd, POLLIN, timeout_ms, e) < 0)
            return -1;
        ssize_t size = read(fd, chunk, sizeof chunk);
        if (size < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (size < 0)
            return err_sys(e, ERR_MISSING, errno, "can't read the answer");
        if (size == 0)
            return 0;
        buf_add(answer, chunk, (size_t)size);
    }
    return 0;
}

static int check_status(const struct buf *answer, struct err *e)
{
    const char *text = answer->size > 0 ? answer->data : "";
    if (strncmp(text, "HTTP/1.", 7) != 0 || strlen(text) < 12)
        return err_set(e, ERR_MISSING, "what answers there does not speak HTTP");
    if (strncmp(text + 8, " 200", 4) != 0)
        return err_set(e, ERR_MISSING, "it answers%.4s", text + 8);
    return 0;
}

int probe_get(const char *url, const char *unix_socket, const char *path, int timeout_ms, struct buf *answer,
              struct err *e)
{
    struct address address;
    if (url_address(url, unix_socket, &address, e) < 0)
        return -1;
    int fd = connect_to(&address, timeout_ms, e);
    if (fd < 0)
        return -1;
    struct buf request = {0};
    buf_printf(&request, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    int result = 0;
    /* A request of this size fits into the buffer of a socket that has just been made. */
    if (send(fd, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size)
        result = err_sys(e, ERR_MISSING, errno, "can't send a request");
    if (result == 0)
        result = read_answer(fd, timeout_ms, answer, e);
    if (result == 0)
        result = check_status(answer, e);
    buf_fini(&request);
    close(fd);
    return result;
}

static int listen_unix(const char *path, struct err *e)
{
    struct address address;
    struct stat st;
    struct err ignored;
    if (path[0] == '\0')
        return 0;
    if (unix_address(path, &address, e) < 0)
        return -1;
    if (stat(path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_MISSING, "%s is there already and is no socket", path);
    int fd = connect_to(&address, 1000, &ignored);
    if (fd < 0)
        return 0; /* left over from a process that is gone */
    close(fd);
    return err_set(e, ERR_MISSING, "another process listens at %s", path);
}

int probe_listen(const char *listen, struct err *e)
{
    struct address address;
    if (strncmp(listen, "unix:", 5) == 0)
        return listen_unix(strncmp(listen, "unix://", 7) == 0 ? listen + 7 : listen + 5, e);
    if (host_address(listen, "0", &address, e) < 0)
        return -1;
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return err_sys(e, ERR_INTERNAL, errno, "can't make a socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int status = bind(fd, (const struct sockaddr *)&address.storage, address.size);
    int error = errno;
    close(fd);
    return status < 0 ? err_sys(e, ERR_MISSING, error, "can't listen at %s", listen) : 0;
}
