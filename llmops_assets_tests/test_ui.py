"""`llmops backfills` for programs and before there is one, and numbers of trainings that are none. The rest is in defs/."""

import json

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from llmops_assets.cli import main
from llmops_assets.running import dagster_home
from llmops_assets_tests.tiny_project import TinyProject

PRODUCTS = dg.StaticPartitionsDefinition(["DocWriter"])


@dg.asset(partitions_def=PRODUCTS)
def report() -> None:
    """Always green."""


def ends_with(code: int, *arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == code


def test_before_the_first_backfill_it_says_so(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_project.enter(monkeypatch)
    ends_with(0, "backfills")
    assert capsys.readouterr().out == "no backfill yet\n"


def test_a_backfill_that_is_all_green_ends_with_0_and_is_readable_by_programs(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dagster_home(tiny_project.enter(monkeypatch))
    with dg.DagsterInstance.get() as instance:
        instance.add_backfill(
            PartitionBackfill("one", BulkActionStatus.COMPLETED, False, {}, 0.0, partition_names=["DocWriter"])
        )
        run = dg.materialize([report], partition_key="DocWriter", instance=instance, tags={"dagster/backfill": "one"})
    ends_with(0, "backfills", "--json")
    (shown,) = json.loads(capsys.readouterr().out)
    assert shown["id"] == "one"
    assert shown["products"] == [{"product": "DocWriter", "end": "green", "details": [], "run_id": run.run_id}]


@pytest.mark.parametrize("command", ["doctor", "dev"])
def test_no_number_of_trainings_is_one_line(
    tiny_project: TinyProject,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    tiny_project.enter(monkeypatch)
    monkeypatch.setenv("LLMOPS_TRAININGS", "many")
    ends_with(1, command)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("llmops: expected a whole number above zero in LLMOPS_TRAININGS, got 'many'")
