/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "pipeline/tap_internal.h"

#include <assert.h>
#include <stdlib.h>

static void forget(struct tap *tap)
{
    for (size_t i = 0; i < tap->disturbance_count; i++) {
        free(tap->disturbances[i].worker);
    }
    free(tap->disturbances);
    tap->disturbances = NULL;
    tap->disturbance_count = 0;
}

void tap_disturb(struct tap *tap, const struct tap_disturbance *items, size_t count)
{
    forget(tap);
    tap->disturbances = mem_calloc(count + 1, sizeof *tap->disturbances);
    for (size_t i = 0; i < count; i++) {
        assert(items[i].status == 0 || items[i].status >= 200);
        tap->disturbances[i] = (struct tap_disturbing){
            .worker = mem_strdup_null(items[i].worker), .status = items[i].status, .delay_ms = items[i].delay_ms};
    }
    tap->disturbance_count = count;
}

void disturb_fini(struct tap *tap)
{
    forget(tap);
}

int disturb_begin(struct tap_exchange_state *x, const char *instance)
{
    struct tap *tap = x->tap;
    int status = 0;
    /* Its head came before the disturbance: it is under way, and only held back for a fault. */
    for (size_t i = 0; x->disturbable && i < tap->disturbance_count; i++) {
        const struct tap_disturbing *d = &tap->disturbances[i];
        if (d->worker != NULL && !fault_is_of(instance, d->worker)) {
            continue;
        }
        status = status != 0 ? status : d->status;
        x->disturb_delay_ms += d->delay_ms;
    }
    if (status != 0) {
        buf_printf(&x->fault, "refused with %d by a disturbance", status);
    } else if (x->disturb_delay_ms > 0) {
        buf_printf(&x->fault, "delayed by %lld ms by a disturbance", (long long)x->disturb_delay_ms);
    }
    return status;
}
