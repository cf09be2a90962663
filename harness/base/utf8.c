/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool in_range(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

size_t utf8_length(const char *at, size_t available)
{
    const unsigned char *b = (const unsigned char *)at;
    if (available == 0) {
        return 0;
    }
    if (b[0] < 0x80) {
        return 1;
    }
    /* RFC 3629, section 4: only the second byte has a range that depends on the first. */
    unsigned char low = 0x80, high = 0xBF;
    size_t length;
    if (in_range(b[0], 0xC2, 0xDF)) {
        length = 2;
    } else if (in_range(b[0], 0xE0, 0xEF)) {
        length = 3;
        low = b[0] == 0xE0 ? 0xA0 : low;
        high = b[0] == 0xED ? 0x9F : high;
    } else if (in_range(b[0], 0xF0, 0xF4)) {
        length = 4;
        low = b[0] == 0xF0 ? 0x90 : low;
        high = b[0] == 0xF4 ? 0x8F : high;
    } else {
        return 0;
    }
    if (available < length || !in_range(b[1], low, high)) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (!in_range(b[i], 0x80, 0xBF)) {
            return 0;
        }
    }
    return length;
}

size_t utf8_valid(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        if (size - at >= sizeof eight) {
            memcpy(&eight, text + at, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t length = utf8_length(text + at, size - at);
        if (length == 0) {
            return at;
        }
        at += length;
    }
    return size;
}
