"""Everything that can happen to a branch, before a daemon that runs: who is built on which commit, and that nothing is built twice."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llmops_assets_tests.defs.ui_calls import Run, Ui
from llmops_assets_tests.defs.web_server import WebServer, web_server
from llmops_assets_tests.tiny_project import PRODUCTS, TinyProject
from llmops_assets_tests.triggers.data_repository import DataRepository, data_repository

pytestmark = pytest.mark.slow
TASKMASTER, DOCWRITER = "data/raw/TaskMaster/rows.jsonl", "data/raw/DocWriter/rows.jsonl"
BROKEN = {f"data/raw/{product}/rows.jsonl": "no json\n" for product in PRODUCTS}
"""Every run stops at its first step: what starts runs is tested here, not what they make."""
TICKS = """
query Ticks($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor { sensorState {
  ticks(limit: 1) { tickId status endTimestamp error { message } }
} } } }"""


@dataclass
class Branch:
    """A branch, a running daemon that watches it, and the runs that were seen already."""

    repository: DataRepository
    server: WebServer
    seen: set[str] = field(default_factory=set)

    def asked(self, commit: str = "") -> dict[str, str]:
        """Product -> the commit of its run, of all that the next look of the sensor leads to."""
        new = self.new_runs()
        found = {run.product: run.tags["llmops/data_commit"] for run in new}
        assert len(found) == len(new)
        assert not commit or set(found.values()) == {commit}
        return found

    def new_runs(self) -> list[Run]:
        """The runs not seen yet, after the next look, when all have ended; the oldest first."""
        self.next_look()
        self.server.wait(lambda: all(run.over for run in self._runs()))
        new = [run for run in self._runs() if run.id not in self.seen]
        self.seen |= {run.id for run in new}
        return new

    def next_look(self) -> str:
        """Waits for the end of a look that begins from now on; its status."""
        last = self._tick()["tickId"]
        self.server.wait(lambda: self._tick()["tickId"] != last and self._tick()["endTimestamp"] is not None)
        return str(self._tick()["status"])

    def keys(self) -> Counter[str]:
        """Run keys of all runs."""
        return Counter(run.tags["dagster/run_key"] for run in self._runs())

    def _runs(self) -> list[Run]:
        return Ui(self.server).runs(tags=[{"key": "dagster/sensor_name", "value": "data_branch_changed"}])

    def _tick(self) -> dict[str, str]:
        sensor = {
            "repositoryLocationName": "llmops_assets",
            "repositoryName": "__repository__",
            "sensorName": "data_branch_changed",
        }
        ticks = self.server.ask(TICKS, sensor=sensor)["sensorState"]["ticks"]
        return dict(ticks[0]) if ticks else {"tickId": "", "status": "", "endTimestamp": ""}


@pytest.fixture
def branch(tiny_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Branch]:
    repository = data_repository(tmp_path / "data")
    monkeypatch.setenv("LLMOPS_DATA_REPOSITORY", f"file://{repository.remote}")
    monkeypatch.setenv("LLMOPS_AUTOMATION", "data_branch_changed")
    with web_server(tiny_project) as server:
        yield Branch(repository, server)


@pytest.mark.timeout(1800)
def test_a_branch_s_life(branch: Branch) -> None:
    repository = branch.repository

    def change(*files: str, text: str) -> str:
        return repository.push({file: f"no json: {text}\n" for file in files})

    assert branch.asked() == {}  # an empty repository

    first = repository.push(BROKEN)
    assert branch.asked(first).keys() == set(PRODUCTS)
    assert branch.asked() == {}  # broken data are not tried for ever

    second = change(TASKMASTER, text="one product")
    assert branch.asked(second).keys() == {"TaskMaster"}

    repository.commit({TASKMASTER: "no json: two commits\n"})
    third = change(DOCWRITER, text="two commits")
    assert branch.asked(third).keys() == {"TaskMaster", "DocWriter"}

    change("README.md", text="words")
    assert branch.asked() == {}

    repository.git("push", "--quiet", "--force", "origin", f"{first}:main")
    assert branch.asked(first).keys() == {"TaskMaster", "DocWriter"}

    repository.git("push", "--quiet", "--force", "origin", "main")
    assert branch.asked().keys() == {"TaskMaster", "DocWriter"}
    repository.git("commit", "--quiet", "--amend", "--message", "the same files under other words")
    repository.git("push", "--quiet", "--force", "origin", "main")
    assert branch.asked() == {}

    repository.git("push", "--quiet", "origin", "--delete", "main")
    assert branch.asked() == {}
    back = change(DOCWRITER, text="the branch is back")
    assert branch.asked(back).keys() == {"DocWriter"}

    away = repository.remote.with_suffix(".away")
    shutil.move(repository.remote, away)
    assert branch.next_look() == "FAILURE"
    assert branch.asked() == {}
    shutil.move(away, repository.remote)
    here = change(TASKMASTER, text="the remote is back")
    assert branch.asked(here).keys() == {"TaskMaster"}

    for number in range(50):
        last = change(TASKMASTER, text=f"push {number}")
    runs = [*branch.new_runs(), *branch.new_runs()]
    assert [run.tags["llmops/data_commit"] for run in runs][-1] == last
    assert len(runs) <= 3
    assert {run.product for run in runs} == {"TaskMaster"}

    assert set(branch.keys().values()) == {1}
