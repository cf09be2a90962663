# SPDX-License-Identifier: Apache-2.0
"""lockprof end to end: run, export and top on small C programs whose every acquire is known."""

import glob
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from cli import LOCKTRAIL, ROOT, TIMEOUT_S, Cli, Result

BUILD = os.path.dirname(LOCKTRAIL)
LOCKPROF = os.path.join(BUILD, "lockprof")
LIBRARY = os.path.join(BUILD, "liblockprof.so")
STATIC_LIBC = "/usr/lib/x86_64-linux-gnu/libc.a"

# Steps: lock:N take the lock N times; exit:N; kill:N a signal at itself; fork:STEP... run the rest in a child and wait;
# daemon:STEP... the rest in a process that nobody waits for; wait:FILE until it is there; touch:FILE; write:FD:TEXT;
# term: until SIGTERM came; env:NAME print a variable.
PROGRAM = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

static pthread_mutex_t program_lock = PTHREAD_MUTEX_INITIALIZER;
struct session { int id; pthread_mutex_t user_session_lock; };
static volatile sig_atomic_t terminated;

static void on_term(int number) { (void)number; terminated = 1; }

static void take(struct session *s, int count)
{
    for (int i = 0; i < count; i++) {
        pthread_mutex_lock(&program_lock);
        pthread_mutex_lock(&s->user_session_lock);
        pthread_mutex_unlock(&s->user_session_lock);
        pthread_mutex_unlock(&program_lock);
    }
}

int main(int argc, char **argv)
{
    struct session *s = malloc(sizeof *s);
    pthread_mutex_init(&s->user_session_lock, NULL);
    signal(SIGTERM, on_term);
    for (int i = 1; i < argc; i++) {
        const char *step = argv[i], *value = strchr(step, ':') ? strchr(step, ':') + 1 : "";
        if (!strncmp(step, "lock:", 5)) take(s, atoi(value));
        if (!strncmp(step, "exit:", 5)) exit(atoi(value));
        if (!strncmp(step, "_exit:", 6)) _exit(atoi(value));
        if (!strncmp(step, "kill:", 5)) { signal(atoi(value), SIG_DFL); raise(atoi(value)); }
        if (!strncmp(step, "wait:", 5)) while (access(value, F_OK)) usleep(1000);
        if (!strncmp(step, "touch:", 6)) close(open(value, O_CREAT | O_WRONLY, 0600));
        if (!strncmp(step, "write:", 6)) dprintf(atoi(value), "%s", strchr(value, ':') + 1);
        if (!strncmp(step, "env:", 4)) printf("%s=%s\n", value, getenv(value) ? getenv(value) : "(unset)");
        if (!strcmp(step, "term")) while (!terminated) usleep(1000);
        if (!strcmp(step, "fork")) { pid_t pid = fork(); if (pid) { waitpid(pid, NULL, 0); return 0; } }
        if (!strcmp(step, "daemon")) { if (fork()) return 0; fclose(stdout); fclose(stderr); }
        if (!strncmp(step, "forks:", 6)) for (int k = atoi(value); k > 0; k--) {
            pid_t pid = fork();
            if (!pid) { take(s, 1); _exit(0); }
            waitpid(pid, NULL, 0);
        }
        if (!strcmp(step, "exec")) execv(argv[0], (argv[i] = argv[0], argv + i));
    }
    return 0;
}
"""
LINES = PROGRAM.splitlines()


def line_of(text):
    return next(number for number, line in enumerate(LINES, 1) if text in line)


GLOBAL = "program.c:%d:program_lock" % line_of("program_lock =")
MEMBER = "program.c:%d:s->user_session_lock" % line_of("user_session_lock;")
ROW = re.compile(r"^\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)  (.+)$")


class Agent:
    """An agent that takes uploads and keeps their bodies; `statuses` answers the first ones."""

    def __init__(self, statuses=()):
        agent = self
        self.uploads, self.statuses = [], list(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                agent.uploads.append((self.path, dict(self.headers), body))
                self.send_response(agent.statuses.pop(0) if agent.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def parts(self, index):
        """{part's name: bytes} of an upload."""
        _, headers, body = self.uploads[index]
        boundary = b"--" + headers["Content-Type"].split("boundary=")[1].strip('"').encode()
        parts = {}
        for part in body.split(boundary)[1:-1]:
            head, content = part.split(b"\r\n\r\n", 1)
            parts[re.search(rb'name="([^"]*)"', head).group(1).decode()] = content[:-2]
        return parts


@unittest.skipUnless(os.path.exists(LOCKPROF) and os.path.exists(LIBRARY), "needs lockprof and liblockprof.so")
class Lockprof(Cli):
    @classmethod
    def setUpClass(cls):
        cls.built = tempfile.mkdtemp(prefix="lockprof-cli-")
        source = os.path.join(cls.built, "program.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        cls.program = os.path.join(cls.built, "program")
        subprocess.run(["gcc", "-g", "-O1", "-pthread", "-o", cls.program, "program.c"], cwd=cls.built, check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.built, ignore_errors=True)

    def environment(self, **more):
        kept = {k: v for k, v in super().environment().items() if not k.startswith("LOCKPROF_")}
        return {**kept, **more}

    def lockprof(self, *args, env=None, stdin=b"", **options):
        done = subprocess.run([LOCKPROF, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment(**(env or {})), cwd=self.directory, timeout=TIMEOUT_S, check=False,
                              **options)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *args, env=None):
        process = subprocess.Popen([LOCKPROF, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=self.environment(**(env or {})), cwd=self.directory)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()

    def wait_for(self, path):
        deadline = time.monotonic() + TIMEOUT_S
        while not os.path.exists(path):
            self.assertLess(time.monotonic(), deadline, "no " + path)
            time.sleep(0.005)

    def wait_gone(self, pid):
        """Of a process that is not our child: gone, or dead and not reaped by whoever should."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
                    if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                        return
            except FileNotFoundError:
                return
            self.assertLess(time.monotonic(), deadline, "process %d goes on" % pid)
            time.sleep(0.005)

    def files(self, prefix="p"):
        found = glob.glob(self.path(prefix + ".*.pprof"))
        return sorted(found, key=lambda path: [int(part) for part in path.split(".")[-3:-1]])

    def acquires(self, *files):
        """{lock: acquires} of these profiles together, or of all that were written."""
        return {row[5]: int(row[3]) for row in self.rows("--", *(files or self.files()))}

    def rows(self, *args):
        result = self.lockprof("top", "-n", "0", *args)
        self.assertEqual((result.status, result.errors), (0, ""))
        lines = result.output.splitlines()
        self.assertEqual(lines[0].split(), ["WAIT", "CONTENDED", "AVG", "WAIT", "ACQUIRES", "HOLD", "LOCK"])
        return [ROW.match(line).groups() for line in lines[1:] if line != "no locks"]

    def run_steps(self, *steps, options=(), **more):
        return self.lockprof("run", "--output", "p", *options, "--", self.program, *steps, **more)

    # --- run

    def test_names_counts_and_status(self):
        result = self.run_steps("lock:1000", "exit:7")
        self.assertEqual((result.status, result.output), (7, ""))
        path, = self.files()
        self.assertRegex(path, r"/p\.\d+\.1\.pprof$")
        self.assertEqual(self.acquires(), {GLOBAL: 1000, MEMBER: 1000})
        self.assertEqual(result.errors, "lockprof: 1 profile, the last is %s (lockprof top shows it)\n"
                         % os.path.basename(path))
        self.assertEqual(glob.glob("/dev/shm/lockprof.%s.*" % path.split(".")[-3]), [])

    def test_quiet_says_nothing(self):
        result = self.run_steps("lock:1", options=["--quiet"])
        self.assertEqual((result.status, result.output, result.errors), (0, "", ""))

    def test_the_default_prefix(self):
        self.assertEqual(self.lockprof("run", self.program, "lock:3").status, 0)
        self.assertEqual(self.acquires(*self.files("lockprof")), {GLOBAL: 3, MEMBER: 3})

    def test_each_interval_has_what_is_new(self):
        process = self.start("run", "--output", "p", "--interval", "100ms", "--", self.program, "lock:500",
                             "wait:" + self.path("go"), "lock:70")
        deadline = time.monotonic() + TIMEOUT_S
        while len(self.files()) < 3:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        with open(self.path("go"), "w", encoding="utf-8"):
            pass
        self.assertEqual(process.wait(TIMEOUT_S), 0)
        files = self.files()
        self.assertGreaterEqual(len(files), 4)
        self.assertEqual([int(path.split(".")[-2]) for path in files], list(range(1, len(files) + 1)))
        self.assertEqual(self.acquires(), {GLOBAL: 570, MEMBER: 570})
        self.assertEqual(self.acquires(files[1]), {})

    def test_the_death_of_the_program_is_told_as_a_shell_does(self):
        self.assertEqual(self.run_steps("lock:5", "kill:%d" % signal.SIGKILL).status, 128 + signal.SIGKILL)
        self.assertEqual(self.acquires(), {GLOBAL: 5, MEMBER: 5})
        self.assertEqual(self.run_steps("kill:%d" % signal.SIGABRT).status, 128 + signal.SIGABRT)

    def test_nothing_is_lost_by_exit_without_handlers(self):
        self.assertEqual(self.run_steps("lock:5", "_exit:9").status, 9)
        self.assertEqual(self.acquires(), {GLOBAL: 5, MEMBER: 5})

    def test_signals_reach_the_program(self):
        process = self.start("run", "--output", "p", "--", self.program, "lock:5", "touch:" + self.path("up"), "term",
                             "lock:6", "exit:3")
        self.wait_for(self.path("up"))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIMEOUT_S), 3)
        self.assertEqual(self.acquires(), {GLOBAL: 11, MEMBER: 11})

    def test_descriptors_are_inherited(self):
        reader, writer = os.pipe()
        script = 'exec 3>&%d; exec "$0" run --output p -- "$1" write:3:three write:1:one' % writer
        done = subprocess.run(["bash", "-c", script, LOCKPROF, self.program], cwd=self.directory, pass_fds=[writer],
                              env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=TIMEOUT_S, check=False)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            self.assertEqual((done.returncode, done.stdout, file.read()), (0, b"one", b"three"))

    def test_closed_standard_descriptors_stay_closed_and_nothing_is_written_into_files(self):
        script = 'exec "$0" run --output p -- "$1" lock:5 write:2:in-no-file exit:4 <&- >&- 2>&-'
        done = subprocess.run(["bash", "-c", script, LOCKPROF, self.program], cwd=self.directory,
                              env=self.environment(), timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertEqual(self.acquires(), {GLOBAL: 5, MEMBER: 5})

    def test_standard_input_is_the_programs(self):
        result = self.lockprof("run", "--output", "p", "--", "cat", stdin=b"hello")
        self.assertEqual((result.status, result.output), (0, "hello"))

    def test_options_of_the_program_are_its_own(self):
        result = self.lockprof("run", "--output", "p", "echo", "--rate", "--help", "-n")
        self.assertEqual((result.status, result.output), (0, "--rate --help -n\n"))

    def test_variables_of_the_program(self):
        steps = ["env:LD_PRELOAD", "env:LOCKPROF_RATE", "env:LOCKPROF_HOLD"]
        # A lockprof that is built with ASan would not start behind another library.
        env = {"LD_PRELOAD": "libm.so.6", "ASAN_OPTIONS": "verify_asan_link_order=0"}
        result = self.run_steps(*steps, options=["--rate", "10", "--no-hold"], env=env)
        self.assertEqual(result.output, "LD_PRELOAD=%s:libm.so.6\nLOCKPROF_RATE=10\nLOCKPROF_HOLD=0\n"
                         % os.path.realpath(LIBRARY))
        self.assertEqual(self.run_steps("env:LOCKPROF_RATE", env={"LOCKPROF_RATE": "7"}).output, "LOCKPROF_RATE=7\n")

    def test_without_hold_times_there_are_none(self):
        self.run_steps("lock:50", options=["--no-hold"])
        self.assertEqual({row[4] for row in self.rows(*self.files())}, {"0ns"})

    def test_sampled_counts_are_estimates_of_all(self):
        self.run_steps("lock:100000", options=["--rate", "10"])
        for lock, count in self.acquires().items():
            # 10,000 of 100,000 at random: six standard deviations are 6 %.
            self.assertTrue(94000 < count < 106000, (lock, count))
            self.assertEqual(count % 10, 0)

    def test_children_and_new_images_are_profiled_too(self):
        result = self.run_steps("lock:5", "exec", "lock:6", "fork", "lock:7")
        self.assertEqual(result.status, 0)
        self.assertEqual(self.acquires(), {GLOBAL: 18, MEMBER: 18})

    def test_a_fork_loop(self):
        self.assertEqual(self.run_steps("forks:400").status, 0)
        self.assertEqual(self.acquires(), {GLOBAL: 400, MEMBER: 400})

    def test_what_cannot_be_started(self):
        path = self.write("text", "no program")
        for command, status, why in (("/nowhere", 127, "No such file or directory"), (path, 126, "Permission denied"),
                                     (self.directory, 126, "Permission denied"),
                                     ("no-such-program", 127, "No such file or directory")):
            result = self.lockprof("run", "--output", "p", "--", command)
            self.assert_lockprof_error(result, status, "can't start %s: %s" % (command, why))
        self.assertEqual(self.files(), [])

    @unittest.skipUnless(os.path.exists(STATIC_LIBC), "needs a static libc")
    def test_a_static_program_is_told(self):
        static = os.path.join(self.built, "static")
        subprocess.run(["gcc", "-g", "-static", "-pthread", "-o", static, "program.c"], cwd=self.built, check=True)
        result = self.lockprof("run", "--output", "p", "--", static, "lock:5", "exit:2")
        self.assertEqual(result.status, 2)
        self.assertEqual(result.errors, "lockprof: %s is statically linked: the library can't be loaded into it, and "
                         "its locks will not be seen\nlockprof: nothing was captured: %s took no lock that the library "
                         "sees, or the library was not loaded into it\n" % (static, static))
        self.assertEqual(self.acquires(), {})

    def test_no_library(self):
        result = self.run_steps("exit:0", env={"LOCKPROF_LIBRARY": "/nowhere.so"})
        self.assert_lockprof_error(result, 69, "LOCKPROF_LIBRARY names /nowhere.so: No such file or directory")

    def test_a_library_that_no_variable_can_hold(self):
        os.mkdir(self.path("a b"))
        library = self.path("a b", "liblockprof.so")
        shutil.copy(LIBRARY, library)
        result = self.run_steps("exit:0", env={"LOCKPROF_LIBRARY": library})
        self.assert_lockprof_error(result, 69, "LD_PRELOAD can't hold %s, which has a blank or a colon: copy it "
                                   "elsewhere and set LOCKPROF_LIBRARY" % library)

    def test_an_output_that_cannot_be_written_is_told_before_anything_runs(self):
        result = self.lockprof("run", "--output", "/nowhere/p", "--", self.program, "write:1:ran")
        self.assert_lockprof_error(result, 73, "can't write /nowhere/p.*.pprof: No such file or directory")

    # --- what goes on after the program, or after lockprof

    def test_a_process_that_outlives_the_program(self):
        result = self.run_steps("daemon", "lock:5", "touch:" + self.path("up"), "wait:" + self.path("go"), "lock:6")
        self.assertEqual(result.status, 0)
        told = re.search(r"1 process of the program still runs \((\d+)\): what they count from now on is in (\S+), and "
                         r"lockprof export \2 writes it\n", result.errors)
        self.assertTrue(told, result.errors)
        pid, directory = int(told.group(1)), told.group(2)
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.assertEqual(self.acquires(), {GLOBAL: 5, MEMBER: 5})
        with open(self.path("go"), "w", encoding="utf-8"):
            pass
        self.wait_gone(pid)
        self.assertEqual(self.lockprof("export", directory, "--output", "late", "--remove").status, 0)
        self.assertEqual(self.acquires(*self.files("late")), {GLOBAL: 6, MEMBER: 6})
        self.assertFalse(os.path.exists(directory))

    def test_a_child_that_ends_right_behind_the_program(self):
        result = self.run_steps("daemon", "lock:5")
        self.assertNotIn("still run", result.errors)
        self.assertEqual(self.acquires(), {GLOBAL: 5, MEMBER: 5})

    def test_lockprof_is_killed(self):
        process = self.start("run", "--output", "p", "--interval", "100ms", "--", self.program, "lock:5",
                             "touch:" + self.path("up"), "wait:" + self.path("go"), "lock:6",
                             "touch:" + self.path("end"))
        self.wait_for(self.path("up"))
        deadline = time.monotonic() + TIMEOUT_S
        while len(self.files()) < 3:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.kill()
        process.wait()
        directory, = glob.glob("/dev/shm/lockprof.%d.*" % process.pid) + glob.glob("/tmp/lockprof.%d.*" % process.pid)
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        with open(self.path("go"), "w", encoding="utf-8"):
            pass
        self.wait_for(self.path("end"))
        result = self.lockprof("export", directory, "--output", "late")
        self.assertEqual(result.status, 0, result.errors)
        self.assertEqual(self.acquires(*(self.files() + self.files("late"))), {GLOBAL: 11, MEMBER: 11})

    def test_by_hand(self):
        os.mkdir(self.path("d"))
        env = self.environment(LD_PRELOAD=LIBRARY, LOCKPROF_DIR=self.path("d"))
        subprocess.run([self.program, "lock:8"], env=env, timeout=TIMEOUT_S, check=True)
        result = self.lockprof("export", "d", "--output", "p")
        path, = self.files()
        self.assertEqual((result.status, result.output), (0, ""))
        self.assertEqual(result.errors, "lockprof: 2 samples in %s (lockprof top shows it)\n" % os.path.basename(path))
        self.assertEqual(self.acquires(), {GLOBAL: 8, MEMBER: 8})
        # Nothing was removed, and nothing is written over.
        self.assertEqual(self.lockprof("export", "d", "--output", "p").status, 0)
        self.assertEqual(len(self.files()), 2)
        self.assertEqual(self.acquires(self.files()[1]), {GLOBAL: 8, MEMBER: 8})

    def test_export_of_what_is_not_there(self):
        self.assert_lockprof_error(self.lockprof("export", self.directory), 65,
                                   "%s has no capture file" % self.directory)
        self.assert_lockprof_error(self.lockprof("export", "/nowhere"), 65,
                                   "/nowhere: can't read the directory of capture files: No such file or directory")

    # --- upload

    def agent(self, *statuses):
        agent = Agent(statuses)
        self.addCleanup(agent.close)
        return agent

    def test_file_and_upload_are_the_same_bytes(self):
        agent = self.agent()
        result = self.run_steps("lock:5", options=["--upload", agent.url],
                                env={"DD_SERVICE": "shop", "DD_ENV": "test", "DD_TAGS": "a:b"})
        self.assertEqual(result.status, 0, result.errors)
        self.assertEqual(len(agent.uploads), 1)
        self.assertEqual(agent.uploads[0][0], "/profiling/v1/input")
        parts = agent.parts(0)
        with open(self.files()[0], "rb") as file:
            self.assertEqual(parts["lock.pprof"], file.read())
        self.assertIn(b'"tags_profiler":"service:shop,env:test,runtime-id:', parts["event"])
        self.assertIn(b',a:b"', parts["event"])
        self.assertIn("lockprof: profiles go to %s/profiling/v1/input\n" % agent.url, result.errors)

    def test_the_fields_variables(self):
        agent = self.agent()
        env = {"DD_TRACE_AGENT_URL": agent.url, "DD_PROFILING_OUTPUT_PPROF": self.path("q")}
        self.assertEqual(self.lockprof("run", "--", self.program, "lock:5", env=env).status, 0)
        self.assertEqual(len(agent.uploads), 1)
        self.assertEqual(self.acquires(*self.files("q")), {GLOBAL: 5, MEMBER: 5})
        self.assertEqual(self.lockprof("run", "--no-upload", "--", self.program, env=env).status, 0)
        self.assertEqual(len(agent.uploads), 1)

    def test_upload_only_writes_no_file(self):
        agent = self.agent()
        self.assertEqual(self.lockprof("run", "--upload", agent.url, "--", self.program, "lock:5").status, 0)
        self.assertEqual(os.listdir(self.directory), [])
        self.assertEqual(len(agent.uploads), 1)

    def test_what_an_agent_refuses_stays_on_the_disk(self):
        agent = self.agent(400)
        result = self.lockprof("run", "--upload", agent.url, "--", self.program, "lock:5", "exit:3")
        self.assertEqual(result.status, 3)
        path, = self.files("lockprof")
        self.assertIn("lockprof: not sent to %s/profiling/v1/input: answered with status 400 (%s)\n"
                      % (agent.url, os.path.basename(path)), result.errors)
        self.assertEqual(self.acquires(path), {GLOBAL: 5, MEMBER: 5})

    def test_a_busy_agent_is_tried_again(self):
        agent = self.agent(503)
        result = self.lockprof("run", "--upload", agent.url, "--", self.program, "lock:5")
        self.assertEqual((result.status, len(agent.uploads)), (0, 2))
        self.assertNotIn("not sent", result.errors)

    def test_a_silent_agent_delays_no_interval(self):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        url = "http://127.0.0.1:%d" % listener.getsockname()[1]
        process = self.start("run", "--output", "p", "--interval", "100ms", "--upload", url, "--", self.program,
                             "lock:5", "term")
        deadline = time.monotonic() + TIMEOUT_S
        while len(self.files()) < 5:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIMEOUT_S), 0)
        self.assertIn(b"not sent to " + url.encode(), process.stderr.read())

    def test_the_key_is_never_said(self):
        env = {"DD_API_KEY": "very-secret-key"}
        agent = self.agent(403)
        result = self.lockprof("run", "--upload", agent.url + "/api/v2/profile", "--", self.program, "lock:1", env=env)
        self.assertEqual(agent.uploads[0][1]["DD-API-KEY"], "very-secret-key")
        self.assertNotIn("very-secret-key", result.output + result.errors)
        result = self.lockprof("run", "--upload", agent.url + "/api/v2/profile", "--", self.program)
        self.assert_lockprof_error(result, 64, "%s/api/v2/profile takes profiles only with a key, set DD_API_KEY"
                                   % agent.url)

    # --- top

    def test_top_sorts(self):
        self.run_steps("lock:5")
        rows = self.rows("--sort", "acquires", *self.files(), *self.files())
        self.assertEqual([row[3] for row in rows], ["10", "10"])
        result = self.lockprof("top", "-n", "1", *self.files())
        self.assertEqual(result.output.splitlines()[2], "1 more locks (-n 0 shows all)")
        with open(self.files()[0], "rb") as file:
            result = self.lockprof("top", "-", stdin=file.read())
        self.assertEqual(len(result.output.splitlines()), 3)

    def test_top_of_bad_files_shows_the_good_ones(self):
        self.run_steps("lock:5")
        bad = self.write("bad", "hello, world\n")
        result = self.lockprof("top", bad, self.files()[0])
        self.assertEqual(result.status, 65)
        self.assertTrue(result.errors.startswith("lockprof: %s: not a profile" % bad), result.errors)
        self.assertEqual(len(result.output.splitlines()), 3)
        result = self.lockprof("top", self.path("none"))
        self.assert_lockprof_error(result, 69, "%s: can't read it: No such file or directory" % self.path("none"))

    def test_locktrail_reads_it(self):
        self.run_steps("lock:5", options=["--compression", "gzip"])
        result = self.locktrail("inspect", *self.files())
        self.assertEqual(result.status, 0)
        self.assertIn("gzip", result.output)
        self.assertIn("s->user_session_lock", result.output)

    # --- usage

    def assert_lockprof_error(self, result, status, text):
        self.assertEqual((result.status, result.output, result.errors), (status, "", "lockprof: %s\n" % text))

    def test_wrong_command_lines(self):
        for args, text in (
                (["frob"], 'there is no command "frob" (lockprof help lists all; to profile it: lockprof run -- frob)'),
                (["run"], "run: an operand is missing, expected: lockprof run [--] PROGRAM [ARG]..."),
                (["run", "--frob", "true"], "run: unknown option --frob (lockprof help run lists all)"),
                (["run", "--rate", "0", "true"], "--rate: 0 is out of range, expected 1 to 1000000"),
                (["run", "--rate", "x", "true"], '--rate: "x" is no whole number'),
                (["run", "--rate"], "run: --rate needs an argument: --rate N"),
                (["run", "--rate", "1", "--rate", "2", "true"], "run: --rate is given twice, give it once"),
                (["run", "--no-hold=1", "true"], 'run: --no-hold takes no argument, leave "=1" away'),
                (["run", "--interval", "1x", "true"],
                 '--interval: "1x" is no duration, expected one like 60s, 500ms or 2m'),
                (["run", "--interval", "1ms", "true"],
                 "--interval: 1ms is out of range, expected 0.1s to 86400s"),
                (["run", "--compression", "lz4", "true"],
                 '--compression: "lz4" is unknown, expected zstd, gzip or none'),
                (["run", "--upload", "localhost", "true"],
                 'upload: "localhost" is no URL of an agent, expected http://HOST:PORT or unix:///PATH'),
                (["run", "--upload", "http://h", "--no-upload", "true"],
                 "--upload and --no-upload are both given, give one"),
                (["top"], "top: an operand is missing, expected: lockprof top FILE..."),
                (["top", "--sort", "name", "x"],
                 "top: --sort name is unknown, expected wait, contended, acquires or hold"),
                (["export", "a", "b"], 'export: "b" is one operand too many, see lockprof help export'),
                (["help", "frob"], 'help: there is no command "frob" (lockprof help lists all)')):
            with self.subTest(args=args):
                self.assert_lockprof_error(self.lockprof(*args), 64, text)

    def test_help(self):
        overview = self.lockprof().output
        self.assertEqual(self.lockprof("--help").output, overview)
        for command in ("run", "export", "top", "help", "version"):
            self.assertIn("\n  %-9s" % command, overview)
            text = self.lockprof("help", command).output
            self.assertTrue(text.startswith("usage: lockprof %s " % command), text)
            self.assertEqual(self.lockprof(command, "--help").output, text)
            for line in (overview + text).splitlines():
                self.assertLessEqual(len(line), 80, line)
        self.assertRegex(self.lockprof("version").output, r"^lockprof \d+\.\d+\.\d+\n$")

    # --- the man pages say what the help says

    def options_of(self, text):
        return set(re.findall(r"^  (--?[a-z-]+)", text, re.M)) - {"--help"}

    def test_man_pages_have_every_option(self):
        for name, help_of, commands in (("lockprof", self.lockprof, ("run", "export", "top")),
                                        ("locktrail", self.locktrail, ("run", "soak", "matrix", "merge", "bisect", "top", "report", "tap", "inspect",
                                                                      "attest", "doctor"))):
            with open(os.path.join(ROOT, "docs", "man", name + ".1"), encoding="utf-8") as file:
                page = file.read()
            for command in commands:
                self.assertIn("\n.It Cm %s\n" % command, page)
                for option in self.options_of(help_of("help", command).output):
                    self.assertRegex(page, r"\n\.It Fl %s\b" % re.escape(option[1:]), name)

    @unittest.skipUnless(shutil.which("mandoc"), "needs mandoc")
    def test_man_pages_are_well_formed(self):
        for name in ("lockprof.1", "locktrail.1"):
            path = os.path.join(ROOT, "docs", "man", name)
            # Its style messages include pages that are not installed on this machine.
            done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, b""))


if __name__ == "__main__":
    unittest.main()
