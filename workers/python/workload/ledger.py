# SPDX-License-Identifier: Apache-2.0
"""What is true of each lock: where it is declared, how it should be shown, and what the workload really did with it.

A pattern marks the line that makes a lock:
    self.cache_lock = LockType()  # lock: member/cache_lock exact
    self.__key_lock = LockType()  # lock: private/__key_lock mangled:_Vault__key_lock
    LockType(),  # lock: anonymous/bucket generic nameless
The words are PATTERN/[OWNER.]NAME, then the rendering that a correct collector gives, then any of
    nameless      no variable ever holds the lock: its name is ""
    uncontended   nobody ever waits for it
and, after two dashes, a remark. The markers are the only source of the ledger: nothing in it comes from a profile.
"""
import collections
import os
import re

from workload.tally import Counts, Tally

MARKER = re.compile(r"#\s*lock:(.*)$")
RENDERING = re.compile(r"exact|generic|mangled:[A-Za-z_]\w*")
WORDS = ("nameless", "uncontended")

Declaration = collections.namedtuple("Declaration", "id name pattern site rendering contends")


class MarkerError(Exception):
    """A marker that is not of the form above, or two for one lock; the text has file and line."""


def parse_marker(text, site):
    """The Declaration of a marker's text behind `lock:`."""
    words = text.partition(" -- ")[0].split()
    if len(words) < 2 or words[0].count("/") != 1 or not RENDERING.fullmatch(words[1]):
        raise MarkerError("%s: expected 'lock: PATTERN/NAME exact|generic|mangled:NAME'" % site)
    unknown = [word for word in words[2:] if word not in WORDS]
    if unknown:
        raise MarkerError("%s: unknown word %s, expected %s" % (site, unknown[0], " or ".join(WORDS)))
    pattern, name = words[0].split("/")
    name = "" if "nameless" in words else name.rpartition(".")[2]
    return Declaration(words[0], name, pattern, site, words[1], "uncontended" not in words)


def read_markers(path):
    """All declarations of one source file, in the order of its lines."""
    found = []
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            marker = MARKER.search(line)
            if marker:
                found.append(parse_marker(marker.group(1), "%s:%d" % (os.path.basename(path), number)))
    return found


class Ledger:
    """Declarations and tallies of the selected patterns."""

    def __init__(self):
        self.declarations = []
        # By lock: what its tallies of earlier phases have counted, and those of now.
        self._settled = {}
        self._tallies = {}
        self._serving = None

    def declare(self, paths):
        """Adds the locks of the patterns' source files. Raises MarkerError."""
        for path in paths:
            for declaration in read_markers(path):
                if declaration.id in self._tallies:
                    raise MarkerError("%s: lock %s is declared twice" % (declaration.site, declaration.id))
                self.declarations.append(declaration)
                self._tallies[declaration.id] = []
                self._settled[declaration.id] = Counts()

    def lines(self):
        """Protocol lines that declare the locks."""
        for d in self.declarations:
            line = {"type": "lock", "id": d.id, "name": d.name, "pattern": d.pattern, "site": d.site}
            line["rendering"] = d.rendering
            if not d.contends:
                line["contends"] = False
            yield line

    def tally(self, lock_id, slots=1):
        """A new Tally for one instance of a declared lock that `slots` threads can hold at once."""
        return self.add(lock_id, Tally(slots))

    def add(self, lock_id, tally):
        """The tally, which counts for that lock from now on."""
        self._tallies[lock_id].append(tally)
        if self._serving is not None:
            self._serving.append((lock_id, tally))
        return tally

    def serve(self, serve, *arguments):
        """Calls a pattern's serve(): tallies that it makes count for this phase alone."""
        self._serving = []
        return serve(*arguments)

    def settle(self, pattern):
        """After a phase, with no thread in it any more: what was counted stays, what counted it goes."""
        for d in self.declarations:
            if d.pattern == pattern:
                for tally in self._tallies[d.id]:
                    self._settled[d.id].add(tally.settle())
        for lock_id, tally in self._serving or ():
            self._tallies[lock_id].remove(tally)
        self._serving = None

    def _total(self, lock_id):
        total = Counts()
        total.add(self._settled[lock_id])
        for tally in self._tallies[lock_id]:
            total.add(tally.total())
        return total

    def acquires(self, pattern):
        """{id: acquires so far} of one pattern's locks."""
        return {d.id: self._total(d.id).acquires for d in self.declarations if d.pattern == pattern}

    def totals(self):
        """The counters of the `done` line: {"acquires": {id: n}, "waits": …, "wait_ns": …, "depth": …}."""
        totals = {"acquires": {}, "waits": {}, "wait_ns": {}, "depth": {}}
        for lock_id in self._tallies:
            total = self._total(lock_id)
            totals["acquires"][lock_id] = total.acquires
            totals["waits"][lock_id] = total.waits
            totals["wait_ns"][lock_id] = total.wait_ns
            totals["depth"][lock_id] = total.greatest_depth
        return totals


# The process's one ledger, and what patterns count with.
LEDGER = Ledger()
tally = LEDGER.tally
