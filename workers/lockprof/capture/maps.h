/* SPDX-License-Identifier: Apache-2.0 */
/* The module list: what is mapped where. */
#ifndef LOCKPROF_CAPTURE_MAPS_H
#define LOCKPROF_CAPTURE_MAPS_H

#include "lockprof/capture/library.h"

enum range_flags {
    RANGE_CODE = 1,
    RANGE_DATA = 2, /* writable memory of a module: its file's, and the anonymous memory right behind (.bss) */
    RANGE_READ = 4  /* of a file, neither */
};

struct range {
    uint64_t start, end;
    uint64_t identity; /* of the line: range, file and inode */
    uint32_t flags;
    uint32_t module; /* number within the list */
};

uint64_t maps_memory(void);
void maps_start(void *memory);
/* The first list of the process. */
void maps_first(void);
/* In the constructor: modules as dl_iterate_phdr tells them, whose lock may be taken there. */
void maps_modules(void);
/* Arena offset of the newest list, read again where `code` lies in none that it knows and for a while after dlopen; 0:
 * none. */
uint64_t maps_now(uint64_t code);
/* An address of the program's own code or headers. */
uint64_t maps_program(void);
/* The range with the address; false: none. A copy. */
bool maps_range(uint64_t address, struct range *out);
/* Number `index` of the data ranges of the module; false at the end. */
bool maps_data(uint32_t module, uint32_t index, struct range *out);

#endif
