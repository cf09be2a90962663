# SPDX-License-Identifier: Apache-2.0
"""README and docs/ say what is there: links, commands and their options, scenarios, programs, folders, words, events."""

import glob
import json
import os
import re
import shlex
import shutil
import unittest

from cli import ROOT, Cli

DOCUMENTS = ["README.md"] + sorted(os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, "docs", "*.md")))
# A document that is longer is two.
LINES_MAX = 250
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"^[A-Z_]+=")
COMMAND = re.compile(r"^(?:build/)?locktrail$")


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def blocks(text, language):
    return [body for found, body in FENCE.findall(text) if found == language]


def section(text, title):
    """The lines below a heading, up to the next one."""
    return re.split(r"^#+ .*$", text.partition("\n" + title + "\n")[2], maxsplit=1, flags=re.M)[0]


def anchors(text):
    """Those of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(text):
    """Words behind `locktrail` of each command in the text, whether in a block or between backticks."""
    prose = FENCE.sub("", text)
    lines = [line for body in blocks(text, "") for line in body.splitlines()]
    lines += [span.replace("\n", " ").replace("\\|", "|") for span in re.findall(r"`([^`]+)`", prose)]
    for line in lines:
        if not re.match(r"^(\$ )?([A-Z_]+=\S+ )*(build/)?locktrail( |$)", line):
            continue
        words = shlex.split(line[2:] if line.startswith("$ ") else line)
        while VARIABLE.match(words[0]):
            words.pop(0)
        if COMMAND.match(words[0]) and len(words) > 1:
            stop = next((i for i, word in enumerate(words) if word in (">", "2>", "|", "&&")), len(words))
            yield line, words[1:stop]


class Documents(Cli):
    def each(self):
        self.assertGreater(len(DOCUMENTS), 6)
        for name in DOCUMENTS:
            yield name, read(name)

    def test_length(self):
        for name, text in self.each():
            self.assertLess(len(text.splitlines()), LINES_MAX, name)

    def test_links_lead_somewhere(self):
        found = 0
        for name, text in self.each():
            for link in LINK.findall(FENCE.sub("", text)):
                if re.match(r"[a-z]+:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = os.path.normpath(os.path.join(ROOT, os.path.dirname(name), path)) if path else os.path.join(ROOT, name)
                self.assertTrue(os.path.exists(target), link)
                if anchor:
                    self.assertIn(anchor, anchors(read(os.path.relpath(target, ROOT))), link)
                found += 1
        self.assertGreater(found, 10)

    def test_commands_and_options_exist(self):
        known = {}
        for name in re.findall(r"^  ([a-z]+) ", self.locktrail("help").output.partition("commands:\n")[2], re.M):
            known[name] = set(re.findall(r"^  (--[a-z-]+)", self.locktrail("help", name).output, re.M))
        self.assertIn("--set", known["run"])
        found = 0
        for _, text in self.each():
            for line, words in commands(text):
                self.assertIn(words[0], known, line)
                for word in words[1:]:
                    if word.startswith("--"):
                        self.assertIn(word.partition("=")[0], known[words[0]], line)
                found += 1
        self.assertGreater(found, 10)

    def test_runs_of_shipped_scenarios_are_accepted(self):
        found = 0
        for _, text in self.each():
            for line, words in commands(text):
                if words[0] == "run" and len(words) > 1 and words[1].startswith("scenarios/"):
                    done = self.locktrail(*words, "--print", cwd=ROOT)
                    self.assertEqual((done.status, done.errors), (0, ""), line)
                    found += 1
        self.assertGreater(found, 0)

    def test_settings_exist(self):
        """Each `--set PATH=VALUE` of a document that is about the shipped workload."""
        smoke = os.path.join(ROOT, "scenarios", "smoke.yaml")
        found = 0
        for _, text in self.each():
            for setting in re.findall(r"--set[ \n]([a-z_.]+=[^\s`]+)", text):
                self.assertEqual(self.locktrail("run", smoke, "--print", "--set", setting).errors, "", setting)
                found += 1
        self.assertGreater(found, 2)

    def test_scenarios_are_valid(self):
        """And matrices, over the scenarios that lie beside those that ship."""
        found = 0
        for path in glob.glob(os.path.join(ROOT, "scenarios", "matrix", "*.yaml")):
            shutil.copy(path, self.directory)
        for name, text in self.each():
            for number, body in enumerate(blocks(text, "yaml")):
                path = self.write("%s-%d.yaml" % (os.path.basename(name), number), body)
                done = self.locktrail("validate", path)
                self.assertEqual((done.status, done.errors), (0, ""), body)
                found += 1
        self.assertGreater(found, 2)

    def test_programs_compile_and_the_guide_names_their_sites(self):
        for name, text in self.each():
            for number, body in enumerate(blocks(text, "python")):
                compile(body, "%s block %d" % (name, number), "exec")
        guide = read("docs/guide.md")
        program = blocks(guide, "python")[0].splitlines()
        sites = re.findall(r"name: (\w+), site: 'shop\.py:(\d+)'", blocks(guide, "yaml")[0])
        self.assertEqual(len(sites), 3)
        for name, line in sites:
            self.assertRegex(program[int(line) - 1], r"\b%s\b.*Lock\(\)" % name)

    def test_protocol_lines_are_json(self):
        protocol = section(read("docs/formats.md"), "## Worker protocol")
        lines = [line for body in blocks(protocol, "") for line in body.splitlines() if line.startswith("{")]
        self.assertGreater(len(lines), 3)
        types = {json.loads(line)["type"] for line in lines}
        self.assertEqual(types - set(re.findall(r"^\| `(\w+)` \|", section(read("docs/formats.md"), "## Worker protocol"),
                                                re.M)), set())

    def test_events_are_those_of_the_journal(self):
        source = "".join(read(path) for path in glob.glob(os.path.join(ROOT, "harness", "engine", "*.c")))
        written = set(re.findall(r'journal_begin\([^;"]*"(\w+)"\)', source))
        described = set(re.findall(r"^\| `(\w+)` \|", section(read("docs/formats.md"), "### events.jsonl"), re.M))
        self.assertEqual(written, described)

    def test_words_are_those_of_the_code(self):
        words = set(re.findall(r'"([a-z_]+)"', read("harness/trail/words.c").partition("#define ARM_COUNT")[0]))
        words -= {"local", "upload", "tee"}
        vocabulary = set(re.findall(r"`([a-z_]+)`", section(read("docs/design.md"), "## Vocabulary")))
        self.assertGreater(len(words), 20)
        self.assertEqual(words - vocabulary, set())

    def test_folders_of_the_readme_exist(self):
        folders = re.findall(r"`([a-z]+(?:/[a-z]+)*)/?`", section(read("README.md"), "## Folders"))
        self.assertGreater(len(folders), 5)
        for folder in folders:
            self.assertTrue(os.path.isdir(os.path.join(ROOT, folder)), folder)

    def test_exit_codes_are_those_of_the_help(self):
        told = set(re.findall(r"(?:^| ) ?(\d+)  ", self.locktrail("help").output.partition("exit codes:")[2], re.M))
        written = set(re.findall(r"^\| (\d+) \|", section(read("README.md"), "## Exit codes"), re.M))
        self.assertEqual(told, written)

    def test_make_targets_exist(self):
        makefile = "".join(read(path) for path in ("Makefile", "workers/agent/agent.mk", "tests/engines.mk"))
        for _, text in self.each():
            for line in re.findall(r"^make ([a-z ]+)$", text, re.M) + re.findall(r"`make ([a-z ]+)`", text):
                for target in line.split():
                    self.assertRegex(makefile, r"(?m)^%s:" % target)


if __name__ == "__main__":
    unittest.main()
