# SPDX-License-Identifier: Apache-2.0
"""The C workload under lockprof, by the shipped scenarios and by short ones: both copies, builds, causes of lost names."""
import hashlib
import json
import os
import shutil
import signal
import unittest

import support

BUILD = os.path.dirname(support.LOCKTRAIL)
SMOKE = os.path.join(support.ROOT, "scenarios", "smoke.yaml")
BUILDS = os.path.join(support.ROOT, "scenarios", "builds.yaml")
STAGES = ("collector", "upload")
# As where no virtual environment can be made.
NO_PYTHON = ("--set", "workers.python.interpreter=/none/python3")


def copies(directory, stage):
    """Hash of each copy of a stage, by its file's name."""
    folder = os.path.join(directory, "copies", stage)
    found = {}
    for name in os.listdir(folder):
        if name.endswith(".pprof"):
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


class Native(support.Run):
    def native(self, patterns, duration="2s", more="", **keys):
        """A scenario of one native worker, and what it makes."""
        settings = "".join(", %s: %s" % pair for pair in keys.items())
        return self.scenario(f"name: native\nduration: {duration}\nthreads: 4\n{more}workers:\n"
                             f"  c: {{runtime: native{settings}}}\nphases: [{patterns}]\n")

    def assert_equal_copies(self):
        """One process gives both: the same bytes, whatever the numbers of the copies."""
        local, uploads = copies(self.out, "collector"), copies(self.out, "upload")
        self.assertTrue(local)
        self.assertEqual(sorted(local.values()), sorted(uploads.values()))


class Shipped(Native):
    def test_smoke_runs_without_a_package_index(self):
        status, report = self.run_scenario(SMOKE, "5", "4", *NO_PYTHON)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assertEqual([left["worker"] for left in report["left_out"]], ["python"])
        self.assertIn("/none/python3", report["left_out"][0]["why"])
        self.assertEqual(report["control"]["outcome"], "passed")
        locks = support.locks_of(report)
        self.assertEqual({lock["worker"] for lock in locks.values()}, {"native"})
        for name in ("request_lock", "response_lock", "global_database_lock", "user_session_lock", "cache_lock",
                     "_internal_lock", "__private_lock"):
            lock = next(lock for lock in locks.values() if lock["name"] == name)
            self.assertEqual({stage: lock["states"][stage]["state"] for stage in STAGES + ("control",)},
                             {"collector": "exact", "upload": "exact", "control": "exact"}, name)
        self.assertEqual({lock["states"]["collector"]["state"] for lock in locks.values()
                          if lock["pattern"] == "anonymous"}, {"generic"})
        for lock in locks.values():
            self.assertIsNone(lock["loss"], lock["id"])
            for stage in STAGES:
                self.assertEqual(lock["states"][stage]["acquires"], lock["acquires"], (lock["id"], stage))
                self.assertGreater(lock["states"][stage]["hold_ns"], 0, (lock["id"], stage))
                self.assertGreater(lock["states"][stage]["wait_ns"], 0, (lock["id"], stage))
        self.assertFalse([note for note in report["notes"] if "other bytes" in note])
        self.assert_equal_copies()
        self.check_the_left_out()
        self.assert_nothing_runs()

    def check_the_left_out(self):
        """Said in the journal, on the terminal and in JUnit."""
        events = [event for event in support.events_of(self.out) if event["event"] == "left_out"]
        self.assertEqual([event["worker"] for event in events], ["python"])
        status, output, _ = self.locktrail("report", self.out)
        self.assertEqual(status, 0)
        self.assertIn("\nworker     python: LEFT OUT: ", output)
        with open(os.path.join(self.out, "junit.xml"), encoding="utf-8") as file:
            self.assertIn('name="python">\n      <skipped message="left_out">', file.read())

    def test_both_runtimes_in_one_run(self):
        support.ddtrace_python()
        path = self.scenario("name: both\nduration: 4s\nthreads: 4\nworkers:\n  native: {runtime: native}\n"
                             "  python: {runtime: ddtrace, optional: true}\nphases: [global, member]\n")
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assertEqual(report["left_out"], [])
        self.assertEqual(sorted(worker["name"] for worker in report["workers"]),
                         ["native.1.tee", "native.control", "python.1.local", "python.1.upload", "python.control"])
        for worker in ("native", "python"):
            for lock in support.locks_of(report, worker).values():
                self.assertEqual({lock["states"][stage]["state"] for stage in STAGES}, {"exact"}, lock["id"])

    def test_a_worker_that_must_run_is_not_left_out(self):
        status, _, errors = self.locktrail("run", SMOKE, "2", "4", "--out", self.out, *NO_PYTHON, "--set",
                                           "workers.python.optional=false")
        self.assertEqual(status, 69)
        self.assertIn("can't start the interpreter /none/python3", errors)

    def test_a_run_in_which_nobody_is_left(self):
        path = self.scenario("name: alone\nduration: 2s\nphases: [member]\nworkers:\n"
                             "  python: {runtime: ddtrace, optional: true, interpreter: /none/python3}\n")
        status, _, errors = self.locktrail("run", path, "--out", self.out)
        self.assertEqual(status, 69)
        self.assertIn("can't start the interpreter /none/python3", errors)

    def test_all_builds_in_one_run(self):
        status, report = self.run_scenario(BUILDS, "12", "2")
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        for lock in report["locks"]:
            self.assertIsNone(lock["loss"], (lock["worker"], lock["id"]))
        for worker, states in (("O2g", {"exact"}), ("split", {"exact"}), ("stripped", {"generic"})):
            named = [lock for lock in report["locks"] if lock["worker"] == worker and lock["pattern"] == "member"]
            self.assertEqual({lock["states"][stage]["state"] for lock in named for stage in STAGES}, states, worker)
        status, output, _ = self.locktrail("report", self.out)
        self.assertEqual(status, 0)
        table = output.partition("Each lock in the collector of each worker:\n")[2]
        self.assertRegex(table, r"\nmember/cache_lock +exact +generic +")
        self.assertTrue(all(len(line) <= 80 for line in table.splitlines() if not line.startswith("directory")), table)
        self.assertRegex(table, r"\nA +O0g, O2g, O3lto")
        self.assert_equal_copies()


class Builds(Native):
    def test_a_stripped_program_shows_no_name_and_loses_none(self):
        status, report = self.run_scenario(self.native("global, member", build="stripped"))
        self.assertEqual((status, report["problems"]), (4, []), report["conclusion"])
        self.assertIn("every declared lock is a known limit", report["conclusion"])
        self.assertEqual(set(support.states_of(report, "collector").values()), {"generic"})
        self.assertEqual({lock["known_limit"] for lock in report["locks"]}, {True})
        for lock in report["locks"]:
            self.assertTrue(lock["states"]["collector"]["count_equal"], lock["id"])

    def copy_of_the_build(self):
        """A home of its own for locktrail, in which files can be missing."""
        home = os.path.join(self.directory, "home", "build")
        os.makedirs(os.path.join(home, "native"))
        for name in ("locktrail", "locktrail-guard", "lockprof", "liblockprof.so", "native/native-O2g",
                     "native/native-split"):
            shutil.copy2(os.path.join(BUILD, name), os.path.join(home, name))
        return home

    def run_from(self, home, path, *args):
        """As run_scenario with the locktrail of another home."""
        before, support.LOCKTRAIL = support.LOCKTRAIL, os.path.join(home, "locktrail")
        try:
            return self.locktrail("run", path, "--yes", "--json", "--out", self.out, *args,
                                  env={"LOCKTRAIL_HOME": support.ROOT})
        finally:
            support.LOCKTRAIL = before

    def test_split_debug_information_that_is_gone(self):
        """The names are in .dwo files, whose path is part of the program: another path of the same length has none."""
        home = self.copy_of_the_build()
        program = os.path.join(home, "native", "native-split")
        with open(program, "rb") as file:
            content = file.read()
        self.assertIn(b".dwo\0", content)
        with open(program, "wb") as file:
            file.write(content.replace(b".dwo\0", b".gon\0"))
        path = self.native("member", build="split")
        status, output, errors = self.run_from(home, path)
        self.assertEqual(status, 2, output[:2000] + errors[-2000:])
        report = json.loads(output)
        self.assertEqual(report["verdict"], "failure")
        for lock in report["locks"]:
            self.assertEqual(lock["states"]["control"]["state"], "exact", lock["id"])
            self.assertEqual((lock["loss"]["stage"], lock["loss"]["mechanism"]), ("collector", "never_named"))
        self.assertTrue(any(step.startswith("build: split is set for c: ") for step in report["next_steps"]),
                        report["next_steps"])

    def test_what_is_missing_is_said_with_what_to_do(self):
        for name in ("lockprof", "liblockprof.so", "native/native-split", "native/native-O2g"):
            shutil.rmtree(os.path.join(self.directory, "home"), ignore_errors=True)
            shutil.rmtree(self.out, ignore_errors=True)
            home = self.copy_of_the_build()
            os.unlink(os.path.join(home, name))
            status, output, errors = self.run_from(home, self.native("member", build="split"))
            self.assertEqual((status, output), (69, ""), errors)
            self.assertIn("worker c: a native worker needs %s (make builds lockprof and the C workload): No such file "
                          "or directory" % os.path.join(home, name), errors)


class Sampling(Native):
    def test_rare_sampling_in_a_short_run_is_inconclusive(self):
        """At 1 in 10,000 a lock of some hundred acquires has a sample once in fifty runs."""
        status, report = self.run_scenario(self.native("global, member", capture_pct=0.01))
        self.assertEqual((status, report["verdict"]), (4, "inconclusive"), report["conclusion"])
        self.assertIn("undersampled", support.states_of(report, "collector").values())
        self.assertTrue(any("--duration" in step for step in report["next_steps"]), report["next_steps"])

    def test_one_in_ten_is_enough_for_a_name(self):
        path = self.native("global, member", duration="5s", capture_pct=10)
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (0, "success"), report["conclusion"])
        for lock in report["locks"]:
            self.assertFalse(lock["states"]["collector"]["count_checked"], lock["id"])
        self.assert_equal_copies()

    def test_a_percentage_that_is_no_one_in_n_is_refused(self):
        path = self.native("member", capture_pct=30)
        status, _, errors = self.locktrail("run", path, "--out", self.out)
        self.assertEqual(status, 65)
        self.assertIn("lockprof takes 1 in N, expected 33.3333 (1 in 3) or 25 (1 in 4), not 30", errors)


class Interval(Native):
    def test_each_interval_gives_two_equal_copies(self):
        path = self.native("member", duration="4s", upload_interval="1s")
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["problems"]), (0, []), report["conclusion"])
        self.assertGreaterEqual(len(copies(self.out, "upload")), 3)
        self.assertFalse([note for note in report["notes"] if "no upload covers" in note or "twice" in note])
        self.assert_equal_copies()

    def test_an_upload_through_a_unix_socket(self):
        path = self.native("member", more="intake: {listen: 'unix:'}\n")
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (0, "success"), report["conclusion"])
        self.assert_equal_copies()


class Ended(Native):
    def start_long(self):
        path = self.native("member", duration="60s", upload_interval="1s")
        process = self.start("run", path, "--yes", "--json", "--out", self.out)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        support.wait_for(lambda: os.path.isdir(os.path.join(self.out, "copies", "upload")) and
                         copies(self.out, "upload"), "an upload")
        return process

    def test_an_interrupted_run_has_both_copies(self):
        process = self.start_long()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        report = json.loads(output)
        self.assertEqual((process.returncode, report["interrupted"], report["problems"]), (130, True, []))
        self.assertEqual(set(support.states_of(report, "upload").values()), {"exact"})
        self.assert_equal_copies()
        self.assert_nothing_runs()

    def test_nothing_is_left_when_locktrail_is_killed(self):
        process = self.start_long()
        process.kill()
        process.communicate(timeout=60)
        self.assert_nothing_runs(deadline_s=20)
        status, output, _ = self.locktrail("report", self.out, "--json")
        self.assertEqual((status, json.loads(output)["complete"]), (70, False))


class OwnProgram(Native):
    def test_a_program_of_ones_own_under_lockprof(self):
        """The guide's program, compiled and run as the guide says."""
        with open(os.path.join(support.ROOT, "docs", "guide-c.md"), encoding="utf-8") as file:
            guide = file.read()
        source = guide.partition("```c\n")[2].partition("```")[0]
        scenario = guide.partition("```yaml\n")[2].partition("```")[0]
        with open(os.path.join(self.directory, "shop.c"), "w", encoding="utf-8") as file:
            file.write(source)
        support.compile_c("shop.c", "shop", self.directory)
        lockprof = os.path.join(BUILD, "lockprof")
        path = self.scenario(scenario.replace("[lockprof,", "['%s'," % lockprof).replace("./shop]", "./shop]\n"
                             "    directory: '%s'" % self.directory).replace("duration: 10s", "duration: 5s"))
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report)
        for stage in STAGES:
            self.assertEqual(support.states_of(report, stage),
                             {"cart_lock": "exact", "stock_lock": "exact", "coupon_lock": "exact"}, stage)
        self.assert_equal_copies()


if __name__ == "__main__":
    unittest.main()
