/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes into json_read. What it takes must, written and read again, give the same text. */
#include "base/json.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static void write_tree(struct json_out *j, const struct json *tree)
{
    switch (tree->type) {
    case JSON_NULL:
        json_null(j);
        return;
    case JSON_BOOL:
        json_bool(j, tree->boolean);
        return;
    case JSON_NUMBER:
        if (tree->is_integer) {
            json_int(j, tree->integer);
        } else {
            json_double(j, tree->number);
        }
        return;
    case JSON_STRING:
        json_string_n(j, tree->string, tree->size);
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    bool object = tree->type == JSON_OBJECT;
    object ? json_object(j) : json_array(j);
    for (size_t i = 0; i < tree->size; i++) {
        if (object) {
            json_key(j, tree->keys[i]);
        }
        write_tree(j, &tree->items[i]);
    }
    object ? json_object_end(j) : json_array_end(j);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    struct json *tree, *again;
    struct buf first = {0}, second = {0};
    struct err e;
    if (json_read((const char *)bytes, size, &tree, &e) < 0) {
        return 0;
    }
    struct json_out j = json_begin(&first, 2), k = json_begin(&second, 2);
    write_tree(&j, tree);
    if (json_read(first.data, first.size, &again, &e) < 0) {
        abort();
    }
    write_tree(&k, again);
    if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0) {
        abort();
    }
    json_free(tree);
    json_free(again);
    buf_fini(&first);
    buf_fini(&second);
    return 0;
}
