# SPDX-License-Identifier: Apache-2.0
"""Workers of every kind of good and bad behaviour under the real coordinator; no ddtrace needed."""
import os
import signal
import unittest

import support
from support import GOOD


class Coordinator(support.CommandRun):
    def test_both_copies_of_one_process(self):
        status, report = self.run_scenario(self.file(self.good_worker()))
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])
        lock = support.locks_of(report)["test/good_lock"]
        self.assertEqual(lock["states"]["collector"]["acquires"], 1)
        self.assertEqual(lock["states"]["upload"]["acquires"], 1)
        names = sorted(os.listdir(os.path.join(self.out, "copies", "upload")))
        self.assertEqual(names, ["mine.1.tee.1.json", "mine.1.tee.1.pprof"])
        with open(os.path.join(self.out, "copies", "collector", "mine.1.tee.1.pprof"), "rb") as one, \
                open(os.path.join(self.out, "copies", "upload", "mine.1.tee.1.pprof"), "rb") as other:
            self.assertEqual(one.read(), other.read())

    def test_no_key_reaches_the_run_directory(self):
        self.run_scenario(self.file(self.good_worker()), env={"DD_TAGS": "x"})
        for folder, _, names in os.walk(self.out):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"secret-of-test", file.read(), name)

    def test_intake_on_a_unix_socket(self):
        status, report = self.run_scenario(self.file(self.good_worker(), more="intake: {listen: 'unix:'}\n"))
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])
        self.assertFalse(os.path.exists(os.path.join(self.out, "intake.sock")))

    def test_paired_arms_are_two_processes(self):
        status, report = self.run_scenario(self.file(self.good_worker(count=2), arms="paired"))
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])
        self.assertEqual(sorted(worker["name"] for worker in report["workers"]),
                         ["mine.1.local", "mine.1.upload", "mine.2.local", "mine.2.upload"])

    def test_a_name_lost_on_the_way(self):
        path = self.file(self.worker("hello", "lock:good_lock", "acquire:good_lock:1", f"write:{GOOD}",
                                     "upload:test.py:7", "done"))
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (1, "partial"))
        self.assertEqual(support.locks_of(report)["test/good_lock"]["loss"]["stage"], "upload")

    def test_a_name_never_there(self):
        path = self.file(self.worker("hello", "lock:good_lock", "acquire:good_lock:1", "write:test.py:7",
                                     "upload:test.py:7", "done"))
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (2, "failure"))
        loss = support.locks_of(report)["test/good_lock"]["loss"]
        self.assertEqual((loss["stage"], loss["mechanism"]), ("collector", "never_named"))

    def test_crash(self):
        problems = self.run_bad("hello", "say:about to crash", "signal:11")
        self.assertRegex(problems[0]["text"], r"^ended by signal 11 \(Segmentation fault\).*, \d+\.\d s after its start$")
        self.assertIn("about to crash", problems[0]["output"])

    def test_exit_status(self):
        self.assertRegex(self.run_bad("hello", "done", "exit:3")[0]["text"], r"^ended by exit 3, \d")

    def test_killed_by_somebody(self):
        self.assertRegex(self.run_bad("hello", "signal:9")[0]["text"], r"^ended by signal 9 \(Killed\), \d")

    def test_no_such_program(self):
        path = self.file("  bad:\n    runtime: command\n    command: [/nowhere/program]\n    protocol: lines\n",
                         self.good_worker())
        status, report = self.run_scenario(path)
        self.assertEqual(status, 70)
        self.assertEqual([problem["text"] for problem in report["problems"]],
                         ["could not be started (program /nowhere/program): No such file or directory"])

    def test_never_says_hello(self):
        problems = self.run_bad("sleep:30", start_timeout="500ms")
        self.assertRegex(problems[0]["text"], r"^hung: said nothing in 0\.[5-9] s since its start \(start_timeout\)$")

    def test_falls_silent(self):
        problems = self.run_bad("hello", "sleep:30", silence_timeout="500ms")
        self.assertEqual(problems[0]["text"], "hung: said nothing for 0.5 s (silence_timeout)")

    def test_does_not_follow_sigterm(self):
        problems = self.run_bad("ignore-term", "hello", "sleep:30", silence_timeout="300ms", stop_timeout="300ms")
        self.assertIn("killed because it did not follow SIGTERM", problems[1]["text"])

    def test_does_not_end_after_its_done(self):
        problems = self.run_bad("hello", "done", "sleep:30", stop_timeout="500ms")
        self.assertEqual(problems[0]["text"], "did not exit within 0.5 s after it was done (stop_timeout)")

    def test_ends_without_having_said_done(self):
        self.assertRegex(self.run_bad("hello")[0]["text"], r"without having said done$")

    def test_garbage_lines(self):
        problems = self.run_bad("hello", "line:nonsense", "line:more", "done")
        self.assertEqual(len(problems), 1)
        self.assertRegex(problems[0]["text"], r'^line 2 on descriptor 3: not a protocol line "nonsense": offset 0')

    def test_a_line_without_end(self):
        self.assertIn("longer than", self.run_bad("hello", "long:3000000", "done")[0]["text"])

    def test_flood_of_output(self):
        problems = self.run_bad("hello", "flood:50000000", "done", limits="{output: 64KiB}")
        self.assertRegex(problems[0]["text"], r"^flooded its output: \d+ bytes over limits.output were dropped$")
        self.assertLessEqual(os.path.getsize(os.path.join(self.out, "workers", "bad.1.tee", "stdout")), 64 * 1024)

    def test_file_size_limit(self):
        problems = self.run_bad("hello", "fill:2000000", "done", limits="{disk: 1MiB}")
        self.assertRegex(problems[0]["text"], r"^ended by (exit 1|signal 25)")

    def test_descriptor_limit(self):
        self.assertIn("Too many open files", self.run_bad("hello", "open:100", "done", limits="{files: 32}")[0]["output"])

    def test_memory_limit(self):
        problems = self.run_bad("hello", "memory:500000000", "done", limits="{memory: 256MiB}")
        self.assertIn("MemoryError", problems[0]["output"])

    def test_profile_elsewhere(self):
        problems = self.run_bad("hello", 'line:{"type":"profile","path":"/tmp/elsewhere.pprof"}', "done")
        self.assertEqual(problems[0]["text"], "wrote a local profile outside its directory: /tmp/elsewhere.pprof")

    def test_grandchildren_are_ended_and_do_not_hold_the_run(self):
        path = self.file(self.worker("hello", "lock:good_lock", "acquire:good_lock:1", "child", f"write:{GOOD}",
                                     f"upload:{GOOD}", "done"))
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])
        self.assert_nothing_runs()

    def silent(self, *words, duration="1s", **keys):
        path = self.scenario(f"name: test\nduration: {duration}\nthreads: 2\ncontrol: none\narms: tee\nworkers:\n"
                             + self.worker(f"write-silently:{GOOD}", f"upload:{GOOD}", *words, protocol="silent",
                                           start_timeout=None, silence_timeout=None, **keys)
                             + "    locks: [{id: good, name: good_lock, site: 'test.py:7', acquires: 1}]\n")
        status, report = self.run_scenario(path)
        self.assert_nothing_runs()
        return status, report

    def test_silent_command_runs_for_the_duration(self):
        status, report = self.silent("sleep:30")
        self.assertEqual((status, report["verdict"]), (0, "success"), report)

    def test_silent_command_that_ends_early_has_not_kept_its_duration(self):
        status, report = self.silent("exit:0", duration="20s")
        self.assertEqual((status, report["verdict"]), (70, "error"))
        self.assertRegex(report["problems"][0]["text"],
                         r"^ended by itself \(exit 0\) \d\.\d s after its start, planned were 20\.0 s$")

    def test_silent_command_that_is_to_end_by_itself(self):
        status, report = self.silent("exit:0", duration="20s", until_exit="true")
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])

    def test_silent_command_that_does_not_end_by_itself(self):
        status, report = self.silent("sleep:30", until_exit="true")
        self.assertEqual((status, report["verdict"]), (70, "error"))
        self.assertRegex(report["problems"][0]["text"],
                         r"^still running 1\.\d s after its start, and it was to end by itself within 1\.0 s$")

    def test_256_workers(self):
        status, report = self.run_scenario(self.file(self.good_worker(count=256, start_timeout="120s"),
                                                     duration="60s"))
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"][:3])
        self.assertEqual(len(report["workers"]), 256)
        self.assertEqual(report["uploads"]["stored"], 256)
        self.assert_nothing_runs()


class Interruption(support.CommandRun):
    def start_long_run(self):
        path = self.file(self.worker("hello", "lock:good_lock", "acquire:good_lock:1", f"write:{GOOD}",
                                     f"upload:{GOOD}", "sleep:60"), duration="60s")
        process = self.start("run", path, "--yes", "--out", self.out)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        copy = os.path.join(self.out, "copies", "upload", "mine.1.tee.1.pprof")
        support.wait_for(lambda: os.path.exists(copy), "the first upload's copy")
        return process

    def test_control_c_stops_collects_and_reports(self):
        process = self.start_long_run()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertIn("good_lock", output)
        status, text, _ = self.locktrail("report", self.out, "--json")
        self.assertEqual(status, 130)
        self.assertIn('"interrupted": true', text)
        self.assert_nothing_runs()

    def test_a_second_control_c_ends_at_once(self):
        path = self.file(self.worker("ignore-term", "hello", "lock:good_lock", "acquire:good_lock:1", "sleep:60",
                                     stop_timeout="50s"), duration="60s")
        process = self.start("run", path, "--yes", "--out", self.out)
        ledger = os.path.join(self.out, "ledger.jsonl")
        support.wait_for(lambda: os.path.exists(ledger), "the worker's first lines")
        process.send_signal(signal.SIGINT)
        support.wait_for(lambda: any(event["event"] == "interrupted" for event in support.events_of(self.out)),
                         "the first interruption in the journal")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.locktrail("report", self.out, "--quiet")[0], 130)
        self.assert_nothing_runs()

    def test_killed_coordinator_leaves_no_worker_and_a_valid_marked_report(self):
        process = self.start_long_run()
        process.kill()
        process.communicate()
        self.assert_nothing_runs()
        status, text, errors = self.locktrail("report", self.out, "--json")
        self.assertEqual(status, 70, errors)
        self.assertIn('"complete": false', text)
        self.assertIn("the coordinator ended before the run did", text)
        self.assertIn("good_lock", text)


class Control(support.CommandRun):
    def run_control(self, command, timeout="10s"):
        words = ", ".join(f"'{word}'" for word in command)
        text = (f"name: test\nduration: 3s\nthreads: 2\ncontrol: {{command: [{words}], timeout: {timeout}}}\narms: tee\n"
                f"workers:\n{self.good_worker()}")
        return self.run_scenario(self.scenario(text))

    def test_passing_command(self):
        status, report = self.run_control(["sh", "-c", "echo 12 tests passed"])
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])
        self.assertEqual(report["control"]["outcome"], "passed")
        self.assertIn("12 tests passed", report["control"]["output"])

    def test_command_gets_no_key_and_is_no_stage_of_the_locks(self):
        key = "0123456789abcdef0123456789abcdef"
        words = "control: {command: [env]}\n"
        path = self.scenario(f"name: test\nduration: 3s\nthreads: 2\n{words}forward: {{to: none}}\narms: tee\nworkers:\n"
                             + self.good_worker())
        status, report = self.run_scenario(path, env={"DD_API_KEY": key, "DD_AGENT_HOST": "127.0.0.1"})
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])
        self.assertEqual(support.states_of(report, "control")["test/good_lock"], "not_run")
        for folder, _, names in os.walk(self.out):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    text = file.read()
                self.assertNotIn(key, text, name)
                self.assertNotIn("DD_AGENT_HOST=", text, name)

    def test_failing_command_is_critical(self):
        status, report = self.run_control(["sh", "-c", "echo 3 tests failed; exit 4"])
        self.assertEqual((status, report["verdict"]), (3, "critical"))
        self.assertEqual((report["control"]["outcome"], report["control"]["exit"]), ("failed", 4))
        self.assertIn("3 tests failed", report["control"]["output"])

    def test_a_command_that_cannot_be_started_says_nothing_of_the_collector(self):
        status, report = self.run_control(["/nowhere/pytest"])
        self.assertEqual((status, report["verdict"]), (70, "error"))
        self.assertEqual(report["problems"][0]["text"],
                         "the control command /nowhere/pytest can't be started: No such file or directory")

    def test_hanging_command_is_critical(self):
        status, report = self.run_control(["sleep", "60"], timeout="300ms")
        self.assertEqual((status, report["verdict"]), (3, "critical"))
        self.assertIn("took longer than control.timeout (0.3 s)", report["control"]["why"])
        self.assert_nothing_runs()


if __name__ == "__main__":
    unittest.main()
