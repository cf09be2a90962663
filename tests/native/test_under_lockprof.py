# SPDX-License-Identifier: Apache-2.0
"""The native workload under the lock profiler at rate 1: two counts of the same thing, made independently."""
import glob
import os
import re
import tempfile
import unittest

import support
from support import VARIANTS, arguments, pattern_names

pprof = support.load("python_pprof", os.path.join(support.ROOT, "tests", "python", "pprof.py"))
# A place within a larger object, not a name.
PLACE = re.compile(r".*\+0x[0-9a-f]+$")


def is_name_of(lock, seen):
    name = lock["name"]
    return bool(name) and (seen == name or seen.endswith("->" + name) or seen.endswith("." + name))


class Judge:
    """Which of the ledger's locks each name in a profile is."""

    def __init__(self, workload):
        self.locks = {lock["id"]: lock for lock in workload.of_type("lock")}
        self.places = {lock_id: set(lock["sites"]) | {lock["site"]} for lock_id, lock in self.locks.items()}
        for lock_id, texts in support.sites(workload).items():
            self.places[lock_id].update(texts)

    def owners(self, site, name):
        """Ids of locks that this may be; those whose name it is go before others of the same place."""
        whole = "%s:%s" % (site, name) if name else site
        found = [i for i, places in self.places.items() if site in places or whole in places]
        if not found and site.endswith(":0"):
            found = list(self.locks)
            return [i for i in found if is_name_of(self.locks[i], name)]
        return [i for i in found if is_name_of(self.locks[i], name)] or found

    def state(self, lock_id, name):
        if is_name_of(self.locks[lock_id], name):
            return "exact"
        return "generic" if not name or PLACE.match(name) else "alias"


def lockprof(variant, folder):
    """(exit status, the finished Workload, lock counts of all profiles)."""
    program = os.path.join(support.BUILD, "lockprof")
    for path in (program, os.path.join(support.BUILD, "liblockprof.so")):
        if not os.access(path, os.R_OK):
            raise unittest.SkipTest("%s is not built" % path)
    prefix = os.path.join(folder, "profile")
    command = (program, "run", "--rate", "1", "--output", prefix, "--", support.program(variant))
    status, workload = support.started.run(arguments(pattern_names(), 60), command)
    return status, workload, pprof.lock_counts(glob.glob(prefix + ".*.pprof"))


class Profiled(unittest.TestCase):
    def check(self, variant):
        with tempfile.TemporaryDirectory() as folder:
            try:
                status, workload, counts = lockprof(variant, folder)
            except pprof.MissingTool as e:
                self.skipTest(str(e))
        self.assertEqual((status, workload.messages[-1]["type"]), (0, "done"), workload.stderr)
        judge, seen, problems = Judge(workload), {}, []
        for (site, name), values in sorted(counts.items()):
            owners = judge.owners(site, name)
            if len(owners) != 1:
                problems.append("%s %s may be %s" % (site, name, owners))
                continue
            seen[owners[0]] = seen.get(owners[0], 0) + values.get("lock-acquire", 0)
            state, rendering = judge.state(owners[0], name), judge.locks[owners[0]]["rendering"]
            if state == "alias" or (state, rendering) == ("generic", "exact"):
                problems.append("%s is %s: %s %s" % (owners[0], state, site, name))
        self.assertEqual(problems, [])
        self.assertEqual(seen, workload.messages[-1]["acquires"])


def _add_tests():
    for variant in VARIANTS:
        name = "test_names_and_counts_of_" + variant.replace("-", "_")
        setattr(Profiled, name, lambda self, variant=variant: self.check(variant))


_add_tests()

if __name__ == "__main__":
    unittest.main()
