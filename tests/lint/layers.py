#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds design.md's order of folders: a folder includes only folders above it, and each outside library has its home.

    layers.py DIR...     check the trees below harness and workers/lockprof
    layers.py --selftest plant an upward include, a stray library and a cycle's half, and fail unless each is found
"""
import os
import re
import sys
import tempfile

ORDERS = {
    "harness": ["base", "trail", "profile", "scenario", "io", "pipeline", "engine", "report", "commands"],
    # `capture` runs inside other programs: it knows the file's format and nothing else.
    "lockprof": ["format", "capture", "resolve", "export", "command"],
}
# What a folder of lockprof may take from the harness.
SHARED = {"capture": set(), "format": set(), "resolve": {"base", "profile"}, "export": {"base", "profile"},
          "command": {"base", "profile"}}
HOMES = {
    r"(dwarf|libelf|gelf|elfutils/.*)\.h": {"resolve"},
    r"uv\.h": {"io", "engine"},
    r"curl/.*": {"io", "engine", "export"},
    r"microhttpd\.h": {"io"},
    r"openssl/.*": {"io"},
    r"yaml\.h": {"scenario"},
    r"zip\.h": {"pipeline"},
    r"(zstd|lz4frame|lz4|zlib)\.h": {"profile", "export"},
    r".*\.pb-c\.h": {"profile", "export"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def check_folder(tree, folder, header):
    """Why a quoted include is wrong, or None."""
    parts = header.split("/")
    if len(parts) == 1:
        return None if header.endswith(".pb-c.h") else f'"{header}" is written without its folder'
    if tree == "harness":
        order, target = ORDERS[tree], parts[0]
    elif parts[0] == tree:
        order, target = ORDERS[tree], parts[1]
        if folder != target and (folder == "capture" or target == "capture") and target != "format":
            return f'"{header}": capture stands alone'
    elif parts[0] in SHARED[folder]:
        return None
    else:
        return f'"{header}" is not for {folder}/'
    if target not in order:
        return f'"{header}" is of no folder of {tree}'
    if order.index(target) > order.index(folder):
        return f'"{header}" lies below {folder}/ in the order of folders'
    return None


def check_line(tree, folder, quoted, angled):
    """Why this include is wrong, or None."""
    for pattern, homes in HOMES.items():
        if re.fullmatch(pattern, quoted or angled) and folder not in homes:
            return f"<{quoted or angled}> belongs to {' and '.join(sorted(homes))} only"
    return check_folder(tree, folder, quoted) if quoted else None


def check(root):
    """All findings as FILE:LINE: text."""
    findings = []
    tree = os.path.basename(root.rstrip("/"))
    for folder in sorted(f for f in os.listdir(root) if os.path.isdir(os.path.join(root, f))):
        if folder not in ORDERS[tree]:
            findings.append(f"{root}/{folder}: not a folder of the design")
            continue
        for name in sorted(os.listdir(os.path.join(root, folder))):
            path = os.path.join(root, folder, name)
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    match = INCLUDE.match(line)
                    why = match and check_line(tree, folder, match.group(1), match.group(2))
                    if why:
                        findings.append(f"{path}:{number}: {why}")
    return findings


def selftest():
    planted = [("harness", "trail", '#include "engine/run.h"\n'), ("harness", "profile", "#include <uv.h>\n"),
               ("harness", "base", '#include "trail/words.h"\n'), ("harness", "report", "#include <curl/curl.h>\n"),
               ("harness", "io", "#include <zip.h>\n"), ("lockprof", "capture", '#include "base/err.h"\n'),
               ("lockprof", "export", "#include <elfutils/libdw.h>\n"),
               ("lockprof", "resolve", '#include "lockprof/export/collect.h"\n'),
               ("lockprof", "resolve", '#include "lockprof/capture/real.h"\n')]
    for tree, folder, text in planted:
        with tempfile.TemporaryDirectory() as top:
            root = os.path.join(top, tree)
            os.makedirs(os.path.join(root, folder))
            with open(os.path.join(root, folder, "x.c"), "w", encoding="utf-8") as file:
                file.write(text)
            if len(check(root)) != 1:
                sys.exit(f"layers.py: did not find {text.strip()} planted in {tree}/{folder}/")
    print(f"layers.py: finds all {len(planted)} planted includes")


def main():
    if sys.argv[1:] == ["--selftest"]:
        selftest()
        return
    findings = [finding for root in sys.argv[1:] for finding in check(root)]
    print("\n".join(findings) if findings else "layers.py: every include follows the order of folders")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
