# SPDX-License-Identifier: Apache-2.0
"""The native workload without a profiler: its lines, its counts, its ends."""
import fcntl
import os
import signal
import subprocess
import unittest

import support
from support import arguments, pattern_names

THREADS = 4
F_SETPIPE_SZ = 1031  # linux/fcntl.h; the module has it from Python 3.10 on
# What may vary from run to run: how often a wait for others ends early.
UNSTEADY = ("condition/commit_lock",)


def who_takes(number, pid):
    """Threads of the process that do not block the signal."""
    found = set()
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task), encoding="utf-8") as status:
            blocked = int([line.split()[1] for line in status if line.startswith("SigBlk:")][0], 16)
        if not blocked >> (number - 1) & 1:
            found.add(int(task))
    return found


class Everything(unittest.TestCase):
    """One paced run of all patterns, looked at from several sides."""

    SECONDS = 0.3

    @classmethod
    def setUpClass(cls):
        cls.status, cls.workload = support.run("O2g", arguments(pattern_names(), 50, cls.SECONDS))
        cls.done = cls.workload.messages[-1]

    def test_it_ends_well(self):
        self.assertEqual((self.status, self.workload.of_type("error")), (0, []))
        self.assertEqual((self.workload.stdout, self.workload.stderr), ("", ""))
        self.assertEqual((self.done["type"], self.done["interrupted"]), ("done", False))

    def test_hello_comes_first_then_all_locks(self):
        kinds = [message["type"] for message in self.workload.messages]
        locks = self.workload.of_type("lock")
        self.assertEqual(kinds[: 1 + len(locks)], ["hello"] + ["lock"] * len(locks))
        hello = self.workload.messages[0]
        self.assertEqual((hello["runtime"], hello["protocol"], hello["build"]), ("native", 1, "O2g"))
        self.assertEqual(hello["pid"], self.workload.child.pid)
        self.assertEqual({lock["pattern"] for lock in locks}, set(pattern_names()))
        self.assertTrue(all(lock["qualified"] for lock in locks))

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
        self.assertEqual(acquires["local/response_lock"], 50 * THREADS + 1)
        self.assertEqual(acquires["reentrant/journal_lock"], 3 * 50 * THREADS)
        self.assertEqual(acquires["recursive/level_lock"], 3 * 50 * THREADS)
        self.assertEqual(acquires["rwlock/price_lock"], 2 * 50 * THREADS)
        self.assertEqual(acquires["in_turn/inbox_lock"], 50)
        self.assertEqual(acquires["spin/statistics_lock"], 50 * (THREADS - 1))
        # The lock, and again at the end of each wait for the condition.
        self.assertGreater(acquires["condition/commit_lock"], 50 * THREADS)
        self.assertLessEqual(acquires["condition/commit_lock"], 2 * 50 * THREADS)
        locks = ("reentrant/journal_lock", "reentrant/balance_lock", "local/request_lock")
        self.assertEqual([depth[lock_id] for lock_id in locks], [3, 2, 1])

    def test_progress_says_how_far_each_phase_is(self):
        for pattern in pattern_names():
            lines = [m for m in self.workload.of_type("progress") if m["phase"] == pattern]
            done = [m["done"] for m in lines]
            self.assertEqual((sorted(done), done[-1]), (done, 1.0))
            for lock_id, count in lines[-1]["acquires"].items():
                self.assertEqual(count, self.done["acquires"][lock_id])

    def test_phases_keep_their_time(self):
        for phase in self.done["phases"]:
            self.assertEqual((phase["planned_ms"], phase["iterations"], phase["threads"]), (300, 50, THREADS))
            self.assertGreaterEqual(phase["took_ms"], phase["planned_ms"])
        self.assertEqual([phase["phase"] for phase in self.done["phases"]], pattern_names())

    def test_every_lock_has_a_place_in_the_executable(self):
        found = support.offsets(self.workload, "O2g")
        self.assertEqual(set(found), {lock["id"] for lock in self.workload.of_type("lock")})


class Counts(unittest.TestCase):
    def test_the_same_arguments_give_the_same_counts(self):
        results = []
        for _ in range(2):
            status, workload = support.run("O2g", arguments(pattern_names(), 30))
            self.assertEqual(status, 0)
            acquires = workload.messages[-1]["acquires"]
            results.append({lock_id: n for lock_id, n in acquires.items() if lock_id not in UNSTEADY})
        self.assertEqual(results[0], results[1])

    def test_a_phase_may_come_twice(self):
        status, workload = support.run("O2g", arguments(["member", "thread_local", "member"], 20))
        self.assertEqual((status, len(workload.of_type("lock"))), (0, 3))
        self.assertEqual(workload.messages[-1]["acquires"]["member/cache_lock"], 2 * 20 * THREADS)

    def test_one_thread_waits_for_nobody(self):
        status, workload = support.run("O2g", arguments(pattern_names(), 5, threads=1))
        self.assertEqual((status, set(workload.messages[-1]["waits"].values())), (0, {0}))

    def test_as_many_threads_as_a_scenario_allows(self):
        status, workload = support.run("O2g", arguments(["member", "slots"], 1, threads=1024))
        self.assertEqual((status, workload.stderr), (0, ""))
        self.assertEqual(workload.messages[-1]["acquires"]["slots/state_lock"], 1024)


class Rounds(unittest.TestCase):
    """Phases again and again, until SIGTERM."""

    def test_counts_grow_until_the_end_and_reports_are_sums(self):
        args = ["--rounds"] + arguments(["member", "thread_local", "member"], 20, 0.1)
        with support.Workload(args, (support.program("O2g"),)) as workload:
            while len([m for m in workload.of_type("progress") if m["done"] == 1.0]) < 8:
                self.assertIsNotNone(workload.read_until("progress"))
            workload.child.send_signal(signal.SIGTERM)
            status = workload.finish()
        done = workload.messages[-1]
        self.assertEqual((status, done["type"], done["interrupted"], workload.of_type("error")), (0, "done", True, []))
        self.assertEqual(len(workload.of_type("lock")), 3)
        self.assertEqual([p["phase"] for p in done["phases"]], ["member", "thread_local", "member"])
        for phase in done["phases"]:
            self.assertEqual((phase["planned_ms"], phase["threads"]), (100 * phase["rounds"], THREADS))
            self.assertGreaterEqual(phase["rounds"], 2)
            self.assertLessEqual(phase["iterations"], 20 * phase["rounds"])
        lines = workload.of_type("progress") + [done]
        self.assertEqual([m["at"] for m in lines], sorted(m["at"] for m in lines))
        counts = [m["acquires"]["member/cache_lock"] for m in lines if "member/cache_lock" in m["acquires"]]
        self.assertEqual(counts, sorted(counts))
        self.assertGreaterEqual(counts[-1], 5 * 20 * THREADS)

    def test_a_round_with_a_failed_thread_is_the_last(self):
        status, workload = support.run("broken", ["--rounds"] + arguments(["member", "dying"], 20))
        done = workload.messages[-1]
        self.assertEqual((status, done["interrupted"], [p["rounds"] for p in done["phases"]]), (1, False, [1, 1]))


class Deaths(unittest.TestCase):
    def test_a_failed_thread_is_reported_and_the_next_phase_runs(self):
        status, workload = support.run("broken", arguments(["dying", "member"], 20))
        errors = workload.of_type("error")
        self.assertEqual((status, len(errors)), (1, 1))
        self.assertEqual((errors[0]["phase"], errors[0]["thread"], errors[0]["error"]),
                         ("dying", "dying-2", "pthread_mutex_lock: Resource deadlock avoided"))
        done = workload.messages[-1]
        self.assertEqual(done["acquires"]["member/cache_lock"], 20 * THREADS)
        self.assertEqual(done["acquires"]["dying/fragile_lock"], 20 * (THREADS - 1) + 3)
        self.assertEqual([p["iterations"] for p in done["phases"]], [3, 20])

    def test_a_thread_that_fails_with_the_lock_does_not_hang_the_run(self):
        status, workload = support.run("broken", arguments(["hoarding", "member"], 20))
        errors = {message["thread"]: message["error"] for message in workload.of_type("error")}
        self.assertEqual(status, 1)
        self.assertEqual(errors.pop("hoarding-1"), "read: Input/output error")
        self.assertEqual(set(errors), {"hoarding-2", "hoarding-3", "hoarding-4"})
        for error in errors.values():
            self.assertRegex(error, r"^stuck: no iteration was finished for \d+ s$")
        self.assertEqual(workload.messages[-1]["type"], "done")
        self.assertEqual([p["phase"] for p in workload.messages[-1]["phases"]], ["hoarding"])


class Ends(unittest.TestCase):
    def interrupted(self, number):
        args = arguments(["semaphore", "local"], 12000, 60.0)
        with support.Workload(args, (support.program("O2g"),)) as workload:
            self.assertIsNotNone(workload.read_until("progress"))
            self.assertEqual(who_takes(number, workload.child.pid), {workload.child.pid})
            workload.child.send_signal(number)
            status = workload.finish()
        done = workload.messages[-1]
        self.assertEqual((status, done["type"], done["interrupted"], workload.of_type("error")), (0, "done", True, []))
        self.assertEqual([phase["phase"] for phase in done["phases"]], ["semaphore"])
        self.assertLess(done["phases"][0]["iterations"], 12000)

    def test_sigterm_ends_it_in_order(self):
        self.interrupted(signal.SIGTERM)

    def test_sigint_ends_it_in_order(self):
        self.interrupted(signal.SIGINT)

    def test_it_ends_when_nobody_reads_any_more(self):
        with support.Workload(arguments(["member"], 12000, 60.0), (support.program("O2g"),)) as workload:
            self.assertIsNotNone(workload.read_until("progress"))
            workload.lines.close()
            status = workload.finish()
        self.assertEqual((status, workload.stderr), (73, "the reader of the protocol lines is gone: Broken pipe\n"))

    def test_a_reader_that_does_not_read_is_gone(self):
        reader, writer = os.pipe()
        try:
            # The lines that declare the locks are more than this.
            fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
            command = ["bash", "-c", 'exec "$@" 3>&%d' % writer, "bash", support.program("O2g")]
            result = subprocess.run(command + arguments(pattern_names()), stdin=subprocess.DEVNULL, pass_fds=(writer,),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                    timeout=support.DEADLINE_S)
        finally:
            os.close(reader)
            os.close(writer)
        self.assertEqual((result.returncode, result.stderr),
                         (73, "the reader of the protocol lines takes none for 10 s\n"))

    def started_with(self, redirection):
        path = support.program("O2g")
        command = ["bash", "-c", 'exec "$@" %s' % redirection, "bash", path] + arguments(["member"])
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, timeout=support.DEADLINE_S)
        return path, result

    def test_without_descriptor_3_it_says_who_starts_it(self):
        for redirection in ("3>&-", "3</dev/null"):
            path, result = self.started_with(redirection)
            expected = (
                "native-O2g: file descriptor 3 is not open for writing. This program is started by locktrail, which "
                "reads its protocol\nlines there. To try it by hand, let them go to the terminal:\n"
                "  %s --threads 4 --seed 1 --phase member:100:0.5 3>&1\n" % path)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (73, "", expected))

    def test_by_hand_the_lines_go_to_the_terminal(self):
        _, result = self.started_with("3>&1")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout.splitlines()[0][:16], '{"type":"hello",')


class Usage(unittest.TestCase):
    def check(self, expected, *args):
        status, workload = support.run("O2g", list(args))
        self.assertEqual((status, workload.messages, workload.stdout), (64, [], ""))
        self.assertEqual(workload.stderr.splitlines()[-1], "native-O2g: " + expected)

    def test_phases_that_can_not_be(self):
        form = "expected PATTERN:ITERATIONS:SECONDS"
        for text in ("member", "member:1", "member:1:x", "member:x:1", "member:1:nan", "member:1:inf", "member:1:-1",
                     "member:-1:1", "member:1:1:1", "member: 1:1", "member:1e3:1", "member:99999999999999999999:1",
                     "member::", "member:1:1e999"):
            self.check("--phase %s: %s" % (text, form), "--phase", text)
        self.check("--phase member:0:1: " + form + ", one iteration at least", "--phase", "member:0:1")
        self.check("--phase nosuch:1:0: no pattern nosuch, there are " + ", ".join(pattern_names()),
                   "--phase", "nosuch:1:0")

    def test_numbers_out_of_range(self):
        for threads in ("0", "1025", "-1", "4x", "", "+4"):
            self.check("--threads is %s, expected 1 to 1024" % threads, "--threads", threads, "--phase", "member:1:0")
        for seed in ("-1", "x", "18446744073709551616"):
            self.check("--seed is %s, expected a whole number" % seed, "--seed", seed, "--phase", "member:1:0")

    def test_what_is_missing_or_unknown(self):
        self.check("no --phase")
        self.check("unknown option --fast", "--fast")
        self.check("unknown option -x", "-x")
        self.check("--phase needs a value", "--phase")
        self.check("unknown argument member", "--phase", "member:1:0", "member")

    def test_help_is_no_error(self):
        status, workload = support.run("O2g", ["--help"])
        self.assertEqual((status, workload.stderr), (0, ""))
        self.assertEqual(workload.stdout, "usage: native-O2g [--threads N] [--seed N] [--rounds] --phase "
                                          "PATTERN:ITERATIONS:SECONDS [--phase ...]\n")


class Sanitizers(unittest.TestCase):
    """Races of the patterns or the runtime, leaks, reads beyond an object."""

    def check(self, variant, env):
        for threads, iterations, seconds in ((THREADS, 20, 0.1), (16, 100, 0.0)):
            status, workload = support.run(variant, arguments(pattern_names(), iterations, seconds, threads), env)
            self.assertEqual((status, workload.stderr, workload.of_type("error")), (0, "", []))
            self.assertEqual(workload.messages[-1]["acquires"]["member/cache_lock"], threads * iterations)

    def test_under_thread_sanitizer(self):
        self.check("tsan", {"TSAN_OPTIONS": "halt_on_error=0:exitcode=66"})

    def test_under_address_sanitizer(self):
        self.check("asan", {"ASAN_OPTIONS": "detect_leaks=1"})


if __name__ == "__main__":
    unittest.main()
