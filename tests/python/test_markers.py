# SPDX-License-Identifier: Apache-2.0
"""The markers in the patterns' source: complete, unique, and right about mangled names."""
import ast
import glob
import os
import unittest

import support

from workload import ledger, patterns

CONSTRUCTORS = {"LockType", "RLock", "Lock", "Condition", "Semaphore", "BoundedSemaphore"}
FOLDER = os.path.dirname(patterns.__file__)


def called_name(node):
    return getattr(node.func, "id", getattr(node.func, "attr", None))


class Constructions(ast.NodeVisitor):
    """Lines of lock constructors, with the class around them."""

    def __init__(self):
        self.found, self.classes = [], []

    def visit_ClassDef(self, node):
        self.classes.append(node.name)
        self.generic_visit(node)
        self.classes.pop()

    def visit_Call(self, node):
        if called_name(node) in CONSTRUCTORS:
            self.found.append((node.lineno, self.classes[-1] if self.classes else None))
        self.generic_visit(node)


def constructions(path):
    with open(path, encoding="utf-8") as file:
        visitor = Constructions()
        visitor.visit(ast.parse(file.read()))
    return visitor.found


def sources():
    return sorted(path for path in glob.glob(os.path.join(FOLDER, "*.py")) if not path.endswith("__init__.py"))


class Markers(unittest.TestCase):
    def test_every_source_belongs_to_a_pattern(self):
        listed = [path for pattern in patterns.MODULES for path in patterns.paths(pattern)]
        self.assertEqual(sorted(set(listed)), sources())

    def test_every_constructor_has_a_line_and_a_marker_of_its_own(self):
        for path in sources():
            lines = [line for line, _ in constructions(path)]
            marked = [int(d.site.rpartition(":")[2]) for d in ledger.read_markers(path)]
            self.assertEqual(sorted(lines), marked, path)

    def test_ids_and_sites_are_unique(self):
        declared = [d for path in sources() for d in ledger.read_markers(path)]
        self.assertEqual(len({d.id for d in declared}), len(declared))
        self.assertEqual(len({d.site for d in declared}), len(declared))

    def test_ids_name_the_pattern_that_declares_them(self):
        for pattern in patterns.MODULES:
            declared = [d.pattern for path in patterns.paths(pattern) for d in ledger.read_markers(path)]
            self.assertEqual(set(declared), {pattern})

    def test_double_underscores_are_mangled_with_their_class(self):
        mangled = 0
        for path in sources():
            around = dict(constructions(path))
            for d in ledger.read_markers(path):
                if d.name.startswith("__"):
                    owner = around[int(d.site.rpartition(":")[2])]
                    self.assertEqual(d.rendering, "mangled:_%s%s" % (owner.lstrip("_"), d.name))
                    mangled += 1
                else:
                    self.assertIn(d.rendering, ("exact", "generic"), d.id)
        self.assertEqual(mangled, 1)

    def test_names_that_users_are_told_of(self):
        names = {}
        for path in sources():
            for d in ledger.read_markers(path):
                names.setdefault(d.pattern, set()).add(d.name)
        self.assertEqual(names["local"], {"request_lock", "response_lock"})
        self.assertEqual(names["global"], {"global_database_lock"})
        self.assertEqual(names["member"], {"user_session_lock", "cache_lock"})
        self.assertEqual(names["private"], {"_internal_lock", "__private_lock"})
        self.assertEqual(names["anonymous"], {""})
        self.assertEqual(names["reference"], {"reference_lock"})
        self.assertEqual(names["shared_name"], {"queue_lock"})


class Parsing(unittest.TestCase):
    def test_all_words(self):
        d = ledger.parse_marker(" a/Owner.b generic nameless uncontended -- why", "f.py:7")
        self.assertEqual(d, ledger.Declaration("a/Owner.b", "", "a", "f.py:7", "generic", False))

    def test_owner_is_not_part_of_the_name(self):
        self.assertEqual(ledger.parse_marker(" a/Owner.b exact", "f.py:7").name, "b")

    def test_what_is_no_marker(self):
        for text, expected in (
            ("", "f.py:7: expected 'lock: PATTERN/NAME exact|generic|mangled:NAME'"),
            ("a/b", "f.py:7: expected 'lock: PATTERN/NAME exact|generic|mangled:NAME'"),
            ("a/b/c exact", "f.py:7: expected 'lock: PATTERN/NAME exact|generic|mangled:NAME'"),
            ("a/b mangled:", "f.py:7: expected 'lock: PATTERN/NAME exact|generic|mangled:NAME'"),
            ("a/b exact sometimes", "f.py:7: unknown word sometimes, expected nameless or uncontended"),
        ):
            with self.assertRaises(ledger.MarkerError) as caught:
                ledger.parse_marker(text, "f.py:7")
            self.assertEqual(str(caught.exception), expected)

    def test_a_lock_declared_twice(self):
        path = patterns.paths("global")[0]
        with self.assertRaises(ledger.MarkerError) as caught:
            ledger.Ledger().declare([path, path])
        self.assertRegex(str(caught.exception),
                         r"^global_\.py:\d+: lock global/global_database_lock is declared twice$")


if __name__ == "__main__":
    unittest.main()
