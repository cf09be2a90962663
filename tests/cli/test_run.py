# SPDX-License-Identifier: Apache-2.0
"""run and report as a person sees them, with a worker that needs no ddtrace."""

import http.server
import json
import os
import re
import subprocess
import threading
import unittest
import xml.etree.ElementTree

import schema as schema_check
from cli import LOCKTRAIL, ROOT, TIMEOUT_S, Cli

DEFAULT_NAME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-mine(-\d+)?$")


class Agent(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.uploads += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Run(Cli):
    def run_it(self, *args, **options):
        return self.locktrail("run", self.worker_scenario(), "--out", self.path("out"), *args, **options)

    def test_report_on_stdout_progress_on_stderr(self):
        result = self.run_it()
        self.assertEqual(result.status, 0, result.output + result.errors)
        self.assertIn("\ntest/good_lock ", result.output)
        self.assertIn("\nVERDICT    success\n", result.output)
        self.assertTrue(result.output.endswith("\ndirectory  %s\n" % self.path("out")))
        self.assertIn("app.1.tee: started\n", result.errors)
        self.assertNotIn("\x1b", result.output + result.errors)
        for line in result.output.splitlines()[:-1]:
            self.assertLessEqual(len(line), 80, line)

    def test_what_only_a_soak_does_is_refused(self):
        for name, key in (("soak", "workers.brief.lifetime"), ("soak-disturbed", "disturbances")):
            path = os.path.join(ROOT, "scenarios", name + ".yaml")
            result = self.locktrail("run", path, "--out", self.path("out"))
            self.assertEqual(result.status, 65)
            self.assertEqual(
                result.errors,
                "locktrail: %s: `%s` is for soaks: start it with `locktrail soak %s`, or take the key away\n"
                % (path, key, path))
            self.assertFalse(os.path.exists(self.path("out")))

    def test_files_of_the_run_directory(self):
        self.assertEqual(self.run_it("--junit", self.path("copy.xml")).status, 0)
        with open(self.path("out", "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        with open(os.path.join(ROOT, "docs", "report.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        self.assertEqual(schema_check.check(schema, schema, report), [])
        self.assertEqual(report["locks"][0]["states"]["upload"]["seen_as"], ["test.py:7:good_lock"])
        junit = xml.etree.ElementTree.parse(self.path("out", "junit.xml")).getroot()
        self.assertEqual(junit.get("failures"), "0")
        with open(self.path("out", "junit.xml"), "rb") as one, open(self.path("copy.xml"), "rb") as other:
            self.assertEqual(one.read(), other.read())

    def test_closed_standard_descriptors(self):
        """The report's files are there, and only a report that can't be printed is an error."""
        for fd, expected in ((0, 0), (1, 73), (2, 0)):
            with self.subTest(fd=fd):
                out = self.path("closed-%d" % fd)
                done = subprocess.run(["sh", "-c", 'exec "$@" %d>&-' % fd, "sh", LOCKTRAIL, "run", self.worker_scenario(),
                                       "--out", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT_S,
                                      env=self.environment(), cwd=self.directory)
                self.assertEqual(done.returncode, expected, done.stderr)
                with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
                    self.assertEqual(json.load(file)["verdict"], "success")

    def test_json_is_all_of_stdout(self):
        result = self.run_it("--json")
        with open(self.path("out", "report.json"), encoding="utf-8") as file:
            self.assertEqual(result.output, file.read())

    def test_quiet(self):
        result = self.run_it("--quiet")
        self.assertEqual((result.output, result.errors),
                         ("VERDICT    success\ndirectory  %s\n" % self.path("out"), ""))

    def test_default_directory(self):
        scenario = self.worker_scenario()
        for count in (1, 2):
            self.assertEqual(self.locktrail("run", scenario, "--quiet").status, 0)
            names = os.listdir(self.path("runs"))
            self.assertEqual(len(names), count)
            for name in names:
                self.assertRegex(name, DEFAULT_NAME)

    def test_a_used_directory_is_refused(self):
        os.mkdir(self.path("out"))
        self.write("out/file", "mine")
        self.assert_error(self.run_it(), 73, "%s is not empty: a run needs a directory of its own, name another with "
                                             "--out" % self.path("out"))
        self.assertEqual(os.listdir(self.path("out")), ["file"])

    def test_exit_codes_of_verdicts(self):
        for label, status in ("test.py:7", 2), ("test.py:7:good_lock", 0):
            out = self.path("out-%d" % status)
            result = self.locktrail("run", self.worker_scenario(label), "--out", out, "--quiet")
            self.assertEqual(result.status, status, result.output)
            self.assertEqual(self.locktrail("report", out, "--quiet").status, status)

    def test_an_interpreter_that_is_no_python(self):
        path = self.write("s.yaml", "name: x\nworkers:\n  p: {interpreter: /bin/true}\nphases: [member]\n")
        result = self.locktrail("run", path, "--quiet", "--out", self.path("out"))
        self.assert_error(result, 69, "worker p: /bin/true does not answer as a Python does (set workers.p.interpreter)")

    def test_report_prints_the_same_again(self):
        first = self.run_it()
        again = self.locktrail("report", self.path("out"))
        self.assertEqual((again.status, again.output, again.errors), (first.status, first.output, ""))
        as_json = self.locktrail("report", self.path("out"), "--json")
        with open(self.path("out", "report.json"), encoding="utf-8") as file:
            self.assertEqual(as_json.output, file.read())

    def test_report_writes_what_a_killed_run_has_not(self):
        self.run_it()
        for name in "report.json", "junit.xml":
            os.remove(self.path("out", name))
        self.assertEqual(self.locktrail("report", self.path("out")).status, 0)
        self.assertTrue(os.path.exists(self.path("out", "report.json")))
        self.assertTrue(os.path.exists(self.path("out", "junit.xml")))

    def test_report_of_what_is_no_run(self):
        for path in self.directory, self.path("none"):
            result = self.locktrail("report", path)
            self.assertEqual((result.status, result.output), (65, ""))
            self.assertRegex(result.errors, r"^locktrail: .*is not a run directory.*\n$")

    def test_debug_report_shows_the_local_profile(self):
        result = self.locktrail("run", self.worker_scenario(more="report: debug\n"), "--out", self.path("out"))
        self.assertIn("\nLOCAL PPROF (what each worker's own profile shows)\napp.1.tee: 1 file, 1 name\n", result.output)
        self.assertIn("\nTo blame: nobody. No name was lost.\n", result.output)


class Terminal(Cli):
    # Progress that comes later than the block's shortest time between two drawings is drawn for sure.
    STEPS = '"sleep:0.3", "acquire:good_lock:0", '

    def run_it(self, *args, **options):
        return self.on_terminal("run", self.worker_scenario(steps=self.STEPS), "--out", self.path("out"), *args, **options)

    def test_progress_is_redrawn_and_coloured(self):
        result = self.run_it()
        self.assertEqual(result.status, 0, result.output)
        self.assertRegex(result.output, r"\x1b\[\d+F\x1b\[J")
        self.assertRegex(result.output, r"app\.1\.tee +test +\[[#.]{20}\]")
        self.assertIn("VERDICT    \x1b[32msuccess\x1b[0m\n", result.output)

    def test_no_color(self):
        result = self.run_it(env={"NO_COLOR": "1"})
        self.assertNotRegex(result.output, r"\x1b\[\d*m")
        self.assertRegex(result.output, r"\x1b\[\d+F")

    def test_dumb_terminal_gets_plain_lines(self):
        result = self.run_it(env={"TERM": "dumb"})
        self.assertNotIn("\x1b", result.output)
        self.assertIn("app.1.tee: started\n", result.output)

    def test_a_low_terminal_is_never_full(self):
        result = self.run_it(rows=4, columns=40)
        for block in re.split(r"\x1b\[\d+F\x1b\[J", result.output.split("locktrail  ")[0])[1:]:
            self.assertLessEqual(block.count("\n"), 3)

    def test_json_on_a_terminal_has_no_codes(self):
        result = self.run_it("--json", "--quiet")
        self.assertEqual(json.loads(result.output)["verdict"], "success")


class Forward(Cli):
    def setUp(self):
        super().setUp()
        self.agent = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
        self.agent.uploads = 0
        thread = threading.Thread(target=self.agent.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.agent.server_close)
        self.addCleanup(self.agent.shutdown)
        self.where = "127.0.0.1:%d" % self.agent.server_port
        self.env = {"DD_TRACE_AGENT_URL": "http://" + self.where}

    def args(self, *more):
        return ("run", self.worker_scenario(), "--out", self.path("out"), *more)

    def test_without_a_terminal_it_has_to_be_said(self):
        self.assert_error(self.locktrail(*self.args(), env=self.env), 64,
                          "run: this run would send its profiles to agent at %s, and there is no terminal to ask: give "
                          "--yes, or keep them inside with --set forward.to=none" % self.where)
        self.assertFalse(os.path.exists(self.path("out")))
        self.assertEqual(self.agent.uploads, 0)

    def test_yes(self):
        result = self.locktrail(*self.args("--yes"), env=self.env)
        self.assertEqual(result.status, 0, result.output)
        self.assertTrue(result.errors.startswith("locktrail: the profiles of this run are sent to agent at %s\n" % self.where))
        self.assertRegex(" ".join(result.output.split()),
                         "uploads 1 received, 1 stored, 0 rejected, 1 forwarded to agent at %s" % self.where)
        self.assertEqual(self.agent.uploads, 1)

    def test_a_question_on_a_terminal(self):
        result = self.on_terminal(*self.args(), env=self.env, answer=b"n\n")
        self.assertEqual(result.status, 130)
        self.assertIn("Send the profiles of this run to agent at %s? [y/N] " % self.where, result.output)
        self.assertIn("locktrail: run: not agreed to, so nothing was run and nothing was sent\n", result.output)
        self.assertEqual(self.agent.uploads, 0)
        self.assertEqual(self.on_terminal(*self.args(), env=self.env, answer=b"y\n").status, 0)
        self.assertEqual(self.agent.uploads, 1)

    def test_a_wrong_variable_is_named(self):
        result = self.locktrail(*self.args("--yes"), env={"DD_TRACE_AGENT_URL": "gopher://x"})
        self.assertEqual((result.status, result.output), (65, ""))
        self.assertIn("DD_TRACE_AGENT_URL", result.errors)


if __name__ == "__main__":
    unittest.main()
