/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/ledger.h"
#include "base/mem.h"
#include "trail/table.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void lock_fini(struct lock *lock)
{
    free(lock->worker);
    free(lock->id);
    free(lock->name);
    free(lock->pattern);
    free(lock->file);
    free(lock->mangled);
    for (size_t i = 0; i < lock->site_count; i++) {
        free(lock->sites[i]);
    }
    free(lock->sites);
}

void ledger_fini(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->lock_count; i++) {
        lock_fini(&ledger->locks[i]);
    }
    for (size_t i = 0; i < ledger->instance_count; i++) {
        free(ledger->instances[i].name);
        free(ledger->instances[i].worker);
        free(ledger->instances[i].counts);
    }
    free(ledger->locks);
    free(ledger->instances);
    if (ledger->lock_index != NULL) {
        table_fini(ledger->lock_index);
        free(ledger->lock_index);
    }
    *ledger = (struct ledger){0};
}

/* The key of (worker, id): both with their final zero, so that no two pairs give the same bytes. For the caller to
 * free. */
static char *lock_key(const char *worker, const char *id, size_t *size)
{
    size_t first = strlen(worker) + 1, second = strlen(id) + 1;
    char *key = mem_calloc(first + second, 1);
    memcpy(key, worker, first);
    memcpy(key + first, id, second);
    *size = first + second;
    return key;
}

int ledger_find_lock(const struct ledger *ledger, const char *worker, const char *id)
{
    if (ledger->lock_index == NULL) {
        return -1;
    }
    size_t size;
    char *key = lock_key(worker, id, &size);
    size_t found = table_find(ledger->lock_index, key, size);
    free(key);
    return found == TABLE_NONE ? -1 : (int)found;
}

int ledger_find_instance(const struct ledger *ledger, const char *name)
{
    for (size_t i = 0; i < ledger->instance_count; i++) {
        if (strcmp(ledger->instances[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What the two declarations differ in, or NULL. */
static const char *difference(const struct lock *a, const struct lock *b)
{
    if (!same_text(a->name, b->name)) {
        return "name";
    }
    if (!same_text(a->pattern, b->pattern)) {
        return "pattern";
    }
    if (!same_text(a->file, b->file) || a->line != b->line) {
        return "site";
    }
    if (a->rendering != b->rendering || !same_text(a->mangled, b->mangled)) {
        return "rendering";
    }
    if (a->contends != b->contends) {
        return "contends";
    }
    if (a->counted != b->counted) {
        return "counted";
    }
    return a->qualified != b->qualified ? "qualified" : NULL;
}

/* Without its further sites. */
static struct lock lock_copy(const struct lock *lock)
{
    return (struct lock){
        .worker = mem_strdup(lock->worker),
        .id = mem_strdup(lock->id),
        .name = mem_strdup(lock->name),
        .pattern = mem_strdup(lock->pattern),
        .file = mem_strdup(lock->file),
        .line = lock->line,
        .rendering = lock->rendering,
        .mangled = lock->mangled ? mem_strdup(lock->mangled) : NULL,
        .contends = lock->contends,
        .counted = lock->counted,
        .qualified = lock->qualified,
        .provisional = lock->provisional,
    };
}

/* All but its further sites. */
static void lock_replace(struct lock *there, const struct lock *with)
{
    struct lock copy = lock_copy(with);
    copy.sites = there->sites;
    copy.site_count = there->site_count;
    copy.site_capacity = there->site_capacity;
    there->sites = NULL;
    there->site_count = 0;
    lock_fini(there);
    *there = copy;
}

/* Makes room for one more lock in the array and in each process's counts. */
static void grow_locks(struct ledger *ledger)
{
    size_t old = ledger->lock_capacity;
    ledger->locks = mem_grow(ledger->locks, ledger->lock_count, &ledger->lock_capacity, sizeof *ledger->locks);
    if (ledger->lock_capacity == old) {
        return;
    }
    for (size_t i = 0; i < ledger->instance_count; i++) {
        struct instance *in = &ledger->instances[i];
        in->counts = mem_realloc(in->counts, ledger->lock_capacity, sizeof *in->counts);
        memset(in->counts + old, 0, (ledger->lock_capacity - old) * sizeof *in->counts);
    }
}

int ledger_add_site(struct ledger *ledger, size_t lock, const char *site, struct err *e)
{
    struct lock *l = &ledger->locks[lock];
    for (size_t i = 0; i < l->site_count; i++) {
        if (strcmp(l->sites[i], site) == 0) {
            return 0;
        }
    }
    if (l->site_count == LEDGER_SITES_MAX) {
        return err_set(e, ERR_INPUT, "worker %s: lock %s has more than %d further sites", l->worker, l->id,
                       LEDGER_SITES_MAX);
    }
    l->sites = mem_grow(l->sites, l->site_count, &l->site_capacity, sizeof *l->sites);
    l->sites[l->site_count++] = mem_strdup(site);
    return 0;
}

static int add_sites(struct ledger *ledger, int index, const struct lock *lock, struct err *e)
{
    for (size_t i = 0; i < lock->site_count; i++) {
        if (ledger_add_site(ledger, (size_t)index, lock->sites[i], e) < 0) {
            return -1;
        }
    }
    return index;
}

int ledger_add_lock(struct ledger *ledger, const struct lock *lock, struct err *e)
{
    int found = ledger_find_lock(ledger, lock->worker, lock->id);
    if (found >= 0) {
        struct lock *there = &ledger->locks[found];
        const char *differs = lock->provisional || there->provisional ? NULL : difference(there, lock);
        if (there->provisional && !lock->provisional) {
            lock_replace(there, lock);
        }
        if (differs == NULL) {
            return add_sites(ledger, found, lock, e);
        }
        return err_set(e, ERR_INPUT, "worker %s: lock %s is declared twice with another %s", lock->worker, lock->id,
                       differs);
    }
    if (ledger->lock_count == LEDGER_LOCKS_MAX) {
        return err_set(e, ERR_INPUT, "worker %s: lock %s is one more than the %d that a run can have", lock->worker,
                       lock->id, LEDGER_LOCKS_MAX);
    }
    grow_locks(ledger);
    if (ledger->lock_index == NULL) {
        ledger->lock_index = mem_calloc(1, sizeof *ledger->lock_index);
    }
    size_t size;
    char *key = lock_key(lock->worker, lock->id, &size);
    size_t index = table_put(ledger->lock_index, key, size);
    free(key);
    assert(index == ledger->lock_count);
    ledger->locks[ledger->lock_count++] = lock_copy(lock);
    return add_sites(ledger, (int)index, lock, e);
}

int ledger_add_instance(struct ledger *ledger, const char *name, const char *worker, enum arm arm, double capture_rate,
                        struct err *e)
{
    if (ledger_find_instance(ledger, name) >= 0) {
        return err_set(e, ERR_INPUT, "process %s is there twice", name);
    }
    if (ledger->instance_count == LEDGER_INSTANCES_MAX) {
        return err_set(e, ERR_INPUT, "process %s is one more than the %d that a run can have", name,
                       LEDGER_INSTANCES_MAX);
    }
    ledger->instances =
        mem_grow(ledger->instances, ledger->instance_count, &ledger->instance_capacity, sizeof *ledger->instances);
    ledger->instances[ledger->instance_count] = (struct instance){
        .name = mem_strdup(name),
        .worker = mem_strdup(worker),
        .arm = arm,
        .capture_rate = capture_rate,
        .counts = mem_calloc(ledger->lock_capacity, sizeof *ledger->instances->counts),
    };
    return (int)ledger->instance_count++;
}

int ledger_set_count(struct ledger *ledger, size_t instance, size_t lock, const struct lock_count *count, struct err *e)
{
    assert(instance < ledger->instance_count && lock < ledger->lock_count);
    struct instance *in = &ledger->instances[instance];
    struct lock_count *old = &in->counts[lock];
    const struct {
        const char *what;
        uint64_t before, now;
    } numbers[] = {
        {"acquires", old->acquires, count->acquires},
        {"waits", old->waits, count->waits},
        {"wait time in ns", old->wait_ns, count->wait_ns},
        {"depth", old->depth, count->depth},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].now < numbers[i].before) {
            return err_set(e, ERR_INPUT, "%s: lock %s: %s fell from %" PRIu64 " to %" PRIu64, in->name,
                           ledger->locks[lock].id, numbers[i].what, numbers[i].before, numbers[i].now);
        }
    }
    *old = *count;
    return 0;
}
