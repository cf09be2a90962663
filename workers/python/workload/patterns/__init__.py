# SPDX-License-Identifier: Apache-2.0
"""Ways in which a program holds a lock, one module each; what a module must have:

    serve(io)  makes the pattern's objects and gives step(worker, turn), which every thread calls for each iteration.
               It may take locks itself, always the same number of times.

Each step takes each lock a fixed number of times, whatever the other threads do, and waits with `io` while it holds it.
"""
import importlib
import os

# Pattern: its module, and further modules in which it declares locks.
MODULES = {
    "local": ("local",),
    "global": ("global_",),
    "member": ("member",),
    "nested": ("nested",),
    "private": ("private",),
    "anonymous": ("anonymous",),
    "reentrant": ("reentrant",),
    "slots": ("slots",),
    "container": ("container",),
    "alias": ("alias",),
    "shared_name": ("shared_name",),
    "late_name": ("late_name",),
    "condition": ("condition",),
    "semaphore": ("semaphore",),
    "module": ("module", "module_limits"),
    "inherited": ("inherited",),
    "in_turn": ("in_turn",),
    "churn": ("churn",),
    "forks": ("forks",),
    "reference": ("reference",),
}


def paths(pattern):
    """Source files that declare the pattern's locks."""
    return [os.path.join(os.path.dirname(__file__), name + ".py") for name in MODULES[pattern]]


def load(pattern):
    """The pattern's module. Import it after the profiler has started and the type of lock was chosen."""
    return importlib.import_module("workload.patterns." + MODULES[pattern][0])
