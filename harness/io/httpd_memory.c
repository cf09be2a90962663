/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpd_internal.h"

/* The smallest spare buffer with room for `size` bytes, NULL where there is none. */
static struct buf *find_spare(struct httpd *server, size_t size)
{
    struct buf *best = NULL;
    for (size_t i = 0; i < HTTPD_SPARE_COUNT; i++) {
        struct buf *b = &server->spare[i];
        if (b->capacity > size && (best == NULL || b->capacity < best->capacity)) {
            best = b;
        }
    }
    return best;
}

struct buf httpd_memory(struct httpd *server, uint64_t size)
{
    struct buf out = {0};
    size_t wanted = size < HTTPD_EXPECT_MAX ? (size_t)size : HTTPD_EXPECT_MAX;
    struct buf *spare = wanted >= HTTPD_SPARE_MIN ? find_spare(server, wanted) : NULL;
    if (spare != NULL) {
        out = *spare;
        *spare = (struct buf){0};
    } else if (wanted > 0) {
        buf_reserve(&out, wanted);
    }
    return out;
}

void httpd_give_back(struct httpd *server, struct buf *memory)
{
    struct buf *smallest = &server->spare[0];
    for (size_t i = 1; i < HTTPD_SPARE_COUNT; i++) {
        if (server->spare[i].capacity < smallest->capacity) {
            smallest = &server->spare[i];
        }
    }
    if (memory->capacity >= HTTPD_SPARE_MIN && memory->capacity <= HTTPD_EXPECT_MAX + 1 &&
        memory->capacity > smallest->capacity) {
        struct buf out = *smallest;
        *smallest = *memory;
        buf_clear(smallest);
        *memory = out;
    }
    buf_fini(memory);
}

void httpd_memory_fini(struct httpd *server)
{
    for (size_t i = 0; i < HTTPD_SPARE_COUNT; i++) {
        buf_fini(&server->spare[i]);
    }
}
