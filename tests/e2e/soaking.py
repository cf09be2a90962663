# SPDX-License-Identifier: Apache-2.0
"""What the tests of soaks share: a scenario, a soak that is started, its record."""
import json
import os
import time

import support

SCENARIO = """
name: soak
duration: 3s
threads: 2
workers:
  native:
    runtime: native
    count: %(count)d
    capture_pct: 100
    upload_interval: 100ms
%(workers)sphases:
  - {pattern: member, iterations: 40}
  - {pattern: global, iterations: 40}
  - {pattern: anonymous, iterations: 40}
backend: store
%(more)s"""


class Soak(support.Run):
    def file(self, count=2, workers="", more=""):
        return self.scenario(SCENARIO % {"count": count, "workers": workers, "more": more})

    def soak(self, path, seconds, *args, out=None):
        """Exit status and record."""
        status, output, errors = self.locktrail("soak", path, "--for", f"{seconds}s", "--json", "--quiet", "--out",
                                                out or self.out, *args)
        try:
            return status, json.loads(output)
        except ValueError:
            self.fail(f"exit {status}, no JSON on stdout: {output[:2000]}\n{errors[-4000:]}")

    def assert_accounted(self, record):
        uploads = record["uploads"]
        self.assertEqual(uploads["judged"] + uploads["unjudged"] + uploads["cut"], uploads["arrived"]["upload"], uploads)
        self.assertEqual(uploads["good"] + uploads["with_loss"], uploads["judged"], uploads)
        self.assertEqual((uploads["pending"], uploads["unknown"], uploads["unreadable"]), (0, 0, 0), uploads)

    def process(self, record, name):
        return next(p for p in record["processes"] if p["name"] == name)

    def watch(self, record, process, kind):
        return self.process(record, process)["watches"][kind]

    def read(self, out=None):
        with open(os.path.join(out or self.out, "soak.json"), encoding="utf-8") as text:
            return json.load(text)

    def wait_for(self, what, out=None, deadline_s=60):
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            try:
                record = self.read(out)
                if what(record):
                    return record
            except (FileNotFoundError, StopIteration):
                pass
            time.sleep(0.1)
        return self.fail("the record never came to that")


def directory_size(path):
    return sum(os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(path) for name in names)
