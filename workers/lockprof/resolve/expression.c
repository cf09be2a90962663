/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/expression.h"

#include "lockprof/resolve/operators.h"
#include "lockprof/resolve/scopes.h"

#include <dwarf.h>
#include <string.h>

#define STACK_MAX 32
#define OPERATIONS_MAX 256
#define DEPTH_MAX 6 /* frame base, entry value of the caller, of its caller ... */

/* One expression on its way. */
struct machine {
    const struct environment *environment;
    Dwarf_Attribute *attr;
    uint64_t stack[STACK_MAX];
    size_t used;
    struct piece current; /* where an operation said what the object is; else kind PIECE_UNKNOWN and the stack counts */
    bool described, unknown;
};

static bool push(struct machine *m, uint64_t value)
{
    if (m->used == STACK_MAX) {
        return false;
    }
    m->stack[m->used++] = value;
    return true;
}

static const struct frame *frame_of(const struct environment *environment)
{
    return environment->index < environment->count ? &environment->frames[environment->index] : NULL;
}

static bool register_of(const struct environment *environment, uint64_t number, uint64_t *value)
{
    const struct frame *frame = frame_of(environment);
    if (!frame || number >= CAPTURE_REGISTERS || !(frame->known >> number & 1)) {
        return false;
    }
    *value = frame->registers[number];
    return true;
}

uint64_t environment_tls(const struct memory *memory, const struct module *module)
{
    uint64_t number = module->tls ? module->tls : module->is_main;
    if (number == 0 || number > CAPTURE_TLS_MAX) {
        return 0;
    }
    uint64_t block = memory->snapshot->tls[number - 1];
    return block == UINT64_MAX ? 0 : block; /* glibc: TLS_DTV_UNALLOCATED */
}

static bool frame_base(const struct environment *environment, uint64_t *value)
{
    struct environment inner = *environment;
    struct location location;
    const struct plan *plan = environment->plan;
    if (!plan || !plan->has_frame_base || inner.depth++ >= DEPTH_MAX) {
        return false;
    }
    Dwarf_Attribute attr = plan->frame_base;
    if (!expression_location(&inner, &attr, plan->frame_base_ops, plan->frame_base_count, &location) ||
        location.count != 1 || location.pieces[0].size != 0 ||
        (location.pieces[0].kind != PIECE_MEMORY && location.pieces[0].kind != PIECE_VALUE)) {
        return false;
    }
    *value = location.pieces[0].value;
    return true;
}

/* DW_OP_entry_value: what a register, or the memory that it points to, held when the function was entered. */
static bool entry_value(struct machine *m, const Dwarf_Op *op, uint64_t *value)
{
    Dwarf_Attribute inner;
    Dwarf_Op *ops;
    size_t count;
    const struct environment *environment = m->environment;
    if (!environment->scopes || environment->depth >= DEPTH_MAX || dwarf_getlocation_attr(m->attr, op, &inner) != 0 ||
        dwarf_getlocation(&inner, &ops, &count) != 0 || count != 1) {
        return false;
    }
    uint64_t number;
    if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
        number = ops[0].atom - DW_OP_reg0;
    } else if (ops[0].atom == DW_OP_regx) {
        number = ops[0].number;
    } else {
        return false;
    }
    return scopes_entry_value(environment, number, value);
}

static bool read_sized(struct machine *m, uint64_t address, uint64_t size, uint64_t *value)
{
    *value = 0;
    return size > 0 && size <= sizeof *value && memory_read(m->environment->memory, address, value, size);
}

/* A value as the type sees it, in 64 bits. Only integers and addresses. */
static bool converted(Dwarf_Die *type, uint64_t value, uint64_t *out)
{
    Dwarf_Attribute attr;
    Dwarf_Word size, encoding;
    if (dwarf_tag(type) != DW_TAG_base_type || !dwarf_attr(type, DW_AT_byte_size, &attr) ||
        dwarf_formudata(&attr, &size) != 0 || !dwarf_attr(type, DW_AT_encoding, &attr) ||
        dwarf_formudata(&attr, &encoding) != 0 || size == 0 || size > 8) {
        return false;
    }
    unsigned shift = 64 - 8 * (unsigned)size;
    switch (encoding) {
    case DW_ATE_signed:
    case DW_ATE_signed_char:
        *out = (uint64_t)((int64_t)(value << shift) >> shift);
        return true;
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char:
    case DW_ATE_boolean:
    case DW_ATE_address:
        *out = value << shift >> shift;
        return true;
    default:
        return false;
    }
}

static bool convert_top(struct machine *m, const Dwarf_Op *op)
{
    Dwarf_Die type;
    if (m->used == 0) {
        return false;
    }
    if (op->number == 0) {
        return true; /* to the generic type: 64 bits here */
    }
    return dwarf_getlocation_die(m->attr, op, &type) == 0 &&
           converted(&type, m->stack[m->used - 1], &m->stack[m->used - 1]);
}

/* DW_OP_const_type, regval_type, deref_type. */
static bool push_typed(struct machine *m, const Dwarf_Op *op)
{
    Dwarf_Die type;
    Dwarf_Attribute attr;
    Dwarf_Block block;
    uint64_t value = 0;
    if (dwarf_getlocation_die(m->attr, op, &type) != 0) {
        return false;
    }
    switch (op->atom) {
    case DW_OP_const_type:
    case DW_OP_GNU_const_type:
        if (dwarf_getlocation_attr(m->attr, op, &attr) != 0 || dwarf_formblock(&attr, &block) != 0 ||
            block.length > sizeof value) {
            return false;
        }
        memcpy(&value, block.data, block.length);
        break;
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type:
        if (!register_of(m->environment, op->number, &value)) {
            return false;
        }
        break;
    default:
        if (m->used == 0 || !read_sized(m, m->stack[--m->used], op->number, &value)) {
            return false;
        }
        break;
    }
    return converted(&type, value, &value) && push(m, value);
}

static bool shuffle(struct machine *m, const Dwarf_Op *op)
{
    uint64_t *top = m->stack + m->used;
    switch (op->atom) {
    case DW_OP_dup:
        return m->used >= 1 && push(m, top[-1]);
    case DW_OP_drop:
        return m->used >= 1 && m->used--;
    case DW_OP_over:
        return m->used >= 2 && push(m, top[-2]);
    case DW_OP_pick:
        return m->used > op->number && push(m, m->stack[m->used - 1 - op->number]);
    case DW_OP_swap:
        if (m->used < 2) {
            return false;
        }
        uint64_t first = top[-1];
        top[-1] = top[-2];
        top[-2] = first;
        return true;
    case DW_OP_rot:
        if (m->used < 3) {
            return false;
        }
        uint64_t last = top[-1];
        top[-1] = top[-2];
        top[-2] = top[-3];
        top[-3] = last;
        return true;
    default:
        return false;
    }
}

static bool unary(struct machine *m, const Dwarf_Op *op)
{
    if (m->used < 1) {
        return false;
    }
    uint64_t *top = &m->stack[m->used - 1];
    switch (op->atom) {
    case DW_OP_abs:
        *top = (int64_t)*top < 0 ? 0 - *top : *top;
        return true;
    case DW_OP_neg:
        *top = 0 - *top;
        return true;
    case DW_OP_not:
        *top = ~*top;
        return true;
    case DW_OP_plus_uconst:
        *top += op->number;
        return true;
    case DW_OP_deref:
        return read_sized(m, *top, sizeof *top, top);
    case DW_OP_deref_size:
        return read_sized(m, *top, op->number, top);
    default:
        return false;
    }
}

static bool binary(struct machine *m, const Dwarf_Op *op)
{
    if (m->used < 2) {
        return false;
    }
    m->used--;
    return operator_apply(op->atom, m->stack[m->used - 1], m->stack[m->used], &m->stack[m->used - 1]);
}

/* Addresses and constants that stand in other sections or in the frame. */
static bool push_far(struct machine *m, const Dwarf_Op *op)
{
    const struct environment *environment = m->environment;
    const struct frame *frame = frame_of(environment);
    Dwarf_Attribute attr;
    Dwarf_Word value;
    switch (op->atom) {
    case DW_OP_addr:
        return push(m, op->number + environment->bias);
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
        return dwarf_getlocation_attr(m->attr, op, &attr) == 0 && dwarf_formaddr(&attr, &value) == 0 &&
               push(m, value + environment->bias);
    case DW_OP_constx:
    case DW_OP_GNU_const_index:
        return dwarf_getlocation_attr(m->attr, op, &attr) == 0 &&
               (dwarf_formudata(&attr, &value) == 0 || dwarf_formaddr(&attr, &value) == 0) && push(m, value);
    case DW_OP_fbreg:
        return frame_base(environment, &value) && push(m, value + op->number);
    case DW_OP_call_frame_cfa:
        return frame && frame->cfa && push(m, frame->cfa);
    case DW_OP_form_tls_address:
    case DW_OP_GNU_push_tls_address:
        value = environment_tls(environment->memory, environment->module);
        return value && m->used >= 1 && (m->stack[m->used - 1] += value, true);
    case DW_OP_entry_value:
    case DW_OP_GNU_entry_value:
        return entry_value(m, op, &value) && push(m, value);
    default:
        return false;
    }
}

static void describe(struct machine *m, enum piece_kind kind, uint64_t value)
{
    m->described = true;
    m->current = (struct piece){.kind = kind, .value = value};
}

/* Operations that say where the object is instead of computing an address. */
static bool describes(struct machine *m, const Dwarf_Op *op)
{
    uint64_t value;
    Dwarf_Block block;
    Dwarf_Attribute target;
    switch (op->atom) {
    case DW_OP_stack_value:
        if (m->used < 1) {
            return false;
        }
        describe(m, PIECE_VALUE, m->stack[--m->used]);
        return true;
    case DW_OP_implicit_value:
        value = 0;
        if (dwarf_getlocation_implicit_value(m->attr, op, &block) != 0 || block.length > sizeof value) {
            return false;
        }
        memcpy(&value, block.data, block.length);
        describe(m, PIECE_VALUE, value);
        return true;
    case DW_OP_implicit_pointer:
    case DW_OP_GNU_implicit_pointer:
        if (dwarf_getlocation_implicit_pointer(m->attr, op, &target) != 0) {
            describe(m, PIECE_UNKNOWN, 0);
            return true;
        }
        describe(m, PIECE_POINTER, 0);
        m->current.target = target;
        m->current.offset = (int64_t)op->number2;
        return true;
    default:
        value = op->atom == DW_OP_regx ? op->number : (uint64_t)(op->atom - DW_OP_reg0);
        bool known = register_of(m->environment, value, &value);
        describe(m, known ? PIECE_VALUE : PIECE_UNKNOWN, known ? value : 0);
        return true;
    }
}

static bool operate(struct machine *m, const Dwarf_Op *op)
{
    unsigned atom = op->atom;
    uint64_t value;
    if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
        return push(m, atom - DW_OP_lit0);
    }
    if (atom >= DW_OP_const1u && atom <= DW_OP_consts) {
        return push(m, op->number);
    }
    if ((atom >= DW_OP_reg0 && atom <= DW_OP_reg31) || atom == DW_OP_regx) {
        return describes(m, op);
    }
    if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
        return register_of(m->environment, atom - DW_OP_breg0, &value) && push(m, value + op->number);
    }
    if (atom >= DW_OP_dup && atom <= DW_OP_rot) {
        return shuffle(m, op);
    }
    switch (atom) {
    case DW_OP_nop:
        return true;
    case DW_OP_bregx:
        return register_of(m->environment, op->number, &value) && push(m, value + op->number2);
    case DW_OP_stack_value:
    case DW_OP_implicit_value:
    case DW_OP_implicit_pointer:
    case DW_OP_GNU_implicit_pointer:
        return describes(m, op);
    case DW_OP_convert:
    case DW_OP_GNU_convert:
    case DW_OP_reinterpret:
    case DW_OP_GNU_reinterpret:
        return convert_top(m, op);
    case DW_OP_const_type:
    case DW_OP_GNU_const_type:
    case DW_OP_regval_type:
    case DW_OP_GNU_regval_type:
    case DW_OP_deref_type:
    case DW_OP_GNU_deref_type:
        return push_typed(m, op);
    case DW_OP_abs:
    case DW_OP_neg:
    case DW_OP_not:
    case DW_OP_plus_uconst:
    case DW_OP_deref:
    case DW_OP_deref_size:
        return unary(m, op);
    default:
        return operator_apply(atom, 1, 1, &value) ? binary(m, op) : push_far(m, op);
    }
}

/* Ends a piece: what was described, else memory at the address on the stack. */
static void finish(struct machine *m, uint64_t size, struct location *out)
{
    struct piece *piece = &out->pieces[out->count++];
    *piece = (struct piece){.kind = PIECE_UNKNOWN};
    if (m->described) {
        *piece = m->current;
    } else if (m->used && !m->unknown) {
        *piece = (struct piece){.kind = PIECE_MEMORY, .value = m->stack[m->used - 1]};
    }
    piece->size = size;
    m->described = m->unknown = false;
    m->used = 0;
}

bool expression_location(const struct environment *environment, Dwarf_Attribute *attr, const Dwarf_Op *ops,
                         size_t count, struct location *out)
{
    struct machine m = {.environment = environment, .attr = attr};
    bool pieces = false;
    out->count = 0;
    if (count == 0 || count > OPERATIONS_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (ops[i].atom == DW_OP_piece) {
            if (out->count == LOCATION_PIECES_MAX || ops[i].number == 0) {
                return false;
            }
            finish(&m, ops[i].number, out);
            pieces = true;
        } else if (!m.unknown && (m.described || !operate(&m, &ops[i]))) {
            m.unknown = true; /* of this piece; others may be known */
            m.described = false;
        }
    }
    if (!pieces) {
        finish(&m, 0, out);
        return out->pieces[0].kind != PIECE_UNKNOWN;
    }
    return true;
}

bool expression_value(const struct environment *environment, Dwarf_Attribute *attr, const Dwarf_Op *ops, size_t count,
                      uint64_t *out)
{
    struct location location;
    if (!expression_location(environment, attr, ops, count, &location) || location.count != 1 ||
        location.pieces[0].size != 0 ||
        (location.pieces[0].kind != PIECE_VALUE && location.pieces[0].kind != PIECE_MEMORY)) {
        return false;
    }
    *out = location.pieces[0].value;
    return true;
}

bool expression_at(Dwarf_Attribute *attr, uint64_t pc, Dwarf_Op **ops, size_t *count)
{
    Dwarf_Op *found[2];
    size_t counts[2];
    if (dwarf_getlocation_addr(attr, pc, found, counts, 2) != 1) {
        return false;
    }
    *ops = found[0];
    *count = counts[0];
    return true;
}

bool location_word(const struct location *location, const struct memory *memory, uint64_t offset, uint64_t *value,
                   const struct piece **pointer)
{
    *pointer = NULL;
    for (size_t i = 0; i < location->count; i++) {
        const struct piece *piece = &location->pieces[i];
        if (piece->size && offset >= piece->size) {
            offset -= piece->size;
            continue;
        }
        if (piece->size && piece->size - offset < sizeof *value) {
            return false;
        }
        switch (piece->kind) {
        case PIECE_MEMORY:
            return memory_read(memory, piece->value + offset, value, sizeof *value);
        case PIECE_VALUE:
            *value = piece->value;
            return offset == 0;
        case PIECE_POINTER:
            *pointer = piece;
            return offset == 0;
        case PIECE_UNKNOWN:
            return false;
        }
    }
    return false;
}
