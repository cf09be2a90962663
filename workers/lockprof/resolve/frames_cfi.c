/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/frames_cfi.h"

#include "lockprof/resolve/operators.h"

#include "base/mem.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

/* A rule's ops that libdw writes into memory of ours. */
#define RULE_OPS 3
/* Rows of one file; when there are more, all are made anew. */
#define ROWS_MAX 65536
/* Operand stack and steps of an expression: PLT entries need four and ten. */
#define STACK_MAX 32
#define STEPS_MAX 256

struct cfi_rows {
    struct cfi_row **table; /* open addressing; NULL: free */
    size_t size, count;     /* size: a power of two */
    Dwarf_Frame **frames;   /* their expressions are borrowed by the rows */
    size_t frame_count, frame_capacity;
};

static size_t slot_of(const struct cfi_rows *rows, uint64_t pc)
{
    size_t at = (size_t)(pc * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (rows->size - 1);
    while (rows->table[at] != NULL && rows->table[at]->pc != pc) {
        at = (at + 1) & (rows->size - 1);
    }
    return at;
}

static void grow(struct cfi_rows *rows)
{
    struct cfi_rows old = *rows;
    rows->size = old.size > 0 ? old.size * 2 : 256;
    rows->table = mem_calloc(rows->size, sizeof rows->table[0]);
    for (size_t i = 0; i < old.size; i++) {
        if (old.table[i] != NULL) {
            rows->table[slot_of(rows, old.table[i]->pc)] = old.table[i];
        }
    }
    free(old.table);
}

static bool fits(int64_t offset)
{
    return offset >= INT32_MIN && offset <= INT32_MAX;
}

/* A rule that is a list of operations; they are borrowed from the frame. */
static struct cfi_rule rule_of_operations(struct cfi_row *row, enum cfi_rule_type type, unsigned place,
                                          const Dwarf_Op *ops, size_t count)
{
    if (count > STEPS_MAX) {
        return (struct cfi_rule){.type = CFI_UNDEFINED};
    }
    if (row->operations == NULL) {
        row->operations = mem_calloc(CAPTURE_REGISTERS + 1, sizeof row->operations[0]);
    }
    row->operations[place] = ops;
    return (struct cfi_rule){.type = type, .count = (uint32_t)count, .offset = (int32_t)place};
}

/* libdw gives a rule as operations: DW_OP_call_frame_cfa and an offset are the usual ones. */
static struct cfi_rule rule_of(struct cfi_row *row, unsigned number, const Dwarf_Op *ops, size_t count,
                               const Dwarf_Op *mine)
{
    struct cfi_rule undefined = {.type = CFI_UNDEFINED};
    if (count == 0) {
        return ops == mine ? undefined : (struct cfi_rule){.type = CFI_SAME};
    }
    bool value = ops[count - 1].atom == DW_OP_stack_value;
    size_t steps = count - value;
    if (ops != mine) {
        return rule_of_operations(row, value ? CFI_VALUE : CFI_MEMORY, number, ops, steps);
    }
    if (ops[0].atom == DW_OP_regx && ops[0].number < CAPTURE_REGISTERS) {
        return (struct cfi_rule){.type = CFI_REGISTER, .offset = (int32_t)ops[0].number};
    }
    if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
        return (struct cfi_rule){.type = CFI_REGISTER, .offset = ops[0].atom - DW_OP_reg0};
    }
    int64_t offset = steps > 1 ? (int64_t)ops[1].number : 0;
    if (ops[0].atom == DW_OP_call_frame_cfa && (steps == 1 || ops[1].atom == DW_OP_plus_uconst) && fits(offset)) {
        return (struct cfi_rule){.type = value ? CFI_IS : CFI_AT, .offset = (int32_t)offset};
    }
    return undefined;
}

/* A register plus an offset, or operations. */
static bool cfa_of(struct cfi_row *row, const Dwarf_Op *ops, size_t count)
{
    uint64_t number = ops[0].atom == DW_OP_bregx ? ops[0].number : (uint64_t)(ops[0].atom - DW_OP_breg0);
    int64_t offset = (int64_t)(ops[0].atom == DW_OP_bregx ? ops[0].number2 : ops[0].number);
    bool plain =
        count == 1 && (ops[0].atom == DW_OP_bregx || (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31));
    if (!plain) {
        row->cfa = rule_of_operations(row, CFI_VALUE, CAPTURE_REGISTERS, ops, count);
    } else if (number < CAPTURE_REGISTERS && fits(offset)) {
        row->cfa = (struct cfi_rule){.type = CFI_REGISTER, .base = (uint32_t)number, .offset = (int32_t)offset};
    }
    return row->cfa.type != CFI_UNDEFINED;
}

/* System V ABI x86_64, figure 3.4: rbx rbp r12-r15. Unless a rule says otherwise they are unchanged. */
static bool is_callee_saved(unsigned number)
{
    return number == 3 || number == 6 || (number >= 12 && number <= 15);
}

static bool fill(Dwarf_Frame *frame, struct cfi_row *row)
{
    Dwarf_Op mine[RULE_OPS], *ops;
    size_t count;
    bool signal;
    if (dwarf_frame_info(frame, NULL, NULL, &signal) < 0 || dwarf_frame_cfa(frame, &ops, &count) != 0 || count == 0) {
        return false;
    }
    row->signal = signal;
    if (!cfa_of(row, ops, count)) {
        return false;
    }
    for (unsigned i = 0; i < CAPTURE_REGISTERS; i++) {
        if (dwarf_frame_register(frame, (int)i, mine, &ops, &count) != 0) {
            return false;
        }
        row->registers[i] = rule_of(row, i, ops, count, mine);
        /* libdw calls a callee-saved register undefined that no rule mentions. */
        if (row->registers[i].type == CFI_UNDEFINED && is_callee_saved(i)) {
            row->registers[i].type = CFI_SAME;
        }
    }
    return true;
}

static Dwarf_Frame *frame_at(struct elf_file *file, uint64_t pc)
{
    Dwarf_Frame *frame = NULL;
    Dwarf_Addr bias;
    Dwarf_CFI *cfi = dwfl_module_eh_cfi(file->dwfl_module, &bias);
    if (cfi != NULL && dwarf_cfi_addrframe(cfi, pc - bias, &frame) == 0) {
        return frame;
    }
    cfi = dwfl_module_dwarf_cfi(file->dwfl_module, &bias);
    if (cfi != NULL && dwarf_cfi_addrframe(cfi, pc - bias, &frame) == 0) {
        return frame;
    }
    return NULL;
}

static void make(struct elf_file *file, struct cfi_rows *rows, uint64_t pc, struct cfi_row *row)
{
    *row = (struct cfi_row){.pc = pc};
    Dwarf_Frame *frame = frame_at(file, pc);
    if (frame == NULL) {
        return;
    }
    row->found = fill(frame, row);
    if (row->operations == NULL) {
        free(frame);
        return;
    }
    rows->frames = mem_grow(rows->frames, rows->frame_count, &rows->frame_capacity, sizeof rows->frames[0]);
    rows->frames[rows->frame_count++] = frame;
}

const struct cfi_row *cfi_row_at(struct elf_file *file, uint64_t pc)
{
    if (file->rows != NULL && file->rows->count >= ROWS_MAX) {
        cfi_rows_free(file->rows);
        file->rows = NULL;
    }
    if (file->rows == NULL) {
        file->rows = mem_calloc(1, sizeof *file->rows);
    }
    struct cfi_rows *rows = file->rows;
    if (rows->count * 2 >= rows->size) {
        grow(rows);
    }
    size_t at = slot_of(rows, pc);
    if (rows->table[at] == NULL) {
        rows->table[at] = mem_calloc(1, sizeof *rows->table[at]);
        rows->count++;
        make(file, rows, pc, rows->table[at]);
    }
    return rows->table[at];
}

static void row_free(struct cfi_row *row)
{
    if (row != NULL) {
        free(row->operations);
        free(row);
    }
}

void cfi_rows_free(struct cfi_rows *rows)
{
    if (rows == NULL) {
        return;
    }
    for (size_t i = 0; i < rows->size; i++) {
        row_free(rows->table[i]);
    }
    for (size_t i = 0; i < rows->frame_count; i++) {
        free(rows->frames[i]);
    }
    free(rows->frames);
    free(rows->table);
    free(rows);
}

static bool register_value(const struct cfi_machine *machine, uint64_t number, uint64_t *out)
{
    if (number >= CAPTURE_REGISTERS || !(machine->known >> number & 1)) {
        return false;
    }
    *out = machine->registers[number];
    return true;
}

struct stack {
    uint64_t values[STACK_MAX];
    size_t depth;
};

static bool push(struct stack *s, uint64_t value)
{
    if (s->depth == STACK_MAX) {
        return false;
    }
    s->values[s->depth++] = value;
    return true;
}

/* Operations with two operands and one result. */
static bool combine(struct stack *s, uint8_t atom)
{
    if (s->depth < 2) {
        return false;
    }
    s->depth--;
    uint64_t *top = &s->values[s->depth - 1];
    return operator_apply(atom, *top, s->values[s->depth], top);
}

static bool deref(struct stack *s, const struct cfi_machine *machine)
{
    uint64_t *top;
    if (s->depth == 0) {
        return false;
    }
    top = &s->values[s->depth - 1];
    return modules_read(machine->modules, machine->snapshot, *top, top, sizeof *top);
}

/* The operations that compilers and the C library write into CFI; others end the unwinding. */
static bool step(struct stack *s, const struct cfi_machine *machine, const Dwarf_Op *op)
{
    uint64_t value;
    if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
        return push(s, op->atom - DW_OP_lit0);
    }
    if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
        return register_value(machine, op->atom - DW_OP_breg0, &value) && push(s, value + op->number);
    }
    switch (op->atom) {
    case DW_OP_nop:
        return true;
    case DW_OP_bregx:
        return register_value(machine, op->number, &value) && push(s, value + op->number2);
    case DW_OP_call_frame_cfa:
        return push(s, machine->cfa);
    case DW_OP_addr:
        return push(s, op->number + machine->bias);
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts:
        return push(s, op->number);
    case DW_OP_plus_uconst:
        return s->depth > 0 && (s->values[s->depth - 1] += op->number, true);
    case DW_OP_deref:
        return deref(s, machine);
    case DW_OP_dup:
        return s->depth > 0 && push(s, s->values[s->depth - 1]);
    case DW_OP_drop:
        return s->depth > 0 && (s->depth--, true);
    default:
        return combine(s, op->atom);
    }
}

static bool evaluate(const struct cfi_row *row, const struct cfi_rule *rule, const struct cfi_machine *machine,
                     uint64_t *out)
{
    struct stack s = {.depth = 0};
    for (size_t i = 0; i < rule->count; i++) {
        if (!step(&s, machine, &row->operations[rule->offset][i])) {
            return false;
        }
    }
    if (s.depth == 0) {
        return false;
    }
    *out = s.values[s.depth - 1];
    return true;
}

bool cfi_cfa(const struct cfi_row *row, const struct cfi_machine *machine, uint64_t *out)
{
    if (!row->found) {
        return false;
    }
    if (row->cfa.type == CFI_VALUE) {
        return evaluate(row, &row->cfa, machine, out);
    }
    if (!register_value(machine, row->cfa.base, out)) {
        return false;
    }
    *out += (uint64_t)(int64_t)row->cfa.offset;
    return true;
}

bool cfi_value(const struct cfi_row *row, const struct cfi_machine *machine, unsigned number, uint64_t *out)
{
    const struct cfi_rule *rule = &row->registers[number];
    uint64_t address = machine->cfa + (uint64_t)(int64_t)rule->offset;
    switch ((enum cfi_rule_type)rule->type) {
    case CFI_UNDEFINED:
        return false;
    case CFI_SAME:
        return register_value(machine, number, out);
    case CFI_AT:
        return capture_snapshot_read(machine->snapshot, address, out, sizeof *out);
    case CFI_IS:
        *out = address;
        return true;
    case CFI_REGISTER:
        return register_value(machine, (uint64_t)rule->offset, out);
    case CFI_MEMORY:
        return evaluate(row, rule, machine, &address) &&
               capture_snapshot_read(machine->snapshot, address, out, sizeof *out);
    case CFI_VALUE:
        return evaluate(row, rule, machine, out);
    }
    return false;
}
