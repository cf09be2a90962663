# SPDX-License-Identifier: Apache-2.0
"""The type of lock that --lock-type asks for. Patterns import LockType by name, so choose() comes before them."""
import threading

LOCK_TYPES = ("rlock", "lock")

# The constructor itself, not a function around it: the profiler takes the line that calls it for the lock's site.
LockType = threading.RLock


def choose(name):
    """Call it after the profiler has started, since the profiler puts its own constructors into `threading`."""
    global LockType
    LockType = threading.RLock if name == "rlock" else threading.Lock
