/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_record.h"

#include "base/json.h"
#include "base/mem.h"
#include "engine/soak_form.h"

#include <stdlib.h>
#include <string.h>

/* Where in the document a value stands. */
struct place {
    const struct place *above; /* NULL: the document */
    const char *key;           /* NULL: the element `index` of a list */
    size_t index;
};

static void add_place(struct buf *out, const struct place *place)
{
    if (!place)
        return;
    add_place(out, place->above);
    if (!place->key)
        buf_printf(out, "[%zu]", place->index);
    else
        buf_printf(out, "%s%s", place->above ? "." : "", place->key);
}

static int refuse(const struct place *place, struct err *e, const char *why)
{
    struct buf where = {0};
    add_place(&where, place);
    err_put(e, ERR_INPUT, "%s%s%s", where.data ? where.data : "", where.size > 0 ? ": " : "", why);
    buf_fini(&where);
    return -1;
}

static int expected(const struct place *place, struct err *e, const char *what)
{
    char *why = mem_printf("expected %s", what);
    refuse(place, e, why);
    free(why);
    return -1;
}

typedef const char *(*word_fn)(int number);
static const char *stage_word(int number)
{
    return stage_name((enum stage)number);
}
static const char *state_word(int number)
{
    return lock_state_name((enum lock_state)number);
}
static const char *mechanism_word(int number)
{
    return mechanism_name((enum mechanism)number);
}
static const char *verdict_word(int number)
{
    return verdict_name((enum verdict)number);
}

static int find_word(const char *text, word_fn word, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(word(i), text) == 0)
            return i;
    return -1;
}

static bool is_integer(const struct json *j, int64_t least, int64_t most)
{
    return j->type == JSON_NUMBER && j->is_integer && j->integer >= least && j->integer <= most;
}

static int read_word(const struct json *j, const struct place *place, word_fn word, int count, const char *what,
                     int *out, struct err *e)
{
    int found = j->type == JSON_STRING ? find_word(j->string, word, count) : -1;
    if (found < 0)
        return expected(place, e, what);
    *out = found;
    return 0;
}

static int read_text(const struct json *j, const struct place *place, char **out, struct err *e)
{
    if (j->type != JSON_STRING)
        return expected(place, e, "a text");
    if (strlen(j->string) != j->size)
        return expected(place, e, "a text without a zero byte");
    *out = mem_strdup(j->string);
    return 0;
}

static int read_count(const struct json *j, const struct place *place, uint64_t *out, struct err *e)
{
    if (!is_integer(j, 0, INT64_MAX))
        return expected(place, e, "a count");
    *out = (uint64_t)j->integer;
    return 0;
}

/* --- by stage and state ----------------------------------------------------------------------------------------- */

static int read_stage_key(const struct json *j, size_t at, const struct place *place, int *stage, struct err *e)
{
    *stage = find_word(j->keys[at], stage_word, STAGE_COUNT);
    return *stage < 0 ? refuse(place, e, "is no stage") : 0;
}

static int read_stage_counts(const struct json *j, const struct place *place, uint64_t *out, struct err *e)
{
    if (j->type != JSON_OBJECT)
        return expected(place, e, "an object");
    for (size_t i = 0; i < j->size; i++) {
        struct place inner = {place, j->keys[i], 0};
        int stage;
        if (read_stage_key(j, i, &inner, &stage, e) < 0 || read_count(&j->items[i], &inner, &out[stage], e) < 0)
            return -1;
    }
    return 0;
}

static int read_stage_flags(const struct json *j, const struct place *place, bool *out, struct err *e)
{
    if (j->type != JSON_ARRAY)
        return expected(place, e, "a list");
    for (size_t i = 0; i < j->size; i++) {
        struct place inner = {place, NULL, i};
        int stage;
        if (read_word(&j->items[i], &inner, stage_word, STAGE_COUNT, "a stage", &stage, e) < 0)
            return -1;
        out[stage] = true;
    }
    return 0;
}

static int read_stage_texts(const struct json *j, const struct place *place, char **out, struct err *e)
{
    if (j->type != JSON_OBJECT)
        return expected(place, e, "an object");
    for (size_t i = 0; i < j->size; i++) {
        struct place inner = {place, j->keys[i], 0};
        int stage;
        if (read_stage_key(j, i, &inner, &stage, e) < 0 || read_text(&j->items[i], &inner, &out[stage], e) < 0)
            return -1;
    }
    return 0;
}

static int read_states_of(const struct json *j, const struct place *place, uint64_t *out, struct err *e)
{
    if (j->type != JSON_OBJECT)
        return expected(place, e, "an object");
    for (size_t i = 0; i < j->size; i++) {
        struct place inner = {place, j->keys[i], 0};
        int state = find_word(j->keys[i], state_word, STATE_NOT_RUN + 1);
        if (state < 0)
            return refuse(&inner, e, "is no state");
        if (read_count(&j->items[i], &inner, &out[state], e) < 0)
            return -1;
    }
    return 0;
}

static int read_states(const struct json *j, const struct place *place, uint64_t (*out)[STATE_NOT_RUN + 1],
                       struct err *e)
{
    if (j->type != JSON_OBJECT)
        return expected(place, e, "an object");
    for (size_t i = 0; i < j->size; i++) {
        struct place inner = {place, j->keys[i], 0};
        int stage;
        if (read_stage_key(j, i, &inner, &stage, e) < 0 || read_states_of(&j->items[i], &inner, out[stage], e) < 0)
            return -1;
    }
    return 0;
}

static int read_points(const struct json *j, const struct place *place, struct series *out, struct err *e)
{
    if (j->type != JSON_ARRAY)
        return expected(place, e, "a list");
    if (j->size > SERIES_POINTS_MAX)
        return refuse(place, e, "has too many elements");
    for (size_t i = 0; i < j->size; i++) {
        const struct json *pair = &j->items[i];
        struct place inner = {place, NULL, i};
        if (pair->type != JSON_ARRAY || pair->size != 2 || !is_integer(&pair->items[0], 0, INT64_MAX) ||
            pair->items[1].type != JSON_NUMBER)
            return expected(&inner, e, "a time and a value");
        if (i > 0 && pair->items[0].integer < out->points[i - 1].at_ms)
            return refuse(&inner, e, "is earlier than the one before");
        out->points[i] = (struct series_point){pair->items[0].integer, pair->items[1].number};
        out->count = i + 1;
    }
    return 0;
}

/* --- by the tables ---------------------------------------------------------------------------------------------- */

static int read_object(const struct json *j, const struct place *place, const struct form *form, char *object,
                       struct err *e);

static int read_list(const struct json *j, const struct place *place, const struct form_field *field, char *object,
                     struct err *e)
{
    size_t *count = (size_t *)(object + field->count);
    if (j->type != JSON_ARRAY)
        return expected(place, e, "a list");
    if (j->size > field->most)
        return refuse(place, e, "has too many elements");
    if (j->size == 0)
        return 0;
    char *items = mem_calloc(j->size, field->form->size);
    *(char **)(object + field->offset) = items;
    if (field->capacity)
        *(size_t *)(object + field->capacity) = j->size;
    for (size_t i = 0; i < j->size; i++) {
        struct place inner = {place, NULL, i};
        *count = i + 1;
        if (read_object(&j->items[i], &inner, field->form, items + i * field->form->size, e) < 0)
            return -1;
    }
    return 0;
}

static int read_enum(const struct json *j, const struct place *place, enum form_kind kind, void *at, struct err *e)
{
    int number;
    if (kind == FORM_STAGE) {
        if (read_word(j, place, stage_word, STAGE_COUNT, "a stage", &number, e) < 0)
            return -1;
        *(enum stage *)at = (enum stage)number;
    } else if (kind == FORM_MECHANISM) {
        if (read_word(j, place, mechanism_word, MECHANISM_COUNT, "a mechanism", &number, e) < 0)
            return -1;
        *(enum mechanism *)at = (enum mechanism)number;
    } else {
        if (read_word(j, place, verdict_word, VERDICT_COUNT, "a verdict", &number, e) < 0)
            return -1;
        *(enum verdict *)at = (enum verdict)number;
    }
    return 0;
}

static int read_number(const struct json *j, const struct place *place, enum form_kind kind, void *at, struct err *e)
{
    switch (kind) {
    case FORM_SMALL:
        if (!is_integer(j, 0, UINT32_MAX))
            return expected(place, e, "a count below 2^32");
        *(uint32_t *)at = (uint32_t)j->integer;
        return 0;
    case FORM_TIME:
        if (!is_integer(j, 0, INT64_MAX))
            return expected(place, e, "a whole number, 0 or more");
        *(int64_t *)at = j->integer;
        return 0;
    case FORM_TIME_OR_NOT:
        if (!is_integer(j, -1, INT64_MAX))
            return expected(place, e, "a whole number, -1 or more");
        *(int64_t *)at = j->integer;
        return 0;
    default:
        if (j->type != JSON_NUMBER)
            return expected(place, e, "a number");
        *(double *)at = j->number;
        return 0;
    }
}

static int read_flag(const struct json *j, const struct place *place, bool *out, struct err *e)
{
    if (j->type != JSON_BOOL)
        return expected(place, e, "true or false");
    *out = j->boolean;
    return 0;
}

static int read_value(const struct json *j, const struct place *place, const struct form_field *field, char *object,
                      struct err *e)
{
    void *at = object + field->offset;
    switch (field->kind) {
    case FORM_TEXT:
        return read_text(j, place, at, e);
    case FORM_COUNT:
        return read_count(j, place, at, e);
    case FORM_FLAG:
        return read_flag(j, place, at, e);
    case FORM_STAGE:
    case FORM_MECHANISM:
    case FORM_VERDICT:
        return read_enum(j, place, field->kind, at, e);
    case FORM_STAGE_COUNTS:
        return read_stage_counts(j, place, at, e);
    case FORM_STAGE_FLAGS:
        return read_stage_flags(j, place, at, e);
    case FORM_STAGE_TEXTS:
        return read_stage_texts(j, place, at, e);
    case FORM_STATES:
        return read_states(j, place, at, e);
    case FORM_POINTS:
        return read_points(j, place, at, e);
    case FORM_OBJECT:
        return read_object(j, place, field->form, at, e);
    case FORM_LIST:
        return read_list(j, place, field, object, e);
    default:
        return read_number(j, place, field->kind, at, e);
    }
}

static int check_keys(const struct json *j, const struct place *place, const struct form *form, struct err *e)
{
    for (size_t i = 0; i < j->size; i++) {
        size_t f = 0;
        while (f < form->field_count && strcmp(form->fields[f].key, j->keys[i]) != 0)
            f++;
        struct place inner = {place, j->keys[i], 0};
        if (f == form->field_count && (place || strcmp(j->keys[i], "schema") != 0))
            return refuse(&inner, e, "is not known");
    }
    return 0;
}

static int read_object(const struct json *j, const struct place *place, const struct form *form, char *object,
                       struct err *e)
{
    if (j->type != JSON_OBJECT)
        return expected(place, e, "an object");
    for (size_t i = 0; i < form->field_count; i++) {
        const struct form_field *field = &form->fields[i];
        const struct json *value = json_get(j, field->key);
        struct place inner = {place, field->key, 0};
        if (!value)
            return refuse(&inner, e, "is missing");
        if (read_value(value, &inner, field, object, e) < 0)
            return -1;
    }
    return check_keys(j, place, form, e);
}

int soak_record_read(const char *text, size_t size, struct soak_record *out, struct err *e)
{
    struct soak_record record = {0};
    struct json *document = NULL;
    if (json_read(text, size, &document, e) < 0)
        return -1;
    const char *schema = json_get_string(document, "schema", "");
    int result;
    if (strcmp(schema, SOAK_SCHEMA) != 0)
        result = err_set(e, ERR_INPUT, "schema: expected " SOAK_SCHEMA);
    else
        result = read_object(document, NULL, &soak_form, (char *)&record, e);
    json_free(document);
    if (result < 0)
        soak_record_fini(&record);
    else
        *out = record;
    return result;
}
