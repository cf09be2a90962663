# SPDX-License-Identifier: Apache-2.0
"""Builds the patterns' program in all the ways in which programs are built and shipped."""
import os
import shutil

from support import HERE, command, in_parallel

SOURCES = os.path.join(HERE, "programs", "patterns")
PROGRAM = ["main", "storage", "stack", "members", "outward", "wrappers", "kinds", "cpp"]
# Name: compiler, flags of every compilation, what is done with the files afterwards.
VARIANTS = {
    "O0g": ("gcc", ["-O0", "-g"], None),
    "O2g": ("gcc", ["-O2", "-g"], None),
    "O3lto": ("gcc", ["-O3", "-flto", "-g"], None),
    "dwarf4": ("gcc", ["-O2", "-gdwarf-4"], None),
    "gz": ("gcc", ["-O2", "-g", "-gz"], None),
    "split": ("gcc", ["-O2", "-g", "-gsplit-dwarf"], None),
    "debuglink": ("gcc", ["-O2", "-g"], "debuglink"),
    "buildid": ("gcc", ["-O2", "-g"], "buildid"),
    "dwz": ("gcc", ["-O2", "-g"], "dwz"),
    "clangO0": ("clang", ["-O0", "-g"], None),
    "clangO2": ("clang", ["-O2", "-g"], None),
    "g1": ("gcc", ["-O2", "-g1"], None),
    "nodebug": ("gcc", ["-O2"], None),
    "stripped": ("gcc", ["-O2", "-g"], "strip"),
}


class Built:
    """One build: `directory` has patterns, liblibrary.so, module.so, and NAME.full of each where it was changed."""

    def __init__(self, directory, name):
        self.directory, self.name = os.path.join(directory, name), name
        self.compiler, self.flags, self.after = VARIANTS[name]
        self.debug_directory = os.path.join(self.directory, "debug")

    @property
    def program(self):
        return os.path.join(self.directory, "patterns")

    @property
    def module(self):
        return os.path.join(self.directory, "module.so")

    def full(self, file):
        """The file as it was before anything was taken from it, or with what was never put in: gcc makes the same code with
        and without -g."""
        path = os.path.join(self.directory, file)
        if self.name == "nodebug":
            path = os.path.join(os.path.dirname(self.directory), "O2g", file)
        return path + ".full" if os.path.exists(path + ".full") else path


def build_all(directory):
    """{name: Built} of every variant whose tools are there, and {name: what is missing} of the others."""
    missing = {}
    for name, (compiler, _, after) in VARIANTS.items():
        tools = [compiler, *(["dwz"] if after == "dwz" else []), *(["objcopy", "strip"] if after else [])]
        absent = [tool for tool in tools if not shutil.which(tool)]
        if absent:
            missing[name] = absent[0]
    builts = {name: Built(directory, name) for name in VARIANTS if name not in missing}
    for built in builts.values():
        os.makedirs(built.directory)
    in_parallel(_compile, [(built, source) for built in builts.values() for source in PROGRAM + ["library", "module"]])
    in_parallel(_finish, builts.values())
    return builts, missing


def _compile(job):
    built, source = job
    cpp = source == "cpp"
    compiler = {"gcc": "g++", "clang": "clang++"}[built.compiler] if cpp else built.compiler
    flags = ["-std=c++17" if cpp else "-std=c17", "-D_GNU_SOURCE", "-pthread", *built.flags]
    if source in ("library", "module"):
        flags += ["-fPIC"] + (["-fvisibility=hidden"] if source == "library" else [])
    # The debug information of a split build stays where it is: beside the object.
    command([compiler, *flags, "-c", "-o", source + ".o", os.path.join(SOURCES, source + (".cpp" if cpp else ".c"))],
            cwd=built.directory)


def _finish(built):
    where = {"cwd": built.directory}
    linker = {"gcc": "g++", "clang": "clang++"}[built.compiler]
    flags = ["-pthread", "-Wl,--build-id", *built.flags]
    command([linker, *flags, "-shared", "-o", "liblibrary.so", "library.o"], **where)
    command([linker, *flags, "-shared", "-o", "module.so", "module.o"], **where)
    command([linker, *flags, "-o", "patterns", *(name + ".o" for name in PROGRAM), "-L.", "-llibrary",
             "-Wl,-rpath,$ORIGIN"], **where)
    files = ["patterns", "liblibrary.so", "module.so"]
    if built.after == "dwz":
        command(["dwz", "-m", "common.dwz", *files], **where)
    elif built.after:
        for file in files:
            _strip(built, file)


def _strip(built, file):
    where = {"cwd": built.directory}
    os.rename(os.path.join(built.directory, file), os.path.join(built.directory, file + ".full"))
    command(["strip", "--strip-all", "-o", file, file + ".full"], **where)
    if built.after == "debuglink":
        # Another name than NAME.debug: only the link leads there.
        command(["objcopy", "--only-keep-debug", file + ".full", file + ".separate"], **where)
        command(["objcopy", "--add-gnu-debuglink=" + file + ".separate", file], **where)
    elif built.after == "buildid":
        notes = command(["readelf", "-n", file], **where)
        number = notes.split("Build ID:")[1].split()[0]
        place = os.path.join(built.debug_directory, ".build-id", number[:2])
        os.makedirs(place, exist_ok=True)
        command(["objcopy", "--only-keep-debug", file + ".full", os.path.join(place, number[2:] + ".debug")], **where)
