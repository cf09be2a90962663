# SPDX-License-Identifier: Apache-2.0
"""A worker of the test's own, in the language of docs/formats.md. What it does is said by its arguments, in order:

    hello lock:NAME acquire:NAME:COUNT write:LABEL upload:LABEL send done    the good life
    sleep:SECONDS exit:STATUS signal:NUMBER silent line:TEXT long:BYTES say:TEXT flood:BYTES ignore-term child fill:BYTES
    open:COUNT memory:BYTES hellos:COUNT errors:COUNT locks:COUNT steady:SECONDS stale-upload:LABEL write-huge
"""
import http.client
import json
import os
import re
import signal
import socket
import sys
import time
import urllib.parse

import pprof

counts = {}


def line(text):
    os.write(3, text.encode() + b"\n")


def message(**members):
    line(json.dumps(members))


def connect(url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "unix":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection = http.client.HTTPConnection("localhost", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(parts.path)
    return connection


def upload(body_of_profile):
    tags = os.environ["DD_TAGS"] + f",runtime-id:{os.getpid()},process_id:{os.getpid()}"
    event = {"attachments": ["profile.pprof"], "tags_profiler": tags, "start": "2026-11-23T12:00:00Z",
             "end": "2026-11-23T12:00:01Z", "family": "python", "version": "4"}
    mark = b"----locktrail-test"
    parts = [(b'name="event"; filename="event.json"', json.dumps(event).encode()),
             (b'name="profile.pprof"; filename="profile.pprof"', body_of_profile)]
    body = b"".join(b"--" + mark + b"\r\nContent-Disposition: form-data; " + name + b"\r\n\r\n" + content + b"\r\n"
                    for name, content in parts) + b"--" + mark + b"--\r\n"
    connection = connect(os.environ["DD_TRACE_AGENT_URL"])
    connection.request("POST", "/profiling/v1/input", body,
                       {"Content-Type": "multipart/form-data; boundary=" + mark.decode(), "DD-API-KEY": "secret-of-test"})
    answer = connection.getresponse()
    print("upload answered", answer.status, answer.read().decode(), flush=True)


def lock(name):
    message(type="lock", id=f"test/{name}", name=name, pattern="test", site="test.py:7", rendering="exact",
            contends=False)


def acquire(argument):
    name, count = argument.split(":")
    counts[f"test/{name}"] = counts.get(f"test/{name}", 0) + int(count)
    message(type="progress", phase="test", done=0.5, acquires=counts)


def write(label):
    if "DD_PROFILING_OUTPUT_PPROF" in os.environ:
        path = f"{os.environ['DD_PROFILING_OUTPUT_PPROF']}.{os.getpid()}.1.pprof"
        with open(path, "wb") as file:
            file.write(pprof.profile(label.split(",")))
        message(type="profile", path=path)


def write_huge(_):
    """A local profile above every limit, written before the others."""
    with open(f"{os.environ['DD_PROFILING_OUTPUT_PPROF']}.{os.getpid()}.0.pprof", "wb") as file:
        file.truncate(100 << 20)


def write_silently(label):
    if "DD_PROFILING_OUTPUT_PPROF" in os.environ:
        with open(f"{os.environ['DD_PROFILING_OUTPUT_PPROF']}.{os.getpid()}.1.pprof", "wb") as file:
            file.write(pprof.profile(label.split(",")))


def send(label):
    if "DD_TRACE_AGENT_URL" in os.environ:
        upload(pprof.profile(label.split(",")))


def stale(label):
    """As a process that another run has left behind would."""
    os.environ["DD_TAGS"] = re.sub("locktrail_run:[0-9a-f]+", "locktrail_run:0123456789abcdef", os.environ["DD_TAGS"])
    send(label)


def steady(seconds):
    """Says so ten times a second that it is alive."""
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        message(type="progress", phase="test", done=0.5, acquires=counts)
        time.sleep(0.1)


def child(_):
    """A grandchild that left the session and holds the pipes."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()


def flood(size):
    block = b"x" * 65535 + b"\n"
    for _ in range(int(size) // len(block)):
        os.write(1, block)


def fill(size):
    with open(os.path.join(os.path.dirname(os.environ.get("DD_PROFILING_OUTPUT_PPROF", "/tmp/x")), "big"), "wb") as file:
        for _ in range(int(size) // 65536):
            file.write(b"x" * 65536)


def die(number):
    signal.signal(int(number), signal.SIG_DFL) if int(number) != signal.SIGKILL else None
    os.kill(os.getpid(), int(number))


ACTIONS = {
    "hello": lambda _: message(type="hello", runtime="test", version="1", pid=os.getpid(), protocol=1),
    "lock": lock,
    "acquire": acquire,
    "write": write,
    "write-silently": write_silently,
    "write-huge": write_huge,
    "upload": send,
    "done": lambda _: message(type="done", acquires=counts),
    "sleep": lambda seconds: time.sleep(float(seconds)),
    "exit": lambda status: os._exit(int(status)),
    "signal": die,
    "line": line,
    "long": lambda size: line("x" * int(size)),
    "say": lambda text: print(text, file=sys.stderr, flush=True),
    "flood": flood,
    "ignore-term": lambda _: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "child": child,
    "stale-upload": stale,
    "steady": steady,
    "hellos": lambda count: [ACTIONS["hello"](None) for _ in range(int(count))],
    "errors": lambda count: [message(type="error", error="x" * 10000, phase="test") for _ in range(int(count))],
    "locks": lambda count: [message(type="lock", id="i" * 60000, name="n", pattern="p", site="", rendering="exact")
                            for _ in range(int(count))],
    "fill": fill,
    "open": lambda count: [open("/dev/null", encoding="utf-8") for _ in range(int(count))],
    "memory": lambda size: bytearray(int(size)),
}

for word in sys.argv[1:]:
    name, _, value = word.partition(":")
    ACTIONS[name](value)
