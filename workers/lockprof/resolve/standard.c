/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/standard.h"

#include <dwarf.h>
#include <string.h>

/* Namespaces are reopened again and again in one unit; beyond so many the rest counts as the program's. */
#define EXTENTS_MAX 512
#define ORIGINS_MAX 8 /* abstract origin, specification, and what compilers chain of them */

struct extent {
    const char *start, *end;
};

struct extents {
    struct extent *list;
    size_t count;
};

void standard_init(struct standard *standard, struct pool *pool)
{
    *standard = (struct standard){.pool = pool};
}

void standard_fini(struct standard *standard)
{
    table_fini(&standard->units);
}

static bool is_standard_namespace(Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    return name && (strcmp(name, "std") == 0 || strcmp(name, "__gnu_cxx") == 0 || strcmp(name, "__cxxabiv1") == 0);
}

static struct extents *extents_of(struct standard *standard, Dwarf_Die *unit)
{
    struct extents *extents = pool_alloc(standard->pool, sizeof *extents);
    struct extent list[EXTENTS_MAX] = {0};
    size_t count = 0;
    Dwarf_Die die;
    int more = dwarf_child(unit, &die);
    while (more == 0 && count < EXTENTS_MAX) {
        Dwarf_Die next = {0};
        more = dwarf_siblingof(&die, &next);
        if (dwarf_tag(&die) == DW_TAG_namespace && is_standard_namespace(&die)) {
            const char *end = more == 0 || next.addr ? next.addr : (const char *)UINTPTR_MAX;
            list[count++] = (struct extent){die.addr, end};
        }
        die = next;
    }
    extents->count = count;
    extents->list = pool_alloc(standard->pool, count * sizeof *list + 1);
    memcpy(extents->list, list, count * sizeof *list);
    return extents;
}

bool standard_has(struct standard *standard, Dwarf_Die *die)
{
    uint64_t key = (uint64_t)(uintptr_t)die->cu;
    struct extents *extents = table_get(&standard->units, key);
    if (!extents) {
        Dwarf_Die unit;
        if (!dwarf_cu_die(die->cu, &unit, NULL, NULL, NULL, NULL, NULL, NULL)) {
            return false;
        }
        extents = extents_of(standard, &unit);
        table_put(&standard->units, key, extents);
    }
    for (size_t i = 0; i < extents->count; i++) {
        if ((const char *)die->addr > extents->list[i].start && (const char *)die->addr < extents->list[i].end) {
            return true;
        }
    }
    return false;
}

bool standard_function(struct standard *standard, Dwarf_Die *die)
{
    Dwarf_Die at = *die;
    for (int i = 0; i < ORIGINS_MAX; i++) {
        const char *name = dwarf_diename(&at);
        if (standard_has(standard, &at) || (name && strncmp(name, "__gthread", 9) == 0)) {
            return true;
        }
        Dwarf_Attribute attr;
        Dwarf_Die next;
        if (!dwarf_attr(&at, DW_AT_abstract_origin, &attr) && !dwarf_attr(&at, DW_AT_specification, &attr)) {
            return false;
        }
        if (!dwarf_formref_die(&attr, &next)) {
            return false;
        }
        at = next;
    }
    return false;
}

static bool listed(const char *class_name, const char *const *list)
{
    if (!class_name) {
        return false;
    }
    size_t size = strcspn(class_name, "<");
    for (; *list; list++) {
        if (strlen(*list) == size && memcmp(*list, class_name, size) == 0) {
            return true;
        }
    }
    return false;
}

bool standard_open(const char *class_name, bool inside)
{
    static const char *const classes[] = {"unique_ptr",
                                          "shared_ptr",
                                          "optional",
                                          "reference_wrapper",
                                          "atomic",
                                          "pair",
                                          "array",
                                          "mutex",
                                          "recursive_mutex",
                                          "timed_mutex",
                                          "recursive_timed_mutex",
                                          "shared_mutex",
                                          "shared_timed_mutex",
                                          "counting_semaphore",
                                          NULL};
    static const char *const parts[] = {"tuple", NULL};
    return listed(class_name, classes) ||
           (inside && (!class_name || class_name[0] == '_' || listed(class_name, parts)));
}
