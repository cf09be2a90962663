# SPDX-License-Identifier: Apache-2.0
"""doctor: one line for each finding, each with its fix. Nothing here leaves this machine: no scenario needs a package index."""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import unittest

from cli import LOCKTRAIL, ROOT, Cli

LINE = re.compile(r"^(ok      |warning |missing ) [^:]+: .+$")
COMMAND = """name: mine
control: none
workers:
  app:
    runtime: command
    command: [%s]
    locks:
      - {name: a_lock}
"""


class Info(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.info
        self.send_response(200 if self.path == "/info" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Doctor(Cli):
    def doctor(self, text, env=None):
        result = self.locktrail("doctor", self.write("s.yaml", text), env=env)
        self.assertEqual(result.errors, "")
        lines = result.output.splitlines()
        for line in lines[:-1]:
            self.assertRegex(line, LINE)
            self.assertEqual(line.startswith("ok "), "; fix: " not in line, line)
        self.assertEqual(result.status, 69 if "Something is missing: a run would fail." == lines[-1] else 0)
        return result.status, {line[9:].split(":", 1)[0]: line for line in lines[:-1]}

    def agent(self, info):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Info)
        server.info = info
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return "127.0.0.1:%d" % server.server_port

    def test_only_what_the_scenario_needs(self):
        status, found = self.doctor(COMMAND % "sh")
        self.assertEqual(status, 0)
        self.assertEqual(list(found), ["locktrail", "guard", "worker app", "intake", "forward", "disk", "descriptors"])
        self.assertEqual(found["forward"], "ok       forward: uploads stay inside")

    def test_a_program_that_is_not_there(self):
        status, found = self.doctor(COMMAND % "no-such-program")
        self.assertEqual(status, 69)
        self.assertEqual(found["worker app"], "missing  worker app: no-such-program is not there or can't be executed; "
                                              "fix: install it, or correct the command in the scenario")

    def test_a_program_is_looked_for_where_it_is_to_run(self):
        os.mkdir(self.path("shop"))
        os.symlink("/bin/true", self.path("shop", "serve"))
        text = COMMAND % "./serve"
        self.assertEqual(self.doctor(text)[0], 69)
        status, found = self.doctor(text + "    directory: shop\n")
        self.assertEqual((status, found["worker app"]), (0, "ok       worker app: ./serve is there"))

    def test_an_interpreter_that_is_not_there(self):
        text = "name: x\nworkers:\n  python: {interpreter: /none/python3}\nphases:\n  - {pattern: member}\n"
        status, found = self.doctor(text)
        self.assertEqual(status, 69)
        self.assertEqual(found["python"], "missing  python: can't run /none/python3: No such file or directory; fix: "
                                          "apt-get install python3 python3-venv, or set workers.NAME.interpreter")

    def test_a_native_worker_needs_what_make_builds(self):
        text = "name: x\nworkers:\n  c: {runtime: native, build: %s}\nphases:\n  - {pattern: member}\n%s"
        home = os.path.dirname(LOCKTRAIL)
        status, found = self.doctor(text % ("stripped", ""))
        self.assertEqual((status, list(found)),
                         (0, ["locktrail", "guard", "lockprof", "liblockprof", "build O2g", "build stripped", "intake",
                              "forward", "disk", "descriptors"]))
        self.assertEqual(found["lockprof"], "ok       lockprof: %s" % os.path.join(home, "lockprof"))
        status, found = self.doctor(text % ("g1", "control: none\n"))
        self.assertEqual((status, [what for what in found if what.startswith("build ")]), (0, ["build g1"]))

    def test_a_native_worker_without_its_parts(self):
        """The locktrail of a folder in which nothing else was built."""
        os.mkdir(self.path("alone"))
        for name in ("locktrail", "locktrail-guard"):
            shutil.copy2(os.path.join(os.path.dirname(LOCKTRAIL), name), self.path("alone", name))
        with open(self.path("alone", "lockprof"), "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho 'error while loading shared libraries: libdw.so.1' >&2\nexit 127\n")
        os.chmod(self.path("alone", "lockprof"), 0o755)
        path = self.write("s.yaml", "name: x\nworkers:\n  c: {runtime: native}\nphases:\n  - {pattern: member}\n")
        done = subprocess.run([self.path("alone", "locktrail"), "doctor", path], capture_output=True, text=True,
                              env=dict(os.environ, LOCKTRAIL_HOME=ROOT), timeout=60, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("missing")]
        self.assertEqual(done.returncode, 69)
        self.assertEqual(len(lines), 3, done.stdout)
        self.assertIn("libdw.so.1", lines[0])
        self.assertTrue(lines[0].endswith("; fix: apt-get install libdw1 libcurl4 libprotobuf-c1 libzstd1 zlib1g, or make "
                                          "deps"), lines[0])
        self.assertEqual(lines[1:], ["missing  liblockprof: %s is not there; fix: make" % self.path("alone", "liblockprof.so"),
                                     "missing  build O2g: %s is not there; fix: make"
                                     % self.path("alone", "native", "native-O2g")])

    def test_what_an_optional_worker_lacks_is_a_warning(self):
        text = ("name: x\nworkers:\n  python: {runtime: ddtrace, optional: true, interpreter: /none/python3}\n"
                "phases:\n  - {pattern: member}\n")
        status, found = self.doctor(text)
        self.assertEqual(status, 0)
        self.assertTrue(found["python"].startswith("warning  python: can't run /none/python3"), found["python"])

    def test_an_interpreter_that_is_no_python(self):
        text = "name: x\nworkers:\n  python: {interpreter: /bin/true}\nphases:\n  - {pattern: member}\n"
        status, found = self.doctor(text)
        self.assertEqual(status, 69)
        self.assertEqual(found["python"], "missing  python: /bin/true is no Python: it does not say a version; fix: "
                                          "apt-get install python3 python3-venv, or set workers.NAME.interpreter")

    def test_an_environment_that_is_there_or_is_to_be_made(self):
        """In a folder of its own, with an environment that only its marker makes one; the index is a closed port."""
        import sys

        os.makedirs(self.path("home", "build", "venvs"))
        os.symlink(os.path.join(ROOT, "workers"), self.path("home", "workers"))
        text = "name: x\nworkers:\n  python: {interpreter: %s, packages: [%s]}\nphases:\n  - {pattern: member}\n"
        env = {"LOCKTRAIL_HOME": self.path("home"), "PIP_INDEX_URL": "http://user:secret@127.0.0.1:1/simple"}
        status, found = self.doctor(text % (sys.executable, "requests"), env)
        self.assertEqual(found["ddtrace"], "ok       ddtrace: 4.16.0 is installed at the first run, into %s"
                                           % self.path("home", "build", "venvs"))
        self.assertEqual((status, found["package index"]),
                         (69, "missing  package index: http://127.0.0.1:1/simple: can't connect: Connection refused; fix: "
                              "let this machine reach it, or set PIP_INDEX_URL to an index that it reaches"))
        sys.path.insert(0, os.path.join(ROOT, "workers", "python"))
        import environment

        name = environment.directory_name(environment.interpreter_version(sys.executable), "4.16.0", ["requests"])
        directory = self.path("home", "build", "venvs", name)
        programs = {key: os.path.join(directory, key) for key in ("python", "ddtrace_run")}
        os.makedirs(directory)
        for program in programs.values():
            os.symlink(sys.executable, program)
        with open(os.path.join(directory, environment.MARKER), "w", encoding="utf-8") as file:
            json.dump(dict(programs, version="4.16.0", pinned=False), file)
        status, found = self.doctor(text % (sys.executable, "requests"), env)
        self.assertEqual((status, found["ddtrace"]),
                         (0, "ok       ddtrace: 4.16.0 is in %s" % directory))
        self.assertNotIn("package index", found)
        # Other packages make another environment.
        self.assertIn("at the first run", self.doctor(text % (sys.executable, "flask"), env)[1]["ddtrace"])

    def test_a_port_in_use(self):
        with socket.socket() as used:
            used.bind(("127.0.0.1", 0))
            used.listen()
            listen = "127.0.0.1:%d" % used.getsockname()[1]
            status, found = self.doctor(COMMAND % "sh" + "intake: {listen: \"%s\"}\n" % listen)
        self.assertEqual(status, 69)
        self.assertEqual(found["intake"], "missing  intake: can't listen at %s: Address already in use; fix: end what "
                                          "listens there, or set intake.listen to 127.0.0.1:0" % listen)

    def test_agents(self):
        good = self.agent(b'{"endpoints": ["/profiling/v1/input"]}')
        old = self.agent(b'{"endpoints": ["/v0.4/traces"]}')
        cases = [
            ("http://" + good, 0, "ok       forward: agent at %s answers" % good),
            ("http://" + old, 0, "warning  forward: agent at %s answers, and its /info does not name "
                                 "/profiling/v1/input; fix: switch on profiling in the agent "
                                 "(apm_config.profiling_dd_url)" % old),
            ("http://127.0.0.1:1", 69, "missing  forward: agent at 127.0.0.1:1: can't connect: Connection refused; fix: "
                                       "start the agent, or correct DD_TRACE_AGENT_URL, DD_AGENT_HOST and "
                                       "DD_TRACE_AGENT_PORT"),
        ]
        for url, status, line in cases:
            with self.subTest(url=url):
                got, found = self.doctor(COMMAND % "sh", env={"DD_TRACE_AGENT_URL": url})
                self.assertEqual((got, found["forward"]), (status, line))

    def test_agents_that_were_not_made(self):
        """In a folder of its own, in which nothing else was built."""
        os.makedirs(self.path("home", "build"))
        os.symlink(os.path.join(ROOT, "workers"), self.path("home", "workers"))
        for name in ("locktrail", "locktrail-guard"):
            shutil.copy2(os.path.join(os.path.dirname(LOCKTRAIL), name), self.path("home", "build", name))
        build = self.path("home", "build")
        needs = {"trace-agent": "bin/locktrail-trace-agent", "serverless-compat": "venvs/serverless-compat-0.19.0/ready",
                 "test-agent": "venvs/test-agent-1.69.1/ready"}
        for agent, name in needs.items():
            with self.subTest(agent=agent):
                path = self.write("s.yaml", COMMAND % "sh" + "agents: [%s]\n" % agent)
                done = subprocess.run([os.path.join(build, "locktrail"), "doctor", path], capture_output=True, text=True,
                                      env=dict(os.environ, LOCKTRAIL_HOME=self.path("home")), timeout=60, check=False)
                lines = [line for line in done.stdout.splitlines() if line.startswith("missing")]
                self.assertEqual((done.returncode, lines),
                                 (69, ["missing  agent %s: agent %s needs %s/%s (make agents gets it): No such file or "
                                       "directory; fix: make agents" % (agent, agent, build, name)]))
                self.assertNotIn("forward: ", done.stdout)

    def test_an_external_agent(self):
        url = "http://" + self.agent(b"{}")
        text = COMMAND % "sh" + "agents:\n  - {kind: external, url: \"%s\"}\n"
        status, found = self.doctor(text % url)
        self.assertEqual((status, found["agent external"]), (0, "ok       agent external: %s answers" % url))
        status, found = self.doctor(text % "http://127.0.0.1:1")
        self.assertEqual((status, found["agent external"]),
                         (69, "missing  agent external: http://127.0.0.1:1: can't connect: Connection refused; fix: start "
                              "it, or correct its `url` in the scenario"))

    def test_keys_of_a_backend_are_never_shown(self):
        text = COMMAND % "sh" + "backend: {kind: datadog, url: \"http://127.0.0.1:1\"}\n"
        path = self.write("s.yaml", text)
        result = self.locktrail("doctor", path, env={"DD_API_KEY": "k" * 32})
        self.assertEqual(result.status, 69)
        self.assertIn("ok       backend: DD_API_KEY is set\n", result.output)
        self.assertIn("missing  backend: DD_APP_KEY is not set; fix: set it to a key of the site, or take another backend\n",
                      result.output)
        self.assertNotIn("kkk", result.output)

    def test_a_key_of_the_wrong_form_is_never_shown(self):
        status, found = self.doctor(COMMAND % "sh", env={"DD_API_KEY": "not-a-key-at-all"})
        self.assertEqual(status, 69)
        self.assertTrue(found["forward"].startswith("missing  forward: "), found["forward"])
        self.assertNotIn("not-a-key-at-all", "".join(found.values()))

    def test_descriptors_are_those_that_a_run_needs(self):
        """Under a hard limit that both name: the shell lowers it."""
        import subprocess

        path, needs = self.write("s.yaml", COMMAND % "true"), []
        for args in (["doctor", path], ["run", path, "--quiet", "--out", self.path("out")]):
            done = subprocess.run(["sh", "-c", 'ulimit -n 300; exec "$@"', "sh", LOCKTRAIL, *args], timeout=60,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment())
            self.assertEqual(done.returncode, 69, done.stdout)
            needs += re.findall(r"(\d+) (?:are needed for 2 processes|open descriptors)", done.stdout.decode())
        self.assertEqual(len(needs), 2)
        self.assertEqual(needs[0], needs[1])

    def test_no_guard(self):
        """A binary without its guard beside it, in a folder that has the workers."""
        os.makedirs(self.path("home", "build"))
        os.symlink(os.path.join(ROOT, "workers"), self.path("home", "workers"))
        shutil.copy(LOCKTRAIL, self.path("home", "build", "locktrail"))
        import subprocess

        done = subprocess.run([self.path("home", "build", "locktrail"), "doctor", self.write("s.yaml", COMMAND % "sh")],
                              stdout=subprocess.PIPE, env=self.environment(), timeout=60)
        self.assertEqual(done.returncode, 69)
        self.assertIn("missing  guard: %s is not there; fix: make\n" % self.path("home", "build", "locktrail-guard"),
                      done.stdout.decode())

    def test_no_home(self):
        result = self.locktrail("doctor", self.write("s.yaml", COMMAND % "sh"), env={"LOCKTRAIL_HOME": "/none"})
        self.assertEqual(result.status, 69)
        self.assertIn("missing  locktrail: LOCKTRAIL_HOME is /none, and there is no workers/python/main.py below it",
                      result.output)


if __name__ == "__main__":
    unittest.main()
