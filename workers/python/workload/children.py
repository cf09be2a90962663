# SPDX-License-Identifier: Apache-2.0
"""Forked children that do a piece of work and leave in order, so that their profiler sends what it has."""
import atexit
import os
import signal
import time

# A child that does not end is one of a broken profiler or runtime: forking from a thread may leave a lock taken for good.
CHILD_MAX_S = 30
# Between two looks.
LOOK_S = 0.005


class ChildFailed(Exception):
    """A child did not end well."""


def _be_child(work):
    """Does not return. A thread's end would end the child without what is registered for the end of the process."""
    status = 1
    try:
        work()
        atexit._run_exitfuncs()
        status = 0
    finally:
        os._exit(status)


def run(work):
    """Calls `work` in a forked child, and returns when that has ended well. What it counts with a SharedTally is there."""
    child = os.fork()
    if child == 0:
        _be_child(work)
    deadline = time.monotonic() + CHILD_MAX_S
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise ChildFailed("a child did not end for %d s" % CHILD_MAX_S)
        time.sleep(LOOK_S)
    if status != 0:
        raise ChildFailed("a child ended with status %d" % status)
