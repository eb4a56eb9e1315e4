"""Files that programs append to for as long as they run: cut from the front when they have grown too long."""

import fcntl
import os
from pathlib import Path


def excess(path: Path, limit: int, keep: int) -> int:
    """How many bytes `cut` would give back: all before the last `keep`, once there are more than `limit`."""
    size = path.stat().st_size
    return size - keep if size > limit else 0


def cut(path: Path, limit: int, keep: int) -> int:
    """Leaves the last whole lines of a long file, at most `keep` bytes of them, and returns how many bytes went.

    The file stays the same file, so that who has it open to append goes on; who locks it to write is waited for.
    """
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file.fileno()).st_size
        if size <= limit:
            return 0
        file.seek(size - keep - 1)
        tail = file.read(keep + 1)
        tail = tail[tail.find(b"\n") + 1 :]
        file.seek(0)
        file.write(tail)
        file.truncate()
        return size - len(tail)
