/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/frames_call.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Jumps from the call instruction to the function: a PLT entry, and a stub or two that the program puts before it. */
#define JUMPS_MAX 4
/* Instructions of a stub. */
#define STUB_MAX 16

/* A word that the loader fills with the address of a symbol: of the GOT, by its relocation. */
struct slot {
    uint64_t address; /* link address */
    const char *symbol;
};

struct elf_slots {
    struct slot *items; /* by address */
    size_t count, capacity;
};

/* Without a prefix `__`: glibc has some under that name too. */
static const char *const functions[CALL_COUNT] = {
    [CALL_MUTEX_INIT] = "pthread_mutex_init",
    [CALL_MUTEX_LOCK] = "pthread_mutex_lock",
    [CALL_MUTEX_TRYLOCK] = "pthread_mutex_trylock",
    [CALL_MUTEX_TIMEDLOCK] = "pthread_mutex_timedlock",
    [CALL_MUTEX_CLOCKLOCK] = "pthread_mutex_clocklock",
    [CALL_RWLOCK_INIT] = "pthread_rwlock_init",
    [CALL_RWLOCK_RDLOCK] = "pthread_rwlock_rdlock",
    [CALL_RWLOCK_TRYRDLOCK] = "pthread_rwlock_tryrdlock",
    [CALL_RWLOCK_TIMEDRDLOCK] = "pthread_rwlock_timedrdlock",
    [CALL_RWLOCK_CLOCKRDLOCK] = "pthread_rwlock_clockrdlock",
    [CALL_RWLOCK_WRLOCK] = "pthread_rwlock_wrlock",
    [CALL_RWLOCK_TRYWRLOCK] = "pthread_rwlock_trywrlock",
    [CALL_RWLOCK_TIMEDWRLOCK] = "pthread_rwlock_timedwrlock",
    [CALL_RWLOCK_CLOCKWRLOCK] = "pthread_rwlock_clockwrlock",
    [CALL_COND_WAIT] = "pthread_cond_wait",
    [CALL_COND_TIMEDWAIT] = "pthread_cond_timedwait",
    [CALL_COND_CLOCKWAIT] = "pthread_cond_clockwait",
    [CALL_SPIN_INIT] = "pthread_spin_init",
    [CALL_SPIN_LOCK] = "pthread_spin_lock",
    [CALL_SPIN_TRYLOCK] = "pthread_spin_trylock",
    [CALL_SEM_INIT] = "sem_init",
    [CALL_SEM_WAIT] = "sem_wait",
    [CALL_SEM_TRYWAIT] = "sem_trywait",
    [CALL_SEM_TIMEDWAIT] = "sem_timedwait",
    [CALL_SEM_CLOCKWAIT] = "sem_clockwait",
    [CALL_MTX_INIT] = "mtx_init",
    [CALL_MTX_LOCK] = "mtx_lock",
    [CALL_MTX_TRYLOCK] = "mtx_trylock",
    [CALL_MTX_TIMEDLOCK] = "mtx_timedlock",
    [CALL_CND_WAIT] = "cnd_wait",
    [CALL_CND_TIMEDWAIT] = "cnd_timedwait",
};

static bool is_function(const char *symbol, uint32_t call)
{
    const char *wanted = call < CALL_COUNT ? functions[call] : NULL;
    if (wanted == NULL || symbol == NULL) {
        return false;
    }
    return strcmp(symbol, wanted) == 0 || (strncmp(symbol, "__", 2) == 0 && strcmp(symbol + 2, wanted) == 0);
}

static int compare(const void *left, const void *right)
{
    const struct slot *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

static void add_relocations(Elf *elf, struct elf_slots *slots, Elf_Scn *section, const GElf_Shdr *shdr)
{
    Elf_Scn *symbol_section = elf_getscn(elf, shdr->sh_link);
    Elf_Data *data = elf_getdata(section, NULL);
    Elf_Data *symbols = symbol_section != NULL ? elf_getdata(symbol_section, NULL) : NULL;
    GElf_Shdr symbol_header;
    if (data == NULL || symbols == NULL || shdr->sh_entsize == 0 ||
        gelf_getshdr(symbol_section, &symbol_header) == NULL) {
        return;
    }
    for (size_t i = 0; i < shdr->sh_size / shdr->sh_entsize; i++) {
        GElf_Rela rela;
        GElf_Sym symbol;
        if (gelf_getrela(data, (int)i, &rela) == NULL) {
            return;
        }
        unsigned type = (unsigned)GELF_R_TYPE(rela.r_info);
        if ((type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) ||
            gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &symbol) == NULL) {
            continue;
        }
        const char *name = elf_strptr(elf, symbol_header.sh_link, symbol.st_name);
        if (name != NULL) {
            slots->items = mem_grow(slots->items, slots->count, &slots->capacity, sizeof slots->items[0]);
            slots->items[slots->count++] = (struct slot){rela.r_offset, name};
        }
    }
}

static const char *symbol_of_slot(struct elf_file *file, uint64_t address)
{
    if (file->slots == NULL) {
        GElf_Addr bias;
        Elf *elf = dwfl_module_getelf(file->dwfl_module, &bias);
        Elf_Scn *section = NULL;
        file->slots = mem_calloc(1, sizeof *file->slots);
        while (elf != NULL && (section = elf_nextscn(elf, section)) != NULL) {
            GElf_Shdr shdr;
            if (gelf_getshdr(section, &shdr) != NULL && shdr.sh_type == SHT_RELA && (shdr.sh_flags & SHF_ALLOC)) {
                add_relocations(elf, file->slots, section, &shdr);
            }
        }
        if (file->slots->count > 1) {
            qsort(file->slots->items, file->slots->count, sizeof file->slots->items[0], compare);
        }
    }
    struct slot key = {.address = address};
    const struct slot *found =
        file->slots->count > 0 ? bsearch(&key, file->slots->items, file->slots->count, sizeof key, compare) : NULL;
    return found != NULL ? found->symbol : NULL;
}

void elf_slots_free(struct elf_slots *slots)
{
    if (slots != NULL) {
        free(slots->items);
        free(slots);
    }
}

static uint64_t relative(const unsigned char *displacement, uint64_t next)
{
    int32_t value;
    memcpy(&value, displacement, sizeof value);
    return next + (uint64_t)(int64_t)value;
}

/* Whether the word at a link address is filled with the captured function's address. */
static bool slot_is_function(struct elf_file *file, uint64_t slot, uint32_t call)
{
    return is_function(symbol_of_slot(file, slot), call);
}

/* Instructions that may stand before the jump of a stub, since they change nothing but r11, flags and memory: their
 * length, 0 for all others. */
static size_t harmless(const unsigned char *at, size_t size)
{
    static const struct {
        size_t length, compared;
        unsigned char bytes[6];
    } known[] = {
        {4, 4, {0xf3, 0x0f, 0x1e, 0xfa}},       /* endbr64 */
        {4, 4, {0x4c, 0x8b, 0x1c, 0x24}},       /* mov (%rsp),%r11 */
        {9, 5, {0x64, 0x4c, 0x89, 0x1c, 0x25}}, /* mov %r11,%fs:disp32 */
        {7, 3, {0x4c, 0x89, 0x1d}},             /* mov %r11,disp32(%rip) */
        {7, 3, {0x4c, 0x8b, 0x1d}},             /* mov disp32(%rip),%r11 */
        {7, 3, {0x4c, 0x8d, 0x1d}},             /* lea disp32(%rip),%r11 */
        {9, 5, {0x64, 0x4c, 0x8b, 0x1c, 0x25}}, /* mov %fs:disp32,%r11 */
        {4, 4, {0x64, 0x41, 0x8f, 0x03}},       /* pop %fs:(%r11) */
        {1, 1, {0x90}},                         /* nop */
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (size >= known[i].length && memcmp(at, known[i].bytes, known[i].compared) == 0) {
            return known[i].length;
        }
    }
    return 0;
}

/* Whether the code at a link address does nothing but jump to the function. */
static bool leads_to_function(struct elf_file *file, uint64_t code, uint32_t call)
{
    int jumps = 0;
    for (int i = 0; i < STUB_MAX; i++) {
        unsigned char at[16];
        size_t size = sizeof at, length;
        while (size > 1 && !elf_file_read(file, code, at, size)) {
            size--;
        }
        if (size <= 1) {
            return false;
        }
        /* bnd or notrack before the jump. */
        size_t prefix = at[0] == 0xf2 || at[0] == 0x3e;
        if (size >= prefix + 6 && at[prefix] == 0xff && at[prefix + 1] == 0x25) {
            return slot_is_function(file, relative(at + prefix + 2, code + prefix + 6), call);
        }
        if (size >= prefix + 5 && at[prefix] == 0xe9 && jumps++ < JUMPS_MAX) {
            code = relative(at + prefix + 1, code + prefix + 5);
        } else if ((length = harmless(at, size)) > 0) {
            code += length;
        } else {
            return false;
        }
    }
    return false;
}

/* Whether an address in some module is that of the function, by the module's dynamic symbols. */
static bool is_address_of_function(const struct modules *modules, uint64_t address, uint32_t call)
{
    const struct module *module = modules_find(modules, address);
    if (module == NULL || module->elf == NULL) {
        return false;
    }
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(module->dwfl, &bias);
    Elf_Scn *section = NULL;
    while (elf != NULL && (section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr shdr;
        if (gelf_getshdr(section, &shdr) == NULL || shdr.sh_type != SHT_DYNSYM || shdr.sh_entsize == 0) {
            continue;
        }
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data != NULL && i < shdr.sh_size / shdr.sh_entsize; i++) {
            GElf_Sym symbol;
            if (gelf_getsym(data, (int)i, &symbol) != NULL && symbol.st_shndx != SHN_UNDEF &&
                symbol.st_value == address - module->bias &&
                is_function(elf_strptr(elf, shdr.sh_link, symbol.st_name), call)) {
                return true;
            }
        }
    }
    return false;
}

/* `call *%reg` of a register that functions restore; -1: the bytes are something else. */
static int callee_saved_target(const unsigned char *end)
{
    if (end[-2] != 0xff || (end[-1] & 0xf8) != 0xd0) {
        return -1;
    }
    unsigned low = end[-1] & 7;
    if (end[-3] == 0x41) {
        return low >= 4 ? (int)low + 8 : -1;
    }
    /* In the instruction's own numbers rbx is 3 and rbp 5. */
    return low == 3 ? 3 : low == 5 ? 6 : -1;
}

bool call_is_direct(struct modules *modules, const struct capture_snapshot *snapshot)
{
    unsigned char bytes[6];
    uint64_t return_address = snapshot->registers[16];
    const struct module *module = modules_find(modules, return_address - 1);
    if (module == NULL || module->elf == NULL ||
        !elf_file_read(module->elf, return_address - sizeof bytes - module->bias, bytes, sizeof bytes)) {
        return false;
    }
    const unsigned char *end = bytes + sizeof bytes;
    uint64_t next = return_address - module->bias;
    if (bytes[0] == 0xff && bytes[1] == 0x15) {
        return slot_is_function(module->elf, relative(bytes + 2, next), snapshot->call);
    }
    if (bytes[1] == 0xe8) {
        return leads_to_function(module->elf, relative(bytes + 2, next), snapshot->call);
    }
    int number = callee_saved_target(end);
    return number >= 0 && (snapshot->known >> number & 1) &&
           is_address_of_function(modules, snapshot->registers[number], snapshot->call);
}
