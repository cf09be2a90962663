/* SPDX-License-Identifier: Apache-2.0 */
#include "report/soak_parts.h"

#include <inttypes.h>
#include <stdlib.h>

static size_t growing(const struct soak_record *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->process_count; i++)
        for (size_t k = 0; k < WATCH_COUNT; k++)
            count += r->processes[i].watches[k].trend.growing;
    return count;
}

void report_soak_line(const struct soak_record *r, size_t columns, struct buf *out)
{
    struct buf line = {0};
    const struct soak_uploads *u = &r->uploads;
    soak_add_clock(&line, r->elapsed_ms);
    buf_add_str(&line, " of ");
    soak_add_clock(&line, r->for_ms);
    buf_printf(&line, "  %" PRIu64 " uploads, %" PRIu64 " with a loss, %" PRIu64 " missing", u->judged, u->with_loss,
               soak_sum(u->missing));
    if (growing(r) > 0)
        buf_printf(&line, ", %zu grow", growing(r));
    if (r->problem_count > 0)
        buf_printf(&line, ", %zu problem%s", r->problem_count, r->problem_count == 1 ? "" : "s");
    if (r->process_count > 0) {
        buf_add_str(&line, "  rss ");
        text_add_bytes(&line, soak_whole(r->processes[0].watches[WATCH_RSS].series.last));
    }
    text_add_fitted(out, line.data, columns);
    buf_fini(&line);
}
