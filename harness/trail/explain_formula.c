/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/explain_internal.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

size_t formula_atoms(const struct formula *f)
{
    return (f->size + 1) / 2;
}

size_t formula_places(const struct formula *f, size_t places[EXPLAIN_ATOMS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < f->size; i++) {
        if (f->code[i] < 0)
            continue;
        size_t at = count++;
        for (; at > 0 && places[at - 1] > (size_t)f->code[i]; at--)
            places[at] = places[at - 1];
        places[at] = (size_t)f->code[i];
    }
    return count;
}

static size_t count_axes(const struct atoms *atoms, const size_t *places, size_t count)
{
    size_t axes = 0;
    for (size_t i = 0; i < count; i++)
        axes += i == 0 || atoms->items[places[i]].axis != atoms->items[places[i - 1]].axis;
    return axes;
}

static size_t count_or(const struct formula *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->size; i++)
        count += f->code[i] == FORMULA_OR;
    return count;
}

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

int formula_compare(const struct atoms *atoms, const struct formula *a, const struct formula *b)
{
    size_t pa[EXPLAIN_ATOMS_MAX] = {0}, pb[EXPLAIN_ATOMS_MAX] = {0};
    size_t count = formula_places(a, pa), other = formula_places(b, pb);
    int order = compare_sizes(count_axes(atoms, pa, count), count_axes(atoms, pb, other));
    if (order == 0)
        order = compare_sizes(count_or(a), count_or(b));
    for (size_t i = 0; i < count && order == 0; i++)
        order = compare_sizes(pa[i], pb[i]);
    return order;
}

void formula_points(const struct atoms *atoms, const struct formula *f, uint64_t *out)
{
    for (size_t w = 0; w < atoms->words; w++) {
        uint64_t stack[EXPLAIN_ATOMS_MAX + 1] = {0};
        size_t depth = 0;
        for (size_t i = 0; i < f->size; i++) {
            if (f->code[i] >= 0) {
                stack[depth++] = atoms_set(atoms, (size_t)f->code[i])[w];
                continue;
            }
            depth--;
            stack[depth - 1] =
                f->code[i] == FORMULA_AND ? stack[depth - 1] & stack[depth] : stack[depth - 1] | stack[depth];
        }
        out[w] = stack[0];
    }
}

/* --- text ------------------------------------------------------------------------------------------------------- */

/* One operand while the postfix form is read: its text, the operator that joins it (0: one comparison), and its parts,
 * since parts of one operator are told in the order of the axes, without parentheses. */
struct operand {
    int operator;
    struct part {
        size_t first; /* the earliest comparison in it */
        char *text;
    } parts[EXPLAIN_ATOMS_MAX];
    size_t count;
};

static char *comparison_text(const struct atoms *atoms, size_t place)
{
    static const char *const signs[] = {"<", ">=", "=", "!="};
    const struct explain_comparison *c = &atoms->items[place];
    const struct explain_axis *axis = &atoms->axes[c->axis];
    return mem_printf("%s %s %s", axis->name, signs[c->comparator], axis->labels[c->value]);
}

static int by_first(const void *a, const void *b)
{
    return compare_sizes(((const struct part *)a)->first, ((const struct part *)b)->first);
}

/* Its text, for the caller to free; the parts are freed. */
static char *join(struct operand *o)
{
    struct buf text = {0};
    qsort(o->parts, o->count, sizeof *o->parts, by_first);
    for (size_t i = 0; i < o->count; i++) {
        buf_printf(&text, "%s%s", i == 0 ? "" : o->operator== FORMULA_AND ? " and " : " or ", o->parts[i].text);
        free(o->parts[i].text);
    }
    return buf_steal(&text);
}

/* Moves the parts of `from` into `to`: themselves where the operator is the same, else as one in parentheses. */
static void absorb(struct operand *to, int operator, struct operand * from)
{
    if (from->operator== 0 || from->operator== operator) {
        for (size_t i = 0; i < from->count; i++)
            to->parts[to->count++] = from->parts[i];
        return;
    }
    char *inner = join(from);
    to->parts[to->count++] = (struct part){from->parts[0].first, mem_printf("(%s)", inner)};
    free(inner);
}

void formula_print(const struct atoms *atoms, const struct formula *f, struct buf *out)
{
    struct operand stack[EXPLAIN_ATOMS_MAX + 1] = {{0}};
    size_t depth = 0;
    for (size_t i = 0; i < f->size; i++) {
        if (f->code[i] >= 0) {
            size_t place = (size_t)f->code[i];
            stack[depth] = (struct operand){.count = 1};
            stack[depth++].parts[0] = (struct part){place, comparison_text(atoms, place)};
            continue;
        }
        struct operand both = {.operator= f->code[i] };
        absorb(&both, f->code[i], &stack[depth - 2]);
        absorb(&both, f->code[i], &stack[depth - 1]);
        depth--;
        stack[depth - 1] = both;
    }
    char *text = join(&stack[0]);
    buf_add_str(out, text);
    free(text);
}
