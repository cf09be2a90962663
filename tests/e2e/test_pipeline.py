# SPDX-License-Identifier: Apache-2.0
"""The real ways to a backend: taps, agents, read-back, pprof on the screen, by the shipped scenarios."""
import json
import os
import re
import unittest

import support

PIPELINE = os.path.join(support.ROOT, "scenarios", "pipeline.yaml")
AGENTLESS = os.path.join(support.ROOT, "scenarios", "agentless.yaml")
TWO_AGENTS = os.path.join(support.ROOT, "scenarios", "two-agents.yaml")
NO_PYTHON = ("--set", "workers.python.interpreter=/none/python3")
EXIT_MISSING = 69
PNG = b"\x89PNG\r\n\x1a\n"


class Pipeline(support.Run):
    def shipped(self, path, *args):
        """Status and report of a run; skips where a component is not there."""
        status, output, errors = self.locktrail("run", path, "--yes", "--json", "--out", self.out, *args)
        if status == EXIT_MISSING:
            self.skipTest(f"needs a component: {errors.strip().splitlines()[-1]}")
        try:
            return status, json.loads(output)
        except ValueError:
            self.fail(f"exit {status}, no JSON on stdout: {output[:2000]}\n{errors[-4000:]}")

    def assert_exact(self, report, stages):
        """Every lock shows at each of these stages what a correct collector shows."""
        allowed = {"exact", "mangled"}
        for lock in report["locks"]:
            self.assertIsNone(lock["loss"], lock["id"])
            for stage in stages:
                state = lock["states"][stage]
                self.assertIn(state["state"], allowed | ({"generic"} if lock["known_limit"] else set()),
                              (lock["id"], stage))

    def assert_counts(self, report, stages):
        for lock in report["locks"]:
            for stage in stages:
                self.assertEqual(lock["states"][stage]["acquires"], lock["acquires"], (lock["id"], stage))

    def assert_hops(self, report, pairs):
        """Each process' uploads pass each hop, all of them, once, with the same bytes."""
        self.assertEqual({(hop["from"], hop["to"]) for hop in report["hops"]} & set(pairs), set(pairs))
        for hop in report["hops"]:
            if (hop["from"], hop["to"]) in pairs:
                self.assertGreater(hop["sent"], 0, hop)
                self.assertEqual((hop["received"], hop["same"], hop["lost"], hop["doubled"], hop["unknown"]),
                                 (hop["sent"], hop["sent"], 0, 0, 0), hop)


class Ways(Pipeline):
    def test_agentless(self):
        status, report = self.shipped(AGENTLESS, "4", "4", *NO_PYTHON)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assert_exact(report, ("collector", "upload", "backend"))
        self.assert_counts(report, ("collector", "upload", "backend"))
        self.assertEqual({lock["states"]["agent"]["state"] for lock in report["locks"]}, {"not_run"})
        self.assert_hops(report, {("upload", "backend")})
        self.assert_nothing_runs()

    def test_the_first_tap_on_a_unix_socket(self):
        status, report = self.shipped(AGENTLESS, "2", "2", *NO_PYTHON, "--set", "intake.listen='unix:'")
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assert_exact(report, ("upload", "backend"))

    def test_trace_agent(self):
        status, report = self.shipped(PIPELINE, "4", "4", *NO_PYTHON, "--set", "ui=none")
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        stages = ("collector", "upload", "agent", "backend")
        self.assert_exact(report, stages)
        self.assert_counts(report, stages)
        self.assert_hops(report, {("upload", "agent"), ("agent", "backend")})
        self.assert_nothing_runs()

    def test_two_agents(self):
        status, report = self.shipped(TWO_AGENTS, "4", "4", *NO_PYTHON)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assert_exact(report, ("collector", "upload", "agent", "backend"))
        self.assert_hops(report, {("upload", "agent"), ("agent", "backend")})
        beside = {hop["instance"] for hop in report["hops"] if hop["instance"].endswith("+serverless-compat")}
        self.assertEqual(beside, {"native.1.tee+serverless-compat"})
        self.assert_nothing_runs()

    def test_an_agent_that_keeps_uploads(self):
        """ddapm-test-agent has no backend behind it: what it kept is the stage `agent`."""
        status, report = self.shipped(PIPELINE, "4", "4", *NO_PYTHON, "--set", "ui=none", "--set", "backend=none", "--set",
                                      "agents=[test-agent]")
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assert_exact(report, ("collector", "upload", "agent"))
        self.assertEqual({lock["states"]["backend"]["state"] for lock in report["locks"]}, {"not_run"})


class Running(Pipeline):
    """An agent that runs already: here a tap that is the end of the way."""

    def path(self, name):
        return os.path.join(self.directory, name)

    def tap(self, listen):
        """Its address."""
        tap = self.start("tap", "--listen", listen, "--out", self.path("tap"), "--quiet")
        self.addCleanup(tap.communicate, timeout=60)
        self.addCleanup(tap.terminate)
        return re.search(r"listens on (\S+),", tap.stderr.readline()).group(1)

    def passed(self, agents):
        status, report = self.shipped(AGENTLESS, "2", "2", *NO_PYTHON, "--set", "backend=none", "--set",
                                      "agents=[%s]" % agents)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        with open(os.path.join(self.out, "events.jsonl"), encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
        told = [(e["instance"], e["next_status"], e["error"]) for e in events if e["event"] == "exchange"]
        self.assertTrue(told)
        return set(told)

    def test_on_a_unix_socket(self):
        url = self.tap("unix:" + self.path("agent.sock"))
        self.assertEqual(self.passed("{kind: external, url: '%s'}" % url), {("native.1.tee", 200, "")})

    def test_with_a_slash_behind_its_address(self):
        url = self.tap("127.0.0.1:0")
        self.assertEqual(self.passed("{kind: external, url: '%s/'}" % url), {("native.1.tee", 200, "")})

    def test_beside_one_with_a_store(self):
        """What it does with uploads is its own affair: nothing of them is missed in the store."""
        url = self.tap("127.0.0.1:0")
        status, report = self.shipped(AGENTLESS, "2", "2", *NO_PYTHON, "--set",
                                      "agents=[trace-agent, {kind: external, url: '%s'}]" % url)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assert_exact(report, ("collector", "upload", "agent", "backend"))

    def test_not_there(self):
        """Said before anything is run; else it would look like a backend that refuses."""
        status, _, errors = self.locktrail("run", AGENTLESS, "2", "2", *NO_PYTHON, "--out", self.out, "--set",
                                           "backend=none", "--set",
                                           "agents=[{kind: external, url: 'http://127.0.0.1:1'}]")
        self.assertEqual(status, 69)
        self.assertIn("the external agent at http://127.0.0.1:1 does not answer: GET http://127.0.0.1:1/info: can't "
                      "connect: Connection refused; start it, or correct agents.0.url", errors)

    def test_beside_another_one(self):
        url = self.tap("127.0.0.1:0")
        self.assertEqual(self.passed("test-agent, {kind: external, url: '%s/'}" % url),
                         {("native.1.tee", 200, ""), ("native.1.tee+external", 200, "")})


class Whole(Pipeline):
    def test_pipeline_as_it_ships(self):
        """Both runtimes through everything, each with its pictures of the page that shows the names."""
        support.ddtrace_python()
        status, report = self.shipped(PIPELINE)
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assertEqual(report["left_out"], [])
        self.assertEqual({lock["worker"] for lock in report["locks"]}, {"native", "python"})
        self.assert_exact(report, ("collector", "upload", "agent", "backend"))
        self.assert_hops(report, {("upload", "agent"), ("agent", "backend")})
        shown = {lock["states"]["ui"]["state"] for lock in report["locks"] if not lock["known_limit"]}
        self.assertLessEqual(shown, {"exact", "mangled"})
        self.check_pictures(report)
        self.assert_nothing_runs()

    def check_pictures(self, report):
        folder = os.path.join(self.out, "copies", "ui")
        pictures = [name for name in os.listdir(folder) if name.endswith(".png")]
        self.assertGreaterEqual(len(pictures), 2 * len(report["screens"]), pictures)
        self.assertTrue(report["screens"])
        for name in pictures:
            with open(os.path.join(folder, name), "rb") as file:
                self.assertEqual(file.read(len(PNG)), PNG, name)


if __name__ == "__main__":
    unittest.main()
