/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/declarations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t declaration_find(const char *id)
{
    for (size_t i = 0; i < declaration_count; i++)
        if (strcmp(declarations[i].id, id) == 0)
            return i;
    fprintf(stderr, "lock %s has no marker\n", id);
    abort();
}
