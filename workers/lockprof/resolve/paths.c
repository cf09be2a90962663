/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/paths.h"

#include <dwarf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NESTING_MAX 24   /* members and elements inside one another */
#define VISITS_MAX 65536 /* of them on one way: broken types nest in themselves */

/* A text that grows along a way, and what the end of it is. */
struct walk {
    const struct type *pointer; /* wanted; NULL: a lock of `locks` */
    bool any_pointer;
    unsigned locks;
    char text[PATH_TEXT_MAX];
    size_t size;
    bool arrow;   /* a pointer was followed and no member said yet */
    bool pointed; /* the same, references included */
    bool too_long;
    unsigned visible;
    Dwarf_Die declaration;
    const struct type *found;
    unsigned visits;
};

__attribute__((format(printf, 2, 3))) static void say(struct walk *walk, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(walk->text + walk->size, sizeof walk->text - walk->size, fmt, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof walk->text - walk->size) {
        walk->too_long = true;
    } else {
        walk->size += (size_t)size;
    }
}

static void start(struct walk *walk, const struct variable *variable)
{
    say(walk, "%s", variable->name);
    walk->declaration = variable->die;
}

/* (*p) where a pointer points to a pointer or an array. */
static void say_star(struct walk *walk)
{
    if (walk->arrow) {
        char inner[PATH_TEXT_MAX];
        memcpy(inner, walk->text, walk->size + 1);
        walk->size = 0;
        say(walk, "(*%s)", inner);
        walk->arrow = false;
    }
}

/* The closure of a lambda is not said: what it captured goes by its own name. */
static bool is_closure_root(const struct walk *walk, const struct type *record)
{
    return record->is_closure && walk->visible == 0 &&
           (strcmp(walk->text, "__closure") == 0 || strcmp(walk->text, "this") == 0);
}

static void say_member(struct walk *walk, const struct type *record, const struct member *member)
{
    if (!member->name || type_hides(record, member)) {
        return;
    }
    if (is_closure_root(walk, record)) {
        walk->size = 0;
        say(walk, "%s", member->name + (strncmp(member->name, "__", 2) == 0 ? 2 : 0));
    } else {
        say(walk, "%s%s", walk->arrow ? "->" : ".", member->name);
    }
    walk->arrow = walk->pointed = false;
    walk->visible++;
    walk->declaration = member->die;
}

static void say_index(struct walk *walk, const struct type *array, uint64_t index)
{
    uint64_t under = 1;
    say_star(walk);
    for (unsigned i = 0; i < array->dimensions; i++) {
        under *= array->counts[i];
    }
    for (unsigned i = 0; i < array->dimensions; i++) {
        under /= array->counts[i];
        say(walk, "[%llu]", (unsigned long long)(index / under));
        index %= under;
    }
    walk->pointed = false;
    walk->visible++;
}

static bool descend(struct types *types, struct walk *walk, struct type *type, uint64_t offset, bool inside,
                    int nesting);

static bool descend_record(struct types *types, struct walk *walk, struct type *type, uint64_t offset, bool inside,
                           int nesting)
{
    const struct member *members;
    if (type->is_standard && !standard_open(type->name, inside)) {
        return false;
    }
    size_t count = type_members(types, type, &members);
    for (size_t i = 0; i < count; i++) {
        const struct member *member = &members[i];
        if (offset < member->offset || offset - member->offset >= member->type->size) {
            continue;
        }
        struct walk before = *walk;
        say_member(walk, type, member);
        if (descend(types, walk, member->type, offset - member->offset, type_hides(type, member), nesting + 1)) {
            return true;
        }
        before.visits = walk->visits;
        *walk = before;
    }
    return false;
}

/* Down to what is wanted at exactly the offset in an object. */
static bool descend(struct types *types, struct walk *walk, struct type *type, uint64_t offset, bool inside,
                    int nesting)
{
    if (nesting > NESTING_MAX || walk->visits++ > VISITS_MAX) {
        return false;
    }
    switch (type->kind) {
    case TYPE_LOCK:
        walk->found = type;
        return !walk->pointer && !walk->any_pointer && offset == 0 && (type->locks & walk->locks);
    case TYPE_POINTER:
        walk->found = type;
        return offset == 0 && (walk->any_pointer || walk->pointer == type);
    case TYPE_ARRAY:
        if (offset >= type->size) {
            return false;
        }
        struct walk before = *walk;
        say_index(walk, type, offset / type->element->size);
        if (descend(types, walk, type->element, offset % type->element->size, false, nesting + 1)) {
            return true;
        }
        *walk = before;
        return false;
    case TYPE_RECORD:
        return descend_record(types, walk, type, offset, inside, nesting);
    case TYPE_OTHER:
        break;
    }
    return false;
}

/* Nodes. */

void path_search_begin(struct path_search *search, struct types *types, const struct environment *environment,
                       uint64_t lock, unsigned locks)
{
    search->types = types;
    search->environment = *environment;
    search->memory = environment->memory;
    search->lock = lock;
    search->locks = locks;
    search->count = 0;
}

static struct path_node *add_node(struct path_search *search)
{
    return search->count < PATH_NODES_MAX ? &search->nodes[search->count++] : NULL;
}

static void place_node(struct path_node *node, const struct location *location)
{
    node->in_memory = location->count == 1 && location->pieces[0].size == 0 && location->pieces[0].kind == PIECE_MEMORY;
    if (node->in_memory) {
        node->address = location->pieces[0].value;
    } else {
        node->location = *location;
        node->into = 0;
    }
}

void path_search_add(struct path_search *search, const struct variable *variable)
{
    struct location location;
    Dwarf_Attribute attr = variable->attr;
    if (variable->op_count == 0 || variable->type->kind == TYPE_OTHER ||
        !expression_location(&search->environment, &attr, variable->ops, variable->op_count, &location)) {
        return;
    }
    struct path_node *node = add_node(search);
    if (node) {
        node->root = variable;
        node->parent = -1;
        node->pointer = NULL;
        node->type = variable->type;
        node->dereferences = 0;
        place_node(node, &location);
    }
}

static bool is_known(const struct path_search *search, uint64_t address, const struct type *type)
{
    for (size_t i = 0; i < search->count; i++) {
        const struct path_node *node = &search->nodes[i];
        if (node->in_memory && node->address == address && node->type == type) {
            return true;
        }
    }
    return false;
}

static bool contains(const struct path_search *search, uint64_t address, const struct type *type)
{
    return search->lock >= address && search->lock - address < type->size;
}

/* What a pointer in a node points to. NULL: too many nodes. */
static struct path_node *add_child(struct path_search *search, size_t parent, const struct slot *slot,
                                   struct type *type)
{
    struct path_node *node = add_node(search);
    if (node) {
        node->root = search->nodes[parent].root;
        node->parent = (int)parent;
        node->pointer = slot->pointer;
        node->offset = slot->offset;
        node->type = type;
        node->dereferences = search->nodes[parent].dereferences + 1;
    }
    return node;
}

static void add_target(struct path_search *search, size_t parent, const struct slot *slot, uint64_t address)
{
    struct type *type = type_target(search->types, slot->pointer);
    unsigned dereferences = search->nodes[parent].dereferences + 1;
    if (address == 0 || (dereferences == PATH_DEREFERENCES_MAX && !contains(search, address, type)) ||
        (!contains(search, address, type) && is_known(search, address, type))) {
        return;
    }
    struct path_node *node = add_child(search, parent, slot, type);
    if (node) {
        node->in_memory = true;
        node->address = address;
    }
}

/* A pointer to an object that was optimized away: its parts may be known. */
static void add_implicit(struct path_search *search, size_t parent, const struct slot *slot,
                         const struct piece *pointer)
{
    struct location location;
    Dwarf_Attribute attr = pointer->target;
    Dwarf_Op *ops;
    size_t count;
    if (dwarf_whatattr(&attr) != DW_AT_location || search->nodes[parent].dereferences + 1 > PATH_DEREFERENCES_MAX ||
        !search->environment.plan || !expression_at(&attr, search->environment.plan->pc, &ops, &count) ||
        !expression_location(&search->environment, &attr, ops, count, &location)) {
        return;
    }
    struct path_node *node = add_child(search, parent, slot, type_target(search->types, slot->pointer));
    if (node) {
        place_node(node, &location);
        node->into = pointer->offset;
        node->address += (uint64_t)pointer->offset;
    }
}

static void follow_slot(struct path_search *search, size_t index, const struct slot *slot)
{
    const struct path_node *node = &search->nodes[index];
    const struct piece *pointer = NULL;
    uint64_t value;
    if (node->in_memory) {
        if (!memory_read(search->memory, node->address + slot->offset, &value, sizeof value)) {
            return;
        }
    } else if (!location_word(&node->location, search->memory, (uint64_t)node->into + slot->offset, &value, &pointer)) {
        return;
    }
    if (pointer) {
        struct piece piece = *pointer;
        add_implicit(search, index, slot, &piece);
    } else {
        add_target(search, index, slot, value);
    }
}

void path_search_add_pointer(struct path_search *search, const struct variable *variable, uint64_t offset,
                             uint64_t value)
{
    struct walk walk = {.any_pointer = true};
    struct path_node *node = NULL;
    start(&walk, variable);
    if (descend(search->types, &walk, variable->type, offset, false, 0)) {
        node = add_node(search);
    }
    if (node) {
        /* no place: the rest of the variable is not looked at */
        *node = (struct path_node){.root = variable, .parent = -1, .type = variable->type};
        struct slot slot = {offset, (struct type *)walk.found};
        if (type_target(search->types, slot.pointer)->kind != TYPE_OTHER) {
            add_target(search, search->count - 1, &slot, value);
        }
    }
}

/* Text of the way to a node, without its last step into the object. */
static bool say_way(struct path_search *search, int index, struct walk *walk)
{
    const struct path_node *chain[PATH_DEREFERENCES_MAX + 1];
    size_t count = 0;
    for (; index >= 0; index = search->nodes[index].parent) {
        chain[count++] = &search->nodes[index];
    }
    if (count == 0) {
        return false;
    }
    start(walk, chain[count - 1]->root);
    for (size_t i = count - 1; i > 0; i--) {
        const struct path_node *next = chain[i - 1];
        walk->pointer = next->pointer;
        if (!descend(search->types, walk, chain[i]->type, next->offset, false, 0)) {
            return false;
        }
        if (!next->pointer->is_reference) {
            say_star(walk);
            walk->arrow = true;
        }
        walk->pointed = true;
    }
    walk->pointer = NULL;
    return true;
}

static bool finish(const struct walk *walk, const struct variable *root, unsigned dereferences, struct path *out)
{
    if (walk->too_long) {
        return false;
    }
    memcpy(out->text, walk->text, walk->size + 1);
    out->is_parameter = root->is_parameter;
    out->is_alias = walk->pointed;
    out->dereferences = dereferences;
    out->visible = walk->visible;
    out->declaration = walk->declaration;
    return true;
}

static bool arrive(struct path_search *search, size_t index, struct path *out)
{
    const struct path_node *node = &search->nodes[index];
    struct walk walk = {.locks = search->locks};
    return node->in_memory && contains(search, node->address, node->type) && say_way(search, (int)index, &walk) &&
           descend(search->types, &walk, node->type, search->lock - node->address, false, 0) &&
           finish(&walk, node->root, node->dereferences, out);
}

bool path_in_storage(struct types *types, const struct variable *variable, uint64_t offset, unsigned locks,
                     struct path *out)
{
    struct walk walk = {.locks = locks};
    start(&walk, variable);
    return offset < variable->type->size && descend(types, &walk, variable->type, offset, false, 0) &&
           finish(&walk, variable, 0, out);
}

bool path_same_end(const struct path *a, const struct path *b)
{
    Dwarf_Die da = a->declaration, db = b->declaration;
    if (da.addr == db.addr) {
        return true;
    }
    const char *name_a = dwarf_diename(&da), *name_b = dwarf_diename(&db);
    if (!name_a || !name_b || strcmp(name_a, name_b) != 0) {
        return false;
    }
    unsigned line_a, line_b;
    const char *file_a = scopes_declaration(&da, &line_a), *file_b = scopes_declaration(&db, &line_b);
    return line_a == line_b && file_a && file_b && strcmp(file_a, file_b) == 0;
}

/* Keeps the better of two ways of one scope. */
static void consider(const struct path *path, const struct path *end, struct path *best, bool *found, bool *conflict)
{
    if (end && !end->is_alias && (path->is_alias || !path_same_end(path, end))) {
        *conflict = *conflict || !path->is_alias;
        return;
    }
    if (!*found || (best->is_alias && !path->is_alias) ||
        (best->is_alias && path->is_alias && best->visible == 0 && path->visible > 0)) {
        *best = *path;
        *found = true;
    } else if (!best->is_alias && !path->is_alias && best->dereferences > 0 && !path_same_end(path, best)) {
        *conflict = true;
    }
}

bool path_search_run(struct path_search *search, const struct path *end, struct path *out, bool *conflict)
{
    bool found = false;
    *conflict = false;
    for (size_t i = 0; i < search->count; i++) {
        struct path path;
        if (arrive(search, i, &path)) {
            consider(&path, end, out, &found, conflict);
            if (found && out->dereferences == 0) {
                return true;
            }
            continue;
        }
        const struct slot *slots;
        if (search->nodes[i].dereferences >= PATH_DEREFERENCES_MAX) {
            continue;
        }
        size_t count = type_slots(search->types, search->nodes[i].type, &slots);
        for (size_t s = 0; s < count && search->count < PATH_NODES_MAX; s++) {
            follow_slot(search, i, &slots[s]);
        }
    }
    return found;
}
