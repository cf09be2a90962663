#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says which releases of ddtrace the package index has for this interpreter.

    releases.py --root build/venvs --interpreter python3

Asks pip, in a virtual environment that has nothing but pip, so that the user's index settings count. Final releases
with a built package, ascending, as a JSON list: the only line on stdout. The last line on stderr says what failed.
"""
import argparse
import json
import os
import re
import shutil
import signal
import sys

import environment

# pip before 21.2 has no `index`; what it says of a release that nobody has lists the others.
NO_RELEASE = "0.0.0.dev0"


def index_environment(root, interpreter):
    """Its Builder, whose python has pip. Made once, and safe beside other starts."""
    directory = os.path.join(os.path.abspath(root), "index-" + environment.interpreter_version(interpreter))
    marker = os.path.join(directory, environment.MARKER)
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    builder = environment.Builder(directory, environment.take_lock(directory + ".lock"), interpreter, "", [])
    if not (os.path.exists(marker) and os.access(builder.python, os.X_OK)):
        shutil.rmtree(directory, ignore_errors=True)
        code, lines = builder.run([interpreter, "-m", "venv", directory])
        if code != 0:
            raise environment.Failure(environment.explain_venv(lines))
        environment.write_marker(directory, {"python": builder.python})
    return builder


def ask(builder, command, package):
    return builder.run([builder.python, "-I", "-m", "pip", "--retries", "2"] + command +
                       ["--no-input", "--disable-pip-version-check", "--only-binary", ":all:", package])


def list_releases(builder):
    code, lines = ask(builder, ["index", "versions"], "ddtrace")
    found = [re.match(r"Available versions: (.*)", line.strip()) for line in lines]
    if not any(found) and code != 0 and environment.has(lines, "unknown command", "ERROR: No such command"):
        code, lines = ask(builder, ["download", "--no-deps", "-d", os.path.join(builder.directory, "none")],
                          "ddtrace==" + NO_RELEASE)
        found = [re.search(r"\(from versions: (.*)\)", line) for line in lines]
    texts = [match.group(1) for match in found if match]
    final = [text for text in (texts[0].split(", ") if texts else []) if re.fullmatch(r"\d+(\.\d+)*", text)]
    if not final:
        raise environment.Failure(environment.explain_pip(lines, NO_RELEASE) if lines else "pip says nothing")
    return sorted(set(final), key=lambda text: [int(n) for n in text.split(".")])


def main(arguments):
    parser = argparse.ArgumentParser(prog="releases.py", description="Lists the releases of ddtrace.")
    parser.add_argument("--root", required=True, help="directory of the environments")
    parser.add_argument("--interpreter", default=sys.executable)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        releases = list_releases(index_environment(options.root, options.interpreter))
    except environment.Failure as e:
        environment.say("releases.py: %s" % e)
        return environment.EXIT_MISSING
    except OSError as e:
        environment.say("releases.py: can't prepare %s: %s" % (e.filename or options.root, e.strerror))
        return environment.EXIT_MISSING
    print(json.dumps(releases))
    return environment.EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
