# SPDX-License-Identifier: Apache-2.0
"""Settings that are first read through the application, where their lock has no name, and later by their own methods.

The lock is an attribute of the object whose methods take it, so a collector can name it: exact. ddtrace looks for a
name once, at the first acquire that it samples. Here that is the warm-up, two levels away, and no name stays for
good.
"""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import checksum

SETTINGS = tally("late_name/settings_lock")
SETTINGS_KEPT = 64


class Settings:
    def __init__(self, io):
        self.io = io
        self.settings_lock = LockType()  # lock: late_name/settings_lock exact -- first taken by Application.warm_up
        self.values = {}

    def change(self, worker, turn):
        with SETTINGS.asked, self.settings_lock, SETTINGS.held:
            self.values[turn % SETTINGS_KEPT] = checksum(worker, turn)
            self.io.wait()


class Application:
    def __init__(self, io):
        self.settings = Settings(io)

    def warm_up(self):
        with SETTINGS.asked, self.settings.settings_lock, SETTINGS.held:
            self.settings.values[0] = checksum("default")


def serve(io):
    application = Application(io)
    application.warm_up()
    return application.settings.change
