/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/readback_files.h"

#include "base/mem.h"
#include "io/hash.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void readback_files_fini(struct readback_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
    }
    free(files->items);
    *files = (struct readback_files){0};
}

/* --- finding --- */

static bool is_wanted(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcmp(dot, ".pprof") == 0 || strcmp(dot, ".zip") == 0);
}

static int find_in(const char *directory, const char *folder, struct readback_files *out, struct err *e);

/* A file that is gone again is none. */
static int look_at(const char *directory, const char *folder, const char *name, struct readback_files *out,
                   struct err *e)
{
    struct stat info;
    char *relative = folder != NULL ? mem_printf("%s/%s", folder, name) : mem_strdup(name);
    char *path = mem_printf("%s/%s", directory, relative);
    int result = 0;
    if (stat(path, &info) != 0) {
        result = 0;
    } else if (S_ISDIR(info.st_mode) && folder == NULL) {
        result = find_in(directory, name, out, e);
    } else if (S_ISREG(info.st_mode) && is_wanted(name)) {
        if (out->count == READBACK_FILES_MAX) {
            result =
                err_set(e, ERR_INPUT, "%s: there are more than the %d files allowed", directory, READBACK_FILES_MAX);
        } else {
            out->items = mem_grow(out->items, out->count, &out->capacity, sizeof *out->items);
            out->items[out->count++] =
                (struct readback_file){.name = mem_strdup(relative),
                                       .size = (uint64_t)info.st_size,
                                       .mtime_ns = info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec};
        }
    }
    free(path);
    free(relative);
    return result;
}

static int find_in(const char *directory, const char *folder, struct readback_files *out, struct err *e)
{
    char *path = folder != NULL ? mem_printf("%s/%s", directory, folder) : mem_strdup(directory);
    DIR *d = opendir(path);
    int result = 0;
    if (d == NULL && (folder == NULL || errno != ENOENT)) {
        result = err_sys(e, errno == ENOENT ? ERR_MISSING : ERR_INPUT, errno, "cannot read %s", path);
    }
    struct dirent *entry;
    while (result == 0 && d != NULL && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.') {
            result = look_at(directory, folder, entry->d_name, out, e);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    free(path);
    return result;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct readback_file *)a)->name, ((const struct readback_file *)b)->name);
}

int readback_files_find(const char *directory, struct readback_files *out, struct err *e)
{
    *out = (struct readback_files){0};
    if (find_in(directory, NULL, out, e) != 0) {
        readback_files_fini(out);
        return -1;
    }
    if (out->count > 1) {
        qsort(out->items, out->count, sizeof *out->items, compare_names);
    }
    return 0;
}

/* --- owners --- */

void readback_owners_fill(struct readback_owners *o, const struct readback_options *options)
{
    for (size_t i = 0; i < options->wanted_count; i++) {
        const struct readback_wanted *w = &options->wanted[i];
        for (size_t k = 0; k < w->hash_count; k++) {
            char *own = mem_printf("%zu:%s", i, w->hashes[k]);
            size_t before = o->hashes.count, number = table_put_text(&o->hashes, w->hashes[k]);
            o->first = mem_grow(o->first, number, &o->first_capacity, sizeof *o->first);
            if (o->hashes.count > before) {
                o->first[number] = i;
            }
            /* Keeps the numbers of both kinds in step with the array. */
            number = table_put_text(&o->hashes, own);
            o->first = mem_grow(o->first, number, &o->first_capacity, sizeof *o->first);
            o->first[number] = i;
            free(own);
        }
    }
}

void readback_owners_fini(struct readback_owners *o)
{
    table_fini(&o->hashes);
    free(o->first);
    *o = (struct readback_owners){0};
}

/* The instance called so, or their number. */
static size_t find_instance(const struct readback *r, const char *name, size_t size)
{
    size_t i = 0;
    while (i < r->instance_count &&
           (strlen(r->instances[i].name) != size || memcmp(r->instances[i].name, name, size) != 0)) {
        i++;
    }
    return i;
}

/* INSTANCE of "FOLDER/INSTANCE.SEQ.pprof". */
static size_t by_name(const struct readback *r, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *file = slash != NULL ? slash + 1 : name;
    const char *dot = strrchr(file, '.');
    const char *sequence = dot != NULL ? memrchr(file, '.', (size_t)(dot - file)) : NULL;
    if (sequence == NULL || sequence + 1 == dot || strspn(sequence + 1, "0123456789") != (size_t)(dot - sequence - 1)) {
        return r->instance_count;
    }
    return find_instance(r, file, (size_t)(sequence - file));
}

static size_t by_folder(const struct readback *r, const char *name)
{
    const char *slash = strchr(name, '/');
    return slash != NULL ? find_instance(r, name, (size_t)(slash - name)) : r->instance_count;
}

static size_t by_worker(const struct readback *r, const char *worker)
{
    size_t i = 0;
    while (i < r->instance_count && strcmp(r->instances[i].worker, worker) != 0) {
        i++;
    }
    return i;
}

/* `said` is whose it is by its name, if any. */
static size_t by_hash(const struct readback *r, const struct readback_owners *o, const struct readback_upload *upload,
                      size_t said)
{
    for (size_t i = 0; i < upload->profile_count; i++) {
        char hash[HASH_TEXT_SIZE];
        hash_text(upload->profiles[i].bytes, upload->profiles[i].size, hash);
        char *own = mem_printf("%zu:%s", said, hash);
        size_t number = table_find(&o->hashes, own, strlen(own));
        free(own);
        if (number == TABLE_NONE) {
            number = table_find(&o->hashes, hash, strlen(hash));
        }
        if (number != TABLE_NONE) {
            return o->first[number];
        }
    }
    return r->instance_count;
}

bool readback_owners_know(const struct readback_owners *o, const struct readback_upload *upload)
{
    for (size_t i = 0; i < upload->profile_count; i++) {
        char hash[HASH_TEXT_SIZE];
        hash_text(upload->profiles[i].bytes, upload->profiles[i].size, hash);
        if (table_find(&o->hashes, hash, strlen(hash)) != TABLE_NONE) {
            return true;
        }
    }
    return false;
}

int readback_owner_of(const struct readback *r, const struct readback_owners *o, const char *name,
                      const struct readback_upload *upload, size_t *out, struct err *e)
{
    size_t none = r->instance_count, named = by_name(r, name);
    size_t said = named != none ? named : by_folder(r, name);
    size_t owner = by_hash(r, o, upload, said);
    if (owner == none && upload->worker != NULL && upload->worker[0] != '\0') {
        owner = by_worker(r, upload->worker);
    }
    if (owner == none) {
        owner = said;
    }
    if (owner == none && r->instance_count == 1) {
        owner = 0;
    }
    if (owner == none) {
        return err_set(e, ERR_INPUT,
                       "%s/%s: nobody can tell whose it is; expected the bytes of an upload, the name "
                       "INSTANCE.NUMBER.pprof (such as %s.1.pprof), or a folder INSTANCE",
                       r->directory, name, r->instance_count > 0 ? r->instances[0].name : "python.1.upload");
    }
    *out = owner;
    return 0;
}
