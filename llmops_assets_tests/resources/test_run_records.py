"""Dagster's records of old runs go, and what the UI shows of the newest assets stays."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from llmops_assets.resources.run_records import PARTITION, delete_run, old_runs, size_of

PRODUCTS = dg.StaticPartitionsDefinition(["TaskMaster", "DocWriter"])


@dg.asset(partitions_def=PRODUCTS)
def eval_dataset() -> None:
    """Made by every run."""


@dg.asset(partitions_def=PRODUCTS)
def sft_dataset() -> None:
    """Made by the first run only."""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made


def run(instance: DagsterInstance, product: str, *assets: dg.AssetsDefinition) -> str:
    return dg.materialize(list(assets), partition_key=product, instance=instance).run_id


def test_runs_beyond_the_newest_go_with_their_files_and_not_those_that_made_what_is_newest(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    first = run(instance, "TaskMaster", eval_dataset, sft_dataset)
    started = instance.create_run_for_job(
        dg.define_asset_job("job", [eval_dataset]).resolve(
            asset_graph=dg.Definitions([eval_dataset]).resolve_asset_graph()
        ),
        tags={PARTITION: "TaskMaster"},
        status=DagsterRunStatus.STARTED,
    ).run_id
    second, third = (run(instance, "TaskMaster", eval_dataset) for _ in range(2))
    other = run(instance, "DocWriter", eval_dataset)
    run(instance, "TaskMaster", eval_dataset)

    old = old_runs(instance, {"TaskMaster": 1, "": 1})
    assert [each.run_id for each in old] == [third, second]
    assert all(size_of(instance, each) > 10_000 for each in old)
    for each in old:
        delete_run(instance, each)
    assert {each.run_id for each in instance.get_runs()} >= {first, other, started}
    assert [path for each in (second, third) for path in tmp_path.rglob(f"{each}*")] == []
    assert old_runs(instance, {"TaskMaster": 1, "": 1}) == []
    for asset in (eval_dataset, sft_dataset):
        assert instance.get_latest_materialization_event(asset.key) is not None
