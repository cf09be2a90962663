# SPDX-License-Identifier: Apache-2.0
"""The workload under the real profiler, at 100 %: each name is what its marker says, each acquire is counted once.

This is where the markers are held against ddtrace itself. LOCKTRAIL_DDTRACE_PYTHON names the python of a virtual
environment with ddtrace 4.16.0: python3 workers/python/environment.py --root build/venvs --version 4.16.0
"""
import glob
import os
import re
import tempfile
import unittest

import pprof
import support

from workload import patterns

PYTHON = os.environ.get("LOCKTRAIL_DDTRACE_PYTHON")
HOW = ("LOCKTRAIL_DDTRACE_PYTHON is not set to the python of an environment with ddtrace; "
       "make one: python3 workers/python/environment.py --root build/venvs --version 4.16.0")
# Patterns that are made to lose their names, and what ddtrace 4.16.0 shows.
LOST = {"alias/audit_log_lock": "guard", "late_name/settings_lock": ""}
# What each forked child says below ddtrace-run; it profiles all the same.
IN_CHILD = re.compile("ThreadingLockCollector: target module 'threading' was re-imported ")
ITERATIONS = 50
SECONDS = 0.25


def command(launcher):
    if launcher == "ddtrace-run":
        return (os.path.join(os.path.dirname(PYTHON), "ddtrace-run"), PYTHON, support.MAIN)
    return (PYTHON, support.MAIN)


def profiled(launcher, lock_type, threads, names, variables=None):
    """(finished Workload, {(site, name): counts})."""
    with tempfile.TemporaryDirectory() as directory:
        env = {
            "DD_PROFILING_ENABLED": "1", "DD_PROFILING_CAPTURE_PCT": "100", "DD_TRACE_ENABLED": "0",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "0", "DD_REMOTE_CONFIGURATION_ENABLED": "0",
            "DD_PROFILING_OUTPUT_PPROF": os.path.join(directory, "worker"),
        }
        env.update(variables or {})
        arguments = ["--launcher", launcher, "--lock-type", lock_type, "--threads", str(threads)]
        arguments += support.phase_arguments(names, ITERATIONS, SECONDS)
        _, workload = support.run(arguments, command(launcher), env)
        files = [path for path in glob.glob(os.path.join(directory, "worker.*")) if not path.endswith(".json")]
        try:
            return workload, pprof.lock_counts(files)
        except pprof.MissingTool as e:
            raise unittest.SkipTest(str(e))


def expected_name(lock):
    if lock["id"] in LOST:
        return LOST[lock["id"]]
    if lock["rendering"].startswith("mangled:"):
        return lock["rendering"].partition(":")[2]
    return "" if lock["rendering"] == "generic" else lock["name"]


@unittest.skipUnless(PYTHON, HOW)
class Names(unittest.TestCase):
    def check(self, launcher, lock_type, threads):
        workload, counts = profiled(launcher, lock_type, threads, patterns.MODULES)
        said = [line for line in workload.stderr.splitlines() if launcher == "auto" or not IN_CHILD.match(line)]
        self.assertEqual((workload.child.returncode, said), (0, []))
        self.assertTrue(workload.messages[0]["profiler"])
        acquires = workload.messages[-1]["acquires"]
        for lock in workload.of_type("lock"):
            seen = {name: n["lock-acquire"] for (site, name), n in counts.items() if site == lock["site"]}
            self.assertEqual(seen, {expected_name(lock): acquires[lock["id"]]}, lock["id"])

    def test_auto_rlock_4_threads(self):
        self.check("auto", "rlock", 4)

    def test_auto_lock_16_threads(self):
        self.check("auto", "lock", 16)

    def test_ddtrace_run_rlock_16_threads(self):
        self.check("ddtrace-run", "rlock", 16)

    def test_ddtrace_run_lock_4_threads(self):
        self.check("ddtrace-run", "lock", 4)


@unittest.skipUnless(PYTHON, HOW)
class Sampling(unittest.TestCase):
    def test_of_two_locks_in_turn_one_gets_no_sample_at_50_percent(self):
        for lock_type in ("rlock", "lock"):
            workload, counts = profiled("auto", lock_type, 4, ["in_turn"], {"DD_PROFILING_CAPTURE_PCT": "50"})
            self.assertEqual(workload.child.returncode, 0)
            sites = {lock["site"] for lock in workload.of_type("lock")}
            seen = [n["lock-acquire"] for (site, _), n in counts.items() if site in sites]
            self.assertEqual((len(sites), seen), (2, [ITERATIONS]))


@unittest.skipUnless(PYTHON, HOW)
class Starting(unittest.TestCase):
    def test_ddtrace_run_without_the_profiler(self):
        workload, _ = profiled("ddtrace-run", "rlock", 1, ["member"], {"DD_PROFILING_ENABLED": "0"})
        self.assertEqual((workload.child.returncode, [m["type"] for m in workload.messages]), (1, ["hello", "error"]))
        self.assertEqual(workload.messages[1]["error"],
                         "ddtrace-run started no profiler, since DD_PROFILING_ENABLED is not 1")

    def test_interrupted_it_still_writes_its_profile(self):
        with tempfile.TemporaryDirectory() as directory:
            env = {"DD_PROFILING_OUTPUT_PPROF": os.path.join(directory, "worker"), "DD_TRACE_ENABLED": "0",
                   "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "0", "DD_REMOTE_CONFIGURATION_ENABLED": "0"}
            args = ["--launcher", "auto"] + support.phase_arguments(["member"], 12000, 60.0)
            with support.Workload(args, command("auto"), env) as workload:
                self.assertIsNotNone(workload.read_until("progress"))
                workload.child.terminate()
                self.assertEqual(workload.finish(), 0)
            self.assertTrue(workload.messages[-1]["interrupted"])
            self.assertTrue([name for name in os.listdir(directory) if not name.endswith(".json")])


if __name__ == "__main__":
    unittest.main()
