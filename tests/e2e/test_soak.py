# SPDX-License-Identifier: Apache-2.0
"""Soaks for real: names, counts and uploads over minutes, leaks, kills, disturbances."""
import json
import os
import signal
import unittest

from soaking import SCENARIO, Soak, directory_size

# Minutes where nothing is lost, so that slow growth and rare faults show; less under sanitizers (Makefile, check-san).
SOAK_S = int(os.environ.get("LOCKTRAIL_SOAK_S", "180"))

class Long(Soak):
    def test_minutes_without_a_loss(self):
        """Every upload is accounted for, and locktrail itself stays what it is."""
        status, record = self.soak(self.file(), SOAK_S, "--max-disk", "64MiB")
        self.assertEqual((status, record["verdict"], record["problems"]), (0, "success", []), record["conclusion"])
        self.assert_accounted(record)
        uploads = record["uploads"]
        self.assertGreater(uploads["good"], 2 * 10 * SOAK_S * 0.8)
        self.assertEqual(uploads["good"], uploads["arrived"]["backend"])
        self.assertEqual((record["losses"], record["groups"], uploads["unjudged"]), ([], [], 0))
        for process in record["processes"][1:]:
            self.assertEqual(process["seen"], process["acquires"], process["name"])
            self.assertGreater(process["latency"]["count"], 0)
        for kind in ("rss", "descriptors", "threads", "disk"):
            self.assertFalse(self.watch(record, "locktrail", kind)["trend"]["growing"], kind)
        self.assertLess(directory_size(self.out), 64 << 20)
        self.assert_nothing_runs()

    def test_a_name_lost_in_one_upload_of_a_thousand(self):
        """It is found, and shown with both copies."""
        fault = ("faults:\n  - {at: backend, mechanism: value_rewritten, rule: other, to: wrong_lock, rate: 0.001,\n"
                 "     locks: [user_session_lock]}\n")
        status, record = self.soak(self.file(count=8, more=fault), 300, "--until-loss")
        self.assertEqual((status, record["verdict"]), (1, "partial"), record["conclusion"])
        loss = record["losses"][0]
        self.assertEqual((loss["lock"], loss["stage"], loss["mechanism"]),
                         ("member/user_session_lock", "backend", "value_rewritten"))
        names = {}
        for stage in ("upload", "backend"):
            code, output, _ = self.locktrail("inspect", os.path.join(self.out, loss["copies"][stage]))
            self.assertEqual(code, 0)
            names[stage] = output
        self.assertIn("user_session_lock", names["upload"])
        self.assertNotIn("wrong_lock", names["upload"])
        self.assertIn("wrong_lock", names["backend"])
        self.assert_accounted(record)
        self.assert_nothing_runs()


class Short(Soak):
    def test_killed_and_resumed(self):
        """kill -9 loses at most the last interval, and --resume goes on with the same counts."""
        process = self.start("soak", self.file(), "--for", "12s", "--until-loss", "--quiet", "--out", self.out)
        before = self.wait_for(lambda r: r["uploads"]["judged"] > 40)
        status, _, errors = self.locktrail("soak", "--resume", self.out)
        self.assertEqual((status, errors), (73, f"locktrail: another locktrail is at work in {self.out}\n"))
        process.kill()
        process.communicate()
        at_kill = self.read()
        self.assertLess(at_kill["elapsed_ms"] - before["elapsed_ms"], 2500)
        self.assertFalse(at_kill["ended"])
        self.assert_nothing_runs()
        status, output, errors = self.locktrail("soak", "--resume", self.out, "--json", "--quiet")
        self.assertEqual(status, 0, errors[-2000:])
        record = json.loads(output)
        self.assertEqual((record["resumed"], record["ended"], record["run_id"], record["until_loss"]),
                         (1, True, at_kill["run_id"], True))
        self.assertGreaterEqual(record["elapsed_ms"], 12000)
        self.assertGreater(record["uploads"]["good"], at_kill["uploads"]["good"] + 40)
        self.assert_accounted(record)
        self.assertEqual(record["losses"], [])

    def test_a_full_directory_ends_it(self):
        """What workers write is theirs, and goes on until --max-disk."""
        path = self.scenario("name: full\nworkers:\n  loud:\n    runtime: command\n"
                             "    command: [sh, -c, 'head -c 80000000 /dev/zero; sleep 600']\n"
                             "    limits: {output: 128MiB}\n    locks:\n      - {id: a, name: a, site: 'a.c:1'}\n"
                             "backend: store\n")
        status, record = self.soak(path, 600, "--max-disk", "64MiB")
        self.assertEqual((status, record["verdict"]), (70, "error"), record["conclusion"])
        self.assertEqual(record["why_ended"], "the run directory grew above --max-disk")
        self.assertIn("above --max-disk", record["problems"][0]["text"])
        self.assert_nothing_runs()

    def test_what_can_not_be_written_is_still_told(self):
        """The report is of the whole soak, and not of the last soak.json that could be written."""
        process = self.start("soak", self.file(), "--for", "4s", "--out", self.out)
        self.wait_for(lambda r: r["uploads"]["judged"] > 5)
        record = os.path.join(self.out, "soak.json")
        os.unlink(record)
        os.mkdir(record)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 73, errors[-2000:])
        self.assertIn("ended      the time is over", output)
        self.assertIn("soak.json", errors)

    def test_sigterm_ends_with_a_report(self):
        process = self.start("soak", self.file(), "--for", "1h", "--out", self.out)
        self.wait_for(lambda r: r["uploads"]["judged"] > 10)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors[-2000:])
        self.assertIn("VERDICT", output)
        self.assertIn("SIGTERM", output)
        record = self.read()
        self.assertTrue(record["ended"] and record["interrupted"])
        self.assert_accounted(record)
        for name in ("curves.svg", "junit.xml"):
            self.assertTrue(os.path.exists(os.path.join(self.out, name)), name)
        status, again, _ = self.locktrail("report", self.out)
        self.assertEqual((status, again), (130, output))

    def test_workers_that_come_and_go(self):
        """Locks by the thousand, children, short lives: every acquire is in one upload."""
        path = self.scenario(SCENARIO.replace("  - {pattern: member, iterations: 40}\n",
                                              "  - {pattern: churn, iterations: 40}\n  - {pattern: forks, iterations: 8}\n")
                             .replace("    upload_interval: 100ms\n", "    upload_interval: 200ms\n    lifetime: 4s\n")
                             % {"count": 2, "workers": "", "more": ""})
        status, record = self.soak(path, 14)
        self.assertEqual((status, record["verdict"], record["losses"]), (0, "success", []), record["conclusion"])
        self.assert_accounted(record)
        for process in record["processes"][1:]:
            self.assertGreaterEqual(process["lives"], 3)
            self.assertGreaterEqual(process["planned_ends"], 2)
            self.assertEqual((process["seen"], process["failures"]), (process["acquires"], 0), process["name"])

    def test_disturbances(self):
        """What a kill, a stop and a refusing tap lose is theirs; the way recovers, and names that came through are right."""
        more = ("disturbances:\n  - {what: kill, at: 3s}\n  - {what: stop, at: 6s, length: 1s}\n"
                "  - {what: refuse, at: 9s, length: 1s, stage: upload, status: 403}\n  - {what: load, at: 11s, length: 2s, processes: 2}\n"
                "  - {what: fill_disk, at: 12s, length: 1s}\n")
        status, record = self.soak(self.file(more=more), 17)
        self.assertEqual((status, record["verdict"]), (0, "success"), record["conclusion"])
        self.assert_accounted(record)
        told = record["disturbances"]
        self.assertEqual(len(told), 5, told)
        for disturbance in told:
            self.assertGreaterEqual(disturbance["recovered_ms"], 0, disturbance)
        self.assertEqual(self.process(record, "native.1.upload")["kills"], 1)
        refused = next(d for d in told if d["what"].startswith("refuse"))
        self.assertGreater(refused["lost_acquires"], 0, refused)
        self.assert_nothing_runs()

    def test_an_agent_that_is_killed_and_comes_back(self):
        more = "agents: [trace-agent]\ndisturbances:\n  - {what: kill_agent, at: 3s, length: 1s}\n"
        status, output, errors = self.locktrail("soak", self.file(more=more), "--for", "10s", "--json", "--quiet", "--out",
                                                self.out)
        if status == 69:
            self.skipTest("needs the trace-agent: make agents")
        record = json.loads(output)
        self.assertEqual((status, record["verdict"]), (0, "success"), record["conclusion"])
        killed = record["disturbances"][0]
        self.assertGreater(killed["lost_uploads"] + killed["lost_acquires"], 0, killed)
        self.assertGreaterEqual(killed["recovered_ms"], 0)
        self.assert_accounted(record)
        self.assert_nothing_runs()


if __name__ == "__main__":
    unittest.main()
