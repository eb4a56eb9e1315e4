"""What a killed run leaves in Dagster's instance, and that the next one clears it away; a living run is left alone."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from llmops_assets.resources.dead_runs import end_dead_runs

REAL = Path(__file__).resolve().parents[2]
RUN = textwrap.dedent(
    """
    import time
    from pathlib import Path
    import dagster as dg

    @dg.asset(pool="training")
    def slow():
        Path("working").touch()
        time.sleep(600)

    with dg.DagsterInstance.get() as instance:
        dg.materialize([slow], instance=instance)
    """
)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text((REAL / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with DagsterInstance.get() as made:
        yield made


@pytest.fixture
def run(instance: DagsterInstance, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A run that holds the training pool."""
    process = subprocess.Popen([sys.executable, "-c", RUN], cwd=tmp_path, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not (tmp_path / "working").exists() and time.monotonic() < end:
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()


def claimed(instance: DagsterInstance) -> int:
    return len(instance.event_log_storage.get_concurrency_info("training").claimed_slots)


def test_a_killed_run_is_closed_and_its_place_in_the_pool_is_free(
    instance: DagsterInstance, run: "subprocess.Popen[bytes]"
) -> None:
    assert end_dead_runs(instance) == []
    assert claimed(instance) == 1
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert claimed(instance) == 1
    (stored,) = instance.get_runs()
    assert end_dead_runs(instance) == [stored.run_id]
    assert claimed(instance) == 0
    assert instance.get_runs()[0].status is DagsterRunStatus.FAILURE
    assert end_dead_runs(instance) == []
