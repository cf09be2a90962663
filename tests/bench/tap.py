#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a tap adds to an upload, beside nginx as a proxy; and how many uploads the end of the way takes, beside the agent
that tests usually use.

Requests go the ways in turn, over connections that stay open; medians are printed. What is not installed is named and left
out. A value over its bound is marked `over`; the exit status is 0 all the same.
"""
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOCKTRAIL = os.environ.get("LOCKTRAIL", os.path.join(ROOT, "build", "locktrail"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "300"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
PATH = "/profiling/v1/input"
SIZES = (1 << 20, 100000)
ADDED_BOUND_MS = 1.0  # to 1 MB, at the median
RATE_BOUND = 2.0      # of the test agent's, 1 MB
PACED = 200           # uploads of 100 kB in a second
RSS_BOUND_MIB = 64
EVENT = ('{"version":"4","family":"python","start":"2026-11-25T16:23:31.7Z","end":"2026-11-25T16:23:32.4Z",'
         '"attachments":["profile.pprof"],"tags_profiler":"runtime-id:bench"}')
TYPE = "multipart/form-data; boundary=BB"
CONNECT_TIMEOUT_S = 20
# The peer writes nothing to a disk, and what a disk takes says nothing of the program: copies go to memory where there is
# room for a run of them.
SHARED_MEMORY, ROOM = "/dev/shm", 12 << 30


def row(name, value, note="", bound="", over=False):
    print(f"  {name:26} {value:>12}  {note:34} {bound:>10} {'over' if over else ''}".rstrip(), flush=True)


def make_body(size):
    head = ('--BB\r\nContent-Disposition: form-data; name="event"; filename="event.json"\r\n\r\n' + EVENT +
            '\r\n--BB\r\nContent-Disposition: form-data; name="profile.pprof"; filename="profile.pprof"\r\n\r\n')
    return head.encode() + os.urandom(size) + b"\r\n--BB--\r\n"


def make_request(body):
    return (f"POST {PATH} HTTP/1.1\r\nHost: agent\r\nContent-Type: {TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
            .encode() + body)


# --- programs ---

class Programs:
    """Everything that was started, and its directories; ended and removed at the end."""

    def __init__(self):
        self.running, self.directories = [], []

    def directory(self, parent=None):
        self.directories.append(tempfile.mkdtemp(prefix="locktrail-bench-", dir=parent))
        return self.directories[-1]

    def start(self, command, **options):
        self.running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, **options))
        return self.running[-1]

    def end(self):
        for program in self.running:
            program.terminate()
        for program in self.running:
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        for directory in self.directories:
            shutil.rmtree(directory, ignore_errors=True)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for(port, program):
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while time.monotonic() < deadline and program.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{program.args[0]} does not listen on port {port}")


def start_tap(programs, *options):
    """`locktrail tap` on a free port; the program and its port."""
    log = os.path.join(programs.directory(), "log")
    with open(log, "w", encoding="utf-8") as file:
        tap = programs.start([LOCKTRAIL, "tap", "--listen", "127.0.0.1:0", "--quiet", *options], stdout=file, stderr=file)
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while time.monotonic() < deadline and tap.poll() is None:
        with open(log, encoding="utf-8") as file:
            found = re.search(r"listens on http://127\.0\.0\.1:(\d+)", file.read())
        if found:
            return tap, int(found.group(1))
        time.sleep(0.05)
    with open(log, encoding="utf-8") as file:
        raise RuntimeError(f"locktrail tap does not listen: {file.read()}")


def start_nginx(programs, next_port):
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if nginx is None:
        return None
    directory, port = programs.directory(), free_ports(1)[0]
    temp = "".join(f"{kind}_temp_path {directory}/{kind};\n"
                   for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(os.path.join(directory, "nginx.conf"), "w", encoding="utf-8") as file:
        file.write(f"""daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
access_log off;
{temp}
upstream next {{ server 127.0.0.1:{next_port}; keepalive 16; }}
server {{ listen 127.0.0.1:{port}; client_max_body_size 200m; location / {{
proxy_pass http://next; proxy_http_version 1.1; proxy_set_header Connection "";
proxy_request_buffering off; client_body_buffer_size 2m; }} }}
}}
""")
    program = programs.start([nginx, "-p", directory, "-c", os.path.join(directory, "nginx.conf")])
    wait_for(port, program)
    return port


# --- the next hop: a program of its own, which reads bodies and says 200 ---

def serve(connection):
    buffer = bytearray(1 << 20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        head, _, rest = head.partition(b"\r\n\r\n")
        left = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head).group(1)) - len(rest)
        while left > 0:
            size = connection.recv_into(buffer, min(left, len(buffer)))
            if size == 0:
                return
            left -= size
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")


def next_hop():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


# --- what a tap adds ---

def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def send(connection, request):
    """Seconds until the whole answer was there."""
    start = time.perf_counter()
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"\r\n\r\n{}"):
        piece = connection.recv(65536)
        if not piece:
            raise RuntimeError(f"the answer broke off: {answer!r}")
        answer += piece
    took = time.perf_counter() - start
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"not 200: {answer!r}")
    return took


def added(programs):
    hop = programs.start([sys.executable, os.path.abspath(__file__), "--next-hop"], stdout=subprocess.PIPE, text=True)
    port = int(hop.stdout.readline())
    ways = {"direct": port}
    _, ways["tap"] = start_tap(programs, "--to", f"http://127.0.0.1:{port}", "--out",
                               os.path.join(programs.directory(), "out"))
    ways["nginx"] = start_nginx(programs, port)
    if ways["nginx"] is None:
        print("  nginx: not installed (nginx-light), left out")
        del ways["nginx"]
    for size in SIZES:
        request = make_request(make_body(size))
        connections = {name: connect(port) for name, port in ways.items()}
        times = {name: [] for name in ways}
        for number in range(ROUNDS + 20):
            for name, connection in connections.items():
                took = send(connection, request)
                if number >= 20:
                    times[name].append(took * 1000)
        for connection in connections.values():
            connection.close()
        print_added(size, times)


def print_added(size, times):
    print(f"an upload of {size} bytes, median of {ROUNDS} (95 in 100)")
    direct = statistics.median(times["direct"])
    for name, values in times.items():
        median, high = statistics.median(values), sorted(values)[int(len(values) * 0.95)]
        note = f"({high:.2f} ms)"
        if name != "direct":
            note += f" adds {median - direct:.2f} ms, ratio {median / direct:.2f}"
        bound = f"<= +{ADDED_BOUND_MS} ms" if name == "tap" and size == SIZES[0] else ""
        row(name, f"{median:.2f} ms", note, bound, bound != "" and median - direct > ADDED_BOUND_MS)


# --- how many ---

WRK_SCRIPT = """local file = io.open("{body}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "{type}"
file:close()
{delay}
"""


def peak_mib(program):
    with open(f"/proc/{program.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) / 1024


def run_wrk(directory, port, size, connections, delay_ms=0):
    """Uploads in a second, and how many were answered with something else than 200."""
    body, script = os.path.join(directory, "body"), os.path.join(directory, "wrk.lua")
    with open(body, "wb") as file:
        file.write(make_body(size))
    with open(script, "w", encoding="utf-8") as file:
        delay = f"function delay() return {delay_ms} end" if delay_ms else ""
        file.write(WRK_SCRIPT.format(body=body, type=TYPE, delay=delay))
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "30s", "-s", script,
                           f"http://127.0.0.1:{port}{PATH}"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    lost = re.search(r"Socket errors: (.*)", done.stdout)
    if lost:
        print(f"  wrk: {lost.group(0)}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout).group(1)), int(bad.group(1)) if bad else 0


def start_test_agent(programs):
    for build in (os.path.dirname(LOCKTRAIL), os.path.join(ROOT, "build")):
        path = os.path.join(build, "venvs", "test-agent-1.69.1", "bin", "ddapm-test-agent")
        if os.path.exists(path):
            ports = free_ports(3)
            agent = programs.start([path, f"--port={ports[0]}", f"--otlp-http-port={ports[1]}",
                                    f"--otlp-grpc-port={ports[2]}"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=programs.directory())
            wait_for(ports[0], agent)
            return agent, ports[0]
    return None, None


def many(programs):
    print(f"the end of the way, {SECONDS} s each, with wrk")
    if shutil.which("wrk") is None:
        print("  wrk: not installed, left out")
        return
    directory = programs.directory()
    roomy = os.path.isdir(SHARED_MEMORY) and shutil.disk_usage(SHARED_MEMORY).free > ROOM
    out = os.path.join(programs.directory(os.environ.get("BENCH_DIR") or (SHARED_MEMORY if roomy else None)), "out")
    print(f"  copies in {os.path.dirname(os.path.dirname(out))}")
    tap, port = start_tap(programs, "--max-disk", "8GiB", "--out", out)
    agent, agent_port = start_test_agent(programs)
    if agent is None:
        print("  ddapm-test-agent: not there (make agents), left out")
    rate, bad = run_wrk(directory, port, SIZES[0], 8)
    row("1 MB, locktrail tap", f"{rate:.0f}/s", f"{bad} not accepted", "0", bad > 0)
    if agent is not None:
        theirs, bad = run_wrk(directory, agent_port, SIZES[0], 8)
        row("1 MB, ddapm-test-agent", f"{theirs:.0f}/s", f"{bad} not accepted")
        row("ratio", f"{rate / theirs:.2f}", "", f">= {RATE_BOUND}", rate / theirs < RATE_BOUND)
    # Each of 24 connections waits for 100 ms behind its answer: 240 in a second at most.
    rate, bad = run_wrk(directory, port, SIZES[1], 24, 100)
    row("100 kB paced, locktrail tap", f"{rate:.0f}/s", f"{bad} not accepted", f">= {PACED}/s", rate < PACED or bad > 0)
    rate, bad = run_wrk(directory, port, SIZES[1], 8)
    row("100 kB, locktrail tap", f"{rate:.0f}/s", f"{bad} not accepted")
    if agent is not None:
        theirs, _ = run_wrk(directory, agent_port, SIZES[1], 8)
        row("100 kB, ddapm-test-agent", f"{theirs:.0f}/s", f"ratio {rate / theirs:.2f}")
        row("VmHWM, ddapm-test-agent", f"{peak_mib(agent):.0f} MiB")
    peak = peak_mib(tap)
    row("VmHWM, locktrail tap", f"{peak:.0f} MiB", "", f"<= {RSS_BOUND_MIB} MiB", peak > RSS_BOUND_MIB)


def main():
    if sys.argv[1:] == ["--next-hop"]:
        next_hop()
    for part in (added, many):
        programs = Programs()
        try:
            part(programs)
        finally:
            programs.end()


if __name__ == "__main__":
    main()
