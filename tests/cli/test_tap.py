# SPDX-License-Identifier: Apache-2.0
"""tap: one recording proxy alone. A second tap without a next hop stands behind it, as the end of the way."""

import gzip
import http.client
import http.server
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
import unittest

from cli import LOCKTRAIL, ROOT, Cli, pprof

DEADLINE_S = 60
MARK = "----locktrail-test"
NAMES = ["app.py:1:cart_lock", "app.py:2", "app.py:1:cart_lock"]
LEDGER = "".join(json.dumps(line) + "\n" for line in [
    {"type": "hello", "runtime": "mine", "version": "1", "pid": 1, "protocol": 1},
    {"type": "lock", "id": "member/cart_lock", "name": "cart_lock", "pattern": "member", "site": "app.py:1",
     "rendering": "exact"},
])
LOST = {"type": "lock", "id": "member/order_lock", "name": "order_lock", "pattern": "member", "site": "app.py:2",
        "rendering": "exact"}


def wait_for(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("no %s within %d s" % (what, DEADLINE_S))
        time.sleep(0.02)


def form(profile, runtime_id="1", tags="service:shop"):
    event = {"attachments": ["profile.pprof"], "tags_profiler": "%s,runtime-id:%s" % (tags, runtime_id),
             "start": "2026-11-23T12:00:00Z", "end": "2026-11-23T12:00:01Z", "family": "python", "version": "4"}
    body = b""
    for name, file, content in (("event", "event.json", json.dumps(event).encode()),
                                ("profile.pprof", "profile.pprof", profile)):
        head = '--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n' % (MARK, name, file)
        body += head.encode() + content + b"\r\n"
    return body + ("--%s--\r\n" % MARK).encode()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Answering(http.server.ThreadingHTTPServer):
    """A next hop that keeps what it gets and answers `status`."""

    daemon_threads = True

    def __init__(self, status):
        self.status, self.got = status, []
        super().__init__(("127.0.0.1", 0), AnsweringHandler)
        self.url = "http://127.0.0.1:%d" % self.server_port


class AnsweringHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args):
        pass


class Running:
    """A tap that runs; what it says is read as it comes."""

    def __init__(self, test, *args, out="tap", listen="127.0.0.1:0", preexec=None):
        self.test, self.directory = test, test.path(out)
        self.process = subprocess.Popen(
            [LOCKTRAIL, "tap", "--listen", listen, "--out", self.directory, *args], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=test.directory, env=test.environment(), preexec_fn=preexec)
        test.addCleanup(self.kill)
        self.output, self.errors = b"", b""
        self.threads = [threading.Thread(target=self.read, args=a, daemon=True)
                        for a in (("output", self.process.stdout), ("errors", self.process.stderr))]
        for thread in self.threads:
            thread.start()
        wait_for(lambda: b"\n" in self.errors or self.process.poll() is not None, "address")
        self.url = re.search(r"listens on (\S+?),", self.errors.decode()).group(1)

    def read(self, name, pipe):
        for chunk in iter(lambda: os.read(pipe.fileno(), 65536), b""):
            setattr(self, name, getattr(self, name) + chunk)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def connection(self):
        if self.url.startswith("unix://"):
            return UnixConnection(self.url[len("unix://"):])
        return http.client.HTTPConnection(self.url[len("http://"):], timeout=DEADLINE_S)

    def request(self, method, path, body=None, headers={}):
        connection = self.connection()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    def upload(self, profile=None, path="/profiling/v1/input", **more):
        return self.request("POST", path, form(pprof.profile(NAMES) if profile is None else profile, **more),
                            {"Content-Type": "multipart/form-data; boundary=" + MARK, "DD-API-KEY": "0123456789abcdef"})[0]

    def stop(self, number=signal.SIGINT):
        """Returns the exit code; everything that it said is in `output` then."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=DEADLINE_S)
        for thread in self.threads:
            thread.join()
        return code

    def copies(self):
        folder = os.path.join(self.directory, "copies")
        return sorted((name for name in os.listdir(folder) if name.endswith(".pprof")), key=lambda n: int(n[:-6]))

    def exchanges(self):
        with open(os.path.join(self.directory, "exchanges.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def lines(self):
        return [json.loads(line) for line in self.output.decode().splitlines()]


class Tap(Cli):
    def next_hop(self, status=200):
        server = Answering(status)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def ledger(self, *more):
        return self.write("ledger", LEDGER + "".join(json.dumps(line) + "\n" for line in more))

    def test_passes_on_and_keeps(self):
        end = Running(self, out="end")
        tap = Running(self, "--to", end.url)
        profile = gzip.compress(pprof.profile(NAMES), mtime=0)
        self.assertEqual(tap.upload(profile), 200)
        self.assertEqual(tap.request("GET", "/info")[0], 200)
        self.assertEqual(tap.stop(), 0)
        self.assertEqual(end.stop(signal.SIGTERM), 0)
        self.assertEqual(tap.copies(), ["1.pprof"])
        with open(os.path.join(tap.directory, "copies", "1.pprof"), "rb") as file:
            self.assertEqual(file.read(), profile)
        with open(os.path.join(tap.directory, "copies", "1.json"), encoding="utf-8") as file:
            text = file.read()
        meta = json.loads(text)
        self.assertEqual((meta["stage"], meta["size"], meta["runtime_id"], meta["answered"], meta["next_status"],
                          meta["error"]), ("upload", len(profile), "1", 200, 200, None))
        self.assertIn(["DD-API-KEY", "[redacted]"], meta["headers"])
        self.assertNotIn("0123456789abcdef", text)
        self.assertEqual(json.loads(meta["event"])["family"], "python")
        # A line is written when all of it is known: an upload's profiles are read behind its answer.
        first, second = sorted(tap.exchanges(), key=lambda line: line["number"])
        self.assertEqual((first["method"], first["path"], first["status"], first["upload"], first["service"]),
                         ("POST", "/profiling/v1/input", 200, True, "shop"))
        self.assertEqual(first["profiles"][0]["copy"], "copies/1.pprof")
        self.assertEqual(first["profiles"][0]["sha256"], meta["sha256"])
        self.assertEqual((second["method"], second["path"], second["upload"]), ("GET", "/info", False))
        self.assertIn("1: 200, ", tap.output.decode())
        self.assertIn("shop; 2 names in 3 lock samples, copies/1.pprof", tap.output.decode())
        inspected = self.locktrail("inspect", os.path.join(tap.directory, "copies", "1.pprof"))
        self.assertIn("app.py:1:cart_lock", inspected.output)

    def test_no_key_of_a_query_is_kept(self):
        tap = Running(self, "--to", self.next_hop().url)
        self.assertEqual(tap.upload(path="/profiling/v1/input?api_key=5ecre7&a=b"), 200)
        self.assertEqual(tap.stop(), 0)
        self.assertEqual(tap.exchanges()[0]["path"], "/profiling/v1/input?api_key=[redacted]&a=b")
        found = subprocess.run(["grep", "-rl", "5ecre7", tap.directory], stdout=subprocess.PIPE)
        self.assertEqual(found.stdout, b"")
        self.assertNotIn(b"5ecre7", tap.output + tap.errors)

    def test_equal_content_is_kept_once(self):
        tap = Running(self, "--to", self.next_hop().url, "--json")
        other = pprof.profile(["app.py:3:other_lock"])
        for number, profile in enumerate([None, None, other, None]):
            self.assertEqual(tap.upload(profile), 200)
            wait_for(lambda: tap.output.count(b"\n") > number, "line")
        self.assertEqual(tap.stop(), 0)
        *uploads, end = tap.lines()
        self.assertEqual([(u["profiles"][0]["copy"], u["profiles"][0]["equal"]) for u in uploads],
                         [("copies/1.pprof", False), ("copies/1.pprof", True), ("copies/2.pprof", False),
                          ("copies/1.pprof", True)])
        self.assertEqual((end["event"], end["uploads"], end["kept"], end["equal"], end["read"], end["names"],
                          end["exit_code"]), ("end", 4, 2, 2, 4, 3, 0))
        self.assertEqual(tap.copies(), ["1.pprof", "2.pprof"])
        self.assertEqual({n["label"]: n["samples"] for n in uploads[0]["profiles"][0]["names"]},
                         {"app.py:1:cart_lock": 2, "app.py:2": 1})

    def test_oldest_copies_are_removed(self):
        tap = Running(self, "--to", self.next_hop().url, "--keep", "2")
        for number in range(5):
            self.assertEqual(tap.upload(pprof.profile(["app.py:%d:a_lock" % number])), 200)
            wait_for(lambda: tap.output.count(b"\n") > number, "line")
        wait_for(lambda: tap.copies() == ["4.pprof", "5.pprof"], "removal")
        self.assertEqual(tap.stop(), 0)
        self.assertEqual(sorted(os.listdir(os.path.join(tap.directory, "copies"))),
                         ["4.json", "4.pprof", "5.json", "5.pprof"])
        self.assertIn("tap: the oldest copies are removed to make room (--max-disk, --keep)\n", tap.errors.decode())
        self.assertIn("2 copies", tap.output.decode())
        self.assertIn("3 removed", " ".join(tap.output.decode().split()))

    def test_room_on_the_disk(self):
        tap = Running(self, "--to", self.next_hop().url, "--max-disk", "1MiB")
        for number in range(4):
            self.assertEqual(tap.upload(os.urandom(400 << 10)), 200)
            wait_for(lambda: tap.output.count(b"\n") > number, "line")
        wait_for(lambda: tap.copies() == ["3.pprof", "4.pprof"], "removal")
        self.assertEqual(tap.stop(), 0)

    def test_next_hop_that_refuses_or_is_not_there(self):
        refusing = Running(self, "--to", self.next_hop(503).url, out="refusing")
        self.assertEqual(refusing.upload(), 503)
        self.assertEqual(refusing.stop(), 1)
        self.assertIn("1 upload, 1 refused", refusing.output.decode())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nobody = Running(self, "--to", "http://127.0.0.1:%d" % free.getsockname()[1], out="nobody")
            self.assertEqual(nobody.upload(), 502)
            self.assertEqual(nobody.stop(), 1)
        self.assertIn("1 upload, 1 of them not passed on", nobody.output.decode())
        self.assertRegex(nobody.output.decode(), r"1: NOT PASSED ON: .*; its sender was told 502")
        self.assertEqual(nobody.copies(), ["1.pprof"])
        self.assertEqual(nobody.exchanges()[0]["next_status"], 0)

    def test_unix_sockets(self):
        end = Running(self, out="end", listen="unix:" + self.path("end.sock"))
        self.assertEqual(end.url, "unix://" + self.path("end.sock"))
        tap = Running(self, "--to", end.url, listen="unix:" + self.path("tap.sock"))
        self.assertEqual(tap.upload(), 200)
        self.assertEqual((tap.stop(), end.stop()), (0, 0))

    def test_end_of_the_way_lists_and_gives_back(self):
        end = Running(self, "--json")
        self.assertEqual(end.upload(), 200)
        self.assertEqual(end.upload(path="/api/v2/profile", runtime_id="2"), 202)
        question = {"filter": {"from": "2026-11-23T11:00:00Z", "to": "2026-11-23T13:00:00Z", "query": "service:shop"},
                    "sort": {"order": "desc", "field": "timestamp"}, "limit": 10}
        status, body = end.request("POST", "/api/unstable/profiles/list", json.dumps(question),
                                   {"Content-Type": "application/json"})
        found = json.loads(body)["data"]
        self.assertEqual((status, len(found)), (200, 2))
        status, body = end.request("GET", "/api/ui/profiling/profiles/%s/download?eventId=%s"
                                   % (found[0]["attributes"]["id"], found[0]["id"]))
        self.assertEqual((status, body[:2]), (200, b"PK"))
        self.assertEqual(end.stop(), 0)
        *uploads, last = end.lines()
        self.assertEqual([u["profiles"][0]["names"][0]["label"] for u in uploads], ["app.py:1:cart_lock"] * 2)
        self.assertEqual((last["uploads"], last["read"], last["kept"]), (2, 2, 0))

    def test_verdict_of_a_ledger(self):
        tap = Running(self, "--to", self.next_hop().url, "--ledger", self.ledger())
        self.assertEqual(tap.upload(), 200)
        self.assertEqual(tap.stop(), 0)
        self.assertIn("program: success: 1 exact\n", tap.output.decode())
        self.assertRegex(tap.output.decode(), r"(?m)^VERDICT    success$")

    def test_right_names_that_do_not_get_on(self):
        """The names are right here, and nobody behind has them."""
        tap = Running(self, "--to", "http://127.0.0.1:1", "--ledger", self.ledger())
        self.assertEqual(tap.upload(), 502)
        self.assertEqual(tap.stop(), 1)
        self.assertRegex(tap.output.decode(), r"(?m)^VERDICT    partial$")
        self.assertIn("1 of 1 uploads did not get on.", tap.output.decode().replace("\n", " "))

    def test_names_that_are_lost(self):
        tap = Running(self, "--to", self.next_hop().url, "--ledger", self.ledger(LOST), "--json")
        self.assertEqual(tap.upload(), 200)
        code = tap.stop()
        upload, end = tap.lines()
        judged = upload["profiles"][0]["judged"]
        self.assertEqual((judged["states"]["exact"], judged["states"]["generic"], judged["lost"]),
                         (1, 1, "member/order_lock generic"))
        self.assertEqual([lock["state"] for lock in end["locks"]], ["exact", "generic"])
        self.assertEqual((end["verdict"], end["exit_code"], code), ("partial", 1, 1))

    def test_ledger_of_a_run(self):
        path = self.write("run-ledger", "".join(
            '{"instance":"%s.1.tee","line":%s}\n' % (worker, json.dumps(dict(LOST, site=site, name=name, id="m/" + name)))
            for worker, site, name in (("a", "app.py:1", "cart_lock"), ("b", "other.py:1", "other_lock"))))
        tap = Running(self, "--to", self.next_hop().url, "--ledger", path, "--json")
        tap.upload()
        tap.upload(pprof.profile(["other.py:1:wrong_lock"]), tags="locktrail_worker:b.1.tee")
        tap.upload(pprof.profile(["nobodys.py:1:a_lock"]))
        wait_for(lambda: tap.output.count(b"\n") == 3, "lines")
        tap.stop()
        *uploads, end = tap.lines()
        judged = [u["profiles"][0].get("judged") for u in uploads]
        self.assertEqual([j and j["worker"] for j in judged], ["a", "b", None])
        self.assertEqual(judged[1]["lost"], "m/other_lock alias")
        self.assertEqual([(lock["worker"], lock["state"]) for lock in end["locks"]], [("a", "exact"), ("b", "alias")])

    def test_report_says_it_again(self):
        tap = Running(self, "--to", self.next_hop().url, "--ledger", self.ledger(LOST))
        tap.upload()
        code = tap.stop()
        again = self.locktrail("report", tap.directory)
        self.assertEqual((again.status, again.errors), (code, ""))
        self.assertIn(again.output.partition("VERDICT")[2], tap.output.decode())
        self.assertIn("VERDICT    partial", again.output)

    def test_report_says_it_again_at_the_end_of_the_way(self):
        tap = Running(self, "--ledger", self.ledger(LOST))
        tap.upload()
        code = tap.stop()
        again = self.locktrail("report", tap.directory)
        self.assertEqual((again.status, again.errors), (code, ""))
        self.assertIn(again.output.partition("VERDICT")[2], tap.output.decode())
        self.assertIn("VERDICT    partial", again.output)

    def test_table_on_a_terminal(self):
        end = Running(self, "--quiet", out="end")
        master, slave = pty.openpty()
        import fcntl
        import struct
        import termios
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([LOCKTRAIL, "tap", "--listen", "127.0.0.1:%d" % port, "--to", end.url, "--out",
                                    self.path("tap"), "--ledger", self.ledger(LOST)], stdin=slave, stdout=slave,
                                   stderr=slave, env=self.environment(), cwd=self.directory)
        self.addCleanup(process.wait)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        os.close(slave)
        seen = b""

        def read_until(text):
            nonlocal seen
            deadline = time.monotonic() + DEADLINE_S
            while text not in seen:
                self.assertLess(time.monotonic(), deadline, seen)
                if select.select([master], [], [], 1)[0]:
                    try:
                        seen += os.read(master, 65536)
                    except OSError:
                        return

        read_until(b"0 uploads")
        tap = Running.__new__(Running)
        tap.url = "http://127.0.0.1:%d" % port
        self.assertEqual(tap.upload(), 200)
        read_until(b"generic")
        process.send_signal(signal.SIGINT)
        read_until(b"directory ")
        self.assertEqual(process.wait(timeout=DEADLINE_S), 1)
        os.close(master)
        text = seen.decode().replace("\r\n", "\n")
        block = text.split("\x1b[J")[-1].split("VERDICT")[0]
        plain = re.sub(r"\x1b\[[0-9;]*[mF]", "", block)
        self.assertRegex(plain, r"(?m)^LOCK NAME +SAMPLES +ACQUIRES +UPLOADS +SEEN  STATE$")
        self.assertRegex(plain, r"(?m)^app\.py:1:cart_lock +2 +2 +1 +now  exact$")
        self.assertRegex(plain, r"(?m)^app\.py:2 +1 +1 +1 +now  generic$")
        for line in plain.splitlines():
            self.assertLessEqual(len(line), 80 if not line.startswith("directory") else 1000, line)
        self.assertEqual(end.stop(), 0)

    def test_a_reader_that_does_not_read(self):
        """Uploads pass though nobody takes the lines that tell of them."""
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        process = subprocess.Popen([LOCKTRAIL, "tap", "--listen", "unix:" + self.path("s"), "--to",
                                    self.next_hop().url, "--out", self.path("tap"), "--json"], stdout=write,
                                   stderr=subprocess.DEVNULL, env=self.environment(), cwd=self.directory)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(write)
        wait_for(lambda: os.path.exists(self.path("s")), "socket")
        tap = Running.__new__(Running)
        tap.url = "unix://" + self.path("s")
        names = pprof.profile(["app.py:%d:a_lock_with_a_name" % i for i in range(200)])
        for _ in range(20):  # some 14 kB each; a pipe takes 64
            self.assertEqual(tap.upload(names), 200)

    def test_foreign_and_broken_profiles_pass(self):
        with open(os.path.join(ROOT, "tests", "data", "go-mutex.pprof"), "rb") as file:
            foreign = file.read()
        hop = self.next_hop()
        tap = Running(self, "--to", hop.url, "--ledger", self.ledger())
        for number, profile in enumerate([foreign, b"FLR\0 and so on", b"no profile at all"]):
            self.assertEqual(tap.upload(profile), 200)
            wait_for(lambda: tap.output.count(b"\n") > number, "line")
        self.assertEqual(tap.request("POST", "/profiling/v1/input", b"not a form")[0], 200)
        self.assertEqual(tap.stop(), 4)
        self.assertEqual(len(hop.got), 4)
        self.assertIn("not an upload that can be read: ", tap.output.decode())
        self.assertIn("unreadable", tap.output.decode())

    def test_an_address_that_is_taken(self):
        """The directory is left as it was, so that the next try need not name another."""
        first = Running(self, "--to", "http://127.0.0.1:1", out="first")
        for more in (["--to", "http://127.0.0.1:1", "--ledger", self.ledger()], []):
            second = self.locktrail("tap", "--listen", first.url[len("http://"):], "--out", self.path("second"), *more)
            self.assertEqual((second.status, second.output), (70, ""))
            self.assertIn("can't listen on ", second.errors)
            self.assertEqual(os.listdir(self.path("second")), [])
        self.assertEqual(first.stop(), 0)

    def test_a_disk_that_is_full(self):
        """A limit on the size of files stands in for it: what is larger can't be written, and passes all the same."""
        import resource

        hop = self.next_hop()
        tap = Running(self, "--to", hop.url,
                      preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 10, 100 << 10)))
        for number, size in enumerate([200 << 10, 300 << 10, 10]):
            self.assertEqual(tap.upload(os.urandom(size)), 200)
            wait_for(lambda: tap.output.count(b"\n") > number, "line")
        wait_for(lambda: b"kept again" in tap.errors, "end of the trouble")
        self.assertEqual(tap.stop(), 73)
        self.assertEqual((len(hop.got), tap.copies()), (3, ["3.pprof"]))
        notes = tap.errors.decode().splitlines()
        self.assertRegex(notes[1], r"copies/1\.pprof: File too large: uploads are passed on, and not kept until that works "
                                   r"again$")
        self.assertEqual(notes[2], "locktrail: tap: uploads are kept again")
        self.assertRegex(notes[3], r"^locktrail: .*copies/1\.pprof: File too large$")
        self.assertIn("1 copy", tap.output.decode())

    def test_wrong_command_lines(self):
        self.write("file", "x")
        self.write("empty", "\n")
        cases = [
            ([], 64, "tap: say with --out DIR where copies go"),
            (["--out", "d", "--to", "127.0.0.1:1"], 64,
             "tap: --to 127.0.0.1:1 is not http://HOST:PORT, https://HOST or unix:///PATH"),
            (["--out", "d", "--to", "http://a@b"], 64, "tap: --to has a character that an address can't have: '@'"),
            (["--out", "d", "--max-disk", "1kB"], 64, "tap: --max-disk 1kB is out of range, expected 1MiB to 1024TiB"),
            (["--out", "d", "--keep", "2"], 64, "tap: --keep has no effect without --to"),
            (["--out", "d", "--to", "http://localhost:8126/x"], 64,
             "tap: --to http://localhost:8126/x is where this tap itself listens: let the agent listen elsewhere"),
            (["--out", "d", "--to", "http://a", "--keep", "0"], 64,
             "tap: --keep 0 is not a number of copies, expected 1 to 1000000"),
            (["--out", "d", "--to", "http://a", "--answer-timeout", "x"], 64,
             "tap: --answer-timeout x is not a duration, as in --answer-timeout 10s"),
            (["--out", "d", "--json", "--quiet"], 64, "tap: --json and --quiet exclude one another"),
            (["--out", ".", "--listen", "127.0.0.1:0"], 73,
             ". is not empty: a tap needs a directory of its own, name another with --out"),
            (["--out", "d", "--ledger", "none"], 65, "cannot read none: No such file or directory"),
            (["--out", "d", "--ledger", "empty"], 65,
             'empty declares no lock: it wants lines such as {"type":"lock",...}'),
        ]
        for args, status, text in cases:
            with self.subTest(args=args):
                self.assert_error(self.locktrail("tap", *args), status, text)


if __name__ == "__main__":
    unittest.main()
