#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the path of a Go that can build the agents: the one in PATH, or one that it fetches.

    toolchain.py --into build/go

A Go below MINIMUM can neither build pkg/trace nor, below 1.21, fetch its own successor. Then the module
golang.org/toolchain is taken from the module proxy (the first one in GOPROXY that is a URL; without one the public
proxy), compared with the SHA-256 here, and unpacked into --into, once. Only the standard library is needed.
"""
import argparse
import fcntl
import hashlib
import http.client
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile

MINIMUM = (1, 26)  # what pkg/trace 0.85.2 asks for in its go.mod
VERSION = "v0.0.1-go1.26.8.linux-amd64"
SHA256 = "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7"
SIZE_MAX = 200 << 20  # the zip has 72 MB
TIMEOUT_S = 60  # without a byte
PUBLIC_PROXY = "https://proxy.golang.org"
EXIT_MISSING = 69
# A zip of the proxy has no permissions: what is in these folders are programs.
PROGRAMS = ("bin/", "pkg/tool/")


class Failure(Exception):
    """One line: what failed and what to do."""


def go_version(go):
    """(1, 26) of a Go that runs, else None."""
    try:
        # Of the folder above, so that no go.mod makes an old Go look for a newer one.
        output = subprocess.run([go, "version"], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                                timeout=60, env=dict(os.environ, GOTOOLCHAIN="local")).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"go version go(\d+)\.(\d+)", output)
    return (int(match.group(1)), int(match.group(2))) if match else None


def proxy():
    setting = os.environ.get("GOPROXY", "")
    for entry in re.split("[,|]", setting):
        if entry.strip() == "off":
            raise Failure("GOPROXY is off, so no Go can be fetched; install Go %d.%d or later" % MINIMUM)
        if entry.strip().startswith(("https://", "http://", "file://")):
            return entry.strip().rstrip("/")
    return PUBLIC_PROXY


def without_secrets(url):
    return re.sub(r"//[^/@]*@", "//", url)


def fetch(url, file):
    """The SHA-256 of what it wrote into `file`."""
    digest, size = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            for piece in iter(lambda: answer.read(1 << 20), b""):
                size += len(piece)
                if size > SIZE_MAX:
                    raise Failure("%s is larger than %d MB" % (without_secrets(url), SIZE_MAX >> 20))
                digest.update(piece)
                file.write(piece)
    except (OSError, ValueError, http.client.HTTPException) as e:
        raise Failure("the Go module proxy does not give %s (%s); set GOPROXY to one that this machine reaches, or "
                      "install Go %d.%d or later" % (without_secrets(url), e, *MINIMUM))
    return digest.hexdigest()


def unpack(archive, directory):
    """Only what lies below the module's own folder, without that folder."""
    prefix = "golang.org/toolchain@%s/" % VERSION
    for entry in archive.infolist():
        name = entry.filename[len(prefix):]
        if not entry.filename.startswith(prefix) or ".." in name.split("/") or name.endswith("/"):
            continue
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(entry) as source, open(path, "wb") as file:
            shutil.copyfileobj(source, file)
        if name.startswith(PROGRAMS):
            os.chmod(path, 0o755)


def install(into):
    url = "%s/golang.org/toolchain/@v/%s.zip" % (proxy(), VERSION)
    with tempfile.TemporaryDirectory(dir=into) as directory, open(os.path.join(directory, "go.zip"), "w+b") as file:
        print("  GO  fetching %s" % without_secrets(url), file=sys.stderr, flush=True)
        found = fetch(url, file)
        if found != SHA256:
            raise Failure("%s has the SHA-256 %s, expected %s" % (without_secrets(url), found, SHA256))
        with zipfile.ZipFile(file) as archive:
            unpack(archive, os.path.join(directory, "go"))
        # Whole or not there.
        os.rename(os.path.join(directory, "go"), os.path.join(into, VERSION))


def find(into):
    go = shutil.which("go")
    version = go_version(go) if go else None
    if version and version >= MINIMUM:
        return go
    if platform.machine() != "x86_64":
        raise Failure("Go %d.%d or later is needed, and there is %s" %
                      (MINIMUM + ("%d.%d" % version if version else "none",)))
    fetched = os.path.join(into, VERSION, "bin", "go")
    os.makedirs(into, exist_ok=True)
    with open(os.path.join(into, "lock"), "w", encoding="utf-8") as lock:
        # Targets of one make start at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(fetched):
            install(into)
    if not go_version(fetched):
        raise Failure("%s does not run; remove %s and try again" % (fetched, into))
    return fetched


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", required=True, help="folder for a Go that has to be fetched")
    options = parser.parse_args(arguments)
    try:
        print(find(os.path.abspath(options.into)))
    except Failure as e:
        print("agents: %s" % e, file=sys.stderr)
        return EXIT_MISSING
    except OSError as e:
        print("agents: can't prepare %s: %s" % (e.filename or options.into, e.strerror), file=sys.stderr)
        return EXIT_MISSING
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
