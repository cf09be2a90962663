# SPDX-License-Identifier: Apache-2.0
"""A program with much debug information and many locks: what the resolver is measured on.

UNITS compilation units, each with many types and functions; every function acquires a lock that is a member of its own
struct. The program acquires LOCKS locks on the heap once each, spread over all functions.
"""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

UNITS = 40
FUNCTIONS = 265
LOCKS = 10000
# So many types beside each function: most of the debug information of real programs is types that a unit includes.
TYPES = 5
FLAGS = ["-O1", "-g", "-pthread"]

TYPE = """struct t{id} {{ struct t{id} *next{id}; long count{id}; char text{id}[24]; double ratio{id}; unsigned flags{id};
 enum e{id} {{ first{id}, second{id}, third{id}, fourth{id} }} kind{id}; void *user{id}; int (*call{id})(struct t{id} *, long); }};
"""
FUNCTION = """struct s{id} {{ struct s{id} *next; {members} long count; pthread_mutex_t lock_{id}; long tail; }};
static long f{id}(void *memory, int amount) {{
  struct s{id} *object = memory; long sum = amount;
  for (long step = 0; step < object->count; step++) sum += step * amount;
  pthread_mutex_lock(&object->lock_{id}); object->count += sum; pthread_mutex_unlock(&object->lock_{id});
  return sum + object->tail; }}
"""
UNIT_HEAD = "#include <pthread.h>\n#include <stdlib.h>\n"
UNIT_TAIL = """static long (*const all[])(void *, int) = {{ {names} }};
long unit{unit}(int from, int to) {{ long sum = 0;
  for (int i = from; i < to; i++) {{ void *memory = calloc(1, 4096); sum += all[i % {count}](memory, i); }}
  return sum; }}
"""


def unit_source(unit):
    parts, names = [UNIT_HEAD], []
    for number in range(FUNCTIONS):
        types = ["%d_%d_%d" % (unit, number, k) for k in range(TYPES)]
        parts += [TYPE.format(id=name) for name in types]
        name = "%d_%d" % (unit, number)
        parts.append(FUNCTION.format(id=name, members=" ".join("struct t%s m%d;" % pair for pair in zip(types, range(TYPES)))))
        names.append("f" + name)
    parts.append(UNIT_TAIL.format(names=", ".join(names), unit=unit, count=FUNCTIONS))
    return "".join(parts)


def main_source():
    lines = ["long unit%d(int, int);\n" % unit for unit in range(UNITS)]
    calls = "".join("  sum += unit%d(0, %d);\n" % (unit, LOCKS // UNITS) for unit in range(UNITS))
    return "".join(lines) + "int main(void) {\n  volatile long sum = 0;\n" + calls + "  return 0;\n}\n"


def build(directory, compiler="gcc"):
    """Path of the program, made anew where this file is newer; and the megabytes of its debug information."""
    program = os.path.join(directory, "big_program")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(__file__):
        _compile(directory, program, compiler)
    return program, debug_megabytes(program)


def _compile(directory, program, compiler):
    os.makedirs(directory, exist_ok=True)
    sources = {"big_main": main_source(), **{"big_%d" % unit: unit_source(unit) for unit in range(UNITS)}}

    def compile_one(name):
        path = os.path.join(directory, name)
        with open(path + ".c", "w", encoding="utf-8") as file:
            file.write(sources[name])
        subprocess.run([compiler, *FLAGS, "-c", "-o", path + ".o", path + ".c"], check=True)
        os.remove(path + ".c")
        return path + ".o"

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(compile_one, sources))
    subprocess.run([compiler, "-pthread", "-o", program + ".new", *objects], check=True)
    for path in objects:
        os.remove(path)
    os.rename(program + ".new", program)


def debug_megabytes(program):
    sections = subprocess.run(["size", "-A", program], check=True, capture_output=True, text=True).stdout
    return sum(int(line.split()[1]) for line in sections.splitlines() if line.startswith(".debug_")) / 1e6
