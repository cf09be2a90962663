# SPDX-License-Identifier: Apache-2.0
"""The markers in the patterns' sources, from which the ledger's locks are made."""
import os
import tempfile
import unittest

import support
from support import markers

LOCK = "pthread_mutex_t m; // lock: p/m exact\n"
ACQUIRE = "pthread_mutex_lock(&m); // acquire: p/m\n"


class Sources(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.declared = markers.read_markers(support.sources())

    def test_every_source_belongs_to_a_pattern(self):
        names = {os.path.basename(path)[:-2] for path in support.sources()}
        self.assertEqual(names - {"module_limits"}, set(support.pattern_names()))

    def test_every_pattern_declares_locks_in_a_file_of_its_name(self):
        self.assertEqual({d.pattern for d in self.declared.values()}, set(support.pattern_names()))
        for d in self.declared.values():
            file = d.site.rpartition(":")[0]
            self.assertIn(file, (d.pattern + ".c", d.pattern + "_limits.c"))

    def test_sites_are_unique_and_have_the_lock_s_name(self):
        self.assertEqual(len({d.site for d in self.declared.values()}), len(self.declared))
        for d in self.declared.values():
            file, line = d.site.split(":")
            with open(os.path.join(support.PATTERNS, file), encoding="utf-8") as source:
                text = source.read().splitlines()[int(line) - 1].partition("//")[0]
            name = d.id.rpartition("/")[2].rpartition(".")[2]
            self.assertIn("state" if name == "bucket" else name, text, d.id)

    def test_only_the_anonymous_pattern_has_no_name(self):
        self.assertEqual([d.id for d in self.declared.values() if not d.name], ["anonymous/bucket"])

    def test_locks_of_both_workloads_have_the_same_ids(self):
        """Of the seven patterns that every runtime has."""
        for lock_id in ("local/request_lock", "local/response_lock", "global/global_database_lock",
                        "member/user_session_lock", "member/cache_lock", "nested/order_lock", "nested/payment_lock",
                        "private/_internal_lock", "private/__private_lock", "anonymous/bucket",
                        "reentrant/journal_lock", "reentrant/balance_lock"):
            self.assertIn(lock_id, self.declared)


class Script(unittest.TestCase):
    def read(self, *texts):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, text in enumerate(texts):
                paths.append(os.path.join(folder, "%c.c" % (97 + number)))
                with open(paths[-1], "w", encoding="utf-8") as source:
                    source.write(text)
            return markers.read_markers(paths)

    def check(self, expected, *texts):
        with self.assertRaises(markers.MarkerError) as caught:
            self.read(*texts)
        self.assertEqual(str(caught.exception), expected)

    def test_a_lock_has_its_lines(self):
        d = self.read(LOCK + "pthread_mutex_init(&m, NULL); // init: p/m\n" + ACQUIRE, ACQUIRE)["p/m"]
        self.assertEqual((d.id, d.name, d.pattern, d.site), ("p/m", "m", "p", "a.c:1"))
        self.assertEqual(d.sites, ["a.c:2", "a.c:3", "b.c:1"])
        self.assertEqual((d.exact, d.by_symbol, d.contends), (True, False, True))

    def test_words_of_a_marker(self):
        d = self.read("x // lock: p/owner.m exact symbol uncontended shown:.mutex -- why\n" +
                      "pthread_mutex_t mutex; // member: p/owner.m\n" +
                      "pthread_mutex_lock(&m); // acquire: p/owner.m -- remark\n")["p/owner.m"]
        self.assertEqual((d.name, d.by_symbol, d.contends, d.sites), ("m.mutex", True, False, ["a.c:2", "a.c:3"]))
        self.assertEqual(self.read("x // lock: p/m generic nameless\n" + ACQUIRE)["p/m"].name, "")

    def test_the_table_says_what_the_markers_say(self):
        declared = self.read(LOCK + ACQUIRE, "x // lock: q/n generic uncontended\n" + ACQUIRE.replace("p/m", "p/m q/n"))
        rows = [markers.row(d) for d in declared.values()]
        self.assertEqual(rows[0], '    {"p/m", "m", "p", "a.c:1", "\\"a.c:2\\",\\"b.c:2\\"", SHOWN_EXACT, SHOWN_GENERIC, true},\n')
        self.assertEqual(rows[1], '    {"q/n", "n", "q", "b.c:1", "\\"b.c:2\\"", SHOWN_GENERIC, SHOWN_GENERIC, false},\n')

    def test_a_call_without_a_marker_is_an_error(self):
        for call, kind in (("pthread_mutex_lock(&m)", "acquire"), ("pthread_mutex_init(&m, NULL)", "init"),
                           ("pthread_rwlock_tryrdlock(&m)", "acquire"), ("pthread_rwlock_wrlock (&m)", "acquire"),
                           ("pthread_cond_timedwait(&c, &m, &t)", "acquire"), ("sem_wait(&m)", "acquire"),
                           ("pthread_spin_trylock(&m)", "acquire"), ("sem_init(&m, 0, 1)", "init")):
            name = call.partition("(")[0].strip()
            self.check("a.c:1: %s has no '%s:' marker" % (name, kind), call + ";\n")
        self.check("a.c:1: pthread_mutex_lock has no 'acquire:' marker", "pthread_mutex_lock(&m); // init: p/m\n")

    def test_calls_that_take_nothing_need_none(self):
        self.read(LOCK + ACQUIRE + "pthread_mutex_unlock(&m); pthread_mutex_destroy(&m); /* pthread_mutex_lock(&m) */\n"
                  "pthread_mutexattr_init(&a); pthread_cond_init(&c, &a); sem_post(&s); pthread_cond_signal(&c);\n")

    def test_markers_that_can_not_be(self):
        self.check("a.c:1: " + markers.FORM, "x // lock: p/m\n")
        self.check("a.c:1: " + markers.FORM, "x // lock: m exact\n")
        self.check("a.c:1: " + markers.FORM, "x // lock: p/m wrong\n")
        self.check("a.c:1: unknown word lazy; " + markers.FORM, "x // lock: p/m exact lazy\n")
        self.check("b.c:1: lock p/m is declared twice", LOCK + ACQUIRE, LOCK)
        self.check("a.c:1: no lock is declared as p/m", ACQUIRE)
        self.check("a.c:1: 'acquire:' names no lock", "pthread_mutex_lock(&m); // acquire:\n")
        self.check("a.c:1: nothing acquires lock p/m", LOCK)


if __name__ == "__main__":
    unittest.main()
