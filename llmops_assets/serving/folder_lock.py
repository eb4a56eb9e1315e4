"""One server a library folder: an advisory lock that the kernel lets go of when its process ends, however it ends."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from llmops_assets.errors import ServingError

NAME, STATE = "server.lock", "server.json"
PATIENCE_SECONDS = 0.5


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder for the time of the block.

    Raises:
        ServingError: another process holds it.
    """
    handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # Whoever looks whether the folder is held holds it for a moment.
        end = time.monotonic() + PATIENCE_SECONDS
        while not _take(handle):
            if time.monotonic() > end:
                raise ServingError(
                    f"expected {folder} for this server alone, but another one has it; stop that one, or name another folder"
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Whether a process holds the folder."""
    try:
        handle = os.open(folder / NAME, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _take(handle)
    finally:
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
