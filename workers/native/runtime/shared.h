/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that forked children share with the process: what they count and note is there for the process to say, even
 * while they run. */
#ifndef NATIVE_RUNTIME_SHARED_H
#define NATIVE_RUNTIME_SHARED_H

#include <stddef.h>

/* Zeroed. Ends the program where there is none. */
void *shared_calloc(size_t count, size_t size);
/* The same count and size; NULL allowed. */
void shared_free(void *memory, size_t count, size_t size);

#endif
