/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/modules.h"

#include "base/mem.h"
#include "lockprof/resolve/modules_elf.h"
#include "lockprof/resolve/modules_maps.h"
#include "lockprof/resolve/modules_units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of x86_64. */
#define PAGE_SIZE UINT64_C(4096)

struct modules {
    struct module *items; /* by start */
    size_t count, capacity;
    struct module_files *files;
    struct module_files *own_files; /* NULL where `files` is the caller's */
    const char *debug_directory;    /* borrowed during modules_open */
};

/* The lines of one file that follow one another. */
struct run {
    char *path;
    uint64_t start, end, inode;
    uint64_t first_offset;
    bool deleted;
    bool known;  /* a module without a file stands for it */
    size_t bare; /* its index then */
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static struct module *add_module(struct modules *modules, const char *path)
{
    modules->items = mem_grow(modules->items, modules->count, &modules->capacity, sizeof modules->items[0]);
    struct module *m = &modules->items[modules->count++];
    *m = (struct module){.path = mem_strdup(path)};
    m->name = base_name(m->path);
    return m;
}

/* The load bias by an executable mapping of the file; false: no segment of the file can be mapped like this. */
static bool bias_of(const struct elf_file *file, const struct map_line *line, uint64_t *bias)
{
    for (size_t i = 0; i < file->segment_count; i++) {
        const struct elf_segment *s = &file->segments[i];
        uint64_t first = s->offset & ~(PAGE_SIZE - 1);
        if (s->executable && line->offset >= first && line->offset - first < s->file_size + (s->offset - first)) {
            *bias = line->start - (s->address - s->offset + line->offset);
            return (*bias & (PAGE_SIZE - 1)) == 0;
        }
    }
    return false;
}

static void add_file(struct modules *modules, struct elf_file *file, uint64_t bias)
{
    for (size_t i = 0; i < modules->count; i++) {
        if (modules->items[i].elf == file && modules->items[i].bias == bias) {
            return;
        }
    }
    struct module *m = add_module(modules, file->path);
    m->elf = file;
    m->dwfl = file->dwfl_module;
    m->bias = bias;
    m->start = bias + (file->low & ~(PAGE_SIZE - 1));
    m->end = bias + file->high;
    m->build_id = file->build_id;
    m->build_id_size = file->build_id_size;
}

/* Code without its file: the range is that of the lines. */
static void add_bare(struct modules *modules, struct run *run, const char *why)
{
    if (run->known) {
        return;
    }
    struct module *m = add_module(modules, run->path);
    run->known = true;
    run->bare = modules->count - 1;
    m->start = run->start;
    m->end = run->end;
    m->bias = run->start - run->first_offset;
    snprintf(m->why, sizeof m->why, "%s", why);
}

static void add_executable(struct modules *modules, struct run *run, const struct map_line *line)
{
    char why[sizeof modules->items[0].why] = "its file is gone: it was deleted or replaced";
    struct elf_file *file = NULL;
    uint64_t bias;
    if (!run->deleted) {
        file = elf_file_get(modules->files, run->path, line->inode, modules->debug_directory, why, sizeof why);
    }
    if (file != NULL && bias_of(file, line, &bias)) {
        add_file(modules, file, bias);
        return;
    }
    add_bare(modules, run, file != NULL ? "its file is not the one that was loaded" : why);
}

static void next_run(struct run *run, const struct map_line *line)
{
    char *path = map_line_path(line);
    if (run->path != NULL && strcmp(run->path, path) == 0 && run->inode == line->inode) {
        run->end = line->end;
        free(path);
        return;
    }
    free(run->path);
    *run = (struct run){.path = path,
                        .start = line->start,
                        .end = line->end,
                        .inode = line->inode,
                        .first_offset = line->offset,
                        .deleted = line->deleted};
}

static void add_lines(struct modules *modules, const char *text, size_t size)
{
    struct run run = {0};
    struct map_line line;
    size_t at = 0;
    while (map_line_next(text, size, &at, &line)) {
        /* Heap, stack, vdso and anonymous memory have no path, or one in brackets. */
        if (line.path_size == 0 || line.path[0] != '/') {
            continue;
        }
        next_run(&run, &line);
        if (line.executable) {
            add_executable(modules, &run, &line);
        } else if (run.known) {
            modules->items[run.bare].end = line.end;
        }
    }
    free(run.path);
}

static int compare(const void *left, const void *right)
{
    const struct module *a = left, *b = right;
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    return a->end < b->end ? -1 : a->end > b->end;
}

static struct module *find(const struct modules *modules, uint64_t address)
{
    size_t low = 0, high = modules->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (modules->items[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && address < modules->items[low - 1].end ? &modules->items[low - 1] : NULL;
}

/* What dl_iterate_phdr said when the process started; the executable comes first. */
static void add_loader_facts(struct modules *modules, const struct capture_maps *maps, const char *program)
{
    const void *after = maps + 1;
    const struct capture_module *told = after;
    bool has_main = false;
    for (uint32_t i = 0; i < maps->modules; i++) {
        struct module *m = find(modules, told[i].phdr);
        if (m == NULL || (m->elf != NULL && m->bias != told[i].bias)) {
            continue;
        }
        m->bias = told[i].bias;
        m->tls = told[i].tls;
        m->is_main = i == 0;
        has_main = has_main || i == 0;
    }
    for (size_t i = 0; i < modules->count && !has_main; i++) {
        modules->items[i].is_main = strcmp(modules->items[i].path, program) == 0;
    }
}

int modules_open(struct modules **out, const struct capture_file *file, const struct capture_maps *maps,
                 const struct modules_options *options, struct err *e)
{
    char program[CAPTURE_PROGRAM_MAX];
    if (maps == NULL) {
        return err_set(e, ERR_INPUT, "%s: no list of the modules of the process",
                       file->path != NULL ? file->path : "capture in memory");
    }
    struct modules *modules = mem_calloc(1, sizeof *modules);
    modules->files = options != NULL ? options->files : NULL;
    modules->debug_directory = options != NULL ? options->debug_directory : NULL;
    if (modules->files == NULL) {
        modules->own_files = module_files_new();
        modules->files = modules->own_files;
    }
    const void *after = maps + 1;
    const char *text = (const char *)after + maps->modules * sizeof(struct capture_module);
    add_lines(modules, text, maps->text_size);
    modules->debug_directory = NULL;
    if (modules->count > 1) {
        qsort(modules->items, modules->count, sizeof modules->items[0], compare);
    }
    memcpy(program, file->header->program, sizeof program);
    program[sizeof program - 1] = '\0';
    add_loader_facts(modules, maps, program);
    *out = modules;
    return 0;
}

void modules_free(struct modules *modules)
{
    if (modules == NULL) {
        return;
    }
    for (size_t i = 0; i < modules->count; i++) {
        free((char *)(uintptr_t)modules->items[i].path);
    }
    module_files_free(modules->own_files);
    free(modules->items);
    free(modules);
}

const struct module *modules_find(const struct modules *modules, uint64_t address)
{
    return find(modules, address);
}

size_t modules_count(const struct modules *modules)
{
    return modules->count;
}

const struct module *modules_at(const struct modules *modules, size_t index)
{
    return &modules->items[index];
}

Dwarf *modules_dwarf(struct modules *modules, const struct module *module, Dwarf_Addr *bias)
{
    struct elf_file *elf = module->elf;
    Dwarf *dwarf = elf != NULL ? elf_file_dwarf(elf) : NULL;
    if (elf != NULL) {
        struct module *own = &modules->items[module - modules->items];
        memcpy(own->why, elf->why, sizeof own->why);
    }
    if (dwarf != NULL) {
        *bias = module->bias + elf->dwarf_bias;
    }
    return dwarf;
}

static struct elf_unit *unit_at(struct modules *modules, uint64_t pc, struct elf_file **file, Dwarf_Addr *bias)
{
    const struct module *module = find(modules, pc);
    if (module == NULL || modules_dwarf(modules, module, bias) == NULL) {
        return NULL;
    }
    *file = module->elf;
    return elf_unit_find(module->elf, pc - *bias);
}

bool modules_unit(struct modules *modules, uint64_t pc, Dwarf_Die *unit, Dwarf_Addr *bias)
{
    struct elf_file *file;
    struct elf_unit *found = unit_at(modules, pc, &file, bias);
    if (found == NULL) {
        return false;
    }
    *unit = *elf_unit_full(file, found);
    return true;
}

bool modules_function(struct modules *modules, uint64_t pc, Dwarf_Die *function, Dwarf_Die *unit, Dwarf_Addr *bias)
{
    struct elf_file *file;
    struct elf_unit *found = unit_at(modules, pc, &file, bias);
    if (found == NULL || !elf_unit_function(file, found, pc - *bias, function)) {
        return false;
    }
    *unit = *elf_unit_full(file, found);
    return true;
}

bool modules_read(struct modules *modules, const struct capture_snapshot *snapshot, uint64_t address, void *out,
                  size_t size)
{
    if (snapshot != NULL && capture_snapshot_read(snapshot, address, out, size)) {
        return true;
    }
    const struct module *module = find(modules, address);
    return module != NULL && module->elf != NULL && elf_file_read(module->elf, address - module->bias, out, size);
}
