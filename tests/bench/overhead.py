#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What locktrail adds to a workload: wall time of a run, against the same worker started by a shell in the same rounds.

Prints medians of interleaved rounds and their difference beside the start of an interpreter with the profiler.
"""
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCKTRAIL = os.environ.get("LOCKTRAIL", os.path.join(ROOT, "build", "locktrail"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = 3
SCENARIO = f"""name: overhead
duration: {SECONDS}s
threads: 4
control: none
workers:
  python:
    runtime: ddtrace
phases: [local, member]
"""


def timed(command, **options):
    start = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, **options)
    return time.monotonic() - start, done


def run_locktrail(scenario, directory, name):
    out = os.path.join(directory, name)
    seconds, done = timed([LOCKTRAIL, "run", scenario, "--yes", "--quiet", "--out", out])
    if done.returncode != 0:
        sys.exit(f"locktrail ended with {done.returncode}: {done.stdout.decode()}{done.stderr.decode()}")
    return seconds, out


def python_of(out):
    with open(os.path.join(out, "events.jsonl"), encoding="utf-8") as file:
        return next(json.loads(line)["python"] for line in file if '"environment"' in line)


def run_shell(python, directory, name):
    """Both arms as a shell would start them: side by side, the uploading one to nobody, since waiting for an answer is the
    profiler's own business."""
    phases = [f"--phase {pattern}:{int(SECONDS / 2 * 50)}:{SECONDS / 2}" for pattern in ("local", "member")]
    work = (f"{shlex.quote(python)} {shlex.quote(os.path.join(ROOT, 'workers/python/main.py'))} --launcher auto "
            f"--lock-type rlock --threads 4 --seed 1 {' '.join(phases)} 3>/dev/null")
    prefix = shlex.quote(os.path.join(directory, name))
    settings = ("DD_PROFILING_ENABLED=1 DD_PROFILING_CAPTURE_PCT=100 DD_TRACE_ENABLED=0 "
                "DD_INSTRUMENTATION_TELEMETRY_ENABLED=0 DD_REMOTE_CONFIGURATION_ENABLED=0")
    script = (f"{settings} DD_PROFILING_OUTPUT_PPROF={prefix}.a {work} & {settings} "
              f"DD_PROFILING_OUTPUT_PPROF={prefix}.b {work} & wait")
    seconds, done = timed(["sh", "-c", script])
    if done.returncode != 0:
        sys.exit(f"the shell's run ended with {done.returncode}: {done.stderr.decode()}")
    return seconds


def start_of_interpreter(python):
    env = dict(os.environ, DD_PROFILING_ENABLED="1", DD_TRACE_ENABLED="0", DD_PROFILING_OUTPUT_PPROF="/dev/null")
    return timed([python, "-c", "import ddtrace.profiling.auto"], env=env)[0]


def main():
    with tempfile.TemporaryDirectory(prefix="locktrail-bench-") as directory:
        scenario = os.path.join(directory, "overhead.yaml")
        with open(scenario, "w", encoding="utf-8") as file:
            file.write(SCENARIO)
        _, out = run_locktrail(scenario, directory, "warm")  # makes the virtual environment
        python = python_of(out)
        ours, shell, start = [], [], []
        for number in range(ROUNDS):
            ours.append(run_locktrail(scenario, directory, f"run{number}")[0])
            shell.append(run_shell(python, directory, f"shell{number}"))
            start.append(start_of_interpreter(python))
        a, b, c = (statistics.median(times) for times in (ours, shell, start))
        print(f"{'locktrail run':32} {a:7.3f} s   {a / b:5.2f} times the shell's")
        print(f"{'the same workers by a shell':32} {b:7.3f} s")
        print(f"{'interpreter with profiler':32} {c:7.3f} s")
        print(f"{'locktrail adds':32} {a - b:7.3f} s   (bound: 0.5 s + interpreter = {0.5 + c:.3f} s; medians of {ROUNDS})")


if __name__ == "__main__":
    main()
