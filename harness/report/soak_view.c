/* SPDX-License-Identifier: Apache-2.0 */
#include "report/soak_parts.h"

#include "base/mem.h"
#include "engine/soak_watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void soak_add_clock(struct buf *out, int64_t ms)
{
    int64_t s = ms / 1000;
    buf_printf(out, "%02" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
}

void soak_add_ms(struct buf *out, bool known, double ms)
{
    if (!known || !(ms >= 0) || ms > 1e12)
        buf_add_char(out, '-');
    else
        text_add_ns(out, (uint64_t)(ms * 1e6));
}

uint64_t soak_sum(const uint64_t counts[STAGE_COUNT])
{
    uint64_t sum = 0;
    for (size_t i = 0; i < STAGE_COUNT; i++)
        sum += counts[i];
    return sum;
}

uint64_t soak_whole(double value)
{
    return !(value > 0) ? 0 : value < 1e18 ? (uint64_t)value : (uint64_t)1e18;
}

char *soak_lock_label(const struct soak_record *r, const char *worker, const char *lock)
{
    const char *text = lock[0] ? lock : "whole uploads";
    for (size_t i = 0; i < r->process_count; i++) {
        const char *other = r->processes[i].worker;
        if (other && other[0] && strcmp(other, worker) != 0)
            return mem_printf("%s:%s", worker, text);
    }
    return mem_strdup(text);
}

bool soak_has_grown(const struct soak_watch *watch)
{
    return watch->trend.growing || watch->found_at_ms >= 0;
}

char *soak_growth_text(enum soak_watch_kind kind, const struct soak_watch *watch)
{
    if (watch->trend.growing)
        return soak_trend_describe(kind, &watch->trend);
    struct buf text = {0};
    buf_add_str(&text, "grew, as was found at ");
    soak_add_clock(&text, watch->found_at_ms);
    buf_add_str(&text, ", and does not any more");
    return buf_steal(&text);
}

static int by_weight(const void *a, const void *b)
{
    const struct soak_group *x = *(const struct soak_group *const *)a, *y = *(const struct soak_group *const *)b;
    if (x->disturbed != y->disturbed)
        return x->disturbed ? 1 : -1;
    if (x->uploads != y->uploads)
        return x->uploads < y->uploads ? 1 : -1;
    /* They lie in one array. */
    return x < y ? -1 : x > y;
}

const struct soak_group **soak_sorted_groups(const struct soak_record *r)
{
    const struct soak_group **sorted = mem_calloc(r->group_count + 1, sizeof *sorted);
    for (size_t i = 0; i < r->group_count; i++)
        sorted[i] = &r->groups[i];
    qsort(sorted, r->group_count, sizeof *sorted, by_weight);
    return sorted;
}
