# SPDX-License-Identifier: Apache-2.0
"""Writes small lock profiles for the test programs: pprof's wire format by hand, so that a third implementation meets ours."""

TYPES = [("lock-acquire", "count"), ("lock-acquire-wait", "nanoseconds"), ("lock-release", "count"),
         ("lock-release-hold", "nanoseconds")]


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def profile(names):
    """Bytes of a profile with a sample of one acquire and one release for each label."""
    strings = [""]

    def index(text):
        if text not in strings:
            strings.append(text)
        return strings.index(text)

    out = b"".join(field(1, field(1, index(kind)) + field(2, index(unit))) for kind, unit in TYPES)
    for label in names:
        values = b"".join(varint(value) for value in (1, 1000, 1, 2000))
        out += field(2, field(2, values) + field(3, field(1, index("lock name")) + field(2, index(label))))
    return out + b"".join(field(6, text.encode()) for text in strings)
