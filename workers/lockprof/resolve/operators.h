/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic of DWARF expressions: those of variables and those of call frame information. */
#ifndef LOCKPROF_RESOLVE_OPERATORS_H
#define LOCKPROF_RESOLVE_OPERATORS_H

#include <stdbool.h>
#include <stdint.h>

/* What an operator of two operands (DW_OP_plus ... DW_OP_ge; `b` was the top of the stack) gives, as DWARF 5, 2.5.1.4
 * and 2.5.1.5 say: comparisons and division are signed. False: not such an operator, or a division without a result. */
bool operator_apply(unsigned atom, uint64_t a, uint64_t b, uint64_t *out);

#endif
