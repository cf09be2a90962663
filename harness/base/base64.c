/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

/* -1: no digit. By ranges and not looked up one by one: texts have up to 256 MiB, and a loop waits for them. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_read(const char *text, size_t size, struct buf *out)
{
    unsigned bits = 0, value = 0;
    size_t end = size;
    if (size % 4 != 0) {
        return -1;
    }
    while (end > 0 && size - end < 2 && text[end - 1] == '=') {
        end--;
    }
    buf_reserve(out, size / 4 * 3);
    for (size_t i = 0; i < end; i++) {
        int digit = value_of(text[i]);
        if (digit < 0) {
            return -1;
        }
        value = (value << 6 | (unsigned)digit) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_add_char(out, (char)(value >> bits & 0xff));
        }
    }
    return 0;
}
