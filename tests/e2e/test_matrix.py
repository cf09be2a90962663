# SPDX-License-Identifier: Apache-2.0
"""Matrices of native workers: cells side by side, going on after Ctrl-C and kill -9, flaky ones, exit codes, shards."""
import json
import os
import signal
import sys
import time
import unittest

from support import GOOD, PROGRAMS, Run

SCENARIO = """name: base
duration: 500ms
threads: 2
control: none
backend: {kind: store, deadline: 5s}
workers: {w: {runtime: native, upload_interval: 1s}}
phases: [global]
"""
FAULT = "fault: [none, lost: {mechanism: label_dropped, at: upload}]"


class Matrix(Run):
    def matrix(self, axes, *more):
        self.scenario(SCENARIO)
        path = os.path.join(self.directory, "m.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("name: m\nscenario: scenario.yaml\naxes:\n")
            file.writelines("  %s\n" % axis for axis in axes)
            file.writelines("%s\n" % line for line in more)
        return path

    def attempts(self):
        """Those recorded, by id, in their order."""
        found = {}
        with open(os.path.join(self.out, "cells.jsonl"), encoding="utf-8") as file:
            for line in file:
                attempt = json.loads(line)
                found.setdefault(attempt["id"], []).append(attempt)
        return found

    def report(self):
        with open(os.path.join(self.out, "report.json"), encoding="utf-8") as file:
            return json.load(file)

    def wait_for_lines(self, count):
        """Until so many attempts are recorded."""
        deadline = time.monotonic() + 60
        path = os.path.join(self.out, "cells.jsonl")
        while time.monotonic() < deadline:
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    if len(file.readlines()) >= count:
                        return
            time.sleep(0.01)
        self.fail("not %d attempts within a minute" % count)

    def test_cells_side_by_side(self):
        path = self.matrix(["build: [O2g, g1]", FAULT], "retries: 1")
        status, output, errors = self.locktrail("matrix", path, "-j", "2", "--out", self.out)
        self.assertEqual(status, 1, output + errors)
        attempts = self.attempts()
        self.assertEqual(sorted(len(of) for of in attempts.values()), [1, 1, 2, 2])
        for of in attempts.values():
            lost = of[0]["verdict"] == "partial"
            self.assertEqual(len(of), 2 if lost else 1)
            for attempt in of:
                self.assertEqual({(loss["stage"], loss["mechanism"]) for loss in attempt["losses"]},
                                 {("upload", "label_dropped")} if lost else set())
        self.assertIn("iff fault = lost", output)
        lines = errors.splitlines()
        self.assertEqual(len(lines), 6, errors)
        self.assertRegex(lines[-1], r"^4/4 (success|partial) build=(O2g|g1) fault=(none|lost) seed=1 \(\d+\.\d s")
        self.assertEqual(sorted(os.listdir(os.path.join(self.out, "cells"))), sorted(attempts))
        # The report is made from the directory alone.
        again = self.locktrail("report", self.out, "--json")
        self.assertEqual((again[0], json.loads(again[1])), (1, self.report()))
        self.assert_nothing_runs()

    def test_only_and_fail_fast(self):
        path = self.matrix(["threads: [2, 3, 4]", FAULT])
        status, _, errors = self.locktrail("matrix", path, "-j", "1", "--fail-fast", "--only", "fault=lost", "--out", self.out)
        self.assertEqual(status, 1)
        self.assertEqual([len(of) for of in self.attempts().values()], [1], errors)

    def test_a_second_one_after_control_c(self):
        path = self.matrix(["threads: [2, 3, 4, 5]"])
        process = self.start("matrix", path, "-j", "1", "--out", self.out)
        self.wait_for_lines(1)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, output + errors)
        before = self.attempts()
        self.assertLess(len(before), 4)
        self.assertTrue(self.report()["interrupted"])
        self.assert_nothing_runs()
        status, output, errors = self.locktrail("matrix", "--resume", self.out)
        self.assertEqual(status, 0, output + errors)
        after = self.attempts()
        self.assertEqual(sorted(len(of) for of in after.values()), [1, 1, 1, 1])
        for cell, of in before.items():
            self.assertEqual(after[cell], of)
        self.assertFalse(self.report()["interrupted"])

    def test_going_on_after_a_kill(self):
        path = self.matrix(["threads: [2, 3, 4, 5]"])
        process = self.start("matrix", path, "-j", "1", "--out", self.out)
        self.wait_for_lines(1)
        process.kill()
        process.communicate()
        self.assert_nothing_runs()
        before = self.attempts()
        # What a kill in the middle of a line leaves.
        with open(os.path.join(self.out, "cells.jsonl"), "a", encoding="utf-8") as file:
            file.write('{"id":"0123')
        status, output, _ = self.locktrail("report", self.out)
        self.assertEqual(status, 130, output)
        status, output, errors = self.locktrail("matrix", "--resume", self.out)
        self.assertEqual(status, 0, output + errors)
        after = self.attempts()
        self.assertEqual(len(after), 4)
        for cell, of in before.items():
            self.assertEqual(after[cell], of)

    def test_a_flaky_cell_is_said_to_be_flaky(self):
        """A worker that loses its name only the first time."""
        flag = os.path.join(self.directory, "flag")
        script = (f"test -e {flag} && label={GOOD} || label=test.py:7; touch {flag}; exec {sys.executable} "
                  f"{os.path.join(PROGRAMS, 'worker.py')} hello lock:good_lock acquire:good_lock:1 write:$label upload:$label done")
        path = self.matrix(["threads: [2]"])
        self.scenario("name: once\nduration: 1s\ncontrol: none\narms: tee\nphases: [{pattern: test}]\nworkers:\n  app:\n"
                      "    runtime: command\n    protocol: lines\n    command: [sh, -c, %s]\n" % json.dumps(script))
        status, output, errors = self.locktrail("matrix", path, "--out", self.out)
        self.assertEqual(status, 2, output + errors)
        (attempts,) = self.attempts().values()
        self.assertEqual([attempt["verdict"] for attempt in attempts], ["failure", "success", "success"])
        self.assertRegex(output, r"(?s)FLAKY\n.* threads=2: test/good_lock is lost in 1 of 3 \(95%: 0\.06 to\s+0\.79\)")

    def test_shards_that_are_merged_are_the_whole(self):
        path = self.matrix(["threads: [2, 3, 4]", FAULT], "retries: 0")
        parts = [os.path.join(self.directory, "part%d" % k) for k in (1, 2)]
        for k, part in enumerate(parts, 1):
            self.assertIn(self.locktrail("matrix", path, "--shard", "auto", "--out", part,
                                         env={"LOCKTRAIL_SHARD": "%d/2" % k})[0], (0, 1))
        status, output, errors = self.locktrail("merge", *parts, "--out", self.out)
        self.assertEqual(status, 1, output + errors)
        self.assertEqual(len(self.attempts()), 6)
        self.assertIn("iff fault = lost", output)
        status, output, errors = self.locktrail("merge", parts[1], "--out", os.path.join(self.directory, "half"))
        self.assertEqual((status, output), (65, ""))
        self.assertEqual(errors, "locktrail: merge: of 2 shards these are missing: 1 (--partial merges the others)\n")

    def test_a_scenario_that_can_not_be_run_is_an_error(self):
        path = self.matrix(["workers.w.limits.memory: [16MiB]"], "retries: 0")
        status, output, errors = self.locktrail("matrix", path, "--out", self.out)
        self.assertEqual(status, 70, output + errors)
        (attempts,) = self.attempts().values()
        self.assertEqual(attempts[0]["verdict"], "error")


if __name__ == "__main__":
    unittest.main()
