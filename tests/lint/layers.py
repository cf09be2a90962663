#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds design.md's order of folders: a folder of harness/ includes only folders above it, and each outside library has its home.

    layers.py DIR        check the tree below DIR
    layers.py --selftest plant an upward include, a stray library and a cycle's half, and fail unless each is found
"""
import os
import re
import sys
import tempfile

ORDER = ["base", "trail", "profile", "scenario", "io", "pipeline", "engine", "report", "commands"]
HOMES = {
    r"uv\.h": {"io", "engine"},
    r"curl/.*": {"io", "engine"},
    r"microhttpd\.h": {"io"},
    r"openssl/.*": {"io"},
    r"yaml\.h": {"scenario"},
    r"(zstd|lz4frame|lz4|zlib)\.h": {"profile"},
    r".*\.pb-c\.h": {"profile"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def check_line(folder, quoted, angled):
    """Why this include is wrong, or None."""
    header = quoted or angled
    target = header.split("/")[0]
    if quoted and "/" in header and target in ORDER:
        if ORDER.index(target) > ORDER.index(folder):
            return f'"{header}" lies below {folder}/ in the order of folders'
        return None
    for pattern, homes in HOMES.items():
        if re.fullmatch(pattern, header) and folder not in homes:
            return f"<{header}> belongs to {' and '.join(sorted(homes))} only"
    if quoted and "/" not in header and not header.endswith(".pb-c.h"):
        return f'"{header}" is written without its folder'
    return None


def check(root):
    """All findings as FILE:LINE: text."""
    findings = []
    for folder in sorted(os.listdir(root)):
        if folder not in ORDER:
            findings.append(f"{root}/{folder}: not a folder of the design")
            continue
        for name in sorted(os.listdir(os.path.join(root, folder))):
            path = os.path.join(root, folder, name)
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    match = INCLUDE.match(line)
                    why = match and check_line(folder, match.group(1), match.group(2))
                    if why:
                        findings.append(f"{path}:{number}: {why}")
    return findings


def selftest():
    planted = [("trail", '#include "engine/run.h"\n'), ("profile", "#include <uv.h>\n"),
               ("base", '#include "trail/words.h"\n'), ("report", "#include <curl/curl.h>\n")]
    for folder, text in planted:
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, folder))
            with open(os.path.join(root, folder, "x.c"), "w", encoding="utf-8") as file:
                file.write(text)
            if len(check(root)) != 1:
                sys.exit(f"layers.py: did not find {text.strip()} planted in {folder}/")
    print(f"layers.py: finds all {len(planted)} planted includes")


def main():
    if sys.argv[1:] == ["--selftest"]:
        selftest()
        return
    findings = check(sys.argv[1])
    print("\n".join(findings) if findings else "layers.py: every include follows the order of folders")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
