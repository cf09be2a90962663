# SPDX-License-Identifier: Apache-2.0
"""locktrail matrix without a run: cells listed, shards, what is said of wrong files and options."""

import fcntl
import json
import os
import unittest

from cli import ROOT, Cli

SCENARIO = "name: base\nduration: 1s\ncontrol: none\nworkers: {w: {runtime: native}}\nphases: [local]\n"
MATRIX = """name: m
scenario: base.yaml
axes:
  build: [O2g, g1]
  threads: [2, 4]
exclude:
  - {build: g1, threads: 4}
repeat: 2
"""
KEYS = ["build=O2g threads=2 seed=1", "build=O2g threads=2 seed=2", "build=O2g threads=4 seed=1",
        "build=O2g threads=4 seed=2", "build=g1 threads=2 seed=1", "build=g1 threads=2 seed=2"]


class Matrix(Cli):
    def setUp(self):
        super().setUp()
        self.write("base.yaml", SCENARIO)
        self.write("m.yaml", MATRIX)

    def list(self, *args, env=None):
        result = self.locktrail("matrix", "m.yaml", "--dry-run", *args, env=env)
        self.assertEqual((result.status, result.errors), (0, ""))
        return result.output

    def cells(self, *args, env=None):
        return json.loads(self.list("--json", *args, env=env))["cells"]

    def test_a_dry_run_lists_the_cells_and_leaves_nothing(self):
        lines = self.list().splitlines()
        self.assertEqual([line[13:] for line in lines[:6]], KEYS)
        self.assertEqual(len({line[:12] for line in lines[:6]}), 6)
        self.assertEqual(lines[6:], ["6 cells on 2 axes, 2 repeats each"])
        self.assertEqual(sorted(os.listdir(self.directory)), ["base.yaml", "m.yaml"])

    def test_shards_are_listed(self):
        lines = self.list("--shard", "2/4").splitlines()
        shards = [line.split()[1] for line in lines[:6]]
        self.assertEqual(sorted(shards), ["1/4", "1/4", "2/4", "2/4", "3/4", "4/4"])
        self.assertEqual(lines[6:], ["shard 1 of 4: 2 cells", "shard 2 of 4: 2 cells (this one)", "shard 3 of 4: 1 cell",
                                     "shard 4 of 4: 1 cell", "6 cells on 2 axes, 2 repeats each"])

    def test_only_the_totals(self):
        self.assertEqual(self.list("--quiet", "--only", "seed=2"), "3 cells of 6 on 2 axes, 2 repeats each\n")

    def test_json(self):
        document = json.loads(self.list("--json"))
        self.assertEqual(sorted(document), ["cells", "hash", "shards"])
        self.assertRegex(document["hash"], "^[0-9a-f]{64}$")
        self.assertEqual([cell["key"] for cell in document["cells"]], KEYS)
        self.assertEqual(document["cells"][5]["axes"], {"build": "g1", "threads": "2"})
        self.assertEqual(document["cells"][5]["seed"], 2)

    def test_one_cell_by_its_id(self):
        cell = self.cells()[3]
        self.assertEqual(self.cells("--only", "id=" + cell["id"]), [cell])

    def test_a_farm_says_which_shard(self):
        for env in ({"LOCKTRAIL_SHARD": "2/3"}, {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "3"},
                    {"JOB_COMPLETION_INDEX": "1", "LOCKTRAIL_SHARDS": "3"},
                    {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "0"}):
            self.assertIn("shard 2 of 3: 2 cells (this one)\n", self.list("--quiet", "--shard", "auto", env=env))

    def test_shards_follow_recorded_durations(self):
        cells = self.cells()
        durations = {cell["id"]: 1000 for cell in cells}
        durations[cells[0]["id"]] = 6000
        self.write("durations.json", json.dumps({"schema": "locktrail/durations/1", "cells": durations}))
        alone = self.cells("--shard", "1/2", "--durations", "durations.json")
        self.assertEqual([cell["shard"] == alone[0]["shard"] for cell in alone], [True] + [False] * 5)
        lines = self.list("--quiet", "--shard", "1/2", "--durations", "durations.json").splitlines()
        self.assertEqual(lines[:2], ["shard 1 of 2: 1 cell, last time 6.0 s (this one)",
                                     "shard 2 of 2: 5 cells, last time 5.0 s"])

    def test_wrong_command_lines(self):
        cases = [
            ([], "matrix: an operand is missing, expected: locktrail matrix FILE"),
            (["m.yaml", "--resume", "d"], "matrix: --resume takes the matrix from its directory, leave m.yaml away"),
            (["--resume", "d", "--only", "a=b"], "matrix: --resume goes on with what was begun, leave --only away"),
            (["--resume", "d", "--shard", "1/2"], "matrix: --resume goes on with what was begun, leave --shard away"),
            (["m.yaml", "-j", "0"], "matrix: -j 0 is not a number of cells, expected 1 to 1024"),
            (["m.yaml", "-j", "two"], "matrix: -j two is not a number of cells, expected 1 to 1024"),
            (["m.yaml", "--only", "bild=g1"], "matrix: m.yaml has no axis bild, did you mean build?"),
            (["m.yaml", "--only", "build=g2"], "matrix: no cell of m.yaml has build=g2"),
            (["m.yaml", "--only", "build=g1", "--only", "threads=4"],
             "matrix: no cell of m.yaml has all that --only asks for"),
            (["m.yaml", "--shard", "3/2"], "matrix: --shard 3/2 is shard 3 of 2, expected one from 1 to 2"),
            (["m.yaml", "--shard", "auto"],
             "matrix: --shard auto finds none of LOCKTRAIL_SHARD, SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX and "
             "CI_NODE_INDEX in the environment: give --shard K/N"),
        ]
        for args, text in cases:
            with self.subTest(args=args):
                self.assert_error(self.locktrail("matrix", *args), 64, text)

    def test_files_that_are_not_there(self):
        self.assert_error(self.locktrail("matrix", "none.yaml"), 65, "cannot read none.yaml: No such file or directory")
        self.assert_error(self.locktrail("matrix", "--resume", "none"), 65,
                          "cannot read none: No such file or directory")
        self.assert_error(self.locktrail("matrix", "m.yaml", "--durations", "none"), 69,
                          "cannot read none: No such file or directory")
        os.unlink(self.path("base.yaml"))
        self.assert_error(self.locktrail("matrix", "m.yaml"), 65, "cannot read base.yaml: No such file or directory")

    def test_a_directory_that_is_taken(self):
        self.assert_error(self.locktrail("matrix", "m.yaml", "--out", "."), 73,
                          ". is not empty: a matrix needs a directory of its own, name another with --out")

    def test_a_directory_in_which_another_one_works(self):
        descriptor = os.open(self.directory, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.assert_error(self.locktrail("matrix", "--resume", "."), 73,
                          "matrix: another locktrail matrix is at work in .")

    def test_what_is_wrong_with_a_matrix_file(self):
        self.write("m.yaml", "name: m\nscenario: base.yaml\naxes:\n  build: [striped]\n")
        result = self.locktrail("matrix", "m.yaml")
        self.assertEqual((result.status, result.output), (65, ""))
        self.assertEqual(result.errors, "m.yaml:4:11: error: build=striped: workers.w.build: `striped` found, expected "
                         "`O0g`, `O2g`, `O3lto`, `g1`, `nodebug`, `stripped`, `split` or `clang-O2g`, did you mean "
                         "`stripped`?\n  build: [striped]\n          ^\n")

    def test_what_is_wrong_with_its_scenario(self):
        os.mkdir(self.path("deep"))
        self.write("deep/m.yaml", "name: m\nscenario: ../base.yaml\naxes: {}\n")
        self.write("base.yaml", SCENARIO.replace("1s", "1x"))
        result = self.locktrail("matrix", "deep/m.yaml")
        self.assertEqual((result.status, result.output), (65, ""))
        self.assertTrue(result.errors.startswith("deep/../base.yaml:2:11: error: duration: `1x` found"), result.errors)

    def test_validate_takes_matrix_files(self):
        result = self.locktrail("validate", "m.yaml", "base.yaml")
        self.assertEqual((result.status, result.output), (0, "m.yaml: valid, 6 cells\nbase.yaml: valid\n"))
        self.write("m.yaml", MATRIX + "repeats: 3\n")
        result = self.locktrail("validate", "m.yaml")
        self.assertEqual(result.status, 65)
        self.assertIn("m.yaml:9:1: error: unknown key `repeats`, did you mean `repeat`?\n", result.errors)

    def test_shipped_ones_are_valid(self):
        folder = os.path.join(ROOT, "scenarios", "matrix")
        files = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".yaml")]
        self.assertGreater(len(files), 4)
        result = self.locktrail("validate", *files)
        self.assertEqual((result.status, result.errors), (0, ""))

    def test_profiles_leave_only_after_a_question(self):
        result = self.locktrail("matrix", "m.yaml", "--out", "o", env={"DD_AGENT_HOST": "agent.test"})
        self.assert_error(result, 64, "matrix: this matrix would send its profiles to agent at agent.test:8126, "
                          "and there is no terminal to ask: give --yes, or keep them inside with forward.to=none in "
                          "the scenario")
        self.assertFalse(os.path.exists(self.path("o")))

    def test_the_keys_are_in_the_help(self):
        result = self.locktrail("help", "matrix-file")
        self.assertEqual(result.status, 0)
        self.assertEqual([line.split()[0] for line in result.output.splitlines()],
                         ["name", "description", "scenario", "axes", "include", "exclude", "repeat", "seed", "retries", "cpus",
                          "memory", "timeout"])


if __name__ == "__main__":
    unittest.main()
