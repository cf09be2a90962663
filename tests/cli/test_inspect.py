# SPDX-License-Identifier: Apache-2.0
"""inspect on good, foreign, truncated, corrupt and missing files."""

import gzip
import json
import os
import unittest

from cli import ROOT, Cli, pprof

GO = os.path.join(ROOT, "tests", "data", "go-mutex.pprof")
DDTRACE = os.path.join(ROOT, "tests", "data", "ddtrace-4.16.0.pprof")


class Inspect(Cli):
    def test_names_and_counts(self):
        path = self.write("a.pprof", pprof.profile(["a.py:1:one", "b.py:2", "a.py:1:one"]))
        result = self.locktrail("inspect", path)
        self.assertEqual((result.status, result.errors), (0, ""))
        table = result.output.split("\n\n")[1].splitlines()
        self.assertEqual(table[0].split(), ["LOCK", "NAME", "SAMPLES", "ACQUIRES", "WAIT", "RELEASES", "HOLD"])
        self.assertEqual(table[1].split(), ["a.py:1:one", "2", "2", "2.0", "us", "2", "4.0", "us"])
        self.assertEqual(table[2].split(), ["b.py:2", "1", "1", "1.0", "us", "1", "2.0", "us"])
        for line in result.output.splitlines()[1:]:
            self.assertLessEqual(len(line), 80)

    def test_a_recorded_upload_of_ddtrace(self):
        result = self.locktrail("inspect", "--json", DDTRACE)
        self.assertEqual(result.status, 0)
        file = json.loads(result.output)["files"][0]
        self.assertEqual((file["kind"], file["encoding"]), ("locks", "zstd"))
        self.assertIn("request_lock", [name["name"] for name in file["names"]])

    def test_sorted_by_name(self):
        path = self.write("a.pprof", pprof.profile(["a.py:1:two", "b.py:2:one"]))
        names = json.loads(self.locktrail("inspect", "--sort", "name", "--json", path).output)["files"][0]["names"]
        self.assertEqual([name["name"] for name in names], ["one", "two"])

    def test_standard_input(self):
        result = self.locktrail("inspect", "-", stdin=gzip.compress(pprof.profile(["a.py:1:one"])))
        self.assertEqual(result.status, 0)
        self.assertTrue(result.output.startswith("-\nwhat "))
        self.assertIn("a.py:1:one", result.output)
        self.assertIn("gzip", result.output)

    def test_foreign_is_no_error(self):
        result = self.locktrail("inspect", GO)
        self.assertEqual(result.status, 0)
        self.assertIn("foreign, without lock names", result.output)

    def test_bad_files_are_told_apart_and_the_others_still_shown(self):
        whole = gzip.compress(pprof.profile(["a.py:1:one"]))
        good = self.write("good", whole)
        kinds = {
            "truncated": self.write("truncated", whole[:-12]),
            "file is empty": self.write("empty", b""),
            "No such file": self.path("none"),
            "corrupt": self.write("corrupt", whole[:12] + b"\xff\xff\xff\xff" + whole[16:]),
            "not a profile": self.write("text", b"hello, world\n" * 5),
        }
        result = self.locktrail("inspect", *kinds.values(), good)
        self.assertEqual(result.status, 65)
        self.assertIn("a.py:1:one", result.output)
        parts = dict(part.split("\n", 1) for part in result.output.split("\n\n") if "\n" in part)
        reasons = {kind: " ".join(parts[path].split()) for kind, path in kinds.items()}
        for kind, reason in reasons.items():
            self.assertIn("unreadable", reason)
            self.assertIn(kind, reason)
        self.assertEqual(len(set(reasons.values())), len(kinds))
        files = json.loads(self.locktrail("inspect", "--json", *kinds.values(), good).output)["files"]
        self.assertEqual([file["error"] is None for file in files], [False] * 5 + [True])


if __name__ == "__main__":
    unittest.main()
