/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/profile.h"

#include "base/mem.h"
#include "profile/codec.h"
#include "profile/foreign.h"
#include "profile/pprof.h"

#include <stdlib.h>

const struct profile_limits profile_limits_default = {.max_raw_size = PROFILE_RAW_SIZE_MAX,
                                                      .max_names = PROFILE_NAMES_MAX};

const char *profile_encoding_name(enum profile_encoding encoding)
{
    static const char *const names[] = {"none", "gzip", "zstd", "lz4"};
    return names[encoding];
}

/* Decompressed bytes into *p; a file of another kind is a result, too. */
static int read_raw(const void *raw, size_t size, const struct profile_limits *limits, struct profile *p, struct err *e)
{
    struct buf what = {0};
    p->raw_size = size;
    if (size == 0) {
        return err_set(e, ERR_INPUT, "nothing in it after decompression");
    }
    if (foreign_is_jfr(raw, size, &what)) {
        p->kind = PROFILE_FOREIGN;
    } else if (pprof_read(raw, size, limits, p, e) < 0) {
        const char *guess = foreign_guess(raw, size);
        return guess != NULL ? err_set(e, ERR_INPUT, "not a profile but %s", guess) : -1;
    } else {
        foreign_describe_pprof(p->sample_types, p->sample_type_count, p->kind != PROFILE_FOREIGN, &what);
    }
    p->what = buf_steal(&what);
    return 0;
}

static int read_encoded(const void *bytes, size_t size, const struct profile_limits *limits, struct profile *p,
                        struct err *e)
{
    size_t max_size = limits->max_raw_size < UINT32_MAX ? limits->max_raw_size : UINT32_MAX;
    struct buf raw = {0};
    p->encoding = codec_detect(bytes, size);
    if (p->encoding == ENCODING_NONE) {
        return size <= max_size ? read_raw(bytes, size, limits, p, e)
                                : err_set(e, ERR_INPUT, "%zu bytes, and the limit is %zu", size, max_size);
    }
    int result = codec_decode(p->encoding, bytes, size, max_size, &raw, e);
    if (result == 0) {
        result = read_raw(raw.data, raw.size, limits, p, e);
    }
    buf_fini(&raw);
    return result;
}

int profile_read(const void *bytes, size_t size, const struct profile_limits *limits, struct profile **out,
                 struct err *e)
{
    if (size == 0) {
        return err_set(e, ERR_INPUT, "the file is empty");
    }
    struct profile *p = mem_calloc(1, sizeof *p);
    if (read_encoded(bytes, size, limits, p, e) < 0) {
        profile_free(p);
        return -1;
    }
    *out = p;
    return 0;
}

void profile_free(struct profile *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->name_count; i++) {
        free(p->names[i].label);
        free(p->names[i].file);
        free(p->names[i].name);
    }
    for (size_t i = 0; i < p->key_count; i++) {
        free(p->keys[i].key);
    }
    for (size_t i = 0; i < p->sample_type_count; i++) {
        free(p->sample_types[i]);
    }
    free(p->names);
    free(p->keys);
    free(p->sample_types);
    free(p->what);
    free(p);
}
