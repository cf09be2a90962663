# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: the built binary, run directories that are removed, processes that are looked for."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LOCKTRAIL = os.environ.get("LOCKTRAIL", os.path.join(ROOT, "build", "locktrail"))
PROGRAMS = os.path.join(HERE, "programs")
# The label under which programs/worker.py shows its lock.
GOOD = "test.py:7:good_lock"
# Deadline of one run beyond its own duration: virtual environments are made at first use.
RUN_TIMEOUT_S = 420


def clean_environment():
    """Ours without what would change a run."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "LOCKTRAIL_"))}


class Run(unittest.TestCase):
    """A test with a directory of its own, in which nothing may be left running."""

    maxDiff = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="locktrail-e2e-")
        self.out = os.path.join(self.directory, "run")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def scenario(self, text):
        path = os.path.join(self.directory, "scenario.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, *args, env=None, **options):
        return subprocess.Popen([LOCKTRAIL, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env={**clean_environment(), **(env or {})},
                                start_new_session=True, **options)

    def locktrail(self, *args, env=None):
        """Exit status, stdout and stderr."""
        process = self.start(*args, env=env)
        try:
            output, errors = process.communicate(timeout=RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return process.returncode, output, errors

    def run_scenario(self, path, *args, env=None):
        """Runs it into self.out; exit status and the report, checked to say the same as report.json."""
        status, output, errors = self.locktrail("run", path, "--yes", "--json", "--out", self.out, *args, env=env)
        try:
            report = json.loads(output)
        except ValueError:
            self.fail(f"exit {status}, no JSON on stdout: {output[:2000]}\n{errors[-4000:]}")
        with open(os.path.join(self.out, "report.json"), encoding="utf-8") as file:
            self.assertEqual(report, json.load(file))
        return status, report

    def assert_nothing_runs(self, deadline_s=10):
        """No process with this test's directory in its environment or command line is left."""
        until = time.monotonic() + deadline_s
        while True:
            left = processes_mentioning(self.directory)
            if not left:
                return
            if time.monotonic() > until:
                self.fail(f"still running: {left}")
            time.sleep(0.05)


class CommandRun(Run):
    """Runs of `command` workers: programs/worker.py doing what its words say."""

    def worker(self, *words, name="mine", **keys):
        """YAML of one worker that speaks the protocol."""
        command = ", ".join(f"'{word}'" for word in [sys.executable, os.path.join(PROGRAMS, "worker.py"), *words])
        settings = {"start_timeout": "20s", "silence_timeout": "20s", "stop_timeout": "5s", "protocol": "lines", **keys}
        lines = "".join(f"    {key}: {value}\n" for key, value in settings.items() if value is not None)
        return f"  {name}:\n    runtime: command\n    command: [{command}]\n{lines}"

    def file(self, *workers, duration="3s", arms="tee", more=""):
        return self.scenario(f"name: test\nduration: {duration}\nthreads: 2\ncontrol: none\narms: {arms}\n{more}"
                             f"workers:\n{''.join(workers)}")

    def good_worker(self, **keys):
        return self.worker("hello", "lock:good_lock", "acquire:good_lock:1", f"write:{GOOD}", f"upload:{GOOD}", "done",
                           **keys)

    def run_bad(self, *words, **keys):
        """A bad worker beside a good one: an error that names the bad one; the good one's lock is still reported."""
        path = self.file(self.worker(*words, name="bad", **keys), self.good_worker())
        status, report = self.run_scenario(path)
        self.assertEqual((status, report["verdict"]), (70, "error"))
        good = locks_of(report, "mine")["test/good_lock"]
        self.assertEqual({stage: good["states"][stage]["state"] for stage in ("collector", "upload")},
                         {"collector": "exact", "upload": "exact"})
        problems = [problem for problem in report["problems"] if problem["who"] == "bad.1.tee"]
        self.assertTrue(problems, report["problems"])
        self.assert_nothing_runs()
        return problems


def processes_mentioning(text):
    """(pid, command line) of the live processes other than ours whose command line or environment has `text`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().rpartition(")")[2].split()[0] in "ZX":
                    continue
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read()
        except OSError:
            continue
        if text.encode() in command + environment:
            found.append((int(pid), command.replace(b"\0", b" ").decode("utf-8", "replace")))
    return found


def wait_for(condition, what, deadline_s=60):
    until = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited {deadline_s} s in vain for {what}")
        time.sleep(0.02)


def locks_of(report, worker=None):
    """Locks by their id."""
    return {lock["id"]: lock for lock in report["locks"] if worker is None or lock.get("worker") == worker}


def states_of(report, stage):
    return {name: lock["states"][stage]["state"] for name, lock in locks_of(report).items()}


def events_of(directory):
    with open(os.path.join(directory, "events.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def ddtrace_python(version="4.16.0"):
    """The interpreter of locktrail's environment with this ddtrace; skips the test where it can't be made."""
    command = [sys.executable, os.path.join(ROOT, "workers", "python", "environment.py"), "--root",
               os.path.join(ROOT, "build", "venvs"), "--interpreter", "python3", "--version", version]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        lines = made.stderr.strip().splitlines() or ["no output"]
        raise unittest.SkipTest(f"needs ddtrace {version} from a Python package index: {lines[-1]}")
    return json.loads(made.stdout.strip().splitlines()[-1])["python"]


def compile_c(source, program, directory):
    """Optimized, with all debug information."""
    subprocess.run(["gcc", "-O2", "-g", "-pthread", "-o", program, source], cwd=directory, check=True, timeout=60)
