# SPDX-License-Identifier: Apache-2.0
"""The real agents, each alone between a client and a recording server: what reaches the server is what the client sent,
and what the client is told is what docs/ and the report say of that agent. No locktrail runs here: these are the facts
that its verdicts rest on."""
import base64
import hashlib
import http.client
import http.server
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import support

BUILD = os.path.dirname(os.path.abspath(support.LOCKTRAIL))
KEY = "0123456789abcdef0123456789abcdef"
CLIENTS_KEY = "client5key"
PATH = "/profiling/v1/input"
TIMEOUT_S = 60


def tool(name):
    """As agent_tool in harness/engine/agents.c."""
    beside, shared = os.path.join(BUILD, name), os.path.join(support.ROOT, "build", name)
    return shared if not os.path.exists(beside) and os.path.exists(shared) else beside


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Sink(http.server.ThreadingHTTPServer):
    """Keeps what it gets; answers `status`, after `answer` is set."""

    daemon_threads = True

    def __init__(self, status=202):
        super().__init__(("127.0.0.1", 0), SinkHandler)
        self.status, self.answer, self.got = status, threading.Event(), []
        self.answer.set()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def end(self):
        self.answer.set()
        self.shutdown()
        self.server_close()


class SinkHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, self.body()))
        self.server.answer.wait(TIMEOUT_S)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while True:
            size = int(self.rfile.readline(), 16)
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
            if size == 0:
                return b"".join(pieces)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            # The sender has gone.
            self.close_connection = True

    def log_message(self, *args):
        pass


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def multipart(size, seed=1):
    """An upload as profilers make it, of about `size` random bytes: nothing in it that could be mended on the way."""
    body = (b'--b\r\nContent-Disposition: form-data; name="event"; filename="event.json"\r\n'
            b'Content-Type: application/json\r\n\r\n{"attachments":["profile.pprof"],"version":"4"}\r\n'
            b'--b\r\nContent-Disposition: form-data; name="profile.pprof"; filename="profile.pprof"\r\n\r\n')
    return body + random.Random(seed).getrandbits(8 * size).to_bytes(size, "big") + b"\r\n--b--\r\n"


def digest(data):
    return hashlib.sha256(data).hexdigest()


class AgentTest(unittest.TestCase):
    """One agent for each test, with a directory of its own."""

    name = program = None
    arguments = ()

    def setUp(self):
        self.program = tool(self.program)
        if not os.path.exists(self.program):
            self.skipTest(f"needs {self.name}: make agents")
        self.directory = tempfile.mkdtemp(prefix="locktrail-agent-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.sink = Sink()
        self.addCleanup(self.sink.end)
        self.process = None
        self.port = free_port()
        self.log = os.path.join(self.directory, "log")

    def environment(self):
        raise NotImplementedError

    def start(self, **changes):
        """Waits until it answers, unless it ends before."""
        environment = {"PATH": os.environ["PATH"], "HOME": self.directory, **self.environment(), **changes}
        with open(self.log, "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen([self.program, *self.arguments], env=environment, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.directory)
        self.addCleanup(self.end)
        support.wait_for(lambda: self.process.poll() is not None or self.answers(), f"{self.name} to answer")

    def end(self):
        self.process.kill()
        self.process.wait()

    def answers(self):
        try:
            return self.ask("GET", "/info")[0] == 200
        except OSError:
            return False

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)

    def ask(self, method, path, body=None, headers=(), chunked=False):
        connection = self.connection()
        try:
            connection.request(method, path, body, dict(headers), encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def upload(self, body, chunked=False):
        headers = {"Content-Type": "multipart/form-data; boundary=b", "DD-API-KEY": CLIENTS_KEY,
                   "DD-EVP-ORIGIN": "test", "User-Agent": "DDProf/1"}
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
            pieces = [body[i:i + 7001] for i in range(0, len(body), 7001)]
            return self.ask("POST", PATH, pieces, headers, chunked=True)
        return self.ask("POST", PATH, body, headers)

    def assert_arrived(self, *bodies):
        support.wait_for(lambda: len(self.sink.got) >= len(bodies), "the uploads behind the agent")
        for body, (path, headers, got) in zip(bodies, self.sink.got):
            self.assertEqual((len(got), digest(got)), (len(body), digest(body)))
            self.assertEqual(path, "/api/v2/profile")
            self.assertEqual(headers["content-type"], "multipart/form-data; boundary=b")
            self.assertEqual(headers["dd-evp-origin"], "test")
            self.assertEqual(headers["user-agent"], "DDProf/1")
            self.assertEqual(headers["dd-api-key"], KEY)
        self.assertEqual(len(self.sink.got), len(bodies))

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def listening(self):
        """Addresses at which the process listens, as /proc writes them."""
        folder = f"/proc/{self.process.pid}/fd"
        links = [link for link in map(read_link, (os.path.join(folder, name) for name in os.listdir(folder))) if link]
        found = set()
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{self.process.pid}/net/{table}", encoding="utf-8") as file:
                for row in file.read().splitlines()[1:]:
                    fields = row.split()
                    if fields[3] == "0A" and f"socket:[{fields[9]}]" in links:
                        found.add(fields[1].split(":")[0])
        return found


LOOPBACK = "0100007F"
LOOPBACK_MAPPED = "0000000000000000FFFF00000100007F"


def read_link(path):
    """Where a descriptor leads; None for one that was closed since it was listed."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return None


class TraceAgent(AgentTest):
    name, program = "trace-agent", "bin/locktrail-trace-agent"

    def environment(self):
        return {"DD_APM_RECEIVER_PORT": str(self.port), "DD_API_KEY": KEY,
                "DD_APM_PROFILING_DD_URL": self.sink.url + "/api/v2/profile"}

    def test_bodies_arrive_as_they_were_sent(self):
        bodies = [multipart(size, size) for size in (10, 100_000, 3_000_000)]
        self.start()
        for body in bodies:
            self.assertEqual(self.upload(body)[0], 200)
        self.assert_arrived(*bodies)
        headers = self.sink.got[0][1]
        self.assertEqual(headers["via"], "trace-agent 0.85.2")
        self.assertEqual(headers["x-forwarded-for"], "127.0.0.1")
        self.assertRegex(headers["x-datadog-additional-tags"], r"^host:.*,default_env:none,agent_version:0\.85\.2$")

    def test_chunked_bodies_too(self):
        body = multipart(300_000)
        self.start()
        self.assertEqual(self.upload(body, chunked=True)[0], 200)
        self.assert_arrived(body)

    def test_at_a_unix_socket_too(self):
        body, path = multipart(300_000), os.path.join(self.directory, "socket")
        self.connection = lambda: UnixConnection(path)
        self.start(DD_APM_RECEIVER_PORT="0", DD_APM_RECEIVER_SOCKET=path)
        self.assertEqual(self.upload(body)[0], 200)
        self.assertEqual(self.upload(body, chunked=True)[0], 200)
        self.assert_arrived(body, body)
        self.assertEqual(self.listening(), set())

    def test_the_client_is_told_what_the_intake_says(self):
        self.start()
        for status, told in ((202, 200), (200, 200), (400, 400), (403, 403), (413, 413), (429, 429), (500, 500),
                             (503, 503)):
            with self.subTest(intake=status):
                self.sink.status, self.sink.got = status, []
                self.assertEqual(self.upload(multipart(1000))[0], told)
                self.assertEqual(len(self.sink.got), 1)

    def test_an_intake_that_is_down_is_a_bad_gateway(self):
        self.start(DD_APM_PROFILING_DD_URL=f"http://127.0.0.1:{free_port()}/api/v2/profile")
        status, text = self.upload(multipart(1000))
        self.assertEqual(status, 502)
        self.assertIn(b"connection refused", text)
        self.assertIn("WARN profiling proxy error: transport error (502) for POST /api/v2/profile", self.log_text())

    def test_a_silent_intake_is_a_timeout(self):
        self.start()
        self.sink.answer.clear()
        begin = time.monotonic()
        self.assertEqual(self.upload(multipart(1000))[0], 408)
        self.assertGreater(time.monotonic() - begin, 4)
        self.assertEqual(len(self.sink.got), 1)

    def test_it_does_not_leave_the_machine(self):
        self.start(DD_APM_PROFILING_DD_URL="http://192.0.2.1/api/v2/profile")
        self.assertEqual(self.listening(), {LOOPBACK})
        status, text = self.upload(multipart(1000))
        self.assertEqual(status, 502)
        self.assertIn(b"192.0.2.1:80 is not on loopback", text)

    def test_sigterm_ends_it_cleanly_and_keys_are_in_no_log(self):
        self.start()
        self.assertEqual(self.upload(multipart(1000))[0], 200)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(TIMEOUT_S), 0)
        self.assertIn("INFO trace-agent running...", self.log_text())
        self.assertNotIn(KEY, self.log_text())
        self.assertNotIn(CLIENTS_KEY, self.log_text())

    def test_an_upload_under_way_is_ended_before_it_goes(self):
        self.start()
        self.sink.answer.clear()
        told = []
        client = threading.Thread(target=lambda: told.append(self.upload(multipart(1000))[0]))
        client.start()
        support.wait_for(lambda: self.sink.got, "the upload behind the agent")
        self.process.send_signal(signal.SIGTERM)
        support.wait_for(lambda: "Exiting..." in self.log_text(), "the agent to go")
        self.sink.answer.set()
        client.join(TIMEOUT_S)
        self.assertEqual((told, self.process.wait(TIMEOUT_S)), ([200], 0))

    def test_what_is_wrong_in_its_environment_is_said(self):
        cases = {
            "DD_APM_PROFILING_DD_URL is no http URL": {"DD_APM_PROFILING_DD_URL": "127.0.0.1:8126"},
            "DD_API_KEY is not set": {"DD_API_KEY": ""},
            'DD_APM_RECEIVER_PORT is "70000", expected a port': {"DD_APM_RECEIVER_PORT": "70000"},
            "neither DD_APM_RECEIVER_PORT nor DD_APM_RECEIVER_SOCKET is set": {"DD_APM_RECEIVER_PORT": ""},
        }
        for text, changes in cases.items():
            with self.subTest(text):
                self.start(**changes)
                self.assertEqual(self.process.wait(TIMEOUT_S), 64)
                self.assertEqual(self.log_text().split(" ", 2)[2], f"ERROR {text}\n")

    def test_a_port_that_is_taken_is_said(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", self.port))
            taken.listen()
            self.answers = lambda: False
            self.start()
            self.assertEqual(self.process.wait(TIMEOUT_S), 1)
        self.assertIn("address already in use", self.log_text())


class ServerlessCompat(AgentTest):
    name, program = "serverless-compat", "venvs/serverless-compat-0.19.0/bin/datadog-serverless-compat"

    def environment(self):
        return {"DD_APM_RECEIVER_PORT": str(self.port), "DD_API_KEY": KEY, "DD_APM_PROFILING_DD_URL": self.sink.url,
                "DD_APM_DD_URL": self.sink.url, "DD_SITE": "locktrail.invalid", "DD_USE_DOGSTATSD": "false",
                "DD_LOG_LEVEL": "debug", "ASCSVCRT_SPRING__APPLICATION__NAME": "locktrail"}

    def test_bodies_arrive_as_they_were_sent(self):
        bodies = [multipart(size, size) for size in (10, 100_000, 3_000_000)]
        self.start()
        for body in bodies:
            self.assertEqual(self.upload(body)[0], 200)
            count = bodies.index(body) + 1
            support.wait_for(lambda: len(self.sink.got) == count, "the upload behind the agent")
        self.assert_arrived(*bodies)
        self.assertEqual(self.listening(), {LOOPBACK})

    def test_chunked_bodies_too(self):
        body = multipart(300_000)
        self.start()
        self.assertEqual(self.upload(body, chunked=True)[0], 200)
        self.assert_arrived(body)

    def test_the_client_is_told_200_before_the_intake_answers(self):
        self.start()
        self.sink.answer.clear()
        self.assertEqual(self.upload(multipart(1000))[0], 200)
        support.wait_for(lambda: self.sink.got, "the upload behind the agent")

    def test_a_refused_upload_is_dropped_and_nobody_is_told(self):
        self.start()
        self.sink.status = 503
        self.assertEqual(self.upload(multipart(1000, 1))[0], 200)
        support.wait_for(lambda: len(self.sink.got) == 1, "the first upload")
        self.sink.status = 202
        second = multipart(1000, 2)
        self.assertEqual(self.upload(second)[0], 200)
        support.wait_for(lambda: len(self.sink.got) == 2, "the second upload")
        # It sends one after the other: what comes next would be the first one again.
        self.assertEqual(digest(self.sink.got[1][2]), digest(second))

    def test_an_intake_that_is_down_is_not_told_either(self):
        self.start(DD_APM_PROFILING_DD_URL=f"http://127.0.0.1:{free_port()}")
        self.assertEqual(self.upload(multipart(1000))[0], 200)

    def test_above_10_mib_is_too_much(self):
        self.start()
        largest = multipart((10 << 20) - len(multipart(0)))
        self.assertEqual(len(largest), 10 << 20)
        self.assertEqual(self.upload(largest)[0], 200)
        for size in (len(largest) + 1, 20 << 20):
            # It answers from the head alone, and closes while the body is still being sent.
            connection = self.connection()
            connection.putrequest("POST", PATH)
            connection.putheader("Content-Length", str(size))
            connection.endheaders()
            answer = connection.getresponse()
            self.assertEqual((answer.status, json.loads(answer.read())["message"]),
                             (413, "Error processing profiling request: Payload too large"))
            connection.close()
        self.assert_arrived(largest)

    def test_without_metadata_of_a_cloud_it_starts_at_once(self):
        self.start()
        text = self.log_text()
        self.assertIn("Cloud environment detected: AzureSpringApp (locktrail)", text)
        self.assertNotIn("metadata.google", text)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(TIMEOUT_S), -signal.SIGTERM)


class TestAgent(AgentTest):
    name, program = "test-agent", "venvs/test-agent-1.69.1/bin/python"

    def environment(self):
        return {}

    @property
    def arguments(self):
        return ["-I", "-m", "ddapm_test_agent.agent", "--host", "127.0.0.1", "--disable-llmobs-data-forwarding",
                "--otlp-http-port", "0", f"--otlp-grpc-port={free_port()}", f"--port={self.port}",
                f"--snapshot-dir={self.directory}/snapshots", f"--vcr-cassettes-directory={self.directory}/cassettes"]

    def test_it_keeps_what_it_gets(self):
        bodies = [multipart(size, size) for size in (10, 3_000_000)]
        self.start()
        for body in bodies:
            self.assertEqual(self.upload(body)[0], 200)
        self.assertEqual(self.upload(bodies[1], chunked=True)[0], 200)
        status, text = self.ask("GET", "/test/session/requests")
        self.assertEqual(status, 200)
        kept = [request for request in json.loads(text) if request["url"].endswith(PATH)]
        self.assertEqual([digest(base64.b64decode(request["body"])) for request in kept],
                         [digest(bodies[0]), digest(bodies[1]), digest(bodies[1])])
        self.assertEqual(self.sink.got, [])
        self.assertLessEqual(self.listening(), {LOOPBACK, LOOPBACK_MAPPED})

    def test_sigterm_ends_it(self):
        self.start()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(TIMEOUT_S), -signal.SIGTERM)
        self.assertEqual([name for name in os.listdir(self.directory) if name != "log"], [])


del AgentTest

if __name__ == "__main__":
    unittest.main()
