# SPDX-License-Identifier: Apache-2.0
"""The builds of the native workload: each is what its name says, and says what it may lose."""
import os
import re
import subprocess
import tempfile
import unittest

import support
from support import VARIANTS, arguments, markers, pattern_names

# Builds with line tables that binutils' addr2line reads (it does not follow split ones).
WITH_LINES = ("O0g", "O2g", "O3lto", "g1", "clang-O2g")
PRODUCER = re.compile(r"DW_AT_producer\s*: (?:\(.*?\): )?(.*)")


def producers(path):
    return PRODUCER.findall(support.debug_information(path))


def is_call(path, address):
    """Whether the instruction that ends at this address is a call."""
    text = support.output_of("objdump", "-d", "--no-show-raw-insn", "--start-address=%#x" % (address - 8),
                             "--stop-address=%#x" % (address + 1), path)
    lines = re.findall(r"^\s*([0-9a-f]+):\s+(\S+)", text, re.M)
    before = [word for place, word in lines if int(place, 16) < address]
    # What begins 8 bytes before may be the middle of an instruction; disassembly falls into step after a few.
    return any(int(place, 16) == address for place, _ in lines) and before[-1].startswith("call")


class Runs(unittest.TestCase):
    """One run of all patterns in each build."""

    @classmethod
    def setUpClass(cls):
        cls.declared = markers.read_markers(support.sources())
        cls.runs = {variant: support.run(variant, arguments(pattern_names(), 30)) for variant in VARIANTS}

    def test_each_ends_well_and_says_which_it_is(self):
        for variant, (status, workload) in self.runs.items():
            self.assertEqual((status, workload.stderr, workload.messages[0]["build"]), (0, "", variant))

    def test_the_same_work_is_done_in_all(self):
        counts = []
        for _, workload in self.runs.values():
            acquires = dict(workload.messages[-1]["acquires"])
            del acquires["condition/commit_lock"]
            counts.append(acquires)
        self.assertEqual(counts, [counts[0]] * len(VARIANTS))

    def test_renderings(self):
        for variant, (_, workload) in self.runs.items():
            for lock in workload.of_type("lock"):
                d = self.declared[lock["id"]]
                exact = d.exact and (variant in support.FULL or d.by_symbol and variant in ("g1", "nodebug"))
                self.assertEqual(lock["rendering"], "exact" if exact else "generic", (variant, d.id))
                self.assertEqual((lock["name"], lock["site"], lock["sites"]), (d.name, d.site, d.sites))

    def test_a_symbol_of_its_own_makes_a_lock_exact_without_debug_information(self):
        symbols = support.objects(support.program("nodebug"))
        for d in self.declared.values():
            self.assertEqual(d.name in symbols, d.by_symbol, d.id)

    def test_places_of_static_locks_are_those_of_their_symbols(self):
        for variant in ("O0g", "O2g", "O3lto", "g1", "nodebug", "split"):
            symbols = support.objects(support.program(variant))
            found = support.offsets(self.runs[variant][1], variant)
            for d in self.declared.values():
                if d.by_symbol:
                    self.assertIn(symbols[d.name], found[d.id], (variant, d.id))

    def test_places_of_calls_are_on_the_marked_lines(self):
        """Return address - 1 lies within the call instruction."""
        for variant in WITH_LINES:
            path = support.program(variant)
            found = support.offsets(self.runs[variant][1], variant)
            pairs = [(lock_id, offset) for lock_id, offsets in found.items() for offset in offsets]
            lines = support.output_of("addr2line", "-e", path, *[hex(offset - 1) for _, offset in pairs]).splitlines()
            seen = set()
            for (lock_id, offset), line in zip(pairs, lines):
                place = os.path.basename(line.split()[0])
                if not place.startswith("??"):  # the lock itself, in the data
                    self.assertIn(place, self.declared[lock_id].sites, (variant, lock_id, hex(offset)))
                    seen.add(lock_id)
            self.assertEqual(seen, set(self.declared), variant)

    def test_places_of_calls_follow_a_call_where_nothing_says_which_line(self):
        for variant in ("nodebug", "stripped", "split"):
            path = support.program(variant)
            for lock_id, offsets in support.offsets(self.runs[variant][1], variant).items():
                calls = [offset for offset in offsets if is_call(path, offset)]
                self.assertTrue(calls, (variant, lock_id))

    def test_without_lines_a_part_of_an_object_is_also_known_by_the_object_s_symbol(self):
        path = support.program("nodebug")
        address = support.objects(path)["shards"]
        texts = support.sites(self.runs["nodebug"][1])["array/shard_lock"]
        parts = [text for text in texts if text.startswith("native-nodebug:0:shards+0x")]
        offsets = support.offsets(self.runs["nodebug"][1], "nodebug")["array/shard_lock"]
        self.assertEqual(len(parts), 3)
        for part in parts:
            self.assertIn(address + int(part.rpartition("+")[2], 16), offsets)


class Builds(unittest.TestCase):
    def test_optimization_and_compiler_are_those_of_the_name(self):
        for variant, option in (("O0g", None), ("O2g", "-O2"), ("g1", "-O2")):
            found = [text for text in producers(support.program(variant)) if "GNU AS" not in text]
            self.assertTrue(found, variant)
            for text in found:
                self.assertIn("GNU C17", text, variant)
                level = re.search(r"-O[1-3s]", text)
                self.assertEqual(level.group() if level else None, option, variant)

    def test_the_compiler_is_that_of_the_name(self):
        for variant in VARIANTS:
            comment = support.output_of("readelf", "-p", ".comment", support.program(variant))
            self.assertEqual("clang version" in comment, variant == "clang-O2g", variant)

    def test_lto_is_whole_program(self):
        found = "\n".join(producers(support.program("O3lto")))
        self.assertIn("-O3", found)
        self.assertIn("-fltrans", found)

    def test_sections_are_those_of_the_name(self):
        for variant in VARIANTS:
            found = support.sections(support.program(variant))
            debug = {name for name in found if name.startswith(".debug")}
            self.assertEqual(".symtab" in found, variant != "stripped", variant)
            self.assertEqual(bool(debug), variant not in ("nodebug", "stripped"), variant)

    def test_g1_knows_lines_and_no_variables(self):
        path = support.program("g1")
        self.assertIn(".debug_line", support.sections(path))
        info = support.debug_information(path)
        self.assertNotIn("DW_TAG_member", info)
        self.assertNotIn("DW_TAG_formal_parameter", info)

    def test_split_debug_information_lies_where_the_program_says(self):
        path = support.program("split")
        info = support.debug_information(path)
        names = re.findall(r"DW_AT_dwo_name\s*: \(.*?\): (\S+)", info)
        directories = re.findall(r"DW_AT_comp_dir\s*: \(.*?\): (\S+)", info)
        self.assertGreater(len(names), len(pattern_names()))
        for name in names:
            self.assertTrue(any(os.path.exists(os.path.join(d, name)) for d in directories), name)
        self.assertNotIn("DW_TAG_member", info)
        # Their strings and line tables are in the program's own sections and theirs; gcc says -O2 in theirs.
        beside = [os.path.join(directories[0], name) for name in names if name.endswith("patterns/member.c.dwo")]
        self.assertIn("-O2", support.output_of("strings", beside[0]))

    def test_settings_of_the_command_line_change_no_build(self):
        with tempfile.TemporaryDirectory() as folder:
            variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
            command = ["make", "-n", "V=1", "-C", support.ROOT, "BUILD=" + folder, "CC=clang", "SAN=address", "OPT=-O1",
                       "native"]
            result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True, env=variables, timeout=support.DEADLINE_S)
        self.assertEqual(result.returncode, 0, result.stderr)
        compiled = [line for line in result.stdout.splitlines() if "-DNATIVE_VARIANT=" in line and " -c " in line]
        self.assertGreater(len(compiled), len(VARIANTS) * len(pattern_names()))
        for line in compiled:
            self.assertEqual(line.startswith("clang "), "clang-O2g" in line, line)
            self.assertNotIn("-fsanitize", line)
            self.assertNotIn("-O1", line)


if __name__ == "__main__":
    unittest.main()
