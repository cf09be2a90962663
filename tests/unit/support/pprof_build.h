/* SPDX-License-Identifier: Apache-2.0 */
/* Makes pprof bytes for tests, on the code that protobuf-c generated from proto/profile.proto. */
#ifndef LOCKTRAIL_TESTS_PPROF_BUILD_H
#define LOCKTRAIL_TESTS_PPROF_BUILD_H

#include "base/buf.h"
#include "profile/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.pb-c.h"

/* A profile under construction. `profile` and `strings` may be changed by hand for what the
 * functions don't offer; what is added by hand must come from malloc, since pprof_build_free frees
 * it. */
struct pprof_build {
    Pprof__Profile profile; /* all but samples, sample types and strings */
    Pprof__ValueType **types;
    size_t type_count, type_capacity;
    Pprof__Sample **samples;
    size_t sample_count, sample_capacity;
    ProtobufCBinaryData *strings; /* [0] is "" from the start */
    size_t string_count, string_capacity;
    bool unpacked;      /* repeated numbers one by one, as proto2 writers do */
    bool strings_first; /* the string table before the samples; otherwise behind them */
    bool types_last;    /* the sample types behind everything else */
};

struct pprof_build *pprof_build_new(void);
void pprof_build_free(struct pprof_build *b);

/* Index of `text` in the string table; adds it if it is not there. */
int64_t pprof_build_string(struct pprof_build *b, const char *text);

/* Adds a string, even one that is there already, and any bytes. Returns its index. */
int64_t pprof_build_new_string(struct pprof_build *b, const void *bytes, size_t size);

/* Adds a sample type: all of them before the first sample. */
void pprof_build_type(struct pprof_build *b, const char *type, const char *unit);

/* Adds the four lock types: acquire, acquire-wait, release, release-hold. */
void pprof_build_lock_types(struct pprof_build *b);

/* Begins a sample, all values 0, no labels. What follows is about the last one begun. */
void pprof_build_sample(struct pprof_build *b);
void pprof_build_value(struct pprof_build *b, const char *type, int64_t value);
void pprof_build_label(struct pprof_build *b, const char *key, const char *value);
void pprof_build_label_index(struct pprof_build *b, int64_t key, int64_t str);
void pprof_build_num_label(struct pprof_build *b, const char *key, int64_t value, const char *unit);
void pprof_build_location(struct pprof_build *b, uint64_t id);

/* A sample with `lock name` = label (NULL: without the label), and the values of the lock types. */
void pprof_build_lock(struct pprof_build *b, const char *label, int64_t acquires, int64_t wait_ns, int64_t releases,
                      int64_t hold_ns);

/* Appends the profile to *out. */
void pprof_build_bytes(const struct pprof_build *b, enum profile_encoding encoding, struct buf *out);

/* Appends any bytes to *out in this encoding, as one gzip member, zstd frame or lz4 frame. */
void pprof_build_encode(const void *bytes, size_t size, enum profile_encoding encoding, struct buf *out);

/* For wire tests: a varint, and a field of bytes with its tag and length. */
void pprof_build_varint(struct buf *out, uint64_t value);
void pprof_build_field(struct buf *out, unsigned field, const void *bytes, size_t size);

#endif
