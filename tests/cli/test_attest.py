# SPDX-License-Identifier: Apache-2.0
"""attest: what a person says of a page that no program may read, typed or from a file, kept, resumed and judged."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import unittest

from cli import LOCKTRAIL, PROGRAMS, TIMEOUT_S, Cli

LINK = "https://app.example/profiling?service=mine"
UI = "ui: {kind: ask, link: \"%s\"}\n" % LINK
TWO_LOCKS = """name: mine
duration: 1s
control: none
arms: tee
workers:
  app:
    runtime: command
    protocol: lines
    command: [{python}, {program}, hello, "lock:good_lock", 'line:{other}', "acquire:good_lock:1",
              "acquire:other_lock:1", "write:{labels}", "upload:{labels}", done]
phases:
  - {{pattern: test}}
"""
QUESTION = "  [Enter: as declared / text / - nothing / s: don't know / q: stop] "
OTHER = {"type": "lock", "id": "test/other_lock", "name": "other_lock", "pattern": "test", "site": "test.py:9",
         "rendering": "exact", "contends": False}
INSTANCE = "app.1.tee"


class Attest(Cli):
    def run_it(self, text=None, status=0):
        self.out = self.path("out")
        scenario = self.write("scenario.yaml", text) if text else self.worker_scenario(more=UI)
        result = self.locktrail("run", scenario, "--out", self.out)
        self.assertEqual(result.status, status, result.output + result.errors)
        return result

    def attest(self, answers, *more):
        return self.locktrail("attest", self.out, "--answers", "-", *more, stdin=answers.encode())

    def record(self):
        with open(os.path.join(self.out, "copies", "ui", INSTANCE + ".1.json"), encoding="utf-8") as file:
            return json.load(file)

    def shown(self):
        return [(a["lock"], a["shown"], a["text"]) for a in self.record()["answers"]]

    def labels(self):
        return [label["label"] for label in self.record()["labels"]]

    def asked(self, answers, *more):
        """Runs attest on a terminal; each question gets the next answer, None closes the terminal's input (Ctrl-D)."""
        typed = [b"\x04" if answer is None else answer.encode() + b"\n" for answer in answers]
        result, left = self.dialog(QUESTION, typed, "attest", self.out, *more, env={"TERM": "dumb"})
        self.assertEqual(left, [])
        return result

    # --- the run's own end ---

    def test_a_run_asks_nobody_and_says_how_to(self):
        result = self.run_it()
        last = "1 of 1 names on the page are not attested yet: locktrail attest %s\n" % self.out
        self.assertTrue(result.output.endswith("\ndirectory  %s\n%s" % (self.out, last)), result.output)
        report = self.locktrail("report", self.out, "--json")
        json.loads(report.output)
        self.assertEqual(report.errors, last)

    # --- answers from a file ---

    def test_each_kind_of_answer(self):
        cases = (("", "as declared", "", ["test.py:7:good_lock"], []),
                 ("Lock", "text", "Lock", ["test.py:7:Lock"], []),
                 ("test.py:7:good_", "text", "test.py:7:good_", ["test.py:7:good_"], []),
                 ("-", "nothing", "", [], []),
                 ("s", "unknown", "", [], ["test/good_lock"]),
                 ('"s"', "text", "s", ["test.py:7:s"], []))
        self.run_it()
        for text, shown, kept, labels, unknown in cases:
            with self.subTest(text=text):
                self.attest("%s test/good_lock = %s\n" % (INSTANCE, text), "--again")
                self.assertEqual(self.shown(), [("test/good_lock", shown, kept)])
                self.assertEqual((self.labels(), self.record()["unknown"]), (labels, unknown))

    def test_what_is_kept(self):
        self.run_it()
        result = self.attest("# the page of today\n\n  %s   good_lock   =  \n" % INSTANCE)
        self.assertEqual((result.status, result.errors), (0, ""))
        self.assertTrue(result.output.endswith("\ndirectory  %s\n" % self.out))
        record = self.record()
        moment = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
        self.assertRegex(record.pop("time"), moment)
        self.assertRegex(record["answers"][0].pop("time"), moment)
        self.assertEqual(record, {"stage": "ui", "instance": INSTANCE, "sequence": 1, "how": "attested by a person",
                                  "page": LINK, "labels": [{"label": "test.py:7:good_lock", "where": ["person"]}],
                                  "unlabelled": [], "pictures": [], "left_out": [], "unknown": [],
                                  "answers": [{"lock": "test/good_lock", "shown": "as declared", "text": ""}]})
        self.assertEqual(os.listdir(os.path.join(self.out, "copies", "ui")), [INSTANCE + ".1.json"])

    def test_an_answer_stays_unless_asked_again(self):
        self.run_it()
        line = "%s good_lock = %s\n"
        self.attest(line % (INSTANCE, "first"))
        self.attest(line % (INSTANCE, "second"))
        self.assertEqual(self.shown()[0][2], "first")
        self.attest(line % (INSTANCE, "third"), "--again")
        self.assertEqual(self.shown()[0][2], "third")

    def test_the_answer_is_judged(self):
        self.run_it()
        for answer, status, state in (("", 0, "exact"), ("GOOD_LOCK", 1, "alias"), ("-", 1, "absent"), ("s", 0, "not_run")):
            with self.subTest(answer=answer):
                result = self.attest("%s good_lock = %s\n" % (INSTANCE, answer), "--again")
                self.assertEqual(result.status, status, result.output + result.errors)
                with open(os.path.join(self.out, "report.json"), encoding="utf-8") as file:
                    report = json.load(file)
                self.assertEqual(report["locks"][0]["states"]["ui"]["state"], state)

    def test_bad_answers_change_nothing(self):
        cases = (("%s good_lock\n" % INSTANCE, "1: expected INSTANCE LOCK = TEXT"),
                 ("%s = x\n" % INSTANCE, "1: expected INSTANCE LOCK = TEXT"),
                 ("%s good_lock = x\nelse good_lock = x\n" % INSTANCE, "2: no process else has reached the backend"),
                 ("\n%s bad_lock = x\n" % INSTANCE, "2: %s declares no lock bad_lock" % INSTANCE))
        self.run_it()
        for answers, text in cases:
            with self.subTest(answers=answers):
                self.assert_error(self.attest(answers), 65, "standard input:" + text)
        self.assert_error(self.attest("a\0b"), 65, "standard input is no text: it has a zero byte")
        missing = self.path("missing")
        result = self.locktrail("attest", self.out, "--answers", missing)
        self.assertEqual((result.status, result.output), (65, ""))
        self.assertIn(missing, result.errors)
        self.assertFalse(os.path.exists(os.path.join(self.out, "copies", "ui")))

    def test_a_damaged_record_is_an_error_and_is_left_alone(self):
        self.run_it()
        self.attest("%s good_lock = x\n" % INSTANCE)
        path = os.path.join(self.out, "copies", "ui", INSTANCE + ".1.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write("{\"sequence\":1}\n")
        self.assert_error(self.attest("%s good_lock = y\n" % INSTANCE), 65, path + ": `labels` is missing")
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "{\"sequence\":1}\n")

    # --- who can be asked ---

    def test_no_terminal_and_no_answers(self):
        self.run_it()
        self.assert_error(self.locktrail("attest", self.out), 64,
                          "attest asks on a terminal, and standard input is none: run it on one, or give --answers FILE")

    def test_a_run_that_asks_nobody(self):
        self.out = self.path("out")
        self.locktrail("run", self.worker_scenario(), "--out", self.out)
        self.assert_error(self.attest(""), 64,
                          "%s: nobody is to be asked, its scenario has ui: none and not ui: ask" % self.out)

    def test_no_run_directory(self):
        result = self.locktrail("attest", self.path("nothing"))
        self.assertEqual((result.status, result.output), (65, ""))
        self.assertIn(self.path("nothing"), result.errors)

    # --- on a terminal ---

    def two_locks(self):
        text = TWO_LOCKS.format(python=sys.executable, program=os.path.join(PROGRAMS, "worker.py"),
                                other=json.dumps(OTHER), labels="test.py:7:good_lock,test.py:9:other_lock")
        self.run_it(text + UI)

    def test_questions_on_a_terminal(self):
        self.two_locks()
        result = self.asked(["", "q"])
        begin = "The page: %s\n\n%s:\ngood_lock at test.py:7: what does the page show?\n%s\n" % (LINK, INSTANCE, QUESTION)
        self.assertTrue(result.output.startswith(begin), result.output)
        self.assertIn("\nother_lock at test.py:9: what does the page show?\n", result.output)
        self.assertTrue(result.output.endswith(
            "1 of 2 names on the page are not attested yet: locktrail attest %s\n" % self.out), result.output)
        self.assertEqual((self.shown(), self.record()["unknown"]),
                         ([("test/good_lock", "as declared", "")], ["test/other_lock"]))

        result = self.asked(["other"])
        self.assertNotIn("good_lock at", result.output)
        self.assertEqual(self.labels(), ["test.py:7:good_lock", "test.py:9:other"])
        self.assertNotIn("not attested yet", result.output)

        result = self.asked(["-", None], "--again")
        self.assertEqual(self.labels(), ["test.py:9:other"])

    def test_answers_before_an_interruption_are_kept(self):
        self.two_locks()
        master, slave = pty.openpty()
        process = subprocess.Popen([LOCKTRAIL, "attest", self.out], stdin=slave, stdout=slave, stderr=slave,
                                   env=self.environment(TERM="dumb"), start_new_session=True)
        os.close(slave)
        output, typed = b"", 0
        while output.count(QUESTION.encode()) < 2:
            output += os.read(master, 65536)
            if output.endswith(QUESTION.encode()) and typed == 0:
                os.write(master, b"first\n")
                typed = 1
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=TIMEOUT_S)
        os.close(master)
        self.assertEqual(self.shown(), [("test/good_lock", "text", "first")])
        names = os.listdir(os.path.join(self.out, "copies", "ui"))
        self.assertEqual([n for n in names if not re.match(r".*\.json$", n)], [])


if __name__ == "__main__":
    unittest.main()
