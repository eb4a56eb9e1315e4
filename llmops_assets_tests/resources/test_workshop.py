"""A run that was ordered on a commit reads the data of that commit, whatever lies on the branch or in the folder by then."""

import shutil
from pathlib import Path

import pytest

from llmops_assets.storage.atomic import read_jsonl
from llmops_assets_tests.defs.launching import launch_assets
from llmops_assets_tests.tiny_project import TinyProject
from llmops_assets_tests.triggers.data_repository import DataRepository, data_repository


@pytest.fixture
def repository(tiny_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataRepository:
    """TaskMaster's rows, pushed; then two more in the data folder itself, and nothing but one of them on the branch."""
    made = data_repository(tmp_path / "data")
    tiny_project.enter(monkeypatch)
    monkeypatch.setenv("LLMOPS_DATA_REPOSITORY", str(made.remote))
    shutil.copytree(tiny_project.root / "data" / "raw" / "TaskMaster", made.work / "data" / "raw" / "TaskMaster")
    made.push({})
    tiny_project.add_row("TaskMaster", "this was never pushed anywhere")
    return made


def curated(project: TinyProject, tags: dict[str, str]) -> set[str]:
    """The ids of the rows that a run with these tags curates."""
    assert launch_assets(["curated_conversations"], "TaskMaster", tags).success
    found = project.store.latest("curated_conversations", "TaskMaster").file("conversations.jsonl")
    return {row["id"] for row in read_jsonl(found)}


def test_the_run_reads_the_data_of_its_commit(tiny_project: TinyProject, repository: DataRepository) -> None:
    first = repository.head()
    rows = (tiny_project.root / "data" / "raw" / "TaskMaster" / "rows_more.jsonl").read_text(encoding="utf-8")
    second = repository.push({"data/raw/TaskMaster/pushed.jsonl": rows.replace("more-1", "pushed")})
    assert not {"pushed", "more-1"} & curated(tiny_project, {"llmops/data_commit": first})
    assert {"pushed", "more-1"} & curated(tiny_project, {"llmops/data_commit": second}) == {"pushed"}
    assert {"pushed", "more-1"} & curated(tiny_project, {}) == {"more-1"}


@pytest.mark.usefixtures("repository")
def test_a_commit_that_cannot_be_had_fails_the_run() -> None:
    run = launch_assets(["curated_conversations"], "TaskMaster", {"llmops/data_commit": "a" * 40})
    assert not run.success
    assert "DataBranchError" in run.errors["curated_conversations"]
