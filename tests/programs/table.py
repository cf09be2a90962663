#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs programs that nobody here wrote under `lockprof run`, compares their outcome with a run without it, and prints how
many of their locks got a name.

    table.py --programs DIR [--keep DIR]     DIR has what build.sh made (or one's own builds with debug information)

The names are listed too: whether each is right is to be checked against the source by hand.
"""
import argparse
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "python"))
import pprof  # noqa: E402

LOCKPROF = os.environ.get("LOCKPROF", os.path.join(ROOT, "build", "lockprof"))
START_S, RUN_S = 20, 120


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it listened")
        with contextlib.suppress(OSError), contextlib.closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on {port} after {START_S} s")


def digest(data):
    return hashlib.sha256(data).hexdigest()[:12]


def run_batch(prefix, command, cwd, data=None):
    done = subprocess.run(prefix + command, cwd=cwd, input=data, stdout=subprocess.PIPE, timeout=RUN_S, check=False)
    return f"exit {done.returncode}, output {digest(done.stdout)}"


def run_server(prefix, command, cwd, port, load, stop=signal.SIGTERM):
    """Starts the server, lets `load` loose on it, ends it by the id that was started."""
    with open(os.path.join(cwd, "server.log"), "ab") as log:
        process = subprocess.Popen(prefix + command, cwd=cwd, stdout=log, stderr=log if not prefix else None)
    try:
        wait_for_port(port, process)
        outcome = load(port)
    finally:
        process.send_signal(stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(START_S)
        if process.poll() is None:
            process.kill()
            process.wait()
            raise RuntimeError("the server did not end when told to")
    return f"{outcome}, exit {process.returncode}"


def input_file(cwd):
    path = os.path.join(cwd, "input")
    if not os.path.exists(path):
        with open(path, "wb") as f:
            for i in range(60000):
                f.write(b"%d %s\n" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()))
    return path


def pigz(programs, prefix, cwd):
    return run_batch(prefix, [f"{programs}/pigz/pigz", "-p", "4", "-b", "128", "-n", "-c", input_file(cwd)], cwd)


def pbzip2(programs, prefix, cwd):
    return run_batch(prefix, [f"{programs}/pbzip2/pbzip2", "-p4", "-b1", "-q", "-c", input_file(cwd)], cwd)


def redis(programs, prefix, cwd):
    port = free_port()
    def load(port):
        done = subprocess.run([f"{programs}/redis/src/redis-benchmark", "-p", str(port), "-n", "4000", "-c", "20", "-q", "-t",
                               "set,get,lpush,lrange_100"], stdout=subprocess.PIPE, timeout=RUN_S, check=False)
        return f"{done.stdout.count(b'requests per second')} tests done"
    return run_server(prefix, [f"{programs}/redis/src/redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                               "--appendonly", "yes", "--io-threads", "2", "--lazyfree-lazy-user-del", "yes"], cwd, port, load)


def memcached(programs, prefix, cwd):
    port = free_port()
    def client(port, number, good):
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), 5)) as s:
            f = s.makefile("rwb")
            for i in range(1500):
                f.write(b"set k%d-%d 0 0 4\r\nabcd\r\n" % (number, i % 100))
                f.flush()
                good[number] += f.readline() == b"STORED\r\n"
    def load(port):
        good = [0] * 8
        threads = [threading.Thread(target=client, args=(port, n, good)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return f"{sum(good)} stored"
    return run_server(prefix, [f"{programs}/memcached/memcached", "-u", "root", "-l", "127.0.0.1", "-p", str(port), "-t", "4"],
                      cwd, port, load)


def nginx(programs, prefix, cwd):
    port = free_port()
    with open(os.path.join(cwd, "nginx.conf"), "w", encoding="ascii") as f:
        f.write(f"daemon off; worker_processes 1; pid {cwd}/nginx.pid; error_log {cwd}/error.log; user root;\n"
                "thread_pool default threads=4;\nevents { worker_connections 64; }\n"
                f"http {{ access_log off; aio threads; server {{ listen 127.0.0.1:{port}; root {cwd}; }} }}\n")
    input_file(cwd)
    def load(port):
        good = 0
        for _ in range(40):
            with contextlib.closing(socket.create_connection(("127.0.0.1", port), 5)) as s:
                s.sendall(b"GET /input HTTP/1.0\r\n\r\n")
                body = b"".join(iter(lambda s=s: s.recv(65536), b""))
                good += len(body) > os.path.getsize(os.path.join(cwd, "input"))
        return f"{good} pages whole"
    return run_server(prefix, [f"{programs}/nginx/objs/nginx", "-p", cwd, "-e", "error.log", "-c", os.path.join(cwd, "nginx.conf")], cwd, port, load)


def sqlite3(programs, prefix, cwd):
    sql = ("PRAGMA threads=4; PRAGMA cache_size=50; CREATE TABLE t(a,b);"
           "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<60000)"
           "INSERT INTO t SELECT x*7919%60013, hex(x) FROM c; CREATE INDEX i ON t(b,a); SELECT sum(a), max(b) FROM t;\n")
    return run_batch(prefix, [f"{programs}/sqlite3/sqlite3", "-batch", ":memory:"], cwd, sql.encode())


def python(programs, prefix, cwd):
    text = ("import threading,queue\nq=queue.Queue();n=[0];l=threading.Lock()\n"
            "def w():\n  while (x:=q.get()) is not None:\n    with l: n[0]+=x\n"
            "t=[threading.Thread(target=w) for _ in range(4)]\n[x.start() for x in t]\n[q.put(i) for i in range(3000)]\n"
            "[q.put(None) for _ in t]\n[x.join() for x in t]\nprint(n[0])\n")
    return run_batch(prefix, [f"{programs}/python3.11/python", "-c", text], cwd)


PROGRAMS = [pigz, pbzip2, redis, memcached, nginx, sqlite3, python]


def read_locks(directory):
    """(site, name or "") to acquires, of all profiles in the directory."""
    paths = [os.path.join(directory, name) for name in sorted(os.listdir(directory)) if name.endswith(".pprof")]
    return {lock: values.get("lock-acquire", 0) for lock, values in pprof.lock_counts(paths).items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--keep", help="keep profiles and logs here")
    parser.add_argument("only", nargs="*", help="names of programs; all without")
    options = parser.parse_args()
    top = options.keep or tempfile.mkdtemp(prefix="programs-")
    bad = 0
    for program in PROGRAMS:
        if options.only and program.__name__ not in options.only:
            continue
        cwd, out = (os.path.join(top, program.__name__, d) for d in ("work", "profiles"))
        os.makedirs(cwd, exist_ok=True)
        os.makedirs(out, exist_ok=True)
        plain = program(options.programs, [], cwd)
        profiled = program(options.programs, [LOCKPROF, "run", "--output", f"{out}/lock", "--"], cwd)
        locks = read_locks(out)
        named = sum(1 for _, name in locks if name)
        same = "same outcome" if plain == profiled else f"OUTCOME DIFFERS: {plain} / {profiled}"
        bad += plain != profiled
        print(f"{program.__name__:10} {len(locks):5} labels, {named:5} named, {sum(locks.values()):9} acquires, {same}: {profiled}")
        for (site, name), acquires in sorted(locks.items(), key=lambda item: -item[1]):
            print(f"    {acquires:9}  {site:28} {name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
