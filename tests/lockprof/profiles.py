# SPDX-License-Identifier: Apache-2.0
"""Profiles as lockprof writes them, read whole: samples with labels and stacks, comments, mappings."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "python"))
import pprof  # noqa: E402  (the wire format's reader of tests/python)


class Sample:
    def __init__(self, values, labels, frames):
        self.values = values  # {"lock-acquire": 3, …}
        self.labels = labels  # {"lock name": "x.c:7:lock", "process id": 12, …}
        self.frames = frames  # [(function, file, line), …], innermost first


class Profile:
    def __init__(self, samples, types, comments, mappings):
        self.samples = samples
        self.types = types  # [("lock-acquire", "count"), …]
        self.comments = comments
        self.mappings = mappings  # [(file, build id), …]


def read(path):
    with open(path, "rb") as file:
        top = _Message(pprof._unpack(file.read()))
    strings = [text.decode() for text in top.all(6)]
    functions = {m.one(1): (strings[m.one(2)], strings[m.one(4)]) for m in map(_Message, top.all(5))}
    locations = {}
    for location in map(_Message, top.all(4)):
        lines = [_Message(line) for line in location.all(4)]
        locations[location.one(1)] = [functions[line.one(1)] + (line.one(2),) for line in lines]
    types = [(strings[m.one(1)], strings[m.one(2)]) for m in map(_Message, top.all(1))]
    samples = [_sample(_Message(sample), strings, types, locations) for sample in top.all(2)]
    mappings = [(strings[m.one(5)], strings[m.one(6)]) for m in map(_Message, top.all(3))]
    return Profile(samples, types, [strings[number] for number in top.numbers(13)], mappings)


def _sample(message, strings, types, locations):
    values = {kind: value for (kind, _), value in zip(types, message.numbers(2)) if value}
    labels = {}
    for label in map(_Message, message.all(3)):
        labels[strings[label.one(1)]] = strings[label.one(2)] if label.one(2) else label.one(3)
    frames = [frame for number in message.numbers(1) for frame in locations[number]]
    return Sample(values, labels, frames)


class _Message:
    def __init__(self, data):
        self.fields = {}
        for field, value in pprof._fields(data):
            self.fields.setdefault(field, []).append(value)

    def all(self, field):
        return self.fields.get(field, [])

    def one(self, field):
        return self.fields.get(field, [0])[-1]

    def numbers(self, field):
        return [number for value in self.all(field) for number in pprof._numbers(value)]
