/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/capture/library.h"

uint64_t site_memory(void)
{
    return 4096;
}

void site_start(void *memory)
{
    (void)memory;
}

void site_forget(void)
{
}

void site_of(const struct entry_frame *frame, uint32_t call, struct call_site *site)
{
    site->caller = frame->registers[16];
    site->stack = frame->registers[7] - 8;
    site->depth = thread_pointer() - site->stack;
    site->probe = 0;
    site->probe_word = site->caller;
    site->call = call;
}
