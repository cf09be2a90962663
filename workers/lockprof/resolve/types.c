/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/types.h"

#include <dwarf.h>
#include <string.h>

#define PEEL_MAX 32           /* typedefs and qualifiers one behind the other */
#define NESTING_MAX 24        /* records and arrays inside one another */
#define MEMBERS_MAX 4096      /* of one record; what is beyond is not seen */
#define SLOTS_MAX 512         /* pointers of one object that are followed */
#define SLOT_ELEMENTS_MAX 64  /* elements of an array whose pointers are */
#define SLOT_VISITS_MAX 65536 /* objects inside one that are looked at for that: broken types nest in themselves */
#define OBJECT_MAX ((uint64_t)1 << 40) /* larger sizes are broken debug information */

struct lock_type {
    const char *name;
    unsigned bit;
    uint64_t size;
};

/* Sizes of glibc on x86_64 (bits/pthreadtypes-arch.h, bits/semaphore.h, threads.h). */
static const struct lock_type lock_types[] = {
    {"pthread_mutex_t", LOCK_MUTEX, 40},  {"mtx_t", LOCK_MTX, 40},       {"pthread_rwlock_t", LOCK_RWLOCK, 56},
    {"pthread_spinlock_t", LOCK_SPIN, 4}, {"sem_t", LOCK_SEMAPHORE, 32},
};

unsigned locks_of_call(enum capture_kind kind, uint32_t call)
{
    switch (kind) {
    case KIND_MUTEX:
        if (call == CALL_NONE) {
            return LOCK_MUTEX | LOCK_MTX;
        }
        return call >= CALL_MTX_INIT && call <= CALL_CND_TIMEDWAIT ? LOCK_MTX : LOCK_MUTEX;
    case KIND_RWLOCK:
        return LOCK_RWLOCK;
    case KIND_SPIN:
        return LOCK_SPIN;
    case KIND_SEMAPHORE:
        return LOCK_SEMAPHORE;
    case KIND_COUNT:
        break;
    }
    return 0;
}

void types_init(struct types *types, struct pool *pool, struct standard *standard, types_complete_fn complete,
                void *context)
{
    *types = (struct types){.pool = pool, .standard = standard, .complete = complete, .context = context};
}

void types_fini(struct types *types)
{
    table_fini(&types->known);
}

static const struct lock_type *lock_type_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof lock_types / sizeof *lock_types; i++) {
        if (strcmp(name, lock_types[i].name) == 0) {
            return &lock_types[i];
        }
    }
    return NULL;
}

static bool type_die(Dwarf_Die *die, Dwarf_Die *out)
{
    Dwarf_Attribute attr;
    return dwarf_attr_integrate(die, DW_AT_type, &attr) && dwarf_formref_die(&attr, out);
}

static bool is_declaration(Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    bool flag;
    return dwarf_attr(die, DW_AT_declaration, &attr) && dwarf_formflag(&attr, &flag) == 0 && flag;
}

static uint64_t unsigned_of(Dwarf_Die *die, unsigned name, uint64_t otherwise)
{
    Dwarf_Attribute attr;
    Dwarf_Word value;
    return dwarf_attr(die, name, &attr) && dwarf_formudata(&attr, &value) == 0 ? value : otherwise;
}

/* Follows typedefs and qualifiers to the type itself; tells the lock that a typedef on the way names. */
static bool peel(Dwarf_Die *die, const struct lock_type **lock)
{
    for (int i = 0; i < PEEL_MAX; i++) {
        switch (dwarf_tag(die)) {
        case DW_TAG_typedef:
            *lock = *lock ? *lock : lock_type_named(dwarf_diename(die));
            break;
        case DW_TAG_const_type:
        case DW_TAG_volatile_type:
        case DW_TAG_restrict_type:
        case DW_TAG_atomic_type:
        case DW_TAG_immutable_type:
        case DW_TAG_packed_type:
            break;
        default:
            return true;
        }
        Dwarf_Die next;
        if (!type_die(die, &next)) {
            return false;
        }
        *die = next;
    }
    return false;
}

/* A declaration's definition: in its type unit, or elsewhere in the module. */
static bool complete(struct types *types, Dwarf_Die *die)
{
    Dwarf_Attribute attr;
    Dwarf_Die definition;
    if (dwarf_attr(die, DW_AT_signature, &attr) && dwarf_formref_die(&attr, &definition)) {
        *die = definition;
    }
    if (!is_declaration(die)) {
        return true;
    }
    if (types->complete && types->complete(types->context, die, &definition)) {
        *die = definition;
        return true;
    }
    return false;
}

static void parse_record(struct types *types, struct type *type)
{
    bool standard = standard_has(types->standard, &type->die);
    if (!complete(types, &type->die)) {
        return;
    }
    type->kind = TYPE_RECORD;
    type->is_standard = standard || standard_has(types->standard, &type->die);
    type->name = dwarf_diename(&type->die);
    type->size = unsigned_of(&type->die, DW_AT_byte_size, 0);
    /* gcc calls a lambda's class <lambda(...)>, clang gives it no name; only classes are lambdas. */
    type->is_closure = type->name ? strncmp(type->name, "<lambda", 7) == 0 || strncmp(type->name, "._anon", 6) == 0
                                  : dwarf_tag(&type->die) == DW_TAG_class_type;
    const struct lock_type *lock = lock_type_named(type->name);
    if (lock && lock->size == type->size) {
        type->kind = TYPE_LOCK;
        type->locks = lock->bit;
    }
}

/* Number of elements of one dimension; false where the program text does not fix it. */
static bool subrange_count(Dwarf_Die *die, uint64_t *count)
{
    if (unsigned_of(die, DW_AT_lower_bound, 0) != 0) {
        return false;
    }
    *count = unsigned_of(die, DW_AT_count, UINT64_MAX);
    if (*count == UINT64_MAX) {
        uint64_t upper = unsigned_of(die, DW_AT_upper_bound, UINT64_MAX);
        *count = upper + 1; /* an upper bound of -1 is an empty array */
    }
    return *count > 0 && *count < OBJECT_MAX;
}

static void parse_array(struct types *types, struct type *type)
{
    Dwarf_Die element, die;
    if (dwarf_hasattr(&type->die, DW_AT_byte_stride) || dwarf_hasattr(&type->die, DW_AT_GNU_vector) ||
        !type_die(&type->die, &element)) {
        return;
    }
    type->element = types_of(types, &element);
    uint64_t size = type->element->size;
    for (int more = dwarf_child(&type->die, &die); more == 0; more = dwarf_siblingof(&die, &die)) {
        if (dwarf_tag(&die) != DW_TAG_subrange_type) {
            continue;
        }
        uint64_t count;
        if (type->dimensions == ARRAY_DIMENSIONS_MAX || !subrange_count(&die, &count) ||
            __builtin_mul_overflow(size, count, &size)) {
            return;
        }
        type->counts[type->dimensions++] = count;
    }
    if (type->dimensions && size && size < OBJECT_MAX) {
        type->kind = TYPE_ARRAY;
        type->size = size;
    }
}

static struct type *parse(struct types *types, Dwarf_Die *die)
{
    struct type *type = pool_alloc(types->pool, sizeof *type);
    type->die = *die;
    table_put(&types->known, (uint64_t)(uintptr_t)die->addr, type);
    switch (dwarf_tag(die)) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
        parse_record(types, type);
        break;
    case DW_TAG_array_type:
        parse_array(types, type);
        break;
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        type->is_reference = true;
        /* fall through */
    case DW_TAG_pointer_type:
        type->kind = TYPE_POINTER;
        type->size = sizeof(uint64_t);
        break;
    default:
        type->size = unsigned_of(die, DW_AT_byte_size, 0);
        break;
    }
    return type;
}

struct type *types_of(struct types *types, Dwarf_Die *die)
{
    uint64_t key = (uint64_t)(uintptr_t)die->addr;
    struct type *type = table_get(&types->known, key);
    if (type) {
        return type;
    }
    const struct lock_type *lock = NULL;
    Dwarf_Die peeled = *die;
    if (!peel(&peeled, &lock)) {
        type = pool_alloc(types->pool, sizeof *type);
        table_put(&types->known, key, type);
        return type;
    }
    type = table_get(&types->known, (uint64_t)(uintptr_t)peeled.addr);
    if (!type) {
        type = parse(types, &peeled);
    }
    if (lock && lock->size == type->size) {
        struct type *bare = type;
        type = pool_alloc(types->pool, sizeof *type);
        *type = (struct type){.kind = TYPE_LOCK, .locks = lock->bit, .size = lock->size, .die = bare->die};
    }
    if (key != (uint64_t)(uintptr_t)peeled.addr) {
        table_put(&types->known, key, type);
    }
    return type;
}

struct type *types_of_variable(struct types *types, Dwarf_Die *die)
{
    Dwarf_Die type;
    if (type_die(die, &type)) {
        return types_of(types, &type);
    }
    return pool_alloc(types->pool, sizeof(struct type));
}

struct type *type_target(struct types *types, struct type *pointer)
{
    if (!pointer->has_target) {
        pointer->has_target = true;
        pointer->target = types_of_variable(types, &pointer->die);
    }
    return pointer->target;
}

static bool member_offset(Dwarf_Die *die, uint64_t *offset)
{
    Dwarf_Attribute attr;
    *offset = 0;
    if (dwarf_hasattr(die, DW_AT_bit_size) || dwarf_hasattr(die, DW_AT_data_bit_offset)) {
        return false;
    }
    if (!dwarf_attr(die, DW_AT_data_member_location, &attr)) {
        return true; /* of a union */
    }
    Dwarf_Word value;
    if (dwarf_formudata(&attr, &value) == 0) {
        *offset = value;
        return value < OBJECT_MAX;
    }
    Dwarf_Op *ops;
    size_t count;
    if (dwarf_getlocation(&attr, &ops, &count) == 0 && count == 1 && ops[0].atom == DW_OP_plus_uconst) {
        *offset = ops[0].number;
        return *offset < OBJECT_MAX;
    }
    return false;
}

static bool parse_member(struct types *types, Dwarf_Die *die, struct member *out)
{
    int tag = dwarf_tag(die);
    if ((tag != DW_TAG_member && tag != DW_TAG_inheritance) || is_declaration(die) ||
        dwarf_hasattr(die, DW_AT_external) || unsigned_of(die, DW_AT_virtuality, 0) != 0) {
        return false;
    }
    if (!member_offset(die, &out->offset)) {
        return false;
    }
    out->die = *die;
    out->name = tag == DW_TAG_member ? dwarf_diename(die) : NULL;
    out->type = types_of_variable(types, die);
    return out->type->kind != TYPE_OTHER && out->type->size > 0;
}

size_t type_members(struct types *types, struct type *record, const struct member **out)
{
    if (!record->has_members && record->kind == TYPE_RECORD) {
        record->has_members = true;
        size_t count = 0, room = 0;
        Dwarf_Die die;
        for (int more = dwarf_child(&record->die, &die); more == 0 && room < MEMBERS_MAX;
             more = dwarf_siblingof(&die, &die)) {
            int tag = dwarf_tag(&die);
            room += tag == DW_TAG_member || tag == DW_TAG_inheritance;
        }
        struct member *members = pool_alloc(types->pool, room * sizeof *members + 1);
        for (int more = dwarf_child(&record->die, &die); more == 0 && count < room;
             more = dwarf_siblingof(&die, &die)) {
            count += parse_member(types, &die, &members[count]);
        }
        record->members = members;
        record->member_count = count;
    }
    *out = record->members;
    return record->member_count;
}

bool type_hides(const struct type *record, const struct member *member)
{
    return record->is_standard && (!member->name || member->name[0] == '_');
}

struct slots {
    struct slot list[SLOTS_MAX];
    size_t count, visits;
};

static bool leads_somewhere(struct types *types, struct type *pointer)
{
    return type_target(types, pointer)->kind != TYPE_OTHER;
}

/* `inside`: the object is a private part of a standard class. */
static void collect_slots(struct types *types, struct type *type, uint64_t offset, int nesting, bool inside,
                          struct slots *slots)
{
    if (nesting > NESTING_MAX || slots->visits++ > SLOT_VISITS_MAX) {
        return;
    }
    if (type->kind == TYPE_POINTER) {
        if (slots->count < SLOTS_MAX && leads_somewhere(types, type)) {
            slots->list[slots->count++] = (struct slot){offset, type};
        }
    } else if (type->kind == TYPE_ARRAY) {
        uint64_t count = type->size / type->element->size;
        count = count < SLOT_ELEMENTS_MAX ? count : SLOT_ELEMENTS_MAX;
        for (uint64_t i = 0; i < count && slots->count < SLOTS_MAX; i++) {
            size_t before = slots->count;
            collect_slots(types, type->element, offset + i * type->element->size, nesting + 1, inside, slots);
            if (slots->count == before) {
                return; /* the others hold no pointer either */
            }
        }
    } else if (type->kind == TYPE_RECORD) {
        if (type->is_standard && !standard_open(type->name, inside)) {
            return;
        }
        const struct member *members;
        size_t count = type_members(types, type, &members);
        for (size_t i = 0; i < count; i++) {
            collect_slots(types, members[i].type, offset + members[i].offset, nesting + 1,
                          type_hides(type, &members[i]), slots);
        }
    }
}

size_t type_slots(struct types *types, struct type *type, const struct slot **out)
{
    if (!type->has_slots) {
        type->has_slots = true;
        struct slots slots = {.count = 0};
        collect_slots(types, type, 0, 0, false, &slots);
        type->slots = pool_alloc(types->pool, slots.count * sizeof *type->slots + 1);
        memcpy(type->slots, slots.list, slots.count * sizeof *type->slots);
        type->slot_count = slots.count;
    }
    *out = type->slots;
    return type->slot_count;
}
