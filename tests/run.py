#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs all suites and prints the totals last: `N passed, N failed, N skipped`.

    run.py [--jobs N] [--unit DIR]… [--python DIR]…

--unit: every executable below DIR is a cmocka program. --python: every test_*.py below DIR is a unittest module, run in a
process of its own. The Python tests get LOCKTRAIL_DDTRACE_PYTHON, the python of an environment with the ddtrace of the
shipped scenarios, which is made where a package index can be reached. A test that is skipped says what it needs; with LOCKTRAIL_REQUIRE=all it counts as failed. A suite that
hangs is ended after TIMEOUT_S and counts as failed, as does one that dies or runs no test. N suites run side by side:
most of them mostly wait.
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DDTRACE = "4.16.0"
TIMEOUT_S = 900  # the longest suite (e2e with several real runs) takes some minutes on 2 cores
# Side by side, where there are so many processors.
JOBS = 2
# Minutes of waiting and little work: these run beside all others, from the first on.
BESIDE = ("test_soak", "test_soak_leak")
CMOCKA = re.compile(r"^\[\s*(OK|FAILED|SKIPPED|ERROR)\s*\] (\w+)$", re.M)
UNITTEST_SKIP = re.compile(r"^(\S+ \(\S+\)).*\.\.\. skipped '?(.*?)'?$", re.M)


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def add(self, name, passed, failed, skipped, seconds, notes):
        if os.environ.get("LOCKTRAIL_REQUIRE") == "all" and skipped:
            failed, skipped = failed + skipped, 0
            notes = ["required, yet skipped: " + note for note in notes]
        state = "FAILED" if failed else "ok"
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped
            print(f"{state:6} {name:44} {passed:4} passed {failed:3} failed {skipped:3} skipped {seconds:6.1f} s", flush=True)
            for note in notes:
                print(f"         {note}", flush=True)


def run(command, env):
    """Exit status (None: hung) and output; the whole process group is ended in any case."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                               env=env, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, output.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output.decode("utf-8", "replace")


def how_it_ended(status):
    if status is None:
        return f"hung: ended after {TIMEOUT_S} s"
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"


def show_failure(name, output):
    print(f"---- output of {name} ----\n{output[-20000:]}\n---- end of {name} ----", flush=True)


def run_unit(path, totals):
    start = time.monotonic()
    status, output = run([path], dict(os.environ))
    results = {}
    for state, test in CMOCKA.findall(output):
        if state != "OK" or test not in results:
            results[test] = state
    skipped = [test for test, state in results.items() if state == "SKIPPED"]
    failed = sum(state in ("FAILED", "ERROR") for state in results.values())
    passed = len(results) - failed - len(skipped)
    if failed == 0 and (status != 0 or not results):
        failed = 1
        output += f"\n{path}: {how_it_ended(status)}, {len(results)} tests"
    if failed:
        show_failure(path, output)
    reasons = re.findall(r"^skipped: (.*)$", output, re.M)
    totals.add("unit/" + os.path.basename(path), passed, failed, len(skipped), time.monotonic() - start,
               reasons or skipped)


def run_python(directory, module, totals):
    start = time.monotonic()
    env = dict(os.environ, PYTHONPATH=directory, PYTHONDONTWRITEBYTECODE="1")
    status, output = run([sys.executable, "-m", "unittest", "-v", module], env)
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    counts = {key: int(number) for key, number in re.findall(r"(failures|errors|skipped)=(\d+)", output)}
    failed, skipped = counts.get("failures", 0) + counts.get("errors", 0), counts.get("skipped", 0)
    # A test with several failing sub-tests counts each of them.
    passed = max(0, int(ran.group(1)) - failed - skipped) if ran else 0
    if failed == 0 and (status != 0 or not ran or passed + skipped == 0):
        failed = 1
        output += f"\n{module}: {how_it_ended(status)}"
    if failed:
        show_failure(module, output)
    notes = sorted({reason for _, reason in UNITTEST_SKIP.findall(output)})
    totals.add(f"{os.path.basename(directory)}/{module}", passed, failed, skipped, time.monotonic() - start, notes)


def prepare_ddtrace():
    """Tells the tests where ddtrace is, if it can be had."""
    command = [sys.executable, os.path.join(ROOT, "workers/python/environment.py"), "--root",
               os.path.join(ROOT, "build/venvs"), "--interpreter", "python3", "--version", DDTRACE]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    if made.returncode == 0:
        os.environ["LOCKTRAIL_DDTRACE_PYTHON"] = json.loads(made.stdout)["python"]
    else:
        print(f"no ddtrace {DDTRACE}: {(made.stderr.strip().splitlines() or ['?'])[-1]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unit", action="append", default=[])
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=min(JOBS, os.cpu_count() or 1))
    options = parser.parse_args()
    totals = Totals()
    if options.python:
        prepare_ddtrace()
    modules = [(os.path.abspath(directory), name[:-3]) for directory in options.python
               for name in sorted(os.listdir(directory)) if name.startswith("test_") and name.endswith(".py")]
    beside = [threading.Thread(target=run_python, args=(directory, module, totals))
              for directory, module in modules if module in BESIDE]
    for thread in beside:
        thread.start()
    suites = [(run_unit, os.path.join(directory, name)) for directory in options.unit
              for name in sorted(os.listdir(directory))]
    suites = [(suite, path) for suite, path in suites if os.access(path, os.X_OK) and os.path.isfile(path)]
    suites += [(run_python, *module) for module in modules if module[1] not in BESIDE]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(suite, *rest, totals) for suite, *rest in suites]:
            done.result()
    for thread in beside:
        thread.join()
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped", flush=True)
    sys.exit(1 if totals.failed or totals.passed == 0 else 0)


if __name__ == "__main__":
    main()
