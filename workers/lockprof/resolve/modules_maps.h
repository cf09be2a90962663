/* SPDX-License-Identifier: Apache-2.0 */
/* The text of /proc/PID/maps, line by line (proc(5): START-END PERMS OFFSET DEVICE INODE PATH). */
#ifndef LOCKPROF_RESOLVE_MODULES_MAPS_H
#define LOCKPROF_RESOLVE_MODULES_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_line {
    uint64_t start, end, offset, inode;
    bool executable;
    bool deleted;     /* the path ended in " (deleted)", which is cut off */
    const char *path; /* borrowed from the text, not terminated, a newline in it written as \012; may be empty */
    size_t path_size;
};

/* The line at *at, which moves behind it; lines of another form are passed over. False at the end. */
bool map_line_next(const char *text, size_t size, size_t *at, struct map_line *line);

/* The line's path for the caller to free. */
char *map_line_path(const struct map_line *line);

#endif
