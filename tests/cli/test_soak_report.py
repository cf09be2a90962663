# SPDX-License-Identifier: Apache-2.0
"""What is made of a soak's record: schema, report, curves, live view, dashboard. The records are those of tests/data/soak,
which tests/unit/report_soak.c compares byte for byte with what the code writes."""

import copy
import json
import os
import re
import signal
import unittest
import xml.etree.ElementTree

import schema as schema_check
from cli import ROOT, Cli

DATA = os.path.join(ROOT, "tests", "data", "soak")


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


class Soak(Cli):
    def setUp(self):
        super().setUp()
        self.run_directory = self.path("run")
        os.mkdir(self.run_directory)

    def record(self, name):
        return json.loads(read(DATA, name + ".json"))

    def lay(self, record):
        """The record as a soak's directory has it; replaced as locktrail does it."""
        text = record if isinstance(record, str) else json.dumps(record)
        path = self.write("soak.json.tmp", text)
        os.replace(path, os.path.join(self.run_directory, "soak.json"))
        return self.run_directory


class Schema(Soak):
    def setUp(self):
        super().setUp()
        self.schema = json.loads(read("docs", "soak.schema.json"))

    def test_expected_documents_are_valid(self):
        for name in ("good", "bad"):
            self.assertEqual(schema_check.check(self.schema, self.schema, self.record(name), name), [])

    def test_with_jsonschema(self):
        validator = schema_check.jsonschema_validator(self, self.schema)
        for name in ("good", "bad"):
            found = validator.iter_errors(self.record(name))
            self.assertEqual([error.message for error in found], [])

    def test_schema_and_reader_ask_for_the_same_members(self):
        """What the schema refuses locktrail refuses, by the member's name. Curves have one form: one of them is enough."""
        good, checked = self.record("bad"), 0
        for path in schema_check.objects(good):
            if any(isinstance(step, int) and step > 0 for step in path):
                continue  # of a list the first element is enough
            if len(path) > 2 and path[:2] == ("processes", 0) and path[2] != "watches" or "descriptors" in path:
                continue
            for key in list(schema_check.at(good, path)) if len(path) < 5 or "rss" in path else []:
                if path[-1:] in (("copies",), ("states",)) or path[-2:-1] == ("states",) or "arrived" in path:
                    continue  # what is not there is 0, or none
                broken = copy.deepcopy(good)
                del schema_check.at(broken, path)[key]
                stage_counts = path[-1:] in (("missing",), ("doubled",))
                self.assertEqual(schema_check.check(self.schema, self.schema, broken) != [], not stage_counts, path)
                if stage_counts:
                    continue
                done = self.locktrail("report", self.lay(broken))
                self.assertEqual(done.status, 65, path + (key,))
                name = key if key == "schema" else "%s: is missing" % key
                self.assertIn(name, done.errors)
                checked += 1
        self.assertGreater(checked, 100)


class Options(Soak):
    def test_metrics_are_looked_at_first(self):
        """Before the scenario is read, an environment made, or a directory."""
        forms = "expected 127.0.0.1:PORT, [::1]:PORT, localhost:PORT or unix:/PATH"
        for address, why in (("9464", forms), ("127.0.0.1:x", forms),
                             ("0.0.0.0:9464", "only loopback is allowed, " + forms)):
            done = self.locktrail("soak", "none.yaml", "--for", "1h", "--metrics", address)
            self.assert_error(done, 64, "soak: --metrics %s: can't listen on '%s': %s" % (address, address, why))

    def test_a_resumed_one_passes_the_same_stages(self):
        directory = self.lay(self.record("bad"))
        path = self.write("run/scenario.yaml", "name: soak\nduration: 1s\nworkers: {native: {runtime: native, count: 2}}\n"
                          "phases: [member]\nbackend: store\n")
        self.assert_error(self.locktrail("soak", "--resume", directory), 65,
                          "%s: its uploads do not come to the stage `agent`, and so far they did: the agent or the "
                          "backend was changed, start a new soak" % path)


class Report(Soak):
    def test_it_is_told_again(self):
        for name, status in (("bad", 70), ("good", 0)):
            directory = self.lay(self.record(name))
            done = self.locktrail("report", directory)
            self.assertEqual((done.status, done.errors), (status, ""))
            expected = read(DATA, name + ".txt").replace("runs/2026-11-26T02-00-00Z-soak", directory)
            self.assertEqual(done.output, expected)
            for written, file in (("curves.svg", name + ".svg"), ("junit.xml", name + ".xml")):
                self.assertEqual(read(directory, written), read(DATA, file))
                # Of one that has ended they are kept as they are.
                os.remove(os.path.join(directory, written))

    def test_forms(self):
        directory = self.lay(read(DATA, "bad.json"))
        self.assertEqual(self.locktrail("report", "--json", directory).output, read(DATA, "bad.json"))
        quiet = self.locktrail("report", "--quiet", directory)
        self.assertEqual(quiet.output, "VERDICT    error (so far)\ndirectory  %s\n" % directory)
        self.locktrail("report", "--quiet", "--junit", "mine.xml", directory)
        self.assertEqual(read(self.path("mine.xml")), read(DATA, "bad.xml"))

    def test_files_of_a_soak_that_goes_on_are_made_anew(self):
        record = self.record("good")
        for ended, renewed in ((True, False), (False, True)):
            directory = self.lay(dict(record, ended=ended))
            self.locktrail("report", directory)
            self.write("run/curves.svg", "old")
            self.locktrail("report", directory)
            self.assertEqual(read(directory, "curves.svg") != "old", renewed)

    def test_interrupted(self):
        directory = self.lay(dict(self.record("good"), interrupted=True, why_ended="SIGTERM"))
        done = self.locktrail("report", directory)
        self.assertEqual(done.status, 130)
        self.assertIn("\nended      interrupted: SIGTERM\n", done.output)
        self.assertIn("\nVERDICT    success (interrupted)\n", done.output)

    def test_a_record_that_can_not_be_read(self):
        directory = self.lay(dict(self.record("good"), for_ms="long"))
        self.assert_error(self.locktrail("report", directory), 65,
                          "%s/soak.json: for_ms: expected a whole number, 0 or more" % directory)

    def test_curves_are_one_picture_without_a_script(self):
        for name in ("good", "bad"):
            root = xml.etree.ElementTree.fromstring(read(DATA, name + ".svg"))
            tags = {element.tag.partition("}")[2] for element in root.iter()}
            self.assertEqual(tags, {"svg", "rect", "text", "line", "polyline", "path"})
            for element in root.iter():
                self.assertFalse([key for key in element.attrib if "href" in key or key.startswith("on")])


class Top(Soak):
    def test_once(self):
        directory = self.lay(self.record("good"))
        for args in (("top", directory), ("top", "--once", directory)):
            done = self.locktrail(*args)
            self.assertEqual((done.status, done.errors), (0, ""))
            lines = done.output.splitlines()
            self.assertEqual(lines[:2], ["soak soak  08:00:00 of 08:00:00  success", "ENDED: the time is over"])
            self.assertRegex(done.output, r"(?m)^native\.1\.upload +200 +0 +82\.8 ms")
            self.assertNotIn("\x1b", done.output)
        shown = self.on_terminal("top", "--once", directory, env={"NO_COLOR": "1"})
        self.assertEqual(shown.output.splitlines()[:2], lines[:2])

    def test_it_is_redrawn_and_q_ends_it(self):
        """The view begins with a soak that runs; while it is watched the soak ends, and the view says so."""
        record = self.record("good")
        directory = self.lay(dict(record, ended=False, taken_at_ms=1000))

        def end():
            self.lay(record)
            return b"x"

        shown, left = self.dialog("the soak goes on\r\n", [end, b"q"], "top", directory, rows=30, columns=100)
        self.assertEqual((shown.status, left), (0, []))
        self.assertIn("NO NEWS for", shown.output)
        self.assertIn("ENDED: the time is over", shown.output)
        for screen in shown.output.split("\x1b[J")[1:]:
            self.assertLess(len(screen.splitlines()), 30)

    def test_ctrl_c_ends_it(self):
        directory = self.lay(self.record("good"))

        def interrupt():
            """What a terminal does for Ctrl-C, which this one can't: it controls no session."""
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open("/proc/%s/cmdline" % pid, "rb") as file:
                        words = file.read().split(b"\0")
                except OSError:  # it has ended
                    continue
                if words[1:3] == [b"top", directory.encode()]:
                    os.kill(int(pid), signal.SIGINT)
            return b""

        shown, left = self.dialog("the soak goes on\r\n", [interrupt], "top", directory)
        self.assertEqual((shown.status, left), (0, []))

    def test_what_is_no_soak(self):
        done = self.locktrail("top", self.run_directory)
        self.assertEqual((done.status, done.output), (65, ""))
        self.assertIn("%s/soak.json" % self.run_directory, done.errors)


class Dashboard(unittest.TestCase):
    """docs/grafana-soak.json by the rules of Grafana's JSON model, and by what metrics.c writes."""

    def setUp(self):
        self.board = json.loads(read("docs", "grafana-soak.json"))
        self.panels = [panel for panel in self.board["panels"] if panel["type"] != "row"]

    def expressions(self):
        for panel in self.panels:
            for target in panel["targets"]:
                yield panel["title"], target["expr"]
        for annotation in self.board["annotations"]["list"]:
            yield annotation["name"], annotation["expr"]
        for variable in self.board["templating"]["list"]:
            if variable["type"] == "query":
                yield variable["name"], variable["query"]["query"]

    def test_every_metric_is_one_that_is_served(self):
        served = set(re.findall(r"(?m)^(\w+)(?:\{.*\})? \S+$", read(DATA, "bad.prom")))
        self.assertGreater(len(served), 40)
        asked = set()
        for title, expression in self.expressions():
            names = re.findall(r"locktrail_soak\w*(?=[{),\[]| |$)", re.sub(r"\([a-z_, ]+\) ", "", expression))
            self.assertTrue(names, title)
            asked.update(names)
            self.assertEqual(set(names) - served, set(), title)
        wanted = ["uploads_arrived_total", "losses_total", "latency_seconds", "process_memory_bytes",
                  "process_descriptors", "growth_per_hour", "growing"]
        self.assertEqual({"locktrail_soak_" + name for name in wanted} - asked, set())

    def test_every_label_is_one_that_is_served(self):
        served = set(re.findall(r'[{,](\w+)="', read(DATA, "bad.prom"))) | {"instance"}
        for title, expression in self.expressions():
            used = set(re.findall(r'[{,](\w+)[=!]~?"', expression))
            used |= set(re.split(r", ?", (re.search(r"by \(([^)]*)\)", expression) or [0, "process"])[1]))
            self.assertEqual(used - served, set(), title)

    def test_model(self):
        board = self.board
        self.assertEqual((board["id"], board["uid"], board["title"]), (None, "locktrail-soak", "locktrail soak"))
        self.assertGreaterEqual(board["schemaVersion"], 36)
        identities = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(identities), len(set(identities)))
        places = set()
        for panel in board["panels"]:
            self.assertIn(panel["type"], {"row", "stat", "timeseries"})
            grid = panel["gridPos"]
            self.assertLessEqual(grid["x"] + grid["w"], 24)
            for x in range(grid["x"], grid["x"] + grid["w"]):
                for y in range(grid["y"], grid["y"] + grid["h"]):
                    self.assertNotIn((x, y), places, panel["title"])
                    places.add((x, y))
        for panel in self.panels:
            references = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(references), len(set(references)), panel["title"])
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")
        variables = {variable["name"] for variable in board["templating"]["list"]}
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {"__rate_interval", "__all"}
        self.assertEqual(used, variables)


if __name__ == "__main__":
    unittest.main()
