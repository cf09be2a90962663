# SPDX-License-Identifier: Apache-2.0
"""Programs that are hard on a profiler, under `lockprof run`: their outcome, every name and every count."""
import math
import os
import re
import stat
import struct
import subprocess
import unittest

import generate
import support
from support import STRESS, compile_c

PROGRAMS = ["calls", "conditions", "crowd", "endings", "exclusion", "forks", "fresh", "handler", "images", "many", "order",
            "plain", "reopen", "sampling", "threads"]


class Stress(support.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        support.in_parallel(cls.program, PROGRAMS)

    @classmethod
    def program(cls, name, *flags, output=None):
        return compile_c(os.path.join(cls.built, output or name), [os.path.join(STRESS, name + ".c")], "-O2", "-g", *flags)

    def path(self, name):
        return os.path.join(self.built, name)

    def assert_names(self, result, wanted):
        """These names with these counts, no others, and nothing dropped."""
        self.assertEqual(result.by_name(), wanted, result.comments)
        self.assertEqual((result.dropped("acquires"), result.dropped("stacks without a copy")), (0, 0), result.comments)


class Names(Stress):
    def test_4800_names_on_16_threads(self):
        directory = os.path.join(self.built, "generated")
        os.makedirs(directory)
        sources = {"main": generate.main_unit()}
        sources.update({"unit%d" % thread: generate.unit(thread) for thread in range(generate.THREADS)})

        def compile_unit(name):
            path = os.path.join(directory, name)
            with open(path + ".c", "w", encoding="utf-8") as file:
                file.write(sources[name])
            return compile_c(path + ".o", [path + ".c"], "-O1", "-g", "-c")

        program = compile_c(os.path.join(directory, "generated"), support.in_parallel(compile_unit, sources))
        result = self.profiled(program)
        wanted = generate.expected()
        self.assertEqual(len(wanted), 4800)
        self.assert_names(result, wanted)
        self.assertEqual(result.by_name("lock-release"), wanted)

    def test_4800_fresh_objects(self):
        result = self.profiled(self.path("fresh"))
        counts = [int(line.split()[1]) for line in result.output.splitlines()]
        self.assert_names(result, {"connection->connection_lock": sum(counts[:-1]), "accept_lock": counts[-1]})

    def test_locks_that_come_and_go_at_ever_other_addresses(self):
        result = self.profiled(self.path("crowd"), "20000")
        connections, sessions, reserves, guards = map(int, result.output.split())
        self.assert_names(result, {"place->connection->connection_lock": connections,
                                   "place->session->session_lock": sessions,
                                   "reserve.connection_lock": reserves, "guard_lock": guards})

    def test_modules_at_one_address(self):
        modules = []
        for letter, flags in (("A", []), ("B", ["-DSECOND"])):
            modules.append(self.program("reopened", "-shared", "-fPIC", *flags, output=letter + ".so"))
        result = self.profiled(self.path("reopen"), *modules, "6")
        addresses = {line.split()[1] for line in result.output.splitlines()}
        self.assertEqual(len(addresses), 1, "the modules were not loaded at the same address")
        self.assert_names(result, {"alpha_lock": 18, "state->aleph_lock": 18, "omega_lock": 18, "state->lamed_lock": 18})

    def test_conditions(self):
        result = self.profiled(self.path("conditions"))
        queue, gate, cancelled = map(int, result.output.split())
        names = result.by_name()
        self.assertEqual((names["queue_lock"], names["gate_lock"]), (queue, gate))
        self.assertIn(names["cancelled_lock"], range(cancelled, cancelled + 21))
        self.assertEqual(set(names), {"queue_lock", "gate_lock", "cancelled_lock"})

    def test_thread_names(self):
        result = self.profiled(self.path("threads"), "300")
        self.assertEqual(result.by_thread(), {"place-%d" % place: 300 * (place + 1) for place in range(8)})

    def test_handler(self):
        result = self.profiled(self.path("handler"))
        handler, main = map(int, result.output.split())
        names = result.by_name()
        self.assertEqual(set(names), {"handler_lock", "object->main_lock"})
        self.assertLessEqual(names["handler_lock"], handler)
        self.assertEqual(sum(names.values()) + result.dropped("acquires"), handler + main)

    def test_calls_with_errors(self):
        plain = subprocess.run([self.path("calls")], stdout=subprocess.PIPE, text=True, check=True).stdout
        result = self.profiled(self.path("calls"))
        self.assertEqual(result.output.splitlines()[:-1], plain.splitlines()[:-1])
        self.assertEqual(sum(result.by_name().values()), int(result.output.split()[-1]))
        self.assertLessEqual(set(result.by_name()), {"mutex", "lock", "sem", "held"})

    def test_every_kind_excludes(self):
        result = self.profiled(self.path("exclusion"))
        wanted = {name: int(number) for name, number in map(str.split, result.output.splitlines())}
        self.assertEqual(len(wanted), 11)
        self.assert_names(result, wanted)

    def test_order_hold_and_wait(self):
        result = self.profiled(self.path("order"))
        waited, held = map(int, result.output.split())
        acquires, releases = result.by_name(), result.by_name("lock-release")
        for name in ("first_lock", "second_lock", "after_lock"):
            self.assertEqual((acquires[name], releases[name]), (1000, 1000), name)
        self.assertEqual(acquires["handed_lock"], 5000)
        # The clock of the program and the profiler's may differ a little.
        hold = result.by_name("lock-release-hold")["slow_lock"]
        self.assertTrue(0.99 * 5 * 20e6 <= hold <= 1.01 * held, (hold, held))
        wait = result.by_name("lock-acquire-wait").get("wanted_lock", 0)
        self.assertTrue(0.5 * waited <= wait <= 1.01 * waited, (wait, waited))
        self.assertGreaterEqual(result.by_name("lock-contended").get("wanted_lock", 0), 5)

    def test_more_locks_than_the_capacity(self):
        result = self.profiled(self.path("many"), "70000")
        names = result.by_name()
        self.assertEqual(sum(names.values()) + result.dropped("acquires"), 71000)
        self.assertGreater(result.dropped("locks"), 0, result.comments)
        line = next(name for name in set(names) | {"many.c:0"} if name.startswith("many.c:"))
        self.assertLessEqual(set(names), {"item->item_lock", "late_lock", line})
        if names.get(line):
            self.assertGreater(result.dropped("stacks without a copy"), 0, result.comments)


class Processes(Stress):
    def test_forks_under_load(self):
        result = self.profiled(self.path("forks"), "60")
        load, children, atfork = map(int, result.output.split())
        self.assert_names(result, {"load_lock": load, "child_lock": children, "atfork_lock": atfork})
        of_children = [sample.labels.get("process id") for sample in result.samples
                       if support.name_of(sample.labels["lock name"]) == "child_lock"]
        self.assertEqual(len(set(of_children)), 72, "60 children and 12 of theirs")

    def test_images_of_one_process(self):
        self.assert_names(self.profiled(self.path("images"), "exec", "6"), {"image_lock": 70})
        names = self.profiled(self.path("images"), "thread", "4").by_name()
        self.assertEqual(names["image_lock"], 50)

    def test_vfork_and_spawn_under_load(self):
        for what in ("vfork", "spawn"):
            with self.subTest(what=what):
                result = self.profiled(self.path("images"), what, "25")
                self.assert_names(result, {"image_lock": 250, "load_lock": int(result.output)})

    def test_ends_in_mid_load(self):
        for how, status in (("_exit", 3), ("kill", 137), ("abort", 134), ("segv", 139), ("exit", 4), ("return", 0)):
            with self.subTest(how=how):
                self.check_ending(how, status)

    def check_ending(self, how, status):
        truth = os.path.join(self.directory, how)
        result = self.profiled(self.path("endings"), how, truth, want=status, cwd=self.directory)
        with open(truth, "rb") as file:
            wanted = struct.unpack("<4Q", file.read(32))
        self.assertEqual(result.by_thread(name="last_lock"), {"endings": 100})
        threads = result.by_thread()
        for number, count in enumerate(wanted):
            # The last acquire may be counted on one side only; after `exit` threads may go on behind the last look.
            more = 1 if how not in ("exit", "return") else count
            self.assertTrue(count - 1 <= threads[f"load-{number}"] <= count + more, (how, number, count, threads))

    def test_daemon(self):
        self.assert_names(self.profiled(self.path("plain"), "daemon", want=7), {"plain_lock": 100})

    def test_root_is_given_up(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to give it up")
        os.chmod(self.built, 0o755)
        self.assert_names(self.profiled(self.path("plain"), "user", want=7), {"plain_lock": 100})


class Surroundings(Stress):
    def test_closed_and_used_descriptors(self):
        for what in ("closed", "reused", "stack"):
            with self.subTest(what=what):
                self.assert_names(self.profiled(self.path("plain"), what, want=7), {"plain_lock": 100})

    def test_limits(self):
        for what in ("nofile", "fsize", "memory", "root"):
            with self.subTest(what=what):
                if what == "root" and os.getuid() != 0:
                    self.skipTest("needs root, for chroot")
                self.profiled(self.path("plain"), what, want=7)

    def test_descriptor_3_is_the_programs(self):
        reading, writing = os.pipe()
        # The shell puts the pipe on descriptor 3 before lockprof starts.
        prefix = os.path.join(self.directory, "profile")
        line = f'exec 3>&{writing}; exec "$0" run --output "$1" --compression none -- "$2" fd3'
        done = subprocess.run(["sh", "-c", line, support.LOCKPROF, prefix, self.path("plain")], pass_fds=[writing],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=support.TIMEOUT_S, check=False,
                              env=support.clean_environment())
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            self.assertEqual(file.read(), b"three", done.stderr)
        self.assertEqual(done.returncode, 7, done.stderr)

    def test_runpath_of_the_opener(self):
        """dlopen looks at who calls it: the program's RUNPATH, then the plugin's own."""
        os.makedirs(self.path("plugins/next"))
        runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/"
        self.program("plugin", "-shared", "-fPIC", output="plugins/next/libnext.so")
        self.program("plugin", "-shared", "-fPIC", '-DNEXT="libnext.so"', runpath + "next", output="plugins/libplug.so")
        program = self.program("plain", runpath + "plugins", output="plain_runpath")
        result = self.profiled(program, "plugin", "libplug.so", want=7)
        self.assert_names(result, {"plugin_lock": 200})

    def test_static_program(self):
        program = self.program("plain", "-static", output="plain_static")
        result = self.profiled(program, want=7)
        self.assertEqual(result.samples, [])
        self.assertRegex(result.errors, re.compile("static", re.I))

    def test_setuid_program(self):
        if os.getuid() != 0:
            self.skipTest("needs root, to make a program that is setuid for somebody else")
        program = self.program("plain", output="plain_setuid")
        os.chmod(self.built, 0o755)
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o755 | stat.S_ISUID)
        result = self.profiled(program, want=7)
        self.assertEqual(result.samples, [])
        self.assertRegex(result.errors, re.compile("setuid", re.I))

    def test_sanitized_programs(self):
        """Their runtimes interpose lock functions as well, and want to be the first."""
        for sanitizer in ("thread", "address", "undefined"):
            with self.subTest(sanitizer=sanitizer):
                try:
                    program = self.program("threads", "-fsanitize=" + sanitizer, output="threads_" + sanitizer)
                except AssertionError as error:
                    if "cannot find" in str(error):
                        self.skipTest(f"needs gcc's runtime of -fsanitize={sanitizer}")
                    raise
                self.assert_names(self.profiled(program, "20"), {"place_lock": 720})

    def test_command_that_is_not_there(self):
        result = self.profiled("/nonexistent/program", want=127)
        self.assertIn("/nonexistent/program", result.errors)

    def test_malloc_that_locks(self):
        flags = ["-O2", "-g", "-fno-builtin"]
        malloc = os.path.join(STRESS, "locking_malloc.c")
        program = os.path.join(STRESS, "allocate.c")
        library = compile_c(self.path("libmalloc.so"), [malloc], "-shared", "-fPIC", *flags)
        for program, env in ((compile_c(self.path("allocate"), [program], *flags), {"LD_PRELOAD": library}),
                             (compile_c(self.path("allocate_linked"), [program, malloc], *flags), {})):
            with self.subTest(program=os.path.basename(program)):
                self.check_malloc(self.profiled(program, env=env))

    def check_malloc(self, result):
        early, classes, pool = map(int, result.output.split())
        names = result.by_name()
        self.assertEqual(names.pop("list_lock"), 80000)
        in_pool = names.pop("pool_lock")
        self.assertTrue(pool - early <= in_pool <= pool, (in_pool, pool, early))
        in_classes = sum(names.values())
        self.assertTrue(classes - early <= in_classes <= classes, (in_classes, classes, early))
        for name in names:
            self.assertRegex(name, r"^(classes\[\d+\]\.class_lock|list->class_lock)$")


class Sampling(Stress):
    def test_one_in_100_is_unbiased(self):
        rounds, step = 200000, 100
        result = self.profiled(self.path("sampling"), str(rounds), str(step), options=("--rate", "100"))
        names = result.by_name()
        self.assertEqual(set(names), {"rare_lock", "often_lock", "plain_lock"})
        for name, true in (("rare_lock", rounds), ("often_lock", rounds * (step - 1)), ("plain_lock", rounds)):
            sigma = math.sqrt(true * (1 - 1 / 100) * 100)
            self.assertLess(abs(names[name] - true), 5 * sigma, (name, names[name], true, sigma))


if __name__ == "__main__":
    unittest.main()
