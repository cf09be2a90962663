/* SPDX-License-Identifier: Apache-2.0 */
#include "report/names.h"

#include "base/json.h"
#include "base/mem.h"
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_SIZE 13
#define NUMBER_SIZE 8
#define NAME_SIZE (TEXT_WIDTH - 5 * (NUMBER_SIZE + 1))

static const char *const order_names[NAMES_ORDER_COUNT] = {"acquires", "wait", "samples", "name"};

const char *names_order_name(enum names_order order)
{
    return order_names[order];
}

bool names_order_parse(const char *text, enum names_order *out)
{
    for (int i = 0; i < NAMES_ORDER_COUNT; i++) {
        if (strcmp(text, order_names[i]) == 0) {
            *out = (enum names_order)i;
            return true;
        }
    }
    return false;
}

static int compare(uint64_t a, uint64_t b, const struct profile_name *x, const struct profile_name *y)
{
    if (a != b)
        return a < b ? 1 : -1;
    return strcmp(x->label, y->label);
}

static int by_acquires(const void *a, const void *b)
{
    const struct profile_name *x = *(const struct profile_name *const *)a, *y = *(const struct profile_name *const *)b;
    return compare(x->acquires, y->acquires, x, y);
}

static int by_wait(const void *a, const void *b)
{
    const struct profile_name *x = *(const struct profile_name *const *)a, *y = *(const struct profile_name *const *)b;
    return compare(x->wait_ns, y->wait_ns, x, y);
}

static int by_samples(const void *a, const void *b)
{
    const struct profile_name *x = *(const struct profile_name *const *)a, *y = *(const struct profile_name *const *)b;
    return compare(x->samples, y->samples, x, y);
}

static int by_name(const void *a, const void *b)
{
    const struct profile_name *x = *(const struct profile_name *const *)a, *y = *(const struct profile_name *const *)b;
    int named = strcmp(x->name, y->name);
    return named != 0 ? named : strcmp(x->label, y->label);
}

/* Pointers to the profile's names, sorted; the caller's array. */
static const struct profile_name **sort(const struct profile *p, enum names_order order)
{
    static int (*const functions[NAMES_ORDER_COUNT])(const void *, const void *) = {by_acquires, by_wait, by_samples,
                                                                                    by_name};
    const struct profile_name **sorted = mem_calloc(p->name_count + 1, sizeof *sorted);
    for (size_t i = 0; i < p->name_count; i++)
        sorted[i] = &p->names[i];
    qsort(sorted, p->name_count, sizeof *sorted, functions[order]);
    return sorted;
}

static const char *kind_name(enum profile_kind kind)
{
    switch (kind) {
    case PROFILE_LOCKS:
        return "locks";
    case PROFILE_EMPTY:
        return "empty";
    default:
        return "foreign";
    }
}

static void add_value(struct buf *out, const char *key, struct buf *value)
{
    buf_printf(out, "%-*s", KEY_SIZE, key);
    text_add_wrapped(out, value->size > 0 ? value->data : "", KEY_SIZE);
    buf_clear(value);
}

static void add_time(struct buf *out, int64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / 1000000000);
    struct tm utc;
    char text[40];
    if (gmtime_r(&seconds, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
        buf_add_str(out, text);
}

static void add_what(const struct profile *p, size_t size, struct buf *out)
{
    struct buf value = {0};
    buf_add_str(&value, p->what);
    if (p->kind == PROFILE_FOREIGN)
        buf_add_str(&value, ": foreign, without lock names");
    if (p->kind == PROFILE_EMPTY)
        buf_add_str(&value, ": empty, without any sample");
    add_value(out, "what", &value);
    buf_printf(&value, "%s, ", profile_encoding_name(p->encoding));
    text_add_bytes(&value, size);
    if (p->encoding != ENCODING_NONE) {
        buf_add_str(&value, ", decompressed ");
        text_add_bytes(&value, p->raw_size);
    }
    add_value(out, "encoding", &value);
    if (p->time_ns != 0) {
        add_time(&value, p->time_ns);
        buf_printf(&value, ", %.1f s", (double)p->duration_ns / 1e9);
        add_value(out, "time", &value);
    }
    for (size_t i = 0; i < p->sample_type_count; i++)
        buf_printf(&value, "%s%s", i > 0 ? ", " : "", p->sample_types[i]);
    if (p->sample_type_count > 0)
        add_value(out, "sample types", &value);
    buf_fini(&value);
}

static void add_samples(const struct profile *p, struct buf *out)
{
    struct buf value = {0};
    buf_printf(&value, "%" PRIu64 ", %" PRIu64 " of locks, %" PRIu64 " of these without a lock name", p->samples,
               p->lock_samples, p->unlabelled);
    if (p->invalid_utf8 > 0)
        buf_printf(&value, "; %" PRIu64 " label values are not UTF-8", p->invalid_utf8);
    add_value(out, "samples", &value);
    for (size_t i = 0; i < p->key_count; i++)
        buf_printf(&value, "%s%s (%" PRIu64 ")", i > 0 ? ", " : "", p->keys[i].key, p->keys[i].samples);
    if (p->key_count > 0)
        add_value(out, "labels", &value);
    buf_fini(&value);
}

static void add_count(struct buf *out, uint64_t count)
{
    buf_add_char(out, ' ');
    text_add_count(out, count, NUMBER_SIZE);
}

static void add_span(struct buf *out, uint64_t ns)
{
    struct buf text = {0};
    text_add_ns(&text, ns);
    buf_add_char(out, ' ');
    text_add_cell(out, text.data, NUMBER_SIZE, true, TEXT_PLAIN);
    buf_fini(&text);
}

/* A name that is too long for its column has a line of its own: names are what this table is for. */
static void add_label(struct buf *out, const char *label)
{
    if (text_columns(label) <= NAME_SIZE) {
        text_add_cell(out, label, NAME_SIZE, false, TEXT_PLAIN);
        return;
    }
    text_add_fitted(out, label, TEXT_WIDTH);
    buf_printf(out, "\n%*s", NAME_SIZE, "");
}

static void add_table(const struct profile *p, enum names_order order, struct buf *out)
{
    const struct profile_name **names = sort(p, order);
    buf_printf(out, "\n%-*s %*s %*s %*s %*s %*s\n", NAME_SIZE, "LOCK NAME", NUMBER_SIZE, "SAMPLES", NUMBER_SIZE,
               "ACQUIRES", NUMBER_SIZE, "WAIT", NUMBER_SIZE, "RELEASES", NUMBER_SIZE, "HOLD");
    for (size_t i = 0; i < p->name_count; i++) {
        add_label(out, names[i]->label);
        add_count(out, names[i]->samples);
        add_count(out, names[i]->acquires);
        add_span(out, names[i]->wait_ns);
        add_count(out, names[i]->releases);
        add_span(out, names[i]->hold_ns);
        buf_add_char(out, '\n');
    }
    free(names);
}

void report_names(const struct names_file *file, enum names_order order, struct buf *out)
{
    text_add_clean(out, file->path);
    buf_add_char(out, '\n');
    if (!file->profile) {
        struct buf why = {0};
        buf_add_str(&why, file->error);
        add_value(out, "unreadable", &why);
        buf_fini(&why);
        return;
    }
    add_what(file->profile, file->size, out);
    if (file->profile->kind != PROFILE_FOREIGN)
        add_samples(file->profile, out);
    if (file->profile->name_count > 0)
        add_table(file->profile, order, out);
}

static void put_names(struct json_out *j, const struct profile *p, enum names_order order)
{
    const struct profile_name **names = sort(p, order);
    json_key(j, "names");
    json_array(j);
    for (size_t i = 0; i < p->name_count; i++) {
        json_object(j);
        json_put_string(j, "label", names[i]->label);
        json_put_string(j, "file", names[i]->file);
        json_put_uint(j, "line", names[i]->line);
        json_put_string(j, "name", names[i]->name);
        json_put_uint(j, "samples", names[i]->samples);
        json_put_uint(j, "acquires", names[i]->acquires);
        json_put_uint(j, "wait_ns", names[i]->wait_ns);
        json_put_uint(j, "releases", names[i]->releases);
        json_put_uint(j, "hold_ns", names[i]->hold_ns);
        json_object_end(j);
    }
    json_array_end(j);
    free(names);
}

static void put_profile(struct json_out *j, const struct profile *p, enum names_order order)
{
    json_put_string(j, "what", p->what);
    json_put_string(j, "kind", kind_name(p->kind));
    json_put_string(j, "encoding", profile_encoding_name(p->encoding));
    json_put_uint(j, "raw_size", p->raw_size);
    json_put_int(j, "time_ns", p->time_ns);
    json_put_int(j, "duration_ns", p->duration_ns);
    json_key(j, "sample_types");
    json_array(j);
    for (size_t i = 0; i < p->sample_type_count; i++)
        json_string(j, p->sample_types[i]);
    json_array_end(j);
    json_put_uint(j, "samples", p->samples);
    json_put_uint(j, "lock_samples", p->lock_samples);
    json_put_uint(j, "unlabelled", p->unlabelled);
    json_put_uint(j, "invalid_utf8", p->invalid_utf8);
    json_key(j, "labels");
    json_array(j);
    for (size_t i = 0; i < p->key_count; i++) {
        json_object(j);
        json_put_string(j, "key", p->keys[i].key);
        json_put_uint(j, "samples", p->keys[i].samples);
        json_object_end(j);
    }
    json_array_end(j);
    put_names(j, p, order);
}

void report_names_json(const struct names_file *files, size_t count, enum names_order order, struct buf *out)
{
    struct json_out writer = json_begin(out, 2), *j = &writer;
    json_object(j);
    json_put_string(j, "schema", INSPECT_SCHEMA);
    json_key(j, "files");
    json_array(j);
    for (size_t i = 0; i < count; i++) {
        json_object(j);
        json_put_string(j, "path", files[i].path);
        json_put_uint(j, "size", files[i].size);
        json_put_string(j, "error", files[i].profile ? NULL : files[i].error);
        if (files[i].profile)
            put_profile(j, files[i].profile, order);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
    buf_add_char(out, '\n');
}
