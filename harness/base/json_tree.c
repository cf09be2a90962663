/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* As deep as the tree, and the reader built none deeper than JSON_DEPTH_MAX. */
static void fini(struct json *j)
{
    if (j->type == JSON_STRING) {
        free(j->string);
        return;
    }
    if (j->type != JSON_ARRAY && j->type != JSON_OBJECT) {
        return;
    }
    for (size_t i = 0; i < j->size; i++) {
        if (j->keys != NULL) {
            free(j->keys[i]);
        }
        fini(&j->items[i]);
    }
    free(j->keys);
    free(j->items);
}

void json_free(struct json *j)
{
    if (j != NULL) {
        fini(j);
        free(j);
    }
}

const struct json *json_get(const struct json *j, const char *key)
{
    if (j == NULL || j->type != JSON_OBJECT) {
        return NULL;
    }
    for (size_t i = 0; i < j->size; i++) {
        if (strcmp(j->keys[i], key) == 0) {
            return &j->items[i];
        }
    }
    return NULL;
}

static const struct json *get_typed(const struct json *j, const char *key, enum json_type type)
{
    const struct json *found = json_get(j, key);
    return found != NULL && found->type == type ? found : NULL;
}

const char *json_get_string(const struct json *j, const char *key, const char *otherwise)
{
    const struct json *found = get_typed(j, key, JSON_STRING);
    return found != NULL ? found->string : otherwise;
}

int64_t json_get_int(const struct json *j, const char *key, int64_t otherwise)
{
    const struct json *found = get_typed(j, key, JSON_NUMBER);
    return found != NULL && found->is_integer ? found->integer : otherwise;
}

double json_get_double(const struct json *j, const char *key, double otherwise)
{
    const struct json *found = get_typed(j, key, JSON_NUMBER);
    return found != NULL ? found->number : otherwise;
}

bool json_get_bool(const struct json *j, const char *key, bool otherwise)
{
    const struct json *found = get_typed(j, key, JSON_BOOL);
    return found != NULL ? found->boolean : otherwise;
}
