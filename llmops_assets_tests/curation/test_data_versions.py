"""`llmops data diff` on versions that the artifact store made."""

from pathlib import Path
from typing import Any

import pytest

from llmops_assets.cli import main
from llmops_assets.errors import StoreError
from llmops_assets.storage.artifact_store import Artifact, ArtifactStore
from llmops_assets.storage.atomic import write_jsonl


def version(root: Path, *texts: str) -> Artifact:
    """A dataset whose training rows have these texts."""

    def make(work: Path) -> dict[str, Any]:
        rows = [{"id": text.split()[-1], "messages": [{"role": "user", "content": text}]} for text in texts]
        write_jsonl(work / "train.jsonl", rows)
        write_jsonl(work / "validation.jsonl", [])
        return {}

    store = ArtifactStore(root)
    return store.build("sft_dataset", "TaskMaster", inputs={}, settings=list(texts), code_version="1", make=make)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMOPS_STORE", str(tmp_path))
    return tmp_path


def test_the_last_two_versions_are_compared(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = version(store, "call Ana", "call Bo"), version(store, "ring Ana", "call Bo", "call Cy")
    with pytest.raises(SystemExit, match="0"):
        main(["data", "diff", "TaskMaster"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"TaskMaster: {old.digest[:12]} -> {new.digest[:12]}"
    assert [line.split() for line in lines[1:6]] == [
        ["1", "added"],
        ["0", "removed"],
        ["0", "moved"],
        ["1", "changed"],
        ["1", "the", "same"],
    ]
    with pytest.raises(SystemExit, match="0"):
        main(["data", "diff", "TaskMaster", new.digest[:8], old.digest[:8]])
    assert "     1 removed" in capsys.readouterr().out


def test_versions_are_numbered_by_what_changed(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["data", "versions", "TaskMaster"])
    assert "no training data yet; run `llmops run TaskMaster --stage data`" in capsys.readouterr().out
    made = [
        version(store, "call Ana", "call Bo"),
        version(store, "call Ana", "call Bo", "call Cy"),
        version(store, "ring Ana", "call Bo", "call Cy"),
        version(store, "ring Ana", "call Cy"),
    ]
    with pytest.raises(SystemExit, match="0"):
        main(["data", "versions", "TaskMaster"])
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        [number, one.digest[:12]] for number, one in zip(("1.0.0", "1.1.0", "1.1.1", "2.0.0"), made, strict=True)
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "expected two versions"), (["a", "b", "c"], "got 3"), (["zz", "yy"], "begins 0; there are: ")],
)
def test_versions_that_are_not_there_are_named(
    store: Path, capsys: pytest.CaptureFixture[str], names: list[str], message: str
) -> None:
    version(store, "call Ana")
    with pytest.raises(SystemExit, match="1"):
        main(["data", "diff", "TaskMaster", *names])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_prefix_of_two_versions_is_refused(tmp_path: Path) -> None:
    version(tmp_path, "call Ana")
    version(tmp_path, "call Bo")
    with pytest.raises(StoreError, match="it begins 2"):
        ArtifactStore(tmp_path).named("sft_dataset", "TaskMaster", "")


def test_review_lists_what_is_left_to_look_at(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    turns = [{"role": "user", "content": "mail [EMAIL]"}, {"role": "assistant", "content": "{}"}]
    more = {"source": "s", "license": "MIT", "group": "g", "category": "list", "composed": False}

    def make(work: Path) -> dict[str, Any]:
        write_jsonl(work / "conversations.jsonl", [{"id": "one", "messages": turns, **more}])
        return {}

    ArtifactStore(store).build(
        "curated_conversations", "TaskMaster", inputs={}, settings=[], code_version="1", make=make
    )
    with pytest.raises(SystemExit, match="0"):
        main(["review", "TaskMaster", "--list"])
    assert capsys.readouterr().out == "one: redacted: [EMAIL]: mail [EMAIL] | {}\n"
