# SPDX-License-Identifier: Apache-2.0
"""The command line of `locktrail bisect`; searches are in tests/e2e/test_versions.py."""
import os
import unittest

from cli import ROOT, Cli

VERSIONS = os.path.join(ROOT, "scenarios", "matrix", "versions.yaml")
RELEASES = os.path.join(ROOT, "scenarios", "matrix", "releases.yaml")
NATIVE = os.path.join(ROOT, "scenarios", "matrix", "native.yaml")
LOCK = ("--lock", "user_session_lock")


class Refusals(Cli):
    def check(self, status, text, *arguments):
        done = self.locktrail("bisect", *arguments)
        self.assertEqual((done.status, done.output, done.errors), (status, "", text))

    def test_what_is_missing(self):
        self.check(64, "locktrail: bisect: --axis is missing, as in locktrail bisect FILE --axis ddtrace --lock NAME\n",
                   VERSIONS, *LOCK)
        self.check(64, "locktrail: bisect: --lock is missing, as in locktrail bisect FILE --axis ddtrace --lock NAME\n",
                   VERSIONS, "--axis", "ddtrace")
        self.check(64, "locktrail: bisect: values are missing: --values A,B,C (only ddtrace has a list of releases)\n",
                   NATIVE, "--axis", "capture_pct", *LOCK)
        self.check(64, "locktrail: the scenario has no ddtrace worker, so give the values: --values A,B,C\n", NATIVE,
                   "--axis", "ddtrace", "--quiet", *LOCK)

    def test_values_and_tries(self):
        for text in ("0", "401", "many", "-1", ""):
            self.check(64, f"locktrail: bisect: --repeats {text} is not a number of tries, expected 1 to 400\n", VERSIONS,
                       "--axis", "ddtrace", "--repeats", text, *LOCK)
        for text in ("", "a,,b", "a,"):
            self.check(64, f"locktrail: --values {text}: a value is empty, expected A,B,C\n", VERSIONS, "--axis", "ddtrace",
                       "--values", text, *LOCK)
        self.check(64, "locktrail: ddtrace has no value 4.16.1, expected one of its own, such as 4.16.0\n", VERSIONS,
                   "--axis", "ddtrace", "--values", "3.17.3,4.16.1", *LOCK)

    def test_axes(self):
        self.check(64, f"locktrail: {VERSIONS} has no axis ddtrac, did you mean ddtrace?\n", VERSIONS, "--axis", "ddtrac",
                   *LOCK)
        done = self.locktrail("bisect", NATIVE, "--axis", "capture_pc", "--values", "1,2", *LOCK)
        self.assertEqual((done.status, done.output), (64, ""))
        self.assertIn("bisect:4:3: error: axes: unknown axis `capture_pc`, did you mean `capture_pct`?\n", done.errors)

    def test_what_all_tries_have(self):
        along = ("--axis", "ddtrace", *LOCK)
        self.check(64, "locktrail: bisect: --set threads is not of the form PATH=VALUE, as in --set threads=8\n", RELEASES,
                   "--set", "threads", "--values", "3.17.3,4.16.0", *along)
        self.check(64, f"locktrail: bisect: --set goes with a scenario, and {VERSIONS} is a matrix: --only AXIS=VALUE\n",
                   VERSIONS, "--set", "threads=8", *along)
        self.check(64, f"locktrail: bisect: --only goes with a matrix, and {RELEASES} is a scenario: --set PATH=VALUE\n",
                   RELEASES, "--only", "lock=rlock", *along)
        self.check(64, "locktrail: --only lock=l*r matches 0 values of lock, expected one, such as rlock\n", VERSIONS,
                   "--only", "lock=l*r", *along)
        self.check(64, "locktrail: bisect: --values 3.17.3..3.19.9 goes with a scenario: of a matrix give values that its "
                   "axis has\n", VERSIONS, "--values", "3.17.3..3.19.9", *along)

    def test_no_file(self):
        self.check(65, "locktrail: cannot read nowhere.yaml: No such file or directory\n", "nowhere.yaml", "--axis", "ddtrace",
                   *LOCK)

    def test_profiles_leave_only_after_a_question(self):
        """Those of one value alone, too."""
        self.write("base.yaml", "name: b\nduration: 1s\nforward: {to: none}\nworkers: {w: {runtime: native}}\nphases: [local]\n")
        self.write("m.yaml", "name: m\nscenario: base.yaml\naxes: {forward.to: [none, agent]}\n")
        done = self.locktrail("bisect", "m.yaml", "--axis", "forward.to", "--out", "o", *LOCK,
                              env={"DD_AGENT_HOST": "agent.test"})
        self.assertEqual((done.status, done.output, done.errors), (
            64, "", "locktrail: bisect: this bisect would send its profiles to agent at agent.test:8126, and there is no "
            "terminal to ask: give --yes, or keep them inside with forward.to=none in the scenario\n"))
        self.assertFalse(os.path.exists(self.path("o")))


if __name__ == "__main__":
    unittest.main()
