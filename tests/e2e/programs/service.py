# SPDX-License-Identifier: Apache-2.0
"""A small service that knows nothing of locktrail: threads that take an order each, until it is told to stop."""
import signal
import threading
import time

order_lock = threading.Lock()
stopping = threading.Event()
orders = []


def take_orders(number):
    while not stopping.is_set():
        with order_lock:
            orders.append(number)
            time.sleep(0.001)
        time.sleep(0.002)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threads = [threading.Thread(target=take_orders, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
