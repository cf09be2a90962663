# SPDX-License-Identifier: Apache-2.0
"""What a person is shown: the real pprof in the real Chromium at the end of a run, also when the run is stopped there."""
import json
import os
import signal
import time
import unittest

import support

SCENARIO = """name: shown
duration: 2s
threads: 2
control: none
workers:
  native:
    runtime: native
phases:
  - pattern: member
  - pattern: nested
backend: store
ui: {{kind: pprof{programs}}}
{more}"""
PNG = b"\x89PNG\r\n\x1a\n"
EXIT_MISSING = 69
EXIT_INTERRUPTED = 130
# For programs that are neither below build/ nor in PATH.
PROGRAMS = "".join(f", {key}: {os.environ[name]}" for key, name in
                   (("pprof", "LOCKTRAIL_PPROF"), ("driver", "LOCKTRAIL_CHROMEDRIVER")) if name in os.environ)


class Screen(support.Run):
    def setUp(self):
        super().setUp()
        self.temporary = os.path.join(self.directory, "tmp")
        os.mkdir(self.temporary)

    def shown(self, more=""):
        path = self.scenario(SCENARIO.format(programs=PROGRAMS, more=more))
        status, output, errors = self.locktrail("run", path, "--json", "--out", self.out, env={"TMPDIR": self.temporary})
        if status == EXIT_MISSING:
            self.skipTest(f"needs a component: {errors.strip().splitlines()[-1]}")
        try:
            return status, json.loads(output)
        except ValueError:
            self.fail(f"exit {status}, no JSON on stdout: {output[:2000]}\n{errors[-4000:]}")

    def record(self):
        with open(os.path.join(self.out, "copies", "ui", "native.1.tee.1.json"), encoding="utf-8") as file:
            return json.load(file)

    def assert_clean(self):
        self.assert_nothing_runs()
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertFalse(os.path.exists(os.path.join(self.out, "services", "ui")))

    def test_the_names_and_their_pictures(self):
        status, report = self.shown()
        self.assertEqual((status, report["verdict"], report["problems"]), (0, "success", []), report["conclusion"])
        self.assertEqual({lock["states"]["ui"]["state"] for lock in report["locks"]}, {"exact"})
        record = self.record()
        self.assertRegex(record["how"], r"^pprof in Chromium \d+\.")
        self.assertEqual({tuple(label["where"]) for label in record["labels"]}, {("flamegraph", "top")})
        self.assertEqual((record["unlabelled"], record["left_out"]), ([], []))
        for picture in record["pictures"]:
            with open(os.path.join(self.out, picture), "rb") as file:
                self.assertEqual(file.read(len(PNG)), PNG, picture)
        self.assert_clean()

    def test_what_was_lost_before_is_shown_as_it_is(self):
        status, report = self.shown("faults: [{at: backend, mechanism: value_rewritten, rule: upper}]\n")
        self.assertEqual(status, 1, report["conclusion"])
        self.assertEqual({lock["loss"]["stage"] for lock in report["locks"]}, {"backend"})
        for label in self.record()["labels"]:
            self.assertEqual(label["label"].split(":")[2], label["label"].split(":")[2].upper())
        self.assert_clean()

    def test_without_a_label_no_name_is_shown(self):
        status, report = self.shown("faults: [{at: backend, mechanism: label_dropped}]\n")
        self.assertEqual(status, 1, report["conclusion"])
        self.assertEqual({lock["loss"]["stage"] for lock in report["locks"]}, {"backend"})
        record = self.record()
        self.assertEqual((record["labels"], record["unlabelled"]), ([], ["flamegraph", "top"]))

    def test_a_missing_driver_is_told_before_anything_runs(self):
        path = self.scenario(SCENARIO.format(programs=", driver: no-such-driver", more=""))
        status, _, errors = self.locktrail("run", path, "--out", self.out)
        self.assertEqual(status, EXIT_MISSING, errors)
        self.assertRegex(errors, "make deps|make agents")

    def test_an_interruption_ends_the_browser(self):
        path = self.scenario(SCENARIO.format(programs=PROGRAMS, more=""))
        process = self.start("run", path, "--json", "--out", self.out, env={"TMPDIR": self.temporary})
        events = os.path.join(self.out, "events.jsonl")
        deadline = time.monotonic() + support.RUN_TIMEOUT_S
        while process.poll() is None and time.monotonic() < deadline:
            try:
                with open(events, encoding="utf-8") as file:
                    if '"service_ready"' in (text := file.read()) and "chromedriver" in text:
                        break
            except FileNotFoundError:
                pass
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=support.RUN_TIMEOUT_S)
        if process.returncode == EXIT_MISSING:
            self.skipTest(f"needs a component: {errors.strip().splitlines()[-1]}")
        self.assertEqual(process.returncode, EXIT_INTERRUPTED, errors)
        json.loads(output)
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
