/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void *shared_calloc(size_t count, size_t size)
{
    void *memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fputs("no memory to share with children\n", stderr);
        abort();
    }
    return memory;
}

void shared_free(void *memory, size_t count, size_t size)
{
    if (memory)
        munmap(memory, count * size);
}
