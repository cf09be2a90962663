# SPDX-License-Identifier: Apache-2.0
"""The report's forms against their own standards: report.json against docs/report.schema.json, JUnit XML by an XML parser.

The documents are those that tests/unit/report_json.c and report_junit.c compare byte for byte with what the code writes.
"""

import copy
import glob
import json
import os
import unittest
import xml.etree.ElementTree

import schema as schema_check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "tests", "data", "report")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Schema(unittest.TestCase):
    def setUp(self):
        self.schema = load(os.path.join(ROOT, "docs", "report.schema.json"))
        self.documents = sorted(glob.glob(os.path.join(DATA, "*.json")))
        self.assertGreaterEqual(len(self.documents), 8)

    def check(self, document):
        return schema_check.check(self.schema, self.schema, document)

    def test_expected_documents_are_valid(self):
        for path in self.documents:
            with self.subTest(path=os.path.basename(path)):
                self.assertEqual(self.check(load(path)), [])

    def test_every_object_is_closed(self):
        def walk(node, where):
            if isinstance(node, dict):
                if node.get("type") == "object":
                    self.assertIn("additionalProperties", node, where)
                for key, value in node.items():
                    walk(value, where + "/" + key)
            elif isinstance(node, list):
                for value in node:
                    walk(value, where)

        walk(self.schema, "")

    def test_a_member_too_many_or_too_few_is_found(self):
        good = load(os.path.join(DATA, "partial.json"))

        checked = 0
        for path in schema_check.objects(good):
            broken = copy.deepcopy(good)
            schema_check.at(broken, path)["surprise"] = 1
            self.assertNotEqual(self.check(broken), [], path)
            for key in schema_check.at(good, path):
                broken = copy.deepcopy(good)
                del schema_check.at(broken, path)[key]
                self.assertNotEqual(self.check(broken), [], path + (key,))
                checked += 1
        self.assertGreater(checked, 100)

    def test_a_member_of_another_type_is_found(self):
        good = load(os.path.join(DATA, "partial.json"))
        for key in good:
            broken = dict(good, **{key: 0.5})
            self.assertNotEqual(self.check(broken), [], key)

    def test_with_jsonschema(self):
        validator = schema_check.jsonschema_validator(self, self.schema)
        for path in self.documents:
            with self.subTest(path=os.path.basename(path)):
                self.assertEqual([e.message for e in validator.iter_errors(load(path))], [])


class JUnit(unittest.TestCase):
    def test_is_well_formed_and_counts_right(self):
        paths = sorted(glob.glob(os.path.join(DATA, "*.xml")))
        self.assertGreaterEqual(len(paths), 8)
        kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        for path in paths:
            with self.subTest(path=os.path.basename(path)):
                root = xml.etree.ElementTree.parse(path).getroot()
                self.assertEqual(root.tag, "testsuites")
                for node in [root] + root.findall("testsuite"):
                    cases = list(node.iter("testcase"))
                    self.assertEqual(int(node.get("tests")), len(cases))
                    for attribute, tag in kinds.items():
                        self.assertEqual(int(node.get(attribute)), len(list(node.iter(tag))), attribute)

    def test_a_case_for_each_lock_and_stage(self):
        for path in sorted(glob.glob(os.path.join(DATA, "*.xml"))):
            report = load(path[: -len("xml")] + "json")
            root = xml.etree.ElementTree.parse(path).getroot()
            for suite in root.findall("testsuite"):
                names = [case.get("name") for case in suite.findall("testcase")]
                self.assertEqual(len(names), len(set(names)), suite.get("name"))
            stages = [s for s in root.findall("testsuite") if s.get("name") != "run"]
            cases = sum(len(s.findall("testcase")) for s in stages)
            self.assertEqual(cases, 6 * len(report["locks"]), path)


if __name__ == "__main__":
    unittest.main()
