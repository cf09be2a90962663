# SPDX-License-Identifier: Apache-2.0
"""environment.py against an interpreter made of shell, so that no package index is needed."""
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import support

import environment

SCRIPT = os.path.join(support.WORKERS, "environment.py")
REQUIREMENTS = environment.REQUIREMENTS
# Stands for an interpreter and for the python of the environment that it makes. $FAKE_LOG gets one line a call.
FAKE = r"""#!/bin/sh
echo "$*" >> "$FAKE_LOG"
case "$*" in
*python_implementation*) echo "CPython 3.11.7" ;;
*"-m venv"*)
    [ -z "$FAKE_VENV" ] || { echo "$FAKE_VENV"; exit 1; }
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && cp "$0" "$3/bin/ddtrace-run" ;;
*"pip install"*)
    [ -z "$FAKE_PIP" ] || { printf '%s\n' "$FAKE_PIP"; exit 1; }
    [ -z "$FAKE_KILL" ] || { while [ ! -e "$FAKE_KILL" ]; do sleep 0.01; done; kill -9 $PPID; } ;;
*ddtrace.__version__*) echo "${FAKE_DDTRACE-4.16.0}"; [ -n "${FAKE_DDTRACE-4.16.0}" ] ;;
esac
"""
OFFER = ("ERROR: Could not find a version that satisfies the requirement ddtrace==4.16.9 (from versions: 3.9.9, 4.9.0, "
         "4.15.6, 4.15.7, 4.16.0rc1, 4.16.0, 4.17.0)\nERROR: No matching distribution found for ddtrace==4.16.9")


class Fixture(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.root = os.path.join(self.directory, "venvs")
        self.log = os.path.join(self.directory, "log")
        self.interpreter = os.path.join(self.directory, "python")
        with open(self.interpreter, "w", encoding="utf-8") as file:
            file.write(FAKE)
        os.chmod(self.interpreter, 0o755)

    def start(self, *arguments, version="4.16.0", **variables):
        command = [sys.executable, SCRIPT, "--root", self.root, "--interpreter", self.interpreter,
                   "--version", version] + list(arguments)
        env = support.environment(dict(variables, FAKE_LOG=self.log))
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)

    def prepare(self, *arguments, **options):
        """(exit status, answer or None, last line of stderr)."""
        child = self.start(*arguments, **options)
        out, err = child.communicate(timeout=support.DEADLINE_S)
        lines = err.decode().splitlines()
        return child.returncode, json.loads(out) if out else None, lines[-1] if lines else ""

    def calls(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read().splitlines()

    def environments(self):
        return [name for name in os.listdir(self.root) if not name.endswith(".lock")]


class Preparing(Fixture):
    def test_a_new_one_is_installed_by_hash(self):
        status, answer, _ = self.prepare()
        self.assertEqual((status, answer["version"], answer["created"], answer["pinned"]), (0, "4.16.0", True, True))
        self.assertTrue(answer["python"].startswith(self.root + "/ddtrace-4.16.0-cpython-3.11.7-"))
        self.assertTrue(os.access(answer["ddtrace_run"], os.X_OK))
        install = [call for call in self.calls() if "pip install" in call]
        self.assertEqual(len(install), 1)
        self.assertIn("--require-hashes --only-binary :all: -r %s/ddtrace-4.16.0.txt" % REQUIREMENTS, install[0])

    def test_one_that_is_there_is_taken_as_it_is(self):
        _, first, _ = self.prepare()
        before = len(self.calls())
        status, second, last = self.prepare()
        self.assertEqual((status, second, last), (0, dict(first, created=False), ""))
        self.assertEqual([call for call in self.calls()[before:] if "python_implementation" not in call], [])

    def test_an_unknown_release_has_no_hashes(self):
        _, answer, _ = self.prepare(version="4.15.7")
        self.assertFalse(answer["pinned"])
        self.assertIn("ddtrace==4.15.7", self.calls()[-2])

    def test_packages_are_installed_beside_the_same_release(self):
        _, plain, _ = self.prepare()
        _, answer, _ = self.prepare("--package", "flask==3.0", "--package", "redis")
        self.assertNotEqual(answer["python"], plain["python"])
        self.assertFalse(answer["pinned"])
        self.assertTrue(self.calls()[-2].endswith(" flask==3.0 redis ddtrace==4.16.0"))

    def test_a_start_that_was_killed_midway_leaves_nothing_that_counts(self):
        status, answer, _ = self.prepare(FAKE_KILL="/")
        self.assertEqual((status, answer, len(self.environments())), (-9, None, 1))
        status, answer, _ = self.prepare()
        self.assertEqual((status, answer["created"]), (0, True))

    def test_of_two_starts_at_once_one_installs(self):
        children = [self.start() for _ in range(3)]
        answers = [json.loads(child.communicate(timeout=support.DEADLINE_S)[0]) for child in children]
        self.assertEqual(sorted(answer["created"] for answer in answers), [False, False, True])
        self.assertEqual(len([call for call in self.calls() if "pip install" in call]), 1)

    def start_waiting(self):
        """One that has found another one at work."""
        child = self.start()
        line = child.stderr.readline().decode()
        self.assertEqual(line, "another start is preparing this environment; waiting for it\n")
        return child

    def test_those_that_wait_for_one_that_is_killed_go_on(self):
        go = os.path.join(self.directory, "go")
        killed = self.start(FAKE_KILL=go)
        while not (os.path.exists(self.log) and any("pip install" in call for call in self.calls())):
            self.assertIsNone(killed.poll())
        children = [self.start_waiting() for _ in range(2)]
        with open(go, "w", encoding="utf-8"):
            pass
        killed.communicate(timeout=support.DEADLINE_S)
        self.assertEqual(killed.returncode, -9)
        answers = [json.loads(child.communicate(timeout=support.DEADLINE_S)[0]) for child in children]
        self.assertEqual(sorted(answer["created"] for answer in answers), [False, True])
        self.assertEqual(len(self.environments()), 1)

    def test_of_several_that_can_not_be_made_each_says_so(self):
        children = [self.start(FAKE_PIP="ERROR: it rains") for _ in range(3)]
        for child in children:
            lines = child.communicate(timeout=support.DEADLINE_S)[1].decode().splitlines()
            self.assertEqual((child.returncode, lines[-1]), (69, "environment.py: pip failed: ERROR: it rains"))
        self.assertEqual(self.environments(), [])

    def test_one_that_is_ended_while_it_waits_leaves_the_others_alone(self):
        name = environment.directory_name("cpython-3.11.7", "4.16.0", [])
        os.makedirs(self.root)
        with open(os.path.join(self.root, name + ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waiting = self.start_waiting()
            waiting.terminate()
            waiting.communicate(timeout=support.DEADLINE_S)
            self.assertEqual(waiting.returncode, 143)
        self.assertTrue(self.prepare()[1]["created"])

    def test_an_environment_whose_python_is_gone_is_made_anew(self):
        _, answer, _ = self.prepare()
        os.unlink(answer["python"])
        self.assertTrue(self.prepare()[1]["created"])

    def test_a_copy_of_an_environment_is_made_anew(self):
        self.prepare()
        elsewhere = os.path.join(self.directory, "elsewhere")
        shutil.copytree(self.root, elsewhere)
        self.root = elsewhere
        _, answer, _ = self.prepare()
        self.assertTrue(answer["created"])
        self.assertTrue(answer["python"].startswith(elsewhere))


class Failing(Fixture):
    def check(self, expected, **options):
        status, answer, last = self.prepare(**options)
        self.assertEqual((status, answer, last), (69, None, "environment.py: " + expected))
        self.assertEqual(self.environments(), [])

    def test_no_such_release(self):
        self.check("there is no ddtrace 4.16.9 for this Python; the nearest that the package index has: "
                   "4.15.6, 4.15.7, 4.16.0, 4.17.0", version="4.16.9", FAKE_PIP=OFFER)

    def test_no_package_index(self):
        self.check("the package index can't be reached, or has no ddtrace; check the network and pip's index settings",
                   FAKE_PIP="ERROR: Could not find a version that satisfies the requirement ddtrace==4.16.0 "
                            "(from versions: none)")

    def test_another_content_than_the_hash(self):
        self.check("a package is not the one that requirements/ has the hash of; "
                   "it may have been tampered with on its way",
                   FAKE_PIP="ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.")

    def test_a_full_disk(self):
        self.check("the disk is full; free some 200 MB below the build directory",
                   FAKE_PIP="ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")

    def test_another_failure_of_pip(self):
        self.check("pip failed: ERROR: it rains", FAKE_PIP="hm\nERROR: it rains\nbye")

    def test_no_venv_module(self):
        self.check("this Python can't make virtual environments; install python3-venv (apt-get install python3-venv)",
                   FAKE_VENV="The virtual environment was not created successfully because ensurepip is not available.")

    def test_a_ddtrace_that_can_not_be_imported(self):
        self.check("ddtrace 4.16.0 is installed but has no lock profiler that can be imported: no word",
                   FAKE_DDTRACE="")

    def test_no_interpreter(self):
        os.unlink(self.interpreter)
        status, answer, last = self.prepare()
        self.assertEqual((status, answer), (69, None))
        self.assertEqual(last, "environment.py: there is no interpreter %s; install it, or name another one" %
                         self.interpreter)

    def test_what_is_no_version_or_package(self):
        self.assertEqual(self.prepare(version="4.16 --pre")[::2],
                         (64, "environment.py: version '4.16 --pre', expected one such as 4.16.0"))
        self.assertEqual(self.prepare("--package=-r/etc/passwd")[::2],
                         (64, "environment.py: package '-r/etc/passwd', expected one such as flask==3.0"))


class Requirements(unittest.TestCase):
    def test_every_line_has_a_version_and_hashes(self):
        names = os.listdir(REQUIREMENTS)
        self.assertEqual(sorted(names), ["ddtrace-%s.txt" % v for v in ("3.17.3", "3.19.9", "4.16.0", "4.8.13")])
        for name in names:
            with open(os.path.join(REQUIREMENTS, name), encoding="utf-8") as file:
                text = file.read().replace("\\\n", " ")
            for line in text.splitlines():
                if not line.startswith("#"):
                    self.assertRegex(line, r"^[a-z-]+==[\w.]+ ( ?;[^-]*)? *(--hash=sha256:[0-9a-f]{64} *)+$")


if __name__ == "__main__":
    unittest.main()
