# SPDX-License-Identifier: Apache-2.0
"""What the tests of the lock profiler share: programs that are built, runs under `lockprof run` and what they give."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

import captures
import profiles

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.dirname(os.environ.get("LOCKTRAIL", os.path.join(ROOT, "build", "locktrail")))
LOCKPROF = os.environ.get("LOCKPROF", os.path.join(BUILD, "lockprof"))
LIBRARY = os.environ.get("LIBLOCKPROF", os.path.join(BUILD, "liblockprof.so"))
STRESS = os.path.join(HERE, "programs", "stress")
# Longer than any of the programs takes on a slow machine; one that hangs is ended and fails its test.
TIMEOUT_S = 40
C_FLAGS = ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread"]
# FILE:LINE[:NAME] and MODULE+0xOFFSET.
LABEL = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+)(?::(?P<name>.+))?$")
ADDRESS = re.compile(r"^(?P<module>[^:]+)\+0x(?P<offset>[0-9a-f]+)$")


def command(arguments, **options):
    """Runs a tool that has to work; its stdout."""
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout.decode('utf-8', 'replace')}")
    return done.stdout.decode("utf-8", "replace")


def compile_c(output, sources, *flags, compiler="gcc"):
    command([compiler, *C_FLAGS, *flags, "-o", output, *sources])
    return output


def in_parallel(function, items):
    """The results in order; the first exception is raised."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(function, items))


def clean_environment(**more):
    mine = ("DD_", "LOCKPROF_", "LOCKTRAIL_")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(mine)}, **more}


class Result:
    """What a run under `lockprof run` gave."""

    def __init__(self, status, output, errors, paths):
        self.status, self.output, self.errors, self.paths = status, output, errors, paths
        self.profiles = [profiles.read(path) for path in paths]
        self.samples = [sample for one in self.profiles for sample in one.samples]

    @property
    def comments(self):
        return [comment for one in self.profiles for comment in one.comments]

    def by_label(self, kind="lock-acquire"):
        """{lock name: sum}, labels whole."""
        return self._sums(kind, lambda sample: sample.labels.get("lock name", ""))

    def by_name(self, kind="lock-acquire"):
        """{NAME: sum}: the last part of FILE:LINE:NAME, the whole label where there is no name."""
        return self._sums(kind, lambda sample: name_of(sample.labels.get("lock name", "")))

    def by_thread(self, kind="lock-acquire", name=None):
        return self._sums(kind, lambda sample: sample.labels.get("thread name", "")
                          if name is None or name_of(sample.labels.get("lock name", "")) == name else None)

    def _sums(self, kind, key_of):
        sums = {}
        for sample in self.samples:
            key = key_of(sample)
            if key is not None and sample.values.get(kind):
                sums[key] = sums.get(key, 0) + sample.values[kind]
        return sums

    def dropped(self, what):
        """The number that the last profile's comments give as dropped, 0 where they give none."""
        pattern = re.compile(r"^dropped since the start: (\d+) %s\b" % what)
        return sum(int(found.group(1)) for found in map(pattern.match, self.profiles[-1].comments) if found)


def name_of(label):
    match = LABEL.match(label)
    return (match.group("name") or label) if match else label


class Case(unittest.TestCase):
    """A test with a directory of its own, programs built once for its class, and the profiler that `make` built."""

    maxDiff = None
    library_only = False  # needs no resolver

    @classmethod
    def setUpClass(cls):
        needed = [LIBRARY] if cls.library_only else [LIBRARY, LOCKPROF]
        for path in needed:
            if not os.path.exists(path):
                raise unittest.SkipTest(f"needs {os.path.basename(path)} from a machine that it is built on (x86_64)")
        cls.built = tempfile.mkdtemp(prefix="lockprof-built-")
        cls.addClassCleanup(shutil.rmtree, cls.built, ignore_errors=True)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="lockprof-test-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def profiled(self, *arguments, options=(), env=None, want=0, **more):
        """Runs a program under `lockprof run`; the status must be `want`."""
        prefix = os.path.join(self.directory, "profile")
        for name in os.listdir(self.directory):
            if name.startswith("profile."):
                os.remove(os.path.join(self.directory, name))
        done = subprocess.run([LOCKPROF, "run", "--output", prefix, "--compression", "none", *options, "--", *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT_S, env=clean_environment(**(env or {})), check=False, **more)
        output, errors = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        self.assertEqual(done.returncode, want, f"{arguments}: {output[-1000:]}\n{errors[-4000:]}")
        paths = [os.path.join(self.directory, name) for name in sorted(os.listdir(self.directory))
                 if name.startswith("profile.") and name.endswith(".pprof")]
        return Result(done.returncode, output, errors, paths)

    def captured(self, *arguments, env=None, want=0, preload=(LIBRARY,), **more):
        """Runs a program with the library alone; its stdout and the captures it leaves."""
        directory = tempfile.mkdtemp(prefix="captures-", dir=self.directory)
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT_S, check=False,
                              env=clean_environment(LD_PRELOAD=":".join(preload), LOCKPROF_DIR=directory, **(env or {})),
                              **more)
        output, errors = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        self.assertEqual(done.returncode, want, f"{arguments}: {output[-1000:]}\n{errors[-4000:]}")
        return output, captures.read_all(directory)
