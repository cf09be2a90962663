# SPDX-License-Identifier: Apache-2.0
"""The command line itself: commands, options, help, and what is said of a wrong one."""

import re
import unittest

from cli import Cli

COMMANDS = ["run", "validate", "report", "top", "attest", "inspect", "tap", "doctor", "help", "version"]


class Usage(Cli):
    def test_wrong_command_lines(self):
        cases = [
            ([], "a command is missing, begin with: locktrail help"),
            (["rnu"], 'unknown command "rnu", did you mean run? (locktrail help lists all)'),
            (["xyzzy"], 'unknown command "xyzzy" (locktrail help lists all)'),
            (["run"], "run: an operand is missing, expected: locktrail run FILE [DURATION_S [THREADS]]"),
            (["run", "a", "1", "2", "3"],
             'run: "3" is one operand too many, expected: locktrail run FILE [DURATION_S [THREADS]]'),
            (["run", "--thread", "4", "a"],
             "run: unknown option --thread, did you mean --threads? (locktrail help run lists all)"),
            (["run", "-x", "a"], "run: unknown option -x (locktrail help run lists all)"),
            (["run", "a", "--out"], "run: --out needs an argument: --out DIR"),
            (["run", "--out", "--yes", "a"], "run: --out needs an argument: --out DIR"),
            (["run", "--yes=1", "a"], 'run: --yes takes no argument, leave "=1" away'),
            (["run", "--seed", "1", "--seed", "2", "a"], "run: --seed is given twice, give it once"),
            (["run", "--set", "x", "a"], "run: --set x is not of the form PATH=VALUE, as in --set threads=8"),
            (["run", "a", "10", "--duration", "20"],
             'run: the duration is given twice, as "10" and as --duration 20: give it once'),
            (["version", "x"], 'version: takes no operand, but "x" is given'),
            (["help", "validat"],
             'help: nothing is known of "validat", did you mean validate? (locktrail help lists all)'),
            (["inspect", "--sort", "size", "a"],
             "inspect: --sort size is unknown, expected acquires, wait, samples or name"),
            (["run\x1b[2J"], 'unknown command "run\\x1b[2J" (locktrail help lists all)'),
        ]
        for args, text in cases:
            with self.subTest(args=args):
                self.assert_error(self.locktrail(*args), 64, text)

    def test_help_fits_80_columns_and_names_every_command(self):
        whole = self.locktrail("--help")
        self.assertEqual(whole.status, 0)
        for command in COMMANDS:
            self.assertRegex(whole.output, r"(?m)^  %s +\S" % command)
            one = self.locktrail("help", command)
            self.assertEqual((one.status, one.errors), (0, ""))
            self.assertEqual(one.output, self.locktrail(command, "--help").output)
            for line in one.output.splitlines() + whole.output.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_every_option_of_the_help_is_taken(self):
        """An option that the help shows is known to the parser, and the other way round by construction of the table."""
        for command in COMMANDS:
            for name in re.findall(r"(?m)^  (--[a-z-]+)", self.locktrail("help", command).output):
                result = self.locktrail(command, name, "--help")
                self.assertNotIn("unknown option", result.errors, name)

    def test_help_scenario_lists_the_keys(self):
        result = self.locktrail("help", "scenario")
        self.assertEqual(result.status, 0)
        self.assertRegex(result.output, r"(?m)^workers\.NAME\.capture_pct +\S")

    def test_help_scenario_fits_a_terminal(self):
        piped = self.locktrail("help", "scenario").output
        shown = self.on_terminal("help", "scenario").output
        self.assertEqual([line for line in shown.splitlines() if len(line) > 80], [])
        self.assertEqual(shown.split(), piped.split())

    def test_version(self):
        for args in (["version"], ["--version"]):
            self.assertRegex(self.locktrail(*args).output, r"^locktrail \d+\.\d+\.\d+ \(reports: locktrail/report/1\)\n$")

    def test_output_that_can_not_be_written(self):
        import subprocess
        from cli import LOCKTRAIL

        with open("/dev/full", "wb") as full:
            done = subprocess.run([LOCKTRAIL, "help"], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual((done.returncode, done.stderr.decode()),
                         (73, "locktrail: can't write to standard output: No space left on device\n"))


if __name__ == "__main__":
    unittest.main()
