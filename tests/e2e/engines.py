# SPDX-License-Identifier: Apache-2.0
"""Schedulers of other people (`make engines`) on one host: own ports and folders, loopback only, ended by their pids."""
import os
import socket
import subprocess
import time
import unittest

import support

ENGINES = os.path.join(os.path.dirname(support.LOCKTRAIL), "engines", "root")
START_DEADLINE_S = 60
STOP_DEADLINE_S = 20


def program(path):
    """Path of an unpacked program; skips the test where it is not there."""
    whole = os.path.join(ENGINES, path)
    if not os.access(whole, os.X_OK):
        raise unittest.SkipTest(f"needs {os.path.basename(path)} of `make engines`")
    return whole


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


SLURM_CONF = """ClusterName=locktrail
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
CredType=cred/munge
PluginDir={plugins}
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
JobCompType=jobcomp/none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


# Nothing here asks for cgroups, and looking for their version fails where a container has none mounted.
CGROUP_CONF = "CgroupPlugin=cgroup/v1\n"


class Slurm:
    """munged, slurmctld and slurmd. `stop` in any case."""

    def __init__(self, directory, cpus):
        self.directory = directory
        self.daemons = []
        libraries = os.path.join(ENGINES, "usr/lib/x86_64-linux-gnu")
        self.plugins = os.path.join(libraries, "slurm-wlm")
        self.env = dict(support.clean_environment(), SLURM_CONF=os.path.join(directory, "slurm.conf"),
                        LD_LIBRARY_PATH=f"{libraries}:{self.plugins}")
        controller, daemon = free_ports(2)
        for name in ("state", "spool"):
            os.makedirs(os.path.join(directory, name))
        with open(self.env["SLURM_CONF"], "w", encoding="utf-8") as file:
            file.write(SLURM_CONF.format(host=socket.gethostname().split(".")[0], controller=controller, daemon=daemon,
                                         directory=directory, plugins=self.plugins, cpus=cpus))

        with open(self.path("cgroup.conf"), "w", encoding="utf-8") as file:
            file.write(CGROUP_CONF)

    def path(self, name):
        return os.path.join(self.directory, name)

    def daemon(self, *command):
        with open(self.path(os.path.basename(command[0]) + ".log"), "wb") as log:
            self.daemons.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                                 cwd=self.directory))

    def ask(self, name, *arguments):
        """Exit status and what it says."""
        done = subprocess.run([program("usr/bin/" + name), *arguments], stdin=subprocess.DEVNULL, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=START_DEADLINE_S, check=False)
        return done.returncode, done.stdout.decode()

    def wait_for(self, ready, what):
        until = time.monotonic() + START_DEADLINE_S
        while not ready():
            dead = [daemon.args[0] for daemon in self.daemons if daemon.poll() is not None]
            if dead or time.monotonic() > until:
                raise AssertionError(f"{what}: {dead} ended" if dead else f"waited in vain for {what}")
            time.sleep(0.05)

    def start(self):
        munged, controller = program("usr/sbin/munged"), program("usr/sbin/slurmctld-wlm")
        node, step = program("usr/sbin/slurmd-wlm"), program("usr/sbin/slurmstepd-wlm")
        with open(self.path("munge.key"), "wb") as key:
            os.fchmod(key.fileno(), 0o600)
            key.write(os.urandom(128))
        self.daemon(munged, "--foreground", "--force", "--socket=" + self.path("munge.socket"),
                    "--key-file=" + self.path("munge.key"), "--pid-file=" + self.path("munged.pid"),
                    "--seed-file=" + self.path("munge.seed"), "--log-file=" + self.path("munge.log"))
        self.wait_for(lambda: os.path.exists(self.path("munge.socket")), "munged's socket")
        self.daemon(controller, "-D", "-i", "-f", self.env["SLURM_CONF"])
        self.daemon(node, "-D", "-d", step, "-f", self.env["SLURM_CONF"])
        self.wait_for(lambda: self.ask("sinfo", "--noheader", "--format=%T") == (0, "idle\n"), "an idle node")

    def stop(self):
        for daemon in reversed(self.daemons):
            if daemon.poll() is None:
                daemon.terminate()
            try:
                daemon.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
