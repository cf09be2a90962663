/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    /* Formatted on the stack and written at once: stdio may want memory of its own. */
    char text[128];
    int length = snprintf(text, sizeof text, "locktrail: out of memory (%zu times %zu bytes)\n", count, size);
    if (write(STDERR_FILENO, text, (size_t)length) < 0) {
        abort();
    }
    abort();
}

void *mem_calloc(size_t count, size_t size)
{
    void *got = calloc(count ? count : 1, size ? size : 1);
    if (got == NULL) {
        out_of_memory(count, size);
    }
    return got;
}

void *mem_realloc(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        out_of_memory(count, size);
    }
    /* realloc to 0 bytes would free. */
    void *got = realloc(old, bytes ? bytes : 1);
    if (got == NULL) {
        out_of_memory(count, size);
    }
    return got;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strdup_null(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

char *mem_strndup(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == SIZE_MAX) {
        out_of_memory(length, 1);
    }
    char *copy = mem_realloc(NULL, length + 1, 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    char *text;
    va_list args;
    va_start(args, fmt);
    int length = vasprintf(&text, fmt, args);
    va_end(args);
    if (length < 0) {
        out_of_memory(1, 0);
    }
    return text;
}

void *mem_grow(void *array, size_t count, size_t *capacity, size_t element_size)
{
    if (count < *capacity) {
        return array;
    }
    if (*capacity > SIZE_MAX / 2) {
        out_of_memory(*capacity, element_size);
    }
    size_t wanted = *capacity ? *capacity * 2 : 8;
    array = mem_realloc(array, wanted, element_size);
    *capacity = wanted;
    return array;
}

void mem_free_secret(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
    }
    free(text);
}
