"""Pushes and the real daemon: a new version made of the data of that commit, a failure that is not tried again, a second try by hand."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from llmops_assets.storage.atomic import read_jsonl
from llmops_assets_tests.defs.ui_calls import Run, Ui
from llmops_assets_tests.defs.web_server import WebServer, web_server
from llmops_assets_tests.notifying.listening import HttpServer, http_server
from llmops_assets_tests.tiny_project import RED_DATA, TinyProject
from llmops_assets_tests.triggers.data_repository import DataRepository, data_repository

ERRORS = """
query Errors($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { stepKey error { errorChain { error { message } } } }
} } } }"""


@dataclass(frozen=True)
class Watched:
    """A project whose data are watched by a running daemon."""

    project: TinyProject
    repository: DataRepository
    server: WebServer
    listener: HttpServer

    @property
    def ui(self) -> Ui:
        """A person before it."""
        return Ui(self.server)

    def ended(self, commit: str, number: int = 1) -> list[Run]:
        """Waits until as many runs on a commit have ended; these, the oldest first."""
        wanted = [{"key": "llmops/data_commit", "value": commit}]
        self.server.wait(lambda: sum(run.over for run in self.ui.runs(tags=wanted)) >= number)
        return self.ui.runs(tags=wanted)

    def conversations(self) -> set[str]:
        """The ids of the curated rows of the newest version."""
        curated = self.project.store.latest("curated_conversations", "TaskMaster")
        return {row["id"] for row in read_jsonl(curated.file("conversations.jsonl"))}


def watch(project: TinyProject, folder: Path, monkeypatch: pytest.MonkeyPatch) -> DataRepository:
    """TaskMaster's data in a repository, committed and not pushed yet; the sensor is switched on for its remote."""
    made = data_repository(folder)
    for name in ("raw/TaskMaster", "eval/TaskMaster", "TaskMaster"):
        shutil.copytree(project.root / "data" / name, made.work / "data" / name)
    shutil.copy(project.root / "data" / "eval" / "refusal_labels.jsonl", made.work / "data" / "eval")
    made.commit({})
    monkeypatch.setenv("LLMOPS_DATA_REPOSITORY", str(made.remote))
    monkeypatch.setenv("LLMOPS_AUTOMATION", "data_branch_changed")
    return made


def row(name: str, request: str) -> str:
    """A line of training data."""
    said = [{"role": "user", "content": request}, {"role": "assistant", "content": '{"action":"list"}'}]
    return json.dumps({"id": name, "messages": said, "category": "list", "license": "LicenseRef-Project"}) + "\n"


def test_broken_data_fail_once_and_say_why(
    tiny_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = watch(tiny_project, tmp_path / "data", monkeypatch)
    commit = repository.push({"data/raw/TaskMaster/rows.jsonl": "no json\n"})
    with http_server() as listener, web_server(tiny_project) as server:
        (run,) = Watched(tiny_project, repository, server, listener).ended(commit)
        errors = [event for event in server.ask(ERRORS, run=run.id)["events"] if event]
    assert run.status == "FAILURE"
    assert run.tags["dagster/will_retry"] == "false"
    assert errors[0]["stepKey"] == "curated_conversations"
    said = "expected records of TaskMaster to pass cleaning, got none of 1; rows.jsonl:1: expected a JSON object"
    assert said in str(errors[0]["error"]["errorChain"])


@pytest.fixture(scope="module")
def watched(made_project: TinyProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A project whose TaskMaster is made. What lies in its own data folder from now on is nobody's."""
    project, monkeypatch = made_project.copy(tmp_path_factory.mktemp("watched") / "project"), pytest.MonkeyPatch()
    repository = watch(project, tmp_path_factory.mktemp("repository"), monkeypatch)
    project.add_row("TaskMaster", "this was never pushed anywhere")
    monkeypatch.setenv("LLMOPS_AUTOMATION", "data_branch_changed, version_released")
    with http_server() as listener:
        monkeypatch.setenv("LLMOPS_WEBHOOK_URL", listener.url)
        with web_server(project) as server:
            yield Watched(project, repository, server, listener)
    project.stop_server()
    monkeypatch.undo()


@pytest.mark.slow
def test_one_push_makes_a_new_version_of_the_data_of_its_commit_and_tells(watched: Watched) -> None:
    commit = watched.repository.push({"data/raw/TaskMaster/pushed.jsonl": row("pushed", "enumerate what Zoe promised")})
    pushed = time.time()
    (run,) = watched.ended(commit)
    watched.server.wait(lambda: bool(watched.listener.headlines))
    moments = {"asked for": run.created, "started": run.start, "ended": run.end, "told": time.time()}
    said = ", ".join(f"{name} {at - pushed:.1f} s" for name, at in moments.items())
    sys.stdout.write(f"after the push: {said}\n")
    assert run.status == "SUCCESS"
    assert watched.listener.headlines == ["TaskMaster 0.1.1: 0.1.1 is in production"]
    assert run.tags["llmops/version"] == "0.1.1"
    deployed = watched.project.store.latest("ollama_deployment", "TaskMaster")
    assert deployed.metadata["shown"]["version"] == "0.1.1"
    assert "pushed" in watched.conversations()
    assert "more-1" not in watched.conversations()


@pytest.mark.slow
def test_a_failed_run_is_executed_again_on_its_own_commit(watched: Watched) -> None:
    """As the UI's button does it; in between the branch moves on."""
    watched.project.change_recipe("TaskMaster", RED_DATA)
    commit = watched.repository.push({"data/raw/TaskMaster/again.jsonl": row("again", "show whatever Yuki still owes")})
    (failed,) = watched.ended(commit)
    assert failed.status == "FAILURE"
    watched.project.change_recipe("TaskMaster", {"data": {"coverage_minima": {"list": 10}}})
    watched.ui.again(failed.id)
    _, second = watched.ended(commit, 2)
    assert second.status == "SUCCESS"
    assert "again" in watched.conversations()
