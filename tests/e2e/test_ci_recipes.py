# SPDX-License-Identifier: Apache-2.0
"""The recipes of docs/ci: Slurm's and GNU parallel's for real, the others against their schemas, with their scripts run
as their runner would. Each runs two shards of a small matrix and merges them."""
import json
import os
import re
import subprocess

import engines
import support

CI = os.path.join(support.ROOT, "docs", "ci")
SCHEMAS = os.path.join(os.path.dirname(engines.ENGINES), "schemas", "bin")
SHARDS = 2
# Four cells: each shard has some.
MATRIX = "name: small\nscenario: cell.yaml\naxes: {capture_pct: [100, 50], threads: [2, 3]}\nretries: 0\n"
CELL = ("name: cell\nduration: 500ms\nthreads: 2\ncontrol: none\nworkers: {native: {runtime: native}}\n"
        "phases: [global, member]\n")


def recipe(name):
    return os.path.join(CI, name)


def schema_program(name):
    path = os.path.join("..", "schemas", "bin", name)
    engines.program(path)
    return os.path.join(SCHEMAS, name)


def read_yaml(path):
    """The documents of a file, read by the parser that the schemas' programs bring along."""
    code = ("import json, sys, yaml; print(json.dumps([d for d in "
            "yaml.load_all(open(sys.argv[1], encoding='utf-8'), Loader=yaml.BaseLoader)]))")
    done = subprocess.run([schema_program("python"), "-I", "-c", code, path], stdout=subprocess.PIPE, check=True,
                          timeout=60)
    return json.loads(done.stdout)


class Recipe(support.Run):
    def setUp(self):
        super().setUp()
        for name, text in (("matrix.yaml", MATRIX), ("cell.yaml", CELL)):
            with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.matrix = os.path.join(self.directory, "matrix.yaml")
        self.results = os.path.join(self.directory, "results")
        self.env = dict(support.clean_environment(), LOCKTRAIL=support.LOCKTRAIL, MATRIX=self.matrix)

    def shell(self, command, shell="sh", **variables):
        done = subprocess.run([shell, "-e", "-c", command], stdin=subprocess.DEVNULL, cwd=self.directory,
                              env=dict(self.env, **variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=support.RUN_TIMEOUT_S, check=False)
        return done.returncode, done.stdout.decode()

    def check_merged(self, status, output):
        """All cells are in the report, and it is the one of a matrix that was never cut."""
        self.assertEqual(status, 0, output)
        with open(os.path.join(self.results, "merged", "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual((report["verdict"], len(report["cells"])), ("success", 4))
        shards = [name for name in os.listdir(self.results) if re.fullmatch(r"shard-[0-9]+", name)]
        self.assertEqual(len(shards), SHARDS)
        with open(os.path.join(self.results, "merged", "matrix.json"), encoding="utf-8") as file:
            self.assertEqual({key: value for key, value in json.load(file).items() if key in ("shard", "shards", "missing")},
                             {"shard": 1, "shards": 1, "missing": []})
        self.assert_nothing_runs()


class SlurmRecipe(Recipe):
    def test_an_array_job_and_its_merge(self):
        slurm = engines.Slurm(os.path.join(self.directory, "slurm"), cpus=SHARDS)
        try:
            slurm.start()
            done = subprocess.run([recipe("slurm.sh"), self.matrix, self.results, str(SHARDS)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=support.RUN_TIMEOUT_S,
                                  env=dict(slurm.env, LOCKTRAIL=support.LOCKTRAIL, LOCKTRAIL_CPUS="1",
                                           PATH=os.path.join(engines.ENGINES, "usr/bin") + ":" + slurm.env["PATH"]),
                                  check=False)
        finally:
            slurm.stop()
        logs = done.stdout.decode()
        for name in ("shard-1.log", "shard-2.log", "merge.log"):
            with open(os.path.join(self.results, name), encoding="utf-8") as file:
                logs += file.read()
        self.check_merged(done.returncode, logs)


class ParallelRecipe(Recipe):
    def test_jobs_of_parallel_and_their_merge(self):
        engines.program("usr/bin/parallel")
        path = os.path.join(engines.ENGINES, "usr/bin") + ":" + self.env["PATH"]
        # Debian's looks for its modules where an installation has them.
        self.check_merged(*self.shell(f"exec {recipe('gnu-parallel.sh')} {self.matrix} {self.results} {SHARDS}", PATH=path,
                                      PERL5LIB=os.path.join(engines.ENGINES, "usr/share/perl5"), HOME=self.directory))


class Usage(Recipe):
    def test_what_the_scripts_need(self):
        for script in (recipe("slurm.sh"), recipe("gnu-parallel.sh")):
            for arguments in ("", self.matrix):
                self.assertEqual(self.shell(f"exec {script} {arguments}"),
                                 (64, f"usage: {script} MATRIX DIRECTORY [SHARDS]\n"))


class GitHubRecipe(Recipe):
    def test_the_schema(self):
        status, output = self.shell(f"{schema_program('check-jsonschema')} --builtin-schema vendor.github-workflows "
                                    f"{recipe('github-workflow.yml')}")
        self.assertEqual(status, 0, output)

    def test_the_steps(self):
        jobs = read_yaml(recipe("github-workflow.yml"))[0]["jobs"]
        shard, = (step["run"] for step in jobs["shard"]["steps"] if "--shard" in step.get("run", ""))
        merge, = (step["run"] for step in jobs["merge"]["steps"] if "merge " in step.get("run", ""))
        for number in range(1, SHARDS + 1):
            # GitHub's own shell; `steps` of a run have -eo pipefail.
            status, output = self.shell(shard.replace("${{ matrix.shard }}", str(number)), shell="bash",
                                        SHARD=f"{number}/{SHARDS}")
            self.assertEqual(status, 0, output)
            self.assertNotIn("${{", shard.replace("${{ matrix.shard }}", ""))
        summary = os.path.join(self.directory, "summary.md")
        self.check_merged(*self.shell(merge, shell="bash", GITHUB_STEP_SUMMARY=summary))
        self.assertTrue(os.path.getsize(summary) > 0)


class GitLabRecipe(Recipe):
    def test_the_schema(self):
        status, output = self.shell(f"{schema_program('check-jsonschema')} --builtin-schema vendor.gitlab-ci "
                                    f"--data-transform gitlab-ci {recipe('gitlab-ci.yml')}")
        self.assertEqual(status, 0, output)

    def test_the_scripts(self):
        jobs = read_yaml(recipe("gitlab-ci.yml"))[0]
        for number in range(1, SHARDS + 1):
            status, output = self.shell("\n".join(jobs["shard"]["script"]), CI_NODE_INDEX=str(number),
                                        CI_NODE_TOTAL=str(SHARDS))
            self.assertEqual(status, 0, output)
        self.check_merged(*self.shell("\n".join(jobs["merge"]["script"])))


class KubernetesRecipe(Recipe):
    def test_the_schemas(self):
        files = " ".join(recipe(name) for name in ("kubernetes-job.yaml", "kubernetes-merge.yaml"))
        # The oldest in which all of it is there, and the newest that the program knows.
        for version in ("-k 1.29", ""):
            status, output = self.shell(f"{schema_program('kubernetes-validate')} --strict {version} {files}")
            self.assertEqual(status, 0, output)

    def run_container(self, container, **variables):
        self.assertEqual(container["command"], ["/bin/sh", "-c"])
        script = container["args"][0].replace("/results", self.results).replace("build/locktrail", support.LOCKTRAIL)
        return self.shell(script, **variables)

    def test_the_scripts(self):
        jobs = read_yaml(recipe("kubernetes-job.yaml"))[1:] + read_yaml(recipe("kubernetes-merge.yaml"))
        shard, merge = (job["spec"]["template"]["spec"]["containers"][0] for job in jobs)
        self.assertEqual(jobs[0]["spec"]["completions"],
                         {variable["name"]: variable["value"] for variable in shard["env"]}["LOCKTRAIL_SHARDS"])
        for index in list(range(SHARDS)) + [0]:  # the last one is a pod that comes a second time, and goes on
            status, output = self.run_container(shard, JOB_COMPLETION_INDEX=str(index), LOCKTRAIL_SHARDS=str(SHARDS))
            self.assertEqual(status, 0, output)
        self.check_merged(*self.run_container(merge))
