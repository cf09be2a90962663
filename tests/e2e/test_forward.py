# SPDX-License-Identifier: Apache-2.0
"""Uploads recorded by the intake and forwarded to an agent of the user's, told by ddtrace's own variables."""
import http.server
import os
import socketserver
import threading
import unittest

import support
from support import GOOD


class Agent(http.server.BaseHTTPRequestHandler):
    """An HTTP peer that is not ours: records requests and answers with `status`."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Forwarding(support.CommandRun):
    def serve(self, server, status=200):
        server.requests, server.status = [], status
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def agent(self, status=200):
        return self.serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent), status)

    def forward(self, env, more=""):
        return self.run_scenario(self.file(self.good_worker(), more=more), env=env)

    def check_forwarded(self, report, requests):
        self.assertEqual(report["uploads"]["forwarded"], 1, report["problems"])
        (path, headers, body), = requests
        self.assertEqual(path, "/profiling/v1/input")
        self.assertEqual(headers["Content-Type"], "multipart/form-data; boundary=----locktrail-test")
        with open(os.path.join(self.out, "copies", "upload", "mine.1.tee.1.pprof"), "rb") as file:
            self.assertIn(file.read(), body)
        self.assertIn(GOOD.encode(), body)
        self.assertTrue(body.startswith(b"------locktrail-test\r\n") and body.endswith(b"------locktrail-test--\r\n"))

    def test_agent_host_and_port(self):
        agent = self.agent()
        status, report = self.forward({"DD_AGENT_HOST": "127.0.0.1", "DD_TRACE_AGENT_PORT": str(agent.server_port)})
        self.assertEqual((status, report["verdict"]), (0, "success"), report["problems"])
        self.assertIn("https://app.datadoghq.com/profiling/", report["uploads"]["profiles_url"])
        self.check_forwarded(report, agent.requests)

    def test_agent_url(self):
        agent = self.agent()
        status, report = self.forward({"DD_TRACE_AGENT_URL": f"http://127.0.0.1:{agent.server_port}"})
        self.assertEqual(status, 0, report["problems"])
        self.check_forwarded(report, agent.requests)

    def test_agent_on_a_unix_socket(self):
        agent = self.serve(UnixServer(os.path.join(self.directory, "agent.sock"), Agent))
        status, report = self.forward({"DD_TRACE_AGENT_URL": f"unix://{self.directory}/agent.sock"})
        self.assertEqual(status, 0, report["problems"])
        self.check_forwarded(report, agent.requests)

    def test_nothing_is_forwarded_where_the_scenario_forbids_it(self):
        agent = self.agent()
        status, report = self.forward({"DD_TRACE_AGENT_URL": f"http://127.0.0.1:{agent.server_port}"},
                                      more="forward: {to: none}\n")
        self.assertEqual((status, report["uploads"]["forwarded"], agent.requests), (0, 0, []))

    def test_an_agent_that_refuses_is_said(self):
        agent = self.agent(503)
        status, report = self.forward({"DD_TRACE_AGENT_URL": f"http://127.0.0.1:{agent.server_port}"})
        self.assertEqual((status, report["uploads"]["forward_failed"], report["uploads"]["profiles_url"]), (70, 1, ""))
        self.assertIn("it answered 503", report["problems"][0]["text"])

    def test_an_agent_that_is_down_is_said(self):
        agent = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Agent)
        port = agent.server_port
        agent.server_close()
        status, report = self.forward({"DD_TRACE_AGENT_URL": f"http://127.0.0.1:{port}"})
        self.assertEqual((status, report["uploads"]["forward_failed"]), (70, 1))
        self.assertIn(f"127.0.0.1:{port}", report["problems"][0]["text"])

    def test_without_a_terminal_a_confirmation_is_asked_for_by_option(self):
        agent = self.agent()
        path = self.file(self.good_worker())
        status, _, errors = self.locktrail("run", path, "--out", self.out,
                                           env={"DD_TRACE_AGENT_URL": f"http://127.0.0.1:{agent.server_port}"})
        self.assertEqual(status, 64)
        self.assertIn("--yes", errors)
        self.assertEqual(agent.requests, [])


if __name__ == "__main__":
    unittest.main()
