/* SPDX-License-Identifier: Apache-2.0 */
/* A small profile to be edited, and what a file says afterwards as text. */
#ifndef LOCKTRAIL_TESTS_EDIT_FIXTURE_H
#define LOCKTRAIL_TESTS_EDIT_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "pprof_build.h"
#include "profile/profile.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Samples 0 to 5: a.c:1:alpha, a.c:2:beta, without a label, a.c:1:alpha, no lock sample, a.c:3 (generic). */
static inline struct pprof_build *edit_build(void)
{
    struct pprof_build *b = pprof_build_new();
    pprof_build_type(b, "cpu-samples", "count");
    pprof_build_lock_types(b);
    pprof_build_lock(b, "a.c:1:alpha", 1, 10, 0, 0);
    pprof_build_label(b, "thread name", "t-1");
    pprof_build_num_label(b, "thread id", 7, "number");
    pprof_build_lock(b, "a.c:2:beta", 2, 20, 0, 0);
    pprof_build_lock(b, NULL, 4, 40, 0, 0);
    pprof_build_lock(b, "a.c:1:alpha", 0, 0, 8, 80);
    pprof_build_sample(b);
    pprof_build_value(b, "cpu-samples", 5);
    pprof_build_label(b, "thread name", "t-2");
    pprof_build_lock(b, "a.c:3", 16, 160, 0, 0);
    return b;
}

static inline void edit_build_bytes(enum profile_encoding encoding, struct buf *out)
{
    struct pprof_build *b = edit_build();
    pprof_build_bytes(b, encoding, out);
    pprof_build_free(b);
}

/* "a.c:1:alpha 2 1/8; a.c:2:beta 1 2/0; | 4 of 6, 1 unlabelled | thread name 1" : samples, acquires/releases of each
 * name, sorted; then keys other than `lock name`, sorted. */
static inline int edit_by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline char *edit_join(char **lines, size_t count)
{
    struct buf out = {0};
    qsort(lines, count, sizeof *lines, edit_by_text);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&out, "%s; ", lines[i]);
        free(lines[i]);
    }
    free(lines);
    return buf_steal(&out);
}

static inline char *edit_say(const void *bytes, size_t size)
{
    struct profile *p = NULL;
    struct err e;
    if (profile_read(bytes, size, &profile_limits_default, &p, &e) < 0) {
        return mem_printf("unreadable: %s", e.text);
    }
    char **names = mem_calloc(p->name_count, sizeof *names), **keys = mem_calloc(p->key_count, sizeof *keys);
    size_t key_count = 0;
    for (size_t i = 0; i < p->name_count; i++) {
        names[i] = mem_printf("%s %" PRIu64 " %" PRIu64 "/%" PRIu64, p->names[i].label, p->names[i].samples,
                              p->names[i].acquires, p->names[i].releases);
    }
    for (size_t i = 0; i < p->key_count; i++) {
        if (strcmp(p->keys[i].key, "lock name") != 0) {
            keys[key_count++] = mem_printf("%s %" PRIu64, p->keys[i].key, p->keys[i].samples);
        }
    }
    char *said = edit_join(names, p->name_count), *said_keys = edit_join(keys, key_count);
    char *out = mem_printf("%s| %" PRIu64 " of %" PRIu64 ", %" PRIu64 " unlabelled | %s", said, p->lock_samples,
                           p->samples, p->unlabelled, said_keys);
    free(said);
    free(said_keys);
    profile_free(p);
    return out;
}

static inline void edit_expect(const struct buf *bytes, const char *wanted)
{
    char *said = edit_say(bytes->data, bytes->size);
    assert_string_equal(said, wanted);
    free(said);
}

#define EDIT_AS_IT_CAME "a.c:1:alpha 2 1/8; a.c:2:beta 1 2/0; a.c:3 1 16/0; | 5 of 6, 1 unlabelled | thread name 1; "

#endif
