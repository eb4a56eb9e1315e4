"""A recipe's folders: raw files are read where it says, and copies of what is green lie where it says."""

from pathlib import Path
from typing import Any

import pytest

from llmops_assets.pipeline import data, graph
from llmops_assets.pipeline.copies import copied
from llmops_assets.pipeline.workshop import Made, Workshop, metadata
from llmops_assets.project import Project
from llmops_assets.storage.atomic import write_text
from llmops_assets_tests.complaints import workshop
from llmops_assets_tests.tiny_project import TinyProject


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    for name in ("LLMOPS_HOME", "LLMOPS_STORE", "LLMOPS_DATA"):
        monkeypatch.delenv(name, raising=False)
    return Workshop(Project(tmp_path), graph.example_recipe(), lambda _: None)


def guard(shop: Workshop, text: str, usable: int = 1) -> Made:
    def make(work: Path) -> dict[str, Any]:
        write_text(work / "deep" / "rules.txt", text)
        return metadata({"usable": usable})

    return shop.build("guard_model", inputs={}, settings=text, make=make)


def test_a_copy_follows_the_newest_version_that_is_green(shop: Workshop) -> None:
    def copy(text: str, usable: int = 1) -> list[str]:
        copied(guard(shop, text, usable), shop.project.root, "out/mine")
        return [path.read_text() for path in (shop.project.root / "out" / "mine").rglob("*") if path.is_file()]

    assert copy("one") == ["one"]
    assert copy("two") == ["two"]
    assert copy("three", usable=0) == ["two"]


def test_a_copy_that_is_there_is_left_as_it_is_and_a_damaged_one_is_made_again(shop: Workshop) -> None:
    copied(guard(shop, "one"), shop.project.root, "out")
    target = shop.project.root / "out" / "guard_model"
    inode = target.stat().st_ino
    copied(guard(shop, "one"), shop.project.root, "out")
    assert target.stat().st_ino == inode
    (target / "deep" / "rules.txt").write_text("edited")
    copied(guard(shop, "one"), shop.project.root, "out")
    assert (target / "deep" / "rules.txt").read_text() == "one"


def test_without_a_folder_there_is_no_copy(shop: Workshop) -> None:
    copied(guard(shop, "one"), shop.project.root, "")
    assert [path.name for path in shop.project.root.iterdir()] == ["data"]


def test_raw_files_are_read_from_the_recipe_s_folder_and_the_datasets_copied_to_it(
    tiny_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tiny_project.root / "data" / "raw" / "TaskMaster").rename(tmp_path / "elsewhere")
    folders = {"raw_data_path": str(tmp_path / "elsewhere"), "output_path": "processed"}
    tiny_project.change_recipe("TaskMaster", {"data": folders})
    shop = workshop(tiny_project, monkeypatch)
    for step in (data.eval_dataset, data.curated_conversations, data.sft_dataset):
        step(shop)
    copy = tiny_project.root / "processed" / "sft_dataset" / "train.jsonl"
    assert copy.read_bytes() == shop.store.latest("sft_dataset", "TaskMaster").file("train.jsonl").read_bytes()

    tiny_project.change_recipe("TaskMaster", {"data": {"output_path": "other"}})
    assert data.sft_dataset(workshop(tiny_project, monkeypatch)).artifact.cached
