# SPDX-License-Identifier: Apache-2.0
"""validate, run --print, and overrides on the command line."""

import unittest

from cli import Cli

GOOD = """name: small
duration: 30s
workers:
  python: {}
phases:
  - {pattern: member}
"""


class ScenarioFiles(Cli):
    def test_valid_files(self):
        a, b = self.write("a.yaml", GOOD), self.write("b.yaml", GOOD)
        result = self.locktrail("validate", a, b)
        self.assertEqual((result.status, result.output, result.errors), (0, "%s: valid\n%s: valid\n" % (a, b), ""))

    def test_all_errors_of_all_files_with_place_and_caret(self):
        good = self.write("good.yaml", GOOD)
        bad = self.write("bad.yaml", GOOD.replace("duration: 30s", "duration: 30 parsecs\ntread: 4"))
        result = self.locktrail("validate", bad, good, self.path("none.yaml"))
        self.assertEqual((result.status, result.output), (65, "%s: valid\n" % good))
        self.assertIn("%s:2:11: error: duration: " % bad, result.errors)
        self.assertIn("%s:3:1: error: " % bad, result.errors)
        self.assertIn("threads", result.errors)
        self.assertRegex(result.errors, r"(?m)^ *duration: 30 parsecs\n *\^")
        self.assertRegex(result.errors, r"(?m)^locktrail: .*none\.yaml.*No such file")

    def test_a_hostile_file_can_not_speak_to_the_terminal(self):
        bad = self.write("bad.yaml", b"name: \"x\"\n\xc2\x9b31m: 1\n")
        result = self.locktrail("validate", bad)
        self.assertEqual(result.status, 65)
        self.assertNotIn("\x9b", result.errors)
        self.assertNotIn("\x1b", result.errors)

    def test_print_is_a_scenario_that_prints_itself(self):
        path = self.write("a.yaml", GOOD)
        first = self.locktrail("run", path, "--print")
        self.assertEqual((first.status, first.errors), (0, ""))
        self.assertIn("\nthreads: 4\n", first.output)
        again = self.locktrail("run", self.write("b.yaml", first.output), "--print")
        self.assertEqual(again.output, first.output)

    def test_overrides(self):
        path = self.write("a.yaml", GOOD)
        cases = [
            (["--duration", "10m"], "duration: 10m"),
            (["90"], "duration: 90s"),
            (["90", "7"], "threads: 7"),
            (["--threads=9"], "threads: 9"),
            (["--seed", "77"], "seed: 77"),
            (["--set", "workers.python.capture_pct=10"], "    capture_pct: 10"),
            (["--set", "threads=5", "--set", "threads=6"], "threads: 6"),
        ]
        for args, line in cases:
            with self.subTest(args=args):
                result = self.locktrail("run", path, *args, "--print")
                self.assertEqual(result.errors, "")
                self.assertIn("\n%s\n" % line, result.output)

    def test_a_wrong_override_is_named_as_it_was_written(self):
        path = self.write("a.yaml", GOOD)
        for args, shown in (["--threads", "1"], "--threads 1"), (["--set", "treads=1"], "--set treads=1"):
            with self.subTest(args=args):
                result = self.locktrail("run", path, *args, "--print")
                self.assertEqual((result.status, result.output), (65, ""))
                self.assertIn(shown, result.errors)


if __name__ == "__main__":
    unittest.main()
