"""Kills a stage's child in the middle, as a crash or the kernel would."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_assets.errors import StoreError
from llmops_assets.storage.atomic import read_json


def child_of(work: Path) -> int | None:
    """The child's process id, once it beats."""
    try:
        return int(read_json(work / ".stage" / "heartbeat.json")["pid"])
    except StoreError:
        return None


def kill_child_when(there: Callable[[], bool], work: Path, patience: float = 120.0) -> threading.Thread:
    """Sends SIGKILL to the child's group as soon as `there` holds."""

    def wait() -> None:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            child = child_of(work) if there() else None
            if child is not None:
                os.killpg(child, signal.SIGKILL)
                return
            time.sleep(0.005)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def checkpoint_in(cache: Path) -> Callable[[], bool]:
    """Whether a whole checkpoint lies anywhere under a cache."""
    return lambda: any(cache.rglob("whole.json"))


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_within(pid: int, seconds: float) -> bool:
    """Waits for a process to end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not is_alive(pid):
            return True
        time.sleep(0.05)
    return False


def largest_gap(left: Path, right: Path) -> float:
    """Largest difference between two adapters' weights."""
    from safetensors.torch import load_file

    one: dict[str, Any] = load_file(left / "adapter_model.safetensors")
    other: dict[str, Any] = load_file(right / "adapter_model.safetensors")
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
