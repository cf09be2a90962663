/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the protocol that say what is true of each lock: where it is declared, how this build should show it,
 * where it lies, and what the workload really did with it. */
#ifndef NATIVE_RUNTIME_LEDGER_H
#define NATIVE_RUNTIME_LEDGER_H

#include "native/runtime/channel.h"

#include <stdbool.h>

/* Name of this build: "O2g". */
const char *ledger_variant(void);

/* The declarations of one pattern are part of the run from now on, and are sent. */
void ledger_declare(const char *pattern, struct channel *channel);

/* A `site` line for each place in the executable that has been seen since the last time. */
void ledger_send_sites(struct channel *channel);

/* Adds ,"acquires":{...} of one pattern. */
void ledger_add_acquires(struct line *line, const char *pattern);

/* Adds all counters of all declared locks, as the `done` line has them. */
void ledger_add_totals(struct line *line);

void ledger_fini(void);

#endif
