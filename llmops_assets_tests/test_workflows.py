"""The workflows: clean to two linters, pinned, without secrets where strangers get in; and their steps do what they say."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.cli import build_parser
from llmops_assets.pipeline.graph import STAGES
from llmops_assets.productization.signing import VARIABLE as KEY_VARIABLE
from llmops_assets.recipes.loading import load_recipes
from llmops_assets_tests.notifying.listening import http_server
from llmops_assets_tests.tiny_project import TinyProject
from llmops_assets_tests.workflow_job import GITHUB, ROOT, WORKFLOWS, Job, workflow

FILES = sorted(path.name for path in WORKFLOWS.glob("*.yml"))
TOOLS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
RECORDER = """#!/usr/bin/env python3
import json, os, sys
words = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
with open(os.environ["RECORD"], "a") as file:
    file.write(json.dumps(words) + "\\n")
sys.exit(words[:2] == os.environ.get("FAILS", "").split())
"""


def test_there_is_one_for_checks_and_one_for_training() -> None:
    assert FILES == ["ci.yml", "train.yml"]


def test_linters_find_nothing() -> None:
    lint = subprocess.run(
        [str(shutil.which("actionlint", path=TOOLS)), *[str(WORKFLOWS / name) for name in FILES]],
        env={**os.environ, "PATH": TOOLS},
        capture_output=True,
        text=True,
    )
    assert (lint.stdout, lint.returncode) == ("", 0)
    zizmor = str(shutil.which("zizmor", path=TOOLS))
    audit = subprocess.run([zizmor, "--offline", "--strict-collection", str(WORKFLOWS)], capture_output=True, text=True)
    assert audit.returncode == 0, audit.stdout
    assert audit.stderr.count("completed") == len(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside(name: str) -> None:
    lines = [line for line in (WORKFLOWS / name).read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert lines
    assert [
        line for line in lines if not re.search(r"uses: actions/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)
    ] == []


@pytest.mark.parametrize("name", FILES)
def test_a_job_may_read_the_repository_and_nothing_else(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {}
    assert [job["permissions"] for job in found["jobs"].values()] == [{"contents": "read"}] * len(found["jobs"])


def test_a_pull_request_gets_no_secret() -> None:
    with_secrets = [name for name in FILES if "secrets." in (WORKFLOWS / name).read_text(encoding="utf-8")]
    by_pull_request = [name for name in FILES if any("pull_request" in event for event in workflow(name)["on"])]
    assert (with_secrets, by_pull_request) == (["train.yml"], ["ci.yml"])


def test_the_choices_by_hand_are_the_project_s() -> None:
    inputs = workflow("train.yml")["on"]["workflow_dispatch"]["inputs"]
    assert set(inputs["product"]["options"]) == {"all", *load_recipes(ROOT / "llmops_assets" / "recipes").products}
    assert inputs["stage"]["options"] == ["whole chain", *STAGES]


@dataclass
class Runner:
    """A runner with an empty checkout, on which make, llmops and sudo only write down what they were called with."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("bin/make", "bin/sudo", "checkout/.venv/bin/llmops"):
            self.put(name, RECORDER)

    def put(self, name: str, program: str) -> None:
        """A program; `make install` would have put llmops where it is."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program, encoding="utf-8")
        path.chmod(0o755)

    def job(self, file: str, name: str, contexts: Mapping[str, Any], fails: str = "", **environment: str) -> Job:
        own = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.folder),
            "RECORD": str(self.folder / "record"),
            "FAILS": fails,
        }
        return Job(file, name, dict(contexts), {**environment, **own}, self.folder, cwd=self.folder / "checkout")

    @property
    def calls(self) -> list[list[str]]:
        record = self.folder / "record"
        return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


SECOND = {
    "deployment": {"temperature": 0.1},
    "product": {"version": "0.2.0", "releases": [{"version": "0.2.0", "date": "2026-11-29", "changes": ["warmer"]}]},
}
"""Another release of the same file: nothing is trained again."""
LINK = "https://github.example/team/llmops/actions/runs/77"


def training(kind: str, **inputs: str) -> dict[str, Any]:
    """What the training job of DocWriter sees."""
    return {
        "github": GITHUB,
        "inputs": inputs,
        "matrix": {"product": "DocWriter"},
        "needs": {"plan": {"outputs": {"kind": kind}}},
        "vars": {"LLMOPS_STORE": "/srv/store", "LLMOPS_HOME": ""},
        "secrets": {"LLMOPS_SLACK_WEBHOOK_URL": "https://hooks.slack.com/s3cr3t"},
    }


def test_checks_call_the_same_targets_as_people_do(runner: Runner) -> None:
    for name in ("check", "test"):
        assert runner.job("ci.yml", name, {"github": {"event_name": "push"}}).run() == "success"
    assert runner.calls == [["make", "check"], ["sudo", "make", "tools"], ["make", "test"]]
    assert [step.get("run") for step in workflow("ci.yml")["jobs"]["whole"]["steps"]][-1] == ".ci/run"
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"check", "tools", "test", "install", "install-gpu"} <= set(targets)


def test_green_is_deployed_and_told(runner: Runner) -> None:
    job = runner.job("train.yml", "train", training("gpu", stage="whole chain", override=""))
    assert job.run() == "success"
    assert runner.calls == [
        ["make", "install"],
        ["make", "install-gpu"],
        ["llmops", "run", "DocWriter"],
        ["llmops", "notify", "DocWriter", "--outcome", "success", "--link", LINK],
    ]
    assert job.outcomes["roll back what this job released"] == "skipped"


def test_red_is_rolled_back_and_told(runner: Runner) -> None:
    contexts = training("cpu", stage="evaluation", override="the judge was $(down); see 12")
    job = runner.job("train.yml", "train", contexts, fails="llmops run")
    assert job.run() == "failure"
    install, run, rollback, notify = runner.calls
    assert install == ["make", "install"]
    assert run[3:] == ["--stage", "evaluation", "--override", "ana: the judge was $(down); see 12"]
    assert rollback[:5] == ["llmops", "rollback", "DocWriter", "--reason", f"red after the rollout, {LINK}"]
    assert notify == ["llmops", "notify", "DocWriter", "--outcome", "failure", "--link", LINK]
    for words in (run, rollback, notify):
        assert build_parser().parse_args(words[1:]).command == words[1]
    assert build_parser().parse_args(rollback[1:]).released_since.tzinfo is not None


def test_where_nothing_could_be_installed_nothing_of_ours_is_called(runner: Runner) -> None:
    job = runner.job("train.yml", "train", training("cpu"), fails="make install")
    assert job.run() == "failure"
    assert runner.calls == [["make", "install"]]


def test_secrets_are_seen_by_the_step_that_tells_and_by_no_other(runner: Runner) -> None:
    job = runner.job("train.yml", "train", training("cpu"))
    job.run()
    seen = {name for name, secrets in job.secrets_of.items() if secrets}
    assert seen == {"tell how it ended"}
    assert len(job.secrets_of["tell how it ended"]) == 4
    assert workflow("train.yml")["jobs"]["train"]["environment"] == "production"


@pytest.mark.slow
def test_the_training_job_really_deploys_and_takes_back_what_turns_red_after_the_rollout(
    made_project: TinyProject, runner: Runner, tmp_path: Path
) -> None:
    """The true commands; only `make` is a stand-in, for what it would install is there already."""
    runner.put("checkout/.venv/bin/llmops", f'#!/bin/sh\nexec {sys.executable} -m llmops_assets "$@"\n')
    project = made_project.copy(tmp_path / "project")
    environment = {**os.environ, **project.environment}
    with http_server() as server:
        contexts = {
            **training("cpu"),
            "matrix": {"product": "TaskMaster"},
            "vars": {},
            "secrets": {"LLMOPS_WEBHOOK_URL": server.url},
        }
        try:
            first = runner.job("train.yml", "train", contexts, **environment)
            assert first.run() == "success", first.log
            project.change_recipe("TaskMaster", SECOND)
            second = runner.job("train.yml", "train", contexts, **environment, **{KEY_VARIABLE: "no key at all"})
            assert second.run() == "failure", second.log
        finally:
            project.stop_server()
    assert "taskmaster:production is 0.1.0 again and answers; 0.2.0 was taken back" in second.log
    record = json.loads((project.root / "home" / "rollouts" / "TaskMaster" / "releases.json").read_text())
    assert list(record["withdrawn"]) == ["0.2.0"]
    told = [json.loads(one.body) for one in server.received]
    assert [(one["version"], one["headline"], one["link"]) for one in told] == [
        ("0.1.0", "green", LINK),
        ("0.2.0", "failed", LINK),
    ]
    assert "product_bundle" in "\n".join(told[1]["details"])
