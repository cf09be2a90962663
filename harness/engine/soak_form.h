/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a soak's record as tables, one row for each member: what writes it, reads it and frees it goes through
 * them. Internal to soak_record. */
#ifndef LOCKTRAIL_ENGINE_SOAK_FORM_H
#define LOCKTRAIL_ENGINE_SOAK_FORM_H

#include <stddef.h>

enum form_kind {
    FORM_TEXT,         /* char *; NULL is written as "" */
    FORM_COUNT,        /* uint64_t, up to INT64_MAX */
    FORM_SMALL,        /* uint32_t */
    FORM_TIME,         /* int64_t, not negative */
    FORM_TIME_OR_NOT,  /* int64_t, -1 for never */
    FORM_NUMBER,       /* double */
    FORM_FLAG,         /* bool */
    FORM_STAGE,        /* enum stage */
    FORM_MECHANISM,    /* enum mechanism */
    FORM_VERDICT,      /* enum verdict */
    FORM_STAGE_COUNTS, /* uint64_t[STAGE_COUNT]: an object; the stages that a soak has are there always */
    FORM_STAGE_FLAGS,  /* bool[STAGE_COUNT]: a list of names */
    FORM_STAGE_TEXTS,  /* char *[STAGE_COUNT]: an object of those that are there */
    FORM_STATES,       /* uint64_t[STAGE_COUNT][STATE_NOT_RUN + 1]: objects of those that are not 0 */
    FORM_POINTS,       /* the points of a struct series at `offset`: a list of [time, value] */
    FORM_OBJECT,       /* a struct of `form` */
    FORM_LIST          /* a pointer to structs of `form` */
};

struct form_field {
    const char *key;
    enum form_kind kind;
    size_t offset; /* in the struct */
    const struct form *form;
    size_t count, capacity; /* FORM_LIST: offsets of the list's size_t; `capacity` 0: it has none */
    size_t most;            /* FORM_LIST */
};

struct form {
    size_t size; /* of the struct */
    const struct form_field *fields;
    size_t field_count;
};

extern const struct form soak_form; /* struct soak_record; `schema` is beside it */

/* Frees texts and lists. */
void form_free(const struct form *form, void *object);

#endif
