/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_record.h"

#include "base/json.h"
#include "engine/soak_form.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Stages of which a soak's uploads are counted. */
#define FIRST STAGE_UPLOAD
#define LAST STAGE_BACKEND
#define POINT_DIGITS 6
/* From here on whole numbers have as many digits. */
#define FRACTION_MAX 1e5
/* Whole numbers below it are exact as a double. */
#define WHOLE_MAX 1e15

/* A number has to be one when it is read back. */
static double as_number(double value)
{
    if (isnan(value))
        return 0;
    return value > DBL_MAX ? DBL_MAX : value < -DBL_MAX ? -DBL_MAX : value;
}

static void put_count(struct json_out *out, uint64_t count)
{
    json_uint(out, count > INT64_MAX ? INT64_MAX : count);
}

static void put_stage_counts(struct json_out *out, const uint64_t *counts)
{
    json_object(out);
    for (int s = 0; s < STAGE_COUNT; s++)
        if ((s >= FIRST && s <= LAST) || counts[s] > 0) {
            json_key(out, stage_name((enum stage)s));
            put_count(out, counts[s]);
        }
    json_object_end(out);
}

static void put_stage_flags(struct json_out *out, const bool *flags)
{
    json_array(out);
    for (int s = 0; s < STAGE_COUNT; s++)
        if (flags[s])
            json_string(out, stage_name((enum stage)s));
    json_array_end(out);
}

static void put_stage_texts(struct json_out *out, char *const *texts)
{
    json_object(out);
    for (int s = 0; s < STAGE_COUNT; s++)
        if (texts[s])
            json_put_string(out, stage_name((enum stage)s), texts[s]);
    json_object_end(out);
}

static void put_states(struct json_out *out, const uint64_t (*states)[STATE_NOT_RUN + 1])
{
    json_object(out);
    for (int s = 0; s < STAGE_COUNT; s++) {
        bool any = false;
        for (int state = 0; state <= STATE_NOT_RUN; state++)
            any = any || states[s][state] > 0;
        if (!any)
            continue;
        json_key(out, stage_name((enum stage)s));
        json_object(out);
        for (int state = 0; state <= STATE_NOT_RUN; state++)
            if (states[s][state] > 0) {
                json_key(out, lock_state_name((enum lock_state)state));
                put_count(out, states[s][state]);
            }
        json_object_end(out);
    }
    json_object_end(out);
}

/* There are tens of thousands of points, written anew each second where uploads come fast: no printf for a whole
 * number, and for others as many digits as a curve can show. The same text is read back and written again. */
static void add_whole(struct buf *out, int64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    buf_add(out, digits + at, sizeof digits - at);
}

static void add_value(struct buf *out, double value)
{
    if (fabs(value) >= FRACTION_MAX && fabs(value) < WHOLE_MAX)
        value = round(value);
    if (fabs(value) < WHOLE_MAX && value == trunc(value))
        add_whole(out, (int64_t)value);
    else
        buf_printf(out, "%.*g", POINT_DIGITS, as_number(value));
}

/* On one line, beside which the rest can be read. */
static void put_points(struct json_out *out, const struct series *series)
{
    struct buf text = {0};
    for (size_t i = 0; i < series->count; i++) {
        buf_add_str(&text, i ? ",[" : "[[");
        add_whole(&text, series->points[i].at_ms);
        buf_add_char(&text, ',');
        add_value(&text, series->points[i].value);
        buf_add_char(&text, ']');
    }
    buf_add_str(&text, series->count > 0 ? "]" : "[]");
    json_raw(out, text.data, text.size);
    buf_fini(&text);
}

static void put_object(struct json_out *out, const struct form *form, const char *object);

static void put_list(struct json_out *out, const struct form_field *field, const char *object)
{
    const char *items = *(char *const *)(object + field->offset);
    size_t count = *(const size_t *)(object + field->count);
    json_array(out);
    for (size_t i = 0; i < count; i++) {
        json_object(out);
        put_object(out, field->form, items + i * field->form->size);
        json_object_end(out);
    }
    json_array_end(out);
}

static void put_word(struct json_out *out, enum form_kind kind, const void *at)
{
    if (kind == FORM_STAGE)
        json_string(out, stage_name(*(const enum stage *)at));
    else if (kind == FORM_MECHANISM)
        json_string(out, mechanism_name(*(const enum mechanism *)at));
    else
        json_string(out, verdict_name(*(const enum verdict *)at));
}

static void put_scalar(struct json_out *out, enum form_kind kind, const void *at)
{
    const char *text;
    switch (kind) {
    case FORM_TEXT:
        text = *(char *const *)at;
        json_string(out, text ? text : "");
        break;
    case FORM_COUNT:
        put_count(out, *(const uint64_t *)at);
        break;
    case FORM_SMALL:
        json_uint(out, *(const uint32_t *)at);
        break;
    case FORM_TIME:
    case FORM_TIME_OR_NOT:
        json_int(out, *(const int64_t *)at);
        break;
    case FORM_NUMBER:
        json_double(out, as_number(*(const double *)at));
        break;
    case FORM_FLAG:
        json_bool(out, *(const bool *)at);
        break;
    default:
        put_word(out, kind, at);
        break;
    }
}

static void put_value(struct json_out *out, const struct form_field *field, const char *object)
{
    const void *at = object + field->offset;
    switch (field->kind) {
    case FORM_STAGE_COUNTS:
        put_stage_counts(out, at);
        break;
    case FORM_STAGE_FLAGS:
        put_stage_flags(out, at);
        break;
    case FORM_STAGE_TEXTS:
        put_stage_texts(out, at);
        break;
    case FORM_STATES:
        put_states(out, at);
        break;
    case FORM_POINTS:
        put_points(out, at);
        break;
    case FORM_OBJECT:
        json_object(out);
        put_object(out, field->form, at);
        json_object_end(out);
        break;
    case FORM_LIST:
        put_list(out, field, object);
        break;
    default:
        put_scalar(out, field->kind, at);
        break;
    }
}

static void put_object(struct json_out *out, const struct form *form, const char *object)
{
    for (size_t i = 0; i < form->field_count; i++) {
        json_key(out, form->fields[i].key);
        put_value(out, &form->fields[i], object);
    }
}

void soak_record_write(const struct soak_record *r, struct buf *out)
{
    struct json_out json = json_begin(out, 1);
    json_object(&json);
    json_put_string(&json, "schema", SOAK_SCHEMA);
    put_object(&json, &soak_form, (const char *)r);
    json_object_end(&json);
    buf_add_char(out, '\n');
}
