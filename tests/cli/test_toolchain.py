# SPDX-License-Identifier: Apache-2.0
"""workers/agent/toolchain.py: which Go builds the agents, and what is said where there is none. The module proxy is one
of this machine; what it gives stands in for the real module, whose hash is pinned."""
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

from cli import ROOT

SCRIPT = os.path.join(ROOT, "workers", "agent", "toolchain.py")
sys.path.insert(0, os.path.dirname(SCRIPT))
import toolchain  # noqa: E402


def go_script(version):
    return "#!/bin/sh\necho go version go%s linux/amd64\n" % version


class Toolchain(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="locktrail-go-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.into = os.path.join(self.directory, "go")
        self.proxy = os.path.join(self.directory, "proxy")
        self.module = os.path.join(self.proxy, "golang.org", "toolchain", "@v", toolchain.VERSION + ".zip")
        os.makedirs(os.path.dirname(self.module))
        self.fetched = os.path.join(self.into, toolchain.VERSION, "bin", "go")

    def put_go(self, version):
        """A Go in PATH; None: there is none."""
        path = os.path.join(self.directory, "bin")
        os.makedirs(path)
        if version:
            with open(os.path.join(path, "go"), "w", encoding="utf-8") as file:
                file.write(go_script(version))
            os.chmod(os.path.join(path, "go"), 0o755)
        return path

    def run_script(self, path, proxy=None, sha256=None):
        """With the pinned hash, or with another."""
        code = "import sys; sys.path.insert(0, sys.argv[1]); import toolchain as t; t.SHA256 = sys.argv[2] or t.SHA256; " \
               "sys.exit(t.main(sys.argv[3:]))"
        done = subprocess.run([sys.executable, "-c", code, os.path.dirname(SCRIPT), sha256 or "", "--into", self.into],
                              env={"PATH": path, "GOPROXY": proxy or "file://" + self.proxy},
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def put_module(self, version="1.26.8"):
        data = io.BytesIO()
        prefix = "golang.org/toolchain@%s/" % toolchain.VERSION
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr(prefix + "bin/go", go_script(version))
            archive.writestr(prefix + "src/runtime/proc.go", "package runtime\n")
            archive.writestr(prefix + "../../outside", "")
            archive.writestr("elsewhere/file", "")
        with open(self.module, "wb") as file:
            file.write(data.getvalue())
        return hashlib.sha256(data.getvalue()).hexdigest()

    def test_a_new_one_in_the_path_is_taken(self):
        for version in ("1.26.0", "1.27rc1", "2.0"):
            with self.subTest(version):
                path = self.put_go(version)
                self.assertEqual(self.run_script(path), (0, os.path.join(path, "go") + "\n", ""))
                self.assertFalse(os.path.exists(self.into))
                shutil.rmtree(path)

    def test_where_it_is_too_old_one_is_fetched_once(self):
        sha256 = self.put_module()
        path = self.put_go("1.19.8")
        status, output, errors = self.run_script(path, sha256=sha256)
        self.assertEqual((status, output), (0, self.fetched + "\n"))
        self.assertIn("  GO  fetching file://", errors)
        self.assertEqual(sorted(os.listdir(self.into)), ["lock", toolchain.VERSION])
        self.assertFalse(os.access(os.path.join(self.into, toolchain.VERSION, "src", "runtime", "proc.go"), os.X_OK))
        self.assertEqual(sorted(os.listdir(self.directory)), ["bin", "go", "proxy"])
        os.remove(self.module)
        self.assertEqual(self.run_script(path, sha256=sha256), (0, self.fetched + "\n", ""))

    def test_another_module_than_the_pinned_one_is_refused(self):
        sha256 = self.put_module()
        status, output, errors = self.run_script(self.put_go(None))
        self.assertEqual((status, output), (69, ""))
        self.assertEqual(errors.splitlines()[-1], "agents: file://%s has the SHA-256 %s, expected %s" % (
            self.module, sha256, toolchain.SHA256))
        self.assertEqual(os.listdir(self.into), ["lock"])

    def test_a_proxy_that_does_not_give_it(self):
        for proxy in ("http://user:secret@127.0.0.1:1", "https://127.0.0.1:1,direct", "direct|file:///nowhere"):
            with self.subTest(proxy):
                path = self.put_go("1.25.1")
                status, output, errors = self.run_script(path, proxy)
                self.assertEqual((status, output), (69, ""))
                last = errors.splitlines()[-1]
                self.assertTrue(last.startswith("agents: the Go module proxy does not give "), last)
                self.assertTrue(last.endswith("; set GOPROXY to one that this machine reaches, or install Go 1.26 or "
                                              "later"), last)
                self.assertNotIn("secret", errors)
                shutil.rmtree(path)

    def test_without_a_proxy(self):
        self.assertEqual(self.run_script(self.put_go(None), "off"),
                         (69, "", "agents: GOPROXY is off, so no Go can be fetched; install Go 1.26 or later\n"))

    def test_one_that_does_not_run(self):
        sha256 = self.put_module("x")
        status, _, errors = self.run_script(self.put_go(None), sha256=sha256)
        self.assertEqual((status, errors.splitlines()[-1]),
                         (69, "agents: %s does not run; remove %s and try again" % (self.fetched, self.into)))


if __name__ == "__main__":
    unittest.main()
