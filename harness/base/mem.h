/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that can't fail: out of memory ends the program with a message. Everything is freed with free(). */
#ifndef LOCKTRAIL_BASE_MEM_H
#define LOCKTRAIL_BASE_MEM_H

#include <stddef.h>

void *mem_calloc(size_t count, size_t size);
void *mem_realloc(void *old, size_t count, size_t size);
char *mem_strdup(const char *text);
char *mem_strdup_null(const char *text); /* NULL of NULL */
char *mem_strndup(const char *text, size_t size);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Frees a key or a password (NULL allowed), of which nothing stays in memory. */
void mem_free_secret(char *text);

/* Grows an array for at least one more element: doubles `*capacity` when `count` has reached it. */
void *mem_grow(void *array, size_t count, size_t *capacity, size_t element_size);

#endif
