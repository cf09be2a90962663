/* SPDX-License-Identifier: Apache-2.0 */
/* Where in the executable locks are made and taken: the return addresses of the calls themselves, so that the ledger
 * can say by which MODULE+0xOFFSET a collector without names may show a lock.
 *
 * The code of the patterns is left alone. The slots through which the executable calls the lock functions (the jump
 * slots of its PLT) get an entry of calls.S each, which remembers the word at the stack pointer in a thread-local and
 * jumps on: return address, stack and all registers but r11 stay as they are. Where the functions are not called
 * through such a slot (static sanitizer runtimes), nothing is remembered. */
#ifndef NATIVE_RUNTIME_CALLS_H
#define NATIVE_RUNTIME_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Places that are kept of one lock; those behind them are left out: one is enough to recognize a lock. */
#define CALLS_MAX 16
/* Locks within larger objects, of all declarations. */
#define CALLS_SYMBOLS_MAX 64

/* Once, before there are threads. */
void calls_start(void);
void calls_fini(void);

/* The return address of the calling thread's latest lock function, 0 if there was none since the last time. */
uintptr_t calls_last(void);

/* Keeps an address in the executable for one declaration; 0 and addresses elsewhere are passed over. Any thread. */
void calls_note(size_t declaration, uintptr_t address);

/* Keeps that one of the declaration's locks lies so many bytes within the object of that ELF symbol, borrowed. Main
 * thread only. */
void calls_note_symbol(size_t declaration, const char *symbol, size_t offset);

/* "SYMBOL+0xOFFSET" of the declaration's place `number` in `out`; false if there are not so many. */
bool calls_symbol(size_t declaration, size_t number, char *out, size_t size);

/* Address minus load bias of the declaration's place `number`, 0 if there are not so many. */
uintptr_t calls_offset(size_t declaration, size_t number);

/* Base name of the executable. */
const char *calls_module(void);

#endif
