/* SPDX-License-Identifier: Apache-2.0 */
/* libstdc++'s __cxa_demangle (Itanium C++ ABI, 3.4), loaded when the first C++ name comes: linked in, it would make
 * every user of lockprof install a C++ runtime for programs in C. */
#include "lockprof/export/demangle.h"

#include "base/mem.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef char *(*demangle_fn)(const char *name, char *out, size_t *size, int *status);

char *demangle(const char *name)
{
    static demangle_fn fn;
    static bool tried;
    int status;
    if (strncmp(name, "_Z", 2) != 0)
        return NULL;
    if (!tried) {
        void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
        if (library)
            *(void **)&fn = dlsym(library, "__cxa_demangle");
        tried = true;
    }
    return fn ? fn(name, NULL, NULL, &status) : NULL;
}

char *demangle_variable(const char *name)
{
    size_t size = strcspn(name, "+");
    char *linkage = mem_strndup(name, size), *whole = demangle(linkage), *variable = NULL;
    if (whole) {
        const char *last = strrchr(whole, ':');
        last = last ? last + 1 : whole;
        /* A template's or a lambda's may have blanks, which are none in a label's name. */
        if (*last && !strpbrk(last, " <>()"))
            variable = mem_printf("%s%s", last, name + size);
    }
    free(whole);
    free(linkage);
    return variable;
}
