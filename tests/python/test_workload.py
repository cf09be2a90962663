# SPDX-License-Identifier: Apache-2.0
"""main.py without a profiler: its lines, its counts, its ends."""
import os
import signal
import subprocess
import sys
import unittest
import unittest.mock

import support

from workload import channel, patterns

THREADS = 4


def arguments(*phases, threads=THREADS, lock_type="rlock"):
    head = ["--launcher", "none", "--lock-type", lock_type, "--threads", str(threads), "--seed", "7"]
    return head + list(phases)


def phases(names, iterations=50, seconds=0.0):
    return support.phase_arguments(names, iterations, seconds)


class Everything(unittest.TestCase):
    """One paced run of all patterns, looked at from several sides."""

    SECONDS = 0.3

    @classmethod
    def setUpClass(cls):
        cls.status, cls.workload = support.run(arguments(*phases(patterns.MODULES, 50, cls.SECONDS)))
        cls.done = cls.workload.messages[-1]

    def test_it_ends_well(self):
        self.assertEqual((self.status, self.workload.of_type("error"), self.workload.stderr), (0, [], ""))
        self.assertEqual((self.done["type"], self.done["interrupted"]), ("done", False))

    def test_hello_comes_first_then_all_locks(self):
        kinds = [message["type"] for message in self.workload.messages]
        locks = self.workload.of_type("lock")
        self.assertEqual(kinds[: 1 + len(locks)], ["hello"] + ["lock"] * len(locks))
        hello = self.workload.messages[0]
        self.assertEqual((hello["runtime"], hello["protocol"], hello["launcher"], hello["profiler"]),
                         ("ddtrace", 1, "none", False))
        self.assertEqual(hello["pid"], self.workload.child.pid)
        self.assertEqual({lock["pattern"] for lock in locks}, set(patterns.MODULES))

    def test_every_lock_that_contends_was_waited_for_and_no_other(self):
        for lock in self.workload.of_type("lock"):
            waits = self.done["waits"][lock["id"]]
            if lock.get("contends", True):
                self.assertGreater(waits, 0, lock["id"])
                self.assertGreater(self.done["wait_ns"][lock["id"]], 0, lock["id"])
            else:
                self.assertEqual(waits, 0, lock["id"])

    def test_acquires_and_depths(self):
        acquires, depth = self.done["acquires"], self.done["depth"]
        self.assertEqual(acquires["member/cache_lock"], 50 * THREADS)
        self.assertEqual(acquires["reentrant/journal_lock"], 3 * 50 * THREADS)
        self.assertEqual(acquires["late_name/settings_lock"], 50 * THREADS + 1)
        self.assertEqual(acquires["in_turn/inbox_lock"], 50)
        locks = ("reentrant/journal_lock", "reentrant/balance_lock", "local/request_lock")
        self.assertEqual([depth[lock_id] for lock_id in locks], [3, 2, 1])

    def test_progress_says_how_far_each_phase_is(self):
        for pattern in patterns.MODULES:
            lines = [m for m in self.workload.of_type("progress") if m["phase"] == pattern]
            done = [m["done"] for m in lines]
            self.assertEqual((sorted(done), done[-1]), (done, 1.0))
            for lock_id, count in lines[-1]["acquires"].items():
                self.assertEqual(count, self.done["acquires"][lock_id])

    def test_phases_keep_their_time(self):
        for phase in self.done["phases"]:
            self.assertEqual((phase["planned_ms"], phase["iterations"], phase["threads"]), (300, 50, THREADS))
            self.assertGreaterEqual(phase["took_ms"], phase["planned_ms"])
        self.assertEqual([phase["phase"] for phase in self.done["phases"]], list(patterns.MODULES))


class Counts(unittest.TestCase):
    def test_the_same_arguments_give_the_same_counts(self):
        results = []
        for _ in range(2):
            status, workload = support.run(arguments(*phases(patterns.MODULES, 30), lock_type="lock"))
            self.assertEqual(status, 0)
            results.append(workload.messages[-1]["acquires"])
        self.assertEqual(results[0], results[1])

    def test_a_phase_may_come_twice(self):
        status, workload = support.run(arguments(*phases(["member", "member"], 20)))
        self.assertEqual((status, len(workload.of_type("lock"))), (0, 2))
        self.assertEqual(workload.messages[-1]["acquires"]["member/cache_lock"], 2 * 20 * THREADS)

    def test_one_thread_waits_for_nobody(self):
        status, workload = support.run(arguments(*phases(patterns.MODULES, 5), threads=1))
        self.assertEqual((status, set(workload.messages[-1]["waits"].values())), (0, {0}))


class Rounds(unittest.TestCase):
    """Phases again and again, until SIGTERM."""

    def test_counts_grow_until_the_end_and_reports_are_sums(self):
        args = ["--rounds"] + arguments(*phases(["member", "semaphore", "member"], 20, 0.1))
        with support.Workload(args) as workload:
            while len([m for m in workload.of_type("progress") if m["done"] == 1.0]) < 8:
                self.assertIsNotNone(workload.read_until("progress"))
            workload.child.send_signal(signal.SIGTERM)
            status = workload.finish()
        done = workload.messages[-1]
        self.assertEqual((status, done["type"], done["interrupted"], workload.of_type("error")), (0, "done", True, []))
        self.assertEqual(len(workload.of_type("lock")), 4)
        self.assertEqual([p["phase"] for p in done["phases"]], ["member", "semaphore", "member"])
        for phase in done["phases"]:
            self.assertEqual((phase["planned_ms"], phase["threads"]), (100 * phase["rounds"], THREADS))
            self.assertGreaterEqual(phase["rounds"], 2)
            self.assertLessEqual(phase["iterations"], 20 * phase["rounds"])
        lines = workload.of_type("progress") + [done]
        self.assertEqual([m["at"] for m in lines], sorted(m["at"] for m in lines))
        for lock, rounds in (("member/cache_lock", 5), ("semaphore/connection_semaphore", 2)):
            counts = [m["acquires"][lock] for m in lines if lock in m["acquires"]]
            self.assertEqual(counts, sorted(counts))
            self.assertGreaterEqual(counts[-1], rounds * 20 * THREADS)

    def test_a_round_in_which_a_thread_died_is_the_last(self):
        command = (sys.executable, support.BROKEN_MAIN)
        status, workload = support.run(["--rounds"] + arguments(*phases(["member", "dying"], 20)), command)
        done = workload.messages[-1]
        self.assertEqual((status, done["interrupted"], [p["rounds"] for p in done["phases"]]), (1, False, [1, 1]))


class Deaths(unittest.TestCase):
    COMMAND = (sys.executable, support.BROKEN_MAIN)

    def test_a_dead_thread_is_reported_and_the_next_phase_runs(self):
        status, workload = support.run(arguments(*phases(["dying", "member"], 20)), self.COMMAND)
        errors = workload.of_type("error")
        self.assertEqual((status, len(errors)), (1, 1))
        self.assertEqual((errors[0]["phase"], errors[0]["thread"], errors[0]["error"]),
                         ("dying", "dying-2", "RuntimeError: cannot release un-acquired lock"))
        self.assertIn("fragile_lock.release()", errors[0]["traceback"])
        done = workload.messages[-1]
        self.assertEqual(done["acquires"]["member/cache_lock"], 20 * THREADS)
        self.assertEqual(done["acquires"]["dying/fragile_lock"], 20 * (THREADS - 1) + 3)
        self.assertEqual([p["iterations"] for p in done["phases"]], [3, 20])

    def test_a_thread_that_dies_with_the_lock_does_not_hang_the_run(self):
        status, workload = support.run(arguments(*phases(["hoarding", "member"], 20)), self.COMMAND)
        errors = {message["thread"]: message["error"] for message in workload.of_type("error")}
        self.assertEqual(status, 1)
        self.assertEqual(errors.pop("hoarding-1"), "ValueError: died with the lock")
        self.assertEqual(set(errors), {"hoarding-2", "hoarding-3", "hoarding-4"})
        for error in errors.values():
            self.assertRegex(error, r"^stuck: no iteration was finished for \d+ s$")
        self.assertEqual(workload.messages[-1]["acquires"]["member/cache_lock"], 20 * THREADS)


class Ends(unittest.TestCase):
    def interrupted(self, number):
        with support.Workload(arguments(*phases(["member", "local"], 12000, 60.0))) as workload:
            self.assertIsNotNone(workload.read_until("progress"))
            workload.child.send_signal(number)
            status = workload.finish()
        done = workload.messages[-1]
        self.assertEqual((status, done["type"], done["interrupted"]), (0, "done", True))
        self.assertEqual([phase["phase"] for phase in done["phases"]], ["member"])
        self.assertLess(done["phases"][0]["iterations"], 12000)

    def test_sigterm_ends_it_in_order(self):
        self.interrupted(signal.SIGTERM)

    def test_sigint_ends_it_in_order(self):
        self.interrupted(signal.SIGINT)

    def test_it_ends_when_nobody_reads_any_more(self):
        with support.Workload(arguments(*phases(["member"], 12000, 60.0))) as workload:
            self.assertIsNotNone(workload.read_until("progress"))
            workload.lines.close()
            status = workload.finish()
        self.assertEqual((status, workload.stderr), (73, "the reader of the protocol lines is gone: Broken pipe\n"))

    def test_a_reader_that_does_not_read_is_gone(self):
        reader, writer = os.pipe()
        try:
            with unittest.mock.patch.object(channel, "SEND_TIMEOUT_S", 0):
                sender = channel.Channel(writer)
                with self.assertRaises(channel.ChannelGone) as caught:
                    sender.send({"text": "x" * (1 << 20)})
            self.assertEqual(str(caught.exception), "the reader of the protocol lines takes none for 0 s")
        finally:
            os.close(reader)
            os.close(writer)

    def test_without_descriptor_3_it_says_who_starts_it(self):
        command = ["sh", "-c", 'exec "$@" 3>&-', "sh", sys.executable, support.MAIN] + arguments(*phases(["member"]))
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=support.environment(),
                                timeout=support.DEADLINE_S)
        self.assertEqual((result.returncode, result.stdout.decode(), result.stderr.decode()),
                         (73, "", channel.NOT_STARTED + "\n"))


class Usage(unittest.TestCase):
    def check(self, expected, *args):
        status, workload = support.run(["--launcher", "none"] + list(args))
        self.assertEqual((status, workload.messages), (64, []))
        self.assertEqual(workload.stderr.splitlines()[-1], "main.py: " + expected)

    def test_phases_that_can_not_be(self):
        form = "expected NAME:ITERATIONS:SECONDS"
        self.check("--phase member: " + form, "--phase", "member")
        self.check("--phase member:1:x: " + form, "--phase", "member:1:x")
        self.check("--phase member:0:1: " + form + ", one iteration at least", "--phase", "member:0:1")
        self.check("--phase member:1:nan: " + form + ", one iteration at least", "--phase", "member:1:nan")
        self.check("--phase nosuch:1:0: no pattern nosuch, there are " + ", ".join(patterns.MODULES),
                   "--phase", "nosuch:1:0")

    def test_threads_out_of_range(self):
        self.check("--threads is 0, expected 1 to 1024", "--threads", "0", "--phase", "member:1:0")


class Launchers(unittest.TestCase):
    def check(self, launcher, expected):
        args = ["--launcher", launcher] + phases(["member"])
        status, workload = support.run(args, (sys.executable, "-S", support.MAIN))
        self.assertEqual((status, [m["type"] for m in workload.messages]), (1, ["hello", "error"]))
        self.assertFalse(workload.messages[0]["profiler"])
        self.assertRegex(workload.messages[1]["error"], expected)

    def test_no_ddtrace(self):
        self.check("auto", r"^ddtrace can't be imported by .*: No module named 'ddtrace'$")

    def test_not_under_ddtrace_run(self):
        self.check("ddtrace-run", r"^not started by ddtrace-run: ")


if __name__ == "__main__":
    unittest.main()
