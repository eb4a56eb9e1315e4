"""How much of this machine a process may use: what the scheduler grants, not what is built in; and how many trainings fit."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.errors import TrainingError

GIB = 2**30
TRAINING_GIB = 16.0
"""What a training holds at its peak: CodeReviewer's took 15.6 GiB on two cores, TaskMaster's 6.5 (2026-11-29)."""
TRAINING_CORES = 2
"""Every figure of this project was measured on two cores; a training on fewer was never timed."""
REST_GIB = 4.0
"""For the UI, the daemon, and an evaluation that goes on beside the trainings."""
VARIABLE = "LLMOPS_TRAININGS"


@dataclass(frozen=True)
class AtOnce:
    """How many trainings this machine takes at once, and why."""

    count: int
    reason: str


def usable_cores() -> int:
    """Cores that this process may run on: containers and `taskset` grant fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_gib() -> float:
    """All memory of this machine."""
    import psutil

    return float(psutil.virtual_memory().total) / GIB


def has_gpu() -> bool:
    """Whether an NVIDIA device is there, without loading what computes on it."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def trainings_that_fit(cores: int, memory: float, *, gpu: bool) -> AtOnce:
    """As many trainings as have both cores and memory (GiB), at least one; on a GPU one, for they would share it."""
    if gpu:
        return AtOnce(1, f"they would share the GPU; where it has room for more, {VARIABLE} says how many")
    by_memory, by_cores = max(0, int((memory - REST_GIB) // TRAINING_GIB)), cores // TRAINING_CORES
    return AtOnce(
        max(1, min(by_memory, by_cores)),
        f"{memory:.0f} GiB of memory hold {by_memory} ({TRAINING_GIB:.0f} GiB each, {REST_GIB:.0f} for the rest), "
        f"{cores} cores {by_cores} ({TRAINING_CORES} each)",
    )


def fitting_trainings() -> AtOnce:
    """How many trainings fit this machine."""
    return trainings_that_fit(usable_cores(), memory_gib(), gpu=has_gpu())


def asked_trainings(environment: Mapping[str, str]) -> AtOnce | None:
    """What LLMOPS_TRAININGS says; None where it says nothing.

    Raises:
        TrainingError: it is no whole number above zero.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise TrainingError(
            f"expected a whole number above zero in {VARIABLE}, got {text!r}; "
            "it is how many trainings run at once, unset it for what fits this machine"
        )
    return AtOnce(int(text), f"{VARIABLE} says so")
