#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps what the accuracy measurement needs of a run directory: profiles, ledger, and what is known of each copy.

    tests/accuracy/record.py RUN_DIRECTORY tests/data/uploads
"""
import json
import os
import shutil
import sys

STAGES = ("control", "collector", "upload")


def copies_of(run, stage):
    folder = os.path.join(run, "copies", stage)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".pprof"):
            yield name


def describe(run, stage, name):
    with open(os.path.join(run, "copies", stage, name[: -len(".pprof")] + ".json")) as file:
        meta = json.load(file)
    return {
        "copy": stage + "/" + name,
        "stage": stage,
        "instance": meta["instance"],
        "sequence": meta["sequence"],
        "runtime_id": meta.get("runtime_id", ""),
        "start": meta.get("start", ""),
        "end": meta.get("end", ""),
        "status": meta.get("status", 0),
    }


def main(run, out):
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "copies.jsonl"), "w") as lines:
        for stage in STAGES:
            os.makedirs(os.path.join(out, stage), exist_ok=True)
            for name in copies_of(run, stage):
                shutil.copy(os.path.join(run, "copies", stage, name), os.path.join(out, stage, name))
                lines.write(json.dumps(describe(run, stage, name)) + "\n")
    with open(os.path.join(run, "ledger.jsonl")) as ledger, open(os.path.join(out, "ledger.jsonl"), "w") as kept:
        for line in ledger:
            # Progress only says earlier what `done` says, and a profile's path is the recording machine's own.
            if json.loads(line)["line"]["type"] in ("hello", "lock", "site", "done"):
                kept.write(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
