"""`kill -9` of the training child, of the run, and of all at once, in SFT, in DPO and in export: nothing finished is lost."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets.pipeline import graph
from llmops_assets_tests.striking import DPO, EXPORT, SFT, Moment, Victim, claimed, statuses, strike, work_folders
from llmops_assets_tests.tiny_project import TinyProject

CHANGED = {
    "training": {"sft_epochs": 12, "dpo_epochs": 8, "checkpoint_every_n_steps": 4},
    "product": {"version": "0.2.0", "releases": [{"version": "0.2.0", "date": "2026-11-25", "changes": ["longer"]}]},
}
"""More steps with checkpoints among them, and so a new release."""
ROUNDS: list[tuple[tuple[Moment, Victim], ...]] = [
    ((SFT, "child"), (DPO, "worker"), (EXPORT, "group")),
    ((SFT, "worker"), (DPO, "group"), (EXPORT, "child")),
    ((SFT, "group"), (DPO, "child"), (EXPORT, "worker")),
]
FAILED, KILLED = 1, -9


@pytest.fixture
def project(made_project: TinyProject, tmp_path: Path) -> Iterator[TinyProject]:
    """Its data are made; its training has changed, so all from there on is to be made."""
    copy = made_project.copy(tmp_path / "project")
    copy.change_recipe("TaskMaster", CHANGED)
    yield copy
    copy.stop_server()


def cached_in(output: str) -> set[str]:
    return set(re.findall(r"^\[(\w+)\] .* cached, gates green$", output, re.MULTILINE))


@pytest.mark.parametrize(
    "strikes",
    [ROUNDS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in ROUNDS[1:])],
    ids=lambda strikes: "-".join(f"{victim}_in_{moment.asset}" for moment, victim in strikes),
)
def test_a_killed_run_is_gone_on_with(project: TinyProject, strikes: tuple[tuple[Moment, Victim], ...]) -> None:
    for moment, victim in strikes:
        before = project.store.find(moment.asset, "TaskMaster")
        struck = strike(project, moment, victim)
        assert struck.survivors == []
        assert struck.code == (FAILED if victim == "child" else KILLED)
        assert struck.errors == [] if victim != "child" else "was killed by SIGKILL" in struck.errors[0]
        assert project.store.find(moment.asset, "TaskMaster") == before
        if moment.checkpoints:
            assert claimed(project) == (0 if victim == "child" else 1)

    done = project.llmops("run", "TaskMaster", timeout=500)
    assert project.result()["success"]
    assert cached_in(done.stdout) >= {
        "curated_conversations",
        "sft_dataset",
        "sft_adapter",
        "merged_model",
        "dpo_model",
    }
    for asset in (SFT.asset, DPO.asset):
        assert project.store.latest(asset, "TaskMaster").metadata["shown"]["resumed_from_step"] > 0
    for node in graph.NODES:
        project.store.verify(project.store.latest(node.name, "TaskMaster"))
    assert work_folders(project) == []
    assert claimed(project) == 0
    assert statuses(project) == {"SUCCESS", "FAILURE"}
