"""A JSONL file that several processes append to: one whole line a write, a line that a kill cut is dropped first."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmops_assets.errors import DeploymentError


def append_line(path: Path, row: Mapping[str, Any]) -> None:
    """Appends one JSON object.

    Raises:
        DeploymentError: the disk refused.
    """
    line = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            end = _whole(handle)
            os.ftruncate(handle, end)
            if os.pwrite(handle, line, end) < len(line):
                os.ftruncate(handle, end)
                raise OSError(28, "the disk is full")
        finally:
            os.close(handle)
    except OSError as error:
        raise DeploymentError(f"expected to append to {path}, got: {error.strerror}; free the disk") from error


def _whole(handle: int) -> int:
    """Where the last whole line ends."""
    end = os.fstat(handle).st_size
    while end and os.pread(handle, 1, end - 1) != b"\n":
        end -= 1
    return end
