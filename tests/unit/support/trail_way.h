/* SPDX-License-Identifier: Apache-2.0 */
/* Two locks of one process that uploads. */
#ifndef TRAIL_WAY_H
#define TRAIL_WAY_H

#include "trail_samples.h"

static const char X[] __attribute__((unused)) = "a.py:1:xlock";
static const char Y[] __attribute__((unused)) = "b.py:2:ylock";

/* Two locks of one process that uploads; each upload has 10 samples of each. */
static inline void start(struct flights *f, uint64_t uploads)
{
    *f = (struct flights){0};
    build_start(&f->b);
    build_lock(&f->b, "xlock", "a.py:1", "exact");
    build_lock(&f->b, "ylock", "b.py:2", "exact");
    build_process(&f->b, "p.1", ARM_UPLOAD, 1);
    build_took(&f->b, 0, 0, 10 * uploads);
    build_took(&f->b, 0, 1, 10 * uploads);
}

static inline struct samples content(void)
{
    struct samples s = {0};
    samples_add(&s, X, 10);
    samples_add(&s, Y, 10);
    return s;
}

static inline void relabel(struct samples *s, const char *from, const char *to, size_t first, size_t most)
{
    for (size_t i = first; i < s->count && most > 0; i++) {
        if (s->items[i].there && s->items[i].label == from) {
            s->items[i].label = to;
            most--;
        }
    }
}

static inline void drop(struct samples *s, size_t first, size_t most)
{
    for (size_t i = first; i < s->count && i < first + most; i++) {
        s->items[i].there = false;
    }
}

/* One upload with its bytes at one stage; the time tells which it is. */
static inline size_t send(struct flights *f, enum stage stage, int upload, const struct samples *s, const char *hash,
                          int answered)
{
    size_t copy = flights_copy(f, stage, 0, s, hash, 100 + 10 * upload);
    f->b.copies[copy].copy.answered = answered;
    return copy;
}

#endif
