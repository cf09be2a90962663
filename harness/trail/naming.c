/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/naming.h"

#include <string.h>

const char *naming_next_member(const char *expression)
{
    for (const char *at = expression; *at; at++) {
        if (*at == '.') {
            return at + 1;
        }
        if (at[0] == '-' && at[1] == '>') {
            return at + 2;
        }
    }
    return NULL;
}

bool naming_is_place(const char *name)
{
    const char *plus = strrchr(name, '+');
    if (plus == NULL || plus[1] != '0' || plus[2] != 'x') {
        return false;
    }
    size_t digits = strspn(plus + 3, "0123456789abcdef");
    return plus > name && digits > 0 && plus[3 + digits] == '\0';
}

bool naming_is_declared(const struct lock *lock, const char *seen)
{
    size_t size = strlen(lock->name), seen_size = strlen(seen);
    if (size == 0 || size > seen_size || strcmp(seen + seen_size - size, lock->name) != 0) {
        return false;
    }
    if (size == seen_size) {
        return true;
    }
    const char *name = seen + seen_size - size;
    return lock->qualified && (name[-1] == '.' || (seen_size >= size + 2 && name[-2] == '-' && name[-1] == '>'));
}

/* Python's form of `__name` in a class: _Class__name (Python reference, "Private name mangling"). */
static bool is_python_mangled(const char *name, const char *seen)
{
    size_t size = strlen(name), seen_size = strlen(seen);
    return strncmp(name, "__", 2) == 0 && (size < 4 || strcmp(name + size - 2, "__") != 0) && seen_size > size + 1 &&
           seen[0] == '_' && seen[1] != '_' && strcmp(seen + seen_size - size, name) == 0;
}

bool naming_is_mangled(const struct lock *lock, const char *seen)
{
    return lock->mangled != NULL ? strcmp(seen, lock->mangled) == 0 : is_python_mangled(lock->name, seen);
}
