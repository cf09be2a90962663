#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prepares a virtual environment with one release of ddtrace and says where it is.

    environment.py --root build/venvs --interpreter python3 --version 4.16.0 [--package flask==3.0]…

Progress for people goes to stderr; its last line says what failed, if something did. On success the only line on
stdout is {"python": …, "ddtrace_run": …, "version": …, "created": bool, "pinned": bool}. `pinned` says that every
package was checked against a hash in requirements/. An environment counts as good only once its marker file is
written, which is the last step: what a killed start has left is removed and made anew. Starts at the same time wait
for one another.
"""
import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

EXIT_OK, EXIT_USAGE, EXIT_MISSING = 0, 64, 69
REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements")
MARKER = "locktrail-environment.json"
# Part of every directory's name: raise it when environments are made in another way.
FORM = 1
VERSION_FORM = re.compile(r"\d+(\.\d+)*([a-z]+\d+)?")
# Lines of pip's output that are searched for the cause of a failure.
OUTPUT_LINES_KEPT = 400
NEAREST_SHOWN = 4
ASK_VERSION = "import platform; print(platform.python_implementation(), platform.python_version())"
ASK_DDTRACE = "import ddtrace.profiling.collector.threading; print(ddtrace.__version__)"


class Failure(Exception):
    """One line: what failed and what to do."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def requirements_file(version):
    return os.path.join(REQUIREMENTS, "ddtrace-%s.txt" % version)


def interpreter_version(interpreter):
    """"cpython-3.11.7", without starting the interpreter if it is the one that runs this."""
    path = shutil.which(interpreter)
    if path is None:
        raise Failure("there is no interpreter %s; install it, or name another one" % interpreter)
    if os.path.realpath(path) == os.path.realpath(sys.executable):
        return "%s-%d.%d.%d" % ((sys.implementation.name,) + sys.version_info[:3])
    try:
        answer = subprocess.run([path, "-I", "-c", ASK_VERSION], stdout=subprocess.PIPE, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as e:
        raise Failure("the interpreter %s does not run: %s" % (path, e))
    return answer.stdout.decode().strip().lower().replace(" ", "-")


def directory_name(interpreter, version, packages):
    digest = hashlib.sha256()
    for text in [str(FORM)] + sorted(packages):
        digest.update(text.encode() + b"\0")
    if os.path.exists(requirements_file(version)):
        with open(requirements_file(version), "rb") as file:
            digest.update(file.read())
    return "ddtrace-%s-%s-%s" % (version, interpreter, digest.hexdigest()[:10])


def read_marker(directory):
    """The answer of an environment that is complete and still works, else None."""
    try:
        with open(os.path.join(directory, MARKER), encoding="utf-8") as file:
            answer = json.load(file)
        usable = os.access(answer["python"], os.X_OK) and os.access(answer["ddtrace_run"], os.X_OK)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # A directory that was moved has programs that point to where it was.
    return answer if usable and answer["python"].startswith(directory + os.sep) else None


def write_marker(directory, answer):
    temporary = os.path.join(directory, MARKER + ".new")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(answer, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, os.path.join(directory, MARKER))


class Builder:
    """Makes one environment while it holds the lock of its directory."""

    def __init__(self, directory, lock_fd, interpreter, version, packages):
        self.directory, self.lock_fd = directory, lock_fd
        self.interpreter, self.version, self.packages = interpreter, version, packages
        self.python = os.path.join(directory, "bin", "python")

    def build(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        say("ddtrace %s: making the virtual environment %s" % (self.version, self.directory))
        code, lines = self.run([self.interpreter, "-m", "venv", self.directory])
        if code != 0:
            raise Failure(explain_venv(lines))
        pinned = os.path.exists(requirements_file(self.version))
        say("ddtrace %s: installing %s" % (self.version, "by hash" if pinned else "without known hashes"))
        if pinned:
            self.pip(["--require-hashes", "--only-binary", ":all:", "-r", requirements_file(self.version)])
        else:
            self.pip(["ddtrace==" + self.version])
        if self.packages:
            say("ddtrace %s: installing %s" % (self.version, ", ".join(self.packages)))
            self.pip(self.packages + ["ddtrace==" + self.version])
        answer = self.check()
        answer["pinned"] = pinned and not self.packages
        write_marker(self.directory, answer)
        return answer

    def pip(self, arguments):
        options = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]
        code, lines = self.run([self.python, "-I", "-m", "pip", "install"] + options + arguments)
        if code != 0:
            raise Failure(explain_pip(lines, self.version))

    def check(self):
        code, lines = self.run([self.python, "-I", "-c", ASK_DDTRACE])
        if code != 0:
            raise Failure("ddtrace %s is installed but has no lock profiler that can be imported: %s" %
                          (self.version, last_line(lines)))
        return {
            "python": self.python,
            "ddtrace_run": os.path.join(self.directory, "bin", "ddtrace-run"),
            "version": lines[-1],
        }

    def run(self, command):
        """Shows the output on stderr and returns (exit status, its last lines)."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "_DD_"))}
        environment["DD_INSTRUMENTATION_TELEMETRY_ENABLED"] = "0"
        lines = []
        # The child keeps the lock too: if this process is killed, the next start waits until the child is gone.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env=environment, pass_fds=(self.lock_fd,))
        try:
            for line in child.stdout:
                text = line.decode(errors="replace").rstrip()
                if text:
                    say("  " + text)
                    lines = lines[1 - OUTPUT_LINES_KEPT:] + [text]
            return child.wait(), lines
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def last_line(lines):
    return lines[-1].strip() if lines else "no word"


def has(lines, *texts):
    return any(text in line for line in lines for text in texts)


def explain_disk(lines):
    if has(lines, "No space left on device", "Disk quota exceeded"):
        return "the disk is full; free some 200 MB below the build directory"
    return None


def explain_venv(lines):
    if has(lines, "ensurepip", "No module named venv"):
        return "this Python can't make virtual environments; install python3-venv (apt-get install python3-venv)"
    return explain_disk(lines) or "no virtual environment could be made: %s" % last_line(lines)


def explain_pip(lines, version):
    offered = [re.search(r"ddtrace==\S+ \(from versions: (.*)\)", line) for line in lines]
    offered = [match.group(1) for match in offered if match]
    if has(lines, "DO NOT MATCH THE HASHES"):
        return "a package is not the one that requirements/ has the hash of; it may have been tampered with on its way"
    if offered and offered[0] != "none":
        return "there is no ddtrace %s for this Python; the nearest that the package index has: %s" % (
            version, ", ".join(nearest(offered[0].split(", "), version)))
    disk = explain_disk(lines)
    if disk:
        return disk
    if offered or has(lines, "Failed to establish a new connection", "Connection refused", "Temporary failure in name",
                      "Read timed out", "ProxyError", "ConnectTimeoutError"):
        return "the package index can't be reached, or has no ddtrace; check the network and pip's index settings"
    errors = [line for line in lines if line.lstrip().startswith("ERROR:")]
    return "pip failed: %s" % last_line(errors or lines)


def nearest(versions, wanted):
    """The few releases just below and above `wanted`, ascending; no release candidates."""
    def numbers(text):
        return ([int(n) for n in re.findall(r"\d+", text)] + [0, 0, 0])[:3]

    releases = sorted((v for v in versions if re.fullmatch(r"\d+(\.\d+)*", v)), key=numbers)
    below = sum(numbers(v) < numbers(wanted) for v in releases)
    start = max(0, min(below - NEAREST_SHOWN // 2, len(releases) - NEAREST_SHOWN))
    return releases[start : start + NEAREST_SHOWN]


def take_lock(path):
    """Held until the process and the children that it handed the descriptor to are gone."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("another start is preparing this environment; waiting for it")
        fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def prepare(options):
    root = os.path.abspath(options.root)
    name = directory_name(interpreter_version(options.interpreter), options.version, options.packages)
    directory = os.path.join(root, name)
    answer = read_marker(directory)
    if answer:
        return dict(answer, created=False)
    os.makedirs(root, exist_ok=True)
    lock_fd = take_lock(directory + ".lock")
    answer = read_marker(directory)
    if answer:
        return dict(answer, created=False)
    try:
        builder = Builder(directory, lock_fd, options.interpreter, options.version, options.packages)
        return dict(builder.build(), created=True)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="environment.py", description="Prepares a virtual environment with ddtrace.")
    parser.add_argument("--root", required=True, help="directory of the environments")
    parser.add_argument("--interpreter", default=sys.executable)
    parser.add_argument("--version", required=True, help="release of ddtrace, such as 4.16.0")
    parser.add_argument("--package", action="append", default=[], dest="packages", help="installed beside ddtrace")
    options = parser.parse_args(arguments)
    problem = None
    if not VERSION_FORM.fullmatch(options.version):
        problem = "version %r, expected one such as 4.16.0" % options.version
    for package in options.packages:
        if not package or package.startswith("-"):
            problem = "package %r, expected one such as flask==3.0" % package
    if problem:
        say("environment.py: " + problem)
        sys.exit(EXIT_USAGE)
    return options


def main(arguments):
    options = parse_arguments(arguments)
    # As an exception, so that a child is ended and a half environment removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        answer = prepare(options)
    except Failure as e:
        say("environment.py: %s" % e)
        return EXIT_MISSING
    except OSError as e:
        say("environment.py: can't prepare %s: %s" % (e.filename or options.root, e.strerror))
        return EXIT_MISSING
    print(json.dumps(answer))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
