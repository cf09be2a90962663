# SPDX-License-Identifier: Apache-2.0
"""Releases of the real profiler as an axis, and the search along an axis."""
import json
import os
import subprocess
import unittest

import support

VERSIONS = os.path.join(support.ROOT, "scenarios", "matrix", "versions.yaml")
# A name that is lost behind the collector from the third step on.
STEPS = """name: steps
scenario: cell.yaml
axes:
  step:
    - first: {}
    - second: {threads: 3}
    - third: {faults: [{at: upload, mechanism: label_dropped, locks: [global_database_lock]}]}
    - fourth: {threads: 3, faults: [{at: upload, mechanism: label_dropped, locks: [global_database_lock]}]}
"""
CELL = ("name: cell\nduration: 500ms\nthreads: 2\ncontrol: none\nbackend: store\nworkers: {native: {runtime: native}}\n"
        "phases: [global, member]\n")


class Case(support.Run):
    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Versions(Case):
    """versions.yaml with two of its releases and 2 s of work: what is between them is found without being told."""

    @classmethod
    def setUpClass(cls):
        for version in ("3.17.3", "4.16.0"):
            support.ddtrace_python(version)

    def test_rlocks_appear_between_two_releases(self):
        with open(os.path.join(support.ROOT, "scenarios", "matrix", "releases.yaml"), encoding="utf-8") as file:
            self.write("releases.yaml", file.read().replace("duration: 3s", "duration: 2s"))
        with open(VERSIONS, encoding="utf-8") as file:
            path = self.write("versions.yaml", file.read().replace("repeat: 3", "repeat: 1").replace("retries: 1", "retries: 0"))
        status, output, errors = self.locktrail("matrix", path, "--out", self.out, "--json", "--only", "ddtrace=3.17.3",
                                                "--only", "ddtrace=4.16.0")
        self.assertEqual(status, 2, errors)
        report = json.loads(output)
        self.assertEqual([(cell["verdict"], cell["values"]) for cell in report["cells"]],
                         [("failure", {"ddtrace": "3.17.3", "lock": "rlock"}),
                          ("success", {"ddtrace": "3.17.3", "lock": "lock"}),
                          ("success", {"ddtrace": "4.16.0", "lock": "rlock"}),
                          ("success", {"ddtrace": "4.16.0", "lock": "lock"})], errors)
        self.assertIn("ddtrace < 4.16.0 and lock = rlock", output)
        self.assert_nothing_runs()


class Bisect(Case):
    def setUp(self):
        super().setUp()
        self.write("cell.yaml", CELL)
        self.matrix = self.write("steps.yaml", STEPS)

    def test_the_step_at_which_a_name_is_lost(self):
        status, output, errors = self.locktrail("bisect", self.matrix, "--axis", "step", "--lock", "global_database_lock",
                                                "--repeats", "1", "--json", "--out", self.out)
        self.assertEqual(status, 0, errors)
        report = json.loads(output)
        self.assertEqual(report["conclusion"],
                         "global_database_lock is lost from third on: second still names it.")
        boundary = report["boundary"]
        self.assertEqual((boundary["change"], boundary["before"]["value"], boundary["after"]["value"]),
                         ("lost", "second", "third"))
        values = {value["value"]: (value["state"], value["mechanism"]) for value in report["values"]}
        self.assertEqual(values["third"], ("lost", "label_dropped"))
        # The command of either side says the same.
        for side, expected in (("before", 0), ("after", 1)):
            run = subprocess.run(boundary[side]["command"].replace("locktrail", support.LOCKTRAIL, 1) +
                                         f" --quiet --out {self.directory}/{side}", shell=True, check=False,
                                         stdout=subprocess.DEVNULL, env=support.clean_environment())
            self.assertEqual(run.returncode, expected, boundary[side]["command"])
        self.assert_nothing_runs()

    def test_ends_that_agree_and_what_can_not_be_searched(self):
        status, output, _ = self.locktrail("bisect", self.matrix, "--axis", "step", "--lock", "global/global_database_lock",
                                           "--repeats", "1", "--values", "first,second", "--out", self.out)
        self.assertEqual(status, 4)
        self.assertIn("RESULT     No boundary: first and second, the ends, both name\n"
                      "           global/global_database_lock.\n", output)
        status, _, errors = self.locktrail("bisect", self.matrix, "--axis", "step", "--lock", "no_lock", "--quiet", "--out",
                                           self.out + "-2")
        self.assertEqual(status, 65)
        self.assertTrue(errors.startswith("locktrail: bisect: no worker declares a lock no_lock; there are "
                                          "global_database_lock, "), errors)

    def test_a_scenario_and_values_of_the_command_line(self):
        status, output, errors = self.locktrail("bisect", os.path.join(self.directory, "cell.yaml"), "--axis", "capture_pct",
                                                "--values", "100,50", "--lock", "user_session_lock", "--repeats", "1",
                                                "--quiet", "--out", self.out)
        self.assertEqual((status, errors), (4, ""))
        self.assertIn("50                   named in 1 of 1\n  100                  named in 1 of 1\n", output)

    def test_what_all_tries_have(self):
        """--set of a scenario, --only of a matrix: the same fault in all tries, so that no value has the name."""
        cell = os.path.join(self.directory, "cell.yaml")
        matrix = self.write("m.yaml", "name: m\nscenario: cell.yaml\naxes:\n  threads: [2, 3]\n  fault:\n    - none\n"
                            "    - gone: {at: upload, mechanism: label_dropped, locks: [user_session_lock]}\n")
        searches = ((cell, "--values", "2,3", "--set", "threads=9", "--set",
                     "faults=[{at: upload, mechanism: label_dropped, locks: [user_session_lock]}]"),
                    (matrix, "--only", "fault=gone"))
        for number, (file, *arguments) in enumerate(searches):
            status, output, errors = self.locktrail("bisect", file, "--axis", "threads", *arguments, "--lock",
                                                    "user_session_lock", "--repeats", "1", "--quiet", "--out",
                                                    f"{self.out}-{number}")
            self.assertEqual((status, errors), (4, ""))
            self.assertIn("No boundary: 2 and 3, the ends, both lose user_session_lock.", output)


if __name__ == "__main__":
    unittest.main()
