# SPDX-License-Identifier: Apache-2.0
"""Starts the workload as the coordinator does, with its protocol lines on descriptor 3 of the child."""
import fcntl
import json
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
WORKERS = os.path.realpath(os.path.join(HERE, "..", "..", "workers", "python"))
MAIN = os.path.join(WORKERS, "main.py")
BROKEN_MAIN = os.path.join(HERE, "broken", "main.py")
# Only a hung child takes this long.
DEADLINE_S = 120

sys.path.insert(0, WORKERS)


def environment(extra=None):
    """Without the profiler's settings of the caller's shell."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DD_")}
    variables.update(PYTHONDONTWRITEBYTECODE="1")
    variables.update(extra or {})
    return variables


def phase_arguments(patterns, iterations, seconds):
    arguments = []
    for pattern in patterns:
        arguments += ["--phase", "%s:%d:%g" % (pattern, iterations, seconds)]
    return arguments


class Workload:
    """One started main.py. Use it as a context manager: it leaves no child and no descriptor."""

    def __init__(self, arguments, command=(sys.executable, MAIN), env=None):
        reader, writer = os.pipe()
        # Above 3, so that the shell can put it there; bash, since others know only one digit.
        moved = fcntl.fcntl(writer, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(writer)
        shell = ["bash", "-c", 'exec "$@" 3>&%d %d>&-' % (moved, moved), "bash"]
        self.child = subprocess.Popen(shell + list(command) + list(arguments), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(env),
                                      pass_fds=(moved,))
        os.close(moved)
        self.lines = os.fdopen(reader, encoding="utf-8")
        self.messages = []
        self.stdout = self.stderr = ""
        self._timer = threading.Timer(DEADLINE_S, self.child.kill)
        self._timer.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.child.kill()
        self.child.wait()
        self._timer.cancel()
        self.lines.close()
        self.child.stdout.close()
        self.child.stderr.close()

    def read_until(self, kind):
        """Reads lines up to the first of type `kind`, which it returns; None at the end."""
        for line in self.lines:
            self.messages.append(json.loads(line))
            if self.messages[-1]["type"] == kind:
                return self.messages[-1]
        return None

    def finish(self):
        """Reads everything and returns the exit status."""
        if not self.lines.closed:
            self.messages += [json.loads(line) for line in self.lines]
        out, err = self.child.communicate()
        self.stdout, self.stderr = out.decode(), err.decode()
        return self.child.returncode

    def of_type(self, kind):
        return [message for message in self.messages if message["type"] == kind]


def run(arguments, command=(sys.executable, MAIN), env=None):
    """(exit status, the finished Workload)."""
    with Workload(arguments, command, env) as workload:
        return workload.finish(), workload
