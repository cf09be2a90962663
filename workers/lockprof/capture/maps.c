/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/self/maps into private memory, keeps its lines of interest in the arena, and a table of ranges.
 *
 * One thread reads at a time; others use the list before, or wait shortly where there is none. Two tables take turns,
 * so that a look-up during a reading has the old one. */
#include "lockprof/capture/maps.h"

#include "lockprof/capture/real.h"
#include "lockprof/capture/system.h"

#include <fcntl.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* Text kept of a list; a process with more lines of files is cut off, and told so. */
#define TEXT_MAX (UINT64_C(512) << 10)
#define RANGES_MAX 8192
#define MODULES_MAX 512
/* Lists that are known by their hash: one that comes again (dlopen and dlclose in turn) is not written again. */
#define KNOWN_MAX 64
/* Snapshots after a dlopen that look at the list again: the module's data may hold a lock that old code locks. */
#define LOADING_SNAPSHOTS 16
/* Turns of sched_yield that a thread waits for another one's reading. */
#define READ_WAIT 2000

struct table {
    uint32_t count, modules;
    struct range ranges[RANGES_MAX];
};

struct memory {
    struct table tables[2];
    _Atomic uint32_t turns; /* tables[turns & 1] is the newest */
    uint32_t known_count;
    struct {
        uint64_t hash, size, offset;
    } known[KNOWN_MAX];
    char chunk[4096 + 1024];
    char text[TEXT_MAX];
};

static struct memory *memory;
/* Not wiped in a child: the modules are the same there. */
static struct capture_module modules[MODULES_MAX];
static uint32_t module_count;

uint64_t maps_memory(void)
{
    return sizeof(struct memory);
}

void maps_start(void *at)
{
    memory = at;
}

struct line {
    const char *text;
    size_t size;
    uint64_t start, end;
    bool write, execute, anonymous, heap;
    uint64_t file; /* hash of device, inode and path */
};

static uint64_t hash_bytes(const char *text, size_t size, uint64_t hash)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static const char *hex(const char *at, const char *end, uint64_t *value)
{
    *value = 0;
    for (; at < end; at++) {
        unsigned digit = *at >= 'a' ? (unsigned)*at - 'a' + 10 : (unsigned)*at - '0';
        if (digit > 15) {
            break;
        }
        *value = *value << 4 | digit;
    }
    return at;
}

/* "start-end rwxp offset dev inode   path" */
static bool parse(const char *text, size_t size, struct line *line)
{
    const char *end = text + size, *at = hex(text, end, &line->start);
    if (at == end || *at != '-') {
        return false;
    }
    at = hex(at + 1, end, &line->end);
    if (end - at < 6) {
        return false;
    }
    line->text = text;
    line->size = size;
    line->write = at[2] == 'w';
    line->execute = at[3] == 'x';
    at += 6;
    while (at < end && *at != ' ') {
        at++;
    }
    const char *file = at, *path = end;
    for (const char *p = at; p < end; p++) {
        if (*p == '/' || *p == '[') {
            path = p;
            break;
        }
    }
    line->anonymous = path == end;
    line->heap = end - path == 6 && path[1] == 'h' && path[2] == 'e';
    line->file = line->anonymous ? 0 : hash_bytes(file, (size_t)(end - file), UINT64_C(0xcbf29ce484222325));
    return true;
}

/* Where the program's own data ends by its headers. */
static uint64_t program_end(void)
{
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    uint64_t bias = 0, end = 0;
    for (unsigned long i = 0; headers && i < getauxval(AT_PHNUM); i++) {
        if (headers[i].p_type == PT_PHDR) {
            bias = (uint64_t)headers - headers[i].p_vaddr;
        } else if (headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_W) {
            end = headers[i].p_vaddr + headers[i].p_memsz;
        }
    }
    return end ? bias + end : 0;
}

static void add_range(struct table *table, const struct line *line)
{
    struct range *last = table->count ? &table->ranges[table->count - 1] : NULL;
    /* What lies right behind a module's writable data is its .bss; without address space randomization the heap may be
     * one with it. */
    bool behind =
        last && last->end == line->start && last->flags & RANGE_DATA && line->write && (line->anonymous || line->heap);
    if ((line->anonymous || line->heap) && !behind && !line->execute) {
        return;
    }
    if (table->count == RANGES_MAX) {
        return;
    }
    bool same = last && (behind || last->identity == line->file);
    if (!same) {
        table->modules++;
    }
    table->ranges[table->count++] = (struct range){
        .start = line->start,
        .end = line->heap && program_end() < line->end ? program_end() : line->end,
        .identity = behind ? last->identity : line->file,
        .flags = line->execute ? RANGE_CODE
                 : line->write ? RANGE_DATA
                               : RANGE_READ,
        .module = table->modules,
    };
}

struct reading {
    struct table *table;
    uint64_t size;
    bool truncated;
};

static void add_line(struct reading *reading, const char *text, size_t size)
{
    struct line line;
    if (!parse(text, size, &line)) {
        return;
    }
    add_range(reading->table, &line);
    if (line.anonymous && !line.execute) {
        return;
    }
    if (reading->size + size + 1 > TEXT_MAX) {
        reading->truncated = true;
        return;
    }
    copy_bytes(memory->text + reading->size, text, size);
    memory->text[reading->size + size] = '\n';
    reading->size += size + 1;
}

static bool read_list(struct reading *reading)
{
    long fd = SYSTEM3(open, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    char *chunk = memory->chunk;
    size_t have = 0;
    long got;
    while ((got = SYSTEM3(read, fd, chunk + have, sizeof memory->chunk - have)) > 0) {
        have += (size_t)got;
        size_t from = 0;
        for (size_t i = 0; i < have; i++) {
            if (chunk[i] == '\n') {
                add_line(reading, chunk + from, i - from);
                from = i + 1;
            }
        }
        /* A path longer than the chunk loses its line. */
        have = from == 0 && have == sizeof memory->chunk ? 0 : have - from;
        copy_bytes(chunk, chunk + from, have);
    }
    SYSTEM3(close, fd, 0, 0);
    return got == 0 && reading->table->count > 0;
}

static uint64_t write_record(const struct reading *reading, uint64_t hash)
{
    for (uint32_t i = 0; i < memory->known_count && i < KNOWN_MAX; i++) {
        if (memory->known[i].hash == hash && memory->known[i].size == reading->size) {
            return memory->known[i].offset;
        }
    }
    uint64_t heads = module_count * sizeof(struct capture_module);
    uint64_t size = sizeof(struct capture_maps) + heads + reading->size;
    uint64_t offset = arena_take(size);
    if (!offset) {
        return 0;
    }
    struct capture_maps *maps = (struct capture_maps *)(lockprof.arena + offset);
    maps->record.size = (uint32_t)((size + 15) & ~UINT64_C(15));
    maps->generation = atomic_fetch_add(&lockprof.words->generation, 1) + 1;
    maps->modules = module_count;
    maps->text_size = (uint32_t)reading->size;
    maps->truncated = reading->truncated;
    copy_bytes(maps + 1, modules, heads);
    copy_bytes((char *)(maps + 1) + heads, memory->text, reading->size);
    __atomic_store_n(&maps->record.type, RECORD_MAPS, __ATOMIC_RELEASE);
    uint32_t place = memory->known_count++ % KNOWN_MAX;
    memory->known[place].hash = hash;
    memory->known[place].size = reading->size;
    memory->known[place].offset = offset;
    return offset;
}

/* What of the old list is not in the new one. Both are in the order of addresses. */
static void forget_gone(const struct table *old, const struct table *new)
{
    bool any = false;
    for (uint32_t i = 0, j = 0; i < old->count; i++) {
        const struct range *range = &old->ranges[i];
        while (j < new->count &&new->ranges[j].start < range->start) {
            j++;
        }
        if (j == new->count || new->ranges[j].start != range->start || new->ranges[j].identity != range->identity) {
            index_forget(range->start, range->end);
            any = true;
        }
    }
    if (any) {
        site_forget();
        crowd_forget();
    }
}

/* By the one reader. */
static void read_again(bool forget)
{
    uint32_t turns = atomic_load(&memory->turns);
    struct table *old = &memory->tables[turns & 1], *new = &memory->tables[(turns + 1) & 1];
    struct reading reading = {.table = new};
    new->count = new->modules = 0;
    if (!read_list(&reading)) {
        DROPPED(maps);
        return;
    }
    uint64_t hash = hash_bytes(memory->text, reading.size, UINT64_C(0xcbf29ce484222325) + module_count);
    uint64_t offset = write_record(&reading, hash);
    /* The text is not needed any more. */
    SYSTEM3(madvise, ((uint64_t)memory->text + 4095) & ~UINT64_C(4095), reading.size & ~UINT64_C(4095), MADV_DONTNEED);
    if (forget) {
        forget_gone(old, new);
    }
    atomic_store(&memory->turns, turns + 1);
    if (offset) {
        __atomic_store_n(&lockprof.header->last_maps, offset, __ATOMIC_RELEASE);
    }
}

static bool try_read(bool forget, bool wait)
{
    if (lockprof.sandboxed) {
        return false;
    }
    int32_t tid = (int32_t)SYSTEM3(gettid, 0, 0, 0);
    for (int i = 0; i < (wait ? READ_WAIT : 1); i++) {
        int32_t nobody = 0;
        if (atomic_compare_exchange_strong(&lockprof.words->maps_reader, &nobody, tid)) {
            read_again(forget);
            atomic_store(&lockprof.words->maps_reader, 0);
            return true;
        }
        if (nobody == tid) {
            return false; /* this thread's own reading, interrupted by a signal handler */
        }
        SYSTEM3(sched_yield, 0, 0, 0);
    }
    return false;
}

static bool is_code(uint64_t address)
{
    struct range range;
    return maps_range(address, &range) && range.flags & RANGE_CODE;
}

bool maps_range(uint64_t address, struct range *out)
{
    const struct table *table = &memory->tables[atomic_load(&memory->turns) & 1];
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table->ranges[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == table->count || address < table->ranges[low].start) {
        return false;
    }
    *out = table->ranges[low];
    return true;
}

bool maps_data(uint32_t module, uint32_t index, struct range *out)
{
    const struct table *table = &memory->tables[atomic_load(&memory->turns) & 1];
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->ranges[i].module == module && table->ranges[i].flags & RANGE_DATA && index-- == 0) {
            *out = table->ranges[i];
            return true;
        }
    }
    return false;
}

uint64_t maps_program(void)
{
    return getauxval(AT_PHDR);
}

uint64_t maps_now(uint64_t code)
{
    if (__atomic_exchange_n(&lockprof_loading, 0, __ATOMIC_RELAXED)) {
        atomic_store(&lockprof.words->maps_again, LOADING_SNAPSHOTS);
    }
    uint32_t again = atomic_load(&lockprof.words->maps_again);
    if (again) {
        atomic_store(&lockprof.words->maps_again, again - 1);
        try_read(false, false);
    } else if (!is_code(code)) {
        try_read(false, true);
    }
    return __atomic_load_n(&lockprof.header->last_maps, __ATOMIC_ACQUIRE);
}

void maps_first(void)
{
    read_again(false);
}

static int on_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    if (module_count == MODULES_MAX) {
        return 1;
    }
    modules[module_count++] = (struct capture_module){
        .bias = info->dlpi_addr,
        .tls = info->dlpi_tls_modid,
        .phdr = (uint64_t)info->dlpi_phdr,
    };
    return 0;
}

void maps_modules(void)
{
    module_count = 0;
    dl_iterate_phdr(on_module, NULL);
    try_read(false, true);
}

/* The module is gone when dlclose returns, and another one may come to its place: now is the time to forget it. */
PUBLIC int dlclose(void *handle)
{
    int result = real_dlclose(handle);
    if (lockprof.conditions && lockprof_ready()) {
        try_read(true, true);
    }
    return result;
}
