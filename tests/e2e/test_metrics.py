# SPDX-License-Identifier: Apache-2.0
"""`locktrail soak --metrics`: scraped by a real Prometheus (make engines), asked with every query of the dashboard."""
import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import support

# Beside the tested locktrail, or of an ordinary build where that is one with sanitizers.
ENGINES = [os.path.join(directory, "engines", "root", "usr", "bin")
           for directory in (os.path.dirname(support.LOCKTRAIL), os.path.join(support.ROOT, "build"))]
DEADLINE_S = 60
SCENARIO = """
name: served
duration: 2s
threads: 2
workers:
  native:
    runtime: native
    capture_pct: 100
    upload_interval: 500ms
phases:
  - {pattern: member, iterations: 40}
backend: store
"""
CONFIG = """
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: locktrail
    static_configs:
      - targets: ["127.0.0.1:%d"]
"""
OPEN = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
# Queries of the dashboard that have an answer in a soak without a loss, once there are two scrapes.
ANSWERED = ["Elapsed", "Uploads judged", "With a loss", "Stock taken", "Uploads by stage", "Resident memory",
            "Descriptors", "Threads", "Processor", "Time to the last stage (median)", "Upload interval (median)"]


def engine(name):
    return next((path for path in (os.path.join(root, name) for root in ENGINES) if os.access(path, os.X_OK)), None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, accept=None):
    """Content-Type and text."""
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=DEADLINE_S) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


class Metrics(support.Run):
    def setUp(self):
        super().setUp()
        self.prometheus, self.promtool = engine("prometheus"), engine("promtool")
        if not self.prometheus or not self.promtool:
            self.skipTest("Prometheus is not there: make engines")

    def wait_for(self, what, ask):
        end, last = time.monotonic() + DEADLINE_S, None
        while time.monotonic() < end:
            try:
                last = ask()
                if last:
                    return last
            except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
                last = error
            time.sleep(0.1)
        return self.fail("no %s: %r" % (what, last))

    def spawn(self, arguments, **options):
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, env=support.clean_environment(), **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()

        self.addCleanup(end)
        return process

    def start_soak(self):
        port = free_port()
        log = open(os.path.join(self.directory, "soak.log"), "wb")
        self.addCleanup(log.close)
        soak = self.spawn([support.LOCKTRAIL, "soak", self.scenario(SCENARIO), "--for", "300s", "--metrics",
                           "127.0.0.1:%d" % port, "--quiet", "--out", self.out], stdout=log, stderr=log)
        url = "http://127.0.0.1:%d/metrics" % port
        judged = re.compile(r"(?m)^locktrail_soak_uploads_judged_total\{.*\} [1-9]")
        self.wait_for("judged upload", lambda: soak.poll() is None and judged.search(get(url)[1]))
        return soak, port, url

    def start_prometheus(self, target):
        port = free_port()
        config = os.path.join(self.directory, "prometheus.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG % target)
        log = open(os.path.join(self.directory, "prometheus.log"), "wb")
        self.addCleanup(log.close)
        process = self.spawn([self.prometheus, "--config.file=" + config, "--web.listen-address=127.0.0.1:%d" % port,
                              "--storage.tsdb.path=" + os.path.join(self.directory, "tsdb")], stdout=log, stderr=log)
        return process, "http://127.0.0.1:%d/api/v1/" % port

    def query(self, api, expression):
        try:
            answer = json.loads(get(api + "query?" + urllib.parse.urlencode({"query": expression}))[1])
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is still starting
                raise
            return self.fail("%s: %s" % (expression, error.read().decode()))
        self.assertEqual(answer["status"], "success", expression)
        return answer["data"]["result"]

    def check_texts(self, url):
        """Both forms, each to who asks for it; promtool finds nothing to say."""
        kind, text = get(url)
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        checked = subprocess.run([self.promtool, "check", "metrics"], input=text.encode(), stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=DEADLINE_S)
        self.assertEqual((checked.returncode, checked.stdout.decode()), (0, ""))
        kind, text = get(url, OPEN)
        self.assertEqual(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.assertTrue(text.endswith("\n# EOF\n"))

    def check_types(self, api):
        known = json.loads(get(api + "metadata")[1])["data"]
        for name, kind, unit in (("locktrail_soak", "info", ""), ("locktrail_soak_verdict", "stateset", ""),
                                 ("locktrail_soak_uploads_arrived", "counter", ""),
                                 ("locktrail_soak_latency_seconds", "summary", "seconds"),
                                 ("locktrail_soak_process_memory_bytes", "gauge", "bytes")):
            self.assertEqual([(one["type"], one["unit"]) for one in known[name]], [(kind, unit)], name)

    def check_dashboard(self, api):
        with open(os.path.join(support.ROOT, "docs", "grafana-soak.json"), encoding="utf-8") as file:
            board = json.load(file)
        answers = {}
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                expression = re.sub(r"\$(instance|process)\b", ".*", target["expr"].replace("$__rate_interval", "10s"))
                answers.setdefault(panel["title"], []).extend(self.query(api, expression))
        self.assertEqual([title for title in ANSWERED if not answers[title]], [])

    def test_prometheus_scrapes_a_soak(self):
        soak, port, url = self.start_soak()
        self.check_texts(url)
        prometheus, api = self.start_prometheus(port)
        scrapes = "count_over_time(locktrail_soak_elapsed_seconds[1m]) >= 3"
        self.wait_for("third scrape", lambda: self.query(api, scrapes))
        target = json.loads(get(api + "targets")[1])["data"]["activeTargets"][0]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        self.check_types(api)
        self.check_dashboard(api)
        counted = int(self.query(api, "sum(locktrail_soak_uploads_judged_total)")[0]["value"][1])
        info = self.query(api, "locktrail_soak_info")[0]["metric"]
        memory = self.query(api, 'locktrail_soak_process_memory_bytes{process="locktrail"}')[0]["value"][1]
        soak.send_signal(signal.SIGTERM)
        self.assertEqual(soak.wait(timeout=DEADLINE_S), 130)
        with open(os.path.join(self.out, "soak.json"), encoding="utf-8") as file:
            record = json.load(file)
        self.assertGreater(counted, 0)
        self.assertLessEqual(counted, record["uploads"]["judged"])
        self.assertEqual(info["run_id"], record["run_id"])
        self.assertGreater(float(memory), 1 << 20)
        self.wait_for("end of the metrics", lambda: self.query(api, "up == 0"))
        prometheus.terminate()
        self.assertEqual(prometheus.wait(timeout=DEADLINE_S), 0)


if __name__ == "__main__":
    unittest.main()
