# SPDX-License-Identifier: Apache-2.0
"""releases.py against an interpreter made of shell, so that no package index is needed."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import support

SCRIPT = os.path.join(support.WORKERS, "releases.py")
# $FAKE_LOG gets one line a call; $FAKE_INDEX is what `pip index` says, and $FAKE_DOWNLOAD what `pip download` does.
FAKE = r"""#!/bin/sh
echo "$*" >> "$FAKE_LOG"
case "$*" in
*python_implementation*) echo "CPython 3.11.7" ;;
*"-m venv"*)
    [ -z "$FAKE_VENV" ] || { echo "$FAKE_VENV"; exit 1; }
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*"index versions"*) printf '%s\n' "$FAKE_INDEX"; [ -z "$FAKE_FAILS" ] ;;
*"download"*) printf '%s\n' "$FAKE_DOWNLOAD"; exit 1 ;;
esac
"""
INDEX = "WARNING: pip index is experimental\nddtrace (4.16.0)\nAvailable versions: 4.16.0, 4.9.1, 4.10.0rc1, 4.10.0, 3.17.3\n"


class Releases(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.root = os.path.join(self.directory, "venvs")
        self.log = os.path.join(self.directory, "log")
        self.interpreter = os.path.join(self.directory, "python")
        with open(self.interpreter, "w", encoding="utf-8") as file:
            file.write(FAKE)
        os.chmod(self.interpreter, 0o755)

    def ask(self, **variables):
        """(exit status, answer or None, last line of stderr)."""
        done = subprocess.run([sys.executable, SCRIPT, "--root", self.root, "--interpreter", self.interpreter],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=support.DEADLINE_S, check=False,
                              env=support.environment(dict(variables, FAKE_LOG=self.log)))
        lines = done.stderr.decode().splitlines()
        return done.returncode, json.loads(done.stdout) if done.stdout else None, lines[-1] if lines else ""

    def calls(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_final_releases_in_their_order(self):
        status, answer, _ = self.ask(FAKE_INDEX=INDEX)
        self.assertEqual((status, answer), (0, ["3.17.3", "4.9.1", "4.10.0", "4.16.0"]))
        self.assertTrue(self.calls()[-1].endswith(
            "pip --retries 2 index versions --no-input --disable-pip-version-check --only-binary :all: ddtrace"))

    def test_its_environment_is_made_once(self):
        self.ask(FAKE_INDEX=INDEX)
        self.ask(FAKE_INDEX=INDEX)
        self.assertEqual(len([call for call in self.calls() if "-m venv" in call]), 1)
        self.assertEqual(sorted(os.listdir(self.root)), ["index-cpython-3.11.7", "index-cpython-3.11.7.lock"])

    def test_an_old_pip_is_asked_in_another_way(self):
        status, answer, _ = self.ask(FAKE_INDEX='ERROR: unknown command "index"', FAKE_FAILS="1", FAKE_DOWNLOAD=(
            "ERROR: Could not find a version that satisfies the requirement ddtrace==0.0.0.dev0 (from versions: 4.9.0, "
            "4.16.0rc1, 4.16.0)"))
        self.assertEqual((status, answer), (0, ["4.9.0", "4.16.0"]))

    def test_no_index(self):
        self.assertEqual(self.ask(FAKE_INDEX="ERROR: No matching distribution: Connection refused", FAKE_FAILS="1"), (
            69, None, "releases.py: the package index can't be reached, or has no ddtrace; check the network and pip's "
            "index settings"))

    def test_no_venv_module(self):
        self.assertEqual(self.ask(FAKE_VENV="ensurepip is not available"), (
            69, None, "releases.py: this Python can't make virtual environments; install python3-venv (apt-get install "
            "python3-venv)"))


if __name__ == "__main__":
    unittest.main()
