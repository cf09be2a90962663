# SPDX-License-Identifier: Apache-2.0
"""How locks are called in each build of one program: the table of patterns and builds, matched or better.

The first 25 patterns are those of the table that was measured with a prototype; their floors are that table's numbers,
with the thread-local lock exact as well. The others may not be worse than `exact` with full debug information either.
"""
import os
import re
import unittest

import support
import variants
from support import ADDRESS, LABEL

# The expression by which the source denotes the lock, whole.
CORE = {
    "global": "global_database_lock", "file_static": "config_lock", "function_stat": "sequence_lock",
    "global_rwlock": "routes_lock", "local": "gather_lock", "local_thread": "result_lock",
    "member": "s->user_session_lock", "member_second": "s->cache_lock", "member_init": "s->cache_lock",
    "nested": "s->inner.cache_lock", "indirect": "o->ip->user_session_lock", "tail_jump": "s->cache_lock",
    "dead": "s->user_session_lock", "fresh": "fresh->user_session_lock",
    "struct_member": "statistics.statistics_lock", "array": "shards[2].lock", "heap_array": "sh[3].lock",
    "wrapper": "queue->queue_lock", "wrapper_tail": "table->table_lock", "wrapper_inline": "journal->journal_lock",
    "global_pointer": "g_app->app_lock", "recursive": "walk_lock", "tls": "tls_lock",
    "alias": "batch_lock", "void_pointer": None,
}
# The same for the further ones; for C++ the name of the variable or member, whatever leads to it.
MORE = {
    "untyped": None, "cursor": "shard->lock", "rwlock_member": "pool->members_lock", "sem_member": "pool->free_slots",
    "sem_static": "start_gate", "spin_member": "pool->stats_spin", "spin_static": "counter_spin",
    "mtx_member": "pool->queue_mtx", "mtx_static": "registry_mtx", "cond": "pool->state_lock",
    "trylock": "pool->try_lock", "timedlock": "pool->time_lock", "library_static": "handles_lock",
    "library_member": "handle->handle_lock", "library_hidden": "options_lock", "module_static": "plugins_lock",
    "module_member": "plugin->plugin_lock", "module_tls": "plugin_tls_lock",
    "cpp_static": "log_mutex", "cpp_guard": "queue_mutex_", "cpp_unique": "balance_mutex_", "cpp_shared": "entries_mutex_",
    "cpp_recursive": "tree_mutex_", "cpp_condition": "gate_mutex_", "cpp_timed": "channel_mutex",
    "cpp_class": "instances_mutex_", "cpp_pthread": "service_lock",
}
EXPECTED = {**CORE, **MORE}
# True, but of what leads to the lock and not of the lock.
ALIASES = {"alias": "lk", "local_thread": "lk"}
# Its creator's acquires prove the name; that those of the thread are of the same lock nothing proves (a stack lock with a
# static initialiser may have been another one before), so they show the parameter.
NAMED_BY_SOME = {"local_thread"}
# Locks that no optimized build's debug information leads to from every call: the variable is gone at some of them, or the
# number of a module's thread-local block is not known, since the module was opened later.
PARTLY = {"cpp_shared", "cpp_timed", "module_tls"}
# Names that nothing in the debug information proves: without one is right, the true one is as well.
UNPROVED = {"heap_array", "void_pointer", "untyped"}
# ELF symbols of storage that holds the lock as a member.
HOLDERS = {"struct_member": "statistics", "array": "shards"}
STATIC = {"global", "file_static", "function_stat", "global_rwlock"}
STATES = ("exact", "alias", "generic", "symbol", "wrong", "missing")
WITHOUT_NAMES = {"g1", "nodebug", "stripped"}
# Least exact and most symbol+offset of the 25, by build; full debug information elsewhere.
FULL_EXACT, POOR_EXACT = 22, 4
# The C++ library's own headers are where its locks are acquired.
STANDARD_FILES = re.compile(r"^(gthr.*\.h|std_mutex\.h|unique_lock\.h|mutex|shared_mutex|condition_variable.*)$")


def marks():
    """{pattern: {"decl": {(file, line)}, "call": {(file, line)}}} as written in the sources."""
    found = {}
    for file in sorted(os.listdir(variants.SOURCES)):
        with open(os.path.join(variants.SOURCES, file), encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                for kind, patterns in re.findall(r"/\* (decl|call): ([\w ]+?) \*/", line):
                    for pattern in patterns.split():
                        found.setdefault(pattern, {"decl": set(), "call": set()})[kind].add((file, number))
    return found


class Judge:
    """Says what a label of a pattern is in one build."""

    def __init__(self, built, marked):
        self.built, self.marked, self.symbols, self.lines = built, marked, {}, {}

    def state(self, pattern, label):
        address = ADDRESS.match(label)
        if address:
            return "generic" if self.address_is_true(pattern, **address.groupdict()) else "wrong"
        match = LABEL.match(label)
        if not match:
            return "wrong"
        place, name = (match.group("file"), int(match.group("line"))), match.group("name")
        if name is None:
            return "generic" if self.is_call(pattern, place) else "wrong"
        return self.named(pattern, name, place)

    def is_call(self, pattern, place):
        return place in self.marked[pattern]["call"] or (pattern.startswith("cpp_")
                                                         and bool(STANDARD_FILES.match(place[0])))

    def named(self, pattern, name, place):
        poor = self.built.name in WITHOUT_NAMES
        in_module = place[1] == 0 and place[0] in ("patterns", "liblibrary.so", "module.so")
        at_home = self.is_call(pattern, place) or in_module if poor else place in self.marked[pattern]["decl"]
        symbol = re.match(r"^(.*)\+0x[0-9a-f]+$", name)
        if not at_home:
            return "wrong"
        if symbol:
            return "symbol" if poor and symbol.group(1) == HOLDERS.get(pattern) else "wrong"
        if self.is_exact(pattern, name):
            return "exact"
        return "alias" if name == ALIASES.get(pattern) else "wrong"

    @staticmethod
    def is_exact(pattern, name):
        expected = EXPECTED[pattern]
        if expected and pattern.startswith("cpp_"):
            return bool(re.match(r"^(.*(->|\.|::))?%s$" % re.escape(expected), name))
        return name == expected

    def address_is_true(self, pattern, module, offset):
        """Whether the address is the lock's own in the module's data, or one just behind a call that acquires it."""
        if module not in ("patterns", "liblibrary.so", "module.so"):
            return pattern.startswith("cpp_") and module.startswith("libstdc++")
        number = int(offset, 16)
        if module not in self.symbols:
            listed = support.command(["nm", "-S", "-C", self.built.full(module)])
            self.symbols[module] = [(int(start, 16), int(size, 16), kind, name) for start, size, kind, name in
                                    re.findall(r"^([0-9a-f]+) ([0-9a-f]+) (\w) (.*)$", listed, re.M)]
        for start, size, kind, name in self.symbols[module]:
            if start <= number < start + size and kind in "bBdD":
                own = EXPECTED[pattern] or ""
                return name.split("::")[-1].split(".")[0] in (own, HOLDERS.get(pattern))
        places = support.command(["addr2line", "-i", "-e", self.built.full(module), hex(number - 1)])
        lines = [re.match(r"(?:.*/)?([^/:]+):(\d+)", line) for line in places.splitlines()]
        return any(self.is_call(pattern, (line.group(1), int(line.group(2)))) for line in lines if line)


class Patterns(support.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.marked = marks()
        cls.builts, cls.missing = variants.build_all(cls.built)

    def test_marks_are_complete(self):
        self.assertEqual(set(self.marked), set(EXPECTED))
        for pattern, kinds in self.marked.items():
            self.assertTrue(kinds["call"], pattern)
            self.assertTrue(kinds["decl"] or EXPECTED[pattern] is None, pattern)
        self.assertEqual(len(CORE), 25)

    def states_of(self, built):
        """{pattern: (state, labels)}: the worst of its labels."""
        options = ("--debug-dir", built.debug_directory) if built.after == "buildid" else ()
        result = self.profiled(built.program, built.module, options=options)
        counts = {name: int(number) for name, number in map(str.split, result.output.splitlines())}
        self.assertEqual(set(counts), set(EXPECTED))
        judge, labels = Judge(built, self.marked), {}
        for sample in result.samples:
            if sample.values.get("lock-acquire"):
                labels.setdefault(sample.labels.get("thread name"), set()).add(sample.labels.get("lock name", ""))
        acquires = result.by_thread()
        self.assertEqual({name: acquires.get(name, 0) for name in counts}, counts, f"acquires by pattern, build {built.name}")
        states = {}
        for pattern in EXPECTED:
            seen = [judge.state(pattern, label) for label in labels.get(pattern, ())] or ["missing"]
            if pattern in NAMED_BY_SOME and set(seen) == {"exact", "alias"}:
                seen = ["exact"]
            states[pattern] = (max(seen, key=STATES.index), sorted(labels.get(pattern, ())))
        return states

    def test_every_build(self):
        table, complaints = [], []
        for name, built in self.builts.items():
            with self.subTest(build=name):
                states = self.states_of(built)
                core = [states[pattern][0] for pattern in CORE]
                more = [states[pattern][0] for pattern in MORE]
                table.append(f"{name:10}" + "".join(f"{core.count(state):9}{more.count(state):4}" for state in STATES))
                found = self.complaints(name, states, core)
                complaints += [f"{name}: {text}" for text in found]
        head = f"{'build':10}" + "".join(f"{state:>9}   +" for state in STATES)
        print("\n" + "\n".join([head, *table]) + "\n(of 25 patterns, and of the further ones)")
        for name, tool in self.missing.items():
            print(f"{name}: not built, {tool} is missing")
        self.assertEqual(complaints, [], "\n" + "\n".join([head, *table, *complaints]))

    def complaints(self, name, states, core):
        bad = [f"{pattern} is {state}: {labels}" for pattern, (state, labels) in states.items()
               if state in ("wrong", "missing")]
        if name == "stripped":
            return bad + [f"{pattern} is {state} in a stripped program: {labels}"
                          for pattern, (state, labels) in states.items() if pattern in CORE and state != "generic"]
        if name in WITHOUT_NAMES:
            bad += [f"{pattern} is {states[pattern][0]}: {states[pattern][1]}" for pattern in STATIC
                    if states[pattern][0] != "exact"]
            return bad + ([] if core.count("exact") >= POOR_EXACT else ["too few exact"])
        bad += [f"{pattern} is {state}: {labels}" for pattern, (state, labels) in states.items()
                if state not in ("exact", "wrong", "missing") and pattern not in UNPROVED
                and not (state == "alias" and pattern == "alias") and not (state == "generic" and pattern in PARTLY)]
        return bad + ([] if core.count("exact") >= FULL_EXACT else [f"{core.count('exact')} of 25 exact"])


if __name__ == "__main__":
    unittest.main()
