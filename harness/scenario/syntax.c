/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/syntax.h"

#include "base/utf8.h"

#include <string.h>

/* `problem` and `context` as libyaml 0.2.5 words them (scanner.c, parser.c). */
struct known_error {
    const char *problem;
    const char *context; /* NULL: any */
    bool at_context;     /* what has to be mended is where the construct begins */
    const char *text;
};

static const struct known_error known_errors[] = {
    {"mapping values are not allowed in this context", NULL, false,
     "a `:` can't stand here: check the indentation, and put text with `: ` in it in quotes"},
    {"block sequence entries are not allowed in this context", NULL, false,
     "a list's `- ` can't stand here: begin it on a line of its own"},
    {"mapping keys are not allowed in this context", NULL, false, "a `? ` can't stand here: check the indentation"},
    {"could not find expected ':'", NULL, true, "a key without `:`, expected `key: value`"},
    {"did not find expected key", NULL, false,
     "a key was expected here: check the indentation, the quotes, and what follows a value"},
    {"did not find expected ',' or ']'", NULL, true, "a list that begins here is not closed: `,` or `]` is missing"},
    {"did not find expected ',' or '}'", NULL, true, "a mapping that begins here is not closed: `,` or `}` is missing"},
    {"did not find expected '-' indicator", NULL, false,
     "the next `- ` of a list was expected here: check the indentation"},
    {"did not find expected node content", NULL, false,
     "a value was expected here: put text that begins with a special character in quotes"},
    {"found unexpected end of stream", "while scanning a quoted scalar", true,
     "a quote that opens here is never closed"},
    {"found unexpected document indicator", "while scanning a quoted scalar", true,
     "a quote that opens here is not closed before the end of the document"},
    {"found unknown escape character", NULL, false,
     "no such escape after `\\`: write `\\\\` for a backslash, or use single quotes"},
    {"did not find expected hexdecimal number", NULL, false,
     "hexadecimal digits were expected after `\\x`, `\\u` or `\\U`"},
    {"found invalid Unicode character escape code", NULL, false,
     "no character has that code: surrogates and codes above 10FFFF are none"},
    {"found a tab character that violates indentation", NULL, false,
     "a tab, expected spaces: YAML is indented with spaces only"},
    {"found a tab character where an indentation space is expected", NULL, false,
     "a tab, expected spaces: YAML is indented with spaces only"},
    {"did not find expected <document start>", NULL, false,
     "text after the end of the document, expected nothing more"},
    {"found incompatible YAML document", NULL, false, "a `%YAML` version that is none, expected 1.2"},
    {"found unknown directive name", NULL, false, "no such directive: put text that begins with `%` in quotes"},
    {"did not find expected alphabetic or numeric character", NULL, false,
     "a name was expected after `&` or `*`: put text that begins with them in quotes"},
};

/* The first byte of the character at a mark; zero at the end of the text. */
static char byte_at(const struct complaints *c, const yaml_mark_t *mark)
{
    size_t line = 0, column = 0;
    for (size_t at = 0; at < c->size;) {
        size_t broken = line_break(c->bytes + at, c->size - at);
        if (line == mark->line && column == mark->column) {
            return c->bytes[at];
        }
        size_t length = broken ? broken : utf8_length(c->bytes + at, c->size - at);
        line += broken != 0;
        column = broken ? 0 : column + 1;
        at += length ? length : 1;
    }
    return '\0';
}

/* Behind the last character that is not blank. */
static struct place end_place(const struct complaints *c, const struct scenario_override *override)
{
    struct place now = {1, 1, override}, end = now;
    for (size_t at = 0; at < c->size;) {
        size_t broken = line_break(c->bytes + at, c->size - at);
        if (broken) {
            now.line++;
            now.column = 1;
            at += broken;
            continue;
        }
        size_t length = utf8_length(c->bytes + at, c->size - at);
        now.column++;
        if (c->bytes[at] != ' ' && c->bytes[at] != '\t') {
            end = now;
        }
        at += length ? length : 1;
    }
    return end;
}

static struct place to_place(const yaml_mark_t *mark, const struct scenario_override *override)
{
    return (struct place){(unsigned)mark->line + 1, (unsigned)mark->column + 1, override};
}

/* libyaml says the same of a tab and of a character that begins no value. */
static void complain_character(struct complaints *c, const yaml_mark_t *mark, struct place place)
{
    char found = byte_at(c, mark);
    if (found == '\t') {
        complain(c, place, NULL, "a tab, expected spaces: YAML is indented with spaces only");
    } else {
        complain(c, place, NULL, "a value can't begin with `%c`, expected it in quotes", found);
    }
}

void syntax_complain(struct complaints *c, const yaml_parser_t *parser, const struct scenario_override *override)
{
    const char *problem = parser->problem ? parser->problem : "unknown problem";
    struct place place = to_place(&parser->problem_mark, override);
    if (strcmp(problem, "found character that cannot start any token") == 0) {
        complain_character(c, &parser->problem_mark, place);
        return;
    }
    if (byte_at(c, &parser->problem_mark) == '\0') {
        place = end_place(c, override);
        if (strcmp(problem, "did not find expected node content") == 0) {
            complain(c, place, NULL, "the text ends where a value was expected: a bracket is not closed");
            return;
        }
    }
    for (size_t i = 0; i < sizeof known_errors / sizeof *known_errors; i++) {
        const struct known_error *k = &known_errors[i];
        if (strcmp(problem, k->problem) != 0 ||
            (k->context && (!parser->context || strcmp(parser->context, k->context) != 0))) {
            continue;
        }
        if (k->at_context) {
            place = to_place(&parser->context_mark, override);
        }
        complain(c, place, NULL, "%s", k->text);
        return;
    }
    complain(c, place, NULL, "this is not YAML: %s%s%s", parser->context ? parser->context : "",
             parser->context ? ", " : "", problem);
}
