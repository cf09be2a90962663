/* SPDX-License-Identifier: Apache-2.0 */
/* Where the debug information of an ELF file is, when it is not in the file itself. Never asks the network: that is why
 * dwfl_standard_find_debuginfo is not used (it loads debuginfod's client). */
#ifndef LOCKPROF_RESOLVE_DEBUG_FILES_H
#define LOCKPROF_RESOLVE_DEBUG_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where Debian, Fedora and others install debug files. */
#define DEBUG_FILES_DIRECTORY "/usr/lib/debug"

struct debug_wanted {
    const char *path;      /* of the file that the debug information is for */
    const char *directory; /* searched before DEBUG_FILES_DIRECTORY; NULL: none */
    const unsigned char *build_id;
    size_t build_id_size;
};

/* Opens the debug file: DIRECTORY/.build-id/xx/rest.debug, then the name in .gnu_debuglink (NULL: none) beside the
 * file, in .debug/ beside it, and under DIRECTORY with the file's own directory. A candidate counts only where its
 * build-id is the wanted one, or, where one of both files has none, where its CRC is that of the link. Returns a file
 * descriptor that is the caller's, and the path to free; -1: none, and `why` (of `why_size` bytes) says what was found
 * instead. */
int debug_files_find(const struct debug_wanted *wanted, const char *link, uint32_t crc, char **path, char *why,
                     size_t why_size);

/* Opens what dwz moved out of a debug file (.gnu_debugaltlink): `link` is absolute or relative to the debug file, whose
 * path stands in `wanted` with the build-id of what is looked for. */
int debug_files_find_alternate(const struct debug_wanted *wanted, const char *link, char **path);

/* Opens the .dwp (package of split units) of a file: beside it, or under DIRECTORY with the file's own directory. */
int debug_files_find_package(const struct debug_wanted *wanted, char **path);

#endif
