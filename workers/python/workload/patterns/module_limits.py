# SPDX-License-Identifier: Apache-2.0
"""Limits that several modules of the service share, with the lock that guards them."""
from workload.locktype import LockType

limits_lock = LockType()  # lock: module/limits_lock generic -- only reached as module_limits.limits_lock
limits = {}
