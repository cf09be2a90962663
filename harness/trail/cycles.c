/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/cycles.h"
#include "base/mem.h"

#include <stdlib.h>

/* Strongly connected components after Tarjan (Depth-first search and linear graph algorithms, 1972), with a stack of
 * its own, since a chain of labels may be long. */
struct search {
    const struct edge *edges;
    uint32_t *nodes; /* labels that something became something else from, ascending */
    size_t *first;   /* of each node: its edges; one more for the end */
    size_t node_count;
    size_t *order, *low; /* of each node: when it was found, from 1, and the earliest that it leads to */
    size_t *component;   /* of each node, from 1 */
    size_t *stack, stack_size;
    size_t *path, *next; /* nodes under way, and the edge of each that comes next */
    size_t path_size, found, components;
};

static size_t node_of(const struct search *s, uint32_t label)
{
    size_t low = 0, high = s->node_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->nodes[middle] < label) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->node_count && s->nodes[low] == label ? low : SIZE_MAX;
}

static void enter(struct search *s, size_t node)
{
    s->order[node] = s->low[node] = ++s->found;
    s->stack[s->stack_size++] = node;
    s->next[s->path_size] = s->first[node];
    s->path[s->path_size++] = node;
}

static void leave(struct search *s)
{
    size_t node = s->path[--s->path_size];
    if (s->low[node] == s->order[node]) {
        s->components++;
        size_t member;
        do {
            member = s->stack[--s->stack_size];
            s->component[member] = s->components;
        } while (member != node);
    }
    if (s->path_size > 0) {
        size_t above = s->path[s->path_size - 1];
        s->low[above] = s->low[node] < s->low[above] ? s->low[node] : s->low[above];
    }
}

static void visit(struct search *s, size_t start)
{
    enter(s, start);
    while (s->path_size > 0) {
        size_t node = s->path[s->path_size - 1], *next = &s->next[s->path_size - 1];
        if (*next == s->first[node + 1]) {
            leave(s);
            continue;
        }
        size_t other = node_of(s, s->edges[(*next)++].to);
        if (other == SIZE_MAX) {
            continue;
        }
        if (s->order[other] == 0) {
            enter(s, other);
        } else if (s->component[other] == 0 && s->order[other] < s->low[node]) {
            s->low[node] = s->order[other];
        }
    }
}

void cycles_find(const struct edge *edges, size_t count, bool *swapped)
{
    struct search s = {.edges = edges};
    size_t *numbers = mem_calloc(7 * (count + 1), sizeof *numbers);
    s.nodes = mem_calloc(count, sizeof *s.nodes);
    s.first = numbers;
    s.order = numbers + (count + 1);
    s.low = numbers + 2 * (count + 1);
    s.component = numbers + 3 * (count + 1);
    s.stack = numbers + 4 * (count + 1);
    s.path = numbers + 5 * (count + 1);
    s.next = numbers + 6 * (count + 1);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || edges[i].from != edges[i - 1].from) {
            s.first[s.node_count] = i;
            s.nodes[s.node_count++] = edges[i].from;
        }
    }
    s.first[s.node_count] = count;
    for (size_t i = 0; i < s.node_count; i++) {
        if (s.order[i] == 0) {
            visit(&s, i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t from = node_of(&s, edges[i].from), to = node_of(&s, edges[i].to);
        swapped[i] = to != SIZE_MAX && to != from && s.component[to] == s.component[from];
    }
    free(s.nodes);
    free(numbers);
}
