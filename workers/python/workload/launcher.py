# SPDX-License-Identifier: Apache-2.0
"""Starts ddtrace's profiler, or checks that ddtrace-run has started it. Imports nothing that imports `threading`."""
import collections
import os
import sys

LAUNCHERS = ("auto", "ddtrace-run", "none")

# `problem` is None, or says in one line why there is no profiler although one was asked for.
Profiler = collections.namedtuple("Profiler", "version running problem")


def _version():
    return str(getattr(sys.modules.get("ddtrace"), "__version__", ""))


def _is_running():
    """ddtrace keeps the profiler that it started in ddtrace.profiling.bootstrap, for introspection."""
    bootstrap = sys.modules.get("ddtrace.profiling.bootstrap")
    status = getattr(getattr(bootstrap, "profiler", None), "status", None)
    return getattr(status, "value", None) == "running"


def _start_auto():
    try:
        import ddtrace.profiling.auto  # noqa: F401
    except ImportError as e:
        return "ddtrace can't be imported by %s: %s" % (sys.executable, e)
    except Exception as e:
        return "import ddtrace.profiling.auto failed: %s: %s" % (type(e).__name__, e)
    if not _is_running():
        return "ddtrace.profiling.auto was imported, but the profiler did not start; see its warnings on stderr"
    return None


def _check_ddtrace_run():
    if "ddtrace" not in sys.modules:
        return "not started by ddtrace-run: start it as ddtrace-run python main.py --launcher ddtrace-run"
    if _is_running():
        return None
    if os.environ.get("DD_PROFILING_ENABLED", "").lower() not in ("1", "true"):
        return "ddtrace-run started no profiler, since DD_PROFILING_ENABLED is not 1"
    return "ddtrace-run started no profiler although DD_PROFILING_ENABLED is 1; see its warnings on stderr"


def start(launcher):
    """Returns a Profiler; never raises."""
    problem = None
    if launcher == "auto":
        problem = _start_auto()
    elif launcher == "ddtrace-run":
        problem = _check_ddtrace_run()
    return Profiler(_version(), launcher != "none" and problem is None, problem)
