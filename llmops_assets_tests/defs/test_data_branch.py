"""The data sensor on a real repository and its remote, tick by tick: who is asked for, on which commit, and that nothing is asked twice."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from llmops_assets.defs.sensors import data_branch_changed
from llmops_assets.errors import DataBranchError
from llmops_assets_tests.defs.ticking import Status, Ticking
from llmops_assets_tests.tiny_project import TinyProject
from llmops_assets_tests.triggers.data_repository import DataRepository, data_repository

PRODUCTS = {"TaskMaster", "CodeReviewer", "DocWriter"}
RAW = {f"data/raw/{product}/rows.jsonl": "{}\n" for product in PRODUCTS}
TASKMASTER, DOCWRITER = "data/raw/TaskMaster/rows.jsonl", "data/raw/DocWriter/rows.jsonl"


@pytest.fixture
def repository(tmp_path: Path) -> DataRepository:
    return data_repository(tmp_path / "data")


@pytest.fixture
def ticking(
    tiny_project: TinyProject, repository: DataRepository, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ticking]:
    """The sensor on the remote, which is empty yet."""
    tiny_project.enter(monkeypatch)
    monkeypatch.setenv("LLMOPS_DATA_REPOSITORY", f"file://{repository.remote}")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticking(data_branch_changed, instance)


@pytest.fixture
def pushed(ticking: Ticking, repository: DataRepository) -> Ticking:
    """The same after a first push that was asked for."""
    repository.push(RAW)
    ticking.tick()
    return ticking


def test_an_empty_repository_asks_for_nothing(ticking: Ticking) -> None:
    assert ticking.tick() == {}
    assert "there are no data yet: main of file://" in ticking.reason


def test_the_first_push_asks_for_every_product_on_its_commit(ticking: Ticking, repository: DataRepository) -> None:
    commit = repository.push(RAW)
    asked = ticking.tick()
    assert asked.keys() == PRODUCTS
    tree = repository.tree("TaskMaster")
    assert asked["TaskMaster"].run_key == f"TaskMaster:{tree}@{commit}"
    assert asked["TaskMaster"].tags.items() >= {"llmops/data_commit": commit, "llmops/data_tree": tree}.items()
    assert json.loads(ticking.cursor or "") == {
        "commit": commit,
        "trees": {product: {"raw": repository.tree(product)} for product in PRODUCTS},
    }
    assert ticking.tick() == {}
    assert "no product has new data" in ticking.reason


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("data/raw/TaskMaster/guard/more.jsonl", "new data: raw"),
        ("data/review/TaskMaster.jsonl", "new data: review"),
        ("data/eval/TaskMaster/natural.jsonl", "new data: eval"),
    ],
)
def test_what_belongs_to_one_product_asks_for_it_alone(
    pushed: Ticking, repository: DataRepository, file: str, reason: str
) -> None:
    commit = repository.push({file: '{"id": "more"}\n'})
    asked = pushed.tick()
    assert asked.keys() == {"TaskMaster"}
    assert asked["TaskMaster"].tags["llmops/reason"] == reason
    assert asked["TaskMaster"].tags["llmops/data_commit"] == commit


def test_other_files_ask_for_nothing_and_move_the_cursor(pushed: Ticking, repository: DataRepository) -> None:
    others = (
        "README.md",
        "recipes/taskmaster.yaml",
        "data/TaskMaster/TASK.md",
        "data/raw/NOTICE",
        "data/raw/New/rows.jsonl",
    )
    commit = repository.push(dict.fromkeys(others, "words\n"))
    assert pushed.tick() == {}
    assert json.loads(pushed.cursor or "")["commit"] == commit


def test_two_products_in_two_commits_of_one_push(pushed: Ticking, repository: DataRepository) -> None:
    repository.commit({TASKMASTER: '{"id": "1"}\n'})
    commit = repository.push({DOCWRITER: '{"id": "2"}\n'})
    asked = pushed.tick()
    assert asked.keys() == {"TaskMaster", "DocWriter"}
    assert {request.tags["llmops/data_commit"] for request in asked.values()} == {commit}


def test_a_push_by_force_back_to_older_data_asks_again(pushed: Ticking, repository: DataRepository) -> None:
    """Dagster runs a key once and never again, and the older data had theirs: so there is a number behind it."""
    first = repository.head()
    repository.push({TASKMASTER: '{"id": "1"}\n'})
    pushed.tick()
    repository.git("push", "--quiet", "--force", "origin", f"{first}:main")
    back = pushed.tick()
    assert {product: request.run_key for product, request in back.items()} == {
        "TaskMaster": f"TaskMaster:{repository.tree('TaskMaster', first)}@{first}#2"
    }
    assert len(pushed.runs) == 5
    assert pushed.tick() == {}


def test_a_rebase_that_keeps_the_data_asks_for_nothing(pushed: Ticking, repository: DataRepository) -> None:
    repository.push({TASKMASTER: '{"id": "1"}\n'})
    pushed.tick()
    repository.git("commit", "--quiet", "--amend", "--message", "the same files under other words")
    repository.git("push", "--quiet", "--force", "origin", "main")
    assert pushed.tick() == {}
    assert json.loads(pushed.cursor or "")["commit"] == repository.head()


def test_a_branch_that_is_deleted_and_comes_back_asks_only_for_what_changed(
    pushed: Ticking, repository: DataRepository
) -> None:
    repository.git("push", "--quiet", "origin", "--delete", "main")
    assert pushed.tick() == {}
    assert "there are no data yet" in pushed.reason
    repository.push({DOCWRITER: '{"id": "1"}\n'})
    assert pushed.tick().keys() == {"DocWriter"}


def test_a_product_whose_data_go_and_come_back_is_not_asked_for(pushed: Ticking, repository: DataRepository) -> None:
    repository.git("rm", "--quiet", "-r", "data/raw/DocWriter")
    repository.push({})
    assert pushed.tick() == {}
    repository.push({DOCWRITER: RAW[DOCWRITER]})
    assert pushed.tick() == {}


def test_while_the_remote_is_away_ticks_fail_and_nothing_is_lost(pushed: Ticking, repository: DataRepository) -> None:
    before, away = pushed.cursor, repository.remote.with_suffix(".away")
    repository.push({TASKMASTER: '{"id": "1"}\n'})
    shutil.move(repository.remote, away)
    for _ in range(3):
        with pytest.raises(DataBranchError, match="does not appear to be a git repository"):
            pushed.tick()
    assert pushed.cursor == before
    shutil.move(away, repository.remote)
    assert pushed.tick().keys() == {"TaskMaster"}


def test_broken_data_are_asked_for_once_and_the_next_push_mends_them(
    pushed: Ticking, repository: DataRepository
) -> None:
    repository.push({TASKMASTER: "no json\n"})
    assert pushed.tick(Status.FAILURE).keys() == {"TaskMaster"}
    assert [pushed.tick() for _ in range(5)] == [{}] * 5
    repository.push({TASKMASTER: '{"id": "mended"}\n'})
    assert pushed.tick().keys() == {"TaskMaster"}


def test_emptying_the_cursor_asks_for_a_failed_data_version_again(pushed: Ticking, repository: DataRepository) -> None:
    commit = repository.push({TASKMASTER: '{"id": "1"}\n'})
    key = f"TaskMaster:{repository.tree('TaskMaster')}@{commit}"
    assert pushed.tick(Status.FAILURE)["TaskMaster"].run_key == key
    pushed.cursor = None
    again = pushed.tick(Status.FAILURE)
    assert again["TaskMaster"].run_key == f"{key}#2"
    pushed.cursor = None
    assert pushed.tick()["TaskMaster"].run_key == f"{key}#3"
    assert len({run.run_id for run in pushed.runs}) == 3 + 1 + 3 + 3


def test_fifty_pushes_while_a_run_goes_on_come_to_one_more_run_on_the_last(
    pushed: Ticking, repository: DataRepository
) -> None:
    repository.push({TASKMASTER: '{"id": "first"}\n'})
    assert pushed.tick(Status.STARTED).keys() == {"TaskMaster"}
    for number in range(50):
        commit = repository.push({TASKMASTER: f'{{"id": "{number}"}}\n'})
        if number % 10 == 0:
            assert pushed.tick() == {}
    assert pushed.reason == "TaskMaster: new data wait until the run in progress has ended"
    pushed.end()
    asked = pushed.tick()
    assert {product: request.tags["llmops/data_commit"] for product, request in asked.items()} == {"TaskMaster": commit}
    assert pushed.tick() == {}
    assert len(pushed.runs) == 3 + 2


def test_another_product_does_not_wait(pushed: Ticking, repository: DataRepository) -> None:
    repository.push({TASKMASTER: '{"id": "1"}\n'})
    pushed.tick(Status.STARTED)
    repository.push({TASKMASTER: '{"id": "2"}\n', DOCWRITER: '{"id": "2"}\n'})
    assert pushed.tick().keys() == {"DocWriter"}


def test_another_branch_is_watched_by_the_setting(
    ticking: Ticking, repository: DataRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_DATA_BRANCH", "team/data")
    repository.push(RAW)
    assert ticking.tick() == {}
    repository.git("push", "--quiet", "origin", "main:team/data")
    assert ticking.tick().keys() == PRODUCTS


def test_without_a_repository_the_data_folder_is_watched(
    tiny_project: TinyProject, ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLMOPS_DATA_REPOSITORY")
    first = ticking.tick()
    assert first.keys() == PRODUCTS
    assert "llmops/data_commit" not in first["DocWriter"].tags
    assert ticking.tick() == {}
    tiny_project.add_row("DocWriter", "enumerate whatever Zoe promised us lately")
    assert ticking.tick().keys() == {"DocWriter"}
    (tiny_project.root / "data" / "raw" / "DocWriter" / "rows_more.jsonl").unlink()
    back = ticking.tick()
    assert back["DocWriter"].run_key == f"{first['DocWriter'].run_key}#2"
