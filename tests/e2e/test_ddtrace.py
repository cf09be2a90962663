# SPDX-License-Identifier: Apache-2.0
"""The real profiler from the package index under the shipped scenarios: what issue and README promise."""
import os
import unittest

import support

SMOKE = os.path.join(support.ROOT, "scenarios", "smoke.yaml")
# smoke.yaml with its ddtrace worker alone.
PYTHON = """name: python
duration: 30s
threads: 4
workers:
  python: {runtime: ddtrace, version: 4.16.0, upload_interval: 5s}
phases: [local, global, member, nested, private, anonymous, reentrant]
"""
STAGES = ("collector", "upload")


class Smoke(support.Run):
    """One run of scenarios/smoke.yaml, 10 s and 4 threads, looked at from several sides."""

    @classmethod
    def setUpClass(cls):
        support.ddtrace_python()

    def test_smoke(self):
        status, report = self.run_scenario(SMOKE, "10", "4")
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assertEqual(report["left_out"], [])
        locks = support.locks_of(report, "python")
        by_name = {lock["name"]: lock for lock in locks.values()}
        for name in ("request_lock", "response_lock", "global_database_lock", "user_session_lock", "cache_lock",
                     "_internal_lock"):
            for stage in STAGES:
                self.assertEqual(by_name[name]["states"][stage]["state"], "exact", (name, stage))
        private = [lock for lock in locks.values() if lock["rendering"].startswith("mangled:")]
        self.assertEqual(len(private), 1)
        anonymous = [lock for lock in locks.values() if lock["pattern"] == "anonymous"]
        self.assertTrue(anonymous)
        for stage in STAGES:
            self.assertEqual(private[0]["states"][stage]["state"], "mangled", stage)
            self.assertEqual({lock["states"][stage]["state"] for lock in anonymous}, {"generic"}, stage)
        for lock in locks.values():
            self.assertIsNone(lock["loss"], lock["id"])
            for stage in STAGES:
                self.assertEqual(lock["states"][stage]["acquires"], lock["acquires"], (lock["id"], stage))
                self.assertGreater(lock["states"][stage]["hold_ns"], 0)
        contended = [lock for lock in locks.values() if lock["states"]["collector"]["wait_ns"] > 0]
        self.assertEqual(len(contended), len(locks))
        self.assertGreaterEqual({stage["name"]: stage["copies"] for stage in report["stages"]}["upload"], 2)
        self.assertGreater(max(lock["states"]["control"]["samples"] for lock in locks.values()), 0)
        self.check_ledger(locks)
        self.assert_nothing_runs()

    def check_ledger(self, locks):
        """Recursion is really recursive, and all that contends was waited for, by the workload's own count."""
        with open(os.path.join(self.out, "ledger.jsonl"), encoding="utf-8") as file:
            ledger = file.read()
        self.assertIn('"depth"', ledger)
        self.assertTrue({"local", "global", "member", "nested", "private", "anonymous", "reentrant"}
                        <= {lock["pattern"] for lock in locks.values()})


class Settings(support.Run):
    """Real causes of lost names: each must be found, and its setting named."""

    @classmethod
    def setUpClass(cls):
        support.ddtrace_python()

    def test_inspect_dir_false_is_a_failure_that_names_the_setting(self):
        status, report = self.run_scenario(self.scenario(PYTHON), "3", "4", "--set", "workers.python.inspect_dir=false")
        self.assertEqual((status, report["verdict"]), (2, "failure"), report["conclusion"])
        members = {lock["name"]: lock for lock in report["locks"] if lock["pattern"] == "member"}
        lost = [name for name, lock in members.items() if lock["loss"] and lock["loss"]["stage"] == "collector"]
        self.assertEqual(sorted(lost), ["cache_lock", "user_session_lock"])
        self.assertTrue(any("DD_PROFILING_LOCK_NAME_INSPECT_DIR" in step for step in report["next_steps"]),
                        report["next_steps"])

    def test_rare_sampling_in_a_short_run_is_inconclusive(self):
        status, report = self.run_scenario(self.scenario(PYTHON), "2", "4", "--set", "workers.python.capture_pct=1")
        self.assertEqual((status, report["verdict"]), (4, "inconclusive"), report["conclusion"])
        self.assertIn("undersampled", support.states_of(report, "collector").values())
        self.assertTrue(any("--duration" in step for step in report["next_steps"]), report["next_steps"])

    def test_a_lock_out_of_step_with_the_sampler_is_never_sampled(self):
        path = self.scenario("name: in-turn\nduration: 4s\nthreads: 2\nworkers:\n  python:\n    runtime: ddtrace\n"
                             "    capture_pct: 50\nphases: [in_turn]\n")
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (2, "failure"), report["conclusion"])
        losses = [lock["loss"] for lock in report["locks"] if lock["loss"]]
        self.assertEqual([(loss["stage"], loss["mechanism"]) for loss in losses], [("collector", "never_sampled")])

    def test_names_that_real_code_loses(self):
        path = self.scenario("name: real-code\nduration: 4s\nthreads: 4\nworkers:\n  python:\n    runtime: ddtrace\n"
                             "phases: [alias, late_name, shared_name, slots, inherited, module, container]\n")
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["problems"]), (2, []), report["conclusion"])
        mechanisms = {lock["pattern"]: lock["loss"]["mechanism"] for lock in report["locks"] if lock["loss"]}
        self.assertEqual(mechanisms.get("alias"), "aliased")
        self.assertEqual(mechanisms.get("late_name"), "never_named")
        for pattern in ("shared_name", "slots", "inherited"):
            self.assertNotIn(pattern, mechanisms)


class OldVersion(support.Run):
    @classmethod
    def setUpClass(cls):
        support.ddtrace_python("3.17.3")

    def test_a_version_that_does_not_profile_rlocks(self):
        status, report = self.run_scenario(self.scenario(PYTHON), "3", "4", "--set", "workers.python.version=3.17.3")
        self.assertEqual((status, report["verdict"]), (2, "failure"), report["conclusion"])
        self.assertEqual(set(support.states_of(report, "collector").values()), {"absent"})
        self.assertTrue(any(name["label"].endswith(":_lock") and name["label"].startswith("threading.py:")
                            for name in report["undeclared"]), report["undeclared"])


class Launchers(support.Run):
    @classmethod
    def setUpClass(cls):
        support.ddtrace_python()

    def test_both_launchers_and_lock_types_give_the_same_states(self):
        for launcher in ("auto", "ddtrace-run"):
            for lock in ("lock", "rlock"):
                self.out = os.path.join(self.directory, f"{launcher}-{lock}")
                status, report = self.run_scenario(self.scenario(PYTHON), "3", "4", "--no-control", "--set",
                                                   f"workers.python.launcher={launcher}", "--set",
                                                   f"workers.python.lock={lock}")
                self.assertEqual((status, report["verdict"]), (0, "success"), (launcher, lock, report["conclusion"]))
                self.assertEqual(report["control"]["outcome"], "not_run")

    def test_own_service_under_the_profiler(self):
        python = support.ddtrace_python()
        service = os.path.join(support.PROGRAMS, "service.py")
        with open(service, encoding="utf-8") as file:
            line = next(number for number, text in enumerate(file, 1) if "order_lock =" in text)
        ddtrace_run = os.path.join(os.path.dirname(python), "ddtrace-run")
        path = self.scenario("name: own-service\nduration: 4s\nthreads: 2\ncontrol: none\nworkers:\n  shop:\n"
                             f"    runtime: command\n    command: ['{ddtrace_run}', '{python}', '{service}']\n"
                             f"    locks: [{{id: order, name: order_lock, site: 'service.py:{line}', acquires: 100}}]\n")
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (0, "success"), report)
        self.assertEqual({stage: support.states_of(report, stage)["order"] for stage in STAGES},
                         {"collector": "exact", "upload": "exact"})


if __name__ == "__main__":
    unittest.main()
