/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screen_record.h"

#include "base/json.h"
#include "base/mem.h"
#include "trail/words.h"

#include <stdlib.h>
#include <string.h>

static const char *const places[SCREEN_PLACE_COUNT] = {"flamegraph", "top", "person"};
static const char *const words[SAID_COUNT] = {"as declared", "text", "nothing", "unknown"};

void screen_record_label(struct screen_record *r, size_t known, const char *text, enum screen_place place)
{
    for (size_t i = 0; i < known; i++)
        if (strcmp(r->labels[i].text, text) == 0) {
            r->labels[i].where[place] = true;
            return;
        }
    r->labels = mem_grow(r->labels, r->label_count, &r->label_capacity, sizeof *r->labels);
    struct screen_label *label = &r->labels[r->label_count++];
    *label = (struct screen_label){.text = mem_strdup(text)};
    label->where[place] = true;
}

static void add_text(char ***items, size_t *count, size_t *capacity, const char *text)
{
    *items = mem_grow(*items, *count, capacity, sizeof **items);
    (*items)[(*count)++] = mem_strdup(text);
}

void screen_record_picture(struct screen_record *r, const char *path)
{
    add_text(&r->pictures, &r->picture_count, &r->picture_capacity, path);
}

void screen_record_left_out(struct screen_record *r, const char *text)
{
    add_text(&r->left_out, &r->left_out_count, &r->left_out_capacity, text);
}

void screen_record_unknown(struct screen_record *r, const char *lock)
{
    add_text(&r->unknown, &r->unknown_count, &r->unknown_capacity, lock);
}

const struct screen_answer *screen_record_find_answer(const struct screen_record *r, const char *lock)
{
    for (size_t i = 0; i < r->answer_count; i++)
        if (strcmp(r->answers[i].lock, lock) == 0)
            return &r->answers[i];
    return NULL;
}

static void free_answer(struct screen_answer *a)
{
    free(a->lock);
    free(a->text);
    free(a->time);
}

void screen_record_answer(struct screen_record *r, const char *lock, enum screen_word word, const char *text,
                          const char *time)
{
    struct screen_answer answer = {
        .lock = mem_strdup(lock), .word = word, .text = mem_strdup(text), .time = mem_strdup(time)};
    for (size_t i = 0; i < r->answer_count; i++)
        if (strcmp(r->answers[i].lock, lock) == 0) {
            free_answer(&r->answers[i]);
            r->answers[i] = answer;
            return;
        }
    r->answers = mem_grow(r->answers, r->answer_count, &r->answer_capacity, sizeof *r->answers);
    r->answers[r->answer_count++] = answer;
}

static void free_texts(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
}

void screen_record_clear_labels(struct screen_record *r)
{
    for (size_t i = 0; i < r->label_count; i++)
        free(r->labels[i].text);
    free(r->labels);
    free_texts(r->unknown, r->unknown_count);
    r->labels = NULL;
    r->unknown = NULL;
    r->label_count = r->label_capacity = r->unknown_count = r->unknown_capacity = 0;
}

void screen_record_fini(struct screen_record *r)
{
    screen_record_clear_labels(r);
    free(r->instance);
    free(r->how);
    free(r->page);
    free(r->time);
    free_texts(r->pictures, r->picture_count);
    free_texts(r->left_out, r->left_out_count);
    for (size_t i = 0; i < r->answer_count; i++)
        free_answer(&r->answers[i]);
    free(r->answers);
    *r = (struct screen_record){0};
}

/* --- writing --- */

static void put_places(struct json_out *out, const char *key, const bool where[SCREEN_PLACE_COUNT])
{
    json_key(out, key);
    json_array(out);
    for (size_t i = 0; i < SCREEN_PLACE_COUNT; i++)
        if (where[i])
            json_string(out, places[i]);
    json_array_end(out);
}

static void put_texts(struct json_out *out, const char *key, char *const *items, size_t count)
{
    json_key(out, key);
    json_array(out);
    for (size_t i = 0; i < count; i++)
        json_string(out, items[i]);
    json_array_end(out);
}

static void put_answers(struct json_out *out, const struct screen_record *r)
{
    json_key(out, "answers");
    json_array(out);
    for (size_t i = 0; i < r->answer_count; i++) {
        json_object(out);
        json_put_string(out, "lock", r->answers[i].lock);
        json_put_string(out, "shown", words[r->answers[i].word]);
        json_put_string(out, "text", r->answers[i].text);
        json_put_string(out, "time", r->answers[i].time);
        json_object_end(out);
    }
    json_array_end(out);
}

void screen_record_print(const struct screen_record *r, struct buf *buf)
{
    struct json_out out = json_begin(buf, 2);
    json_object(&out);
    json_put_string(&out, "stage", stage_name(STAGE_UI));
    json_put_string(&out, "instance", r->instance);
    json_put_uint(&out, "sequence", r->sequence);
    json_put_string(&out, "how", r->how);
    json_put_string(&out, "page", r->page);
    json_put_string(&out, "time", r->time);
    json_key(&out, "labels");
    json_array(&out);
    for (size_t i = 0; i < r->label_count; i++) {
        json_object(&out);
        json_put_string(&out, "label", r->labels[i].text);
        put_places(&out, "where", r->labels[i].where);
        json_object_end(&out);
    }
    json_array_end(&out);
    put_places(&out, "unlabelled", r->unlabelled);
    put_texts(&out, "pictures", r->pictures, r->picture_count);
    put_texts(&out, "left_out", r->left_out, r->left_out_count);
    put_answers(&out, r);
    put_texts(&out, "unknown", r->unknown, r->unknown_count);
    json_object_end(&out);
    buf_add_char(buf, '\n');
}

/* --- reading --- */

static bool find_word(const char *const *table, size_t count, const char *text, size_t *out)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i], text) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static void read_places(const struct json *list, bool where[SCREEN_PLACE_COUNT])
{
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->size; i++) {
        size_t place;
        if (list->items[i].type == JSON_STRING && find_word(places, SCREEN_PLACE_COUNT, list->items[i].string, &place))
            where[place] = true;
    }
}

static int read_labels(const struct json *list, struct screen_record *r, struct err *e)
{
    if (!list || list->type != JSON_ARRAY)
        return err_set(e, ERR_INPUT, "`labels` is missing");
    for (size_t i = 0; i < list->size; i++) {
        const char *text = json_get_string(&list->items[i], "label", NULL);
        if (!text)
            return err_set(e, ERR_INPUT, "labels[%zu] has no `label`", i);
        r->labels = mem_grow(r->labels, r->label_count, &r->label_capacity, sizeof *r->labels);
        struct screen_label *label = &r->labels[r->label_count++];
        *label = (struct screen_label){.text = mem_strdup(text)};
        read_places(json_get(&list->items[i], "where"), label->where);
    }
    return 0;
}

static int read_texts(const struct json *document, const char *key, struct screen_record *r,
                      void (*add)(struct screen_record *r, const char *text), struct err *e)
{
    const struct json *list = json_get(document, key);
    if (!list)
        return 0;
    if (list->type != JSON_ARRAY)
        return err_set(e, ERR_INPUT, "`%s` is no list", key);
    for (size_t i = 0; i < list->size; i++) {
        if (list->items[i].type != JSON_STRING)
            return err_set(e, ERR_INPUT, "%s[%zu] is no text", key, i);
        add(r, list->items[i].string);
    }
    return 0;
}

static int read_answers(const struct json *list, struct screen_record *r, struct err *e)
{
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->size; i++) {
        const struct json *item = &list->items[i];
        const char *lock = json_get_string(item, "lock", NULL);
        size_t word;
        if (!lock || !find_word(words, SAID_COUNT, json_get_string(item, "shown", ""), &word))
            return err_set(e, ERR_INPUT, "answers[%zu] is no answer", i);
        screen_record_answer(r, lock, (enum screen_word)word, json_get_string(item, "text", ""),
                             json_get_string(item, "time", ""));
    }
    return 0;
}

static int read_document(const struct json *document, struct screen_record *r, struct err *e)
{
    r->instance = mem_strdup(json_get_string(document, "instance", ""));
    r->how = mem_strdup(json_get_string(document, "how", ""));
    r->page = mem_strdup(json_get_string(document, "page", ""));
    r->time = mem_strdup(json_get_string(document, "time", ""));
    int64_t sequence = json_get_int(document, "sequence", 0);
    if (sequence < 1 || sequence > 999999999)
        return err_set(e, ERR_INPUT, "`sequence` is missing");
    r->sequence = (unsigned)sequence;
    read_places(json_get(document, "unlabelled"), r->unlabelled);
    if (read_labels(json_get(document, "labels"), r, e) < 0 ||
        read_texts(document, "pictures", r, screen_record_picture, e) < 0 ||
        read_texts(document, "left_out", r, screen_record_left_out, e) < 0 ||
        read_texts(document, "unknown", r, screen_record_unknown, e) < 0)
        return -1;
    return read_answers(json_get(document, "answers"), r, e);
}

int screen_record_read(const char *text, size_t size, struct screen_record *r, struct err *e)
{
    struct json *document = NULL;
    *r = (struct screen_record){0};
    if (json_read(text, size, &document, e) < 0)
        return -1;
    int result = read_document(document, r, e);
    if (result < 0)
        screen_record_fini(r);
    json_free(document);
    return result;
}
