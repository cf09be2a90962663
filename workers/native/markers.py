#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of declared locks from the markers in the patterns' sources (their form: patterns/patterns.h).

    markers.py SOURCE... > declarations.c

A call that makes or takes a lock without a marker, a lock without a call, a second lock of one id: each is an error that
names file and line, and no table is made.
"""
import collections
import os
import re
import sys

MARKER = re.compile(r"//\s*(lock|init|acquire|member):(.*)$")
# Calls that a profiler sees. `cond` ones take their mutex again.
CALL = re.compile(r"\b(pthread_mutex_(?:init|lock|trylock|timedlock|clocklock)"
                  r"|pthread_rwlock_(?:init|(?:try|timed|clock)?(?:rd|wr)lock)"
                  r"|pthread_spin_(?:init|lock|trylock)"
                  r"|pthread_cond_(?:wait|timedwait|clockwait)"
                  r"|sem_(?:init|wait|trywait|timedwait|clockwait))\s*\(")
COMMENT = re.compile(r"//.*$|/\*.*?\*/")
ID = re.compile(r"[a-z_]+/[A-Za-z0-9_.]+")
WORDS = ("symbol", "nameless", "uncontended")
SHOWN = "shown:"
FORM = "expected 'lock: PATTERN/NAME exact|generic [symbol] [nameless] [uncontended] [shown:TEXT]'"

HEAD = """\
/* Made by workers/native/markers.py from the markers in the patterns. */
#include "native/runtime/declarations.h"

const struct declaration declarations[] = {
"""
TAIL = """\
};
const size_t declaration_count = sizeof declarations / sizeof *declarations;
"""


class MarkerError(Exception):
    """The text has file and line."""


class Declaration:
    """One `lock:` marker, and the lines by which the lock may be shown besides its own."""

    def __init__(self, text, site):
        words = text.partition(" -- ")[0].split()
        if len(words) < 2 or not ID.fullmatch(words[0]) or words[1] not in ("exact", "generic"):
            raise MarkerError("%s: %s" % (site, FORM))
        for word in words[2:]:
            if word not in WORDS and not word.startswith(SHOWN):
                raise MarkerError("%s: unknown word %s; %s" % (site, word, FORM))
        self.id, self.site, self.sites = words[0], site, []
        self.pattern, name = self.id.split("/")
        shown = "".join(word[len(SHOWN):] for word in words[2:] if word.startswith(SHOWN))
        self.name = "" if "nameless" in words else name.rpartition(".")[2] + shown
        self.exact = words[1] == "exact"
        self.by_symbol = "symbol" in words
        self.contends = "uncontended" not in words
        self.acquired = False


def read_source(path):
    """[(kind, text, site)] of one file's markers; raises MarkerError at a call that has none."""
    found = []
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            site = "%s:%d" % (os.path.basename(path), number)
            marker = MARKER.search(line)
            call = CALL.search(COMMENT.sub("", line))
            if call:
                expected = "init" if call.group(1).endswith("_init") else "acquire"
                if not marker or marker.group(1) != expected:
                    raise MarkerError("%s: %s has no '%s:' marker" % (site, call.group(1), expected))
            if marker:
                found.append((marker.group(1), marker.group(2), site))
    return found


def add_place(declarations, kind, text, site):
    ids = text.partition(" -- ")[0].split()
    if not ids:
        raise MarkerError("%s: '%s:' names no lock" % (site, kind))
    for lock_id in ids:
        if lock_id not in declarations:
            raise MarkerError("%s: no lock is declared as %s" % (site, lock_id))
        declarations[lock_id].sites.append(site)
        declarations[lock_id].acquired |= kind == "acquire"


def read_markers(paths):
    """All declarations by id, in the order of the sources."""
    declarations, places = collections.OrderedDict(), []
    for path in paths:
        for kind, text, site in read_source(path):
            if kind != "lock":
                places.append((kind, text, site))
                continue
            declaration = Declaration(text, site)
            if declaration.id in declarations:
                raise MarkerError("%s: lock %s is declared twice" % (site, declaration.id))
            declarations[declaration.id] = declaration
    for kind, text, site in places:
        add_place(declarations, kind, text, site)
    for declaration in declarations.values():
        if not declaration.acquired:
            raise MarkerError("%s: nothing acquires lock %s" % (declaration.site, declaration.id))
    return declarations


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def row(d):
    """A row of the table. Sites are written as the elements of a JSON list."""
    sites = ",".join('"%s"' % site for site in d.sites)
    texts = ", ".join(quoted(text) for text in (d.id, d.name, d.pattern, d.site, sites))
    shown = ["SHOWN_EXACT" if exact else "SHOWN_GENERIC" for exact in (d.exact, d.exact and d.by_symbol)]
    return "    {%s, %s, %s, %s},\n" % (texts, shown[0], shown[1], "true" if d.contends else "false")


def main(paths):
    try:
        declarations = read_markers(paths)
    except (MarkerError, OSError) as e:
        print("markers.py: %s" % e, file=sys.stderr)
        return 1
    sys.stdout.write(HEAD + "".join(row(d) for d in declarations.values()) + TAIL)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
