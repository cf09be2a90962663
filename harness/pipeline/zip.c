/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/zip.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* One read of an entry. */
#define READ_CHUNK ((size_t)64 << 10)
/* 1980-01-01T00:00:00Z, where a zip's time begins; what lies in it has times of its own. In UTC, a zone west of it
 * would make it the year before, which libzip writes as the same day. */
#define PACK_TIME 315532800

/* --- packing --- */

static int check_parts(const struct zip_part *parts, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(parts[i].name);
        if (size == 0 || size > ZIP_NAME_MAX) {
            return err_set(e, ERR_INPUT, "zip: a file's name must have 1 to %d bytes, file %zu has %zu", ZIP_NAME_MAX,
                           i + 1, size);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(parts[k].name, parts[i].name) == 0) {
                return err_set(e, ERR_INPUT, "zip: two files have the name \"%s\"", parts[i].name);
            }
        }
    }
    return 0;
}

/* The parts are the caller's, and are read only when the archive is closed. */
static int add_part(zip_t *zip, const struct zip_part *part, struct err *e)
{
    zip_source_t *source = zip_source_buffer(zip, part->size > 0 ? part->bytes : "", part->size, 0);
    zip_int64_t at = source != NULL ? zip_file_add(zip, part->name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (at < 0) {
        if (source != NULL) {
            zip_source_free(source);
        }
        return err_set(e, ERR_INPUT, "zip: can't add \"%s\": %s", part->name, zip_strerror(zip));
    }
    zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0);
    zip_file_set_mtime(zip, (zip_uint64_t)at, PACK_TIME, 0);
    return 0;
}

static int write_archive(zip_source_t *source, const struct zip_part *parts, size_t count, struct err *e)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_keep(source); /* what is written is read from it afterwards */
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, &error);
    if (zip == NULL) {
        zip_source_free(source);
        err_set(e, ERR_INTERNAL, "zip: %s", zip_error_strerror(&error));
        zip_error_fini(&error);
        return -1;
    }
    zip_error_fini(&error);
    for (size_t i = 0; i < count; i++) {
        if (add_part(zip, &parts[i], e) != 0) {
            zip_discard(zip);
            return -1;
        }
    }
    if (zip_close(zip) != 0) {
        err_set(e, ERR_INTERNAL, "zip: %s", zip_strerror(zip));
        zip_discard(zip);
        return -1;
    }
    return 0;
}

static int read_archive(zip_source_t *source, struct buf *out, struct err *e)
{
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_source_stat(source, &stat) != 0 || (stat.valid & ZIP_STAT_SIZE) == 0 || zip_source_open(source) != 0) {
        return err_set(e, ERR_INTERNAL, "zip: what was packed can't be read");
    }
    buf_reserve(out, stat.size);
    zip_int64_t size = zip_source_read(source, out->data + out->size, stat.size);
    zip_source_close(source);
    if (size < 0 || (zip_uint64_t)size != stat.size) {
        return err_set(e, ERR_INTERNAL, "zip: what was packed can't be read");
    }
    out->size += (size_t)size;
    out->data[out->size] = '\0';
    return 0;
}

/* libzip keeps no file for an archive without entries; this is what one is: an end record and nothing else. */
static int pack_nothing(struct buf *out)
{
    static const char end[22] = {'P', 'K', 5, 6};
    buf_add(out, end, sizeof end);
    return 0;
}

int zip_pack(const struct zip_part *parts, size_t count, struct buf *out, struct err *e)
{
    if (check_parts(parts, count, e) != 0) {
        return -1;
    }
    if (count == 0) {
        return pack_nothing(out);
    }
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    if (source == NULL) {
        return err_set(e, ERR_INTERNAL, "zip: no memory");
    }
    int result = write_archive(source, parts, count, e);
    result = result == 0 ? read_archive(source, out, e) : -1;
    zip_source_free(source);
    return result;
}

/* --- reading --- */

void zip_content_fini(struct zip_content *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->files[i].name);
        buf_fini(&c->files[i].bytes);
    }
    free(c->files);
    *c = (struct zip_content){0};
}

struct reading {
    zip_t *zip;
    const struct zip_limits *limits;
    size_t total;
    struct zip_content *out;
};

static int over_total(const struct reading *r, struct err *e)
{
    return err_set(e, ERR_INPUT, "zip: its files have more than the %zu bytes allowed together", r->limits->max_total);
}

/* Reads to the end, where libzip compares the checksum. An archive that lies about sizes is cut off here. */
static int read_bytes(struct reading *r, zip_file_t *file, struct zip_content_file *out, struct err *e)
{
    for (;;) {
        buf_reserve(&out->bytes, READ_CHUNK);
        zip_int64_t size = zip_fread(file, out->bytes.data + out->bytes.size, READ_CHUNK);
        if (size < 0) {
            return err_set(e, ERR_INPUT, "zip: \"%s\" is corrupt: %s", out->name, zip_file_strerror(file));
        }
        if (size == 0) {
            out->bytes.data[out->bytes.size] = '\0';
            return 0;
        }
        out->bytes.size += (size_t)size;
        out->bytes.data[out->bytes.size] = '\0';
        r->total += (size_t)size;
        if (out->bytes.size > r->limits->max_entry) {
            return err_set(e, ERR_INPUT, "zip: \"%s\" has more than the %zu bytes allowed", out->name,
                           r->limits->max_entry);
        }
        if (r->total > r->limits->max_total) {
            return over_total(r, e);
        }
    }
}

/* What the directory says is enough to refuse; it is never enough to accept. */
static int check_stat(const struct reading *r, const zip_stat_t *stat, struct err *e)
{
    if (strlen(stat->name) > ZIP_NAME_MAX) {
        return err_set(e, ERR_INPUT, "zip: a name has more than the %d bytes allowed", ZIP_NAME_MAX);
    }
    if ((stat->valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat->encryption_method != ZIP_EM_NONE) {
        return err_set(e, ERR_INPUT, "zip: \"%s\" is encrypted", stat->name);
    }
    if ((stat->valid & ZIP_STAT_SIZE) != 0 && stat->size > r->limits->max_entry) {
        return err_set(e, ERR_INPUT, "zip: \"%s\" has more than the %zu bytes allowed", stat->name,
                       r->limits->max_entry);
    }
    if ((stat->valid & ZIP_STAT_SIZE) != 0 && stat->size > r->limits->max_total - r->total) {
        return over_total(r, e);
    }
    return 0;
}

static int read_entry(struct reading *r, zip_uint64_t index, struct err *e)
{
    zip_stat_t stat;
    if (zip_stat_index(r->zip, index, 0, &stat) != 0 || (stat.valid & ZIP_STAT_NAME) == 0) {
        return err_set(e, ERR_INPUT, "zip: entry %llu can't be read: %s", (unsigned long long)index + 1,
                       zip_strerror(r->zip));
    }
    if (check_stat(r, &stat, e) != 0) {
        return -1;
    }
    size_t name_size = strlen(stat.name);
    if (name_size > 0 && stat.name[name_size - 1] == '/') {
        return 0;
    }
    zip_file_t *file = zip_fopen_index(r->zip, index, 0);
    if (file == NULL) {
        return err_set(e, ERR_INPUT, "zip: \"%s\" can't be read: %s", stat.name, zip_strerror(r->zip));
    }
    r->out->files = mem_grow(r->out->files, r->out->count, &r->out->capacity, sizeof *r->out->files);
    struct zip_content_file *out = &r->out->files[r->out->count++];
    *out = (struct zip_content_file){.name = mem_strdup(stat.name)};
    int result = read_bytes(r, file, out, e);
    zip_fclose(file);
    return result;
}

static int read_entries(struct reading *r, struct err *e)
{
    zip_int64_t count = zip_get_num_entries(r->zip, 0);
    if (count < 0 || (zip_uint64_t)count > r->limits->max_entries) {
        return err_set(e, ERR_INPUT, "zip: it has %lld files, more than the %zu allowed", (long long)count,
                       r->limits->max_entries);
    }
    for (zip_int64_t i = 0; i < count; i++) {
        if (read_entry(r, (zip_uint64_t)i, e) != 0) {
            return -1;
        }
    }
    return 0;
}

int zip_unpack(const void *bytes, size_t size, const struct zip_limits *limits, struct zip_content *out, struct err *e)
{
    zip_error_t error;
    struct reading r = {.limits = limits, .out = out};
    *out = (struct zip_content){0};
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(size > 0 ? bytes : "", size, 0, &error);
    /* Without a buffer of its own an empty one would be taken for an archive to be made. */
    r.zip = source != NULL && size > 0 ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
    if (r.zip == NULL) {
        if (source != NULL) {
            zip_source_free(source);
        }
        err_set(e, ERR_INPUT, "zip: not an archive: %s", size > 0 ? zip_error_strerror(&error) : "it is empty");
        zip_error_fini(&error);
        return -1;
    }
    zip_error_fini(&error);
    int result = read_entries(&r, e);
    zip_discard(r.zip);
    if (result != 0) {
        zip_content_fini(out);
    }
    return result;
}
