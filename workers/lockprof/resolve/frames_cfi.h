/* SPDX-License-Identifier: Apache-2.0 */
/* The call frame information of one ELF file, row by row: how the caller's registers are found at an address of code.
 * Rows are kept, since thousands of snapshots go through the same calls. */
#ifndef LOCKPROF_RESOLVE_FRAMES_CFI_H
#define LOCKPROF_RESOLVE_FRAMES_CFI_H

#include "lockprof/resolve/modules_elf.h"

enum cfi_rule_type {
    CFI_UNDEFINED, /* lost, or never mentioned */
    CFI_SAME,      /* unchanged */
    CFI_AT,        /* in memory, `offset` from the CFA */
    CFI_IS,        /* the CFA plus `offset` */
    CFI_REGISTER,  /* in register number `offset` */
    CFI_MEMORY,    /* in memory at the address that the operations give */
    CFI_VALUE      /* what the operations give */
};

/* Eight bytes: a program has a row for each of some ten thousand call sites, with a rule for each register. */
struct cfi_rule {
    uint32_t type : 4;   /* enum cfi_rule_type */
    uint32_t base : 5;   /* of a CFA that is CFI_REGISTER */
    uint32_t count : 23; /* of the operations */
    int32_t offset;      /* of operations: their place in the row's list */
};

struct cfi_row {
    uint64_t pc;         /* link address */
    bool found;          /* false: no CFI covers it */
    bool signal;         /* a signal handler's trampoline: its return address was not made by a call */
    struct cfi_rule cfa; /* CFI_REGISTER: register `base` plus `offset`; CFI_VALUE */
    struct cfi_rule registers[CAPTURE_REGISTERS];
    const Dwarf_Op **operations; /* NULL where no rule has any */
};

/* Borrowed until the next call. */
const struct cfi_row *cfi_row_at(struct elf_file *file, uint64_t pc);

/* Operands of the evaluation of a row. */
struct cfi_machine {
    struct modules *modules;
    const struct capture_snapshot *snapshot;
    const uint64_t *registers;
    uint64_t known;
    uint64_t cfa;
    uint64_t bias; /* of the module, for DW_OP_addr */
};

/* The CFA of a row; false: not known. */
bool cfi_cfa(const struct cfi_row *row, const struct cfi_machine *machine, uint64_t *out);

/* The value that a register had in the caller; false: not known. */
bool cfi_value(const struct cfi_row *row, const struct cfi_machine *machine, unsigned number, uint64_t *out);

void cfi_rows_free(struct cfi_rows *rows);

#endif
