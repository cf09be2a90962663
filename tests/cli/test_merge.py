# SPDX-License-Identifier: Apache-2.0
"""locktrail merge, and what of a matrix's losses counts: a small matrix is run whole and in shards, once for all tests."""

import datetime
import json
import os
import shlex
import shutil
import tempfile
import unittest

from cli import Cli

MATRIX = """name: m
scenario: scenario.yaml
axes:
  way: [{kept: {workers.app.command.6: "upload:test.py:7:good_lock"}}, {lost: {workers.app.command.6: "upload:test.py:7"}}]
  threads: [2, 4]
retries: 0
"""
COMMAND = "locktrail run scenario.yaml --set 'workers.app.command.6=\"upload:test.py:7\"' --set threads=2 --seed 1"


def relative(days):
    day = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return day.strftime("%Y-%m-%d")


class Merge(Cli):
    @classmethod
    def setUpClass(cls):
        """The same results in a whole matrix and in three shards: the shards' lines are the whole one's."""
        super().setUpClass()
        cls.made = tempfile.mkdtemp(prefix="locktrail-merge-")
        cls.addClassCleanup(shutil.rmtree, cls.made, ignore_errors=True)
        cls.ran = False

    def setUp(self):
        super().setUp()
        if not Merge.ran:
            self.make()
            Merge.ran = True
        for name in os.listdir(Merge.made):
            source = os.path.join(Merge.made, name)
            (shutil.copytree if os.path.isdir(source) else shutil.copy)(source, self.path(name))

    def make(self):
        self.worker_scenario()
        self.write("m.yaml", MATRIX)
        whole = self.locktrail("matrix", "m.yaml", "--out", "whole", "--quiet")
        self.assertEqual((whole.status, whole.errors), (1, ""), whole.output)
        with open(self.path("whole", "cells.jsonl"), encoding="utf-8") as file:
            lines = file.readlines()
        for shard in ("1", "2", "3"):
            done = self.locktrail("matrix", "m.yaml", "--shard", shard + "/3", "--out", shard, "--quiet")
            self.assertIn(done.status, (0, 1), done.errors)
            with open(self.path(shard, "cells.jsonl"), encoding="utf-8") as file:
                mine = {json.loads(line)["id"] for line in file}
            self.write(shard + "/cells.jsonl", "".join(line for line in lines if json.loads(line)["id"] in mine))
        for name in ("whole", "1", "2", "3"):
            shutil.rmtree(self.path(name, "cells"))
        self.locktrail(*shlex.split(COMMAND)[1:], "--quiet", "--out", "run")
        for name in os.listdir(self.directory):
            shutil.move(self.path(name), Merge.made)

    def read(self, *parts):
        with open(self.path(*parts), encoding="utf-8") as file:
            return file.read()

    def test_a_merge_has_the_bytes_of_a_matrix_that_was_not_cut(self):
        whole = self.locktrail("report", "whole")
        merged = self.locktrail("merge", "2", "3", "1", "--out", "merged")
        again = self.locktrail("report", "merged")
        for result in (whole, merged, again):
            self.assertEqual((result.status, result.errors), (1, ""))
        self.assertEqual(merged.output.replace("directory  merged", "directory  whole"), whole.output)
        self.assertEqual(again.output, merged.output)
        for name in ("report.json", "junit.xml"):
            self.assertEqual(self.read("merged", name), self.read("whole", name), name)
        self.assertEqual(self.locktrail("merge", "1", "2", "3", "--json").output, self.read("whole", "report.json"))
        self.assertIn("lost iff way = lost\n", whole.output)
        self.assertIn("\n      %s\n" % COMMAND, whole.output)

    def test_the_command_that_is_told_reproduces_the_loss(self):
        self.assertEqual(json.loads(self.read("run", "report.json"))["verdict"], "partial")

    def test_missing_shards_are_named(self):
        self.assert_error(self.locktrail("merge", "2", "--out", "o"), 65,
                          "merge: of 3 shards these are missing: 1, 3 (--partial merges the others)")
        self.assertFalse(os.path.exists(self.path("o")))
        partial = self.locktrail("merge", "2", "--out", "o", "--partial")
        self.assertIn("MISSING    of 3 shards: 1, 3; ", partial.output)
        self.assertNotEqual(partial.status, 0)
        self.assertEqual(self.locktrail("report", "o").output, partial.output)
        self.assertEqual(json.loads(self.read("o", "report.json"))["shards"], {"shard": 0, "of": 3, "missing": [1, 3]})

    def test_another_matrix_is_refused(self):
        self.write("m.yaml", MATRIX.replace("threads: [2, 4]", "threads: [2, 3]"))
        other = self.locktrail("matrix", "m.yaml", "--shard", "3/3", "--out", "other", "--quiet")
        self.assertIn(other.status, (0, 1), other.errors)
        refused = self.locktrail("merge", "1", "2", "other", "--out", "o")
        self.assertEqual((refused.status, refused.output), (65, ""))
        self.assertIn("other", refused.errors)
        self.assertFalse(os.path.exists(self.path("o")))

    def test_wrong_operands(self):
        self.assert_error(self.locktrail("merge", "none"), 65, "cannot read none/matrix.json: No such file or directory")
        self.assert_error(self.locktrail("merge", "1", "2", "3", "--out", "whole"), 73,
                          "whole is not empty: a matrix needs a directory of its own, name another with --out")

    def test_baseline(self):
        self.assertEqual(self.locktrail("report", "whole", "--baseline", "whole", "--quiet").status, 0)
        self.assertEqual(self.locktrail("merge", "1", "2", "3", "--baseline", "whole", "--quiet").status, 0)
        self.assertEqual(self.locktrail("report", "whole", "--baseline", "run", "--quiet").status, 0)
        report = json.loads(self.read("run", "report.json"))
        for lock in report["locks"]:
            lock["loss"] = None
        self.write("run/report.json", json.dumps(report))
        self.assertEqual(self.locktrail("report", "whole", "--baseline", "run", "--quiet").status, 1)
        self.assert_error(self.locktrail("report", "whole", "--baseline", "."), 65,
                          "baseline: .: neither matrix.json nor a run's report.json is there")

    def test_expected_losses(self):
        entry = "- {cell: {way: lost}, lock: '*/good_*', stage: upload, reason: known since spring, until: %s}\n"
        self.write("expected.yaml", entry % relative(1))
        done = self.locktrail("report", "whole", "--expected", "expected.yaml", "--junit", "j.xml")
        self.assertEqual((done.status, done.errors), (0, ""))
        self.assertIn("losses     2, of 1 lock: 2 expected\n", done.output)
        self.assertIn("; expected until %s: known since spring" % relative(1), self.read("j.xml"))
        self.write("expected.yaml", entry % relative(-1))
        done = self.locktrail("report", "whole", "--expected", "expected.yaml")
        self.assertEqual(done.status, 1)
        self.assertIn("EXPECTED LOSSES\n  expected.yaml:1 was expected until %s and counts again: known since\n    spring\n"
                      % relative(-1), done.output)
        self.write("expected.yaml", "- {lock: never, reason: nobody, until: 2999-01-01}\n")
        done = self.locktrail("report", "whole", "--expected", "expected.yaml")
        self.assertEqual(done.status, 1)
        self.assertIn("EXPECTED LOSSES\n  expected.yaml:1 matches no loss: nobody\n", done.output)
        self.write("expected.yaml", "- {lock: never, reson: nobody, until: 2999-01-01}\n")
        done = self.locktrail("report", "whole", "--expected", "expected.yaml")
        self.assertEqual((done.status, done.output), (65, ""))
        self.assertIn("expected.yaml:1:17: error: unknown key `reson`, did you mean `reason`?\n", done.errors)

    def test_github(self):
        summary = self.write("summary.md", "before\n")
        done = self.locktrail("report", "whole", "--github", env={"GITHUB_STEP_SUMMARY": summary})
        self.assertEqual((done.status, done.errors), (1, ""))
        self.assertIn("\n::error title=1 lock is lost in 2 of 4 cells%%3A test/good_lock::lost iff way = lost: test/good_lock; to reproduce: %s\n"
                      % COMMAND, done.output)
        self.assertTrue(self.read("summary.md").startswith("before\n## locktrail: m: partial\n"))
        json.loads(self.locktrail("report", "whole", "--github", "--json", env={"GITHUB_STEP_SUMMARY": summary}).output)
        without = self.locktrail("report", "whole", "--github")
        self.assertEqual(without.errors, "locktrail: GITHUB_STEP_SUMMARY is not set, so there is no summary\n")

    def test_options_of_matrices_only(self):
        self.assert_error(self.locktrail("report", "run", "--github"), 64,
                          "report: run is not a matrix's directory, of which --github would be")


if __name__ == "__main__":
    unittest.main()
