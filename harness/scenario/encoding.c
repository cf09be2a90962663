/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/encoding.h"

#include "base/utf8.h"

#include <string.h>

/* UTF-16 and UTF-32 by their mark, or by the zero that half of an ASCII character is in them. */
static bool is_wide(const char *bytes, size_t size)
{
    if (size < 2) {
        return false;
    }
    bool marked = memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0;
    return marked || ((bytes[0] == '\0') != (bytes[1] == '\0'));
}

/* YAML 1.2, production c-printable; U+FEFF is a mark only at the start, but allowed. */
static bool is_allowed(const unsigned char *at, size_t length)
{
    if (length == 1) {
        return *at == '\t' || *at == '\n' || *at == '\r' || (*at >= 0x20 && *at < 0x7F);
    }
    if (length == 2) {
        return at[0] != 0xC2 || at[1] >= 0xA0 || at[1] == 0x85;
    }
    /* U+FFFE and U+FFFF */
    return length != 3 || at[0] != 0xEF || at[1] != 0xBF || at[2] < 0xBE;
}

static void complain_byte(struct complaints *c, struct place place, const char *at, size_t length)
{
    const unsigned char *b = (const unsigned char *)at;
    if (length == 0) {
        complain(c, place, NULL, "byte 0x%02X is not UTF-8, expected text in UTF-8", b[0]);
    } else if (b[0] == '\0') {
        complain(c, place, NULL, "a zero byte, expected text");
    } else {
        complain(c, place, NULL, "control character 0x%02X, expected text", b[length - 1]);
    }
}

bool encoding_check(struct complaints *c, const struct scenario_override *override)
{
    struct place place = {1, 1, override};
    bool good = true;
    if (is_wide(c->bytes, c->size)) {
        complain(c, place, NULL, "this is UTF-16 or UTF-32, expected UTF-8: save the file as UTF-8");
        return false;
    }
    if (c->size >= 3 && memcmp(c->bytes, "\xEF\xBB\xBF", 3) == 0) {
        c->bytes += 3;
        c->size -= 3;
    }
    for (size_t at = 0; at < c->size;) {
        size_t broken = line_break(c->bytes + at, c->size - at);
        if (broken) {
            place.line++;
            place.column = 1;
            at += broken;
            continue;
        }
        size_t length = utf8_length(c->bytes + at, c->size - at);
        if (length == 0 || !is_allowed((const unsigned char *)c->bytes + at, length)) {
            complain_byte(c, place, c->bytes + at, length);
            good = false;
        }
        place.column++;
        at += length ? length : 1;
    }
    return good;
}
