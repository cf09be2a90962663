# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: the built binary, a directory of each test's own, a terminal to run it on."""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCKTRAIL = os.path.abspath(os.environ.get("LOCKTRAIL", os.path.join(ROOT, "build", "locktrail")))
PROGRAMS = os.path.join(ROOT, "tests", "e2e", "programs")
# Deadline of one command: runs of these tests take a second or two, on a loaded machine some more.
TIMEOUT_S = 120

sys.path.insert(0, PROGRAMS)
import pprof  # noqa: E402

LABEL = "test.py:7:good_lock"
WORKER = """name: mine
duration: 1s
control: none
arms: tee
workers:
  app:
    runtime: command
    protocol: lines
    command: [{python}, {program}, hello, "lock:good_lock", "acquire:good_lock:1", {steps}"write:{label}", "upload:{label}", done]
phases:
  - {{pattern: test}}
"""


class Result:
    def __init__(self, status, output, errors):
        self.status, self.output, self.errors = status, output, errors


class Cli(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="locktrail-cli-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DD_", "LOCKTRAIL")) and k != "NO_COLOR"}
        return {**kept, "TERM": "xterm", **more}

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write(self, name, content):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def worker_scenario(self, label=LABEL, more="", steps=""):
        program = os.path.join(PROGRAMS, "worker.py")
        text = WORKER.format(python=sys.executable, program=program, label=label, steps=steps)
        return self.write("scenario.yaml", text + more)

    def locktrail(self, *args, env=None, stdin=b"", cwd=None):
        done = subprocess.run([LOCKTRAIL, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment(**(env or {})), cwd=cwd or self.directory, timeout=TIMEOUT_S)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def on_terminal(self, *args, env=None, answer=None, rows=24, columns=80):
        """Runs it with all three descriptors on a pseudo terminal; `answer` is typed when a question stands at the end."""
        answers = [] if answer is None else [answer]
        return self.dialog("[y/N] ", answers, *args, env=env, rows=rows, columns=columns)[0]

    def dialog(self, question, answers, *args, env=None, rows=24, columns=80):
        """The same for several: each time `question` stands at the end the next answer (bytes, or a function that gives
        them) is typed. Also returns the answers that nobody asked for."""
        import fcntl
        import struct
        import termios

        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen([LOCKTRAIL, *args], stdin=slave, stdout=slave, stderr=slave, cwd=self.directory,
                                   env=self.environment(**(env or {})), start_new_session=True)
        os.close(slave)
        answers, output, deadline = list(answers), b"", time.monotonic() + TIMEOUT_S
        while True:
            ready, _, _ = select.select([master], [], [], max(0, deadline - time.monotonic()))
            try:
                more = os.read(master, 65536) if ready else b""
            except OSError:  # the other side is closed
                more = b""
            if not more:
                break
            output += more
            if answers and output.endswith(question.encode()):
                answer = answers.pop(0)
                os.write(master, answer() if callable(answer) else answer)
        os.close(master)
        if not ready:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.fail("no end within %d s, so far: %s" % (TIMEOUT_S, output))
        return Result(process.wait(timeout=TIMEOUT_S), output.decode().replace("\r\n", "\n"), ""), answers

    def assert_error(self, result, status, text):
        self.assertEqual((result.status, result.output, result.errors), (status, "", "locktrail: %s\n" % text))
