# SPDX-License-Identifier: Apache-2.0
"""The matrix report's forms against their own standards: docs/matrix.schema.json, an XML parser, GitHub's escaping.

The documents are those that tests/unit/report_matrix.c compares byte for byte with what the code writes.
"""

import copy
import glob
import json
import os
import re
import unittest
import xml.etree.ElementTree

import schema as schema_check
from cli import ROOT

DATA = os.path.join(ROOT, "tests", "data", "matrix-report")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as file:
        return file.read()


def names():
    return sorted(os.path.basename(path)[: -len(".json")] for path in glob.glob(os.path.join(DATA, "*.json")))


class Schema(unittest.TestCase):
    def setUp(self):
        self.schema = load(os.path.join(ROOT, "docs", "matrix.schema.json"))

    def check(self, document):
        return schema_check.check(self.schema, self.schema, document)

    def test_documents_are_valid(self):
        self.assertGreaterEqual(len(names()), 5)
        for name in names():
            self.assertEqual(self.check(load(os.path.join(DATA, name + ".json"))), [], name)

    def test_a_member_too_many_or_too_few_is_found(self):
        good = load(os.path.join(DATA, "known.json"))
        good["cells"] = good["cells"][:8]
        seen, checked = set(), 0

        for path in schema_check.objects(good):
            # One of each kind: cells are many, and alike.
            kind = (tuple(sorted(schema_check.at(good, path))), tuple(step for step in path if isinstance(step, str)))
            if path[-1:] == ("values",) or kind in seen:
                continue
            seen.add(kind)
            broken = copy.deepcopy(good)
            schema_check.at(broken, path)["surprise"] = 1
            self.assertNotEqual(self.check(broken), [], path)
            for key in schema_check.at(good, path):
                broken = copy.deepcopy(good)
                del schema_check.at(broken, path)[key]
                self.assertNotEqual(self.check(broken), [], path + (key,))
                checked += 1
        self.assertGreater(checked, 80)

    def test_with_jsonschema(self):
        validator = schema_check.jsonschema_validator(self, self.schema)
        for name in names():
            document = load(os.path.join(DATA, name + ".json"))
            self.assertEqual([e.message for e in validator.iter_errors(document)], [], name)


class JUnit(unittest.TestCase):
    def test_a_suite_for_each_cell_and_right_counts(self):
        kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        for name in names():
            report = load(os.path.join(DATA, name + ".json"))
            root = xml.etree.ElementTree.parse(os.path.join(DATA, name + ".xml")).getroot()
            suites = root.findall("testsuite")
            self.assertEqual([s.get("name") for s in suites], [c["key"] for c in report["cells"]])
            for node in [root] + suites:
                cases = list(node.iter("testcase"))
                self.assertEqual(int(node.get("tests")), len(cases))
                for attribute, tag in kinds.items():
                    self.assertEqual(int(node.get(attribute)), len(list(node.iter(tag))), attribute)
            for suite, cell in zip(suites, report["cells"]):
                cases = [case.get("name") for case in suite.findall("testcase")]
                self.assertEqual(len(cases), len(set(cases)), cell["key"])
                self.assertGreater(len(cases), 0)
                bad = sum(loss["standing"] in ("new", "expired") for loss in cell["losses"])
                self.assertEqual(int(suite.get("failures")), bad, cell["key"])


class GitHub(unittest.TestCase):
    def test_annotations_are_workflow_commands(self):
        form = re.compile(r"::(error|warning) title=([^:,\r\n]*)::([^\r\n]*)")
        for name in names():
            counts = {"error": 0, "warning": 0}
            for line in read(name + ".github").splitlines():
                match = form.fullmatch(line)
                self.assertIsNotNone(match, line)
                counts[match.group(1)] += 1
                for part in match.group(2, 3):
                    self.assertRegex(part, r"^([^%]|%25|%3A|%2C)*$")
            self.assertLessEqual(max(counts.values()), 10)

    def test_tables_of_the_summary_have_equal_rows(self):
        for name in names():
            rows = [line for line in read(name + ".md").splitlines() if line.startswith("|")]
            self.assertGreater(len(rows), 2)
            width = 0
            for row in rows:
                cells = len(re.findall(r"(?<!\\)\|", row))
                if row.startswith("| cells") or row.startswith("| verdict"):
                    width = cells
                self.assertEqual(cells, width, row)


if __name__ == "__main__":
    unittest.main()
