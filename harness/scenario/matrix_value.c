/* SPDX-License-Identifier: Apache-2.0 */
/* A value of the matrix file as a name for people and as YAML for --set. */
#include "scenario/matrix_internal.h"
#include "scenario/print.h"
#include "scenario/textcheck.h"

#include <string.h>

/* Whether a bare scalar stays what it is in any place: numbers, words, versions, durations. */
static bool stays_bare(const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-";
    return text[strspn(text, safe)] == '\0' && strncmp(text, "--", 2) != 0 && strncmp(text, "...", 3) != 0 &&
           strcmp(text, "-") != 0;
}

void matrix_print_node(struct buf *out, const struct node *n)
{
    if (n->kind == NODE_SCALAR) {
        if (node_is_null(n)) {
            buf_add_str(out, "null");
        } else if (n->plain && stays_bare(n->text)) {
            buf_add_str(out, n->text);
        } else {
            print_text(out, n->text);
        }
        return;
    }
    buf_add_char(out, n->kind == NODE_MAP ? '{' : '[');
    for (size_t i = 0; i < n->count; i++) {
        buf_add_str(out, i ? ", " : "");
        if (n->kind == NODE_MAP) {
            print_text(out, n->keys[i]->text);
            buf_add_str(out, ": ");
        }
        matrix_print_node(out, n->items[i]);
    }
    buf_add_char(out, n->kind == NODE_MAP ? '}' : ']');
}

static bool add_label(const struct node *n, struct buf *out)
{
    if (n->kind == NODE_SCALAR) {
        buf_add_str(out, n->text);
        return true;
    }
    if (n->kind == NODE_MAP) {
        return false;
    }
    for (size_t i = 0; i < n->count; i++) {
        buf_add_str(out, i ? "," : "");
        if (!add_label(n->items[i], out)) {
            return false;
        }
    }
    buf_add_str(out, n->count ? "" : "none");
    return true;
}

bool matrix_label(const struct node *n, struct buf *out)
{
    struct buf why = {0};
    bool good = add_label(n, out) && out->size <= MATRIX_LABEL_MAX && check_one_line(out->data ? out->data : "", &why);
    buf_fini(&why);
    return good;
}
