"""A run of the command line that is killed in the middle of a step, as the kernel or a power cut would."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from dagster import DagsterInstance

from llmops_assets_tests.tiny_project import TinyProject
from llmops_assets_tests.training.killing import child_of, gone_within

Victim = Literal["child", "worker", "group"]
PATIENCE_S = 400.0
POLL_S = 0.01


@dataclass(frozen=True)
class Moment:
    """When to strike: while the asset's child works, and where `checkpoints` is given, after a whole one is there."""

    asset: str
    checkpoints: str = ""
    place: str = ""

    def child(self, project: TinyProject) -> int | None:
        """The child's process id, once the moment has come."""
        kept = project.root / "home" / "cache" / "checkpoints"
        if self.checkpoints and not any(kept.glob(f"{self.checkpoints}-*/checkpoint-*/whole.json")):
            return None
        for work in (project.root / "artifacts" / self.asset / "TaskMaster").glob(".work-*"):
            return child_of(work / self.place)
        return None


SFT = Moment("sft_adapter", checkpoints="sft")
DPO = Moment("dpo_model", checkpoints="dpo")
EXPORT = Moment("gguf_model", place="scratch")


@dataclass(frozen=True)
class Struck:
    """What came of it."""

    code: int
    errors: list[str]
    survivors: list[int]


def strike(project: TinyProject, moment: Moment, victim: Victim) -> Struck:
    """Runs the whole chain and kills `victim` at the moment: the child, the run's own process, or both groups at once."""
    log = project.root / "struck.log"
    with log.open("w", encoding="utf-8") as errors:
        run = subprocess.Popen(
            [sys.executable, "-m", "llmops_assets", "run", "TaskMaster"],
            cwd=project.root,
            env={**os.environ, **project.environment},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            child = _wait_for(run, moment, project)
            started = [run.pid, *(process.pid for process in psutil.Process(run.pid).children(recursive=True))]
            _kill(run.pid, child, victim)
            code = run.wait(PATIENCE_S)
        finally:
            _kill_quietly(run)
    survivors = [pid for pid in started if not gone_within(pid, 15)]
    return Struck(code, log.read_text(encoding="utf-8").strip().splitlines(), survivors)


def _wait_for(run: "subprocess.Popen[bytes]", moment: Moment, project: TinyProject) -> int:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and run.poll() is None:
        child = moment.child(project)
        if child is not None:
            return child
        time.sleep(POLL_S)
    raise AssertionError(f"{moment} never came: {(project.root / 'struck.log').read_text(encoding='utf-8')[-2000:]}")


def _kill(run: int, child: int, victim: Victim) -> None:
    if victim == "child":
        os.kill(child, signal.SIGKILL)
    elif victim == "worker":
        os.kill(run, signal.SIGKILL)
    else:
        os.killpg(run, signal.SIGKILL)
        os.killpg(child, signal.SIGKILL)


def _kill_quietly(run: "subprocess.Popen[bytes]") -> None:
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()


@contextlib.contextmanager
def _instance(project: TinyProject) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_config(project.environment["DAGSTER_HOME"]) as instance:
        yield instance


def claimed(project: TinyProject) -> int:
    """How many places in the training pool are taken."""
    with _instance(project) as instance:
        return len(instance.event_log_storage.get_concurrency_info("training").claimed_slots)


def statuses(project: TinyProject) -> set[str]:
    """What Dagster believes of its runs."""
    with _instance(project) as instance:
        return {run.status.value for run in instance.get_runs()}


def work_folders(project: TinyProject) -> list[Path]:
    """Unfinished work in the store."""
    return sorted((project.root / "artifacts").glob("*/TaskMaster/.work-*"))
