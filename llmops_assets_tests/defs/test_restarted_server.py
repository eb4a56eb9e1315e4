"""The daemon or everything is killed in the middle, and started again: what waited runs, what died is closed and tried again."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from llmops_assets.pipeline import graph
from llmops_assets_tests.defs.ui_calls import Run, Ui
from llmops_assets_tests.defs.web_server import WebServer, web_server
from llmops_assets_tests.striking import Moment
from llmops_assets_tests.tiny_project import PRODUCTS, TinyProject
from llmops_assets_tests.training.killing import gone_within

CURATION = [node.name for node in graph.NODES if node.stage == "data"]
SFT_BEGUN = Moment("sft_adapter")


@pytest.fixture
def project(tiny_project: TinyProject) -> Iterator[TinyProject]:
    """Nothing is made yet."""
    yield tiny_project
    tiny_project.stop_server()


def daemon_of(server: WebServer) -> psutil.Process:
    """The one daemon that `llmops dev` started."""
    started = psutil.Process(server.pid).children(recursive=True)
    (daemon,) = [process for process in started if "dagster._daemon" in process.cmdline()]
    return daemon


def made_anew(ui: Ui, runs: list[Run], asset: str) -> list[str]:
    """The products of runs that made an asset rather than took it from the cache."""
    return sorted(run.product for run in runs if ui.made(run.id).get(asset) is False)


@pytest.mark.slow
def test_a_backfill_outlives_its_daemon_and_makes_nothing_twice(project: TinyProject) -> None:
    with web_server(project) as server:
        ui = Ui(server)
        backfill = ui.backfill(CURATION, PRODUCTS)
        server.wait(lambda: any(run.status == "STARTED" for run in ui.runs(backfill)))
        daemon_of(server).kill()
        assert gone_within(server.pid, 60), "dagster dev ends with its daemon"
        with web_server(project) as restarted:
            ui = Ui(restarted)
            assert ui.ended_backfill(backfill, len(PRODUCTS)) == dict.fromkeys(PRODUCTS, "SUCCESS")
            runs = ui.runs(backfill)
            assert len(runs) == len(PRODUCTS)
            for asset in CURATION:
                assert made_anew(ui, runs, asset) == sorted(PRODUCTS)


def test_a_training_that_died_with_the_server_is_closed_and_tried_again(
    project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.change_recipe("TaskMaster", {"training": {"sft_epochs": 4000}})
    with web_server(project) as server:
        died = Ui(server).launch([*CURATION, "sft_adapter"], "TaskMaster")
        server.wait(lambda: SFT_BEGUN.child(project) is not None)
        os.killpg(server.pid, signal.SIGKILL)
    project.change_recipe("TaskMaster", {"training": {"sft_epochs": 1}})
    monkeypatch.setenv("LLMOPS_TRAININGS", "2")
    with web_server(project) as restarted:
        ui = Ui(restarted)
        assert ui.run(died).status == "FAILURE"
        assert died not in {slot["runId"] for slot in ui.pool()["claimedSlots"]}
        assert ui.pool()["limit"] == 2
        again = [{"key": "dagster/parent_run_id", "value": died}]
        restarted.wait(lambda: bool(ui.runs(tags=again)))
        (retry,) = ui.runs(tags=again)
        assert ui.ended(retry.id).status == "SUCCESS"
        assert ui.made(retry.id) == {"sft_adapter": False}
        assert "trainings at once: 2; LLMOPS_TRAININGS says so" in restarted.log.read_text(encoding="utf-8")
