/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/operators.h"

#include <dwarf.h>

bool operator_apply(unsigned atom, uint64_t a, uint64_t b, uint64_t *out)
{
    int64_t sa = (int64_t)a, sb = (int64_t)b;
    switch (atom) {
    case DW_OP_and:
        *out = a & b;
        return true;
    case DW_OP_or:
        *out = a | b;
        return true;
    case DW_OP_xor:
        *out = a ^ b;
        return true;
    case DW_OP_plus:
        *out = a + b;
        return true;
    case DW_OP_minus:
        *out = a - b;
        return true;
    case DW_OP_mul:
        *out = a * b;
        return true;
    case DW_OP_shl:
        *out = b < 64 ? a << b : 0;
        return true;
    case DW_OP_shr:
        *out = b < 64 ? a >> b : 0;
        return true;
    case DW_OP_shra:
        b = b < 63 ? b : 63;
        *out = sa < 0 ? ~(~a >> b) : a >> b;
        return true;
    case DW_OP_eq:
        *out = sa == sb;
        return true;
    case DW_OP_ne:
        *out = sa != sb;
        return true;
    case DW_OP_lt:
        *out = sa < sb;
        return true;
    case DW_OP_le:
        *out = sa <= sb;
        return true;
    case DW_OP_gt:
        *out = sa > sb;
        return true;
    case DW_OP_ge:
        *out = sa >= sb;
        return true;
    case DW_OP_mod:
        *out = b ? a % b : 0;
        return b != 0;
    case DW_OP_div:
        if (b == 0 || (sb == -1 && sa == INT64_MIN)) {
            return false;
        }
        *out = (uint64_t)(sa / sb);
        return true;
    default:
        return false;
    }
}
