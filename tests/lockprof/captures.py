# SPDX-License-Identifier: Apache-2.0
"""Reads the counters of capture files (workers/lockprof/format/capture.h): what the library itself counted, lock by lock,
which a profile does not tell where locks share a name."""
import mmap
import os
import struct

MAGIC = 0x315041434B434F4C
HEADER = struct.Struct("<QIIiiQII5Q")
SECTION = struct.Struct("<3Q")
DROPPED = ("lanes", "locks", "slots", "snapshots", "shortened", "acquires", "holds", "maps")
LOCK = struct.Struct("<QIIQQ")
LOCK_SIZE, SLOT_SIZE, LANE_SIZE = 32, 128, 32


class Capture:
    """counts: {lock address: {"acquires": n, "releases": n, "contended": n, "hold": ticks, "wait": ticks}}, of all locks that
    were at the address, one after the other."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # sparse, and long
        head = HEADER.unpack_from(data)
        if head[0] != MAGIC:
            raise ValueError(path + " is no capture file")
        self.pid, self.parent, self.rate, self.flags = head[3], head[4], head[6], head[7]
        at = HEADER.size
        sections = []
        for _ in range(4):
            sections.append(SECTION.unpack_from(data, at))
            at += SECTION.size
        self.lanes, self.locks, self.slots, self.arena = (used for _, _, used in sections)
        self.dropped = dict(zip(DROPPED, struct.unpack_from("<8Q", data, at)))
        self.counts = {}
        addresses = [LOCK.unpack_from(data, sections[1][0] + i * LOCK_SIZE)[0] for i in range(self.locks)]
        for i in range(self.slots):
            self._add(data, sections[2][0] + i * SLOT_SIZE, addresses)

    def _add(self, data, at, addresses):
        words = struct.unpack_from("<4Q2I7Q2I", data, at)
        if words[14] == 0:
            return  # never completed
        entry = self.counts.setdefault(addresses[words[13]],
                                       {"acquires": 0, "releases": 0, "hold": 0, "contended": 0, "wait": 0})
        for name, value in zip(("acquires", "releases", "hold", "contended", "wait"), words[6:11]):
            entry[name] += value

    def total(self, name="acquires"):
        return sum(entry[name] for entry in self.counts.values())


def read_all(directory):
    return [Capture(os.path.join(directory, name)) for name in sorted(os.listdir(directory)) if name.endswith(".lockcap")]


if __name__ == "__main__":
    import sys

    for capture in read_all(sys.argv[1]):
        print("pid %d parent %d: %d lanes, %d locks, %d slots, %d bytes of arena, %d acquires, dropped %s" % (
            capture.pid, capture.parent, capture.lanes, capture.locks, capture.slots, capture.arena, capture.total(),
            {name: value for name, value in capture.dropped.items() if value}))
