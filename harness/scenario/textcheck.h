/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of text that keys ask for. Each: false where the text is of another form, with a more exact reason in *why or
 * nothing. */
#ifndef LOCKTRAIL_SCENARIO_TEXTCHECK_H
#define LOCKTRAIL_SCENARIO_TEXTCHECK_H

#include "base/buf.h"

#include <stdbool.h>

/* Longest path of a unix socket: sun_path of Linux has 108 bytes with the final zero (unix(7)). */
#define SOCKET_PATH_MAX 107
/* Longest name of a scenario or worker; with an arm, a number and a suffix it stays below NAME_MAX (255). */
#define NAME_LENGTH_MAX 64

bool check_file_name(const char *text, struct buf *why);  /* letters, digits, `.`, `_`, `-`, no `.` in front */
bool check_worker_name(const char *text);                 /* the same without `.` */
bool check_identifier(const char *text, struct buf *why); /* of a pattern */
bool check_one_line(const char *text, struct buf *why);   /* no control characters */
bool check_place(const char *text, struct buf *why);      /* the same, and not empty */
bool check_release(const char *text, struct buf *why);    /* "4.16.0", "4.0.0rc1" */
bool check_package(const char *text, struct buf *why);   /* what pip installs by name; never an option, never ddtrace */
bool check_program(const char *text, struct buf *why);   /* not empty, no option */
bool check_listen(const char *text, struct buf *why);    /* a loopback address with a port, or a unix socket */
bool check_agent_url(const char *text, struct buf *why); /* http, https or unix, without user, query or fragment */
bool check_web_url(const char *text, struct buf *why);   /* the same without unix */
bool check_link(const char *text, struct buf *why);      /* http or https, anything a browser takes behind it */
bool check_site(const char *text, struct buf *why);      /* a host's name */
bool check_variable_name(const char *text, struct buf *why); /* and not one that locktrail sets */

/* `FILE:LINE` split: the base name's beginning, its bytes and the line. False where it is not of that form. */
bool split_site(const char *text, const char **file, size_t *size, unsigned *line);

#endif
