"""`llmops gc` on a project with two versions too many: what it says, what it deletes, and what it leaves alone."""

import os
import shutil
import time
from pathlib import Path

import pytest

from llmops_assets.cli import main
from llmops_assets.storage.leases import alone_with
from llmops_assets.upkeep import MIB
from llmops_assets_tests.tiny_project import TinyProject


@pytest.fixture
def project(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> TinyProject:
    """TaskMaster's data were made from four sets of rows, so two versions are beyond the retention."""
    tiny_project.enter(monkeypatch)
    for number in range(4):
        tiny_project.store.build(
            "curated_conversations",
            "TaskMaster",
            inputs={},
            settings=number,
            code_version="1",
            make=lambda work, number=number: _conversations(work, number),
        )
    return tiny_project


def _conversations(work: Path, number: int) -> dict[str, object]:
    (work / "conversations.jsonl").write_text(str(number) * 2_000_000)
    return {"metrics": {}, "shown": {}}


def gc(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[list[str], str]:
    with pytest.raises(SystemExit) as ended:
        main(["gc", *arguments])
    assert ended.value.code == code
    printed = capsys.readouterr()
    return printed.out.splitlines(), printed.err


def sizes(project: TinyProject) -> list[int]:
    return [path.stat().st_size for path in project.store.root.rglob("conversations.jsonl")]


def test_without_the_word_it_only_says_what_would_go(project: TinyProject, capsys: pytest.CaptureFixture[str]) -> None:
    lines, errors = gc(capsys)
    assert "TaskMaster: 4.0 MB in 2 versions beyond the recipe's retention" in lines
    assert lines[-1] == "would delete 4.0 MB; `llmops gc --delete` does it"
    assert errors == ""
    assert sizes(project) == 4 * [2_000_000]


def test_with_the_word_it_deletes_it(project: TinyProject, capsys: pytest.CaptureFixture[str]) -> None:
    assert gc(capsys, "TaskMaster", "--delete")[0][-1] == "deleted 4.0 MB"
    assert sizes(project) == 2 * [2_000_000]
    assert gc(capsys)[0][-1] == "would delete 0.0 MB; `llmops gc --delete` does it"


def test_the_recipe_says_how_much_stays(project: TinyProject, capsys: pytest.CaptureFixture[str]) -> None:
    project.change_recipe("TaskMaster", {"retention": {"versions": 3}})
    gc(capsys, "--delete")
    assert sizes(project) == 3 * [2_000_000]


def test_logs_keep_their_end(project: TinyProject, capsys: pytest.CaptureFixture[str]) -> None:
    log = project.root / "home" / "ollama" / "server.log"
    log.parent.mkdir(parents=True)
    log.write_text("a line of a log\n" * MIB)
    gc(capsys, "--delete")
    assert log.stat().st_size == MIB


def test_a_training_that_nobody_went_on_with_for_a_month_goes(
    project: TinyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = project.root / "home" / "cache" / "checkpoints"
    for name, days in (("sft-old", 31), ("sft-running", 31), ("sft-new", 29)):
        for file in ("lock", "checkpoint-4/adapter.safetensors"):
            (kept / name / file).parent.mkdir(parents=True, exist_ok=True)
            (kept / name / file).write_bytes(bytes(500_000))
            os.utime(kept / name / file, (0, time.time() - days * 24 * 3600))
    with alone_with(kept / "sft-running" / "lock"):
        assert gc(capsys, "DocWriter")[0][-1] == "would delete 1.0 MB; `llmops gc --delete` does it"
        gc(capsys, "DocWriter", "--delete")
    assert sorted(path.name for path in kept.iterdir()) == ["sft-new", "sft-running"]


def test_artifacts_without_a_recipe_are_left_alone_and_named(
    project: TinyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "recipes" / "taskmaster.yaml").unlink()
    lines, _ = gc(capsys, "--delete")
    assert "TaskMaster: 8.0 MB left alone, for it has no recipe" in lines
    assert sizes(project) == 4 * [2_000_000]


def test_a_damaged_manifest_stops_its_product_alone(project: TinyProject, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(*(project.store.folder("curated_conversations", name) for name in ("TaskMaster", "DocWriter")))
    for manifest in project.store.folder("curated_conversations", "TaskMaster").glob("*/manifest.json"):
        manifest.write_text("{")
    lines, errors = gc(capsys, "--delete", code=1)
    assert errors.startswith("llmops: TaskMaster: expected the manifest of curated_conversations of TaskMaster in ")
    assert "DocWriter: 4.0 MB in 2 versions beyond the recipe's retention" in lines
