/* SPDX-License-Identifier: Apache-2.0 */
/* A profile file's bytes in, the lock names in it with their counts out. The one narrow door to the pprof format. */
#ifndef LOCKTRAIL_PROFILE_PROFILE_H
#define LOCKTRAIL_PROFILE_PROFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum profile_encoding { ENCODING_NONE, ENCODING_GZIP, ENCODING_ZSTD, ENCODING_LZ4 };

/* What the file is. */
enum profile_kind {
    PROFILE_LOCKS,   /* pprof with the sample types lock-acquire / lock-release */
    PROFILE_FOREIGN, /* pprof without them (Go's mutex profile, CPU ...), or Java's JFR */
    PROFILE_EMPTY    /* pprof with lock types and not a single sample in it */
};

/* All samples with one value of the label `lock name`, added up. Samples count once for each, values as the profile's
 * sample types say (`lock-acquire`/count, `lock-acquire-wait`/nanoseconds, `lock-release`/count,
 * `lock-release-hold`/nanoseconds). */
struct profile_name {
    char *label; /* the value; bytes that are not UTF-8 are kept as they are, but a zero byte, which no C string can
                    hold, becomes U+FFFD */
    char *file;  /* label split as FILE:LINE[:NAME], see label.h; "" / 0 / "" where it is not of that form */
    unsigned line;
    char *name;
    uint64_t samples, acquires, wait_ns, releases, hold_ns;
};

struct profile_key {
    char *key;        /* of a label on a lock sample that has a text other than "": "lock name", "thread name" ... */
    uint64_t samples; /* how many lock samples carry it */
};

struct profile {
    enum profile_encoding encoding;
    enum profile_kind kind;
    char *what; /* for a person: "pprof, Go mutex or block profile (contentions/count, delay/nanoseconds)", "Java Flight
                   Recorder 2.1" */
    size_t raw_size;            /* bytes after decompression */
    struct profile_name *names; /* in the order of their first sample */
    size_t name_count;
    uint64_t samples;      /* all */
    uint64_t lock_samples; /* those with a lock value other than zero, or with the label `lock name` */
    uint64_t unlabelled;   /* lock samples without the label `lock name`, or with an empty value */
    uint64_t invalid_utf8; /* values of labels on lock samples that are not UTF-8; each counts once */
    struct profile_key *keys;
    size_t key_count;
    char **sample_types; /* "lock-acquire/count" ... as in the file */
    size_t sample_type_count;
    int64_t time_ns, duration_ns; /* wall clock of the start; both 0 where the file does not say, or says an end that
                                     64 bits can't hold */
};

struct profile_limits {
    size_t max_raw_size; /* bytes after decompression; above 4 GiB it is 4 GiB, since offsets have 32 bits */
    size_t max_names;
};
/* 512 MiB: far above the largest lock profile seen (tens of MiB raw), far below a decompression bomb's. */
#define PROFILE_RAW_SIZE_MAX ((size_t)512 << 20)
/* A million names is two orders above a service that declares one lock for each object. */
#define PROFILE_NAMES_MAX ((size_t)1 << 20)
/* A quarter of them names: the rest are functions, files and threads. Far above any profile seen (tens of thousands).
 */
#define PROFILE_STRINGS_MAX ((size_t)1 << 22)
/* ddtrace has 19. */
#define PROFILE_SAMPLE_TYPES_MAX 1024
/* Keys of labels are a few words of the profiler's own; a file with thousands of them has values in their place. */
#define PROFILE_KEYS_MAX 4096
extern const struct profile_limits profile_limits_default;

/* Reads one file's bytes (borrowed). On failure *e says at which offset of the decompressed bytes (or of the compressed
 * ones, for the codec) and what is wrong: truncated, corrupt, empty file, not a profile, limit reached. Code ERR_INPUT.
 * Any thread. */
int profile_read(const void *bytes, size_t size, const struct profile_limits *limits, struct profile **out,
                 struct err *e);
void profile_free(struct profile *p);

const char *profile_encoding_name(enum profile_encoding encoding); /* "none", "gzip", "zstd", "lz4" */

#endif
