/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an archive: within its limits, and what was read can be packed and read again where its names allow. */
#include "pipeline/zip.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct zip_limits limits = {.max_entries = 8, .max_entry = 4096, .max_total = 8192};

static void check_limits(const struct zip_content *c)
{
    size_t total = 0;
    for (size_t i = 0; i < c->count; i++) {
        total += c->files[i].bytes.size;
        if (c->files[i].bytes.size > limits.max_entry) {
            abort();
        }
    }
    if (c->count > limits.max_entries || total > limits.max_total) {
        abort();
    }
}

static void check_again(const struct zip_content *c)
{
    struct zip_part parts[8];
    struct zip_content again;
    struct buf archive = {0};
    struct err e = {0};
    for (size_t i = 0; i < c->count; i++) {
        parts[i] = (struct zip_part){c->files[i].name, c->files[i].bytes.data, c->files[i].bytes.size};
    }
    if (zip_pack(parts, c->count, &archive, &e) == 0) {
        if (zip_unpack(archive.data, archive.size, &limits, &again, &e) != 0 || again.count != c->count) {
            abort();
        }
        for (size_t i = 0; i < c->count; i++) {
            if (again.files[i].bytes.size != c->files[i].bytes.size ||
                memcmp(again.files[i].bytes.data, c->files[i].bytes.data, c->files[i].bytes.size) != 0) {
                abort();
            }
        }
        zip_content_fini(&again);
    }
    buf_fini(&archive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zip_content content;
    struct err e = {0};
    if (zip_unpack(data, size, &limits, &content, &e) == 0) {
        check_limits(&content);
        check_again(&content);
    } else if (content.files != NULL || e.text[0] == '\0') {
        abort();
    }
    zip_content_fini(&content);
    return 0;
}
