#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a matrix costs: listing 10,000 cells; 64 cells of a second beside `xargs -P` with the same workers bare; merging
100 shards of 100 cells.

A bare worker is the command line that a cell's worker has, lockprof around the C workload, with a local profile and an
upload to a sink of this program that answers 200. Both ways run on two processors, in turn, BENCH_ROUNDS times; the
medians are compared. A value over its bound is marked `over`; the exit status is 0 all the same.
"""
import http.server
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCKTRAIL = os.path.abspath(os.environ.get("LOCKTRAIL", os.path.join(ROOT, "build", "locktrail")))
BUILD = os.path.dirname(LOCKTRAIL)
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
CELLS, AT_ONCE = 64, 2
RATIO_BOUND = 1.15
DRY_CELLS, DRY_BOUND_S = 10000, 1.0
SHARDS, SHARD_CELLS, MERGE_BOUND_S, MERGE_BOUND_MIB = 100, 100, 2.0, 100
PATTERNS = ["local", "global", "member", "nested"]
SCENARIO = """name: bench
duration: 1s
threads: 2
control: none
workers: {native: {runtime: native}}
phases: [%s]
""" % ", ".join(PATTERNS)


def row(name, value, note="", bound="", over=False):
    print(f"  {name:26} {value:>12}  {note:34} {bound:>10} {'over' if over else ''}".rstrip(), flush=True)


def measure(args, **options):
    """Seconds, MiB at the most, and what it wrote."""
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        process = subprocess.Popen(args, stdout=output, **options)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else status
        output.seek(0)
        return took, usage.ru_maxrss / 1024, process.returncode, output.read().decode()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def large_matrix(directory):
    write(os.path.join(directory, "bench.yaml"), SCENARIO)
    path = os.path.join(directory, "large.yaml")
    write(path, "name: large\nscenario: bench.yaml\naxes:\n"
          "  build: [O0g, O2g, O3lto, g1, nodebug, stripped, split, clang-O2g]\n"
          "  capture_pct: [100, 50, 25, 20, 10]\n"
          f"  threads: [{', '.join(str(n) for n in range(2, 27))}]\n"
          f"  duration: [{', '.join('%ds' % n for n in range(1, 11))}]\n")
    return path


def bench_dry(directory):
    path = large_matrix(directory)
    runs = [measure([LOCKTRAIL, "matrix", path, "--dry-run", "--shard", "1/100"]) for _ in range(5)]
    assert all(code == 0 for _, _, code, _ in runs)
    assert f"{DRY_CELLS} cells on 4 axes" in runs[0][3]
    took = statistics.median(run[0] for run in runs)
    row("10,000 cells listed", f"{took:.2f} s", f"{runs[0][1]:.0f} MiB, each checked", f"{DRY_BOUND_S:.0f} s", took > DRY_BOUND_S)


# --- merge ---

def make_shards(directory):
    path = large_matrix(directory)
    listed = json.loads(measure([LOCKTRAIL, "matrix", path, "--dry-run", "--shard", f"1/{SHARDS}", "--json"])[3])
    parts = []
    for shard in range(1, SHARDS + 1):
        part = os.path.join(directory, "shard%d" % shard)
        cells = [cell["id"] for cell in listed["cells"] if cell["shard"] == shard]
        assert len(cells) == SHARD_CELLS
        os.mkdir(part)
        for name, source in (("matrix.yaml", "large.yaml"), ("scenario.yaml", "bench.yaml")):
            os.link(os.path.join(directory, source), os.path.join(part, name))
        write(os.path.join(part, "matrix.json"), json.dumps({
            "schema": "locktrail/matrix/1", "path": path, "name": "large", "hash": listed["hash"], "only": [], "shard": shard,
            "shards": SHARDS, "plan": "bench", "interrupted": False, "missing": [], "cells": cells}))
        with open(os.path.join(part, "cells.jsonl"), "w", encoding="utf-8") as file:
            for number, cell in enumerate(cells):
                losses = [{"worker": "native", "lock": "member/lock%d" % n, "stage": "collector", "mechanism": "never_named"}
                          for n in range(3 if number % 4 == 0 else 0)]
                file.write(json.dumps({"id": cell, "number": 1, "verdict": "failure" if losses else "success",
                                       "exit_code": 2 if losses else 0, "duration_ms": 1000 + number,
                                       "conclusion": "13 declared names, some of them lost", "losses": losses}) + "\n")
        parts.append(part)
    return parts


def bench_merge(directory):
    parts = make_shards(directory)
    took, mib, code, output = measure([LOCKTRAIL, "merge", *parts, "--out", os.path.join(directory, "merged"), "--quiet"])
    assert code == 2, (code, output)
    row("100 x 100 cells merged", f"{took:.2f} s", "with report.json and junit.xml", f"{MERGE_BOUND_S:.0f} s", took > MERGE_BOUND_S)
    row("", f"{mib:.0f} MiB", "at the most", f"{MERGE_BOUND_MIB} MiB", mib > MERGE_BOUND_MIB)


# --- cells beside xargs ---

class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def on_two_processors():
    mine = sorted(os.sched_getaffinity(0))[:AT_ONCE]
    os.sched_setaffinity(0, mine)


def run_bare(directory, url, number):
    """64 command lines, each as that of a cell's worker."""
    out = os.path.join(directory, "bare%d" % number)
    os.mkdir(out)
    # 13 iterations of a quarter of a second: 50 in a second, as the scenario has it.
    phases = [word for pattern in PATTERNS for word in ("--phase", f"{pattern}:13:0.25")]
    words = ["--interval", "10000ms", "--rate", "1", "--upload", url, "--", os.path.join(BUILD, "native", "native-O2g"),
             "--threads", "2"] + phases
    script = f"exec '{BUILD}/lockprof' run --output '{out}'/$1.pprof {' '.join(words)} --seed $1 3>'{out}'/$1.lines"
    took, _, code, _ = measure(["sh", "-c", f"seq {CELLS} | xargs -P {AT_ONCE} -n 1 sh -c \"$1\" sh", "sh", script],
                               preexec_fn=on_two_processors, stderr=subprocess.DEVNULL)
    assert code == 0, code
    assert len([name for name in os.listdir(out) if name.endswith(".pprof")]) == CELLS
    return took


def run_cells(directory, number):
    path = os.path.join(directory, "cells.yaml")
    write(path, f"name: cells\nscenario: bench.yaml\naxes: {{}}\nrepeat: {CELLS}\nretries: 0\n")
    took, _, code, output = measure([LOCKTRAIL, "matrix", path, "-j", str(AT_ONCE), "--quiet", "--out",
                                     os.path.join(directory, "matrix%d" % number)], preexec_fn=on_two_processors,
                                    stderr=subprocess.DEVNULL)
    assert code == 0, (code, output)
    return took


def bench_cells(directory):
    write(os.path.join(directory, "bench.yaml"), SCENARIO)
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    bare, cells = [], []
    for number in range(ROUNDS):
        bare.append(run_bare(directory, "http://127.0.0.1:%d" % sink.server_port, number))
        cells.append(run_cells(directory, number))
    sink.shutdown()
    ratio = statistics.median(cells) / statistics.median(bare)
    row("64 workers, xargs -P 2", f"{statistics.median(bare):.1f} s", "lockprof, profile and upload")
    row("64 cells, -j 2", f"{statistics.median(cells):.1f} s", f"{ratio:.3f} times", f"{RATIO_BOUND}", ratio > RATIO_BOUND)


def main():
    print("matrix: what it costs")
    for bench in (bench_dry, bench_merge, bench_cells):
        with tempfile.TemporaryDirectory(prefix="locktrail-bench-") as directory:
            bench(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
