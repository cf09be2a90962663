/* SPDX-License-Identifier: Apache-2.0 */
#include "report/xml.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

/* Characters that XML 1.0 (section 2.2) has no form for at all, not even &#1; */
static bool is_forbidden(const char *at, size_t length)
{
    unsigned char c = (unsigned char)at[0];
    if (length == 1)
        return c < 0x20 && c != '\t' && c != '\n' && c != '\r';
    return length == 3 && (memcmp(at, "\xEF\xBF\xBE", 3) == 0 || memcmp(at, "\xEF\xBF\xBF", 3) == 0);
}

void xml_add(struct buf *out, const char *text)
{
    size_t size = strlen(text);
    for (size_t at = 0; at < size;) {
        size_t length = utf8_length(text + at, size - at);
        if (length == 0 || (length == 3 && is_forbidden(text + at, length)))
            buf_add_str(out, "\xEF\xBF\xBD");
        else if (is_forbidden(text + at, length))
            buf_printf(out, "\\x%02x", (unsigned char)text[at]);
        else if (length == 1 && strchr("<>&\"\t\n\r", text[at]))
            buf_printf(out, "&#%d;", text[at]);
        else
            buf_add(out, text + at, length);
        at += length ? length : 1;
    }
}

void xml_add_attribute(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, " %s=\"", name);
    xml_add(out, value);
    buf_add_char(out, '"');
}
