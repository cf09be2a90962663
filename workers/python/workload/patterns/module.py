# SPDX-License-Identifier: Apache-2.0
"""Code that takes the lock of another module, by `module.lock`.

ddtrace passes over modules when it looks through a frame's variables, so a lock that is only reached through one has no
name: a known limit, hence generic.
"""
from workload.ledger import tally
from workload.pacing import checksum
from workload.patterns import module_limits

LIMITS = tally("module/limits_lock")


def set_limit(io, worker, turn):
    with LIMITS.asked, module_limits.limits_lock, LIMITS.held:
        module_limits.limits[worker] = checksum(worker, turn)
        io.wait()


def serve(io):
    return lambda worker, turn: set_limit(io, worker, turn)
