"""Checkpoints that are whole or do not count, and that know whose they are."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llmops_assets.errors import StoreError, TrainingError
from llmops_assets.storage.atomic import files_in, read_json, sha256_file, write_json

MARK = "whole.json"


def seal(checkpoint: Path, fingerprint: str) -> None:
    """Declares a checkpoint whole: its last file names the run and the hash of every other file."""
    files = {path.relative_to(checkpoint).as_posix(): sha256_file(path) for path in files_in(checkpoint)}
    write_json(checkpoint / MARK, {"fingerprint": fingerprint, "files": files})


def newest_whole(folder: Path, fingerprint: str) -> Path | None:
    """The last checkpoint that is whole; those that are not are removed.

    Raises:
        TrainingError: a checkpoint is whole but of another run (other data, recipe or base).
    """
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    for checkpoint in found:
        mark = _mark_of(checkpoint)
        if mark is None:
            shutil.rmtree(checkpoint)
        elif mark["fingerprint"] != fingerprint:
            raise TrainingError(
                f"expected a checkpoint of this data and recipe ({fingerprint[:12]}) in {checkpoint}, got one of "
                f"{mark['fingerprint'][:12]}; move it away"
            )
        else:
            return checkpoint
    return None


def _mark_of(checkpoint: Path) -> dict[str, Any] | None:
    try:
        mark: dict[str, Any] = read_json(checkpoint / MARK)
    except StoreError:
        return None
    whole = all(
        (checkpoint / name).is_file() and sha256_file(checkpoint / name) == digest
        for name, digest in mark["files"].items()
    )
    return mark if whole else None


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds a folder of checkpoints for this process; the lock goes with the process, however it ends.

    Raises:
        TrainingError: another process trains the same thing right now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainingError(
                f"expected to train alone in {folder}, another run does the same; wait for it"
            ) from error
        yield
