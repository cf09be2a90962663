# SPDX-License-Identifier: Apache-2.0
"""An order that owns its payment: the payment's lock is reached through the order.

ddtrace looks one level deep, at attributes of the caller's variables. `self.payment.payment_lock` is two levels away,
so the profiler can't name it: a known limit, hence generic.
"""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import FIRST, checksum

ORDER = tally("nested/order_lock")
PAYMENT = tally("nested/payment_lock")


class Payment:
    def __init__(self):
        self.payment_lock = LockType()  # lock: nested/payment_lock generic -- only reached as self.payment.payment_lock
        self.total = 0


class Order:
    def __init__(self, io):
        self.io = io
        self.order_lock = LockType()  # lock: nested/order_lock exact
        self.payment = Payment()
        self.lines = 0

    def add_line(self, worker, turn):
        with ORDER.asked, self.order_lock, ORDER.held:
            self.lines += 1
            self.io.wait(FIRST)
        with PAYMENT.asked, self.payment.payment_lock, PAYMENT.held:
            self.payment.total += checksum(worker, turn) % 100
            self.io.wait()


def serve(io):
    return Order(io).add_line
