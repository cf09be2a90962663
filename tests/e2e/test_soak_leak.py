# SPDX-License-Identifier: Apache-2.0
"""A worker that leaks 1 MiB a minute, and one that does not: the first is found within ten minutes."""
import os
import signal
import subprocess
import unittest

from soaking import Soak

# Growth is sure after six minutes at the earliest; under sanitizers (Makefile, check-san) there is no time for that.
QUICK = "LOCKTRAIL_SOAK_S" in os.environ
FOUND_WITHIN_S = 600
# A thread that takes and touches a page 256 times a minute: 1 MiB a minute. In the workload, not in its profiler.
LEAK = """
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static void *leak(void *unused)
{
    for (;;) {
        void *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(page, 1, 4096);
        usleep(60000000 / 256);
    }
    return unused;
}
__attribute__((constructor)) static void start(void)
{
    pthread_t thread;
    if (strncmp(program_invocation_short_name, "native", 6) == 0)
        pthread_create(&thread, 0, leak, 0);
}
"""


@unittest.skipIf(QUICK, "this build is not given ten minutes")
class Leak(Soak):
    def leaking(self):
        source, library = os.path.join(self.directory, "leak.c"), os.path.join(self.directory, "leak.so")
        with open(source, "w", encoding="utf-8") as text:
            text.write(LEAK)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-pthread"], check=True)
        return ("  leaking:\n    runtime: native\n    capture_pct: 100\n    upload_interval: 1s\n"
                f"    environment: {{LD_PRELOAD: {library}}}\n")

    def test_a_leak_is_found_within_ten_minutes(self):
        path = self.file(count=1, workers=self.leaking())
        process = self.start("soak", path, "--for", f"{FOUND_WITHIN_S}s", "--every", "1s", "--quiet", "--out", self.out)
        record = self.wait_for(lambda r: r["ended"] or self.watch(r, "leaking.1.upload", "rss")["found_at_ms"] >= 0,
                               deadline_s=FOUND_WITHIN_S + 60)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        leak = self.watch(record, "leaking.1.upload", "rss")
        self.assertTrue(leak["trend"]["growing"], leak["trend"])
        self.assertGreater(leak["trend"]["per_hour"], 40 << 20)
        self.assertLess(leak["trend"]["per_hour"], 80 << 20)
        for process in ("locktrail", "native.1.upload"):
            self.assertEqual(self.watch(record, process, "rss")["found_at_ms"], -1, process)
        self.assert_nothing_runs()


if __name__ == "__main__":
    unittest.main()
