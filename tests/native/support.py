# SPDX-License-Identifier: Apache-2.0
"""Starts the native workload as the coordinator does: with the helpers of the Python workload's tests."""
import importlib.util
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# make puts all programs into one directory.
BUILD = os.path.dirname(os.environ.get("LOCKTRAIL") or os.path.join(ROOT, "build", "locktrail"))
PATTERNS = os.path.join(ROOT, "workers", "native", "patterns")
VARIANTS = ("O0g", "O2g", "O3lto", "g1", "nodebug", "stripped", "split", "clang-O2g")
FULL = ("O0g", "O2g", "O3lto", "split", "clang-O2g")
CODE = re.compile(r"^(.*)\+0x([0-9a-f]+)$")


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


started = load("python_support", os.path.join(ROOT, "tests", "python", "support.py"))
markers = load("native_markers", os.path.join(ROOT, "workers", "native", "markers.py"))
phase_arguments, Workload, DEADLINE_S = started.phase_arguments, started.Workload, started.DEADLINE_S


def program(variant):
    """Path of a build. Skips the test where make has not built it."""
    path = os.path.join(BUILD, "native", "native-" + variant)
    if not os.access(path, os.X_OK):
        raise unittest.SkipTest("%s is not built (make native native-sanitizers native-broken)" % path)
    return path


def pattern_names():
    """As the table of patterns has them."""
    with open(os.path.join(PATTERNS, "patterns.h"), encoding="utf-8") as header:
        listed = header.read().partition("#define PATTERN_LIST(X)")[2].partition("\n\n")[0]
    return re.findall(r"X\((\w+)\)", listed)


def sources():
    """Pattern sources with markers, the patterns' own table apart."""
    names = sorted(name for name in os.listdir(PATTERNS) if name.endswith(".c") and name != "patterns.c")
    return [os.path.join(PATTERNS, name) for name in names]


def arguments(patterns, iterations=50, seconds=0.0, threads=4):
    return ["--threads", str(threads), "--seed", "7"] + phase_arguments(patterns, iterations, seconds)


def run(variant, args, env=None):
    """(exit status, the finished Workload)."""
    return started.run(args, (program(variant),), env)


def sites(workload):
    """{lock id: [MODULE+0xOFFSET and the like]} of the `site` lines."""
    found = {}
    for message in workload.of_type("site"):
        found.setdefault(message["id"], []).append(message["site"])
    return found


def offsets(workload, variant):
    """{lock id: [offset in the executable]}."""
    found = {}
    for lock_id, texts in sites(workload).items():
        for text in texts:
            match = CODE.match(text)
            if match and match.group(1) == "native-" + variant:
                found.setdefault(lock_id, []).append(int(match.group(2), 16))
    return found


def output_of(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True, timeout=DEADLINE_S).stdout


def sections(path):
    return set(re.findall(r"^\s*\[\s*\d+\]\s+(\S+)", output_of("readelf", "-WS", path), re.M))


def objects(path):
    """{name: address} of ELF symbols for data, thread-local ones apart; the compiler's number behind a local's name is
    cut off."""
    found = {}
    for line in output_of("readelf", "-Ws", path).splitlines():
        words = line.split()
        if len(words) == 8 and words[3] == "OBJECT":
            found[re.sub(r"\.\d+$", "", words[7])] = int(words[1], 16)
    return found


def debug_information(path):
    """What the file itself has, without what lies beside it."""
    return output_of("readelf", "--debug-dump=no-follow-links", "--debug-dump=info", path)
