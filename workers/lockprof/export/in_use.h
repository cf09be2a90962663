/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKPROF_EXPORT_IN_USE_H
#define LOCKPROF_EXPORT_IN_USE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether somebody still writes the file: a process that has it mapped, or, where the file system can't say that, the
 * process `pid` that began at `process_start` (0: not known). Once false, it stays false. */
bool capture_in_use(const char *path, int32_t pid, uint64_t process_start);

#endif
