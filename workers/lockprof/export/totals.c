/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/totals.h"

#include "base/buf.h"
#include "base/mem.h"
#include "lockprof/export/pprof_write.h"
#include "lockprof/export/samples.h"
#include "profile.pb-c.h"
#include "profile/codec.h"
#include "profile/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABEL_KEY "lock name"
/* Of samples without the label: locks of another profiler, which found no name at all. */
#define LABEL_NONE "(no lock name)"

void totals_fini(struct totals *totals)
{
    for (size_t i = 0; i < totals->count; i++)
        free(totals->items[i].label);
    free(totals->items);
    intern_fini(&totals->index);
    *totals = (struct totals){0};
}

static bool same_label(const void *table, uint32_t element, const void *key)
{
    return strcmp(((const struct totals *)table)->items[element].label, key) == 0;
}

static struct total *find(struct totals *totals, const char *label)
{
    uint64_t hash = intern_hash(INTERN_SEED, label, strlen(label));
    uint32_t found = intern_find(&totals->index, hash, same_label, totals, label);
    if (found == INTERN_NONE) {
        totals->items = mem_grow(totals->items, totals->count, &totals->capacity, sizeof *totals->items);
        totals->items[totals->count++] = (struct total){.label = mem_strdup(label)};
        found = intern_add(&totals->index, hash);
    }
    return &totals->items[found];
}

/* --- one profile -------------------------------------------------------------------------------------------------- */

static bool string_is(const Pprof__Profile *p, int64_t index, const char *text)
{
    const ProtobufCBinaryData *s = &p->string_table[index];
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}

static int check_string(const Pprof__Profile *p, int64_t index, const char *what, struct err *e)
{
    if (index >= 0 && (uint64_t)index < p->n_string_table)
        return 0;
    return err_set(e, ERR_INPUT, "%s is string %" PRId64 ", and the string table has %zu", what, index,
                   p->n_string_table);
}

/* For each of our values its place in the file's samples, -1 where the file has none. */
static int find_types(const Pprof__Profile *p, int at[VALUE_TYPES], struct err *e)
{
    bool found = false;
    for (size_t k = 0; k < VALUE_TYPES; k++)
        at[k] = -1;
    for (size_t i = 0; i < p->n_sample_type; i++) {
        if (check_string(p, p->sample_type[i]->type, "a sample type", e) != 0)
            return -1;
        for (size_t k = 0; k < VALUE_TYPES; k++)
            if (string_is(p, p->sample_type[i]->type, sample_type_names[k]))
                at[k] = (int)i;
    }
    for (size_t k = 0; k < VALUE_TYPES; k++)
        found = found || at[k] >= 0;
    return found ? 0 : err_set(e, ERR_INPUT, "not a lock profile: it has none of the sample types lock-acquire ...");
}

static int check_samples(const Pprof__Profile *p, struct err *e)
{
    for (size_t i = 0; i < p->n_sample; i++) {
        const Pprof__Sample *s = p->sample[i];
        if (s->n_value != p->n_sample_type)
            return err_set(e, ERR_INPUT, "sample %zu has %zu values for %zu sample types", i + 1, s->n_value,
                           p->n_sample_type);
        for (size_t k = 0; k < s->n_label; k++)
            if (check_string(p, s->label[k]->key, "a label's key", e) != 0 ||
                check_string(p, s->label[k]->str, "a label's text", e) != 0)
                return err_wrap(e, "sample %zu", i + 1);
    }
    return 0;
}

/* The caller frees it. */
static char *lock_label(const Pprof__Profile *p, const Pprof__Sample *s)
{
    for (size_t k = 0; k < s->n_label; k++) {
        if (string_is(p, s->label[k]->key, LABEL_KEY) && s->label[k]->str != 0) {
            const ProtobufCBinaryData *text = &p->string_table[s->label[k]->str];
            return mem_strndup((const char *)text->data, text->len);
        }
    }
    return mem_strdup(LABEL_NONE);
}

static int add_profile(struct totals *totals, const Pprof__Profile *p, struct err *e)
{
    int at[VALUE_TYPES];
    if (find_types(p, at, e) != 0 || check_samples(p, e) != 0)
        return -1;
    for (size_t i = 0; i < p->n_sample; i++) {
        char *label = lock_label(p, p->sample[i]);
        struct total *total = find(totals, label);
        free(label);
        for (size_t k = 0; k < VALUE_TYPES; k++)
            if (at[k] >= 0 && p->sample[i]->value[at[k]] > 0)
                total->values[k] = value_plus(total->values[k], p->sample[i]->value[at[k]]);
    }
    for (size_t k = 0; k < VALUE_TYPES; k++)
        totals->has[k] = totals->has[k] || at[k] >= 0;
    return 0;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static int read_fd(int fd, struct buf *out, struct err *e)
{
    char chunk[65536];
    for (;;) {
        ssize_t size = read(fd, chunk, sizeof chunk);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_sys(e, ERR_INPUT, errno, "can't read it");
        if (size == 0)
            return 0;
        if (out->size + (size_t)size > TOTALS_SIZE_MAX)
            return err_set(e, ERR_INPUT, "more than %zu MiB, the most that is read", TOTALS_SIZE_MAX >> 20);
        buf_add(out, chunk, (size_t)size);
    }
}

static int read_file(const char *path, struct buf *out, struct err *e)
{
    if (strcmp(path, "-") == 0)
        return read_fd(STDIN_FILENO, out, e);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno == ENOENT ? ERR_MISSING : ERR_INPUT, errno, "can't read it");
    int result = read_fd(fd, out, e);
    close(fd);
    return result;
}

/* Replaces compressed bytes. */
static int decompress(struct buf *bytes, struct err *e)
{
    enum profile_encoding encoding = codec_detect(bytes->data, bytes->size);
    struct buf raw = {0};
    if (encoding == ENCODING_NONE)
        return 0;
    if (codec_decode(encoding, bytes->data, bytes->size, TOTALS_SIZE_MAX, &raw, e) != 0) {
        buf_fini(&raw);
        return err_wrap(e, "%s", profile_encoding_name(encoding));
    }
    buf_fini(bytes);
    *bytes = raw;
    return 0;
}

static int add_bytes(struct totals *totals, struct buf *bytes, struct err *e)
{
    if (bytes->size == 0)
        return err_set(e, ERR_INPUT, "the file is empty");
    if (decompress(bytes, e) != 0)
        return -1;
    const char *guess = foreign_guess(bytes->data, bytes->size);
    Pprof__Profile *p = pprof__profile__unpack(NULL, bytes->size, (const uint8_t *)bytes->data);
    if (!p || p->n_string_table == 0) {
        if (p)
            pprof__profile__free_unpacked(p, NULL);
        return guess ? err_set(e, ERR_INPUT, "not a profile, but %s", guess)
                     : err_set(e, ERR_INPUT, "not a profile, or cut short");
    }
    int result = add_profile(totals, p, e);
    pprof__profile__free_unpacked(p, NULL);
    return result;
}

int totals_add_file(struct totals *totals, const char *path, struct err *e)
{
    struct buf bytes = {0};
    int result = read_file(path, &bytes, e);
    if (result == 0)
        result = add_bytes(totals, &bytes, e);
    buf_fini(&bytes);
    return result == 0 ? 0 : err_wrap(e, "%s", path);
}
