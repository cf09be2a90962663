/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the HTTP server among one another: the listening socket, the life of a request, the loop. */
#ifndef LOCKTRAIL_IO_HTTPD_INTERNAL_H
#define LOCKTRAIL_IO_HTTPD_INTERNAL_H

#include "io/httpd.h"
#include "io/spare.h"

#include <microhttpd.h>
#include <sys/types.h>

/* What is read and thrown away of a body that is already refused, so that its client, which sends first and reads then,
 * gets to see the answer. Beyond it the connection is cut. As much as the largest body of a default scenario. */
#define HTTPD_DRAIN_MAX ((size_t)64 << 20)

/* A socket that listens, and what has to be known to call it and to remove it. */
struct httpd_socket {
    int fd;
    char *url;
    char *path; /* of a unix socket, absolute, else NULL */
    dev_t device;
    ino_t inode; /* of the socket file: another one at its path is not ours to remove */
};

/* Errors as httpd_start; nothing is held then. */
int httpd_listen(const char *address, struct httpd_socket *out, struct err *e);
/* Removes the socket file and frees the texts. The descriptor is the daemon's. */
void httpd_socket_fini(struct httpd_socket *s);

/* The moves that are allowed stand in httpd_request.c. */
enum request_state {
    REQUEST_HEAD,     /* its first line is there */
    REQUEST_BODY,     /* its head is there and accepted; streaming: and handed over */
    REQUEST_DRAINING, /* refused; the rest of the body is thrown away */
    REQUEST_HANDED,   /* complete and with the owner, who has not answered yet */
    REQUEST_ANSWERED  /* the answer is known */
};

struct http_request {
    struct httpd *server;
    struct MHD_Connection *connection; /* borrowed, alive as long as the request */
    struct http_request *next, **link; /* in the server's list */
    enum request_state state;
    bool suspended; /* the connection waits for http_answer, or for http_continue */
    bool paused;    /* streaming: no further piece is wanted */
    bool streamed;  /* `head` was called */
    void *context;  /* of a streamed one */
    char *method;   /* "" until the head is complete */
    char *path;
    struct http_headers headers;
    struct buf body;   /* empty where it is streamed */
    uint64_t received; /* bytes of the body */
    uint64_t drained;
    int status; /* of the answer */
    struct MHD_Response *answer;
    struct http_headers answer_headers;
};

struct httpd {
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open_handles;
    struct MHD_Daemon *daemon;
    struct httpd_socket socket;
    struct httpd_options options;      /* `listen` is not kept */
    httpd_fn fn;                       /* NULL: streaming */
    const struct httpd_stream *stream; /* NULL: not */
    void *data;
    struct http_request *requests; /* all of them */
    unsigned open_requests, open_connections;
    struct spare spare; /* for bodies */
    bool kicked;        /* libmicrohttpd has work that its epoll descriptor does not show */
    bool stopping;
    void (*closed)(void *data);
    void *closed_data;
};

/* Lets libmicrohttpd run in the next turn of the loop. */
void httpd_kick(struct httpd *server);

/* Ends the waiting of connections whose requests nobody has answered; the daemon can't be stopped before. */
void httpd_resume_all(struct httpd *server);

/* Lets libmicrohttpd read once more from clients that have closed. */
void httpd_wake_closed(struct httpd *server);

/* libmicrohttpd's callbacks for requests. */
void *httpd_on_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result httpd_on_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *bytes, size_t *size, void **context);
void httpd_on_completed(void *cls, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code);

/* What is wrong with a complete head: the status to refuse it with, and `why`, or 0. `*too_large` says that it is the
 * body, which may still be drained. */
int httpd_check_head(struct http_request *r, struct buf *why, bool *too_large);

#endif
