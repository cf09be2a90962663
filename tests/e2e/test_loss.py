# SPDX-License-Identifier: Apache-2.0
"""The harness's proof of itself: each file of scenarios/loss loses names on purpose, and what its head says must be
reported, all of it and nothing else."""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import tempfile
import unittest

import support

FOLDER = os.path.join(support.ROOT, "scenarios", "loss")
FILES = sorted(os.path.splitext(os.path.basename(path))[0] for path in glob.glob(os.path.join(FOLDER, "*.yaml")))
# A component is not there: the file needs `make agents`, or an environment for ddtrace.
EXIT_MISSING = 69
# Runs at once: each has two or three busy processes for two seconds, mostly asleep.
AT_ONCE = 2


def told(name):
    """What the file's head says: losses as (lock, mechanism, stage), verdict, exit status."""
    with open(os.path.join(FOLDER, name + ".yaml"), encoding="utf-8") as file:
        head = file.read().partition("\nname: ")[0]
    losses = [tuple(line.split()) for line in re.findall(r"^# Loss: (.*)$", head, re.M)]
    return (sorted(loss for loss in losses if loss != ("none",)), re.findall(r"^# Verdict: (\w+)$", head, re.M)[0],
            int(re.findall(r"^# Exit: (\d+)$", head, re.M)[0]))


def reported(report):
    return sorted((lock["id"], lock["loss"]["mechanism"], lock["loss"]["stage"]) for lock in report["locks"]
                  if lock["loss"])


def of_backend(report):
    return [hop for hop in report["hops"] if hop["to"] == "backend"]


class Runner:
    """One run outside of a test, in the thread that waits for it."""

    start, locktrail = support.Run.start, support.Run.locktrail

    def result(self, name):
        """Exit status, report (None where there is none) and stderr."""
        directory = tempfile.mkdtemp(prefix="locktrail-loss-")
        try:
            status, output, errors = self.locktrail("run", os.path.join(FOLDER, name + ".yaml"), "--yes", "--json",
                                                    "--out", os.path.join(directory, "run"))
            try:
                return status, json.loads(output), errors
            except ValueError:
                return status, None, errors
        finally:
            left = support.processes_mentioning(directory)
            shutil.rmtree(directory, ignore_errors=True)
            if left:
                raise AssertionError(f"{name}: still running: {left}")


class Loss(unittest.TestCase):
    maxDiff = None
    pool = None
    planned = []
    runs = {}

    @classmethod
    def setUpClass(cls):
        cls.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        for name in cls.planned:
            cls.runs[name] = cls.pool.submit(Runner().result, name)

    @classmethod
    def tearDownClass(cls):
        for run in cls.runs.values():
            run.cancel()
        cls.pool.shutdown()
        cls.runs.clear()

    def check(self, name):
        """The report, for what a file shows beyond its losses."""
        if name not in self.runs:
            self.runs[name] = self.pool.submit(Runner().result, name)
        status, report, errors = self.runs[name].result()
        if status == EXIT_MISSING:
            raise unittest.SkipTest(f"{name} needs a component: {errors.strip().splitlines()[-1]}")
        self.assertIsNotNone(report, f"exit {status}, no report\n{errors[-4000:]}")
        losses, verdict, code = told(name)
        self.assertEqual((reported(report), report["verdict"], status), (losses, verdict, code),
                         json.dumps({key: report[key] for key in ("conclusion", "notes", "problems", "hops")}, indent=1))
        self.assertEqual(report["problems"], [])
        for lock in report["locks"]:
            if lock["loss"]:
                self.assertTrue(lock["loss"]["evidence"], lock["id"])
        return report

    def assert_evidence(self, report, text):
        for lock in report["locks"]:
            self.assertIn(text, lock["loss"]["evidence"], lock["id"])

    def test_status_backend_trace_agent(self):
        """The agent hands the refusal on, so nobody was told that all is well."""
        report = self.check("status-backend-trace-agent")
        self.assert_evidence(report, "the agent was told 503, and the client 503 before")
        hops = of_backend(report)
        self.assertTrue(hops)
        for hop in hops:
            self.assertEqual((hop["lost"], hop["told_well"]), (hop["sent"], 0), hop)

    def test_status_backend_serverless_compat(self):
        """The agent has answered before it delivers: each client was told 200, and each upload is lost."""
        report = self.check("status-backend-serverless-compat")
        self.assert_evidence(report, "the agent was told 503, and the client 200 before")
        hops = of_backend(report)
        self.assertTrue(hops)
        for hop in hops:
            self.assertGreater(hop["sent"], 0, hop)
            self.assertEqual((hop["lost"], hop["told_well"]), (hop["sent"], hop["sent"]), hop)

    def test_duplicated_is_counted_at_its_hop(self):
        for stage in ("upload", "backend"):
            hops = self.check(f"duplicated-{stage}")["hops"]
            self.assertEqual({hop["to"] for hop in hops if hop["doubled"]}, {stage}, hops)


class Idle(support.Run):
    def test_a_fault_that_has_nothing_to_change_is_told(self):
        """A misspelt lock must not read as a pipeline that stands everything."""
        status, output, _ = self.locktrail(
            "run", os.path.join(FOLDER, "label_dropped-upload.yaml"), "--json", "--out", self.out, "--set",
            "faults=[{at: upload, mechanism: label_dropped, locks: [nosuch]}]")
        report = json.loads(output)
        self.assertEqual((status, report["verdict"]), (0, "success"), report["conclusion"])
        self.assertEqual(report["faults"], ["faults.0: label_dropped at upload has changed nothing: no upload had what "
                                            "it is for (locks, worker, length, rate)"])


def add_tests():
    """A test for each file; those that show more than losses have one of their own above."""
    def test_of(name):
        return lambda self: self.check(name)

    for name in FILES:
        method = "test_" + re.sub(r"\W", "_", name)
        if not hasattr(Loss, method):
            setattr(Loss, method, test_of(name))


add_tests()


def load_tests(_, tests, __):
    """What the chosen tests need is run ahead of them, AT_ONCE at a time."""
    chosen = {case.id().rpartition(".")[2] for suite in tests for case in suite}
    Loss.planned = [name for name in FILES if "test_" + re.sub(r"\W", "_", name) in chosen]
    return tests


if __name__ == "__main__":
    unittest.main()
