"""Checkpoints that are whole or do not count."""

from pathlib import Path

import pytest

from llmops_assets.errors import TrainingError
from llmops_assets.storage.checkpoints import newest_whole, only_one, seal


def checkpoint(folder: Path, step: int, fingerprint: str = "mine") -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir(parents=True)
    (made / "weights.bin").write_bytes(b"w" * step)
    (made / "state.json").write_text("{}")
    seal(made, fingerprint)
    return made


def test_the_newest_by_number_is_taken(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9)
    checkpoint(tmp_path, 10)
    assert newest_whole(tmp_path, "mine") == tmp_path / "checkpoint-10"


@pytest.mark.parametrize("damage", ["unsealed", "torn", "missing", "seal torn"])
def test_a_checkpoint_that_is_not_whole_is_removed_and_the_one_before_is_taken(tmp_path: Path, damage: str) -> None:
    older, newer = checkpoint(tmp_path, 5), checkpoint(tmp_path, 10)
    if damage == "unsealed":
        (newer / "whole.json").unlink()
    elif damage == "torn":
        (newer / "weights.bin").write_bytes(b"www")
    elif damage == "missing":
        (newer / "state.json").unlink()
    else:
        (newer / "whole.json").write_text('{"fingerprint": "mi')
    assert newest_whole(tmp_path, "mine") == older
    assert not newer.exists()


def test_a_strangers_checkpoint_is_refused_and_kept(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, 5, "another")
    with pytest.raises(TrainingError, match="expected a checkpoint of this data and recipe"):
        newest_whole(tmp_path, "mine")
    assert made.exists()


def test_no_checkpoint_is_a_fresh_start(tmp_path: Path) -> None:
    assert newest_whole(tmp_path / "nowhere", "mine") is None


def test_two_runs_do_not_share_checkpoints(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(TrainingError, match="another run does the same"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass
