/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/calls.h"

#include "native/runtime/declarations.h"
#include "native/runtime/shared.h"

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One function of calls.S. */
struct call {
    const char *name;
    void (*entry)(void);
    void *function; /* the real one, as it would be called without calls.S */
};

extern struct call call_table[]; /* the last one has no name */
/* Written by calls.S, which the compiler can't see. */
extern _Thread_local volatile uintptr_t call_last;
_Thread_local volatile uintptr_t call_last;

/* The executable, and what was seen in it. */
static struct {
    uintptr_t bias, begin, end;
    char name[256];
    _Atomic uintptr_t (*places)[CALLS_MAX];
    struct {
        size_t declaration, offset;
        const char *symbol;
    } symbols[CALLS_SYMBOLS_MAX];
    size_t symbol_count;
} module;

static struct call *find_call(const char *name)
{
    for (struct call *c = call_table; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

/* `dynamic` is the executable's: its jump slots, and what names them. */
static void take_slots(const ElfW(Dyn) * dynamic)
{
    const ElfW(Rela) *slots = NULL;
    const ElfW(Sym) *symbols = NULL;
    const char *strings = NULL;
    size_t size = 0;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_JMPREL)
            slots = (const void *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_PLTRELSZ)
            size = dynamic->d_un.d_val;
        else if (dynamic->d_tag == DT_SYMTAB)
            symbols = (const void *)dynamic->d_un.d_ptr;
        else if (dynamic->d_tag == DT_STRTAB)
            strings = (const void *)dynamic->d_un.d_ptr;
    }
    if (!slots || !symbols || !strings)
        return;
    for (size_t i = 0; i < size / sizeof *slots; i++) {
        struct call *call = find_call(strings + symbols[ELF64_R_SYM(slots[i].r_info)].st_name);
        if (!call || ELF64_R_TYPE(slots[i].r_info) != R_X86_64_JUMP_SLOT)
            continue;
        /* Looked up anew, since the slot may still lead to the lazy binder. */
        call->function = dlsym(RTLD_DEFAULT, call->name);
        if (call->function)
            memcpy((void *)(module.bias + slots[i].r_offset), &call->entry, sizeof call->entry);
    }
}

/* The first module of all is the executable. */
static int on_module(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    module.bias = info->dlpi_addr;
    module.begin = UINTPTR_MAX;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t begin = module.bias + header->p_vaddr;
        if (header->p_type == PT_LOAD && begin < module.begin)
            module.begin = begin;
        if (header->p_type == PT_LOAD && begin + header->p_memsz > module.end)
            module.end = begin + header->p_memsz;
    }
    for (unsigned i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            take_slots((const void *)(module.bias + info->dlpi_phdr[i].p_vaddr));
    return 1;
}

void calls_start(void)
{
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    path[size > 0 ? size : 0] = '\0';
    const char *slash = strrchr(path, '/');
    snprintf(module.name, sizeof module.name, "%s", slash ? slash + 1 : "native");
    module.places = shared_calloc(declaration_count, sizeof *module.places);
    dl_iterate_phdr(on_module, NULL);
}

void calls_fini(void)
{
    shared_free(module.places, declaration_count, sizeof *module.places);
    module.places = NULL;
}

uintptr_t calls_last(void)
{
    uintptr_t address = call_last;
    call_last = 0;
    return address;
}

void calls_note(size_t declaration, uintptr_t address)
{
    if (address < module.begin || address >= module.end)
        return;
    _Atomic uintptr_t *places = module.places[declaration];
    for (size_t i = 0; i < CALLS_MAX; i++) {
        uintptr_t there = atomic_load_explicit(&places[i], memory_order_relaxed);
        if (there == 0 && atomic_compare_exchange_strong(&places[i], &there, address))
            return;
        if (there == address)
            return;
    }
}

void calls_note_symbol(size_t declaration, const char *symbol, size_t offset)
{
    for (size_t i = 0; i < module.symbol_count; i++)
        if (module.symbols[i].declaration == declaration && module.symbols[i].offset == offset)
            return;
    if (module.symbol_count == CALLS_SYMBOLS_MAX)
        return;
    module.symbols[module.symbol_count].declaration = declaration;
    module.symbols[module.symbol_count].offset = offset;
    module.symbols[module.symbol_count++].symbol = symbol;
}

bool calls_symbol(size_t declaration, size_t number, char *out, size_t size)
{
    for (size_t i = 0; i < module.symbol_count; i++) {
        if (module.symbols[i].declaration != declaration || number-- > 0)
            continue;
        snprintf(out, size, "%s+0x%zx", module.symbols[i].symbol, module.symbols[i].offset);
        return true;
    }
    return false;
}

uintptr_t calls_offset(size_t declaration, size_t number)
{
    uintptr_t address = number < CALLS_MAX ? atomic_load(&module.places[declaration][number]) : 0;
    return address ? address - module.bias : 0;
}

const char *calls_module(void)
{
    return module.name;
}
