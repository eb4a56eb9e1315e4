"""The three sensors that tell people, on a little project whose runs really fail, over real HTTP."""

import json
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from llmops_assets.definitions import defs
from llmops_assets.defs import notifications
from llmops_assets.errors import LLMOpsError
from llmops_assets.resources.notifier import NotifierResource
from llmops_assets.storage.atomic import write_text
from llmops_assets_tests.notifying.listening import HttpServer, http_server
from llmops_assets_tests.tiny_project import RED_DATA, TinyProject

NAMES = ("run_failed", "gate_failed", "version_released")


@dataclass
class Told:
    """A project whose webhook is a server of this test, and an instance that keeps its runs."""

    project: TinyProject
    server: HttpServer
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def build(self, asset: str) -> bool:
        """One asset of TaskMaster, and nothing above or below it."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(asset)]
        done = job.execute_in_process(
            asset_selection=keys, partition_key="TaskMaster", instance=self.instance, raise_on_error=False
        )
        return done.success

    def die(self, **tags: str) -> None:
        """A run of DocWriter's data stage is killed before its first step."""
        job = self.definitions.resolve_job_def("build_data")
        tagged = {"dagster/partition": "DocWriter", **{f"dagster/{name}": value for name, value in tags.items()}}
        self.instance.report_run_failed(self.instance.create_run_for_job(job, tags=tagged), "The process was killed.")

    def tick(self, name: str) -> str:
        sensor = getattr(notifications, name)
        context = dg.build_sensor_context(instance=self.instance, resources={"notifier": NotifierResource()})
        return str(sensor.evaluate_tick(context).skip_message)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture
def told(tiny_project: TinyProject, definitions: dg.Definitions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    tiny_project.enter(monkeypatch)
    monkeypatch.delenv("LLMOPS_SLACK_WEBHOOK_URL", raising=False)
    monkeypatch.setenv("LLMOPS_UI_URL", "https://dagster.example.org")
    with http_server() as server, dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("LLMOPS_WEBHOOK_URL", server.url)
        yield Told(tiny_project, server, definitions, instance)


def test_a_step_that_fails_again_is_told_once_and_once_more_when_it_is_built(told: Told) -> None:
    rows = told.project.root / "data" / "raw" / "TaskMaster" / "rows.jsonl"
    good = rows.read_text(encoding="utf-8")
    rows.unlink()
    assert not told.build("curated_conversations")
    assert told.tick("run_failed") == "1 told"
    assert not told.build("curated_conversations")
    assert told.tick("run_failed") == "0 told"
    write_text(rows, good)
    assert told.build("curated_conversations")
    assert [told.tick("run_failed"), told.tick("run_failed")] == ["1 told", "0 told"]
    assert told.server.headlines == [
        "TaskMaster 0.1.0: failed: curated_conversations",
        "TaskMaster 0.1.0: built again: curated_conversations",
    ]
    first = json.loads(told.server.received[0].body)
    assert first["link"].startswith("https://dagster.example.org/runs/")
    assert "expected" in first["details"][0]


def test_a_red_gate_is_told_as_such_and_not_as_a_failed_run(told: Told) -> None:
    told.project.change_recipe("TaskMaster", RED_DATA)
    assert not told.build("curated_conversations")
    assert [told.tick("run_failed"), told.tick("gate_failed"), told.tick("gate_failed")] == [
        "0 told",
        "1 told",
        "0 told",
    ]
    told.project.change_recipe("TaskMaster", {"data": {"coverage_minima": {"list": 10}}})
    assert told.build("curated_conversations")
    assert told.tick("gate_failed") == "1 told"
    assert told.server.headlines == [
        "TaskMaster 0.1.0: red: coverage of curated_conversations",
        "TaskMaster 0.1.0: green again: coverage of curated_conversations",
    ]
    assert {row["metric"]: row["outcome"] for row in json.loads(told.server.received[0].body)["gates"]}[
        "coverage"
    ] == "failed"


def test_a_run_that_died_before_a_step_is_told_under_its_job_unless_dagster_starts_it_again(told: Told) -> None:
    told.die(will_retry="true")
    assert told.tick("run_failed") == "0 told"
    told.die()
    assert [told.tick("run_failed"), told.tick("run_failed")] == ["1 told", "0 told"]
    assert told.server.headlines == ["DocWriter 0.1.0: failed: build_data"]


def test_a_channel_that_a_recipe_asks_for_and_lacks_is_named_in_every_tick(told: Told) -> None:
    told.project.change_recipe("DocWriter", {"monitoring": {"alert_channels": ["slack"]}})
    assert told.tick("version_released") == "0 told; DocWriter: slack: LLMOPS_SLACK_WEBHOOK_URL is not set"


@pytest.mark.parametrize("name", NAMES)
def test_the_ui_says_what_a_sensor_does_and_costs(name: str) -> None:
    sensor = getattr(notifications, name)
    assert "Costs" in sensor.description
    assert "starts nothing" in sensor.description


@pytest.mark.parametrize(
    ("value", "running"),
    [("", set()), ("off", set()), ("on", set(NAMES)), ("gate_failed, run_failed", {"gate_failed", "run_failed"})],
)
def test_one_variable_switches_them_on(value: str, running: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_AUTOMATION", value)
    fresh = runpy.run_path(str(Path(notifications.__file__)))
    assert {name for name in NAMES if fresh[name].default_status == dg.DefaultSensorStatus.RUNNING} == running


def test_a_name_that_nothing_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_AUTOMATION", "gate_faild")
    with pytest.raises(LLMOpsError, match=r"expected LLMOPS_AUTOMATION to be on, off or names of .*, got 'gate_faild'"):
        runpy.run_path(str(Path(notifications.__file__)))
