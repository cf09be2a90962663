/* SPDX-License-Identifier: Apache-2.0 */
#include "io/multipart_head.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "io/header_param.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void multipart_part_fini(struct multipart_part *part)
{
    free(part->name);
    free(part->filename);
    free(part->content_type);
    buf_fini(&part->body);
    *part = (struct multipart_part){0};
}

/* The three characters that browsers and curl write as %XX in a name, and no others (WHATWG HTML, "multipart/form-data
 * encoding algorithm"): a file called "100%41" keeps its name. */
static void undo_percent(struct buf *text)
{
    static const struct {
        const char *code;
        char c;
    } codes[] = {{"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}};
    size_t to = 0;
    if (text->data == NULL) {
        return;
    }
    for (size_t from = 0; from < text->size; from++) {
        char c = text->data[from];
        for (size_t i = 0; i < sizeof codes / sizeof *codes && c == '%'; i++) {
            if (strncasecmp(text->data + from, codes[i].code, 3) == 0) {
                c = codes[i].c;
                from += 2;
            }
        }
        text->data[to++] = c;
    }
    text->size = to;
    text->data[to] = '\0';
}

static int take_param(char **where, const char *what, struct buf *value, struct err *e)
{
    if (*where != NULL) {
        return err_set(e, ERR_INPUT, "Content-Disposition has two parameters %s", what);
    }
    if (utf8_valid(value->data != NULL ? value->data : "", value->size) != value->size) {
        return err_set(e, ERR_INPUT, "Content-Disposition: the %s is not UTF-8", what);
    }
    undo_percent(value);
    *where = buf_steal(value);
    return 0;
}

static int read_params(struct multipart_part *part, struct header_params *p, struct buf *name, struct buf *value,
                       struct err *e)
{
    int more;
    while ((more = header_params_next(p, name, value, e)) > 0) {
        if (strcmp(name->data, "name") == 0) {
            more = take_param(&part->name, "name", value, e);
        } else if (strcmp(name->data, "filename") == 0) {
            more = take_param(&part->filename, "filename", value, e);
        }
        if (more < 0) {
            return -1;
        }
    }
    return more < 0 ? err_wrap(e, "Content-Disposition") : 0;
}

static int read_disposition(struct multipart_part *part, const char *text, size_t size, struct err *e)
{
    struct header_params p = {.text = text, .size = size};
    struct buf name = {0}, value = {0};
    int result;
    if (part->name != NULL) {
        return err_set(e, ERR_INPUT, "Content-Disposition stands twice");
    }
    header_value_read(&p, &value);
    if (value.size == 0 || strcmp(value.data, "form-data") != 0) {
        result = err_set(e, ERR_INPUT, "Content-Disposition: expected form-data, found '%s'",
                         value.size > 0 ? value.data : "");
    } else {
        result = read_params(part, &p, &name, &value, e);
    }
    if (result == 0 && (part->name == NULL || part->name[0] == '\0')) {
        result = err_set(e, ERR_INPUT, "Content-Disposition has no name");
    }
    buf_fini(&name);
    buf_fini(&value);
    return result;
}

static bool is_header(const char *line, size_t name_size, const char *wanted)
{
    return name_size == strlen(wanted) && strncasecmp(line, wanted, name_size) == 0;
}

int multipart_head_line(struct multipart_part *part, const char *line, size_t size, struct err *e)
{
    size_t name_size = 0;
    if (line[0] == ' ' || line[0] == '\t') {
        return err_set(e, ERR_INPUT, "a folded header line");
    }
    while (name_size < size && header_is_token(line[name_size])) {
        name_size++;
    }
    if (name_size == 0 || name_size >= size || line[name_size] != ':') {
        return err_set(e, ERR_INPUT, "expected a header 'Name: value'");
    }
    size_t at = name_size + 1;
    while (at < size && (line[at] == ' ' || line[at] == '\t')) {
        at++;
    }
    if (is_header(line, name_size, "Content-Disposition")) {
        return read_disposition(part, line + at, size - at, e);
    }
    if (is_header(line, name_size, "Content-Type")) {
        if (part->content_type != NULL) {
            return err_set(e, ERR_INPUT, "Content-Type stands twice");
        }
        part->content_type = mem_strndup(line + at, size - at);
    }
    return 0;
}

int multipart_head_end(const struct multipart_part *part, struct err *e)
{
    if (part->name == NULL) {
        return err_set(e, ERR_INPUT, "the part has no name (no Content-Disposition)");
    }
    return 0;
}

/* RFC 2046 section 5.1.1, bchars; the last one must not be a space. */
static int check_boundary(const struct buf *b, struct err *e)
{
    if (b->size > MULTIPART_BOUNDARY_MAX) {
        return err_set(e, ERR_INPUT, "the boundary has %zu characters, at most %d are allowed", b->size,
                       MULTIPART_BOUNDARY_MAX);
    }
    for (size_t i = 0; i < b->size; i++) {
        unsigned char c = (unsigned char)b->data[i];
        if (c == '\0' || c > 127 || (!isalnum(c) && strchr("'()+_,-./:=? ", c) == NULL)) {
            return err_set(e, ERR_INPUT, "the boundary's character %zu (0x%02x) is not allowed", i + 1, c);
        }
    }
    if (b->size > 0 && b->data[b->size - 1] == ' ') {
        return err_set(e, ERR_INPUT, "the boundary ends in a space");
    }
    return 0;
}

static int find_boundary(struct header_params *p, struct buf *boundary, struct err *e)
{
    struct buf name = {0}, value = {0};
    int more;
    while ((more = header_params_next(p, &name, &value, e)) > 0) {
        if (strcmp(name.data, "boundary") != 0) {
            continue;
        }
        if (boundary->size > 0) {
            more = err_set(e, ERR_INPUT, "two boundaries");
            break;
        }
        buf_add(boundary, value.data, value.size);
    }
    buf_fini(&name);
    buf_fini(&value);
    if (more == 0 && boundary->size == 0) {
        return err_set(e, ERR_INPUT, "no boundary");
    }
    return more != 0 ? more : check_boundary(boundary, e);
}

int multipart_boundary(const char *content_type, struct buf *boundary, struct err *e)
{
    struct header_params p = {.text = content_type, .size = strlen(content_type)};
    struct buf type = {0};
    int result;
    buf_clear(boundary);
    header_value_read(&p, &type);
    if (type.size == 0 || strcmp(type.data, "multipart/form-data") != 0) {
        result = err_set(e, ERR_INPUT, "expected multipart/form-data, found '%s'", type.size > 0 ? type.data : "");
    } else {
        result = find_boundary(&p, boundary, e);
    }
    buf_fini(&type);
    return result != 0 ? err_wrap(e, "Content-Type") : 0;
}
