# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around a run: signals at any moment, a full disk, a directory that goes, a port that is taken."""
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import time
import unittest

import support
from support import GOOD


class Faults(support.CommandRun):
    def begin(self, path, *args, **options):
        process = self.start("run", path, "--yes", "--json", "--out", self.out, *args, **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def wait_for_event(self, name):
        def happened():
            return os.path.exists(self.path("events.jsonl")) and any(
                event["event"] == name for event in support.events_of(self.out))
        support.wait_for(happened, f"the event {name}")

    def path(self, *parts):
        return os.path.join(self.out, *parts)

    def finish(self, process, status):
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, status, errors[-3000:])
        self.assert_nothing_runs()
        return output, errors


class Interrupted(Faults):
    def interrupt(self, process, number=signal.SIGINT):
        process.send_signal(number)
        report = json.loads(self.finish(process, 130)[0])
        self.assertTrue(report["interrupted"])
        return report

    def control(self, seconds):
        return self.scenario("name: test\nduration: 3s\nthreads: 2\n"
                             f"control: {{command: [sleep, '{seconds}'], timeout: 50s}}\n"
                             f"arms: tee\nworkers:\n{self.good_worker()}")

    def test_while_the_control_runs(self):
        process = self.begin(self.control(50))
        self.wait_for_event("run_started")
        support.wait_for(lambda: os.path.exists(self.path("control", "stdout")), "the control's start")
        report = self.interrupt(process, signal.SIGHUP)
        self.assertEqual(report["control"]["outcome"], "not_run")
        self.assertEqual(os.listdir(self.path("copies", "upload")), [])

    def test_while_an_environment_is_prepared(self):
        slow = os.path.join(self.directory, "python")
        with open(slow, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho preparing >&2\ntrap '' TERM\nsleep 50 & wait\nsleep 50\n")
        os.chmod(slow, 0o755)
        process = self.begin(self.scenario("name: test\nduration: 3s\nthreads: 2\nworkers:\n  python:\n"
                                           "    runtime: ddtrace\n"
                                           f"    interpreter: {slow}\nphases: [local]\n"))
        log = self.path("prepare-python.log")
        support.wait_for(lambda: os.path.exists(log) and os.path.getsize(log) > 0, "the preparation's first line")
        process.send_signal(signal.SIGTERM)
        self.wait_for_event("interrupted")
        report = self.interrupt(process)
        self.assertFalse([worker for worker in report["workers"] if worker["started"]])

    def test_while_workers_are_started(self):
        process = self.begin(self.file(self.good_worker(count=200, start_timeout="60s"), duration="30s"))
        self.wait_for_event("worker_started")
        report = self.interrupt(process)
        started = [worker["started"] for worker in report["workers"]]
        self.assertIn(True, started)
        self.assertIn(False, started)

    def test_while_uploads_wait_for_the_agent(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        process = self.begin(self.file(self.good_worker()),
                             env={"DD_TRACE_AGENT_URL": f"http://127.0.0.1:{listener.getsockname()[1]}"})
        self.wait_for_event("worker_ended")
        report = self.interrupt(process)
        self.assertEqual((report["uploads"]["stored"], report["uploads"]["forward_failed"]), (1, 1))

    def test_signals_without_end(self):
        """From its beginning to its end, every few milliseconds: also while the journal is closed and the report made."""
        process = self.begin(self.file(self.good_worker(count=4)))
        self.wait_for_event("run_started")
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.002)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors[-3000:])
        self.assertTrue(json.loads(output)["interrupted"])
        self.assert_nothing_runs()

    def test_one_that_ends_without_a_word_is_no_evidence(self):
        process = self.begin(self.file(self.worker("hello", "lock:good_lock", "acquire:good_lock:1", f"write:{GOOD}",
                                                   f"upload:{GOOD}", "sleep:50"), duration="50s"))
        self.wait_for_event("stored")
        report = self.interrupt(process)
        self.assertEqual(report["verdict"], "error")
        self.assertEqual([problem["text"] for problem in report["problems"]],
                         ["was interrupted and ended without having said done: its copies may be cut short"])


class Killed(Faults):
    def test_at_any_moment_leaves_a_valid_marked_report_and_no_process(self):
        path = self.file(self.worker("hello", "lock:good_lock", "acquire:good_lock:1", "sleep:0.1", f"write:{GOOD}",
                                     f"upload:{GOOD}", "sleep:20", count=2), duration="30s", arms="paired")
        moments = random.Random(7)
        for number in range(5):
            self.out = os.path.join(self.directory, f"run-{number}")
            process = self.begin(path)
            support.wait_for(lambda: os.path.exists(self.path("scenario.yaml")), "the run directory")
            time.sleep(moments.uniform(0, 0.7))
            process.kill()
            process.communicate()
            self.assert_nothing_runs()
            status, output, errors = self.locktrail("report", self.out, "--json")
            self.assertEqual(status, 70, errors)
            report = json.loads(output)
            self.assertFalse(report["complete"])
            for name in os.listdir(self.path("copies", "upload")):
                if name.endswith(".pprof"):
                    self.assertTrue(os.path.exists(self.path("copies", "upload", name[:-len("pprof")] + "json")), name)
            told = [event for event in support.events_of(self.out) if event["event"] == "copy"]
            for event in told:
                name = f"{event['instance']}.{event['sequence']}.pprof"
                self.assertEqual(os.path.getsize(self.path("copies", event["stage"], name)), event["size"])
            self.assertEqual([lock["loss"] for lock in report["locks"] if lock["loss"]], [])


class Surroundings(Faults):
    def test_a_coordinator_that_stood_still_calls_nobody_hung(self):
        process = self.begin(self.file(self.worker("hello", "lock:good_lock", "acquire:good_lock:1", f"write:{GOOD}",
                                                   f"upload:{GOOD}", "steady:1.5", "done", silence_timeout="600ms"),
                                       duration="10s"))
        self.wait_for_event("stored")
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.9)
        process.send_signal(signal.SIGCONT)
        report = json.loads(self.finish(process, 0)[0])
        self.assertEqual(report["problems"], [])

    def test_a_full_disk_is_reported_beside_what_there_is(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
        path = self.file(self.good_worker(count=3))
        output, errors = self.finish(self.begin(path, preexec_fn=limit), 73)
        report = json.loads(output)
        self.assertIn("good_lock", [lock["name"] for lock in report["locks"]])
        self.assertEqual(report["verdict"], "error")
        self.assertIn("events.jsonl: File too large", errors)

    def test_a_run_directory_that_goes_away(self):
        steady = self.worker("hello", "lock:good_lock", "acquire:good_lock:1", "steady:1", "done")
        process = self.begin(self.file(steady, duration="10s"))
        self.wait_for_event("worker_started")
        shutil.rmtree(self.out)
        output, errors = self.finish(process, 73)
        self.assertEqual(output, "")
        self.assertIn(f"the run directory {self.out} was removed during the run", errors)

    def test_a_port_that_is_taken(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        port = listener.getsockname()[1]
        process = self.begin(self.file(self.good_worker(), more=f"intake: {{listen: '127.0.0.1:{port}'}}\n"))
        output, errors = process.communicate(timeout=30)
        self.assertNotEqual(process.returncode, 0)
        self.assertEqual(output, "")
        self.assertRegex(errors, f"can't start the intake: .*{port}")
        self.assertEqual(os.listdir(self.path("workers", "mine.1.tee")), [])

    def test_two_runs_do_not_share_a_directory(self):
        path = self.file(self.good_worker())
        both = [self.begin(path), self.begin(path)]
        for process in both:
            process.communicate(timeout=60)
        self.assertEqual(sorted(process.returncode for process in both), [0, 73])
        self.assertEqual(self.locktrail("report", self.out, "--quiet")[0], 0)

    def test_a_guard_that_is_missing(self):
        home = os.path.join(self.directory, "home")
        os.makedirs(home)
        binary = shutil.copy(support.LOCKTRAIL, home)
        made = subprocess.run([binary, "run", self.file(self.good_worker(count=2)), "--json", "--out", self.out],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              env={**support.clean_environment(), "LOCKTRAIL_HOME": support.ROOT})
        self.assertEqual(made.returncode, 70, made.stderr)
        problems = json.loads(made.stdout)["problems"]
        self.assertEqual([problem["who"] for problem in problems], ["mine.1.tee", "mine.2.tee"])


class Bounds(support.CommandRun):
    def test_problems_of_one_worker(self):
        problems = self.run_bad("hello", "hellos:300", "errors:10", "done")
        self.assertEqual(len(problems), 21)
        self.assertEqual(problems[0]["text"], "said hello a second time")
        self.assertEqual(problems[-1]["text"], "290 more problems (PROBLEMS_MAX)")

    def test_lines_of_one_worker(self):
        problems = self.run_bad("hello", "locks:1200", "done")
        self.assertRegex(problems[0]["text"], r"^said more than the ledger holds")
        self.assertLess(os.path.getsize(os.path.join(self.out, "ledger.jsonl")), 66 << 20)

    def test_a_local_profile_above_the_limit_does_not_keep_the_others_back(self):
        status, report = self.run_scenario(self.file(
            self.worker("hello", "lock:good_lock", "acquire:good_lock:1", "write-huge", f"write:{GOOD}",
                        f"upload:{GOOD}", "done")))
        self.assertEqual((status, support.states_of(report, "collector")), (70, {"test/good_lock": "exact"}))
        self.assertEqual(len(report["problems"]), 1, report["problems"])
        self.assertRegex(report["problems"][0]["text"], r"0\.pprof: it has more than the 67108864 bytes allowed$")
        copies = [event for event in support.events_of(self.out) if event["event"] == "copy"]
        self.assertEqual(copies[0]["sha256"], copies[1]["sha256"])

    def test_an_upload_of_another_run_is_not_taken(self):
        status, report = self.run_scenario(self.file(
            self.worker("hello", "lock:good_lock", "acquire:good_lock:1", f"write:{GOOD}", f"upload:{GOOD}",
                        f"stale-upload:{GOOD}", "done")))
        self.assertEqual((status, report["uploads"]["stored"], report["uploads"]["rejected"]), (70, 1, 1))
        self.assertIn("it comes from no worker of this run", report["problems"][0]["text"])


if __name__ == "__main__":
    unittest.main()
