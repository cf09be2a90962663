/* SPDX-License-Identifier: Apache-2.0 */
/* Random inputs by seed, and a whole result as text. */
#ifndef TRAIL_DUMP_H
#define TRAIL_DUMP_H

#include "trail_build.h"

#include <inttypes.h>

/* xorshift64* (Marsaglia; Vigna 2016): the same numbers everywhere. */
static inline uint64_t next(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

static inline size_t below(uint64_t *seed, size_t bound)
{
    return (size_t)(next(seed) >> 33) % bound;
}

/* --- the whole result as text ------------------------------------------------------------------------------------- */

static inline void dump_stage(const struct stage_result *s, struct buf *out)
{
    buf_printf(out, " %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %d%d\n",
               lock_state_name(s->state), s->samples, s->acquires, s->wait_ns, s->releases, s->hold_ns,
               s->true_acquires, s->needed_ms, s->count_checked, s->count_equal);
    for (size_t i = 0; i < s->seen_count; i++) {
        buf_printf(out, "  %s %s %" PRIu64 " %" PRIu64 "\n", s->seen_as[i].label, s->seen_as[i].name,
                   s->seen_as[i].samples, s->seen_as[i].acquires);
    }
}

static inline char *dump(const struct trail_result *r)
{
    struct buf out = {0};
    buf_printf(&out, "%s %s\n", verdict_name(r->verdict), r->conclusion);
    for (size_t i = 0; i < r->next_step_count; i++) {
        buf_printf(&out, "step %s\n", r->next_steps[i]);
    }
    for (size_t i = 0; i < r->lock_count; i++) {
        for (enum stage s = 0; s < STAGE_COUNT; s++) {
            dump_stage(&r->locks[i].stages[s], &out);
        }
        if (r->locks[i].lost) {
            const struct loss *loss = &r->locks[i].loss;
            buf_printf(&out, "lost %d %d %s\n", (int)loss->stage, (int)loss->mechanism, loss->evidence);
            buf_printf(&out, "%zu %d %s, %s\n", loss->group, loss->by_collector, loss->own, loss->common);
            buf_printf(&out, "%x", loss->mechanisms);
            for (size_t k = 0; k < loss->later_count; k++) {
                buf_printf(&out, " %d/%d", (int)loss->later[k].stage, (int)loss->later[k].mechanism);
            }
            buf_add_char(&out, '\n');
        }
    }
    for (size_t i = 0; i < r->undeclared_count; i++) {
        buf_printf(&out, "undeclared %s", r->undeclared[i].label);
        for (enum stage s = 0; s < STAGE_COUNT; s++) {
            buf_printf(&out, " %zu/%" PRIu64, r->undeclared[i].copies[s], r->undeclared[i].samples[s]);
        }
        buf_add_char(&out, '\n');
    }
    for (size_t i = 0; i < r->note_count; i++) {
        buf_printf(&out, "note %s\n", r->notes[i]);
    }
    return buf_steal(&out);
}

#endif
