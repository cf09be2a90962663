/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259): a writer into a buffer and a reader into a tree. */
#ifndef LOCKTRAIL_BASE_JSON_H
#define LOCKTRAIL_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deepest nesting that is read or written. Our own documents have 8 levels; the bound keeps a hostile one off the
 * stack. */
#define JSON_DEPTH_MAX 64

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* Commas, quoting and (with `indent`) line breaks are the writer's. Bytes that are not UTF-8 are written as U+FFFD. */
struct json_out {
    struct buf *buf; /* borrowed */
    int indent;      /* spaces for each level; 0 writes one line */
    int depth;
    bool need_comma;
    bool after_key;
};

struct json_out json_begin(struct buf *buf, int indent);
void json_object(struct json_out *j);
void json_object_end(struct json_out *j);
void json_array(struct json_out *j);
void json_array_end(struct json_out *j);
void json_key(struct json_out *j, const char *key);
void json_string(struct json_out *j, const char *text); /* NULL writes null */
void json_string_n(struct json_out *j, const char *text, size_t size);
void json_int(struct json_out *j, int64_t value);
void json_uint(struct json_out *j, uint64_t value);
void json_double(struct json_out *j, double value); /* shortest form that reads back; not finite writes null */
void json_bool(struct json_out *j, bool value);
void json_null(struct json_out *j);
/* A value that is JSON already; the caller has read it with json_read. */
void json_raw(struct json_out *j, const char *text, size_t size);

/* Key and value at once. */
void json_put_string(struct json_out *j, const char *key, const char *text);
void json_put_int(struct json_out *j, const char *key, int64_t value);
void json_put_uint(struct json_out *j, const char *key, uint64_t value);
void json_put_double(struct json_out *j, const char *key, double value);
void json_put_bool(struct json_out *j, const char *key, bool value);

/* --- reading ---------------------------------------------------------------------------------------------------- */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    bool boolean;
    double number;
    bool is_integer;    /* the number was written without fraction and exponent and fits int64_t */
    int64_t integer;    /* valid where is_integer */
    char *string;       /* zero-terminated; `size` counts embedded zeros */
    size_t size;        /* bytes of a string; elements of an array or object */
    char **keys;        /* of an object, in the order of the text */
    struct json *items; /* of an array or object */
};

/* Reads exactly one document. Errors say the byte offset and what was expected ("offset 12: expected ':' ..."); a key
 * that stands twice in an object is an error. The tree is the caller's: json_free. Code ERR_INPUT. */
int json_read(const char *text, size_t size, struct json **out, struct err *e);
void json_free(struct json *j);

/* The member with this key, or NULL (also where j is NULL or not an object). Borrowed from the tree. */
const struct json *json_get(const struct json *j, const char *key);

/* The member's value, or `otherwise` where it is missing or of another type. Strings are borrowed. */
const char *json_get_string(const struct json *j, const char *key, const char *otherwise);
int64_t json_get_int(const struct json *j, const char *key, int64_t otherwise);
double json_get_double(const struct json *j, const char *key, double otherwise);
bool json_get_bool(const struct json *j, const char *key, bool otherwise);

#endif
