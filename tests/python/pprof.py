# SPDX-License-Identifier: Apache-2.0
"""Reads lock names and their counts from pprof files: a second reader, independent of harness/profile, for tests."""
import gzip
import re
import shutil
import subprocess

LABEL = re.compile(r"^(.*):(\d+)(?::(\S+))?$")
# Field numbers of profile.proto.
PROFILE_SAMPLE_TYPE, PROFILE_SAMPLE, PROFILE_STRING = 1, 2, 6
SAMPLE_VALUE, SAMPLE_LABEL = 2, 3
COMMANDS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}


class MissingTool(Exception):
    """A decompressor is not there; the text says which and how to get it."""


def _unpack(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    command = COMMANDS.get(data[:4])
    if command is None:
        return data
    if not shutil.which(command):
        raise MissingTool("the command %s is needed to read this profile (apt-get install %s)" % (command, command))
    return subprocess.run([command, "-dc"], input=data, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data):
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
        elif key & 7 == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError("wire type %d at byte %d" % (key & 7, at))
        yield key >> 3, value


def _numbers(value):
    if isinstance(value, int):
        return [value]
    numbers, at = [], 0
    while at < len(value):
        number, at = _varint(value, at)
        numbers.append(number)
    return numbers


def lock_counts(paths):
    """{(FILE:LINE, NAME or ""): {"lock-acquire": n, …}} over all files."""
    counts = {}
    for path in paths:
        with open(path, "rb") as file:
            _add_file(_unpack(file.read()), counts)
    return counts


def _add_file(data, counts):
    samples, types, strings = [], [], []
    for field, value in _fields(data):
        if field == PROFILE_SAMPLE:
            samples.append(value)
        elif field == PROFILE_SAMPLE_TYPE:
            types.append(dict(_fields(value)).get(1, 0))
        elif field == PROFILE_STRING:
            strings.append(value.decode())
    for sample in samples:
        values, name = [], None
        for field, value in _fields(sample):
            if field == SAMPLE_VALUE:
                values += _numbers(value)
            elif field == SAMPLE_LABEL:
                label = dict(_fields(value))
                if strings[label.get(1, 0)] == "lock name":
                    name = strings[label.get(2, 0)]
        if name is None:
            continue
        match = LABEL.match(name)
        key = ("%s:%s" % match.group(1, 2), match.group(3) or "") if match else (name, "")
        entry = counts.setdefault(key, {})
        for kind, value in zip(types, values):
            if value and strings[kind].startswith("lock-"):
                entry[strings[kind]] = entry.get(strings[kind], 0) + value


if __name__ == "__main__":
    import sys

    for (site, name), values in sorted(lock_counts(sys.argv[1:]).items()):
        print("%-28s %-28s %s" % (site, name, values))
