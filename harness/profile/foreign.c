/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/foreign.h"

#include <string.h>

/* Types that are named in `what`; ddtrace has 19. */
#define TYPES_SHOWN 4
/* So much of a file is looked at before it is called text. */
#define TEXT_LOOK 256

/* "FLR", zero, then major and minor version, two bytes each, the high one first (JEP 328's chunk
 * header). */
bool foreign_is_jfr(const void *bytes, size_t size, struct buf *what)
{
    const unsigned char *b = bytes;
    if (size < 4 || memcmp(b, "FLR", 4) != 0) {
        return false;
    }
    buf_add_str(what, "Java Flight Recorder");
    if (size >= 8) {
        buf_printf(what, " %u.%u", (unsigned)b[4] << 8 | b[5], (unsigned)b[6] << 8 | b[7]);
    }
    return true;
}

static bool is_text(const unsigned char *b, size_t size)
{
    size = size < TEXT_LOOK ? size : TEXT_LOOK;
    for (size_t i = 0; i < size; i++) {
        if (b[i] == 0x7F || (b[i] < 0x20 && (b[i] < '\t' || b[i] > '\r'))) {
            return false;
        }
    }
    return true;
}

const char *foreign_guess(const void *bytes, size_t size)
{
    static const struct {
        const char *magic, *guess;
    } magics[] = {
        {"PK\x03\x04", "a zip archive: unpack it and give the profiles in it"},
        {"PK\x05\x06", "a zip archive, an empty one"},
        {"\x7F"
         "ELF",
         "a program"},
        {"\xFD"
         "7zXZ",
         "compressed with xz: undo that first"},
        {"BZh", "compressed with bzip2: undo that first"},
        {"%PDF", "a PDF document"},
        {"--- mutex:", "Go's text form of a profile: ask for it without debug=1"},
        {"--- contention:", "Go's text form of a profile: ask for it without debug=1"},
        {"heap profile:", "Go's text form of a profile: ask for it without debug=1"},
        {"goroutine profile:", "Go's text form of a profile: ask for it without debug=1"},
        {"HTTP/1.", "an HTTP answer with its headers: only its body is wanted"},
        {"--", "the parts of a form (multipart): only the profile's part is wanted"},
    };
    const unsigned char *b = bytes;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        size_t length = strlen(magics[i].magic);
        if (size >= length && memcmp(b, magics[i].magic, length) == 0) {
            return magics[i].guess;
        }
    }
    if (!is_text(b, size)) {
        return NULL;
    }
    size_t at = 0;
    while (at < size && (b[at] == ' ' || (b[at] >= '\t' && b[at] <= '\r'))) {
        at++;
    }
    if (at < size && b[at] == '<') {
        return "an HTML or XML page: did an error or login page answer?";
    }
    if (at < size && (b[at] == '{' || b[at] == '[')) {
        return "JSON: did an error answer, or is this the event beside the profile?";
    }
    return "text";
}

static const char *name_pprof(char *const *types, size_t count)
{
    static const struct {
        const char *type, *name;
    } known[] = {
        /* Go's mutex and block profiles have the same types. */
        {"contentions/count", "Go mutex or block profile"},
        {"alloc_objects/count", "Go heap profile"},
        {"goroutine/count", "Go goroutine profile"},
        {"threadcreate/count", "Go thread profile"},
        {"cpu/nanoseconds", "CPU profile"},
        {"cpu-time/nanoseconds", "CPU profile"},
        {"wall/nanoseconds", "wall-clock profile"},
        {"objects/count", "heap profile"},
    };
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(types[i], known[k].type) == 0) {
                return known[k].name;
            }
        }
    }
    return "no lock profile";
}

/* The types come from a file that anybody may have written, and this goes to a terminal. */
static void add_printable(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        buf_add_char(b, (unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text);
    }
}

void foreign_describe_pprof(char *const *sample_types, size_t count, bool locks, struct buf *what)
{
    size_t shown = 0;
    buf_printf(what, "pprof, %s (", locks ? "lock profile" : name_pprof(sample_types, count));
    for (size_t i = 0; i < count && shown < TYPES_SHOWN; i++) {
        if (!locks || strncmp(sample_types[i], "lock-", 5) == 0) {
            buf_add_str(what, shown++ > 0 ? ", " : "");
            add_printable(what, sample_types[i]);
        }
    }
    if (count == 0) {
        buf_add_str(what, "no sample types");
    } else if (count > shown) {
        buf_printf(what, " and %zu more types", count - shown);
    }
    buf_add_char(what, ')');
}
