/* SPDX-License-Identifier: Apache-2.0 */
/* .eh_frame_hdr and .eh_frame (Linux Standard Base, DWARF 4 section 6.4) as compilers write them for x86_64: what is
 * encoded otherwise gives no rule. */
#include "lockprof/capture/unwind.h"

#include <dlfcn.h>
#include <stddef.h>

#define REGISTER_RBP 6
#define REGISTER_RSP 7
/* DW_EH_PE_pcrel | sdata4, DW_EH_PE_datarel | sdata4, DW_EH_PE_udata4 */
#define ENCODED_PC 0x1b
#define ENCODED_TABLE 0x3b
#define ENCODED_COUNT 0x03
#define REMEMBERED_MAX 4

static int (*find_object)(void *, struct dl_find_object *);

struct bytes {
    const uint8_t *at, *end;
};

struct row {
    uint64_t cfa_register;
    int64_t cfa_offset;
    int64_t rbp; /* where rbp is saved, from the CFA; 0: it is not */
};

/* What a CIE says of its FDEs. */
struct common {
    uint64_t code_align;
    int64_t data_align;
    struct bytes instructions;
    bool augmented;
};

void unwind_start(void)
{
    *(void **)&find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
}

static uint64_t number(struct bytes *from, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size && from->at < from->end; i++) {
        value |= (uint64_t)*from->at++ << 8 * i;
    }
    return value;
}

static int64_t signed4(struct bytes *from)
{
    return (int32_t)(uint32_t)number(from, 4);
}

static uint64_t uleb(struct bytes *from)
{
    uint64_t value = 0;
    for (unsigned shift = 0; from->at < from->end; shift += 7) {
        uint8_t byte = *from->at++;
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (!(byte & 0x80)) {
            break;
        }
    }
    return value;
}

static int64_t sleb(struct bytes *from)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte = 0;
    do {
        byte = from->at < from->end ? *from->at++ : 0;
        value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        shift += 7;
    } while (byte & 0x80);
    return shift < 64 && byte & 0x40 ? (int64_t)(value | ~UINT64_C(0) << shift) : (int64_t)value;
}

/* The content of the entry at `at`, without its length. */
static bool entry_at(const uint8_t *at, struct bytes *out)
{
    out->at = at;
    out->end = at + 4;
    uint64_t length = number(out, 4);
    /* 0 ends the table, all ones is the 64-bit form. */
    if (!length || length > 0xfffffff0) {
        return false;
    }
    out->end = out->at + length;
    return true;
}

static bool parse_common(const uint8_t *at, struct common *common)
{
    struct bytes cie;
    if (!entry_at(at, &cie) || number(&cie, 4) != 0) {
        return false;
    }
    uint64_t version = number(&cie, 1);
    const char *augmentation = (const char *)cie.at;
    while (cie.at < cie.end && *cie.at++) {
    }
    if ((version != 1 && version != 3) || augmentation[0] != 'z') {
        return false;
    }
    common->code_align = uleb(&cie);
    common->data_align = sleb(&cie);
    (void)(version == 1 ? number(&cie, 1) : uleb(&cie));
    uint64_t size = uleb(&cie);
    if (size > (uint64_t)(cie.end - cie.at)) {
        return false;
    }
    common->instructions = (struct bytes){cie.at + size, cie.end};
    struct bytes data = {cie.at, cie.at + size};
    for (const char *a = augmentation + 1; *a; a++) {
        if (*a == 'R') {
            return number(&data, 1) == ENCODED_PC;
        }
        if (*a == 'L') {
            number(&data, 1);
        } else if (*a == 'P') {
            /* Its size is in the low bits of its encoding: 4 or 8 bytes. */
            uint64_t encoding = number(&data, 1) & 0xf;
            number(&data, encoding == 0 || encoding == 4 || encoding == 12 ? 8 : 4);
        } else if (*a != 'S' && *a != 'B') {
            return false;
        }
    }
    return false;
}

/* One instruction that is not an advance. */
static bool execute(uint8_t op, struct bytes *code, const struct common *common, const struct row *initial,
                    struct row *row)
{
    uint64_t reg;
    if (op >> 6 == 2) {
        int64_t offset = (int64_t)uleb(code) * common->data_align;
        row->rbp = (op & 0x3f) == REGISTER_RBP ? offset : row->rbp;
        return true;
    }
    if (op >> 6 == 3) {
        row->rbp = (op & 0x3f) == REGISTER_RBP ? initial->rbp : row->rbp;
        return true;
    }
    switch (op) {
    case 0x00: /* nop */
        return true;
    case 0x05: /* offset_extended */
        uleb(code);
        uleb(code);
        return true;
    case 0x06: /* restore_extended, undefined, same_value */
    case 0x07:
    case 0x08:
        reg = uleb(code);
        return reg != REGISTER_RBP;
    case 0x0c: /* def_cfa */
        row->cfa_register = uleb(code);
        row->cfa_offset = (int64_t)uleb(code);
        return true;
    case 0x0d: /* def_cfa_register */
        row->cfa_register = uleb(code);
        return true;
    case 0x0e: /* def_cfa_offset */
        row->cfa_offset = (int64_t)uleb(code);
        return true;
    case 0x10: /* expression: of a register */
        reg = uleb(code);
        code->at += uleb(code);
        return reg != REGISTER_RBP && code->at <= code->end;
    case 0x2e: /* GNU_args_size */
        uleb(code);
        return true;
    default: /* def_cfa_expression and what compilers do not write */
        return false;
    }
}

static bool run(struct bytes code, const struct common *common, uint64_t steps, const struct row *initial,
                struct row *row)
{
    struct row remembered[REMEMBERED_MAX];
    unsigned depth = 0;
    uint64_t at = 0;
    while (code.at < code.end) {
        uint8_t op = *code.at++;
        uint64_t advance = op >> 6 == 1 ? op & 0x3f : op >= 2 && op <= 4 ? number(&code, 1u << (op - 2)) : 0;
        if (advance) {
            at += advance * common->code_align;
            if (at > steps) {
                return true;
            }
        } else if (op == 0x0a) {
            if (depth == REMEMBERED_MAX) {
                return false;
            }
            remembered[depth++] = *row;
        } else if (op == 0x0b) {
            if (!depth) {
                return false;
            }
            *row = remembered[--depth];
        } else if (op >> 6 != 1 && !(op >= 2 && op <= 4) && !execute(op, &code, common, initial, row)) {
            return false;
        }
    }
    return true;
}

/* The FDE whose code holds `pc`, by the sorted table of the header. */
static const uint8_t *fde_of(const uint8_t *header, uint64_t pc)
{
    struct bytes from = {header, header + 12};
    if (number(&from, 1) != 1 || number(&from, 1) != ENCODED_PC || number(&from, 1) != ENCODED_COUNT ||
        number(&from, 1) != ENCODED_TABLE) {
        return NULL;
    }
    number(&from, 4);
    uint64_t low = 0, high = number(&from, 4);
    const int32_t(*table)[2] = (const int32_t(*)[2])(header + 12);
    int64_t wanted = (int64_t)(pc - (uint64_t)header);
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (table[middle][0] <= wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low ? header + table[low - 1][1] : NULL;
}

bool unwind_rule(uint64_t pc, struct frame_rule *rule)
{
    struct dl_find_object object;
    /* The call instruction, not what follows it: a call that does not return may be a function's last. */
    pc--;
    if (!find_object || find_object((void *)pc, &object) != 0 || !object.dlfo_eh_frame) {
        return false;
    }
    const uint8_t *at = fde_of(object.dlfo_eh_frame, pc);
    struct bytes fde;
    struct common common;
    if (!at || !entry_at(at, &fde)) {
        return false;
    }
    const uint8_t *base = fde.at;
    uint64_t back = number(&fde, 4);
    if (!back || !parse_common(base - back, &common)) {
        return false;
    }
    uint64_t start = (uint64_t)fde.at;
    start += (uint64_t)signed4(&fde);
    uint64_t size = number(&fde, 4);
    fde.at += uleb(&fde);
    struct row row = {0}, initial;
    if (pc - start >= size || fde.at > fde.end || !run(common.instructions, &common, 0, &row, &row)) {
        return false;
    }
    initial = row;
    if (!run(fde, &common, pc - start, &initial, &row) ||
        (row.cfa_register != REGISTER_RBP && row.cfa_register != REGISTER_RSP)) {
        return false;
    }
    rule->by_rbp = row.cfa_register == REGISTER_RBP;
    rule->saves_rbp = row.rbp == -16;
    rule->offset = (int32_t)row.cfa_offset;
    rule->size = (uint32_t)size;
    rule->loses_rbp = row.rbp && row.rbp != -16;
    return row.cfa_offset > 0 && row.cfa_offset < INT32_MAX;
}
